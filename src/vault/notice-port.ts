/**
 * What the vault does for notices: it makes their codes, keeps what is needed to know a notice again, and compares. What it
 * keeps are keyed hashes that name no person; nothing of it can be opened, by anybody.
 */
import type { NoticeLanguage, PersonalParagraph } from '#model/notice-text.ts'

export interface NoticeVersion {
  /** 16 random bytes as hex digits. */
  versionId: string
  incident: number
  version: number
}

/** What everybody reads who gets a version in one shape and one language. */
export interface NoticeSheet {
  shape: string
  language: NoticeLanguage
  /** Canonical paragraphs, as `noticeParagraphs` gives them. */
  common: readonly string[]
  /** What stands in the mail's head; absent: nothing can be said of it. */
  subject?: string
}

export interface KeptNotice {
  code: string
  address: string
  shape: string
  language: NoticeLanguage
  /** UTC day of sending, as `dayOf` counts. */
  day: number
  personal: readonly PersonalParagraph[]
}

/** A code that was tried from many networks within a day: somebody may be sending it around. */
export interface NoticeAlert {
  incident: number
  version: number
  at: number
  networks: number
}

export const NOTICES_AT_ONCE = 5000

export interface NoticeVault extends NoticeCheckVault {
  /** The codes of some people's notices, in order; the same whenever they are asked for. Keeps nothing. */
  issueNotices(version: Pick<NoticeVersion, 'versionId'>, people: readonly { person: number; address: string }[]): Promise<string[]>
  /** Before the first `keepNotices` that names one of them. Durable on return; may be repeated. */
  keepSheets(version: NoticeVersion, sheets: readonly NoticeSheet[]): Promise<void>
  /** At most `NOTICES_AT_ONCE`; before the mails go out. Durable on return; may be repeated. */
  keepNotices(version: Pick<NoticeVersion, 'versionId'>, notices: readonly KeptNotice[]): Promise<void>
  noticeAlerts(): Promise<NoticeAlert[]>
}

/** Words of all texts of one question, and their characters. */
export const QUESTION_LIMITS = { texts: 8, words: 12_000, characters: 300_000 } as const

export interface NoticeQuestion {
  code: string
  address: string
  /** Canonical words of each text that is to be compared: the two forms of a mail are two. */
  texts: readonly (readonly string[])[]
  /** Of the mail, without what a program puts in front when it forwards. */
  subject?: string
  /** Where the question comes from; absent when that says nothing. */
  network?: string
}

export interface TextComparison {
  /** How many paragraphs the notice has. */
  paragraphs: number
  /** Places of those that are not in the text. */
  missing: number[]
  /** [from, to) in the text's words: what is not in the notice. */
  foreign: [from: number, to: number][]
  inOrder: boolean
}

/** An unknown code, and a known one of another address, are one answer. `isSubject`: null where none was given or kept. */
export type NoticeAnswer =
  | { fits: false }
  | {
      fits: true
      incident: number
      version: number
      language: NoticeLanguage
      day: number
      isSubject: boolean | null
      texts: TextComparison[]
    }

export interface NoticeCheckVault {
  checkNotice(question: NoticeQuestion): Promise<NoticeAnswer>
}

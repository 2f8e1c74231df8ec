/** Codes of notices, and what is kept to know a notice again. */
import { createHash, type KeyObject, timingSafeEqual } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import { canonicalWords, CODE_SECRET_BYTES, formatNoticeCode, parseNoticeCode, wordCount } from '#model/notice-text.ts'
import { canonicalEmail } from './canonical.ts'
import { LABELS } from './labels.ts'
import {
  alignWords,
  decodeMarks,
  encodeMarks,
  type ExpectedParagraph,
  MAC_BYTES,
  type MarkMaker,
  type ParagraphMark,
  START_BYTES,
} from './notice-alignment.ts'
import {
  type KeptNotice,
  type NoticeAlert,
  type NoticeAnswer,
  type NoticeQuestion,
  type NoticeSheet,
  NOTICES_AT_ONCE,
  type NoticeVault,
  type NoticeVersion,
  QUESTION_LIMITS,
} from './notice-port.ts'
import type { NoticeRow } from './notice-rows.ts'
import { NoticeUses } from './notice-uses.ts'
import type { Rows } from './rows.ts'
import { bind, deriveKey, hmac, takeKey } from './seal.ts'

const VERSION_ID = /^[0-9a-f]{32}$/
const ADDRESS_CHARACTERS_MAX = 1000
const PARAGRAPHS_MAX = 5000
/** As many paragraphs as a notice has, of which none is in any text: a question about nothing takes as long as one about a notice. */
const DECOYS = 24

export class NoticeKeeping implements NoticeVault {
  readonly #rows: Rows
  readonly #keys: { code: KeyObject; check: KeyObject; fit: KeyObject; text: KeyObject }
  readonly #uses: NoticeUses

  /** All keys come from `secret`, which is as old as the instance and is never destroyed: a notice can be checked for years. */
  constructor(parts: { secret: KeyObject; rows: Rows; now: () => number }) {
    const { secret, rows, now } = parts
    this.#rows = rows
    this.#keys = {
      code: deriveKey(secret, LABELS.noticeCode),
      check: deriveKey(secret, LABELS.noticeCheck),
      fit: deriveKey(secret, LABELS.noticeFit),
      text: deriveKey(secret, LABELS.noticeText),
    }
    const key = deriveKey(secret, LABELS.noticeReplay)
    this.#uses = new NoticeUses({ key, rows: rows.notices, transact: (write) => rows.transact(write), now })
  }

  async issueNotices(
    { versionId }: Pick<NoticeVersion, 'versionId'>,
    people: readonly { person: number; address: string }[],
  ): Promise<string[]> {
    checkVersion(versionId)
    const tag = Buffer.from(versionId, 'hex')
    return people.map(({ person, address }) => {
      const secret = hmac(this.#keys.code, bind(versionId, canonicalEmail(checkAddress(address)), person))
      return formatNoticeCode(tag, secret.subarray(0, CODE_SECRET_BYTES)).text
    })
  }

  async keepSheets(version: NoticeVersion, sheets: readonly NoticeSheet[]): Promise<void> {
    checkVersion(version.versionId)
    const { notices } = this.#rows
    this.#rows.transact(() => {
      const number = notices.addVersion(version)
      for (const { shape, language, common, subject } of sheets) {
        if (common.length > PARAGRAPHS_MAX) throw new BulkheadError('vault_refused', 'a notice does not have so many paragraphs')
        const maker = this.#sheetMaker(version.versionId, shape, language)
        const marks = encodeMarks(common.map((paragraph) => markOf(maker, paragraph)))
        notices.putSheet(number, shape, language, marks, subject === undefined ? null : maker.subject(subject))
      }
    })
  }

  async keepNotices({ versionId }: Pick<NoticeVersion, 'versionId'>, kept: readonly KeptNotice[]): Promise<void> {
    checkVersion(versionId)
    if (kept.length > NOTICES_AT_ONCE) throw new BulkheadError('vault_refused', `at most ${NOTICES_AT_ONCE} notices at once`)
    const { notices } = this.#rows
    this.#rows.transact(() => {
      const number = notices.versionNumber(versionId)
      const sheets = new Map<string, number | undefined>()
      for (const { code: text, address, shape, language, day, personal } of kept) {
        const name = bind(shape, language)
        if (!sheets.has(name)) sheets.set(name, number === undefined ? undefined : notices.sheet(number, shape, language))
        const sheet = sheets.get(name)
        const code = parseNoticeCode(text)?.text
        if (sheet === undefined || code === undefined || personal.length > PARAGRAPHS_MAX) {
          throw new BulkheadError('vault_refused', 'a notice to be kept has no sheet, no code or too many paragraphs')
        }
        const maker = this.#noticeMaker(code)
        notices.putNotice({
          code: this.#codeMac(code),
          fits: this.#fit(code, checkAddress(address)),
          sheet,
          day,
          places: encodePlaces(personal.map(([place]) => place)),
          marks: encodeMarks(personal.map(([, paragraph]) => markOf(maker, paragraph))),
        })
      }
    })
  }

  /**
   * An unknown code and a known one of another address go the same way: one look-up, one comparison, the same texts against
   * paragraphs that are in none. What differs is written later and elsewhere (NoticeUses).
   */
  async checkNotice({ code: typed, address, texts, subject, network }: NoticeQuestion): Promise<NoticeAnswer> {
    checkSize(texts)
    const code = parseNoticeCode(typed)?.text ?? ''
    const mac = this.#codeMac(code)
    const row = this.#rows.notices.notice(mac)
    const isSame = timingSafeEqual(this.#fit(code, address.slice(0, ADDRESS_CHARACTERS_MAX)), row?.fits ?? Buffer.alloc(MAC_BYTES))
    if (row !== undefined && network !== undefined) this.#uses.count(mac, { incident: row.incident, version: row.version }, network)
    const fits = row !== undefined && isSame
    const expected = fits ? this.#expected(row, code) : this.#decoys(code)
    const compared = []
    for (const words of texts) compared.push(await alignWords(words, expected))
    if (!fits) return { fits: false }
    const { incident, version, language, day } = row
    const kept = row.subject
    const isSubject =
      kept === null || subject === undefined
        ? null
        : timingSafeEqual(this.#sheetMaker(row.versionId, row.shape, row.language).subject(subject), kept)
    return { fits, incident, version, language, day, isSubject, texts: compared }
  }

  async noticeAlerts(): Promise<NoticeAlert[]> {
    this.#uses.write()
    return this.#rows.notices.alerts()
  }

  stop(): void {
    this.#uses.write()
  }

  #codeMac(code: string): Buffer {
    return hmac(this.#keys.check, code).subarray(0, MAC_BYTES)
  }

  #fit(code: string, address: string): Buffer {
    return hmac(this.#keys.fit, bind(code, canonicalEmail(address))).subarray(0, MAC_BYTES)
  }

  #sheetMaker(versionId: string, shape: string, language: string): SheetMaker {
    return markMaker(takeKey(hmac(this.#keys.text, bind('sheet', versionId, shape, language))))
  }

  #noticeMaker(code: string): SheetMaker {
    return markMaker(takeKey(hmac(this.#keys.text, bind('notice', code))))
  }

  /** All paragraphs of a notice in their order: each personal one at its place, the common ones around them. */
  #expected(row: NoticeRow, code: string): ExpectedParagraph[] {
    const sheet = this.#sheetMaker(row.versionId, row.shape, row.language)
    const notice = this.#noticeMaker(code)
    const all = decodeMarks(row.common).map((mark) => ({ ...mark, maker: sheet }))
    const places = decodePlaces(row.places)
    decodeMarks(row.marks).forEach((mark, index) => {
      all.splice(places[index] as number, 0, { ...mark, maker: notice })
    })
    return all
  }

  #decoys(code: string): ExpectedParagraph[] {
    const makers = [this.#sheetMaker('', '', ''), this.#noticeMaker(code)] as const
    return Array.from({ length: DECOYS }, (_, index) => {
      const filler = createHash('sha256').update(`decoy ${index}`).digest()
      const start = filler.subarray(0, START_BYTES)
      return { words: 12, start, mac: filler.subarray(START_BYTES, START_BYTES + MAC_BYTES), maker: makers[index < DECOYS - 2 ? 0 : 1] }
    })
  }
}

interface SheetMaker extends MarkMaker {
  subject(subject: string): Buffer
}

/** Each use of the key has its own first letter. */
function markMaker(key: KeyObject): SheetMaker {
  return {
    start: (word) => hmac(key, `w${word}`).subarray(0, START_BYTES),
    whole: (paragraph) => hmac(key, `p${paragraph}`).subarray(0, MAC_BYTES),
    subject: (subject) => hmac(key, `s${canonicalWords(subject).join(' ')}`).subarray(0, MAC_BYTES),
  }
}

function markOf(maker: MarkMaker, paragraph: string): ParagraphMark {
  const first = paragraph.split(' ', 1)[0] as string
  if (first === '') throw new BulkheadError('vault_refused', 'a paragraph of a notice is empty')
  return { words: wordCount(paragraph), start: maker.start(first), mac: maker.whole(paragraph) }
}

function encodePlaces(places: readonly number[]): Buffer {
  const isAscending = places.every((place, index) => Number.isSafeInteger(place) && place >= 0 && place > (places[index - 1] ?? -1))
  if (!isAscending) throw new BulkheadError('vault_refused', 'the paragraphs of a notice are not in order')
  const bytes = Buffer.alloc(places.length * 4)
  places.forEach((place, index) => bytes.writeUInt32LE(place, index * 4))
  return bytes
}

function decodePlaces(bytes: Uint8Array): number[] {
  const buffer = Buffer.from(bytes)
  return Array.from({ length: buffer.length / 4 }, (_, index) => buffer.readUInt32LE(index * 4))
}

function checkVersion(versionId: string): void {
  if (!VERSION_ID.test(versionId)) throw new BulkheadError('vault_refused', 'a notice is named by 32 hex digits')
}

function checkAddress(address: string): string {
  if (address.length > 0 && address.length <= ADDRESS_CHARACTERS_MAX) return address
  throw new BulkheadError('vault_refused', 'a notice goes to an address')
}

function checkSize(texts: NoticeQuestion['texts']): void {
  const words = texts.reduce((sum, text) => sum + text.length, 0)
  const characters = texts.reduce((sum, text) => sum + text.reduce((length, word) => length + word.length, 0), 0)
  const { texts: textsMax, words: wordsMax, characters: charactersMax } = QUESTION_LIMITS
  if (texts.length <= textsMax && words <= wordsMax && characters <= charactersMax) return
  throw new BulkheadError('vault_refused', 'a question about a notice is not as long as that')
}

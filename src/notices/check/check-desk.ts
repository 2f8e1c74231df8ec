/** Answers whether something is a notice of ours: read, ask the vault, judge. The check page and the command line ask here. */
import { BulkheadError } from '#base/errors.ts'
import { parseNoticeCode } from '#model/notice-text.ts'
import { type NoticeAnswer, type NoticeCheckVault, QUESTION_LIMITS } from '#vault/notice-port.ts'
import { addressesShown, addressAsked } from './addresses.ts'
import { type Finding, finding, type OfficialMarks } from './read-notice.ts'
import type { NoticeReader } from './reader.ts'
import { type Judgement, judge, subjectOf } from './verdict.ts'

const AT_ONCE_MAX = 32
const VAULT_TIMEOUT_MS = 8000

export interface CheckQuestion {
  code?: string
  address?: string
  /** A mail as it was saved, or text. */
  content?: Uint8Array
  /** Where the question comes from, where that says something. */
  network?: string
  /** Told how long it took to read what was given. */
  spent?: (ms: number) => void
}

export interface CheckDeskParts {
  vault: NoticeCheckVault
  marks: OfficialMarks
  reader: NoticeReader
}

export class CheckDesk {
  readonly #parts: CheckDeskParts
  #running = 0

  constructor(parts: CheckDeskParts) {
    this.#parts = parts
  }

  async check(question: CheckQuestion): Promise<Judgement> {
    if (this.#running >= AT_ONCE_MAX) return busy()
    this.#running++
    try {
      return await this.#check(question)
    } finally {
      this.#running--
    }
  }

  async #check({ code: typed = '', address: given = '', content, network, spent }: CheckQuestion): Promise<Judgement> {
    const { marks, reader } = this.#parts
    const address = given.trim() === '' ? undefined : given.trim().slice(0, 1000)
    const read = content === undefined || content.length === 0 ? undefined : await reader.read({ bytes: content, marks, address }, spent)
    if (read === 'busy') return busy()
    const findings: Finding[] = read === 'unreadable' ? [finding('unreadable')] : [...(read?.findings ?? [])]
    const whole = read === 'unreadable' ? undefined : read
    const texts = (whole?.texts ?? []).map(({ lines }) => lines.flatMap(({ words }) => words))
    const isLong = !fitsLimits(texts)
    if (isLong) findings.push(finding('too_large'))
    const code = typed.trim() === '' ? undefined : parseNoticeCode(typed)
    if (typed.trim() !== '' && code === undefined) findings.push(finding('code_form', { company: marks.company }))
    const codes = typed.trim() === '' ? (whole?.codes ?? []) : code === undefined ? [] : [code.text]
    const addresses = (address === undefined ? (whole?.addresses ?? []) : [address]).map(addressAsked)
    const subject = subjectOf(whole)
    const asked = {
      texts: isLong ? [] : texts,
      ...(subject === undefined ? {} : { subject }),
      ...(network === undefined ? {} : { network }),
    }
    const found = await this.#ask(codes, addresses, asked)
    if (found?.answer.fits === true && address === undefined) findings.push(finding('address_from_mail', { address: found.address }))
    return judge({
      read: whole,
      marks,
      answer: found?.answer,
      hasCode: codes.length > 0,
      recipients: addresses.flatMap(addressesShown),
      findings,
      isOtherCode: code !== undefined && (whole?.codes ?? []).length > 0 && whole?.codes.includes(code.text) === false,
    })
  }

  /** The first code that fits one of the addresses; else the last answer. Undefined: nothing could be asked. */
  async #ask(
    codes: readonly string[],
    addresses: readonly string[],
    asked: { texts: string[][]; subject?: string; network?: string },
  ): Promise<{ answer: NoticeAnswer; address: string } | undefined> {
    let last: { answer: NoticeAnswer; address: string } | undefined
    try {
      for (const code of codes) {
        for (const address of addresses) {
          last = { answer: await this.#within(this.#parts.vault.checkNotice({ code, address, ...asked })), address }
          if (last.answer.fits) return last
        }
      }
    } catch (thrown) {
      if (thrown instanceof BulkheadError) return undefined
      throw thrown
    }
    return last
  }

  async #within(answer: Promise<NoticeAnswer>): Promise<NoticeAnswer> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new BulkheadError('vault_unavailable', 'the vault does not answer')), VAULT_TIMEOUT_MS)
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

export function busy(): Judgement {
  return { verdict: 'cannot_tell', reasons: [{ code: 'busy', values: {} }] }
}

function fitsLimits(texts: readonly (readonly string[])[]): boolean {
  const words = texts.reduce((sum, text) => sum + text.length, 0)
  const characters = texts.reduce((sum, text) => sum + text.reduce((length, word) => length + word.length, 0), 0)
  return texts.length <= QUESTION_LIMITS.texts && words <= QUESTION_LIMITS.words && characters <= QUESTION_LIMITS.characters
}

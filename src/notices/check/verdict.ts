/**
 * The verdict, from what was read and what the vault knows. `genuine` needs a code that fits the address and, where there is
 * a text, every word of that notice and nothing else; whatever is odd besides makes it `altered`. Pure.
 */
import type { NoticeAnswer, TextComparison } from '#vault/notice-port.ts'
import { canonicalWords } from '#model/notice-text.ts'
import { isDate, isGreetedIn, isOurSender, isRecipient, isWrote } from './head-lines.ts'
import { bareSubject, knownLines } from './known-lines.ts'
import { findUnseen, isMixed, shown } from './letters.ts'
import { hostKind, judgeLink, linksIn } from './links.ts'
import { type Finding, type FindingCode, Findings, type OfficialMarks, type ReadNotice, type ReadText } from './read-notice.ts'

export const VERDICTS = ['genuine', 'altered', 'not_ours', 'cannot_tell'] as const
export type Verdict = (typeof VERDICTS)[number]

export type ReasonCode =
  | FindingCode
  | 'busy'
  | 'code_differs'
  | 'code_fits'
  | 'code_not_for_address'
  | 'lines_above'
  | 'lines_known'
  | 'no_address'
  | 'no_code'
  | 'nothing_given'
  | 'only_code'
  | 'subject_differs'
  | 'text_changed'
  | 'text_missing'
  | 'text_order'
  | 'text_other'
  | 'text_same'
  | 'unavailable'

export interface Reason {
  code: ReasonCode
  values: Readonly<Record<string, string>>
}

export interface Judgement {
  verdict: Verdict
  reasons: Reason[]
}

/** Said beside a verdict; they change none. */
const NOTES: readonly FindingCode[] = [
  'address_from_mail',
  'dkim_broken',
  'dkim_good',
  'dkim_none',
  'from_you',
  'link_filtered',
  'signature_added',
]
const BESIDE: readonly ReasonCode[] = ['lines_above', 'lines_known']
/** What cannot be read to its end can be neither right nor wrong. */
const UNREAD: readonly FindingCode[] = ['too_large', 'unreadable', 'encrypted', 'attached_mail']
const QUOTES_MAX = 4

interface JudgedBy {
  marks: OfficialMarks
  /** Addresses that were tried: they may stand anywhere. */
  recipients: readonly string[]
}

interface LinesBy extends JudgedBy {
  /** That was compared. */
  subject: string | undefined
}

export interface ToJudge extends JudgedBy {
  read: ReadNotice | undefined
  /** Of the code and the address that fit, or of the last that were tried; undefined: there was no code or no address. */
  answer: NoticeAnswer | undefined
  hasCode: boolean
  findings: readonly Finding[]
  /** A code was typed, and the text carries another one. */
  isOtherCode: boolean
}

export function judge(given: ToJudge): Judgement {
  const { read, marks, answer, findings } = given
  const notes = findings.filter(({ code }) => NOTES.includes(code))
  const faults = findings.filter(({ code }) => !NOTES.includes(code))
  if (answer?.fits !== true) return unfitting(given, notes, faults)
  const found = new Findings()
  const reasons: Reason[] = []
  const subject = subjectOf(read)
  // A mail in which nothing stands is not the notice, whatever code was typed beside it.
  if (read !== undefined && answer.texts.length === 0 && faults.length === 0) found.add('unreadable')
  for (const [index, compared] of answer.texts.entries()) {
    const text = read?.texts[index]
    if (text !== undefined) reasons.push(...compareText(text, compared, { marks, recipients: given.recipients, subject }, found))
  }
  // An address in brackets is no word of a subject as the vault compares it, and it is read all the same.
  if (answer.isSubject === false || /[<[]\s*(https?:|mailto:)/iu.test(read?.subject ?? ''))
    reasons.push({ code: 'subject_differs', values: { text: shown(read?.subject ?? '') } })
  if (given.isOtherCode) reasons.push({ code: 'code_differs', values: {} })
  reasons.push(...faults, ...found.all())
  const date = new Date(answer.day * 86_400_000).toISOString().slice(0, 10)
  const fits: Reason = { code: 'code_fits', values: { company: marks.company, date, version: String(answer.version) } }
  const mark = read?.subject === undefined ? undefined : bareSubject(read.subject).mark
  if (mark !== undefined) reasons.push({ code: 'lines_known', values: { text: shown(mark) } })
  const above = reasons.filter(({ code }) => BESIDE.includes(code))
  const wrong = once(reasons.filter(({ code }) => !BESIDE.includes(code)))
  if (wrong.length === 0) {
    const same: Reason = { code: read === undefined ? 'only_code' : 'text_same', values: { company: marks.company } }
    return { verdict: 'genuine', reasons: [fits, same, ...once(above), ...notes] }
  }
  const isUnread = wrong.every(({ code }) => (UNREAD as readonly ReasonCode[]).includes(code))
  return { verdict: isUnread ? 'cannot_tell' : 'altered', reasons: [...wrong, fits, ...once(above), ...notes] }
}

/** One answer for every code that fits nothing, whoever's it is; what else is said comes from what was given alone. */
function unfitting(
  { answer, hasCode, read, marks, recipients }: ToJudge,
  notes: readonly Finding[],
  faults: readonly Finding[],
): Judgement {
  const values = { company: marks.company }
  const warnings = once([...faults, ...(read?.strayLinks ?? [])])
  const first = (code: ReasonCode): Reason[] => [{ code, values }, ...warnings.filter((each) => each.code !== code), ...notes]
  if (answer !== undefined) return { verdict: 'not_ours', reasons: first('code_not_for_address') }
  if (!hasCode && faults.some(({ code }) => code === 'code_form')) return { verdict: 'not_ours', reasons: first('code_form') }
  const unread = faults.find(({ code }) => UNREAD.includes(code))
  if (!hasCode) return { verdict: 'cannot_tell', reasons: first(unread?.code ?? (read === undefined ? 'nothing_given' : 'no_code')) }
  return { verdict: 'cannot_tell', reasons: first(recipients.length > 0 ? 'unavailable' : 'no_address') }
}

// ------------------------------------------------------------------------------------------------------- the text

function compareText(text: ReadText, compared: TextComparison, by: LinesBy, found: Findings): Reason[] {
  const { marks } = by
  const reasons: Reason[] = []
  const { missing, paragraphs, foreign, inOrder } = compared
  if (missing.length === paragraphs) return [{ code: 'text_other', values: { company: marks.company } }]
  const words = text.lines.flatMap((line) => line.words)
  for (const [index, [from, to]] of foreign.entries()) {
    const beside = linesBeside(text, { from, to, end: words.length }, by, found)
    if (beside !== undefined) {
      reasons.push(...beside)
      continue
    }
    const passage = words.slice(from, to)
    if (index < QUOTES_MAX) {
      const isOutside = missing.length === 0 && (from === 0 || to === words.length)
      reasons.push({ code: isOutside ? 'text_around' : 'text_changed', values: { text: shown(passage.join(' ')), company: marks.company } })
    }
    nameDeceit(passage, by, found)
  }
  if (missing.length > 0) {
    const numbers = missing.slice(0, 8).map((place) => place + 1)
    const list = `${numbers.join(', ')}${missing.length > numbers.length ? ', …' : ''}`
    reasons.push({ code: 'text_missing', values: { numbers: list, count: String(paragraphs), company: marks.company } })
  }
  if (!inOrder) reasons.push({ code: 'text_order', values: {} })
  return reasons
}

function nameDeceit(passage: readonly string[], { marks, recipients }: JudgedBy, found: Findings): void {
  for (const word of passage) {
    const unseen = findUnseen(word)
    if (unseen !== undefined) found.add('hidden_characters', { what: unseen })
    if (isMixed(word)) found.add('mixed_letters', { text: shown(word) })
  }
  for (const link of linksIn(passage.join(' '))) judgeLink(link, marks, recipients, found)
}

const INTRO =
  /^(forwarded message|original message|begin forwarded message|weitergeleitete nachricht|अग्रेषित (किया गया )?(संदेश|मेल)|मूल संदेश)\s*:?$/iu
const HEADER = /^(from|to|date|sent|subject|reply-to|प्रेषक|से|प्रति|को|दिनांक|तारीख|भेजा गया|विषय)\s*:\s*(.*)$/iu
const SENDER = /^(from|reply-to|प्रेषक|से)$/iu
const RECIPIENT = /^(to|प्रति|को)$/iu
const DATE = /^(date|sent|दिनांक|तारीख|भेजा गया)$/iu
const LINE_MAX = 400

/**
 * What stands above or below the notice, when that is only what a mail program or a filter writes there, with nobody named but us and
 * the recipient. Undefined: somebody's own words.
 */
function linesBeside(text: ReadText, place: { from: number; to: number; end: number }, by: LinesBy, found: Findings): Reason[] | undefined {
  const isAbove = place.from === 0
  if (!isAbove && place.to !== place.end) return undefined
  const lines = linesOf(text, place)
  if (lines === undefined) return undefined
  const known = knownLines(lines, by.marks)
  const isGreeted = (name: string): boolean =>
    isGreetedIn(
      text.lines.map((line) => line.text),
      name,
    )
  const given = { ...by, isGreeted }
  // `On … wrote:` is long and often takes two lines.
  const isWritten = (line = '', next = ''): boolean => line.length + next.length <= LINE_MAX && isWrote(`${line} ${next}`.trim(), by)
  const isFine = (line: string, index: number): boolean =>
    known[index] === true ||
    (isAbove && (isHead(line, given) || isWritten(line) || isWritten(line, lines[index + 1]) || isWritten(lines[index - 1], line)))
  if (!lines.every(isFine)) {
    if (isAbove) for (const line of lines) nameSender(line, by.marks, found)
    return undefined
  }
  const added = lines.filter((_, index) => known[index])
  return [
    ...(added.length < lines.length ? [{ code: 'lines_above' as const, values: {} }] : []),
    ...(added.length > 0 ? [{ code: 'lines_known' as const, values: { text: shown(added.join(' ')) } }] : []),
  ]
}

/** The lines of a passage; undefined: it begins or ends within one. */
function linesOf(text: ReadText, { from, to }: { from: number; to: number }): string[] | undefined {
  const lines: string[] = []
  let count = 0
  for (const { words } of text.lines) {
    if (words.length === 0) continue
    if (count >= to) break
    if (count < from && count + words.length > from) return undefined
    if (count >= from) lines.push(words.join(' '))
    count += words.length
  }
  return count === to ? lines : undefined
}

/** Who else is named as the sender is said by itself: it is what people look at first. */
function nameSender(line: string, marks: OfficialMarks, found: Findings): void {
  const [, name = '', value = ''] = HEADER.exec(line) ?? []
  const address = SENDER.test(name) ? /[^\s<>"]+@[^\s<>"]+/.exec(value)?.[0] : undefined
  if (address === undefined) return
  const kind = hostKind(URL.parse(`https://${address.split('@').at(-1)}`)?.hostname ?? '', marks)
  if (kind !== 'ours') found.add(kind === 'lookalike' ? 'from_lookalike' : 'from_foreign', { address: shown(address) })
}

function isHead(line: string, by: LinesBy & { isGreeted: (name: string) => boolean }): boolean {
  if (line.length > LINE_MAX) return false
  if (INTRO.test(line.replace(/^[-\s]+|[-\s]+$/g, ''))) return true
  const [, name, value = ''] = HEADER.exec(line) ?? []
  if (name === undefined) return false
  if (SENDER.test(name)) return isOurSender(value, by)
  if (RECIPIENT.test(name)) return isRecipient(value, by)
  if (DATE.test(name)) return isDate(value)
  // What the vault compared: the mail's own, or the first one here.
  return by.subject !== undefined && canonicalWords(bareSubject(value).subject).join(' ') === canonicalWords(by.subject).join(' ')
}

/** The subject that a mail, or the lines above a forwarded one, give; without what programs put in front. */
export function subjectOf(read: ReadNotice | undefined): string | undefined {
  if (read === undefined) return undefined
  const lines = read.texts[0]?.lines.slice(0, 20) ?? []
  const inText = lines.flatMap(({ words }) => /^(?:subject|विषय)\s*:\s*(.*)$/iu.exec(words.join(' '))?.[1] ?? [])
  const subject = read.subject ?? inText[0]
  return subject === undefined ? undefined : bareSubject(subject).subject
}

function once(reasons: readonly Reason[]): Reason[] {
  return [...new Map(reasons.map((reason) => [JSON.stringify(reason), reason])).values()]
}

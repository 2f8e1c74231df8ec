/**
 * What mail programs and filters add to every message in fixed words: they ask for nothing but care, so a notice with them around it
 * is still the notice. They are named all the same. Anything else around it is somebody's own words.
 */
import { canonicalWords } from '#model/notice-text.ts'
import type { OfficialMarks } from './read-notice.ts'

const OUTSIDE = [
  'outside of the organization',
  'outside of your organization',
  'outside the organization',
  'outside your organization',
  'outside our organization',
]
const SAFE = ['do not click links or open attachments unless you recognize the sender and know the content is safe.', '']

/** `{sender}`: our own address, which Microsoft's note repeats. */
const SENTENCES: readonly string[] = [
  ...OUTSIDE.flatMap((where) =>
    ['caution: ', '', 'external email: ', 'external: ', '[external] '].flatMap((mark) =>
      ['this email originated from', 'this message originated from', 'this message came from'].flatMap((what) =>
        SAFE.map((care) => `${mark}${what} ${where}. ${care}`.trim()),
      ),
    ),
  ),
  'external email',
  'external sender',
  '[external]',
  '[external email]',
  '[external sender]',
  'caution: external email',
  "you don't often get email from {sender}. learn why this is important",
  "some people who received this message don't often get email from {sender}. learn why this is important",
  'sent from my iphone',
  'sent from my ipad',
  'sent from my android device',
  'sent from outlook for ios',
  'sent from outlook for android',
  'sent from yahoo mail on android',
  'sent from yahoo mail for iphone',
  'मेरे iphone से भेजा गया',
  'मेरे ipad से भेजा गया',
]
const LINES_MAX = 8
const RUNS_MAX = 4

const compared = (text: string): string => canonicalWords(text).join(' ').replaceAll('\u2019', "'").toLowerCase()
const KNOWN: readonly string[] = SENTENCES.map(compared)

/** Which of some lines in a row are such sentences; programs wrap them. Of a row of more than a few none is. */
export function knownLines(lines: readonly string[], { sender }: OfficialMarks): boolean[] {
  const sentences = new Set(KNOWN.map((sentence) => sentence.replace('{sender}', sender.toLowerCase())))
  const known = lines.map(() => false)
  let runs = 0
  for (let from = 0; from < lines.length; ) {
    let to = Math.min(lines.length, from + LINES_MAX)
    while (to > from && !sentences.has(compared(lines.slice(from, to).join(' ')))) to--
    if (to > from) {
      known.fill(true, from, to)
      runs++
    }
    from = Math.max(to, from + 1)
  }
  return runs > RUNS_MAX ? lines.map(() => false) : known
}

/** Microsoft's page about senders whom somebody does not know; its note links there. */
const HELP = 'https://aka.ms/LearnAboutSenderIdentification'

export function isHelpPage(link: string): boolean {
  return link === HELP
}

/** What filters write before a subject. */
const MARK = /^\s*(\[ ?ext(?:ernal)?(?: (?:sender|email))? ?\]|external:)\s*/i
const PREFIX = /^\s*(?:(?:fwd?|re|aw|wg|tr|rv|enc|sv|vs|vb|antw)\s*:\s*)+/i

/** A subject without what programs and filters write in front, and the mark among that. */
export function bareSubject(subject: string): { subject: string; mark?: string } {
  const unprefixed = subject.replace(PREFIX, '')
  const [whole = '', mark] = MARK.exec(unprefixed) ?? []
  const rest = unprefixed.slice(whole.length).replace(PREFIX, '')
  return mark === undefined ? { subject: rest } : { subject: rest, mark }
}

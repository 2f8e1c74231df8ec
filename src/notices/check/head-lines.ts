/**
 * What mail programs show of a mail's head, and write above a mail that is sent on. Only values that are known to be ours or
 * the recipient's are let pass: whatever else stands there is read by somebody, and we did not write it.
 */
import type { OfficialMarks } from './read-notice.ts'

export interface HeadGiven {
  marks: OfficialMarks
  /** Lower case. */
  recipients: readonly string[]
  /** Whether the notice itself calls the recipient so. */
  isGreeted?: (name: string) => boolean
}

const plain = (text: string): string =>
  text
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .trim()
    .replace(/^(["'])(.*)\1$/u, '$2')
    .toLowerCase()

/** A name beside an address of ours: the sender's, the company's, or the address once more. */
export function isOurName(name: string, { marks }: HeadGiven): boolean {
  const known = ['', marks.senderName, marks.company, marks.sender, marks.contactMail ?? ''].map(plain)
  return known.includes(plain(name))
}

export function isOurAddress(address: string, { marks }: HeadGiven): boolean {
  return [marks.sender, marks.contactMail].includes(address.toLowerCase())
}

/** The last address in a value, and what stands before it as its name; undefined: anything more, or no address. */
function nameAndAddress(value: string): { name: string; address: string } | undefined {
  const link = String.raw`(?:\s*[<[]?(?:<(mailto:[^\s<>]+)>|(mailto:[^\s<>\]]+))[\]]?)?`
  const [, name = '', bracketed, linked, linkedBare, bare] =
    new RegExp(
      String.raw`^(.{0,120}?)\s*(?:[<[](?:mailto:)?([^\s<>"[\]]+@[^\s<>"[\]]+?)${link}[>\]]|(?<=^|\s)([^\s<>"]+@[^\s<>"]+))$`,
      'iu',
    ).exec(value.trim()) ?? []
  const address = bracketed ?? bare
  const behind = linked ?? linkedBare
  // The address once more, as programs write it behind: any other is read, too.
  if (address === undefined || (behind !== undefined && behind.toLowerCase() !== `mailto:${address}`.toLowerCase())) return undefined
  return { name, address: address.toLowerCase() }
}

/** `Nimbus Notes security <security@example.com>` */
export function isOurSender(value: string, given: HeadGiven): boolean {
  const found = nameAndAddress(value)
  return found !== undefined && isOurAddress(found.address, given) && isOurName(found.name, given)
}

/** The recipient's address, with no name but the address or the one that the notice greets; names are free text. */
export function isRecipient(value: string, { recipients, isGreeted }: HeadGiven): boolean {
  const found = nameAndAddress(value)
  if (found === undefined) return isGreeted?.(value.trim()) === true
  const isNamed =
    ['', found.address].includes(plain(found.name)) || isGreeted?.(found.name.trim().replace(/^(["'])(.*)\1$/u, '$2')) === true
  return recipients.includes(found.address) && isNamed
}

const GREETED_WORDS = 8
const PARTICLE = /^(de|del|della|da|das|di|do|dos|du|la|le|van|von|der|den|ter|bin|bint|ibn|al|el)$/u

/** The name that the notice itself greets: it stands in one of its short lines, which are compared. */
export function isGreetedIn(lines: readonly string[], name: string): boolean {
  const given = name.normalize('NFC').replace(/\s+/gu, ' ').trim()
  if (!/^[\p{L}\p{M}'’.-]+( [\p{L}\p{M}'’.-]+){0,3}$/u.test(given)) return false
  // Written as names are: other words of the notice also stand before a comma.
  if (!given.split(' ').every((word) => /^[\p{Lu}\p{Lo}]/u.test(word) || PARTICLE.test(word))) return false
  return lines.some((line) => {
    const short = line
      .normalize('NFC')
      .trim()
      .replace(/^[>|\s]+/u, '')
    return short.split(/\s+/u).length <= GREETED_WORDS && ` ${short}`.includes(` ${given},`)
  })
}

const DAYS = 'monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tues?|wed|thu(?:rs?)?|fri|sat|sun'
const MONTHS =
  'january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec'
const HINDI =
  'सोम(?:वार)?|मंगल(?:वार)?|बुध(?:वार)?|गुरु(?:वार)?|बृहस्पति(?:वार)?|शुक्र(?:वार)?|शनि(?:वार)?|रवि(?:वार)?|जनवरी|जन॰|फ़रवरी|फरवरी|फ़र॰|मार्च|अप्रैल|मई|जून|जुलाई|जुल॰|अगस्त|अग॰|सितंबर|सितम्बर|सित॰|अक्टूबर|अक्तूबर|अक्टू॰|अक्तू॰|नवंबर|नवम्बर|नव॰|दिसंबर|दिसम्बर|दिस॰|को|बजे'
const SMALL = 'at|am|pm|a\\.m\\.|p\\.m\\.|\\(?(?:utc|gmt|ist|cet|cest|bst|est|edt|cst|cdt|mst|mdt|pst|pdt)\\)?'
const WORD = new RegExp(`^(?:${DAYS}|${MONTHS}|${HINDI}|${SMALL})\\.?$`, 'iu')
/** At most one of each in a date: numbers in a row could be one to call. */
const NUMBERS: readonly RegExp[] = [
  /^([1-9]|[0-3]\d)(st|nd|rd|th)?\.?$/i,
  /^20\d\d$/,
  /^[0-2]?\d[:.][0-5]\d([:.][0-5]\d)?(am|pm)?$/i,
  /^([0-3]?\d[./-][01]?\d[./-](20)?\d\d|[01]?\d\/[0-3]?\d\/(20)?\d\d|20\d\d-[01]\d-[0-3]\d)$/,
  /^(gmt|utc)?[+-][01]\d:?[0-5]\d$/i,
]
const DATE_WORDS_MAX = 12

/** A date and a time as programs write them, and nothing else. */
export function isDate(value: string): boolean {
  const tokens = value
    .replace(/[०-९]/gu, (digit) => String.fromCharCode(digit.charCodeAt(0) - 0x0966 + 0x30))
    .split(/[\s,]+/u)
    .filter((token) => token !== '')
  if (tokens.length === 0 || tokens.length > DATE_WORDS_MAX) return false
  const numbers = tokens.filter((token) => !WORD.test(token)).map((token) => NUMBERS.findIndex((form) => form.test(token)))
  const seen = tokens.filter((token) => WORD.test(token)).map((token) => token.toLowerCase())
  return !numbers.includes(-1) && numbers.length > 0 && new Set(numbers).size === numbers.length && new Set(seen).size === seen.length
}

/** `On Wed, 26 Nov 2025 at 13:30, Nimbus Notes security <security@example.com> wrote:` and its like in Hindi. */
export function isWrote(line: string, given: HeadGiven): boolean {
  const inside = /^on (.{6,300}) wrote\s*:$/iu.exec(line)?.[1] ?? /^(.{6,300}?)\s*ने (?:यह )?लिखा\s*:$/iu.exec(line)?.[1]
  if (inside === undefined) return false
  const found = nameAndAddress(inside)
  if (found === undefined || !isOurAddress(found.address, given)) return false
  // The date and the name stand in one: the name is the longest known one at the end.
  const before = found.name.trim().replace(/["']$/u, '')
  const names = [given.marks.senderName, given.marks.company, given.marks.sender, ''].map(plain)
  return names.some(
    (name) => plain(before).endsWith(name) && isDate(before.slice(0, before.length - name.length).replace(/["'\s,]+$/u, '')),
  )
}

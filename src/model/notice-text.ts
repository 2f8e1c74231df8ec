/**
 * What the parts about notices share: what a notice is made from, how its text is compared after it went through mail
 * programs, clipboards and quotes, and how its code is written and read. The comparison is of words: how lines end, which
 * marks quote or list them, and how much space stands between them says nothing. Every other character counts, those that
 * nobody sees too. The forms are part of the format: MACs of words stand in the vault for years.
 */

/** BCP 47: `en`, `hi`. */
export type NoticeLanguage = string
export type NoticeKind = 'person' | 'organisation'

export interface ExposedField {
  field: string
  form: 'clear' | 'coarse' | 'pseudonym' | 'alias'
  freeText?: true
}

/** What the same data was sent of; everybody of one shape reads the same text in one language. */
export interface NoticeShape {
  key: string
  kind: NoticeKind
  sent: readonly ExposedField[]
  surfaces: readonly string[]
  possibleOnly: boolean
  /** Of `organisation`: the notice lists the members, as far as they can be shown. */
  memberList?: true
}

export type NoticeMeasure = 'cut' | 'deletion-asked' | 'retired' | 'credentials-rotated'

export interface NoticeContact {
  team: string
  mail?: string
  hours?: string
  languages?: readonly string[]
  dpo?: string
}

/** What is the same for everybody who gets this version. All instants UTC ms. */
export interface NoticeSubject {
  incident: number
  version: number
  versionId: string
  correctsVersion?: number
  company: string
  officialDomain: string
  checkUrl: string
  contact: NoticeContact
  vendor: { name: string; what: string }
  times: { eventFrom?: number; eventTo?: number; vendorAware?: number; told?: number; aware?: number }
  zone: string
  /** Who is named as the sender of the mails; it is approved with them. */
  from?: { name: string; address: string }
  /** Fields that were checked, and were not among those that we sent. */
  notSent: readonly string[]
  checked: {
    policyFrom: number
    policyTo: number
    entries: number
    /** When the record of sendings begins, and whether what the vendor held before that is not known. */
    since?: number
    isEarlierUnknown?: boolean
  }
  measures: readonly NoticeMeasure[]
  checkpoint?: { size: number; root: string }
  date: number
}

/** As a server or the directory said it. */
export interface NoticeMember {
  address?: string
  name?: string
}

export interface NoticePerson {
  name?: string
  code: string
  /** `listed`: members who may be shown, at most as many as there are `members`. */
  organisation?: { name?: string; members: number; listed?: readonly NoticeMember[] }
}

/** `common` and `personal` together are the canonical paragraphs of `text`, each of both in its order. */
export interface NoticeMail {
  subject: string
  text: string
  html: string
  common: readonly string[]
  personal: readonly string[]
}

/** A paragraph of one person's notice alone, and its place among all paragraphs of that notice. */
export type PersonalParagraph = readonly [place: number, paragraph: string]

// -------------------------------------------------------------------------------------------------- comparing text

/** White space as mail programs make it. Not U+FEFF and U+200B: nobody sees them, and they separate nothing. */
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u
const LINE_END = /\r\n|[\n\r\u0085\u2028\u2029]/u
/** Nothing but marks of quoting, lists and rules. */
const LAYOUT = /^[-\u2010-\u2015\u2212*_=~#>|\u2022\u2023\u2043\u25aa\u25cf\u25e6\u00b7\u2219]+$/u
const QUOTE_MARKS = /^[>|]+/u
/** Marks that mail programs put around words which were bold or slanted. */
const OUTER_MARKS = /^[*_]+|[*_]+$/gu
/** An address that a mail program writes behind the words that link to it. Whoever checks a text looks at its links apart. */
const LINK_BEHIND = /^[<[(]?<(https?:\/\/|mailto:)[^<>\s]*>[\])]?[.,;:]?$/iu
const OPENING_QUOTE = /^["\u201c\u201e\u00ab]+/u
const CLOSING_QUOTE = /["\u201d\u201c\u00bb]+$/u

/** The words of a text in the form in which they are compared. Two texts with equal words are the same text. */
export function canonicalWords(text: string): string[] {
  return canonicalLines(text).flatMap(({ words }) => words)
}

/** The lines of a text with the words of each. */
export function canonicalLines(text: string): { text: string; words: string[] }[] {
  return unquoted(text.normalize('NFC'))
    .split(LINE_END)
    .map((line) => {
      const words: string[] = []
      pushWords(words, line)
      return { text: line, words }
    })
}

/** The paragraphs of a text, between empty lines, each as its words with one space between them. */
export function canonicalParagraphs(text: string): string[] {
  const paragraphs: string[] = []
  let words: string[] = []
  const close = () => {
    if (words.length > 0) paragraphs.push(words.join(' '))
    words = []
  }
  for (const line of unquoted(text.normalize('NFC')).split(LINE_END)) {
    if (isEmpty(line)) close()
    else pushWords(words, line)
  }
  close()
  return paragraphs
}

/** How many words a canonical paragraph has. */
export function wordCount(paragraph: string): number {
  let count = 1
  for (let at = paragraph.indexOf(' '); at !== -1; at = paragraph.indexOf(' ', at + 1)) count++
  return count
}

/**
 * The paragraphs of a rendered notice as the vault keeps them. Throws when the mail's parts are not its text: then the
 * notice could never be recognised, and must not be sent.
 */
export function noticeParagraphs(mail: NoticeMail): { common: string[]; personal: PersonalParagraph[] } {
  const common: string[] = []
  const personal: PersonalParagraph[] = []
  canonicalParagraphs(mail.text).forEach((paragraph, place) => {
    if (paragraph === mail.common[common.length]) common.push(paragraph)
    else if (paragraph === mail.personal[personal.length]) personal.push([place, paragraph])
    else throw new Error(`paragraph ${place + 1} of a notice is neither common nor personal`)
  })
  if (common.length !== mail.common.length || personal.length !== mail.personal.length) {
    throw new Error('a notice has paragraphs that are not in its text')
  }
  return { common, personal }
}

/** Somebody who copies a whole text between quotation marks. */
function unquoted(text: string): string {
  const trimmed = text.trim()
  return OPENING_QUOTE.test(trimmed) && CLOSING_QUOTE.test(trimmed) ? trimmed.replace(OPENING_QUOTE, '').replace(CLOSING_QUOTE, '') : text
}

function isEmpty(line: string): boolean {
  return line.split(SPACE).every((word) => word === '' || /^[>|]+$/u.test(word))
}

function pushWords(words: string[], line: string): void {
  let isStart = true
  for (const piece of line.split(SPACE)) {
    const word = (isStart ? piece.replace(QUOTE_MARKS, '') : piece).replace(OUTER_MARKS, '')
    if (word === '' || LAYOUT.test(word) || LINK_BEHIND.test(word)) continue
    isStart = false
    words.push(word)
  }
}

// ------------------------------------------------------------------------------------------------------------ codes

/** Crockford's alphabet: no I, L, O and U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const TAG_CHARACTERS = 5
const SECRET_CHARACTERS = 20
const CODE_CHARACTERS = TAG_CHARACTERS + SECRET_CHARACTERS
/** 100 bits. */
export const CODE_SECRET_BYTES = 13

export interface NoticeCode {
  /** As it is printed: `BH-7K2QD-XXXXX-XXXXX-XXXXX-XXXXX`. */
  text: string
  /** Of the notice's version: says which notice, and nothing about the person. */
  tag: string
}

/** `version`: at least 4 bytes of the version's random id. `secret`: at least 13 bytes; the first 100 bits count. */
export function formatNoticeCode(version: Uint8Array, secret: Uint8Array): NoticeCode {
  return written(base32(version, TAG_CHARACTERS) + base32(secret, SECRET_CHARACTERS))
}

/** Reads a code as people type it: any case, spaces and dashes, O for 0, I and L for 1, wide and Devanagari digits. */
export function parseNoticeCode(typed: string): NoticeCode | undefined {
  if (typed.length > 200) return undefined
  const folded = foldCode(typed).replace(/[\s\p{Pd}\p{Cf}_.:*>"']/gu, '')
  // Without a dash behind it, BH may be the first letters of a code that was typed without its beginning.
  const hasBeginning = folded.startsWith('BH') && (folded.length === CODE_CHARACTERS + 2 || /^\P{L}*BH[\s\p{Pd}]/iu.test(typed))
  const characters = hasBeginning ? folded.slice(2) : folded
  return characters.length === CODE_CHARACTERS && isCrockford(characters) ? written(characters) : undefined
}

const IN_TEXT = /(?<![\p{L}\p{N}])BH[\s\p{Pd}>*]{0,8}[0-9A-Z]{5}(?:[\s\p{Pd}>*]{0,8}[0-9A-Z]{5}){4}(?![\p{L}\p{N}])/gu

/** Codes in a text, each once, in order; at most `max`. */
export function findNoticeCodes(text: string, max = 8): NoticeCode[] {
  const found = new Map<string, NoticeCode>()
  for (const match of foldCode(text).matchAll(IN_TEXT)) {
    const code = parseNoticeCode(match[0])
    if (code !== undefined) found.set(code.text, code)
    if (found.size >= max) break
  }
  return [...found.values()]
}

function written(characters: string): NoticeCode {
  const groups = characters.match(/.{5}/g) ?? []
  return { text: `BH-${groups.join('-')}`, tag: characters.slice(0, TAG_CHARACTERS) }
}

function isCrockford(characters: string): boolean {
  return [...characters].every((character) => ALPHABET.includes(character))
}

/** Character by character, so that places in the text stay. */
function foldCode(text: string): string {
  return text
    .replace(/[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replace(/[\u0966-\u096f]/g, (digit) => String.fromCharCode(digit.charCodeAt(0) - 0x0966 + 0x30))
    .replace(/[a-z]/g, (letter) => letter.toUpperCase())
    .replace(/[OIL]/g, (letter) => (letter === 'O' ? '0' : '1'))
}

/** The first bits of some bytes, five to a character. */
function base32(bytes: Uint8Array, characters: number): string {
  if (bytes.length * 8 < characters * 5) throw new RangeError('too few bytes for a code')
  let text = ''
  for (let index = 0; index < characters; index++) {
    const bit = index * 5
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0)
    text += ALPHABET[(pair >> (11 - (bit & 7))) & 31]
  }
  return text
}

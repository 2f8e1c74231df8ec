/** Reads what somebody pasted, or the plain part of a mail. */
import { canonicalLines, findNoticeCodes } from '#model/notice-text.ts'
import { addressesShown } from './addresses.ts'
import { withoutFilters } from './filter-links.ts'
import { isHelpPage } from './known-lines.ts'
import { shown } from './letters.ts'
import { isPlainlyOurs, judgeLink, linksIn } from './links.ts'
import { type Finding, Findings, type OfficialMarks, READ_LIMITS, type ReadNotice, type ReadText } from './read-notice.ts'

/** Addresses that mail programs write behind the words of a link. They are no words of the text, and are looked at by themselves. */
const BEHIND = /<\s*((?:https?:\/\/|mailto:)[^<>\s]*)\s*>/giu

const ADDRESS_MAX = 300
/** Empty lines, below which nobody looks. */
const GAP = /(?:\n[ \t\r>|]{0,80}){60}\n/u

export function readPlain(
  text: string,
  form: ReadText['form'],
  given: { marks: OfficialMarks; recipients: readonly string[]; findings: Findings },
): ReadText {
  const { marks, recipients, findings } = given
  const unfiltered = withoutFilters(text, marks, (host) => findings.add('link_filtered', { where: host }))
  const composed = apart(unfiltered.normalize('NFC'))
  for (const { 1: link = '', index } of composed.matchAll(BEHIND)) {
    // An address behind itself adds nothing: its words are compared like all others.
    const before = composed
      .slice(Math.max(0, index - ADDRESS_MAX), index)
      .trimEnd()
      .split(/[\s<>]/u)
      .at(-1)
    if (link.toLowerCase() === `mailto:${before}`.toLowerCase() || isPlainlyOurs(link, marks, recipients) || isHelpPage(link)) continue
    const count = findings.count
    judgeLink(link, marks, recipients, findings)
    if (findings.count === count) findings.add('link_foreign', { where: shown(link) })
  }
  if (form === 'plain' && GAP.test(composed)) findings.add('html_strange', { what: '⏎' })
  const drawn = drawnLine(composed)
  if (drawn !== undefined) findings.add('text_around', { text: shown(drawn), company: marks.company })
  return { form, lines: canonicalLines(composed) }
}

/** Some programs write the address behind a link without a space, and what ended the sentence behind both. */
function apart(text: string): string {
  return text.replace(/(?<=[^\s<>])(<(?:https?:\/\/|mailto:)[^<>\s]*>)([.,;:]?)(?=\s|$)/giu, '$2 $1')
}

const QUOTE_START = /^\s*(?:[>|] ?){0,12}\s*/u
const RULES_MAX = 6
const RULE = /^(.)\1{0,99}$/u
/** Marks beside words, but for one of a list at the start: in few of a text, since lines of them draw. */
const MARKS_MAX = 12
const WORDS_MANY = 40

/** The first line in which marks that are not compared could draw letters or a number. */
function drawnLine(text: string): string | undefined {
  let rules = 0
  let marks = 0
  return text.split(/\r\n|[\n\r\u0085\u2028\u2029]/u).find((line) => {
    const pieces = line
      .replace(QUOTE_START, '')
      .split(/\s+/u)
      .filter((piece) => piece !== '')
    const words = pieces.filter((piece) => /[\p{L}\p{N}]/u.test(piece))
    const count = pieces.length - words.length
    if (words.some((word) => /^[*_]{5}|[*_]{5}$/u.test(word))) return true
    if (words.length > 0) {
      // A whole text in one line has those of its lists in it.
      if (words.length > WORDS_MANY && words.length > count * 4) return false
      marks += count - (pieces[0] !== words[0] && (pieces[0] as string).length <= 2 ? 1 : 0)
      return marks > MARKS_MAX
    }
    if (count > 0) rules++
    return count > 1 || rules > RULES_MAX || (count === 1 && !RULE.test(pieces[0] as string))
  })
}

export function readText(text: string, given: { marks: OfficialMarks; address: string | undefined }): ReadNotice {
  const findings = new Findings()
  const recipients = given.address === undefined ? [] : addressesShown(given.address)
  if (text.length > READ_LIMITS.textBytes) findings.add('too_large')
  const read = readPlain(text.slice(0, READ_LIMITS.textBytes), 'text', { marks: given.marks, recipients, findings })
  return {
    kind: 'text',
    texts: [read],
    codes: codesIn([read], findings),
    addresses: [],
    subject: undefined,
    findings: findings.all(),
    strayLinks: strayLinks([read], { marks: given.marks, recipients }),
  }
}

/** What looks like a code and is none: a letter left out, or somebody who has never seen one. */
const NEARLY = /(?<![\p{L}\p{N}])BH[\s\p{Pd}][\p{L}\p{N}]{3,}[\p{Pd}][\p{L}\p{N}]{2,}/iu

export function codesIn(texts: readonly ReadText[], findings: Findings): string[] {
  const codes = new Set<string>()
  for (const { lines } of texts) {
    const text = lines.map((line) => line.text).join('\n')
    const found = findNoticeCodes(text, READ_LIMITS.codes)
    for (const code of found) codes.add(code.text)
    if (found.length === 0 && NEARLY.test(text.slice(0, READ_LIMITS.textBytes))) findings.add('code_form')
  }
  return [...codes].slice(0, READ_LIMITS.codes)
}

export function strayLinks(texts: readonly ReadText[], by: { marks: OfficialMarks; recipients: readonly string[] }): Finding[] {
  const found = new Findings()
  for (const { lines } of texts) {
    for (const { text } of lines.slice(0, 2000)) for (const link of linksIn(text)) judgeLink(link, by.marks, by.recipients, found)
  }
  return found.all()
}

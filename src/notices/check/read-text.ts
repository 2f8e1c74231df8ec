/** Reads what somebody pasted, or the plain part of a mail. */
import { canonicalLines, findNoticeCodes } from '#model/notice-text.ts'
import { judgeLink, linksIn } from './links.ts'
import { type Finding, Findings, type OfficialMarks, READ_LIMITS, type ReadNotice, type ReadText } from './read-notice.ts'

/** Addresses that mail programs write behind the words of a link. They are no words of the text, and are looked at by themselves. */
const BEHIND = /<\s*((?:https?:\/\/|mailto:)[^<>\s]*)\s*>/giu

const ADDRESS_MAX = 300

export function readPlain(
  text: string,
  form: ReadText['form'],
  given: { marks: OfficialMarks; recipients: readonly string[]; findings: Findings },
): ReadText {
  for (const { 1: link = '', index } of text.matchAll(BEHIND)) {
    // An address behind itself adds nothing: its words are compared like all others.
    const before = text
      .slice(Math.max(0, index - ADDRESS_MAX), index)
      .trimEnd()
      .split(/[\s<>]/u)
      .at(-1)
    if (link.toLowerCase() !== `mailto:${before}`.toLowerCase()) judgeLink(link, given.marks, given.recipients, given.findings)
  }
  return { form, lines: canonicalLines(text) }
}

export function readText(text: string, given: { marks: OfficialMarks; address: string | undefined }): ReadNotice {
  const findings = new Findings()
  const recipients = given.address === undefined ? [] : [given.address.trim().toLowerCase()]
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

/** What people write into an incident, at the edge: one line of readable text, or refused. */
import { BulkheadError } from '#base/errors.ts'

/**
 * Letters and their marks in scripts that are not written rightly without U+200C and U+200D: those two make and break ligatures
 * there, in Hindi, Persian, Malayalam and others.
 */
const JOINED = String.raw`[[\p{L}\p{M}]&&[${[
  ...['Arab', 'Syrc', 'Mong', 'Deva', 'Beng', 'Guru', 'Gujr', 'Orya', 'Taml', 'Telu', 'Knda', 'Mlym', 'Sinh', 'Tibt', 'Mymr', 'Khmr'],
]
  .map((script) => String.raw`\p{scx=${script}}`)
  .join('')}]]`

/** Control characters, line ends, what turns the order of reading, and what is not seen at all: a title must look as it is. */
const UNREADABLE_TEXT = [
  String.raw`[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]`,
  String.raw`(?<!${JOINED})[\u200c\u200d]|[\u200c\u200d](?!${JOINED})`,
].join('|')
const UNREADABLE = new RegExp(UNREADABLE_TEXT, 'v')
const UNREADABLE_ALL = new RegExp(UNREADABLE_TEXT, 'gv')

/** Trimmed; '' when nothing was given. Throws `incident_invalid`. */
export function readableText(what: string, text: string | undefined, lengthMax: number): string {
  const trimmed = (text ?? '').trim()
  if (trimmed.length > lengthMax) throw new BulkheadError('incident_invalid', `${what} is longer than ${lengthMax} characters`)
  if (UNREADABLE.test(trimmed)) {
    throw new BulkheadError('incident_invalid', `${what} holds control characters, or ones that turn the direction of reading`)
  }
  return trimmed
}

/** Somebody else's text, fit to be printed. */
export function readable(text: string): string {
  return text.replaceAll(UNREADABLE_ALL, '\ufffd')
}

/** The name of a file as it came, with a sign in the place of what cannot be read: a file is not refused for its name. */
export function readableFileName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  return readable(last).trim().slice(0, 200) || 'unnamed'
}

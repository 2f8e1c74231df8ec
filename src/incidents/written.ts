/** What people write into an incident, at the edge: one line of readable text, or refused. */
import { BulkheadError } from '#base/errors.ts'

/** Control characters, line ends, and what turns the order of reading: a title must look as it is. */
const UNREADABLE = /[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/u
const UNREADABLE_ALL = new RegExp(UNREADABLE.source, 'gu')

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

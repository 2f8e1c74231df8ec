/**
 * Whether a mail can be sent to what the directory or a server called an address, and how it is written for a mail server. Nothing that
 * could end a line, begin a command or name a second recipient passes.
 */
import { domainToASCII } from 'node:url'

export interface MailAddress {
  /** As it goes into the envelope and the header. */
  text: string
  /** The local part is not ASCII: only a mail server with SMTPUTF8 takes it. */
  needsUtf8: boolean
}

const LOCAL_BYTES_MAX = 64
const ADDRESS_BYTES_MAX = 254
const ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
/** Letters, marks and digits of any script beside those of an atom (RFC 6531): no space, no format character, no unassigned one. */
const ATOM_UTF8 = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u
/** Printable ASCII between quotes; angle brackets would end the address for some servers. */
const QUOTED = /^"([\x20\x21\x23-\x3b\x3d\x3f-\x5b\x5d-\x7e]|\\[\x21-\x3b\x3d\x3f-\x7e])+"$/
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Undefined: no mail is sent there. */
export function parseMailAddress(given: string): MailAddress | undefined {
  const at = given.lastIndexOf('@')
  if (at <= 0) return undefined
  const local = given.slice(0, at).normalize('NFC')
  const isAscii = /^[\x21-\x7e ]+$/.test(local)
  const isLocal = isAscii ? ATOM.test(local) || QUOTED.test(local) : ATOM_UTF8.test(local)
  if (!isLocal || Buffer.byteLength(local) > LOCAL_BYTES_MAX) return undefined
  const domain = asciiDomain(given.slice(at + 1))
  if (domain === undefined) return undefined
  const text = `${local}@${domain}`
  return Buffer.byteLength(text) > ADDRESS_BYTES_MAX ? undefined : { text, needsUtf8: !isAscii }
}

/** An address of a machine in brackets is none of a person's. */
function asciiDomain(given: string): string | undefined {
  if (given === '' || /[\s\p{Cc}\p{Cf}/?#@:[\]\\%]/u.test(given)) return undefined
  const domain = domainToASCII(given).toLowerCase()
  const labels = domain.split('.')
  if (domain.length > 253 || labels.length < 2 || !labels.every((label) => LABEL.test(label))) return undefined
  // `1.2.3.4` and its like are read as machines, not as names.
  return /^[0-9]+$/.test(labels.at(-1) as string) ? undefined : domain
}

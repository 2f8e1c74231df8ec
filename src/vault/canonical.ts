/**
 * The canonical form of a value before its blind index: two spellings of one thing must meet, two things must not. These
 * forms are part of the format: a change needs a new index version.
 */
import { parsePhoneNumberFromString } from 'libphonenumber-js/min'

/** Ids of users, devices and groups: NFC, outer white space off. Case counts: `u1` and `U1` are two people. */
export function canonicalId(value: string): string {
  return value.normalize('NFC').trim()
}

/** Email: NFC, trimmed, lower case. Dots and `+tags` count: not every provider ignores them. */
export function canonicalEmail(value: string): string {
  return value.normalize('NFC').trim().toLowerCase().normalize('NFC').trim()
}

/** Phone: E.164 where the country is known from the number itself, else its digits, else the text. */
export function canonicalPhone(value: string): string {
  const text = value.normalize('NFKC').trim()
  const international = text.startsWith('00') ? `+${text.slice(2)}` : text
  const parsed = parsePhoneNumberFromString(international)
  if (parsed?.isPossible()) return parsed.number
  const digits = text.replace(/[^0-9]/g, '')
  return digits === '' ? text : digits
}

/** Fields whose values can be searched for, with their canonical forms. */
export const LOOKUP_FORMS: Readonly<Record<string, (value: string) => string>> = {
  email: canonicalEmail,
  phone: canonicalPhone,
}

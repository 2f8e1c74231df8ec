/** An address as people type it and as mails carry it, and as the notice was sent to it. */
import { domainToUnicode } from 'node:url'
import { parseMailAddress } from '../address.ts'

/** `Asha Rao <asha@example.net>`, `mailto:…`, a dot at the end, characters that nobody sees: what is meant is the address. */
function bare(given: string): string {
  const seen = given
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .trim()
  const inside = /<([^<>]*@[^<>]*)>$/u.exec(seen)?.[1] ?? seen
  return inside
    .trim()
    .replace(/^mailto:/i, '')
    .replace(/[.,;]$/u, '')
    .toLowerCase()
}

/** As it goes to a mail server, which is how notices are kept. What is no address of a mail stays as it is. */
export function addressAsked(given: string): string {
  const address = bare(given)
  return parseMailAddress(address)?.text.toLowerCase() ?? address
}

/** As it may stand in a head or a text: also with its domain in its own letters. */
export function addressesShown(given: string): string[] {
  const ascii = addressAsked(given)
  const at = ascii.lastIndexOf('@')
  const own = at < 0 ? ascii : `${ascii.slice(0, at)}@${domainToUnicode(ascii.slice(at + 1))}`
  return [...new Set([ascii, own, given.trim().toLowerCase()])]
}

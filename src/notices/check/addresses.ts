/** An address as people type it and as mails carry it, in the forms in which a notice may have been sent to it. */
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

/** As it goes to a mail server first, which is how notices are kept; then as it was given. Each once. */
export function addressForms(given: string): string[] {
  const address = bare(given)
  return [...new Set([parseMailAddress(address)?.text.toLowerCase() ?? address, address, given.trim().toLowerCase()])]
}

/** Also with its domain in its own letters: so it may stand in the text. */
export function addressesShown(given: string): string[] {
  const forms = addressForms(given)
  const [ascii = ''] = forms
  const at = ascii.lastIndexOf('@')
  return at < 0 ? forms : [...new Set([...forms, `${ascii.slice(0, at)}@${domainToUnicode(ascii.slice(at + 1))}`])]
}

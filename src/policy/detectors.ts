/**
 * The second wall for approved text: patterns of personal values. What they find waits sealed although its key was
 * approved. They are never the first wall: unapproved text waits whether or not anything is found in it. Every scan is
 * linear in the text; text longer than the cap counts as found, since nobody looked at its end.
 */
import { PERSONAL_KINDS } from '#model/personal-kind.ts'
import type { PersonalKind } from '#model/personal-kind.ts'
import { isIban, isVerhoeff } from './checksums.ts'
import { findPhones } from './phones.ts'
import type { Span } from './phones.ts'
import { findSecrets } from './secrets.ts'
import { viewsOf } from './text-views.ts'

export { DestroyedCounts, destroySecrets, destroySecretsInPair, destroySecretsInText } from './secrets.ts'

export interface Finding {
  /** `email`, `phone`, `ip`, `mac`, `national_id`, `iban`, a kind of secret, or `unscanned`. */
  kind: string
  /** Offsets in the view: for text without encodings and invisible characters that is the text itself. */
  start: number
  end: number
  /** 0: the text itself, folded; others: decodings of it. */
  view: number
}

const SCAN_CHARACTERS_MAX = 4096
const FINDINGS_MAX = 64

const LOCAL_CHARACTER = /[\p{L}\p{N}\p{M}.!#$%&'*+/=?^_`{|}~-]/u
const DOMAIN = /^(?:[\p{L}\p{N}\p{M}_-]{1,63}\.){1,8}(?:[\p{L}\p{M}]{2,63}|xn--[a-z0-9-]{2,59})/iu
const ADDRESS_LITERAL = /^\[(?:IPv6:)?[0-9a-f.:]{3,45}\]/i
const LOCAL_CHARACTERS_MAX = 64

/** RFC 5322 addr-spec as it is met, with the international forms of RFC 6531. Works outward from each `@`. */
function findEmails(text: string): Span[] {
  const found: Span[] = []
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at
    if (text[at - 1] === '"') {
      start = Math.max(text.lastIndexOf('"', at - 2), at - LOCAL_CHARACTERS_MAX - 2)
      if (start < 0) continue
    } else {
      while (start > 0 && at - start < LOCAL_CHARACTERS_MAX && LOCAL_CHARACTER.test(text[start - 1] as string)) start--
      // Half a letter of another plane, or a closing quote or bracket, right before `@` stands for a local part as well.
      if (start === at && /[\ud800-\udfff\p{Pf}\p{Pe}'>]/u.test(text[at - 1] ?? '')) start = at - 1
    }
    if (start === at) continue
    const rest = text.slice(at + 1, at + 1 + 320)
    const domain = DOMAIN.exec(rest) ?? ADDRESS_LITERAL.exec(rest)
    if (domain !== null) found.push({ start, end: at + 1 + domain[0].length })
  }
  return found
}

const IPV4 = /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)/g
const MAC = /(?<![\w:-])[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}(?![\w:-])/gi
const IPV6 = /(?<![\w:.])[0-9a-f:]{2,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])/gi

function isIpv4(text: string): boolean {
  return text.split('.').every((octet) => Number(octet) <= 255)
}

/** RFC 4291 section 2.2: eight groups, or fewer around one `::`. */
export function isIpv6(text: string): boolean {
  const tail = /:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(text)
  if (tail !== null && !isIpv4(tail[1] as string)) return false
  const groupsText = tail === null ? text : `${text.slice(0, tail.index)}:0:0`
  const sides = groupsText.split('::')
  if (sides.length > 2) return false
  const groups = sides.flatMap((side) => (side === '' ? [] : side.split(':')))
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false
  return sides.length === 2 ? groups.length <= 7 && groups.length >= 1 : groups.length === 8
}

function findAddresses(text: string): Span[] {
  const found: Span[] = []
  for (const match of text.matchAll(IPV4)) if (isIpv4(match[0])) found.push(spanOf(match))
  if (!text.includes(':')) return found
  for (const match of text.matchAll(IPV6)) if (isIpv6(match[0])) found.push(spanOf(match))
  return found
}

function spanOf(match: RegExpMatchArray): Span {
  const start = match.index as number
  return { start, end: start + match[0].length }
}

const US_SOCIAL = /(?<![\w-])(?!000|666|9\d\d)\d{3}([ -])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])/g
const TWELVE = /(?<![\w-])[2-9]\d{3}([ -]?)\d{4}\1\d{4}(?![\w-])/g
const INDIAN_TAX = /(?<![A-Za-z0-9])[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z](?![A-Za-z0-9])/g
const UK_INSURANCE = /(?<![A-Za-z0-9])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: ?\d{2}){3} ?[A-D](?![A-Za-z0-9])/g
const IBAN = /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/g

function findNationalIds(text: string): Span[] {
  const found = [...text.matchAll(US_SOCIAL), ...text.matchAll(INDIAN_TAX), ...text.matchAll(UK_INSURANCE)].map(spanOf)
  for (const match of text.matchAll(TWELVE)) if (isVerhoeff(match[0].replaceAll(/\D/g, ''))) found.push(spanOf(match))
  return found
}

/** Personal values and secrets in `text`. An empty list says only that no pattern matched. */
export function findPersonal(text: string): Finding[] {
  const found: Finding[] = []
  const unscanned = text.length > SCAN_CHARACTERS_MAX
  const views = viewsOf(unscanned ? text.slice(0, SCAN_CHARACTERS_MAX) : text)
  for (const [view, seen] of views.entries()) {
    const add = (kind: string, spans: readonly Span[]): void => {
      for (const { start, end } of spans) if (found.length < FINDINGS_MAX) found.push({ kind, start, end, view })
    }
    if (seen.includes('@')) add('email', findEmails(seen))
    for (const secret of findSecrets(seen)) add(secret.kind, [secret])
    if (!/[\d:]/.test(seen)) continue
    add('ip', findAddresses(seen))
    add('mac', [...seen.matchAll(MAC)].map(spanOf))
    if (!/\d/.test(seen)) continue
    add('phone', findPhones(seen))
    add('national_id', findNationalIds(seen))
    add('iban', [...seen.matchAll(IBAN)].filter((match) => isIban(match[0].replaceAll(' ', ''))).map(spanOf))
  }
  if (unscanned) found.push({ kind: 'unscanned', start: SCAN_CHARACTERS_MAX, end: text.length, view: 0 })
  return found
}

/** Kinds whose findings are secrets to `findSecrets` and something more exact to whoever asks what a key held. */
const KIND_OF: Readonly<Record<string, PersonalKind>> = { card_number: 'card', url_token: 'url_token' }

function isPersonalKind(kind: string): kind is PersonalKind {
  return (PERSONAL_KINDS as readonly string[]).includes(kind)
}

/** What the finding of a secret at the door says of its key. */
export function kindOfSecret(kind: string): PersonalKind {
  return KIND_OF[kind] ?? 'secret'
}

/** The first kind found in `text`; `unscanned` when it is too long for anybody to say. */
export function personalKindIn(text: string): PersonalKind | 'unscanned' | undefined {
  const kind = findPersonal(text)[0]?.kind
  return kind === undefined || kind === 'unscanned' || isPersonalKind(kind) ? kind : kindOfSecret(kind)
}

/** What a number, written out, could be: a card, a telephone or a national number. Short ones and fractions are nothing. */
export function personalKindOfNumber(value: number): PersonalKind | 'unscanned' | undefined {
  if (!Number.isInteger(value) || Math.abs(value) < 1e8 || Math.abs(value) >= 1e19) return undefined
  return personalKindIn(String(Math.abs(value)))
}

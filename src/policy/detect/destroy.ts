/**
 * What is done with recognised secrets at the door: keys, tokens, passwords and card numbers are destroyed and counted;
 * nothing of them is stored anywhere, the waiting room included. The time is linear in the text (a test feeds every
 * pattern its worst case).
 */
import { remember } from '#base/remember.ts'
import type { JsonValue } from '#model/json.ts'
import { findCards } from './banking.ts'
import { isCardNumber } from './checksums.ts'
import type { Finding } from './finding.ts'
import { featuresOf, isNobodys, mayHaveViews } from './prescan.ts'
import { findSecrets, mayHoldSecrets } from './secrets.ts'
import { viewsOf, withoutPictures } from './views.ts'

/** Longer text is cut here, and the cut counts as destroyed: nothing that was not looked at is kept. */
const SCAN_CHARACTERS_MAX = 262_144
const DEPTH_MAX = 64

/** Secrets and cards in `text` as it stands; sorted, overlapping ones joined. */
export function secretsIn(given: string): Finding[] {
  const text = withoutPictures(given)
  const found: Finding[] = []
  const add = (finding: Finding): void => void found.push(finding)
  const features = featuresOf(text)
  if (mayHoldSecrets(features)) findSecrets(text, features, add)
  if (features.mostDigits >= CARD_DIGITS_MIN) findCards(text, add, '')
  if (found.length < 2) return found
  found.sort((a, b) => a.start - b.start || b.end - a.end)
  const apart: Finding[] = []
  for (const finding of found) {
    const last = apart.at(-1)
    if (last === undefined || finding.start >= last.end) apart.push(finding)
    else if (finding.end > last.end) last.end = finding.end
  }
  return apart
}

/** Names of keys whose value is a secret whatever it looks like; compared in lower case without separators. */
const SECRET_KEYS: ReadonlySet<string> = new Set([
  'password',
  'passwd',
  'pwd',
  'passphrase',
  'passcode',
  'secret',
  'clientsecret',
  'apikey',
  'apitoken',
  'apisecret',
  'secretkey',
  'accesskey',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'authtoken',
  'token',
  'bearertoken',
  'resettoken',
  'sessiontoken',
  'csrftoken',
  'jwt',
  'authorization',
  'cookie',
  'cookies',
  'setcookie',
  'privatekey',
  'credential',
  'credentials',
  'cardnumber',
  'creditcard',
  'creditcardnumber',
  'debitcard',
  'ccnumber',
  'ccnum',
  'cardno',
  'pan',
  'cvv',
  'cvv2',
  'cvc',
  'cvc2',
  'csc',
  'securitycode',
  'cardcvv',
  'cardcvc',
  'pin',
  'otp',
  'totp',
  'mfacode',
  'onetimecode',
  'verificationcode',
  'seedphrase',
  'mnemonic',
])
const SECRET_ENDING =
  /(?:password|passwd|passphrase|secret|apikey|accesstoken|refreshtoken|authtoken|privatekey|cardnumber|cvv)(?:confirm|confirmation|hash|value)?\d*$/

const NAMED_SECRET = 'named_secret'
const KEYS = { entriesMax: 10_000, charactersMax: 64 }

export interface SecretKey {
  /** What the name says of the value: a kind of secret, or nothing (the empty text). */
  kind: string
  /** Whether the name itself has to be looked at: somebody may put a key where its name belongs. */
  mayHoldSecret: boolean
}

export const secretKeyOf = remember((key): SecretKey => {
  if (key.length > KEYS.charactersMax) return { kind: '', mayHoldSecret: true }
  const name = key.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  return { kind: SECRET_KEYS.has(name) ? name : SECRET_ENDING.test(name) ? NAMED_SECRET : '', mayHoldSecret: mayHoldSecret(key) }
}, KEYS)

/** The kind of secret that a key's name makes of its value; undefined for none. */
export function kindOfSecretKey(key: string, value: JsonValue): string | undefined {
  return kindUnder(secretKeyOf(key), value)
}

function kindUnder({ kind }: SecretKey, value: JsonValue): string | undefined {
  if (kind === '' || value === null || typeof value === 'boolean' || value === '') return undefined
  return kind === NAMED_SECRET && typeof value !== 'string' ? undefined : kind
}

/** How many secrets were destroyed, in all and by kind. */
export class DestroyedCounts {
  total = 0
  readonly byKind: Record<string, number> = {}
  /** Kind of the one that was added last. */
  last: string | undefined

  add(kind: string): void {
    this.total += 1
    this.last = kind
    this.byKind[kind] = (this.byKind[kind] ?? 0) + 1
  }
}

function count(destroyed: DestroyedCounts, kind: string): string {
  destroyed.add(kind)
  return `[destroyed:${kind}]`
}

const CARD_DIGITS_MIN = 12

/**
 * Whether a text needs a closer look, by what it is made of: most texts are words, and every pattern tried on each of them
 * was half the cost of the split. A test holds it against the patterns.
 */
export function mayHoldSecret(text: string): boolean {
  const features = featuresOf(text)
  if (mayHoldSecrets(features) || features.mostDigits >= CARD_DIGITS_MIN || mayHaveViews(features)) return true
  return features.braces > 0 && /^\s*[{[]/.test(text)
}

function destroyInText(text: string, destroyed: DestroyedCounts, depth: number): string {
  if (text.length > SCAN_CHARACTERS_MAX) {
    return destroyInText(text.slice(0, SCAN_CHARACTERS_MAX - 64), destroyed, depth) + count(destroyed, 'overlong')
  }
  if (isNobodys(text) || !mayHoldSecret(text)) return text
  const first = text.trimStart()[0]
  if ((first === '{' || first === '[') && depth < DEPTH_MAX) {
    const inner = parseJson(text)
    if (inner !== undefined) {
      const cleaned = destroyIn(inner, destroyed, depth + 1)
      return cleaned === inner ? text : JSON.stringify(cleaned)
    }
  }
  let kept = ''
  let at = 0
  for (const span of secretsIn(text)) {
    kept += text.slice(at, span.start) + count(destroyed, span.rule ?? span.kind)
    at = span.end
  }
  kept = at === 0 ? text : kept + text.slice(at)
  if (!mayHaveViews(featuresOf(kept))) return kept
  // What shows only after decoding has no place of its own in the text: all of it goes.
  for (const { text: view } of viewsOf(kept)) {
    if (view === kept) continue
    const hidden = secretsIn(view)[0]
    if (hidden !== undefined) return count(destroyed, hidden.rule ?? hidden.kind)
  }
  return kept
}

function parseJson(text: string): JsonValue | undefined {
  try {
    const parsed = JSON.parse(text) as JsonValue
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
  } catch {
    return undefined
  }
}

function destroyUnder(key: SecretKey, value: JsonValue, destroyed: DestroyedCounts, depth: number): JsonValue {
  const kind = kindUnder(key, value)
  return kind === undefined ? destroyIn(value, destroyed, depth) : count(destroyed, kind)
}

/** The same reference when nothing was destroyed: most values are never copied. */
function destroyIn(value: JsonValue, destroyed: DestroyedCounts, depth: number): JsonValue {
  if (typeof value === 'string') return destroyInText(value, destroyed, depth)
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && value >= 1e13 && isCardNumber(String(value)) ? count(destroyed, 'card_number') : value
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEPTH_MAX) return count(destroyed, 'too_deep')
  if (Array.isArray(value)) {
    let changed = false
    const kept = value.map((member) => {
      const clean = destroyIn(member, destroyed, depth + 1)
      if (clean !== member) changed = true
      return clean
    })
    return changed ? kept : value
  }
  let changed = false
  const pairs = Object.entries(value).map(([key, member]): [string, JsonValue] => {
    const name = destroyInText(key, destroyed, depth + 1)
    const clean = destroyUnder(secretKeyOf(key), member, destroyed, depth + 1)
    if (clean !== member || name !== key) changed = true
    return [name, clean]
  })
  // `fromEntries` defines properties, so that a key `__proto__` stays a key.
  return changed ? Object.fromEntries(pairs) : value
}

/** Recursive over values, nested values, keys, and JSON inside strings. Counts by kind. Equal reference: nothing was found. */
export function destroySecrets(value: JsonValue): { value: JsonValue; destroyed: Record<string, number> } {
  const destroyed = new DestroyedCounts()
  return { value: destroyIn(value, destroyed, 0), destroyed: destroyed.byKind }
}

/** As above for one text, added to `destroyed`. */
export function destroySecretsInText(text: string, destroyed: DestroyedCounts): string {
  return destroyInText(text, destroyed, 0)
}

/** As above for a value, whose key may say that it is a secret. */
export function destroySecretsUnder(key: SecretKey, value: JsonValue, destroyed: DestroyedCounts): JsonValue {
  return destroyUnder(key, value, destroyed, 0)
}

/** As above for a pair: the key's own name may be a secret, too. */
export function destroySecretsInPair(key: string, value: JsonValue, destroyed: DestroyedCounts): [key: string, value: JsonValue] {
  const secret = secretKeyOf(key)
  return [secret.mayHoldSecret ? destroyInText(key, destroyed, 0) : key, destroyUnder(secret, value, destroyed, 0)]
}

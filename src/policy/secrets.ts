/**
 * Recognised secrets: keys, tokens, passwords, card numbers. They are destroyed at the door and counted; nothing of them
 * is stored anywhere, the waiting room included. Every pattern begins at a word boundary and has one way to match, so the
 * time is linear in the text (a test feeds each its worst case).
 */
import { remember } from '#base/remember.ts'
import type { JsonValue } from '#model/json.ts'
import { isCardNumber } from './checksums.ts'
import { viewsOf } from './text-views.ts'

export interface SecretSpan {
  kind: string
  start: number
  end: number
}

/** Longer text is cut here, and the cut counts as destroyed: nothing that was not looked at is kept. */
const SCAN_CHARACTERS_MAX = 262_144
const DEPTH_MAX = 64

/** Names under which a query or a form carries a credential. */
const URL_TOKEN_NAMES = [
  '(?:reset|access|id|refresh|auth|csrf|session|invite|magic|verify|verification|confirmation|login)[_-]?token',
  'token',
  'auth',
  'jwt',
  'api[_-]?key',
  '(?:client[_-]?)?secret',
  'code',
  'pass(?:word|wd)?',
  'pwd',
  'otp',
  'ticket',
  'sig(?:nature)?',
  'sid',
  'session(?:[_-]?id)?',
]

const RULES: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['jwt', /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,3}/g],
  ['openai_key', /(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,}/g],
  ['stripe_key', /(?<![A-Za-z0-9_])(?:[srp]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,})/g],
  ['aws_key', /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])/g],
  ['github_token', /(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})/g],
  ['gitlab_token', /(?<![A-Za-z0-9_-])gl(?:pat|dt|rt|ptt)-[A-Za-z0-9_-]{16,}/g],
  ['slack_token', /(?<![A-Za-z0-9-])(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}/g],
  ['google_key', /(?<![A-Za-z0-9_-])(?:AIza[A-Za-z0-9_-]{30,}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,})/g],
  ['npm_token', /(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{30,}/g],
  ['sendgrid_key', /(?<![A-Za-z0-9_.-])SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/g],
  ['huggingface_token', /(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{30,}/g],
  ['bearer_token', /(?<![A-Za-z0-9])bearer[ \t]+[A-Za-z0-9._~+/=-]{12,}/gi],
  ['url_password', /(?<=:\/\/)[^\s/:@]{1,128}:[^\s/@]{1,128}(?=@)/g],
  ['url_token', new RegExp(`(?<![A-Za-z0-9_-])(?:${URL_TOKEN_NAMES.join('|')})=(?!\\[destroyed:)[^&#\\s"'<>]+`, 'gi')],
]

/** One pass that tells most texts from those worth a closer look. */
const WORTH_A_LOOK = new RegExp(
  [
    'eyJ|sk-|k_(?:live|test)_|whsec_|A(?:KIA|SIA|BIA|CCA)|gh[pousr]_|github_pat_|gl[a-z]{2,3}-|xox|xapp|AIza|GOCSPX|ya29|npm_|SG\\.|hf_',
    'bearer|://|=|-----BEGIN|\\d[\\d \\-\\u2010-\\u2015]{12}',
  ].join('|'),
  'i',
)

const DIGIT_RUN = /\d+(?:[ \-\u2010-\u2015]\d+)*/g

/** Card numbers, written whole or in groups; a group that belongs to a decimal fraction or follows `+` is none. */
function findCards(text: string): SecretSpan[] {
  const found: SecretSpan[] = []
  for (const run of text.matchAll(DIGIT_RUN)) {
    if (run[0].length < 14) continue
    const before = text[run.index - 1]
    if (before === '+' || (before === '.' && /\d/.test(text[run.index - 2] ?? ''))) continue
    const groups = [...run[0].matchAll(/\d+/g)]
    for (let first = 0; first < groups.length; first++) {
      let digits = ''
      for (let last = first; last < groups.length && digits.length < 19; last++) {
        const group = groups[last] as RegExpExecArray
        digits += group[0]
        if (!isCardNumber(digits)) continue
        const start = run.index + (groups[first] as RegExpExecArray).index
        found.push({ kind: 'card_number', start, end: run.index + group.index + group[0].length })
        first = last
        break
      }
    }
  }
  return found
}

function findPrivateKeys(text: string): SecretSpan[] {
  const found: SecretSpan[] = []
  const begin = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const tail = text.indexOf('-----END ', begin.lastIndex)
    const close = tail < 0 ? -1 : text.indexOf('-----', tail + 9)
    const end = close < 0 ? text.length : close + 5
    found.push({ kind: 'private_key', start: match.index, end })
    begin.lastIndex = end
  }
  return found
}

/** Spans of secrets in `text` as it stands; sorted, not overlapping. */
export function findSecrets(text: string): SecretSpan[] {
  if (!WORTH_A_LOOK.test(text)) return []
  const found = [...findPrivateKeys(text), ...findCards(text)]
  for (const [kind, pattern] of RULES) {
    for (const match of text.matchAll(pattern)) found.push({ kind, start: match.index, end: match.index + match[0].length })
  }
  found.sort((a, b) => a.start - b.start || b.end - a.end)
  const apart: SecretSpan[] = []
  for (const span of found) {
    const last = apart.at(-1)
    if (last === undefined || span.start >= last.end) apart.push(span)
    else if (span.end > last.end) last.end = span.end
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

/** What the name of a key says of its value: a kind of secret, or nothing (the empty text). */
const secretKindOfKey = remember((key) => {
  if (key.length > KEYS.charactersMax) return ''
  const name = key.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  return SECRET_KEYS.has(name) ? name : SECRET_ENDING.test(name) ? NAMED_SECRET : ''
}, KEYS)

function secretKeyKind(key: string, value: JsonValue): string | undefined {
  if (value === null || typeof value === 'boolean' || value === '') return undefined
  const kind = secretKindOfKey(key)
  return kind === '' || (kind === NAMED_SECRET && typeof value !== 'string') ? undefined : kind
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

/** No pattern above matches a text whose runs of these characters are all shorter than this, but for the ones named below. */
const TOKEN_CHARACTERS_MIN = 15
const CARD_DIGITS_MIN = 13
const [SEPARATOR, TOKEN, DIGIT, DASH, OPENING, TRIGGER] = [0, 1, 2, 3, 4, 5]
const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[0-9]/.test(character)) return DIGIT
  if (character === '-') return DASH
  if (/[A-Za-z._~+/]/.test(character)) return TOKEN
  if (/[{[]/.test(character)) return OPENING
  // Queries and forms, and what may be text in another encoding.
  return /[=%&\\]/.test(character) ? TRIGGER : SEPARATOR
})

/**
 * Whether a text needs a closer look. One pass over its characters: most texts are words, and every pattern tried on each
 * of them was half the cost of the split. A test holds it against the patterns.
 */
export function mayHoldSecret(text: string): boolean {
  let run = 0
  let digits = 0
  let dashes = 0
  let isStart = true
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 127) return true
    const kind = CLASSES[code]
    dashes = kind === DASH ? dashes + 1 : 0
    if (kind === TOKEN || kind === DIGIT || kind === DASH) {
      run++
      if (kind === DIGIT) digits++
      if (run >= TOKEN_CHARACTERS_MIN || digits >= CARD_DIGITS_MIN || dashes >= 5) return true
    } else {
      if (kind === TRIGGER || (kind === OPENING && isStart)) return true
      // `://`, and the word that stands before a token in a header.
      if (code === 0x3a && text.charCodeAt(at + 1) === 0x2f) return true
      if (run >= 6 && (text.charCodeAt(at - 1) | 0x20) === 0x72 && text.slice(at - 6, at).toLowerCase() === 'bearer') return true
      run = 0
    }
    if (code > 0x20) isStart = false
  }
  return false
}

function destroyInText(text: string, destroyed: DestroyedCounts, depth: number): string {
  if (text.length > SCAN_CHARACTERS_MAX) {
    return destroyInText(text.slice(0, SCAN_CHARACTERS_MAX - 64), destroyed, depth) + count(destroyed, 'overlong')
  }
  if (!mayHoldSecret(text)) return text
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
  for (const span of findSecrets(text)) {
    kept += text.slice(at, span.start) + count(destroyed, span.kind)
    at = span.end
  }
  kept = at === 0 ? text : kept + text.slice(at)
  // What shows only after decoding has no place of its own in the text: all of it goes.
  for (const view of viewsOf(kept)) {
    if (view === kept) continue
    const hidden = findSecrets(view)[0]
    if (hidden !== undefined) return count(destroyed, hidden.kind)
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

function destroyUnder(key: string, value: JsonValue, destroyed: DestroyedCounts, depth: number): JsonValue {
  const kind = secretKeyKind(key, value)
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
    const clean = destroyUnder(key, member, destroyed, depth + 1)
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

/** As above for a pair: the key's own name may say that its value is a secret. */
export function destroySecretsInPair(key: string, value: JsonValue, destroyed: DestroyedCounts): [key: string, value: JsonValue] {
  return [destroyInText(key, destroyed, 0), destroyUnder(key, value, destroyed, 0)]
}

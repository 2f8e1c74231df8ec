/**
 * Whether a value under an approved key may stand open. An object opens leaf by leaf and only as a whole: the leaf
 * `total` in `cart` is the property `cart.total`, and `cart` and `cart.total` must both be approved; one leaf that is not
 * makes all of it wait. Lists open when each member is a plain value that may open; lists of objects wait.
 */
import { ownCopy } from '#base/remember.ts'
import type { JsonValue } from '#model/json.ts'
import type { PlainValue } from '#model/log-entry.ts'
import type { PersonalKind } from '#model/personal-kind.ts'
import { identityKeyOf, isPlainText, keyFactsOf, personalKindIn, personalKindOfNumber } from '#policy/policy.ts'
import type { KeyFacts } from '#policy/policy.ts'

const TEXT_CHARACTERS_MAX = 255
const MEMBERS_MAX = 255
const DEPTH_MAX = 4
const REMEMBERED_CHARACTERS_MAX = 64

/** Told for each leaf of an approved key in which the detectors found something. */
export type OnDetected = (key: string, kind: PersonalKind) => void

/** `open`; `closed` for text that nobody can clear; else what was found. */
type Verdict = PersonalKind | 'open' | 'closed'

/**
 * Texts under approved keys repeat; short ones in which nothing was found are kept in memory from the second time on, one in each place of
 * a table: a text that is met once costs nothing but a number. They stand open in the log as well; others are never kept.
 */
const PLACES = 8192
const open: (string | undefined)[] = Array(PLACES).fill(undefined)
const metOnce = new Int32Array(PLACES)

/** Of the length and a few characters, most of them from the end, where numbers stand: what has the same is compared whole. */
function hashOf(text: string): number {
  const { length } = text
  let hash = Math.imul(length, 31) + text.charCodeAt(0)
  for (let at = Math.max(1, length - 6); at < length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  hash = (Math.imul(hash, 31) + text.charCodeAt(length >> 1)) | 0
  return hash ^ (hash >>> 15)
}

/** The text that was asked about last is the one that is remembered next, if any. */
let lastText = ''
let lastHash = 0

function rememberOpen(text: string): void {
  const hash = text === lastText ? lastHash : hashOf(text)
  const place = hash & (PLACES - 1)
  if (metOnce[place] === hash) open[place] = ownCopy(text)
  else metOnce[place] = hash
}

/**
 * Whether a text under an approved key is one of those that were found to be nobody's a moment ago: then there is no secret in it either,
 * and nothing of it needs to be looked at again.
 */
export function isKnownOpen(value: JsonValue, { secret, hint }: KeyFacts): boolean {
  if (typeof value !== 'string' || value.length > REMEMBERED_CHARACTERS_MAX) return false
  lastText = value
  lastHash = hashOf(value)
  return open[lastHash & (PLACES - 1)] === value && hint === '' && secret.kind === ''
}

/** `hint`: the key, when its name makes more of the text than stands there. Such verdicts are not remembered. */
function verdictOn(text: string, hint: string): Verdict {
  if (text.length > TEXT_CHARACTERS_MAX) return 'closed'
  const verdict = hint === '' && isPlainText(text) ? 'open' : newVerdict(text, hint)
  if (verdict === 'open' && hint === '' && text.length <= REMEMBERED_CHARACTERS_MAX) rememberOpen(text)
  return verdict
}

function newVerdict(text: string, hint: string): Verdict {
  // Half a letter is no text: a vendor's parser may refuse the whole request for it.
  if (!text.isWellFormed()) return 'closed'
  const kind = personalKindIn(text, hint)
  return kind === 'unscanned' ? 'closed' : (kind ?? (isJsonText(text) ? 'closed' : 'open'))
}

/** An object or list in text form would open leaves that nobody approved. */
function isJsonText(text: string): boolean {
  if (!text.includes('[') && !text.includes('{')) return false
  if (!/^\s*(?:\[.*\]|\{.*\})\s*$/s.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function verdictOnScalar(value: JsonValue, hint: string): Verdict {
  if (typeof value === 'string') return verdictOn(value, hint)
  if (typeof value !== 'number') return typeof value === 'boolean' ? 'open' : 'closed'
  if (!Number.isFinite(value)) return 'closed'
  const kind = personalKindOfNumber(value)
  return kind === 'unscanned' ? 'closed' : (kind ?? 'open')
}

function mayOpen(scalar: JsonValue, { name, hint }: KeyFacts, onDetected: OnDetected): boolean {
  const verdict = verdictOnScalar(scalar, hint)
  if (verdict !== 'open' && verdict !== 'closed') onDetected(name, verdict)
  return verdict === 'open'
}

/** A value that stands for itself, not for what is in it: it opens as it is, or waits. */
export function opensWhole(value: JsonValue, key: KeyFacts, onDetected: OnDetected): value is PlainValue {
  if (value === null) return false
  if (typeof value !== 'object') return mayOpen(value, key, onDetected)
  return Array.isArray(value) && value.length <= MEMBERS_MAX && value.every((member) => mayOpen(member, key, onDetected))
}

/**
 * Pairs that open for an approved `key`: none for `null`, one for a plain value, one a leaf for an object. Undefined: the
 * value waits.
 */
export function openValue(
  key: string,
  value: JsonValue,
  approved: ReadonlySet<string>,
  onDetected: OnDetected,
  depth = 0,
): [key: string, value: PlainValue][] | undefined {
  if (value === null) return []
  if (typeof value !== 'object' || Array.isArray(value)) return opensWhole(value, keyFactsOf(key), onDetected) ? [[key, value]] : undefined
  if (depth >= DEPTH_MAX) return undefined
  const opened: [string, PlainValue][] = []
  for (const [name, member] of Object.entries(value)) {
    const path = `${key}.${name.normalize('NFC')}`
    const mayLook = approved.has(path) && identityKeyOf(name)?.own !== true
    const leaves = mayLook ? openValue(path, member, approved, onDetected, depth + 1) : undefined
    if (leaves === undefined) return undefined
    opened.push(...leaves)
  }
  return opened
}

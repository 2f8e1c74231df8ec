/**
 * Whether a value under an approved key may stand open. An object opens leaf by leaf and only as a whole: the leaf
 * `total` in `cart` is the property `cart.total`, and `cart` and `cart.total` must both be approved; one leaf that is not
 * makes all of it wait. Lists open when each member is a plain value that may open; lists of objects wait.
 */
import type { JsonValue } from '#model/json.ts'
import type { PlainValue } from '#model/log-entry.ts'
import type { PersonalKind } from '#model/personal-kind.ts'
import { hintOf, identityKeyOf, personalKindIn, personalKindOfNumber } from '#policy/policy.ts'

const TEXT_CHARACTERS_MAX = 255
const MEMBERS_MAX = 255
const DEPTH_MAX = 4
const VERDICT_CHARACTERS_MAX = 64

/** Told for each leaf of an approved key in which the detectors found something. */
export type OnDetected = (key: string, kind: PersonalKind) => void

/** `open`; `closed` for text that nobody can clear; else what was found. */
type Verdict = PersonalKind | 'open' | 'closed'

/**
 * Texts under approved keys repeat; verdicts on short ones are kept in memory, one in each place of a table: a text that is
 * met once costs nothing but the place that it takes from another.
 */
const PLACES = 8192
const texts: (string | undefined)[] = Array(PLACES).fill(undefined)
const verdicts: (Verdict | undefined)[] = Array(PLACES).fill(undefined)

function placeOf(text: string): number {
  let hash = text.length
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  return (hash ^ (hash >>> 15)) & (PLACES - 1)
}

/** `key` when its name makes more of the text than stands there: such verdicts are not remembered. */
function verdictOn(text: string, key: string): Verdict {
  // Half a letter is no text: a vendor's parser may refuse the whole request for it.
  if (text.length > TEXT_CHARACTERS_MAX || !text.isWellFormed()) return 'closed'
  const isRemembered = key === '' && text.length <= VERDICT_CHARACTERS_MAX
  const place = isRemembered ? placeOf(text) : 0
  if (isRemembered && texts[place] === text) return verdicts[place] as Verdict
  const kind = personalKindIn(text, key)
  const verdict = kind === 'unscanned' ? 'closed' : (kind ?? (isJsonText(text) ? 'closed' : 'open'))
  if (isRemembered) {
    texts[place] = text
    verdicts[place] = verdict
  }
  return verdict
}

/** An object or list in text form would open leaves that nobody approved. */
function isJsonText(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function verdictOnScalar(value: JsonValue, key: string): Verdict {
  if (typeof value === 'string') return verdictOn(value, hintOf(key))
  if (typeof value !== 'number') return typeof value === 'boolean' ? 'open' : 'closed'
  if (!Number.isFinite(value)) return 'closed'
  const kind = personalKindOfNumber(value)
  return kind === 'unscanned' ? 'closed' : (kind ?? 'open')
}

function mayOpen(scalar: JsonValue, key: string, onDetected: OnDetected): boolean {
  const verdict = verdictOnScalar(scalar, key)
  if (verdict !== 'open' && verdict !== 'closed') onDetected(key, verdict)
  return verdict === 'open'
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
  if (typeof value !== 'object') return mayOpen(value, key, onDetected) ? [[key, value]] : undefined
  if (Array.isArray(value)) {
    const opens = value.length <= MEMBERS_MAX && value.every((member) => mayOpen(member, key, onDetected))
    return opens ? [[key, value as PlainValue[]]] : undefined
  }
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

/**
 * Whether a value under an approved key may stand open. An object opens leaf by leaf and only as a whole: the leaf
 * `total` in `cart` is the property `cart.total`, and `cart` and `cart.total` must both be approved; one leaf that is not
 * makes all of it wait. Lists open when each member is a plain value that may open; lists of objects wait.
 */
import type { JsonValue } from '#model/json.ts'
import type { PlainValue } from '#model/log-entry.ts'
import { findPersonal, identityKeyOf, isPersonalNumber } from '#policy/policy.ts'

const TEXT_CHARACTERS_MAX = 255
const MEMBERS_MAX = 255
const DEPTH_MAX = 4
const VERDICTS_MAX = 20_000
const VERDICT_CHARACTERS_MAX = 64

/** Texts under approved keys repeat; verdicts on short ones are kept in memory. */
const verdicts = new Map<string, boolean>()

function isCleanText(text: string): boolean {
  // Half a letter is no text: a vendor's parser may refuse the whole request for it.
  if (text.length > TEXT_CHARACTERS_MAX || !text.isWellFormed()) return false
  const known = verdicts.get(text)
  if (known !== undefined) return known
  const verdict = !isJsonText(text) && findPersonal(text).length === 0
  if (text.length <= VERDICT_CHARACTERS_MAX) {
    if (verdicts.size >= VERDICTS_MAX) verdicts.clear()
    verdicts.set(text, verdict)
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

function isOpenScalar(value: JsonValue): value is string | number | boolean {
  if (typeof value === 'string') return isCleanText(value)
  if (typeof value === 'number') return Number.isFinite(value) && !isPersonalNumber(value)
  return typeof value === 'boolean'
}

/**
 * Pairs that open for an approved `key`: none for `null`, one for a plain value, one a leaf for an object. Undefined: the
 * value waits.
 */
export function openValue(
  key: string,
  value: JsonValue,
  approved: ReadonlySet<string>,
  depth = 0,
): [key: string, value: PlainValue][] | undefined {
  if (value === null) return []
  if (typeof value !== 'object') return isOpenScalar(value) ? [[key, value]] : undefined
  if (Array.isArray(value)) {
    return value.length <= MEMBERS_MAX && value.every(isOpenScalar) ? [[key, value as PlainValue[]]] : undefined
  }
  if (depth >= DEPTH_MAX) return undefined
  const opened: [string, PlainValue][] = []
  for (const [name, member] of Object.entries(value)) {
    const path = `${key}.${name.normalize('NFC')}`
    const leaves = approved.has(path) && identityKeyOf(name)?.own !== true ? openValue(path, member, approved, depth + 1) : undefined
    if (leaves === undefined) return undefined
    opened.push(...leaves)
  }
  return opened
}

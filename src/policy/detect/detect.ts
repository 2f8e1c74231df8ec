/**
 * The second wall for approved text, and what `bulkhead detect` prints: patterns of personal values and secrets. They are
 * never the first wall: unapproved text waits whether or not anything is found in it. Every detector's work is linear in
 * the text.
 */
import { remember } from '#base/remember.ts'
import type { JsonValue } from '#model/json.ts'
import type { PersonalKind } from '#model/personal-kind.ts'
import { findCards, findIbans } from './banking.ts'
import { kindOfSecretKey } from './destroy.ts'
import { type Add, type Finding, HELD, SHOWN, wordsOf } from './finding.ts'
import { findIds, ID_RULES } from './ids.ts'
import { keyKindOf } from './key-kinds.ts'
import { findEmails, findHardwareAddresses, findNetworkAddresses } from './network.ts'
import { findPairs } from './pairs.ts'
import { findBirthDates, findDevices, findNames, findPlaces, findPostalAddresses, mayHoldNames } from './people.ts'
import { findPhones } from './phones.ts'
import { type Features, featuresOf, isNobodys, mayHaveViews } from './prescan.ts'
import { findRandom, findSecrets, mayHoldSecrets } from './secrets.ts'
import { type View, viewsOf, withoutPictures } from './views.ts'

export { type Finding, HELD, SHOWN } from './finding.ts'

/** Longer text is cut here; `personalKindIn` says so, since nobody looked at its end. */
export const SCAN_CHARACTERS_MAX = 262_144
const WALL_CHARACTERS_MAX = 4096
const FINDINGS_MAX = 10_000

/**
 * What stands in `text`, by place; no two overlap. `key`: the name of the property, which tells what text alone does not.
 * Only findings of at least `least` confidence. An empty list says only that no pattern matched.
 */
export function detect(text: string, { key = '', least = SHOWN }: { key?: string; least?: number } = {}): Finding[] {
  const found: Finding[] = []
  const scanned = withoutPictures(text.length > SCAN_CHARACTERS_MAX ? text.slice(0, SCAN_CHARACTERS_MAX) : text)
  const hint = key === '' ? '' : wordsOf(key)
  findInViews(scanned, hint, (finding) => {
    if (finding.confidence >= least && found.length < FINDINGS_MAX) found.push(finding)
  })
  if (key !== '') addByKey(key, scanned, found)
  return apart(found)
}

function findInViews(text: string, hint: string, add: Add): void {
  if (hint === '' && isNobodys(text)) return
  const features = featuresOf(text)
  if (!mayHaveViews(features)) return findIn(text, features, hint, add)
  for (const view of viewsOf(text)) findIn(view.text, featuresOf(view.text), hint, placed(view, add))
}

function placed(view: View, add: Add): Add {
  return (finding) => add({ ...finding, ...view.origin(finding.start, finding.end) })
}

/** What the fewest characters of each kind are that a detector needs: it is not tried on less. */
function findIn(text: string, features: Features, hint: string, add: Add): void {
  const { digits, upper, lower, dots, dashes, colons, equals, plus, mostDigits } = features
  if (features.ats > 0) findEmails(text, add)
  if (mayHoldSecrets(features)) findSecrets(text, features, add)
  if (features.longestRun >= 20 && digits > 0 && upper > 0 && lower > 0) findRandom(text, add)
  if (dots >= 3 || colons >= 2) findNetworkAddresses(text, add, hint)
  if (colons >= 5 || dashes >= 5 || (dots >= 2 && text.length >= 14)) findHardwareAddresses(text, add)
  if (digits > 0) {
    if (mostDigits >= 12) findCards(text, add, hint)
    if (digits >= 8) {
      if (upper + lower >= 2 && digits + upper + lower >= 15) findIbans(text, add)
      findDevices(text, features, add, hint)
    }
    if (mostDigits >= 6 && (digits >= 7 || plus > 0)) findPhones(text, add, hint)
    if (digits >= 8 || (digits >= 4 && dots + dashes + features.slashes + features.spaces >= 2)) findBirthDates(text, features, add, hint)
    if ((dots >= 2 && digits >= 6) || features.beyondAscii > 0 || plus > 0) findPlaces(text, add, hint)
    if (digits >= 2) findIds(text, features, add, hint)
    if (features.spaces > 0 || hint !== '' || dashes > 0) findPostalAddresses(text, features, add, hint)
  }
  if (features.hasWords) findNames(text, features, add)
  if (equals + colons > 0) findPairs(text, add)
}

/** Of the names of secrets those that are a card's number. */
const CARD_KEY = /card(?:number|no)?$|^cc?num/

/** The key itself says what its value is: a secret, a name. */
function addByKey(key: string, text: string, found: Finding[]): void {
  const trimmed = text.trim()
  if (trimmed === '') return
  const start = text.indexOf(trimmed)
  const span = { start, end: start + trimmed.length }
  const secret = kindOfSecretKey(key, text)
  if (secret !== undefined)
    found.push({ kind: CARD_KEY.test(secret) ? 'card' : 'secret', rule: `key.${secret}`, ...span, confidence: 0.95 })
  const kind = keyKindOf(key)
  if (kind?.shape.test(trimmed) === true) found.push({ kind: kind.kind, rule: kind.rule, ...span, confidence: kind.confidence })
}

/** Sorted by place; of two that overlap the surer one stays, of equally sure ones the longer. */
function apart(found: Finding[]): Finding[] {
  if (found.length < 2) return found
  found.sort((a, b) => b.confidence - a.confidence || b.end - b.start - (a.end - a.start) || a.start - b.start)
  const kept: Finding[] = []
  const taken = new Taken()
  for (const finding of found) if (taken.take(finding)) kept.push(finding)
  return kept.sort((a, b) => a.start - b.start)
}

/** Which ranges are spoken for: kept in order, so that a long list stays cheap. */
class Taken {
  readonly #ranges: { start: number; end: number }[] = []

  take({ start, end }: { start: number; end: number }): boolean {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ranges[middle] as { end: number }).end <= start) low = middle + 1
      else high = middle
    }
    const next = this.#ranges[low]
    if (next !== undefined && next.start < end) return false
    this.#ranges.splice(low, 0, { start, end })
    return true
  }
}

/** A finding somewhere in a value: `path` says where in a list or object, `in` that it is a name of a key. */
export interface PlacedFinding extends Finding {
  path?: string
  in?: 'key'
}

const DEPTH_MAX = 32
const LEAVES_MAX = 10_000

/** All leaves and keys of a property. Offsets are those of each leaf's text; a number's is as JSON writes it. */
export function detectInProperty(key: string, value: JsonValue, least: number = SHOWN): PlacedFinding[] {
  const found: PlacedFinding[] = []
  let leaves = 0
  const visit = (name: string, member: JsonValue, path: string, depth: number): void => {
    if (++leaves > LEAVES_MAX || depth > DEPTH_MAX) return
    const place = path === '' ? {} : { path }
    if (typeof member === 'object' && member !== null) {
      const isList = Array.isArray(member)
      for (const [inner, child] of Object.entries(member)) {
        const below = isList ? `${path}[${inner}]` : path === '' ? inner : `${path}.${inner}`
        if (!isList) for (const finding of detect(inner, { least })) found.push({ ...finding, path: below, in: 'key' })
        visit(isList ? name : inner, child as JsonValue, below, depth + 1)
      }
    } else if (typeof member === 'string' || typeof member === 'number') {
      for (const finding of detect(String(member), { key: name, least })) found.push({ ...finding, ...place })
    }
  }
  for (const finding of detect(key, { least })) found.push({ ...finding, in: 'key' })
  visit(key, value, '', 0)
  return found
}

/** What the finding of a secret at the door says of its key. */
export function kindOfSecret(rule: string): PersonalKind {
  if (rule === 'card' || rule === 'card_number') return 'card'
  return rule.startsWith('url_p') && rule !== 'url_password' ? 'url_token' : 'secret'
}

/** Whether a key's words make more of its value than the text alone would say. */
const isTellingKey = remember(
  (key) => {
    const hint = wordsOf(key)
    return keyKindOf(key) !== undefined || ID_RULES.some(({ words }) => words.test(hint))
  },
  { entriesMax: 10_000, charactersMax: 64 },
)

/** For whoever remembers verdicts on texts: one under a telling key is its own. */
export function hintOf(key: string): string {
  return isTellingKey(key) ? key : ''
}

/**
 * Whether a text is of what no detector looks at: words, mostly, and ids and times that are nobody's. `findIn` above would try
 * nothing on it. Text that may be JSON is none.
 */
export function isPlainText(text: string): boolean {
  if (isNobodys(text)) return true
  const features = featuresOf(text)
  const { digits, ats, dots, colons, equals, dashes, braces } = features
  if (digits + ats + colons + equals + braces > 0 || dots >= 2 || dashes >= 5) return false
  return !(features.hasWords && mayHoldNames(features)) && !mayHoldSecrets(features) && !mayHaveViews(features)
}

/** The kind that keeps a value under `key` from standing open; `unscanned` when it is too long for anybody to say. */
export function personalKindIn(text: string, key = ''): PersonalKind | 'unscanned' | undefined {
  if (text.length > WALL_CHARACTERS_MAX) return 'unscanned'
  return detect(text, { key, least: HELD })[0]?.kind
}

/** Seconds and milliseconds of the years 2001 to 2033: one in a hundred of them has the check digits of somebody's number. */
function isClock(value: number): boolean {
  return (value >= 1e9 && value < 2e9) || (value >= 1e12 && value < 2e12)
}

/** What a number, written out, could be: a card, a telephone or a national number. Short ones and fractions are nothing. */
export function personalKindOfNumber(value: number): PersonalKind | 'unscanned' | undefined {
  if (!Number.isInteger(value) || Math.abs(value) < 1e8 || Math.abs(value) >= 1e19) return undefined
  return isClock(value) ? undefined : personalKindIn(String(Math.abs(value)))
}

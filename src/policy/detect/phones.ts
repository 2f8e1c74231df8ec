/**
 * Telephone numbers in text. With `+` the number says its country and libphonenumber decides; without it only shapes
 * that are hardly anything else count by themselves, since order numbers and prices are digits, too. Bare digits of the
 * right length are held back and told only near words that speak of a telephone.
 */
import { parsePhoneNumberFromString } from 'libphonenumber-js/min'
import type { CountryCode } from 'libphonenumber-js/min'
import { type Add, HELD, isNear, matchesIn } from './finding.ts'
import { mayBeNational } from './phone-shapes.ts'
import type { Range } from './views.ts'

const RUN = /(?:\(\+|[+(])?\d[\d ().\-/]*\d/g
const INTERNATIONAL = /^(?:\(?\+|00|011)[ -]?\d/
const DATE_LIKE = /^(?:\d{1,2}[.\-/]\d{1,2}[.\-/]\d{2,4}|\d{4}[.\-/]\d{1,2}[.\-/]\d{1,2})/
const NORTH_AMERICAN = /^(?:1[ .-]?)?(?:\([2-9]\d{2}\)[ -]?|[2-9]\d{2}[ .\-/])[2-9]\d{2}[ .-]?\d{4}$/
/** Area codes never begin with 1; people who make numbers up do not know. */
const NORTH_AMERICAN_SHAPE = /^(?:1[ .-]?)?(?:\(\d{3}\) ?\d{3}[ .-]?\d{4}|\d{3}([.-])\d{3}\1\d{4})$/
const INDIAN = /^(?:0|91[ -]?)?[6-9]\d{4}[ -]?\d{5}$/
const CHINESE_MOBILE = /^1[3-9]\d{9}$/
const EXTENSION = /^(?:x|ext|extn|extension)\.?\s?\d/i
const TRUNK = /^(?:\(0\d{1,5}\)|0\d{0,5}|0[ -]?\(\d{2,5}\))[ .\-/]{1,2}\d{2,5}(?:[ .\-/]?\d{2,5}){0,4}$/
/** Regions whose trunk prefix is 0, asked for numbers written without separators. */
const TRUNK_REGIONS: readonly CountryCode[] = ['GB', 'DE', 'FR', 'AU', 'JP', 'NL', 'IN', 'CH', 'BE', 'SE']
const WORDS =
  /(?<![a-z])(?:phones?|tel(?:ephone|efon|\.)?|mobil(?:e|nr)?|cell(?:phone)?|call(?:ed|ing)?|sms|text(?:ed)?|whats ?app|fax|contact|dial|ring|handy|ph|mob|cep|my (?:[a-z]{2,12} )?number(?: is)?|m\u00f3vil|telefono|t\u00e9l\u00e9phone|portable)(?![a-z])|\u092b\u094b\u0928|\u092e\u094b\u092c\u093e\u0907\u0932|\u7535\u8bdd|\u96fb\u8a71|\u0442\u0435\u043b\u0435\u0444\u043e\u043d/i
const TURKISH = /^0?5\d{2}[ -]\d{3}[ -]\d{2}[ -]\d{2}$/
const GROUP = /(?:\(\+|[+(])?\d+\)?/g
const GROUPS_MAX = 24

const NONE = 0
const BARE = 0.35

function isValidIn(digits: string, region: CountryCode): boolean {
  return mayBeNational(digits, region) && parsePhoneNumberFromString(digits, region)?.isValid() === true
}

/** Confidence that a run of digits and separators, as a whole, is a telephone number. */
function confidenceOf(run: string): number {
  const digits = run.replaceAll(/\D/g, '')
  if (digits.length < 6 || digits.length > 18) return NONE
  if (INTERNATIONAL.test(run)) return internationalConfidence(run, digits)
  const text = run.trim()
  if (digits.length < 7 || DATE_LIKE.test(text) || /^\d+\.\d+$/.test(text)) return NONE
  const isBare = /^\d+$/.test(text)
  if (!isBare) {
    if (NORTH_AMERICAN.test(text)) return 0.85
    if (NORTH_AMERICAN_SHAPE.test(text)) return 0.55
    if (INDIAN.test(text)) return 0.7
    if (TRUNK.test(text) && digits.length >= 9 && digits.length <= 12) return digits.length === 9 ? 0.4 : 0.75
    if (TURKISH.test(text)) return isValidIn(digits, 'TR') ? 0.55 : NONE
    return digits.length >= 7 && digits.length <= 12 && /^[\d(]+[ )-]/.test(text) ? 0.1 : NONE
  }
  if (INDIAN.test(text) || CHINESE_MOBILE.test(digits)) return BARE
  if (digits.length === 10 && digits[0] !== '0') return isValidIn(digits, 'US') ? BARE : 0.1
  if (digits[0] === '0' && digits.length >= 10 && digits.length <= 12 && TRUNK_REGIONS.some((region) => isValidIn(digits, region)))
    return BARE
  return digits.length >= 8 && digits.length <= 13 ? 0.1 : NONE
}

function internationalConfidence(run: string, digits: string): number {
  const hasPlus = run.includes('+')
  const parsed = parsePhoneNumberFromString(`+${hasPlus ? digits : digits.replace(/^(?:00|011)/, '')}`)
  if (parsed?.isPossible() !== true) return NONE
  if (hasPlus) return parsed.isValid() ? 0.97 : 0.8
  // Numbers filled up with zeros look like a call abroad.
  if (!parsed.isValid()) return 0.1
  return /^\d+$/.test(run) ? (parsed.countryCallingCode === '1' ? 0.1 : 0.6) : 0.85
}

/** Runs that stand in a longer word or decimal number are left alone. */
export function findPhones(text: string, add: Add, hint: string): void {
  for (const match of matchesIn(text, RUN)) {
    const [run] = match
    if (run.length < 6 || isInside(text, match.index, run)) continue
    for (const { start, end, confidence } of partsOf(run)) {
      const span = { start: match.index + start, end: match.index + end }
      const isTold = confidence < 0.5 && isNear(text, span, WORDS, hint)
      const sure = isTold ? (confidence >= BARE ? 0.9 : 0.55) : confidence
      if (sure >= HELD) add({ kind: 'phone', rule: 'phone', ...span, confidence: sure })
    }
  }
}

function isInside(text: string, start: number, run: string): boolean {
  const before = text[start - 1] ?? ' '
  const hasPlus = run.includes('+')
  // A build number (`1.0.0+20130313`), or the sign of a query where a space was.
  if (
    hasPlus
      ? /[\d+]/.test(before) || (/[a-z]/i.test(before) && /\d/.test(text[start - 2] ?? ''))
      : /[\p{L}\p{N}_.@#$\u20ac\u00a3-]/u.test(before)
  ) {
    return true
  }
  const after = text[start + run.length] ?? ' '
  if (!/[\p{L}_@%]/u.test(after)) return after === '-' && /[a-z0-9]/i.test(text[start + run.length + 1] ?? '')
  return !EXTENSION.test(text.slice(start + run.length, start + run.length + 14))
}

interface Part extends Range {
  confidence: number
}

/** A run may hold a number and others around it; it is tried whole first, then without its first and last groups. */
function partsOf(run: string): Part[] {
  const whole = confidenceOf(run)
  if (whole > 0.1) return [{ start: 0, end: run.length, confidence: whole }]
  const groups = matchesIn(run, GROUP).map((group) => ({ start: group.index, end: group.index + group[0].length }))
  const parts: Part[] = []
  for (let first = 0; first < groups.length && first < GROUPS_MAX; first++) {
    for (let last = Math.min(groups.length - 1, first + 6); last >= first; last--) {
      const span = { start: (groups[first] as Range).start, end: (groups[last] as Range).end }
      // Groups of one number belong together: a part that begins or ends within a chain of dashes is none.
      if (isCut(run[span.start - 1]) || isCut(run[span.end])) continue
      const part = run.slice(span.start, span.end)
      const isSure = span.start === 0 || /^[(+]/.test(part)
      const confidence = Math.min(confidenceOf(part), isSure ? 1 : BARE)
      if (confidence <= 0.1) continue
      parts.push({ ...span, confidence })
      first = last
      break
    }
  }
  return parts.length === 0 && whole > 0 ? [{ start: 0, end: run.length, confidence: whole }] : parts
}

function isCut(neighbour: string | undefined): boolean {
  return neighbour !== undefined && /[\d.\-/]/.test(neighbour)
}

/**
 * Telephone numbers in text. With `+` the number says its country and libphonenumber decides; without it only shapes
 * that are hardly anything else count, since order numbers and prices are digits, too.
 */
import { parsePhoneNumberFromString } from 'libphonenumber-js/min'
import type { CountryCode } from 'libphonenumber-js/min'

export interface Span {
  start: number
  end: number
}

const RUN = /[+(]?\d[\d ().\-/\u2010-\u2015]*\d/g
const INTERNATIONAL = /^(?:\+|00|011)\d/
const DATE_LIKE = /^(?:\d{1,2}[.\-/]\d{1,2}[.\-/]\d{2,4}|\d{4}[.\-/]\d{1,2}[.\-/]\d{1,2})/
const NORTH_AMERICAN = /^(?:1[ .-]?)?(?:\([2-9]\d{2}\)[ -]?|[2-9]\d{2}[ .\-/])[2-9]\d{2}[ .-]?\d{4}$/
const INDIAN = /^(?:0|91[ -]?)?[6-9]\d{4}[ -]?\d{5}$/
const CHINESE_MOBILE = /^1[3-9]\d{9}$/
const EXTENSION = /^(?:x|ext|extn|extension)\.?\s?\d/i
const TRUNK = /^(?:\(0\d{1,5}\)|0\d{0,5}|0[ -]?\(\d{2,5}\))[ .\-/]{1,2}\d{2,5}(?:[ .\-/]?\d{2,5}){0,4}$/
/** Regions whose trunk prefix is 0, asked for numbers written without separators. */
const TRUNK_REGIONS: readonly CountryCode[] = ['GB', 'DE', 'FR', 'AU', 'JP', 'NL', 'IN', 'CH', 'BE', 'SE']

function isValidIn(digits: string, region: CountryCode): boolean {
  return parsePhoneNumberFromString(digits, region)?.isValid() === true
}

function isPhoneRun(run: string): boolean {
  const digits = run.replaceAll(/\D/g, '')
  if (digits.length < 7 || digits.length > 18) return false
  if (INTERNATIONAL.test(run) || run.startsWith('+')) {
    const number = `+${digits.replace(run.startsWith('+') ? /^/ : /^(?:00|011)/, '')}`
    return parsePhoneNumberFromString(number)?.isPossible() === true
  }
  const text = run.replaceAll(/[\u2010-\u2015]/g, '-').trim()
  if (DATE_LIKE.test(text)) return false
  if (NORTH_AMERICAN.test(text) || INDIAN.test(text)) return true
  if (TRUNK.test(text) && digits.length >= 9 && digits.length <= 12) return true
  if (!/^\d+$/.test(text)) return false
  if (CHINESE_MOBILE.test(digits)) return true
  if (digits.length === 10 && digits[0] !== '0') return isValidIn(digits, 'US')
  return digits[0] === '0' && digits.length >= 10 && digits.length <= 12 && TRUNK_REGIONS.some((region) => isValidIn(digits, region))
}

/** Spans in `text`. Runs that stand in a longer word or decimal number are left alone. */
export function findPhones(text: string): Span[] {
  const found: Span[] = []
  for (const match of text.matchAll(RUN)) {
    const before = text[match.index - 1]
    if (before !== undefined && /[\p{L}\p{N}_.]/u.test(before) && match[0][0] !== '+') continue
    const after = text[match.index + match[0].length]
    const rest = text.slice(match.index + match[0].length, match.index + match[0].length + 14)
    if (after !== undefined && /[\p{L}_]/u.test(after) && !EXTENSION.test(rest)) continue
    for (const part of partsOf(match[0])) {
      const start = match.index + part.start
      const end = match.index + part.end
      if (isPhoneRun(text.slice(start, end))) found.push({ start, end })
    }
  }
  return found
}

/** A run may hold a number and others around it; it is tried whole first, then without its first and last groups. */
function partsOf(run: string): Span[] {
  if (isPhoneRun(run)) return [{ start: 0, end: run.length }]
  const groups = [...run.matchAll(/[+(]?\d+\)?/g)].map((group) => ({ start: group.index, end: group.index + group[0].length }))
  const parts: Span[] = []
  const GROUPS_MAX = 24
  for (let first = 0; first < groups.length && first < GROUPS_MAX; first++) {
    for (let last = Math.min(groups.length - 1, first + 5); last >= first; last--) {
      const span = { start: (groups[first] as Span).start, end: (groups[last] as Span).end }
      if (isPhoneRun(run.slice(span.start, span.end))) {
        parts.push(span)
        first = last
        break
      }
    }
  }
  return parts
}

/** What detectors say, and how one is written. */
import { remember } from '#base/remember.ts'
import type { PersonalKind } from '#model/personal-kind.ts'

export interface Finding {
  kind: PersonalKind
  /** Which one of the kind, `in.aadhaar` say. */
  rule?: string
  /** UTF-16 units. */
  start: number
  end: number
  /** 0 to 1. Whoever shows findings takes `SHOWN` and above, whoever lets values pass only what has none from `HELD` on. */
  confidence: number
}

/** From here on a finding is worth telling: more often right than not on the material that it was measured with. */
export const SHOWN = 0.5
/** From here on a value waits: one number in ten that looks like a telephone is enough. */
export const HELD = 0.3

export type Add = (finding: Finding) => void

const NONE: readonly RegExpExecArray[] = []

/**
 * Each match of a global pattern, which is never empty. Most texts have none, and an iterator with a copy of the pattern, as
 * `matchAll` makes it, costs more than finding that out.
 */
export function matchesIn(text: string, pattern: RegExp): readonly RegExpExecArray[] {
  pattern.lastIndex = 0
  let match = pattern.exec(text)
  if (match === null) return NONE
  const matches: RegExpExecArray[] = []
  for (; match !== null; match = pattern.exec(text)) matches.push(match)
  return matches
}

const BEFORE = 48
const AFTER = 24

/** Whether words that match stand close to a place, or in the name of the key. */
export function isNear(text: string, { start, end }: { start: number; end: number }, words: RegExp, hint: string): boolean {
  if (hint !== '' && words.test(hint)) return true
  return words.test(text.slice(Math.max(0, start - BEFORE), start)) || words.test(text.slice(end, end + AFTER))
}

/** The words of a key: `billingAddress_line1` is `billing Address line1`. Keys repeat with every event. */
export const wordsOf = remember(
  (key) =>
    key
      .slice(0, 128)
      .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
      .replaceAll(/[^\p{L}\p{N}\p{M}]+/gu, ' '),
  { entriesMax: 10_000, charactersMax: 64 },
)

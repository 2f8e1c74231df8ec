/** How a rule for a number of the state is written. Numbers are compared in upper case without separators. */
import type { PersonalKind } from '#model/personal-kind.ts'
import { isDay } from './checksums.ts'

export interface IdRule {
  rule: string
  kind: PersonalKind
  /** The number without separators; tried only on texts of the right length. */
  shape: RegExp
  lengths: readonly number[]
  /** Check digits, dates inside. */
  isValid?: (bare: string) => boolean
  /** How it is written in groups, their lengths joined by the separators: `3-2-4`, `3.3.3-2`, `4 4 4`. A space stands for a dash, too. */
  groups?: readonly string[]
  /** Confidence when it stands in these groups, without separators, and near its words. 0 or absent: says nothing by itself. */
  grouped?: number
  bare?: number
  near?: number
  words: RegExp
  /** Written in capitals only. */
  isUpperCase?: true
}

/** Words are found as they stand in a sentence or a key, in lower or upper case; `\b` knows Latin letters only. */
export function words(...alternatives: string[]): RegExp {
  return new RegExp(`(?<![A-Za-z])(?:${alternatives.join('|')})(?![a-z])`, 'i')
}

export function number(text: string, from: number, length: number): number {
  return Number(text.slice(from, from + length))
}

export function digit(text: string, at: number): number {
  return text.charCodeAt(at) - 48
}

export function isDayMonthYear(bare: string): boolean {
  return isDay(number(bare, 4, 2), number(bare, 2, 2), number(bare, 0, 2))
}

/** Some countries add to the month for the century, or to the day for whoever has no number yet: remainders by `month`, `day`. */
export function isYearMonthDay(bare: string, { month = 100, day = 100, at = 0 } = {}): boolean {
  return isDay(number(bare, at, 2), number(bare, at + 2, 2) % month, number(bare, at + 4, 2) % day)
}

/** Payment cards and bank accounts: numbers that carry their own proof. */
import { IBAN_LENGTHS, isCardNumber, isIban, isLuhn } from './checksums.ts'
import { type Add, isNear, matchesIn } from './finding.ts'
import { words } from './id-rules.ts'

const DIGIT_RUN = /\d+(?:[ -]\d+)*/g
const GROUP = /\d+/g
const CARD_DIGITS_MIN = 12
const CARD_DIGITS_MAX = 19
const CARD_WORDS = words(
  '(?:credit|debit|payment|bank) ?card',
  'card(?: ?(?:no|number|num))?',
  'visa',
  'master ?card',
  'amex',
  'uatp',
  'cc',
)

/** Written whole or in groups. A group that belongs to a decimal fraction or a longer name, or follows `+`, is none. */
export function findCards(text: string, add: Add, hint: string): void {
  for (const { 0: run, index } of matchesIn(text, DIGIT_RUN)) {
    if (run.length < CARD_DIGITS_MIN || isInside(text, index, index + run.length)) continue
    const groups = matchesIn(run, GROUP).map((group) => ({ start: group.index, end: group.index + group[0].length }))
    for (let first = 0; first < groups.length; first++) {
      const last = cardFrom(run, groups, first)
      if (last < 0) {
        if (groups.length === 1) addByWords(text, index, run, add, hint)
        continue
      }
      const start = index + (groups[first]?.start as number)
      add({ kind: 'card', rule: 'card', start, end: index + (groups[last]?.end as number), confidence: first === last ? 0.9 : 0.95 })
      first = last
    }
  }
}

/** Part of a decimal fraction, of a name, or of an identifier whose other groups have letters (`…-a716-446655440000`). */
function isInside(text: string, start: number, end: number): boolean {
  const before = text.slice(Math.max(0, start - 13), start)
  const after = text.slice(end, end + 13)
  return (
    /[\p{L}+_]$|\d[.,]$|[A-Za-z0-9]*\d[A-Za-z0-9]*-$/u.test(before) ||
    /^(?:[\p{L}_]|[.,]\d|-(?=[A-Za-z0-9]*\d)[A-Za-z0-9]*[A-Za-z])/u.test(after)
  )
}

/** Index of the group with which a card number ends that begins at group `first`; -1 for none. */
function cardFrom(run: string, groups: readonly { start: number; end: number }[], first: number): number {
  let digits = ''
  let hit = -1
  for (let last = first; last < groups.length && digits.length < CARD_DIGITS_MAX; last++) {
    const { start, end } = groups[last] as { start: number; end: number }
    digits += run.slice(start, end)
    // Cards are written in groups of four or more; the last may be shorter.
    if (last > first && end - start < 3 && last < groups.length - 1) return hit
    if (isCardNumber(digits)) hit = last
    else if (hit >= 0) return hit
  }
  return hit
}

/** Issuers of the odd lengths are believed only where somebody says that it is a card. */
function addByWords(text: string, start: number, digits: string, add: Add, hint: string): void {
  if (digits.length > CARD_DIGITS_MAX || !isLuhn(digits) || /^0+$/.test(digits)) return
  const span = { start, end: start + digits.length }
  if (isNear(text, span, CARD_WORDS, hint)) add({ kind: 'card', rule: 'card', ...span, confidence: 0.8 })
}

const IBAN_START = /(?<![A-Za-z0-9])([A-Za-z]{2})\d{2}(?=[ -]?[A-Za-z0-9])/g

/** The country says how long it is, so that words after it are left alone. */
export function findIbans(text: string, add: Add): void {
  for (const { 0: head, 1: country, index } of matchesIn(text, IBAN_START)) {
    const length = IBAN_LENGTHS.get((country as string).toUpperCase())
    if (length === undefined) continue
    let bare = head
    let at = index + head.length
    while (bare.length < length) {
      const isSeparated = (text[at] === ' ' || text[at] === '-') && bare.length % 2 === 0
      const next = text[isSeparated ? at + 1 : at]
      if (next === undefined || !/[A-Za-z0-9]/.test(next)) break
      bare += next
      at += isSeparated ? 2 : 1
    }
    const isWhole = bare.length === length && !/[A-Za-z0-9]/.test(text[at] ?? '')
    if (isWhole && isIban(bare.toUpperCase()))
      add({ kind: 'iban', rule: `iban.${bare.slice(0, 2).toLowerCase()}`, start: index, end: at, confidence: 0.97 })
  }
}

/**
 * Numbers that a state gives to people, vehicles and papers. Candidates are words that hold digits, alone or up to six
 * joined by single separators, between clear edges; a rule is tried only on a candidate of its length, so the work is a
 * constant for each word of the text, however many rules there are.
 */
import { type Add, HELD, isNear } from './finding.ts'
import type { IdRule } from './id-rules.ts'
import { AMERICAN_IDS } from './ids-americas.ts'
import { ASIAN_IDS } from './ids-asia.ts'
import { EASTERN_EUROPEAN_IDS } from './ids-eastern-europe.ts'
import { TRAVEL_IDS } from './ids-travel.ts'
import { WESTERN_EUROPEAN_IDS } from './ids-western-europe.ts'

export const ID_RULES: readonly IdRule[] = [...AMERICAN_IDS, ...ASIAN_IDS, ...EASTERN_EUROPEAN_IDS, ...WESTERN_EUROPEAN_IDS, ...TRAVEL_IDS]

const LENGTH_MAX = Math.max(...ID_RULES.flatMap(({ lengths }) => lengths))
const LENGTH_MIN = Math.min(...ID_RULES.flatMap(({ lengths }) => lengths))
const WORDS_MAX = 7
/** Groups of letters alone are short; longer ones are words of the sentence. */
const FIRST_LETTERS_MAX = 4
const LETTERS_MAX = 3

/** What has no letter in its shape never fits a candidate with letters, and most of the others no bare digits: those are not tried. */
const BY_LENGTH = Array.from({ length: LENGTH_MAX + 1 }, (_, length) => ID_RULES.filter(({ lengths }) => lengths.includes(length)))
const MAYBE_DIGITS = BY_LENGTH.map((rules, length) => rules.filter(({ shape }) => !namesLetters(shape) || fitsDigits(shape, length)))
const MAYBE_MIXED = BY_LENGTH.map((rules) => rules.filter(({ shape }) => namesLetters(shape)))

function namesLetters({ source }: RegExp): boolean {
  return /[A-Z]/i.test(source.replaceAll('\\d', ''))
}

/** Whether letters in a shape may be absent: asked of some hundred digits, once. */
function fitsDigits(shape: RegExp, length: number): boolean {
  return Array.from({ length: 500 }, (_, seed) =>
    String((seed + 1) * 7_654_321_987)
      .repeat(3)
      .slice(0, length),
  ).some((text) => shape.test(text))
}

interface Word {
  start: number
  end: number
  hasDigit: boolean
  hasLetter: boolean
}

/** 0 for what is no letter or digit, 1 digit, 2 letter, 3 a letter beyond ASCII or a joint: part of a name. */
function classAt(text: string, at: number): number {
  if (at < 0 || at >= text.length) return 0
  const code = text.charCodeAt(at)
  if (code >= 48 && code <= 57) return 1
  if ((code >= 97 && code <= 122) || (code >= 65 && code <= 90)) return 2
  return code > 127 || code === 95 || code === 45 || code === 64 || code === 43 ? 3 : 0
}

function wordsIn(text: string): Word[] {
  const words: Word[] = []
  let start = -1
  let hasDigit = false
  let hasLetter = false
  for (let at = 0; at <= text.length; at++) {
    const kind = classAt(text, at)
    if (kind === 1 || kind === 2) {
      if (start < 0) start = at
      if (kind === 1) hasDigit = true
      else hasLetter = true
    } else if (start >= 0) {
      words.push({ start, end: at, hasDigit, hasLetter })
      start = -1
      hasDigit = false
      hasLetter = false
    }
  }
  return words
}

export function findIds(text: string, add: Add, hint: string): void {
  const words = wordsIn(text)
  for (let first = 0; first < words.length; first++) {
    if (opensHere(text, (words[first] as Word).start)) tryFrom(text, words, first, add, hint)
  }
}

/** Not in the middle of a longer name, number or address. */
function opensHere(text: string, start: number): boolean {
  const before = text[start - 1]
  if (before === '.' || before === ',' || before === '/') return classAt(text, start - 2) !== 1
  return classAt(text, start - 1) === 0
}

function closesHere(text: string, end: number): boolean {
  const after = text[end]
  const kind = after === '.' || after === ',' || after === '/' ? classAt(text, end + 1) : classAt(text, end)
  return kind === 0 || (kind === 3 && (after === '.' || after === ','))
}

function isSeparator(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === 32 || code === 45 || code === 46 || code === 47 || code === 43
}

function tryFrom(text: string, words: readonly Word[], first: number, add: Add, hint: string): void {
  const { start } = words[first] as Word
  let hasDigit = false
  let hasLetter = false
  let length = 0
  for (let last = first; last < words.length && last < first + WORDS_MAX; last++) {
    const word = words[last] as Word
    if (last > first && (word.start !== (words[last - 1] as Word).end + 1 || !isSeparator(text, word.start - 1))) return
    if (!word.hasDigit && word.end - word.start > (last === first ? FIRST_LETTERS_MAX : LETTERS_MAX)) return
    length += word.end - word.start
    if (length > LENGTH_MAX) return
    hasDigit ||= word.hasDigit
    hasLetter ||= word.hasLetter
    if (!hasDigit || length < LENGTH_MIN || !closesHere(text, word.end)) continue
    const rules = (hasLetter ? MAYBE_MIXED : MAYBE_DIGITS)[length] as readonly IdRule[]
    if (rules.length > 0) tryRules(text, rules, candidateOf(text, start, words.slice(first, last + 1)), add, hint)
  }
}

function candidateOf(text: string, start: number, words: readonly Word[]): Candidate {
  let bare = ''
  let groups = ''
  for (const word of words) {
    if (bare !== '') groups += text[word.start - 1]
    bare += text.slice(word.start, word.end)
    groups += String(word.end - word.start)
  }
  return { start, end: (words.at(-1) as Word).end, bare: bare.toUpperCase(), groups }
}

function tryRules(text: string, rules: readonly IdRule[], candidate: Candidate, add: Add, hint: string): void {
  for (const rule of rules) tryRule(text, rule, candidate, add, hint)
}

/** A group of digits right before or after: some of a longer number. */
function isCut(text: string, start: number, end: number): boolean {
  return /\d[A-Z]{0,4} $/.test(text.slice(Math.max(0, start - 6), start)) || /^ \d/.test(text.slice(end, end + 2))
}

interface Candidate {
  start: number
  end: number
  bare: string
  groups: string
}

function tryRule(text: string, rule: IdRule, { start, end, bare, groups }: Candidate, add: Add, hint: string): void {
  if (!rule.shape.test(bare) || rule.isValid?.(bare) === false) return
  if (rule.isUpperCase === true && /[a-z]/.test(text.slice(start, end))) return
  const isBare = end - start === bare.length
  const isGrouped =
    !isBare && rule.groups !== undefined && (rule.groups.includes(groups) || rule.groups.includes(groups.replaceAll(' ', '-')))
  let confidence = (isBare ? rule.bare : isGrouped && !isCut(text, start, end) ? rule.grouped : 0) ?? 0
  const { near = 0 } = rule
  if (near > confidence && isNear(text, { start, end }, rule.words, hint)) confidence = near
  if (confidence >= HELD) add({ kind: rule.kind, rule: rule.rule, start, end, confidence })
}

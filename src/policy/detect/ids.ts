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
import { markOf } from './marks.ts'
import type { Features } from './prescan.ts'

export const ID_RULES: readonly IdRule[] = [...AMERICAN_IDS, ...ASIAN_IDS, ...EASTERN_EUROPEAN_IDS, ...WESTERN_EUROPEAN_IDS, ...TRAVEL_IDS]

const LENGTH_MAX = Math.max(...ID_RULES.flatMap(({ lengths }) => lengths))
const LENGTH_MIN = Math.min(...ID_RULES.flatMap(({ lengths }) => lengths))
const WORDS_MAX = 7
/** Groups of letters alone are short; longer ones are words of the sentence. */
const FIRST_LETTERS_MAX = 4
const LETTERS_MAX = 3

/** The rules of a length. */
const BY_LENGTH = Array.from({ length: LENGTH_MAX + 1 }, (_, length) => ID_RULES.filter(({ lengths }) => lengths.includes(length)))
/** Words that make more of a number than it says by itself. */
const ID_WORDS = markOf(...new Set(ID_RULES.flatMap(({ near, words }) => (near === undefined ? [] : [words]))))

/** What a shape says of letters and digits alone: a literal is its class, what only looks ahead or back is left out. */
export function classShape({ source }: RegExp): RegExp {
  const classes = source
    .replaceAll(/\(\?<?[=!][^()]*\)/g, '')
    .replaceAll(/\\d|\{[\d,]+\}|\[[^\]]*\]|\(\?:|[A-Z\x80-\uffff]|\d/g, (part) => {
      if (part.startsWith('{') || part === '(?:') return part
      if (part.length === 1 || part === '\\d') return /[A-Z\x80-\uffff]/.test(part) ? 'L' : 'D'
      return `[${/\\d|\d/.test(part) ? 'D' : ''}${/[A-Z]/.test(part) ? 'L' : ''}]`
    })
  return new RegExp(classes)
}

const CLASS_SHAPES = new Map(ID_RULES.map(({ shape }) => [shape, classShape(shape)]))

interface Rules {
  all: readonly IdRule[]
  /** Those that need no words. */
  telling: readonly IdRule[]
}

/** Rules by which characters are letters, one bit each after a leading 1: found once for each order of letters and digits that is met. */
const BY_CLASSES = new Map<number, Rules>()
const BY_CLASSES_MAX = 20_000

function rulesFor(classes: number, length: number): Rules {
  const known = BY_CLASSES.get(classes)
  if (known !== undefined) return known
  const text = classes.toString(2).slice(1).replaceAll('1', 'L').replaceAll('0', 'D')
  const all = (BY_LENGTH[length] as readonly IdRule[]).filter(({ shape }) => CLASS_SHAPES.get(shape)?.test(text))
  const rules = { all, telling: all.filter(({ bare, grouped }) => bare !== undefined || grouped !== undefined) }
  if (BY_CLASSES.size < BY_CLASSES_MAX) BY_CLASSES.set(classes, rules)
  return rules
}

/** Words of the text that is looked at: where each begins and ends, and its letters and digits as above; 0 for one that is too long. */
let begins = new Int32Array(256)
let ends = new Int32Array(256)
let orders = new Int32Array(256)

function grow(): void {
  const size = begins.length * 2
  const longer = [begins, ends, orders].map((list) => {
    const copy = new Int32Array(size)
    copy.set(list)
    return copy
  })
  ;[begins, ends, orders] = longer as [Int32Array<ArrayBuffer>, Int32Array<ArrayBuffer>, Int32Array<ArrayBuffer>]
}

/** 0 for what is no letter or digit, 1 digit, 2 letter, 3 a letter beyond ASCII or a joint: part of a name. */
function classAt(text: string, at: number): number {
  if (at < 0 || at >= text.length) return 0
  return classOf(text.charCodeAt(at))
}

function classOf(code: number): number {
  if (code >= 48 && code <= 57) return 1
  if ((code >= 97 && code <= 122) || (code >= 65 && code <= 90)) return 2
  return code > 127 || code === 95 || code === 45 || code === 64 || code === 43 ? 3 : 0
}

/** Their number. */
function findWords(text: string): number {
  let count = 0
  let order = 1
  let start = -1
  const { length } = text
  for (let at = 0; at <= length; at++) {
    const kind = at < length ? classOf(text.charCodeAt(at)) : 0
    if (kind === 1 || kind === 2) {
      if (start < 0) start = at
      order = (order << 1) | (kind - 1)
    } else if (start >= 0) {
      if (count === begins.length) grow()
      begins[count] = start
      ends[count] = at
      orders[count++] = at - start > LENGTH_MAX ? 0 : order
      start = -1
      order = 1
    }
  }
  return count
}

export function findIds(text: string, { marks }: Features, add: Add, hint: string): void {
  const count = findWords(text)
  const isTold = hint !== '' || (marks & ID_WORDS) !== 0
  for (let first = 0; first < count; first++) {
    if (orders[first] !== 0 && opensHere(text, begins[first] as number)) tryFrom(text, { first, count, isTold }, add, hint)
  }
}

const SLASH = 0x2f

/** `.`, `,` and `/` end a number unless another follows. */
function isMark(code: number): boolean {
  return code === 0x2e || code === 0x2c || code === SLASH
}

/** Not in the middle of a longer name, number or address. */
function opensHere(text: string, start: number): boolean {
  if (start === 0) return true
  const before = text.charCodeAt(start - 1)
  return isMark(before) ? classAt(text, start - 2) !== 1 : classOf(before) === 0
}

function closesHere(text: string, end: number): boolean {
  if (end === text.length) return true
  const after = text.charCodeAt(end)
  const kind = isMark(after) ? classAt(text, end + 1) : classOf(after)
  return kind === 0 || (kind === 3 && isMark(after) && after !== SLASH)
}

function isSeparator(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === 32 || code === 45 || code === 46 || code === 47 || code === 43
}

interface Place {
  first: number
  count: number
  /** Whether words that say what a number is may stand here. */
  isTold: boolean
}

function hasDigits(order: number, length: number): boolean {
  return order !== (2 << length) - 1
}

function tryFrom(text: string, { first, count, isTold }: Place, add: Add, hint: string): void {
  let length = 0
  let hasDigit = false
  let classes = 1
  for (let last = first; last < count && last < first + WORDS_MAX; last++) {
    const begin = begins[last] as number
    const end = ends[last] as number
    const order = orders[last] as number
    if (order === 0 || (last > first && (begin !== (ends[last - 1] as number) + 1 || !isSeparator(text, begin - 1)))) return
    const wordHasDigit = hasDigits(order, end - begin)
    if (!wordHasDigit && end - begin > (last === first ? FIRST_LETTERS_MAX : LETTERS_MAX)) return
    length += end - begin
    if (length > LENGTH_MAX) return
    hasDigit ||= wordHasDigit
    classes = (classes << (end - begin)) | (order ^ (1 << (end - begin)))
    if (!hasDigit || length < LENGTH_MIN || !closesHere(text, end)) continue
    const { all, telling } = rulesFor(classes, length)
    const rules = isTold ? all : telling
    if (rules.length === 0) continue
    const candidate = candidateOf(text, first, last)
    for (const rule of rules) tryRule(text, rule, candidate, isTold, add, hint)
  }
}

function candidateOf(text: string, first: number, last: number): Candidate {
  let bare = ''
  let groups = ''
  for (let word = first; word <= last; word++) {
    const begin = begins[word] as number
    const end = ends[word] as number
    if (bare !== '') groups += text[begin - 1]
    bare += text.slice(begin, end)
    groups += String(end - begin)
  }
  return { start: begins[first] as number, end: ends[last] as number, bare: bare.toUpperCase(), groups }
}

/** A number that stands in the text in one piece has no groups. */
function isWhole({ start, end, bare }: Candidate): boolean {
  return end - start === bare.length
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

function tryRule(text: string, rule: IdRule, candidate: Candidate, isTold: boolean, add: Add, hint: string): void {
  const { start, end, bare, groups } = candidate
  if (!rule.shape.test(bare) || rule.isValid?.(bare) === false) return
  if (rule.isUpperCase === true && /[a-z]/.test(text.slice(start, end))) return
  const isBare = isWhole(candidate)
  const isGrouped =
    !isBare && rule.groups !== undefined && (rule.groups.includes(groups) || rule.groups.includes(groups.replaceAll(' ', '-')))
  let confidence = (isBare ? rule.bare : isGrouped && !isCut(text, start, end) ? rule.grouped : 0) ?? 0
  const { near = 0 } = rule
  if (isTold && near > confidence && isNear(text, { start, end }, rule.words, hint)) confidence = near
  if (confidence >= HELD) add({ kind: rule.kind, rule: rule.rule, start, end, confidence })
}

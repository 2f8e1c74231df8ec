/**
 * One pass over the characters that tells which detectors can find anything at all. Most texts are words: for them
 * nothing else is done.
 */
import { BEGINNINGS, ENDINGS, EVERY_MARK, WHOLE_WORDS } from './marks.ts'
import { foldsToItself } from './views.ts'

export interface Features {
  digits: number
  upper: number
  lower: number
  spaces: number
  dots: number
  dashes: number
  colons: number
  /** `@`, `=`, `/`, `+`, and what stands for other characters: `%`, `&`, `\`, anything beyond ASCII. */
  ats: number
  equals: number
  slashes: number
  plus: number
  escapes: number
  /** `{` and `[`: what may be JSON. */
  braces: number
  beyondAscii: number
  /** Of those beyond ASCII: what may read as something else. */
  foldable: number
  /** A capital letter, or one of another script, after a gap. */
  hasWords: boolean
  /** Thirteen characters of a key without a gap, with a digit or a capital among them. */
  hasRun: boolean
  /** The longest stretch of characters of which keys and tokens are made. */
  longestRun: number
  /** Most digits with nothing but spaces, dots, dashes, slashes and brackets among them. */
  mostDigits: number
  /** Bits of `markOf`: whose words may stand here. */
  marks: number
}

const RUN_CHARACTERS = 13
const BASE64_CHARACTERS = 16
const CAPITAL_CHARACTERS = 5

/** Signs are counted in bits of two numbers, seven each, and every so many characters before one could run over. */
const COUNTED = 120
const BITS = 7
const FULL = (1 << BITS) - 1
const [SPACE, DOT, DASH, COLON] = [0, BITS, 2 * BITS, 3 * BITS]
const [AT, EQUALS, SLASH, PLUS] = [0, BITS, 2 * BITS, 3 * BITS]
/** What each sign adds. */
const FIRST_SIGNS = new Int32Array(128)
const SECOND_SIGNS = new Int32Array(128)
const [OTHER, JOINT, GAP, ESCAPE, BRACE] = [0, 1, 2, 4, 8]
/** Bits of what a sign is besides: a joint in keys and tokens, a gap between groups of digits. */
const TRAITS = new Uint8Array(128)

function define(signs: string, traits: number, table?: Int32Array, place = 0): void {
  for (const sign of signs) {
    const code = sign.charCodeAt(0)
    TRAITS[code] = traits
    if (table !== undefined) table[code] = 1 << place
  }
}

define(' \t\n\v\f\r', GAP, FIRST_SIGNS, SPACE)
define('.', JOINT | GAP, FIRST_SIGNS, DOT)
define('-', JOINT | GAP, FIRST_SIGNS, DASH)
define(':', OTHER, FIRST_SIGNS, COLON)
define('@', OTHER, SECOND_SIGNS, AT)
define('=', JOINT, SECOND_SIGNS, EQUALS)
define('/', JOINT | GAP, SECOND_SIGNS, SLASH)
define('+', JOINT, SECOND_SIGNS, PLUS)
define('_~', JOINT)
define('()', GAP)
define('%&\\', ESCAPE)
define('{[', BRACE)

/** The same text is asked about twice in a row: at the door, and when its value may open. */
let lastText: string | undefined
const last: Features = {
  digits: 0,
  upper: 0,
  lower: 0,
  spaces: 0,
  dots: 0,
  dashes: 0,
  colons: 0,
  ats: 0,
  equals: 0,
  slashes: 0,
  plus: 0,
  escapes: 0,
  braces: 0,
  beyondAscii: 0,
  foldable: 0,
  hasWords: false,
  hasRun: false,
  longestRun: 0,
  mostDigits: 0,
  marks: 0,
}

/** Valid until the next call: one object for all, since there is one for every text of every event. */
export function featuresOf(text: string): Features {
  if (text !== lastText) {
    lastText = text
    scan(text)
  }
  return last
}

function isSmallOrCapital(code: number): boolean {
  return ((code | 32) - 97) >>> 0 < 26
}

function isDigit(code: number): boolean {
  return (code - 48) >>> 0 < 10
}

/** Marks of the word between two places. */
export function marksOfWord(text: string, start: number, end: number): number {
  const first = text.charCodeAt(start)
  const length = end - start
  if (length === 1) return WHOLE_WORDS[first & 31] as number
  const two = ((first & 31) << 5) | (text.charCodeAt(start + 1) & 31)
  if (length === 2) return WHOLE_WORDS[two] as number
  const three = (two << 5) | (text.charCodeAt(start + 2) & 31)
  if (length === 3) return WHOLE_WORDS[three] as number
  const mark = BEGINNINGS[three] as number
  if (length <= CAPITAL_CHARACTERS || first >= 97) return mark
  const ended = ((text.charCodeAt(end - 3) & 31) << 10) | ((text.charCodeAt(end - 2) & 31) << 5) | (text.charCodeAt(end - 1) & 31)
  return mark | (ENDINGS[ended] as number)
}

function scan(text: string): void {
  const { length } = text
  let digits = 0
  let letters = 0
  let small = 0
  let first = 0
  let second = 0
  let escapes = 0
  let braces = 0
  let beyondAscii = 0
  let foldable = 0
  let hasWords = false
  let isAfterSpace = false
  let hasRun = false
  let isTelling = false
  let runStart = 0
  let longestRun = 0
  let digitsHere = 0
  let mostDigits = 0
  let marks = 0
  let counted = 0
  last.spaces = 0
  last.dots = 0
  last.dashes = 0
  last.colons = 0
  last.ats = 0
  last.equals = 0
  last.slashes = 0
  last.plus = 0
  let at = 0
  while (at < length) {
    let code = text.charCodeAt(at)
    const start = at
    if (isSmallOrCapital(code)) {
      if (isAfterSpace && code < 97) hasWords = true
      const smallBefore = small
      do {
        small += (code >> 5) & 1
        code = ++at < length ? text.charCodeAt(at) : 0
      } while (isSmallOrCapital(code))
      letters += at - start
      if (small - smallBefore !== at - start) isTelling = true
      marks |= marksOfWord(text, start, at)
      if (digitsHere > mostDigits) mostDigits = digitsHere
      digitsHere = 0
      isAfterSpace = false
      if (at === length) break
    }
    if (isDigit(code)) {
      const from = at
      do code = ++at < length ? text.charCodeAt(at) : 0
      while (isDigit(code))
      digits += at - from
      digitsHere += at - from
      isTelling = true
      isAfterSpace = false
      continue
    }
    if (isSmallOrCapital(code)) continue
    let traits = OTHER
    if (code < 128) {
      if (at - counted >= COUNTED) {
        addSigns(first, second)
        first = 0
        second = 0
        counted = at
      }
      traits = TRAITS[code] as number
      first += FIRST_SIGNS[code] as number
      second += SECOND_SIGNS[code] as number
      if ((traits & (ESCAPE | BRACE)) !== 0) {
        if (traits === ESCAPE) escapes++
        else braces++
      }
      isAfterSpace = traits === GAP && FIRST_SIGNS[code] !== 0
    } else {
      if (isAfterSpace) hasWords = true
      isAfterSpace = false
      beyondAscii++
      if (!foldsToItself(code)) foldable++
    }
    if ((traits & JOINT) === 0) {
      const run = at - runStart
      if (run > longestRun) longestRun = run
      if (isTelling && run >= RUN_CHARACTERS) hasRun = true
      runStart = at + 1
      isTelling = false
    }
    if ((traits & GAP) === 0) {
      if (digitsHere > mostDigits) mostDigits = digitsHere
      digitsHere = 0
    }
    at++
  }
  addSigns(first, second)
  const run = length - runStart
  last.digits = digits
  last.upper = letters - small
  last.lower = small
  last.escapes = escapes
  last.braces = braces
  last.beyondAscii = beyondAscii
  last.foldable = foldable
  last.hasWords = hasWords
  last.hasRun = hasRun || (isTelling && run >= RUN_CHARACTERS)
  last.longestRun = Math.max(run, longestRun)
  last.mostDigits = Math.max(digitsHere, mostDigits)
  // Words may go on in letters that are not counted as such.
  last.marks = beyondAscii > 0 ? EVERY_MARK : marks
}

function addSigns(first: number, second: number): void {
  last.spaces += (first >> SPACE) & FULL
  last.dots += (first >> DOT) & FULL
  last.dashes += (first >> DASH) & FULL
  last.colons += (first >> COLON) & FULL
  last.ats += (second >> AT) & FULL
  last.equals += (second >> EQUALS) & FULL
  last.slashes += (second >> SLASH) & FULL
  last.plus += (second >> PLUS) & FULL
}

/** Whether a text may read as another one: escapes, other scripts, base64. */
export function mayHaveViews({ escapes, foldable, longestRun, upper, lower }: Features): boolean {
  return escapes > 0 || foldable > 0 || (longestRun >= BASE64_CHARACTERS && upper > 0 && lower > 0)
}

const INSTANT = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$/
const UUID_CHARACTERS = 36
const UUID_DIGITS = 32
const DASH_CODE = 0x2d
const [DIGIT, LETTER] = [1, 2]
const HEX = Uint8Array.from({ length: 128 }, (_, code) => (isDigit(code) ? DIGIT : ((code | 32) - 97) >>> 0 < 6 ? LETTER : 0))

/** With letters in it: digits alone may be anything. With all its dashes or, as tools write it, none. */
function isUuid(text: string): boolean {
  const { length } = text
  if (length !== UUID_CHARACTERS && length !== UUID_DIGITS) return false
  let met = 0
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at)
    if (length === UUID_CHARACTERS && (at === 8 || at === 13 || at === 18 || at === 23)) {
      if (code !== DASH_CODE) return false
    } else {
      const kind = code < 128 ? (HEX[code] as number) : 0
      if (kind === 0) return false
      met |= kind
    }
  }
  return (met & LETTER) !== 0
}

/** Identifiers and times that every event is full of and that are nobody's: told before anything else is tried. */
export function isNobodys(text: string): boolean {
  if (isUuid(text)) return true
  const { length } = text
  return length >= 10 && length <= 35 && text.charCodeAt(4) === DASH_CODE && text.charCodeAt(7) === DASH_CODE && INSTANT.test(text)
}

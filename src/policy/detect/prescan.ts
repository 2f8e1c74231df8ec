/**
 * One pass over the characters that tells which detectors can find anything at all. Most texts are words: for them
 * nothing else is done.
 */
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
  /** A capital letter, or one of another script, after a gap. */
  hasWords: boolean
  /** Thirteen characters of a key without a gap, with a digit or a capital among them. */
  hasRun: boolean
  /** The longest stretch of characters of which keys and tokens are made. */
  longestRun: number
}

const RUN_CHARACTERS = 13
const BASE64_CHARACTERS = 16
const [OTHER, SPACE, DIGIT, UPPER, LOWER, DOT, DASH, COLON, AT, EQUALS, SLASH, PLUS, ESCAPE, JOINT, BRACE] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
]
const KINDS = 15
const OF_SIGNS: Readonly<Record<string, number>> = {
  '.': DOT,
  '-': DASH,
  ':': COLON,
  '@': AT,
  '=': EQUALS,
  '/': SLASH,
  '+': PLUS,
  '%': ESCAPE,
  '&': ESCAPE,
  '\\': ESCAPE,
  _: JOINT,
  '~': JOINT,
  '{': BRACE,
  '[': BRACE,
}

function classOf(code: number): number {
  const character = String.fromCharCode(code)
  if (/\s/.test(character)) return SPACE
  if (/\d/.test(character)) return DIGIT
  if (/[A-Z]/.test(character)) return UPPER
  return /[a-z]/.test(character) ? LOWER : (OF_SIGNS[character] ?? OTHER)
}

const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => classOf(code))
/** Of these a key or token is made. */
const IS_KEY = Uint8Array.from({ length: KINDS }, (_, kind) =>
  Number([DIGIT, UPPER, LOWER, DOT, DASH, EQUALS, SLASH, PLUS, JOINT].includes(kind)),
)
const TELLING = (1 << UPPER) | (1 << DIGIT)
/** Counted in one place that all calls share: none of them waits for anything. */
const counts = new Uint32Array(KINDS)

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
  hasWords: false,
  hasRun: false,
  longestRun: 0,
}

/** Valid until the next call: one object for all, since there is one for every text of every event. */
export function featuresOf(text: string): Features {
  if (text !== lastText) {
    lastText = text
    scan(text)
  }
  return last
}

function scan(text: string): void {
  counts.fill(0)
  let beyondAscii = 0
  let hasWords = false
  let hasRun = false
  let run = 0
  let longestRun = 0
  let kinds = 0
  let before = OTHER
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    let kind = OTHER
    if (code < 128) {
      kind = CLASSES[code] as number
      counts[kind] = (counts[kind] as number) + 1
    } else {
      beyondAscii++
      if (before === SPACE) hasWords = true
    }
    if (IS_KEY[kind] === 1) {
      run++
      if (run > longestRun) longestRun = run
      kinds |= 1 << kind
      if (run >= RUN_CHARACTERS && (kinds & TELLING) !== 0) hasRun = true
      if (kind === UPPER && before === SPACE) hasWords = true
    } else {
      run = 0
      kinds = 0
    }
    before = kind
  }
  last.digits = counts[DIGIT] as number
  last.upper = counts[UPPER] as number
  last.lower = counts[LOWER] as number
  last.spaces = counts[SPACE] as number
  last.dots = counts[DOT] as number
  last.dashes = counts[DASH] as number
  last.colons = counts[COLON] as number
  last.ats = counts[AT] as number
  last.equals = counts[EQUALS] as number
  last.slashes = counts[SLASH] as number
  last.plus = counts[PLUS] as number
  last.escapes = counts[ESCAPE] as number
  last.braces = counts[BRACE] as number
  last.beyondAscii = beyondAscii
  last.hasWords = hasWords
  last.hasRun = hasRun
  last.longestRun = longestRun
}

/** Whether a text may read as another one: escapes, other scripts, base64. */
export function mayHaveViews({ escapes, beyondAscii, longestRun, upper, lower }: Features): boolean {
  return escapes > 0 || beyondAscii > 0 || (longestRun >= BASE64_CHARACTERS && upper > 0 && lower > 0)
}

const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i
const INSTANT = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$/

/** Identifiers and times that every event is full of and that are nobody's: told before anything else is tried. */
export function isNobodys(text: string): boolean {
  const { length } = text
  return (
    ((length === 36 || length === 32) && UUID.test(text) && /[a-f]/i.test(text)) || (length >= 10 && length <= 35 && INSTANT.test(text))
  )
}

/**
 * The same text as a reader, a browser or a mail program would see it. Detectors look at every view, since `ann%40b.example`
 * and `ann@b.example` in full width are the same address to whoever gets them. A view knows its way back: what is found
 * in it is told in offsets of the text as it was given (UTF-16 units).
 */

import { isUtf8 } from 'node:buffer'

export interface Range {
  start: number
  end: number
}

/** A stretch of the text before and what it became: units from `start` to `end` were units from `from` to `to`. */
interface Piece extends Range {
  from: number
  to: number
}

const PICTURE = /data:(?:image|font|audio|video)\/[a-z0-9.+-]{1,40};base64,[A-Za-z0-9+/=_-]+/gi

const PICTURE_CHARACTERS_MIN = 20

/** Pictures written into an address say nothing in characters: blank, at the same places. */
export function withoutPictures(text: string): string {
  return text.length >= PICTURE_CHARACTERS_MIN && text.includes(';base64,')
    ? text.replace(PICTURE, (picture) => ' '.repeat(picture.length))
    : text
}

export class View {
  readonly text: string
  readonly #parent: View | undefined
  readonly #pieces: readonly Piece[]

  constructor(text: string, parent?: View, pieces: readonly Piece[] = []) {
    this.text = text
    this.#parent = parent
    this.#pieces = pieces
  }

  /** Where a range of this view stands in the given text. A character that came of several takes all of them along. */
  origin(start: number, end: number): Range {
    if (this.#parent === undefined) return { start, end }
    return this.#parent.origin(this.#before(start).start, this.#before(Math.max(start, end - 1)).end)
  }

  /** The unit of the parent, or the whole stretch, that became the unit at `at`. */
  #before(at: number): Range {
    let low = 0
    let high = this.#pieces.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#pieces[middle] as Piece).start <= at) low = middle + 1
      else high = middle
    }
    const piece = this.#pieces[low - 1]
    if (piece === undefined) return { start: at, end: at + 1 }
    if (at < piece.end) return { start: piece.from, end: piece.to }
    const start = piece.to + (at - piece.end)
    return { start, end: start + 1 }
  }
}

/** `pattern` replaced all over. The same view when nothing changes. */
function rewrite(view: View, pattern: RegExp, replacement: (match: string, at: number) => string): View {
  const { text } = view
  const pieces: Piece[] = []
  let made = ''
  let done = 0
  for (const match of text.matchAll(pattern)) {
    const [whole] = match
    const put = replacement(whole, match.index)
    if (put === whole) continue
    made += text.slice(done, match.index)
    done = match.index + whole.length
    pieces.push({ start: made.length, end: made.length + put.length, from: match.index, to: done })
    made += put
  }
  return pieces.length === 0 ? view : new View(made + text.slice(done), view, pieces)
}

const NOT_ASCII = /[^\0-\x7f]/
const EACH_NOT_ASCII = /[^\0-\x7f]/gu
/** Characters that print nothing: they would cut an address in two for a pattern and not for a person. */
const INVISIBLE = /^(?:\u00ad|\u034f|\u061c|\u180e|[\u200b-\u200f]|[\u202a-\u202e]|[\u2060-\u206f]|[\ufe00-\ufe0f]|\ufeff)$/
const DASH = /^[\u2010-\u2015\u2043\u2212]$/
const SPACE = /^\p{Zs}$/u
const DIGIT = /\p{Nd}/u
const EACH_NOT_ASCII_DIGIT = /(?![0-9])\p{Nd}/gu

/** What each character beyond ASCII folds to. Every one is worked out once; the map is bounded by Unicode, cut short by the limit. */
const FOLDED = new Map<string, string>()
const FOLDED_MAX = 20_000

/**
 * NFKC of each character, without those that print nothing: full-width digits and letters become plain ones, digits of
 * every script 0 to 9, dashes and spaces of every sort the plain ones.
 */
function foldCharacter(character: string): string {
  const known = FOLDED.get(character)
  if (known !== undefined) return known
  let folded = character
  if (INVISIBLE.test(character)) folded = ''
  else if (DASH.test(character)) folded = '-'
  else if (SPACE.test(character)) folded = ' '
  else if (character === '。') folded = '.'
  else folded = character.normalize('NFKC').replace(EACH_NOT_ASCII_DIGIT, plainDigit)
  if (FOLDED.size < FOLDED_MAX) FOLDED.set(character, folded)
  return folded
}

/** Decimal digits stand in runs of ten from zero to nine (Unicode Standard, section 4.6): the way back to the run's start is the value. */
function plainDigit(digit: string): string {
  const point = digit.codePointAt(0) as number
  let value = 0
  while (DIGIT.test(String.fromCodePoint(point - value - 1))) value++
  return String(value % 10)
}

const [UNKNOWN, KEPT, FOLDS] = [0, 1, 2]
/** What is known of each character of the first plane: looked up for every one of every text. */
const FOLDING = new Uint8Array(0x10000)

/** Whether a text keeps a character beyond ASCII as it is, in every reading of it. Half a character never does. */
export function foldsToItself(code: number): boolean {
  const known = FOLDING[code]
  if (known !== UNKNOWN) return known === KEPT
  const character = String.fromCharCode(code)
  const keeps = (code < 0xd800 || code > 0xdfff) && foldCharacter(character) === character && !EACH_ALIKE_LETTER.test(character)
  FOLDING[code] = keeps ? KEPT : FOLDS
  return keeps
}

function fold(view: View): View {
  return NOT_ASCII.test(view.text) ? rewrite(view, EACH_NOT_ASCII, foldCharacter) : view
}

/** Letters of other alphabets that look like Latin ones, and the ones that they look like. */
const ALIKE = new Map(
  [
    ['АВЕЅІЈКМНОРСТХаеорсухіјѕԁһԛԝ', 'ABESIJKMHOPCTXaeopcyxijsdhqw'],
    ['ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαοντιρυ', 'ABEZHIKMNOPTYXaovtipu'],
  ].flatMap(([others = '', latin = '']) => [...others].map((other, i): [string, string] => [other, latin[i] as string])),
)
/** In one word with Latin letters or digits: whole words of another alphabet stay what they are. */
const MIXED = /[A-Za-z0-9_@.-][\u0370-\u03ff\u0400-\u052f]|[\u0370-\u03ff\u0400-\u052f][A-Za-z0-9_@.-]/
const EACH_ALIKE_LETTER = /[\u0370-\u03ff\u0400-\u052f]/
const EACH_ALIKE = /[\u0370-\u03ff\u0400-\u052f]/g

const PERCENT = /(?:%[0-9a-f]{2})+/gi
const ENTITY = /&(?:#\d{1,7}|#x[0-9a-f]{1,6}|commat|period|amp|lt|gt|quot|colon|plus|lowbar|sol|num|equals|nbsp);?/gi
const ESCAPE = /\\u[0-9a-f]{4}|\\x[0-9a-f]{2}/gi
const NAMED: Readonly<Record<string, string>> = {
  commat: '@',
  period: '.',
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  colon: ':',
  plus: '+',
  lowbar: '_',
  sol: '/',
  num: '#',
  equals: '=',
  nbsp: ' ',
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function bytesOfPercentRun(run: string): Uint8Array {
  return Buffer.from(run.replaceAll('%', ''), 'hex')
}

/**
 * The escapes of one run, character by character, so that each keeps its place. Bytes that are no UTF-8 are read as
 * Latin-1.
 */
function decodePercent(view: View): View {
  const { text } = view
  const pieces: Piece[] = []
  let made = ''
  let done = 0
  for (const { 0: run, index } of text.matchAll(PERCENT)) {
    made += text.slice(done, index)
    let at = index
    const bytes = bytesOfPercentRun(run)
    for (const character of charactersOf(bytes)) {
      const to = at + 3 * character.bytes
      pieces.push({ start: made.length, end: made.length + character.text.length, from: at, to })
      made += character.text
      at = to
    }
    done = index + run.length
  }
  return pieces.length === 0 ? view : new View(made + text.slice(done), view, pieces)
}

function charactersOf(bytes: Uint8Array): { text: string; bytes: number }[] {
  try {
    return [...utf8.decode(bytes)].map((text) => ({ text, bytes: Buffer.byteLength(text) }))
  } catch {
    return [...bytes].map((byte) => ({ text: String.fromCharCode(byte), bytes: 1 }))
  }
}

function decodeEntity(whole: string): string {
  const name = whole.replace(/;$/, '').slice(1).toLowerCase()
  if (!name.startsWith('#')) return Object.hasOwn(NAMED, name) ? (NAMED[name] as string) : whole
  const point = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
  return point <= 0x10ffff ? String.fromCodePoint(point) : whole
}

const BASE64_RUN = /[A-Za-z0-9+/_-]{16,}={0,2}/g
const BASE64_RUNS_MAX = 8
const PRINTABLE = /^[\t\n\r\x20-\x7e\u00a0-\uffff]+$/

/** The text that a base64 run holds; undefined when it holds none. */
function base64Text(run: string): string | undefined {
  const bare = run.replace(/=+$/, '')
  if (!/[A-Z]/.test(bare) || !/[a-z]/.test(bare) || bare.length % 4 === 1) return undefined
  const bytes = Buffer.from(bare, 'base64url')
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString()
  return PRINTABLE.test(text) ? text : undefined
}

/** One view for each run of base64 that is text. What is found in it stands for the whole run. */
function base64Views(view: View): View[] {
  const found: View[] = []
  let runs = 0
  for (const { 0: whole, index } of view.text.matchAll(BASE64_RUN)) {
    if (++runs > BASE64_RUNS_MAX) break
    // A path may stand before it: then its parts are tried as well.
    const parts = whole.includes('/') ? [whole, ...whole.split('/').filter((part) => part.length >= 16)] : [whole]
    for (const part of parts) {
      const text = base64Text(part)
      if (text === undefined) continue
      const from = index + whole.indexOf(part)
      found.push(fold(new View(text, view, [{ start: 0, end: text.length, from, to: from + part.length }])))
      break
    }
  }
  return found
}

/** An address in a query of an address is escaped twice; deeper than this nobody reads it back by accident. */
const PERCENT_LEVELS = 3

/**
 * The folded text first, then each decoding of it that changes anything: percent escapes level by level, HTML entities,
 * escapes of JSON, letters that only look Latin, and base64.
 */
export function viewsOf(text: string): View[] {
  const plain = fold(new View(text))
  const views = [plain]
  const add = (view: View): void => {
    if (view !== plain) views.push(fold(view))
  }
  for (let level = 0, view = plain; level < PERCENT_LEVELS && view.text.includes('%'); level++) {
    const decoded = decodePercent(view)
    if (decoded === view) break
    add(decoded)
    view = decoded
  }
  if (plain.text.includes('&')) add(rewrite(plain, ENTITY, decodeEntity))
  if (plain.text.includes('\\')) add(rewrite(plain, ESCAPE, (match) => String.fromCharCode(Number.parseInt(match.slice(2), 16))))
  if (NOT_ASCII.test(plain.text) && MIXED.test(plain.text)) add(rewrite(plain, EACH_ALIKE, (letter) => ALIKE.get(letter) ?? letter))
  const decoded = views.slice(1)
  views.push(...base64Views(plain), ...decoded.flatMap(base64Views))
  return views
}

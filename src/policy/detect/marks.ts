/**
 * Which words a text may hold, told by three letters: the first three of a word of more, all of a shorter one, and the last three of a
 * word that begins with a capital. Every detector that waits for words has a bit; where its bit is not set, its words stand nowhere in
 * the text, and the pattern need not be tried. Where it is set, they may.
 */

/** Five bits a letter, the last one lowest; 0 where a word has fewer. */
const SIZE = 1 << 15
const LETTERS = 3
/** By the first three letters of words of four and more. */
export const BEGINNINGS = new Uint16Array(SIZE)
/** Words of up to three letters. */
export const WHOLE_WORDS = new Uint16Array(SIZE)
/** By the last three letters. */
export const ENDINGS = new Uint16Array(SIZE)
export const EVERY_MARK = 0xffff

let marks = 0

function nextMark(): number {
  if (marks === 16) throw new Error('a mark more than there are bits')
  return 1 << marks++
}

/**
 * The bit of words that match. A pattern is a regular expression, or the source of one, each of whose alternatives stands at the beginning
 * of a word and begins with letters; case counts for nothing. What needs a letter beyond ASCII is left out: texts with such letters have
 * every mark.
 */
export function markOf(...patterns: readonly (RegExp | string)[]): number {
  const mark = nextMark()
  for (const pattern of patterns) {
    if (typeof pattern !== 'string' && alternativesOf(pattern.source).some((source) => !isGuarded(source)))
      throw new Error(`${pattern.source} may match in the middle of a word`)
    for (const beginning of beginningsOf(typeof pattern === 'string' ? pattern : pattern.source))
      setBeginning(beginning.toLowerCase(), mark)
  }
  return mark
}

/** Adds words by their last letters: three or more each. */
export function addEndings(mark: number, endings: readonly string[]): void {
  for (const ending of endings) {
    const at = placeOf(ending.slice(-LETTERS))
    ENDINGS[at] = (ENDINGS[at] as number) | mark
  }
}

function placeOf(letters: string): number {
  let place = 0
  for (let at = 0; at < letters.length; at++) place = (place << 5) | (letters.charCodeAt(at) & 31)
  return place
}

/** `tax.` is the word, `taxp` what begins a longer one, `ta*` may be either. */
function setBeginning(beginning: string, mark: number): void {
  const letters = beginning.replace(/[.*]$/, '')
  if (letters === '') throw new Error('words that begin with no letter')
  const isOpen = beginning.endsWith('*')
  if (letters.length > LETTERS || (isOpen && letters.length === LETTERS)) set(BEGINNINGS, letters.slice(0, LETTERS), mark)
  if (letters.length <= LETTERS) set(WHOLE_WORDS, letters, mark)
  if (isOpen && letters.length < LETTERS) for (const letter of 'abcdefghijklmnopqrstuvwxyz') setBeginning(`${letters}${letter}*`, mark)
}

function set(table: Uint16Array, letters: string, mark: number): void {
  const place = placeOf(letters)
  table[place] = (table[place] as number) | mark
}

/** No word goes on before it, or it needs a letter beyond ASCII. */
function isGuarded(source: string): boolean {
  return source.startsWith('(?<!') || beginningsOf(source).length === 0
}

const LOOK = /^\(\?<?[=!][^()]*\)/

/** The first letters of all that a pattern matches: up to four, or fewer with `.` where the word ends and `*` where it may go on. */
function beginningsOf(source: string): string[] {
  return alternativesOf(source).flatMap((alternative) => grow('', alternative))
}

function grow(letters: string, rest: string): string[] {
  if (letters.length > LETTERS) return [letters]
  if (rest === '') return [`${letters}.`]
  const look = LOOK.exec(rest)
  if (look !== null) return grow(letters, rest.slice(look[0].length))
  const head = headOf(rest)
  const grown = head.isGroup
    ? head.choices.flatMap((inner) => (head.isRepeated ? [`${letters}*`] : grow(letters, inner + head.after)))
    : head.choices.flatMap((character) => growBy(letters, character, head))
  return head.isOptional ? [...grown, ...grow(letters, head.after)] : grown
}

function growBy(letters: string, character: string, { after, isRepeated }: Head): string[] {
  if (character > '\x7f') return []
  if (character === ANY || isRepeated) return [`${letters}*`]
  return /[A-Za-z]/.test(character) ? grow(letters + character, after) : [`${letters}.`]
}

const ANY = '*'

interface Head {
  /** Sources of a group's alternatives, or single characters. */
  choices: readonly string[]
  isGroup: boolean
  after: string
  isOptional: boolean
  isRepeated: boolean
}

function headOf(rest: string): Head {
  const isGroup = rest.startsWith('(')
  let choices: readonly string[] = [rest[0] as string]
  let length = 1
  if (isGroup) {
    length = closeOf(rest) + 1
    choices = alternativesOf(rest.slice(rest.startsWith('(?:') ? 3 : 1, length - 1))
  } else if (rest.startsWith('[')) {
    length = rest.indexOf(']') + 1
    const members = rest.slice(1, length - 1)
    choices = /\\|^\^|.-./.test(members) ? [ANY] : [...members]
  } else if (rest.startsWith('\\u')) {
    length = 6
    choices = [String.fromCharCode(Number.parseInt(rest.slice(2, 6), 16))]
  } else if (rest.startsWith('\\')) {
    length = 2
    choices = [/[wWsSpPb]/.test(rest[1] as string) ? ANY : '.']
  }
  const quantifier = /^(?:[?*+]|\{\d+(?:,\d*)?\})/.exec(rest.slice(length))?.[0] ?? ''
  const isOptional = quantifier === '?' || quantifier === '*' || quantifier.startsWith('{0')
  return {
    choices,
    isGroup,
    after: rest.slice(length + quantifier.length),
    isOptional,
    isRepeated: quantifier !== '' && quantifier !== '?',
  }
}

/** Where the group that opens at the start closes. */
function closeOf(text: string): number {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return at
  }
  throw new Error(`${text} has no end`)
}

/** What stands between the `|` of a pattern, groups left whole. */
function alternativesOf(source: string): string[] {
  const found: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at < source.length; at++) {
    const character = source[at]
    if (character === '\\') at++
    else if (character === '(') depth++
    else if (character === ')') depth--
    else if (character === '|' && depth === 0) {
      found.push(source.slice(start, at))
      start = at + 1
    }
  }
  return [...found, source.slice(start)]
}

/** Characters that deceive: those that nobody sees, and those that look like others. */
import unhomoglyph from 'unhomoglyph'

/** Not seen, or turns the direction of text round. */
const UNSEEN = /(?![\u200c\u200d])[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/u
/** They join and part letters in Indian scripts and are at home there. */
const JOINER = /[\u200c\u200d]/u
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/u
const QUOTE_CHARACTERS = 90

const NAMES: Readonly<Record<string, string>> = {
  '\u00ad': 'SOFT HYPHEN',
  '\u200b': 'ZERO WIDTH SPACE',
  '\u200c': 'ZERO WIDTH NON-JOINER',
  '\u200d': 'ZERO WIDTH JOINER',
  '\u200e': 'LEFT-TO-RIGHT MARK',
  '\u200f': 'RIGHT-TO-LEFT MARK',
  '\u202a': 'LEFT-TO-RIGHT EMBEDDING',
  '\u202b': 'RIGHT-TO-LEFT EMBEDDING',
  '\u202d': 'LEFT-TO-RIGHT OVERRIDE',
  '\u202e': 'RIGHT-TO-LEFT OVERRIDE',
  '\u2060': 'WORD JOINER',
  '\ufeff': 'ZERO WIDTH NO-BREAK SPACE',
}

/** The first character of a text that nobody sees, as people can look it up; undefined when there is none. */
export function findUnseen(text: string): string | undefined {
  const isIndic = /[\u0900-\u0dff]/.test(text)
  for (const character of text) {
    if (!UNSEEN.test(character) && !CONTROL.test(character) && (isIndic || !JOINER.test(character))) continue
    return nameOf(character)
  }
  return undefined
}

function nameOf(character: string): string {
  const point = `U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`
  const name = NAMES[character]
  return name === undefined ? point : `${point} ${name}`
}

const SCRIPTS = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Cherokee}/u]

/** Letters of two alphabets in one word, or wide and mathematical letters that stand for plain ones. */
export function isMixed(word: string): boolean {
  const letters = word.replace(/[^\p{L}]/gu, '')
  if (SCRIPTS.filter((script) => script.test(letters)).length > 1) return true
  return /[\uff21-\uff5a\u{1d400}-\u{1d7ff}\u{1f130}-\u{1f189}]/u.test(word)
}

/** What texts that look alike have in common. */
export function skeleton(text: string): string {
  return unhomoglyph(unhomoglyph(text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()).toLowerCase())
}

/** A passage to be shown to people: nothing in it acts on the text around it, and what is unseen is written out. */
export function shown(text: string): string {
  let result = ''
  let count = 0
  for (const character of text.replace(/\s+/gu, ' ').trim()) {
    if (count >= QUOTE_CHARACTERS) return `${result}…`
    count++
    result += UNSEEN.test(character) || CONTROL.test(character) ? `⟨${nameOf(character).split(' ')[0]}⟩` : character
  }
  return result
}

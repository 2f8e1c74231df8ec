/**
 * Which names a notice speaks. A name comes from outside, and whoever chose it may have meant to speak through our notice. So only
 * what can be nothing but a name is printed; everybody else is greeted without one, which costs a courtesy and nothing else.
 */

const NAME_LETTERS_MAX = 40
const NAME_WORDS_MAX = 6
const ORGANISATION_LETTERS_MAX = 60
const ORGANISATION_WORDS_MAX = 8
/** Longer than any name in characters, so that nothing is done to a text of megabytes. */
const RAW_MAX = 400

/** A letter with its marks: in Indic scripts a nukta, a vowel sign and a nasal mark may follow one letter, and no name needs more. */
const LETTER = String.raw`\p{L}[\p{Mn}\p{Mc}]{0,3}`
/** One mark twice on one letter is no writing. */
const HEAPED = /(\p{M})\1/u
/** Fillers, joiners, selectors: letters and marks among them, and nobody sees them. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}/u
/** A dot ends an initial or a title: `A. B. Rao`, `J.R.R. Tolkien`, `Martin Luther King Jr.`, and no `evil.example`. */
const NAME_WORD = new RegExp(`^(?:(?:${LETTER}\\.){1,4}|(?:${LETTER})+(?:['’-](?:${LETTER})+){0,3}['’]?\\.?)$`, 'u')
const ORGANISATION_WORD = new RegExp(`^(?:[&+–-]|\\(?(?:${LETTER}|\\d)+(?:['’&-](?:${LETTER}|\\d)+){0,3}[).,]{0,2})$`, 'u')

/** Scripts whose letters and marks may stand in one name. Kana and Han belong together; every other name keeps to one script. */
const SCRIPTS = [
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+$/u,
  ...[
    'Latin',
    'Devanagari',
    'Bengali',
    'Gurmukhi',
    'Gujarati',
    'Oriya',
    'Tamil',
    'Telugu',
    'Kannada',
    'Malayalam',
    'Sinhala',
    'Arabic',
    'Hebrew',
    'Greek',
    'Cyrillic',
    'Armenian',
    'Georgian',
    'Ethiopic',
    'Thai',
    'Lao',
    'Khmer',
    'Myanmar',
    'Tibetan',
    'Hangul',
  ].map((script) => new RegExp(`^[\\p{Script=${script}}\\p{Script=Inherited}]+$`, 'u')),
]

/** The name as it is printed, or undefined: greet without a name. */
export function greetingName(raw: string | undefined): string | undefined {
  return shown(raw, { word: NAME_WORD, letters: NAME_LETTERS_MAX, words: NAME_WORDS_MAX })
}

/** As a person's name, with digits, `&` and brackets: `Rao & Sons (India) Pvt. Ltd.`. */
export function organisationName(raw: string | undefined): string | undefined {
  return shown(raw, { word: ORGANISATION_WORD, letters: ORGANISATION_LETTERS_MAX, words: ORGANISATION_WORDS_MAX })
}

function shown(raw: string | undefined, rule: { word: RegExp; letters: number; words: number }): string | undefined {
  if (raw === undefined || raw.length > RAW_MAX || UNSEEN.test(raw)) return undefined
  const text = raw.normalize('NFC').trim()
  if (HEAPED.test(text)) return undefined
  const words = text.split(/ +/u)
  if (words.length > rule.words || !words.every((word) => rule.word.test(word))) return undefined
  const name = words.join(' ')
  const written = name.replaceAll(/[^\p{L}\p{M}]/gu, '')
  const letters = [...written].filter((character) => /\p{L}/u.test(character)).length
  const fits = letters > 0 && letters <= rule.letters && name.length <= rule.letters * 2
  return fits && SCRIPTS.some((script) => script.test(written)) ? name : undefined
}

/**
 * Which names a notice speaks. A name comes from outside, and whoever chose it may have meant to speak through our notice. So only
 * what can be nothing but a name is printed; everybody else is greeted without one, which costs a courtesy and nothing else.
 */

const NAME_LETTERS_MAX = 40
const NAME_WORDS_MAX = 5
const ORGANISATION_LETTERS_MAX = 60
const ORGANISATION_WORDS_MAX = 8
/** Longer than any name in characters, so that nothing is done to a text of megabytes. */
const RAW_MAX = 400

/** Letters with their marks; in Indic scripts a vowel sign, a nukta and a nasal mark may follow one letter. */
const LETTER = String.raw`\p{L}\p{M}{0,4}`
/** A dot ends an initial or a title: `A. B. Rao`, `J.R.R. Tolkien`, `Martin Luther King Jr.`, and no `evil.example`. */
const NAME_WORD = new RegExp(`^(?:(?:${LETTER}\\.){1,4}|(?:${LETTER})+(?:['’-](?:${LETTER})+){0,3}['’]?\\.?)$`, 'u')
const ORGANISATION_WORD = new RegExp(`^(?:[&+–-]|\\(?(?:${LETTER}|\\d)+(?:['’&-](?:${LETTER}|\\d)+){0,3}[).,]{0,2})$`, 'u')

/** Scripts whose letters may stand in one name. Kana and Han belong together; every other name keeps to one script. */
const SCRIPTS = [
  /^[\p{Script=Latin}]+$/u,
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+$/u,
  ...[
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
  ].map((script) => new RegExp(`^[\\p{Script=${script}}]+$`, 'u')),
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
  if (raw === undefined || raw.length > RAW_MAX) return undefined
  const words = raw.normalize('NFC').trim().split(/ +/u)
  if (words.length > rule.words || !words.every((word) => rule.word.test(word))) return undefined
  const name = words.join(' ')
  const letters = name.replaceAll(/[^\p{L}]/gu, '')
  const fits = letters.length > 0 && letters.length <= rule.letters && name.length <= rule.letters * 2
  return fits && SCRIPTS.some((script) => script.test(letters)) ? name : undefined
}

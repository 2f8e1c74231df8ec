/**
 * The same text as a reader, a browser or a mail program would see it. Detectors look at every view, since `ann%40b.example`
 * and `ann@b.example` in full width are the same address to whoever gets them.
 */

/** Characters that print nothing: they would cut an address in two for a pattern and not for a person. */
const INVISIBLE = /\u00ad|\u034f|\u061c|\u180e|[\u200b-\u200f]|[\u202a-\u202e]|[\u2060-\u206f]|[\ufe00-\ufe0f]|\ufeff/g
const DIGIT = /\p{Nd}/u
const NOT_ASCII_DIGIT = /(?![0-9])\p{Nd}/gu
const NOT_ASCII = /[^\0-\x7f]/
const PERCENT = /(?:%[0-9a-f]{2})+/gi
const ENTITY = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(commat|period|amp|lt|gt|quot|colon|plus|lowbar|sol));?/gi
const ESCAPE = /\\u([0-9a-f]{4})/gi
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
}

/** NFKC without invisible characters: full-width digits and letters become plain ones, digits of every script become 0 to 9. */
export function foldText(text: string): string {
  if (!NOT_ASCII.test(text)) return text
  return text.replace(INVISIBLE, '').normalize('NFKC').replaceAll('。', '.').replace(NOT_ASCII_DIGIT, plainDigit)
}

/** Every digit of every script is met once; there are some seven hundred. */
const PLAIN_DIGITS = new Map<string, string>()

/** Decimal digits stand in runs of ten from zero to nine (Unicode Standard, section 4.6): the way back to the run's start is the value. */
function plainDigit(digit: string): string {
  const known = PLAIN_DIGITS.get(digit)
  if (known !== undefined) return known
  const point = digit.codePointAt(0) as number
  let value = 0
  while (DIGIT.test(String.fromCodePoint(point - value - 1))) value++
  const plain = String(value % 10)
  PLAIN_DIGITS.set(digit, plain)
  return plain
}

function decodePercentRun(run: string): string {
  try {
    return decodeURIComponent(run)
  } catch {
    return run.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
}

function decodeEntity(whole: string, decimal: string | undefined, hex: string | undefined, name: string | undefined): string {
  if (name !== undefined) return NAMED[name.toLowerCase()] ?? whole
  const point = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal)
  return point <= 0x10ffff ? String.fromCodePoint(point) : whole
}

/** An address in a query of an address is escaped twice; deeper than this nobody reads it back by accident. */
const PERCENT_LEVELS = 3

/** Folded text first, then each decoding of it that changes anything: percent escapes level by level, the others once. */
export function viewsOf(text: string): string[] {
  const plain = foldText(text)
  const views = [plain]
  const add = (view: string): void => {
    if (view !== plain) views.push(foldText(view))
  }
  for (let level = 0, text = plain; level < PERCENT_LEVELS && text.includes('%'); level++) {
    const decoded = text.replace(PERCENT, decodePercentRun)
    if (decoded === text) break
    add(decoded)
    text = decoded
  }
  if (plain.includes('&')) add(plain.replace(ENTITY, decodeEntity))
  if (plain.includes('\\u')) add(plain.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))))
  return views
}

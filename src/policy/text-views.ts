/**
 * The same text as a reader, a browser or a mail program would see it. Detectors look at every view, since `ann%40b.example`
 * and `ann@b.example` in full width are the same address to whoever gets them.
 */

/** Characters that print nothing: they would cut an address in two for a pattern and not for a person. */
const INVISIBLE = /\u00ad|\u034f|\u061c|\u180e|[\u200b-\u200f]|[\u202a-\u202e]|[\u2060-\u206f]|[\ufe00-\ufe0f]|\ufeff/g
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

/** NFKC without invisible characters: full-width digits and letters become plain ones. */
export function foldText(text: string): string {
  return NOT_ASCII.test(text) ? text.replace(INVISIBLE, '').normalize('NFKC').replaceAll('。', '.') : text
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

/** Folded text first, then each decoding of it (one level) that changes anything. */
export function viewsOf(text: string): string[] {
  const plain = foldText(text)
  const views = [plain]
  const add = (view: string): void => {
    if (view !== plain) views.push(foldText(view))
  }
  if (plain.includes('%')) add(plain.replace(PERCENT, decodePercentRun))
  if (plain.includes('&')) add(plain.replace(ENTITY, decodeEntity))
  if (plain.includes('\\u')) add(plain.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))))
  return views
}

/**
 * Style sheets in a notice: ours, or one that a mail program writes, of which each rule by itself leaves text where it is and
 * readable, whatever it is applied to. Cascades are not computed.
 */
import { SHEETS } from '#notices/text/sheets.ts'
import { type Rgb, parseColour } from './colours.ts'
import { declarations } from './styles.ts'
import { drawsLine, isIndent, isPlainlySaid, isPlainValue, letterPixels, sizeInFont, squeezedValue } from './plain-values.ts'

export interface SheetRead {
  isOurs: boolean
  isPlain: boolean
  texts: Rgb[]
  grounds: Rgb[]
  /** Colours of ours for the dark. */
  nightTexts: Rgb[]
  nightGrounds: Rgb[]
  hasIndent: boolean
  /** The largest letters that it makes. */
  fontPixels: number
}

const NIGHT_RULES = /@media\s*\(prefers-color-scheme:\s*dark\)\s*\{/
const KNOWN_COMMENT = /\/\*\s*(font definitions|style definitions|list definitions|page definitions)\s*\*\//gi
const SHEET_CHARACTERS_MAX = 20_000

/** Programs put a name of theirs in front of classes, and write values in their own way. */
const PREFIX = /^(x_|m_-?\d{1,24}|yiv\d{1,12}|ydp[0-9a-f]{1,12})/

export function withoutPrefix(name: string): string {
  return name.replace(PREFIX, '')
}

function canonical(sheet: string): string {
  return unwrapped(sheet)
    .replace(/\s+/g, ' ')
    .replace(/\s*([{}:;,>+()])\s*/g, '$1')
    .replace(/;\}/g, '}')
    .replace(/\.([\w-]+)/g, (_, name: string) => `.${withoutPrefix(name)}`)
    .trim()
}

const OURS: readonly string[] = SHEETS.map(canonical)

export function readSheet(sheet: string): SheetRead {
  const known = OURS.indexOf(canonical(sheet))
  if (known >= 0) return colouredSheet(SHEETS[known] ?? '')
  const read: SheetRead = { ...EMPTY, texts: [], grounds: [] }
  const text = unwrapped(sheet).replace(KNOWN_COMMENT, ' ')
  // Where a comment may begin, rules may end elsewhere than they seem to.
  if (text.includes('/*') || text.includes('*/') || text.includes('<') || !/^[\t\n\f\r -~]*$/.test(text)) return { ...read, isPlain: false }
  const rules = /\s*([^{}]{1,400})\{([^{}]{0,4000})\}/y
  let at = 0
  while (sheet.length <= SHEET_CHARACTERS_MAX && read.isPlain && /\S/.test(text.slice(at))) {
    rules.lastIndex = at
    const found = rules.exec(text)
    if (found === null) read.isPlain = false
    else read.isPlain = isPlainRule((found[1] as string).trim().toLowerCase(), found[2] as string, read)
    at = rules.lastIndex
  }
  return sheet.length > SHEET_CHARACTERS_MAX ? { ...read, isPlain: false } : read
}

const EMPTY: SheetRead = {
  isOurs: false,
  isPlain: true,
  texts: [],
  grounds: [],
  nightTexts: [],
  nightGrounds: [],
  hasIndent: false,
  fontPixels: 0,
}

function colouredSheet(sheet: string): SheetRead {
  const [day = '', night = ''] = sheet.split(NIGHT_RULES)
  const coloursOf = (part: string, property: RegExp): Rgb[] =>
    [...part.matchAll(/([a-z-]+):([^;{}]+)/g)].flatMap(([, name = '', value = '']) => {
      const colour = property.test(name) ? parseColour(squeezedValue(value)) : undefined
      return colour === undefined ? [] : [colour]
    })
  const [ink, paper] = [/^color$/, /^background(-color)?$/]
  return {
    ...EMPTY,
    isOurs: true,
    texts: coloursOf(day, ink),
    grounds: coloursOf(day, paper),
    nightTexts: coloursOf(night, ink),
    nightGrounds: coloursOf(night, paper),
  }
}

/** As programs hide a sheet from those that know none. */
function unwrapped(sheet: string): string {
  return sheet.replace(/^\s*<!--/, '').replace(/-->\s*$/, '')
}

const SELECTOR = /^(?:[a-z][a-z0-9]{0,15})?(?:[.#][\w-]{1,60})*(?::(?:link|visited|hover|active))?$/
const AT_RULES: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  // Without `src` it brings no letters of its own.
  'font-face': { 'font-family': /^"?[\w ]{1,40}"?$/, 'panose-1': /^[\d ]{1,40}$/ },
  page: { size: /^[\d.]+(in|cm|pt) [\d.]+(in|cm|pt)$/, margin: /^[\d. incmpt]{1,60}$/ },
  list: {
    'mso-list-id': /^\d{1,12}$/,
    'mso-list-type': /^(hybrid|simple)$/,
    'mso-list-template-ids': /^[-\d ]{1,160}$/,
    'mso-level-start-at': /^\d$/,
    'mso-level-number-format': /^bullet$/,
    'mso-level-text': /^(\\f0b7|\\f0a7|o)$/,
    'mso-level-tab-stop': /^(none|[\d.]+in)$/,
    'mso-level-number-position': /^left$/,
    'text-indent': /^-?\.25in$/,
    'mso-ansi-font-size': /^10\.0pt$/,
    'font-family': /^(symbol|wingdings|"courier new")$/,
    'mso-bidi-font-family': /^"times new roman"$/,
    'margin-left': /^[\d.]{1,4}in$/,
  },
}

/** Elements that stand by themselves, in no line of others. */
const BOXES = /^(p|li|ul|div|table|t[dhr]|tbody|h[123]|body|blockquote)\b/

function isPlainRule(selector: string, body: string, read: SheetRead): boolean {
  const [, at] = /^@(font-face|page|list)(?: (?:wordsection\d|l\d{1,2}(?::level\d)?))?$/.exec(selector) ?? []
  if (at !== undefined) return isPlainAtRule(AT_RULES[at] ?? {}, body)
  const parts = selector.split(',').flatMap((each) => each.trim().split(/\s*>\s*|\s+/))
  if (!parts.every((part) => part !== '' && SELECTOR.test(part))) return false
  // A line at its side is a rule's own business, and rules are counted.
  const isRule = parts.every((part) => part === 'hr')
  const isForWords = !parts.every((part) => BOXES.test(part))
  if (!isPlainlySaid(body)) return false
  for (const [property, given] of declarations(body)) {
    const value = squeezedValue(given)
    if (!isPlainValue(property, value) || (drawsLine(property, value) && !isRule)) return false
    const colour = parseColour(value.split(' ')[0] as string)
    if (property === 'color' && colour !== undefined) read.texts.push(colour)
    if (/^background(-color)?$/.test(property) && colour !== undefined) read.grounds.push(colour)
    if (isIndent(property, value)) read.hasIndent = true
    if (property === 'font-size' || property === 'font') {
      const size = letterPixels(sizeInFont(value), 16) ?? 0
      // Within a line, some words would be larger than others.
      if (isForWords && (size < 12 || size > 18)) return false
      read.fontPixels = Math.max(read.fontPixels, size)
    }
    // A percentage is carried on as a length, to letters of any size.
    if ((property === 'font' || property === 'line-height') && value.includes('%')) return false
    if ((property === 'color' || property.startsWith('background')) && colour === undefined) return false
    if (property === 'width') return false
  }
  return body.split(';').every((part) => part.trim() === '' || part.includes(':'))
}

function isPlainAtRule(known: Readonly<Record<string, RegExp>>, body: string): boolean {
  return declarations(body).every(
    ([property, value]) => Object.hasOwn(known, property) && known[property]?.test(squeezedValue(value)) === true,
  )
}

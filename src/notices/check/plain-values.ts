/**
 * Which declarations of a style leave text where it stands and readable, whatever element they are for and whatever else applies
 * to it. Mail programs write such styles around what they show, save and send on. Colours are let pass here and judged where they
 * meet (colours.ts); all else that is not in this list is named, since nobody knows what it does.
 */
import { parseColour } from './colours.ts'

const PIXELS: Readonly<Record<string, number>> = { px: 1, pt: 4 / 3, in: 96, cm: 37.8, mm: 3.78, em: 16, rem: 16, ex: 8 }
const LENGTH = /^(\d{0,4}(?:\.\d{1,6})?)(px|pt|in|cm|mm|em|rem|ex)$/

/** Undefined: no plain length. */
export function pixels(value: string): number | undefined {
  if (value === '0' || value === '0%') return 0
  const [, number = '', unit = ''] = LENGTH.exec(value) ?? []
  return number === '' || number === '.' ? undefined : Number(number) * (PIXELS[unit] ?? 0)
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))
const within = (value: string, min: number, max: number): boolean => {
  const size = pixels(value)
  return size !== undefined && size >= min && size <= max
}

const VERTICAL_MAX = 72
const HORIZONTAL_MAX = 48
export const FONT_PIXELS = { min: 10, max: 30 } as const

/** Fonts whose letters look like what they are. */
const FAMILIES = new Set(
  (
    'arial|helvetica|helvetica neue|helveticaneue|calibri|calibri light|aptos|aptos_embeddedfont|aptos_msfontservice|aptos display|segoe ui|segoe ui web (west european)|' +
    'segoe ui emoji|apple color emoji|tahoma|verdana|georgia|times|times new roman|courier|courier new|consolas|menlo|monaco|cambria|cambria math|trebuchet ms|' +
    'lucida grande|roboto|robotodraft|google sans|open sans|noto sans|noto sans devanagari|nirmala ui|mangal|kohinoor devanagari|system-ui|ui-monospace|sfmono-regular|' +
    'dejavu sans mono|-apple-system|blinkmacsystemfont|-webkit-system-font|-webkit-standard|serif|sans-serif|monospace|sans|inherit|initial'
  ).split('|'),
)

export function areFamilies(value: string): boolean {
  return value.split(',').every((family) => FAMILIES.has(family.trim().replace(/^(["'])(.*)\1$/, '$2')))
}

const KEYWORDS: Readonly<Record<string, number>> = { small: 13, medium: 16, initial: 16, '1rem': 16, large: 18, 'x-large': 24 }

/** How large letters are under a style, of which those around are so large. */
export function letterPixels(value: string, around: number): number | undefined {
  if (/^(inherit|100%|1em)$/.test(value)) return around
  return Object.hasOwn(KEYWORDS, value) ? KEYWORDS[value] : pixels(value)
}

/** The size in a `font`. */
export function sizeInFont(value: string): string {
  return FONT.exec(value)?.[1] ?? value
}

function isFontSize(value: string): boolean {
  return (
    /^(small|medium|large|x-large|inherit|initial|100%|1em|1rem)$/.test(value) ||
    (LENGTH.test(value) && !/e[mx]$/.test(value) && within(value, FONT_PIXELS.min, FONT_PIXELS.max))
  )
}

/** A percentage is carried on as a length: whether it still fits the letters is looked at where they stand. */
function isLineHeight(value: string): boolean {
  if (/^(normal|inherit|initial)$/.test(value)) return true
  const [, number, percent] = /^(\d(?:\.\d{1,4})?|[12]\d\d(?:\.\d{1,3})?(%))$/.exec(value) ?? []
  if (number === undefined) return false
  const share = Number.parseFloat(number) / (percent === undefined ? 1 : 100)
  return share >= 1 && share <= 2.4
}

/** One that browsers take: what they drop leaves in force what stands around it. */
const FONT = /^(?:normal ){0,2}(?:italic )?(?:normal )?(?:(?:bold|[1-9]00) )?([\d.]+(?:px|pt))(?:\/([\d.%]+|normal))? (.+)$/
const NAMES = /^(?:[a-z-][a-z -]*|"[^"]*"|'[^']*')(?:,(?:[a-z-][a-z -]*|"[^"]*"|'[^']*'))*$/

function isFont(value: string): boolean {
  if (/^(inherit|initial)$/.test(value)) return true
  const [, size = '', height, families = ''] = FONT.exec(value) ?? []
  if (!NAMES.test(families) || /\b(inherit|initial)\b/.test(families)) return false
  return isFontSize(size) && (height === undefined || isLineHeight(height)) && areFamilies(families)
}

const NO_BORDER = /^(none|0|0px|0in|0cm|medium|initial|inherit|currentcolor|windowtext)$/

/** `solid #E1E1E1 1.0pt`, in any order. */
function isBorder(value: string): boolean {
  return value.split(' ').every((part) => NO_BORDER.test(part) || part === 'solid' || within(part, 0, 4) || parseColour(part) !== undefined)
}

function isGround(value: string): boolean {
  return /^(none|transparent|inherit|initial)$/.test(value) || parseColour(value) !== undefined
}

function areSpaces(value: string): boolean {
  const parts = value.split(' ')
  if (parts.length > 4) return false
  const isFine = (part: string, max: number): boolean => /^(auto|inherit|initial)$/.test(part) || within(part, 0, max)
  return parts.every((part, place) => isFine(part, parts.length > 1 && place % 2 === 0 ? VERTICAL_MAX : HORIZONTAL_MAX))
}

const exactly = (text: string) => {
  const values = words(text)
  return (value: string): boolean => values.has(value.replaceAll(' ', '_'))
}
const isColourOrNone = (value: string): boolean => /^(inherit|initial|currentcolor|auto)$/.test(value) || parseColour(value) !== undefined
const isVertical = (value: string): boolean => value === 'auto' || within(value, 0, VERTICAL_MAX)
const isHorizontal = (value: string): boolean => value === 'auto' || within(value, 0, HORIZONTAL_MAX)
const isWide = (value: string): boolean => /^(100%|none|auto)$/.test(value) || within(value, 280, 5000)

const PLAIN: Readonly<Record<string, (value: string) => boolean>> = {
  color: (value) => value === 'inherit' || parseColour(value) !== undefined,
  background: isGround,
  'background-color': isGround,
  'caret-color': isColourOrNone,
  margin: areSpaces,
  padding: areSpaces,
  border: isBorder,
  'border-color': isColourOrNone,
  'border-style': exactly('none initial solid'),
  'border-width': (value) => NO_BORDER.test(value) || within(value, 0, 4),
  'border-image': exactly('none initial none_100%_1_0_stretch'),
  'border-collapse': exactly('collapse separate initial'),
  'border-spacing': exactly('0 0px'),
  'border-radius': (value) => within(value, 0, 12),
  outline: exactly('none 0'),
  font: isFont,
  'font-family': areFamilies,
  'font-size': isFontSize,
  'font-weight': (value) => /^(normal|bold|bolder|initial|inherit|[1-9]00)$/.test(value),
  'font-style': exactly('normal italic initial inherit'),
  'font-stretch': exactly('normal 100%'),
  'font-kerning': exactly('auto'),
  'font-variant': exactly('normal'),
  'line-height': isLineHeight,
  'letter-spacing': (value) => value === 'normal' || within(value, 0, 1),
  'word-spacing': (value) => value === 'normal' || within(value, 0, 2),
  'text-align': exactly('start left center justify -webkit-auto initial'),
  'text-indent': exactly('0 0px 0in initial'),
  'text-transform': exactly('none'),
  'text-decoration': exactly('none underline initial none_none'),
  'text-decoration-line': exactly('none underline initial'),
  'text-decoration-style': exactly('solid initial'),
  'text-decoration-color': exactly('initial currentcolor'),
  'text-decoration-thickness': exactly('auto initial'),
  'text-size-adjust': exactly('auto 100% none'),
  '-webkit-text-size-adjust': exactly('auto 100% none'),
  '-ms-text-size-adjust': exactly('auto 100% none'),
  '-webkit-text-stroke-width': exactly('0 0px'),
  '-webkit-nbsp-mode': exactly('space normal'),
  '-webkit-line-break': exactly('after-white-space'),
  'line-break': exactly('auto normal after-white-space'),
  'white-space': exactly('normal pre-wrap initial'),
  'white-space-collapse': exactly('collapse preserve'),
  'text-wrap': exactly('wrap initial'),
  'text-wrap-mode': exactly('wrap'),
  'word-wrap': exactly('normal break-word'),
  'overflow-wrap': exactly('normal break-word anywhere'),
  'word-break': exactly('normal break-word'),
  hyphens: exactly('manual auto none'),
  orphans: (value) => /^(auto|\d)$/.test(value),
  widows: (value) => /^(auto|\d)$/.test(value),
  direction: exactly('ltr'),
  'vertical-align': exactly('baseline initial'),
  float: exactly('none'),
  opacity: exactly('1'),
  visibility: exactly('visible'),
  'box-sizing': exactly('border-box content-box'),
  'max-width': isWide,
  width: exactly('98% 100% auto'),
  'list-style-type': exactly('disc circle square initial'),
  'list-style-position': exactly('outside initial'),
  page: (value) => /^wordsection\d$/.test(value),
  'mso-style-priority': (value) => /^\d{1,3}$/.test(value),
  'mso-style-type': (value) => /^(personal|personal-reply|personal-compose|export-only)$/.test(value),
  'mso-style-name': (value) => /^("[\w -]{1,40}"|[\w-]{1,40})$/.test(value),
  'mso-style-link': (value) => /^"[\w -]{1,40}"$/.test(value),
  'mso-style-unhide': exactly('no'),
  'mso-list': (value) => /^l\d{1,2} level\d lfo\d{1,2}$/.test(value),
  'mso-ligatures': exactly('none standardcontextual'),
  'mso-fareast-language': (value) => /^[a-z]{2}(-[a-z]{2})?$/.test(value),
  'mso-fareast-font-family': areFamilies,
  'mso-bidi-font-family': areFamilies,
  'mso-font-kerning': (value) => within(value, 0, 20),
}

/** `margin-left`, `border-top-color` and the like say what the whole says, of one side. */
const SIDE = /^(margin|padding|border)-(top|right|bottom|left|inline-start|inline-end|block-start|block-end)(-(?:color|style|width))?$/

export function isPlainValue(property: string, value: string): boolean {
  const check = Object.hasOwn(PLAIN, property) ? PLAIN[property] : undefined
  if (check !== undefined) return check(value)
  if (/^font-variant-[a-z]+$/.test(property)) return value === 'normal'
  if (/^font-(feature-settings|variation-settings|language-override)$/.test(property)) return value === 'normal'
  if (/^font-(optical-sizing|size-adjust)$/.test(property)) return /^(auto|none)$/.test(value)
  if (/^mso-(margin|padding)-(top|bottom)-alt$/.test(property)) return value === 'auto' || isVertical(value)
  const [, whole = '', side = '', part = ''] = SIDE.exec(property) ?? []
  if (whole === 'border') return isPlainValue(`border${part}`, value)
  if (whole === '') return false
  return /^(initial|inherit)$/.test(value) || (/^(top|bottom|block)/.test(side) ? isVertical(value) : isHorizontal(value))
}

/** As it is compared: one space between parts, none within them. */
export function squeezedValue(value: string): string {
  return value
    .toLowerCase()
    .replace(/\s*,\s*/g, ',')
    .replace(/\(\s+/g, '(')
    .replace(/\s+\)/g, ')')
    .replace(/\s+/g, ' ')
    .trim()
}

/** Whether it draws a line at the side of a box. */
export function drawsLine(property: string, value: string): boolean {
  // What is inherited may be one.
  return property.startsWith('border') && /\b(solid|inherit)\b/.test(value)
}

/** Whether it moves text away from the edge. */
export function isIndent(property: string, value: string): boolean {
  const [, whole = '', side] = /^(margin|padding)(?:-([a-z-]+))?$/.exec(property) ?? []
  if (whole === '' || /^(top|bottom|block)/.test(side ?? '')) return false
  const parts = value.split(' ')
  const sides = side !== undefined || parts.length === 1 ? parts : parts.filter((_, place) => place % 2 === 1)
  return sides.some((part) => part === 'inherit' || (pixels(part) ?? 0) > 0)
}

/**
 * Whether browsers read a style as it is read here: they drop what they do not know, take the first of two when it is marked as
 * important, and know fewer spaces.
 */
export function isPlainlySaid(style: string): boolean {
  if (!/^[\t\n\f\r -~]*$/.test(style) || style.includes('/*')) return false
  const said = new Map<string, string>()
  for (const part of style.split(';')) {
    if (!/^[^!]*(!\s*important\s*)?$/i.test(part)) return false
    const [, name = '', value = ''] = /^\s*([\w-]+)\s*:([^!]*)/.exec(part) ?? []
    const key = name.toLowerCase().replace(/^background-color$/, 'background')
    const squeezed = squeezedValue(value)
    if (/^(color|background|font|font-size|line-height|width)$/.test(key) && said.has(key) && said.get(key) !== squeezed) return false
    said.set(key, squeezed)
  }
  return !(style.includes('!') && said.has('font') && (said.has('font-size') || said.has('line-height')))
}

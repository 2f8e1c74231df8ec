/** What a style does to text, as far as it can hide or add some. Cascades are not computed: what could hide text is named. */

/** What text takes over from around it. */
export interface Colours {
  text: Rgb
  ground: Rgb
}

export type Rgb = readonly [red: number, green: number, blue: number]

export const PAPER: Colours = { text: [0, 0, 0], ground: [255, 255, 255] }
const NIGHT: Colours = { text: [255, 255, 255], ground: [18, 18, 18] }

export type StyleFault = 'hidden' | 'picture' | 'strange'

/** `property: value` pairs, lower case. */
export function declarations(style: string): [property: string, value: string][] {
  return withoutComments(style)
    .split(';')
    .flatMap((part) => {
      const colon = part.indexOf(':')
      if (colon < 0) return []
      return [
        [
          part.slice(0, colon).trim().toLowerCase(),
          part
            .slice(colon + 1)
            .replace(/!\s*important/i, '')
            .trim()
            .toLowerCase(),
        ],
      ]
    })
}

/** What sets type and space, and can neither hide, move, strike nor add text with the values that are looked at below. */
const PLAIN = new RegExp(
  `^(${[
    'color|background(-color)?|color-scheme|caret-color|opacity|visibility|display|position|content|direction|unicode-bidi',
    'font(-.+)?|line-height|letter-spacing|word-(break|spacing)|white-space(-collapse)?|(overflow|word)-wrap|hyphens|tab-size',
    'text-(align(-last)?|decoration(-.+)?|indent|transform|wrap|size-adjust|rendering|underline-.+)|vertical-align|list-style(-.+)?',
    'margin(-.+)?|padding(-.+)?|border(-.+)?|outline(-.+)?|(min-|max-)?(width|height)|box-sizing|cursor',
    '-(webkit|ms|moz)-(text-size-adjust|font-smoothing|osx-font-smoothing|hyphens)|mso-.+|page(-break-.+)?|size|orphans|widows',
  ].join('|')})$`,
)

/** Faults of declarations by themselves; colours are judged where they meet. */
export function faultOf(property: string, value: string): StyleFault | undefined {
  if (/url\s*\(|image-set|@import|expression\s*\(/.test(value) || property === 'behavior') return 'picture'
  if (/\\/.test(property + value) || !PLAIN.test(property)) return 'strange'
  switch (property) {
    case 'display':
      return value === 'none' ? 'hidden' : /reverse|contents|ruby/.test(value) ? 'strange' : undefined
    case 'visibility':
      return value === 'visible' || value === 'inherit' ? undefined : 'hidden'
    case 'opacity':
      return Number.parseFloat(value) < 0.3 ? 'hidden' : undefined
    case 'mso-hide':
      return value === 'all' ? 'hidden' : undefined
    case 'font-size':
    case 'line-height':
      return isTiny(value, property) ? 'hidden' : undefined
    case 'font':
      return /(^|\s)0?\.?\d(px|pt)/.test(value) ? 'hidden' : undefined
    case 'height':
    case 'max-height':
    case 'width':
    case 'max-width':
      return Number.parseFloat(value) <= 2 && !/%|em/.test(value) ? 'hidden' : undefined
    case 'text-indent':
    case 'margin':
    case 'margin-left':
    case 'margin-top':
    case 'margin-right':
    case 'letter-spacing':
    case 'word-spacing':
      return /-\d{2,}/.test(value) || (property.endsWith('spacing') && /-/.test(value)) ? 'hidden' : undefined
    case 'position':
      return value === 'static' || value === 'relative' ? undefined : 'hidden'
    case 'content':
      return /^(none|normal|""|'')$/.test(value) ? undefined : 'strange'
    case 'text-decoration':
    case 'text-decoration-line':
      return /line-through/.test(value) ? 'strange' : undefined
    case 'direction':
      return value === 'rtl' ? 'strange' : undefined
    case 'unicode-bidi':
      return /override/.test(value) ? 'strange' : undefined
    default:
      return undefined
  }
}

function isTiny(value: string, property: string): boolean {
  const number = Number.parseFloat(value)
  if (Number.isNaN(number)) return /xx-small/.test(value)
  if (/px|pt/.test(value)) return number < 5
  if (/%/.test(value)) return number < 40
  return property === 'line-height' ? number < 0.5 : number < 0.4
}

export function coloursAfter(before: Colours, pairs: readonly (readonly [string, string])[]): Colours {
  let { text, ground } = before
  for (const [property, value] of pairs) {
    if (property === 'color') text = colour(value, text) ?? ground
    if (property === 'background-color' || property === 'background') ground = colour(value.split(/\s+/)[0] as string, ground) ?? ground
  }
  return { text, ground }
}

/** Contrast as WCAG counts it; below this nobody reads it without looking for it. */
export function isUnreadable({ text, ground }: Colours): boolean {
  const [light, dark] = [luminance(text), luminance(ground)].sort((a, b) => b - a) as [number, number]
  return (light + 0.05) / (dark + 0.05) < 1.6
}

function luminance(rgb: Rgb): number {
  const [red, green, blue] = rgb.map((value) => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

const NAMED: Readonly<Record<string, Rgb>> = {
  white: [255, 255, 255],
  snow: [255, 250, 250],
  ivory: [255, 255, 240],
  ghostwhite: [248, 248, 255],
  whitesmoke: [245, 245, 245],
  black: [0, 0, 0],
  gray: [128, 128, 128],
  grey: [128, 128, 128],
  silver: [192, 192, 192],
  lightgray: [211, 211, 211],
  lightgrey: [211, 211, 211],
  red: [255, 0, 0],
  navy: [0, 0, 128],
  blue: [0, 0, 255],
}

/** Undefined: wholly transparent. `kept`: what holds where the value is none that can be read here. */
function colour(value: string, kept: Rgb): Rgb | undefined {
  if (value === 'transparent') return undefined
  const hex = /^#([0-9a-f]{3,8})$/.exec(value)?.[1]
  if (hex !== undefined) {
    const digits = hex.length < 6 ? [...hex].map((digit) => digit + digit).join('') : hex
    if (digits.length === 8 && Number.parseInt(digits.slice(6), 16) < 64) return undefined
    return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)) as unknown as Rgb
  }
  const parts = /^rgba?\(([^)]*)\)$/
    .exec(value)?.[1]
    ?.split(/[\s,/]+/)
    .filter((part) => part !== '')
  if (parts !== undefined && parts.length >= 3) {
    if (parts.length > 3 && Number.parseFloat(parts[3] as string) < (parts[3]?.endsWith('%') ? 25 : 0.25)) return undefined
    return parts.slice(0, 3).map((part) => Number.parseFloat(part) * (part.endsWith('%') ? 2.55 : 1)) as unknown as Rgb
  }
  return NAMED[value] ?? kept
}

/** Faults of a style sheet, whomever its rules are for. */
export function faultsOfSheet(sheet: string): StyleFault[] {
  const text = withoutComments(sheet)
  const faults = new Set<StyleFault>()
  if (/@import|@font-face/i.test(text)) faults.add('picture')
  let isNight = false
  let depth = 0
  for (const block of text.split('}')) {
    // Innermost blocks: `@media (…) { p { color: #eee } }` has one.
    const opens = block.split('{')
    const around = opens.slice(0, -1).join(' ')
    if (depth === 0) isNight = false
    if (/prefers-color-scheme\s*:\s*dark/i.test(around)) isNight = true
    depth = Math.max(0, depth + opens.length - 2)
    if (opens.length < 2) continue
    const pairs = declarations(opens.at(-1) as string)
    for (const [property, value] of pairs) {
      const fault = faultOf(property, value)
      if (fault !== undefined) faults.add(fault)
    }
    // What a rule leaves out comes from the page: by day dark on light, in a night rule light on dark.
    if (isUnreadable(coloursAfter(isNight ? NIGHT : PAPER, pairs))) faults.add('hidden')
  }
  return [...faults]
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?(\*\/|$)/g, ' ').replace(/<!--|-->/g, ' ')
}

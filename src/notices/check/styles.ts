/** What a style does to text, as far as it can hide or add some. Cascades are not computed: what could hide text is named. */

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
            .replace(/!\s*important\s*$/i, '')
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

/** Faults of a style sheet, whomever its rules are for. */
export function faultsOfSheet(sheet: string): StyleFault[] {
  const text = withoutComments(sheet)
  const faults = new Set<StyleFault>()
  if (/@import|@font-face/i.test(text)) faults.add('picture')
  for (const block of text.split('}')) {
    // Innermost blocks: `@media (…) { p { color: #eee } }` has one.
    const opens = block.split('{')
    if (opens.length < 2) continue
    for (const [property, value] of declarations(opens.at(-1) as string)) {
      const fault = faultOf(property, value)
      if (fault !== undefined) faults.add(fault)
    }
  }
  return [...faults]
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?(\*\/|$)/g, ' ').replace(/<!--|-->/g, ' ')
}

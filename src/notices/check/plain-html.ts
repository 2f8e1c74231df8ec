/**
 * What the HTML of a notice may be made of: what our own rendering makes, and the plain boxes that mail programs put around it.
 * It is a list of what is known, not of what is bad: of everything else nobody knows whether it hides text, adds some or moves it.
 */
import { SHEETS } from '#notices/text/sheets.ts'

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))
const ELEMENTS = words('html head meta title style body main h1 h2 h3 p ul li hr b bdi a div span br blockquote strong em i')
/** None but ours, and those of the boxes: a style sheet could speak of any. */
const CLASSES = words('small code gmail_quote gmail_quote_container gmail_attr gmail_default moz-cite-prefix moz-forward-container')
/** Of the boxes around what is quoted. Each written as programs write it. */
const STYLES = words(
  'margin:0 margin:0px padding:0 padding:0px margin:0_0_0_.8ex margin:0px_0px_0px_0.8ex padding-left:1ex border-left:1px_#ccc_solid border-left:1px_solid_#ccc border-left:1px_solid_rgb(204,204,204)',
)
const METAS: Readonly<Record<string, string>> = {
  viewport: 'width=device-width, initial-scale=1',
  'color-scheme': 'light dark',
  'format-detection': 'telephone=no, date=no, address=no, email=no, url=no',
}
const RIGHT_TO_LEFT = /^(ar|fa|he|ur|ps|sd|yi)\b/i
const OUR_SHEETS: readonly string[] = SHEETS.map(squeezed)
/** Each of them moves the text to the right. */
const INDENTS = words('blockquote ul')
const HEADINGS = words('h1 h2 h3')
const INDENTS_MAX = 8
const NESTING_MAX = 40

export interface ShapeOfTag {
  name: string
  attributes: Readonly<Record<string, string>>
  /** Names of the elements around it, from the outermost. */
  around: readonly string[]
}

/** What of a tag no notice has; undefined: nothing. */
export function strangeTag({ name, attributes, around }: ShapeOfTag): string | undefined {
  const parent = around.at(-1) ?? ''
  if (!ELEMENTS.has(name)) return name
  if ((name === 'title' || name === 'style') && parent !== 'head') return name
  if (around.length > NESTING_MAX || around.filter((each) => INDENTS.has(each)).length > INDENTS_MAX) return 'nesting'
  // Letters grow, or a mark is drawn, with each of them.
  if ((HEADINGS.has(name) && around.some((each) => HEADINGS.has(each))) || (name === 'li' && !around.includes('ul'))) return name
  if (name === 'a' && around.includes('a')) return 'a'
  if (name === 'meta' && !isMeta(attributes)) return 'meta'
  return Object.entries(attributes).find(([attribute, value]) => !isAttribute(name, attribute, value, attributes))?.[0]
}

export function isOurSheet(sheet: string): boolean {
  return OUR_SHEETS.includes(squeezed(sheet))
}

function squeezed(sheet: string): string {
  return sheet.replace(/\s+/g, ' ').trim()
}

function isAttribute(name: string, attribute: string, value: string, all: Readonly<Record<string, string>>): boolean {
  if (name === 'meta') return true
  switch (attribute) {
    case 'class':
      return value.split(/\s+/).every((each) => each === '' || CLASSES.has(each))
    case 'style':
      return name !== 'title' && name !== 'style' && name !== 'head' && value.split(';').every(isStyle)
    case 'dir':
      return /^(ltr|auto)$/i.test(value) || (name === 'html' && RIGHT_TO_LEFT.test(all.lang ?? ''))
    case 'lang':
      return /^[a-z-]{0,20}$/i.test(value)
    case 'href':
      return name === 'a'
    case 'target':
      return name === 'a' && value === '_blank'
    case 'rel':
      return name === 'a' && /^[a-z ]{0,60}$/.test(value)
    default:
      return false
  }
}

function isStyle(declaration: string): boolean {
  const plain = declaration
    .trim()
    .toLowerCase()
    .replace(/\s*([:,])\s*/g, '$1')
  return plain === '' || STYLES.has(plain.replace(/\s+/g, '_'))
}

function isMeta(attributes: Readonly<Record<string, string>>): boolean {
  const { name, content = '', charset, 'http-equiv': http, ...others } = attributes
  if (Object.keys(others).length > 0) return false
  if (charset !== undefined) return /^utf-8$/i.test(charset) && name === undefined && http === undefined && content === ''
  if (http !== undefined) return /^content-type$/i.test(http) && /^text\/html; ?charset=utf-8$/i.test(content) && name === undefined
  return Object.hasOwn(METAS, name ?? '') && METAS[name ?? ''] === content
}

const TAG = /<\/?[a-z][a-z0-9]{0,15}(?:\s+[a-z-]{1,40}(?:\s*=\s*(?:"[^"<>]{0,4000}"|'[^'<>]{0,4000}'|[^\s"'<>`=]{1,4000}))?){0,12}\s*\/?>/gi
const DOCTYPE = /^\ufeff?\s*<!doctype html(?: public "[-\w/. ]{0,80}"(?:\s+"[\w:/.-]{0,120}")?)?>/i

/** Whether programs agree on where its tags begin and end. What mends broken ones mends them in its own way. */
export function isWellWritten(html: string): boolean {
  return !html.replace(DOCTYPE, '').replace(TAG, ' ').includes('<')
}

/**
 * What the HTML of a notice may be made of: what our own rendering makes, and what mail programs put around it when they save it or
 * send it on. It is a list of what is known, not of what is bad: of everything else nobody knows whether it hides text, adds some or
 * moves it.
 */
import { attributeColour } from './colours.ts'
import type { OfficialMarks } from './read-notice.ts'
import { isGmailNote } from './filter-links.ts'
import { isPlainlyOurs } from './links.ts'
import { areFamilies, isPlainlySaid, isPlainValue, squeezedValue } from './plain-values.ts'
import { withoutPrefix } from './plain-sheet.ts'
import { declarations } from './styles.ts'

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))
const ELEMENTS = words(
  'html head meta title style body main h1 h2 h3 p ul li hr b bdi a div span br wbr blockquote table tbody thead tr td th strong em i u font o:p',
)
/** None but ours, and those of mail programs: the style sheet of a page around it could speak of any other. */
const CLASSES = words('small code elementToProof BodyFragment PlainText yahoo_quoted WordSection1 SpellE')
const PROGRAM_CLASS = /^(gmail_[a-z_]{1,40}|moz-[A-Za-z0-9-]{1,40}|Mso[A-Za-z0-9]{1,40}|Apple-[a-z-]{1,40}|yahoo_quoted_begin)$/
const METAS: Readonly<Record<string, RegExp>> = {
  viewport: /^width=device-width, initial-scale=1$/,
  'color-scheme': /^light dark$/,
  'format-detection': /^telephone=no, date=no, address=no, email=no, url=no$/,
  generator: /^Microsoft (Word|Exchange Server) ?\d{0,2}( \(filtered( medium)?\))?$/,
}
const RIGHT_TO_LEFT = /^(ar|fa|he|ur|ps|sd|yi)\b/i
/** Each of them moves the text to the right. */
const INDENTS = words('blockquote ul')
const INDENTS_MAX = 8
const NESTING_MAX = 40
const HEADINGS = words('h1 h2 h3')
const INSIDE: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['table', words('tbody thead tr')],
  ['tbody', words('tr')],
  ['thead', words('tr')],
  ['tr', words('td th')],
])

export interface ShapeOfTag {
  name: string
  attributes: Readonly<Record<string, string>>
  /** The elements around it, from the outermost. */
  around: readonly { name: string; isIndent: boolean }[]
  /** As the part says it; of what the page says another is not believed. */
  charset: string
  marks: OfficialMarks
}

/** What of a tag no notice has; undefined: nothing. */
export function strangeTag(tag: ShapeOfTag): string | undefined {
  const { name, attributes, around, charset } = tag
  const parent = around.at(-1)?.name ?? ''
  const isIn = (names: ReadonlySet<string>): boolean => around.some((each) => names.has(each.name))
  if (!ELEMENTS.has(name)) return name
  if (INSIDE.get(parent)?.has(name) === false || (/^t(body|head|r|d|h)$/.test(name) && !INSIDE.has(parent))) return name
  if (around.length > NESTING_MAX || around.filter((each) => each.isIndent || INDENTS.has(each.name)).length > INDENTS_MAX) return 'nesting'
  // Letters grow, or a mark is drawn, with each of them.
  if ((HEADINGS.has(name) && isIn(HEADINGS)) || (name === 'li' && !isIn(words('ul')))) return name
  if (name === 'a' && isIn(words('a'))) return 'a'
  if (name === 'meta') return isMeta(attributes, charset) ? undefined : 'meta'
  // Within a line it would part words that are shown as one.
  if (name === 'hr' && /inline-block/.test(attributes.style ?? '') && !/\bwidth: ?98%/.test(attributes.style ?? '')) return name
  return Object.entries(attributes).find(([attribute, value]) => !isAttribute(tag, attribute, value))?.[0]
}

/** Text that stands where only cells or rows may is shown somewhere else. */
export function isDisplaced(parent: string): boolean {
  return INSIDE.has(parent)
}

const NAMESPACE =
  /^(urn:schemas-microsoft-com:[a-z:]{1,40}|http:\/\/schemas\.microsoft\.com\/office\/[\w/]{1,40}|http:\/\/www\.w3\.org\/(TR\/REC-html40|1999\/xhtml))$/

function isAttribute({ name, attributes: all, marks }: ShapeOfTag, attribute: string, value: string): boolean {
  if (name === 'style') return (attribute === 'type' && value === 'text/css') || (attribute === 'style' && /^display: ?none;?$/.test(value))
  if (name === 'title' || name === 'head') return false
  switch (attribute) {
    case 'class':
      return value.split(/\s+/).every((each) => each === '' || isClass(each))
    case 'style':
      return (
        isPlainlySaid(value) &&
        declarationsOf(value).every(([property, given]) => isPlainValue(property, given) || isOfElement(name, property, given))
      )
    case 'dir':
      return /^(ltr|auto)$/i.test(value) || (name === 'html' && RIGHT_TO_LEFT.test(all.lang ?? ''))
    case 'lang':
    case 'xml:lang':
      return /^[a-z-]{0,20}$/i.test(value)
    case 'id':
      return /^[\w.-]{0,120}$/.test(value)
    case 'width':
      // Beside a wide one, or in it, words stand where nobody looks.
      return name === 'hr' ? value === '100%' : /^(table|td|th)$/.test(name) && /^(100%|\d{1,2}%|[1-7]?\d{1,2}(px)?)$/.test(value)
    case 'align':
      return (
        value === 'center' ||
        (value === 'left' && (name !== 'table' || (all.width === '100%' && !/width/i.test(all.style ?? '')))) ||
        (name === 'th' && /^right$/i.test(value))
      )
    case 'valign':
      return /^t[dhr]$/.test(name) && /^(top|middle|baseline)$/i.test(value)
    case 'bgcolor':
      return /^(body|table|t[dhr])$/.test(name) && attributeColour(value) !== undefined
    default:
      return attribute.startsWith('xmlns') ? name === 'html' && NAMESPACE.test(value) : isOwnAttribute(name, attribute, value, marks)
  }
}

/** Of one kind of element alone. */
function isOwnAttribute(name: string, attribute: string, value: string, marks: OfficialMarks): boolean {
  switch (name) {
    case 'a':
      return isLinkAttribute(attribute, value, marks)
    case 'body':
      return /^[av]?link$/.test(attribute) && attributeColour(value) !== undefined
    case 'br':
      return attribute === 'clear' && /^(all|both|left|right|none)$/i.test(value)
    case 'hr':
      return (attribute === 'tabindex' && value === '-1') || (attribute === 'size' && /^[1-4]$/.test(value)) || attribute === 'noshade'
    case 'ul':
      return attribute === 'type' && /^(disc|circle|square)$/i.test(value)
    case 'blockquote':
      return (attribute === 'type' && value === 'cite') || (attribute === 'cite' && /^mid:[\w.@%+=-]{1,200}$/.test(value))
    case 'font':
      if (attribute === 'face') return areFamilies(squeezedValue(value))
      return attribute === 'color' ? attributeColour(value) !== undefined : attribute === 'size' && /^[2-4]$/.test(value)
    case 'table':
      return (
        (/^cell(spacing|padding)$/.test(attribute) && /^\d(px)?$/.test(value)) ||
        (attribute === 'border' && value === '0') ||
        (attribute === 'role' && value === 'presentation')
      )
    case 'th':
      return attribute === 'nowrap' && /^(nowrap)?$/i.test(value)
    default:
      return false
  }
}

/** What filters and programs write beside a link. What is shown over it is fixed, and names no address but ours. */
function isLinkAttribute(attribute: string, value: string, marks: OfficialMarks): boolean {
  switch (attribute) {
    case 'href':
      return true
    case 'target':
      return value === '_blank'
    case 'rel':
      return /^[a-z ]{0,60}$/.test(value)
    case 'name':
      return /^_?[A-Za-z]\w{0,40}$/.test(value)
    case 'shash':
      return /^[\w+/=]{0,500}$/.test(value)
    case 'originalsrc':
      return isPlainlyOurs(value, marks, [])
    case 'title': {
      const [, link = ''] =
        /^Original URL:\s(\S{1,400})(?: |\.\s)Click (?:or tap )?(?:to follow|if you trust this) link\.$/i.exec(value.trim()) ?? []
      return [marks.checkUrl, `mailto:${marks.contactMail ?? ''}`].includes(link.replace(/\.$/, '')) || value === marks.checkUrl
    }
    case 'data-saferedirecturl':
      return isGmailNote(value, marks)
    default:
      return /^data-(auth|linkindex|outlook-id|loopstyle|safelink)$/.test(attribute) && /^[\w-]{0,80}$/.test(value)
  }
}

function isClass(name: string): boolean {
  const plain = withoutPrefix(name)
  return CLASSES.has(plain) || PROGRAM_CLASS.test(plain)
}

/** The declarations of a style as they are compared. */
export function declarationsOf(style: string): [property: string, value: string][] {
  return declarations(style).map(([property, value]) => [property, squeezedValue(value)])
}

function isOfElement(name: string, property: string, value: string): boolean {
  if (property === 'vertical-align') return /^t(able|[dhr])$/.test(name) && /^(top|middle)$/.test(value)
  return name === 'hr' && property === 'display' && value === 'inline-block'
}

function isMeta(attributes: Readonly<Record<string, string>>, declared: string): boolean {
  const { name, content = '', charset, 'http-equiv': http, ...others } = attributes
  const isCharset = (given: string): boolean =>
    /^utf-8$/i.test(given) || (given.toLowerCase() === declared && /^(iso-8859-1|windows-1252|us-ascii)$/.test(declared))
  if (Object.keys(others).length > 0) return false
  if (charset !== undefined) return isCharset(charset) && name === undefined && http === undefined && content === ''
  if (http !== undefined) {
    const [, given = ''] = /^text\/html; ?charset=([\w-]{1,20})$/i.exec(content) ?? []
    return /^content-type$/i.test(http) && isCharset(given) && name === undefined
  }
  const key = (name ?? '').toLowerCase()
  return Object.hasOwn(METAS, key) && METAS[key]?.test(content) === true
}

const TAG =
  /<\/?(?:[a-z][a-z0-9]{0,15}|o:p)(?:\s+[a-z:-]{1,40}(?:\s*=\s*(?:"[^"<>]{0,4000}"|'[^'<>]{0,4000}'|[^\s"'<>`=]{1,4000}))?){0,16}\s*\/?>/gi
const DOCTYPE = /^\ufeff?\s*<!doctype html(?: public "[-\w/. ]{0,80}"(?:\s+"[\w:/.-]{0,120}")?)?>/i
/** A sheet hidden from programs that know none. */
const SHEET_BRACKETS = /(<style[^<>]{0,200}>\s*)<!--([^<>]{0,20000})-->(?=\s*<\/style)/gi

/** What Microsoft's programs write for themselves: fixed words, of which nothing is shown anywhere. */
const KNOWN_COMMENTS: readonly RegExp[] = [
  /^\[if !mso\]><style>v\\:\* \{behavior:url\(#default#VML\);\} o\\:\* \{behavior:url\(#default#VML\);\} w\\:\* \{behavior:url\(#default#VML\);\} \.shape \{behavior:url\(#default#VML\);\} <\/style><!\[endif\]$/,
  /^\[if gte mso 9\]><xml> <o:shapedefaults v:ext="edit" spidmax="\d{1,6}" ?\/> <\/xml><!\[endif\]$/,
  /^\[if gte mso 9\]><xml> <o:shapelayout v:ext="edit"> <o:idmap v:ext="edit" data="\d{1,4}" ?\/> <\/o:shapelayout><\/xml><!\[endif\]$/,
]

export function isKnownComment(comment: string): boolean {
  const plain = comment.replace(/\s+/g, ' ').trim()
  return KNOWN_COMMENTS.some((known) => known.test(plain))
}

/** Whether programs agree on where its tags begin and end. What mends broken ones mends them in its own way. */
export function isWellWritten(html: string): boolean {
  const plain = html
    .replace(DOCTYPE, '')
    .replace(SHEET_BRACKETS, '$1')
    .replace(/<!--(\[[^-]{1,600}\])-->/g, (whole, comment: string) => (isKnownComment(comment) ? ' ' : whole))
  return !plain.replace(TAG, ' ').includes('<')
}

/**
 * The text of an HTML mail as somebody sees it, and what is in it besides. Our notices are plain: paragraphs, lists and one
 * link. What they are never made of is named, whether or not it is known to deceive; plain-html.ts has what they may be made of.
 */
import { Parser } from 'htmlparser2'
import { canonicalWords } from '#model/notice-text.ts'
import { attributeColour, type Rgb, parseColour } from './colours.ts'
import { unfiltered } from './filter-links.ts'
import { shown } from './letters.ts'
import { isHelpLink } from './known-lines.ts'
import { isTied, LineLook } from './line-look.ts'
import { judgeLink, linksIn } from './links.ts'
import { Nesting } from './nesting.ts'
import { PageLook } from './page-look.ts'
import type { Findings, OfficialMarks } from './read-notice.ts'
import { declarationsOf, isDisplaced, isKnownComment, isWellWritten, strangeTag } from './plain-html.ts'
import { readSheet } from './plain-sheet.ts'
import { drawsLine, isIndent, isPlainValue, letterPixels, sizeInFont } from './plain-values.ts'
import { faultOf, faultsOfSheet } from './styles.ts'

const words = (text: string): Set<string> => new Set(text.split(' '))
const BLOCKS = words(
  'address article blockquote body br caption center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 head header hr html li main nav ol p pre section table tbody tfoot thead title tr ul',
)
/** Browsers show nothing of them, not even an end of a line. */
const UNSHOWN = words('html head title')
const CELLS = words('td th')
const INLINE = words('a abbr b bdi big cite code dfn em font i ins kbd mark o:p q samp small span strong sub sup time tt u var wbr')
const HEAD = words('meta style col colgroup')
const ACTIVE = words('script base iframe frame frameset object embed applet link template noscript slot portal')
const FORMS = words('form input button textarea select option fieldset label datalist')
const PICTURES = words('img picture source svg math video audio canvas image map area')
const MAIL_LINK = /^mailto:/i
const DEPTH_MAX = 60
/** More of a link's words is not compared with where it leads: a long passage is no name of a host. */
const LINK_TEXT_MAX = 500
const PIECE = 4096
const LONG = 90_000
const LONG_SHARE = 12

export interface HtmlGiven {
  marks: OfficialMarks
  recipients: readonly string[]
  findings: Findings
  /** Of the mail: the HTML has it as its title, which some programs show. */
  subject?: string | undefined
  /** Of the part, in small letters. */
  charset?: string
}

interface Open {
  name: string
  isHidden: boolean
  isIndent: boolean
  /** Said by styles around; undefined: what the program takes, or a rule of a sheet. */
  ink: Rgb | undefined
  paper: Rgb | undefined
  /** The same, where our own sheet colours links, small words and the page. */
  inkInOurs: Rgb | undefined
  paperInOurs: Rgb | undefined
  fontPixels: number
  /** Fixed height of lines, which letters inside could outgrow. */
  linePixels: number | undefined
  isUnderlined: boolean
  href: string | undefined
  /** Of a link, of an item, or of a style sheet. */
  linkText: string
}

const FONT_SIZE: Readonly<Record<string, number>> = { 2: 13, 3: 16, 4: 18 }
const LETTER_SIZE: Readonly<Record<string, number>> = { h1: 2, h2: 1.5, h3: 1.17 }
const SEEN_ANYHOW = words('b strong em i u a font span')
const WHITE: Rgb = [255, 255, 255]
const OUTERMOST: Open = {
  name: '',
  isHidden: false,
  isIndent: false,
  ink: undefined,
  paper: undefined,
  inkInOurs: undefined,
  paperInOurs: undefined,
  fontPixels: 16,
  linePixels: undefined,
  isUnderlined: false,
  href: undefined,
  linkText: '',
}

export function readHtml(html: string, given: HtmlGiven): string {
  const { marks, recipients, findings } = given
  const strange = (what: string): void => findings.add('html_strange', { what: shown(what) })
  if (!isWellWritten(html)) strange('<')
  const stack: Open[] = []
  const look = new PageLook()
  const nesting = new Nesting()
  const line = new LineLook()
  const named = new Set<string>()
  let text = ''
  let title = ''
  let depth = 0
  // Whether something that is seen began or ended since the last letter: within a word it would make letters stand out.
  let isEdge = false
  let isFromRight = false
  const endLine = (): void => {
    text += '\n'
    line.break()
  }
  const addColour = (what: 'text' | 'ground', colour: Rgb | undefined): void => {
    if (colour !== undefined) look.addColour(what, colour)
  }
  const isInLink = (): boolean => stack.some((open) => open.href !== undefined)
  const top = (): Open => stack.at(-1) ?? OUTERMOST
  /** Programs that forward make a link of an address that stands in the text; its words are compared like all others. */
  const closeLink = (href: string, said: string): void => {
    if (isHelpLink(href, said)) return
    if (!MAIL_LINK.test(href)) {
      judgeLink(href, marks, recipients, findings)
      compareLink(said, unfiltered(href, marks) ?? href, findings)
    } else if (href.replace(MAIL_LINK, '').toLowerCase() !== said.trim().toLowerCase()) judgeLink(href, marks, recipients, findings)
  }
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        depth++
        named.clear()
        const mended = nesting.open(name, stack, /\S/u.test(text))
        if (mended !== undefined) strange(mended)
        if (BLOCKS.has(name) && !UNSHOWN.has(name)) endLine()
        else if (CELLS.has(name)) text += ' '
        if (SEEN_ANYHOW.has(name)) isEdge = true
        const before = findings.count
        nameTag(name, findings)
        const outer = top()
        const open = opened(name, attributes, outer)
        for (const [property, value] of declarationsOf(attributes.style ?? '')) {
          if (property === 'color' || property.startsWith('background'))
            addColour(property === 'color' ? 'text' : 'ground', parseColour(value))
          if (value.includes('windowtext')) look.doubtNight('windowtext')
          const fault = isPlainValue(property, value) ? undefined : faultOf(property, value)
          if (fault === 'hidden') open.isHidden = true
          else if (fault === 'picture') findings.add('html_picture')
          else if (fault === 'strange') strange(property)
          if (!drawsLine(property, value)) continue
          // Boxes within a line of text are dots.
          if (SEEN_ANYHOW.has(name)) strange(property)
          look.draw(stack, 'line')
        }
        nameAttributes(name, attributes, findings)
        addColour('text', attributeColour(attributes.color ?? ''))
        addColour('ground', attributeColour(attributes.bgcolor ?? ''))
        const what = strangeTag({ name, attributes, around: stack, charset: given.charset ?? 'utf-8', marks })
        if (what !== undefined && findings.count === before) strange(what)
        if (name === 'hr' || name === 'blockquote') look.draw(stack, 'line')
        const [outside, inside] = [String(outer.paper ?? WHITE), String(open.paper ?? WHITE)]
        if (inside !== outside) look.draw(stack, 'ground')
        else if (open.paper !== undefined && outer.paper === undefined) look.draw(stack, 'white')
        if (name === 'body')
          for (const key of ['link', 'vlink', 'alink']) look.addLinkInk(parseColour((attributes[key] ?? '').toLowerCase()))
        // Without a doctype a table takes the colour of the page, not of what is around it.
        const page = stack.find((each) => each.name === 'body')?.ink
        if (name === 'table' && outer.ink !== undefined && String(outer.ink) !== String(page)) look.doubtNight(name)
        if (name === 'tr') line.openRow()
        if (attributes.dir?.toLowerCase() === 'rtl') isFromRight = true
        look.open(name, attributes, stack.length)
        stack.push(open)
      },
      ontext(piece) {
        const around = top()
        if (around.name === 'style') {
          around.linkText += piece
          return
        }
        if (around.name === 'title') title += piece
        if ((nesting.isOver || isDisplaced(around.name)) && /\S/u.test(piece)) strange(piece)
        if (around.name === 'title' || ACTIVE.has(around.name)) return
        if (around.isHidden && /\S/u.test(piece)) {
          findings.add('html_hidden', { text: shown(piece) })
          return
        }
        if (/\S/u.test(piece)) {
          look.say(piece, around)
          const odd = line.say(piece, { ink: String(around.ink), fontPixels: around.fontPixels, isLink: isInLink() })
          if (odd !== undefined) strange(odd)
        }
        // Underlined spaces are lines.
        if (around.isUnderlined && (/^\s+$/u.test(piece) || /[\u00a0\u2000-\u200a\u202f\u3000]{2}/u.test(piece))) strange('_')
        if (isEdge && /^[\p{L}\p{M}\p{N}]/u.test(piece) && /[\p{L}\p{M}\p{N}]$/u.test(text))
          strange(`${text.slice(-8).split(/\s/).at(-1)}|${piece.slice(0, 8)}`)
        if (piece !== '') isEdge = false
        for (const open of stack)
          if ((open.href !== undefined || /^(li|td|th)$/.test(open.name)) && open.linkText.length < LINK_TEXT_MAX)
            open.linkText += piece.slice(0, LINK_TEXT_MAX)
        text += piece.replace(/[\t\n\r ]+/g, ' ')
      },
      onclosetag(name, isImplied) {
        depth--
        const closed = stack.pop()
        const mended = nesting.close(name, isImplied)
        if (mended !== undefined) strange(mended)
        const column = closed !== undefined && CELLS.has(name) ? line.cell(name, closed.linkText) : undefined
        if (column !== undefined) strange(column)
        if (name === 'tr') line.closeRow()
        if (SEEN_ANYHOW.has(name)) isEdge = true
        if (closed?.name === 'style') nameSheet(closed.linkText, look, findings)
        // Its mark alone is a dot, of which pictures can be made.
        if (closed?.name === 'li' && !/[\p{L}\p{N}]/u.test(closed.linkText)) strange('li')
        if (closed?.href !== undefined) closeLink(closed.href, closed.linkText)
        if (BLOCKS.has(name) && !UNSHOWN.has(name)) endLine()
        else if (CELLS.has(name)) text += ' '
      },
      onattribute(name) {
        // Of two some programs take the first, some the last.
        if (named.has(name)) strange(name)
        named.add(name)
      },
      oncomment(comment) {
        // Some programs show what others take for a comment.
        if (!isKnownComment(comment)) strange(`<!--${comment}`)
      },
      onprocessinginstruction(name) {
        if (name.toLowerCase() !== '!doctype') strange(name)
      },
      oncdatastart() {
        strange('CDATA')
      },
    },
    { decodeEntities: true, lowerCaseTags: true, lowerCaseAttributeNames: true, recognizeSelfClosing: false },
  )
  // In pieces: what is nested without end is not read to its end.
  for (let at = 0; at < html.length && depth <= DEPTH_MAX; at += PIECE) parser.write(html.slice(at, at + PIECE))
  if (depth > DEPTH_MAX) strange('nesting')
  else {
    nesting.isEnding = true
    parser.end()
  }
  look.judge(findings)
  // Some programs show the beginning of a long page alone.
  if (html.length > LONG && html.length > LONG_SHARE * text.length) strange('⏎')
  if (isTied(text)) strange('&nbsp;')
  if (isFromRight && !/[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(text)) strange('dir')
  if (title !== '' && canonicalWords(title).join(' ') !== canonicalWords(given.subject ?? '').join(' ')) strange(title)
  return text
}

/** What holds inside of an element, from what holds around it. */
function opened(name: string, attributes: Readonly<Record<string, string>>, outer: Open): Open {
  const fontPixels = outer.fontPixels * (LETTER_SIZE[name] ?? 1)
  const open: Open = {
    ...outer,
    name,
    isHidden: outer.isHidden || attributes.hidden !== undefined || name === 'title',
    isIndent: false,
    // A link has a colour of its own wherever it stands.
    ink: name === 'a' && attributes.href !== undefined ? undefined : outer.ink,
    inkInOurs: /^(a|p|main|body)$/.test(name) ? undefined : outer.inkInOurs,
    paperInOurs: /^(main|body)$/.test(name) ? undefined : outer.paperInOurs,
    fontPixels,
    isUnderlined: outer.isUnderlined || name === 'u' || (name === 'a' && attributes.href !== undefined),
    href: name === 'a' ? attributes.href : undefined,
    linkText: '',
  }
  const paint = (text: Rgb | undefined, ground: Rgb | undefined): void => {
    if (text !== undefined) Object.assign(open, { ink: text, inkInOurs: text })
    if (ground !== undefined) Object.assign(open, { paper: ground, paperInOurs: ground })
  }
  const styles = declarationsOf(attributes.style ?? '')
  paint(attributeColour(attributes.color ?? ''), attributeColour(attributes.bgcolor ?? ''))
  if (name === 'font') open.fontPixels = FONT_SIZE[attributes.size ?? ''] ?? open.fontPixels
  for (const [property, value] of styles) {
    if (property === 'color') {
      // What it is otherwise, a link's own colour or what an attribute says, is given up for that around.
      if (value === 'inherit') Object.assign(open, { ink: outer.ink, inkInOurs: outer.inkInOurs })
      paint(parseColour(value), undefined)
    } else if (property === 'background' || property === 'background-color') {
      if (parseColour(value) === undefined) Object.assign(open, { paper: outer.paper, paperInOurs: outer.paperInOurs })
      paint(undefined, parseColour(value))
    } else if (property === 'font-size') open.fontPixels = letterPixels(value, outer.fontPixels) ?? open.fontPixels
    else if (property === 'font') open.fontPixels = letterPixels(sizeInFont(value), outer.fontPixels) ?? open.fontPixels
    else if (property.startsWith('text-decoration') && value.includes('underline')) open.isUnderlined = true
    if (isIndent(property, value)) open.isIndent = true
  }
  for (const [property, value] of styles) {
    if (property !== 'line-height' && property !== 'font') continue
    const percent = /(\d+(?:\.\d+)?)%/.exec(value)?.[1]
    if (value === 'inherit') open.linePixels = outer.linePixels
    else open.linePixels = percent === undefined ? undefined : (Number(percent) / 100) * open.fontPixels
  }
  return open
}

/** Ours, or one of a mail program; else what in it could hide text or load something. */
function nameSheet(sheet: string, look: PageLook, findings: Findings): void {
  const read = readSheet(sheet)
  look.addSheet(read)
  if (read.isPlain) return
  const faults = faultsOfSheet(sheet)
  if (faults.includes('hidden')) findings.add('html_hidden', { text: '<style>' })
  if (faults.includes('picture')) findings.add('html_picture')
  if (faults.length === 0 || faults.includes('strange')) findings.add('html_strange', { what: '<style>' })
}

function nameTag(name: string, findings: Findings): void {
  if (BLOCKS.has(name) && !FORMS.has(name)) return
  if (CELLS.has(name) || INLINE.has(name) || HEAD.has(name)) return
  if (ACTIVE.has(name)) findings.add('html_active', { what: shown(name) })
  else if (FORMS.has(name)) findings.add('html_form')
  else if (PICTURES.has(name)) findings.add('html_picture')
  else findings.add('html_strange', { what: shown(name) })
}

function nameAttributes(name: string, attributes: Readonly<Record<string, string>>, findings: Findings): void {
  for (const [attribute, value] of Object.entries(attributes)) {
    if (attribute.startsWith('on')) findings.add('html_active', { what: shown(attribute) })
    else if (attribute === 'background' || attribute === 'src' || attribute === 'srcset') findings.add('html_picture')
    else if (attribute === 'dir' && value.toLowerCase() === 'rtl' && name !== 'html' && name !== 'body')
      findings.add('html_strange', { what: 'dir' })
    else if (attribute === 'ping' || attribute === 'action' || attribute === 'formaction') findings.add('html_form')
    else if (attribute === 'size' && name === 'font' && /^(0|-)/.test(value)) findings.add('html_hidden', { text: '<font>' })
  }
  if (name === 'meta' && /^(refresh|set-cookie)$/i.test(attributes['http-equiv'] ?? '')) findings.add('html_active', { what: 'meta' })
}

/** A link whose words name one host and which leads to another. */
function compareLink(linkText: string, href: string, findings: Findings): void {
  const hostOf = (link: string): string | undefined => URL.parse(link)?.hostname.replace(/^www\./, '')
  const [said] = linksIn(linkText).filter((link) => !link.startsWith('mailto:'))
  const target = hostOf(href)
  if (said === undefined || target === undefined || hostOf(said) === target) return
  findings.add('link_unlike_text', { shown: shown(hostOf(said) ?? said), where: shown(target) })
}

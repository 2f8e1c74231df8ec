/**
 * The text of an HTML mail as somebody sees it, and what is in it besides. Our notices are plain: paragraphs, lists and one
 * link. What they are never made of is named, whether or not it is known to deceive; plain-html.ts has what they may be made of.
 */
import { Parser } from 'htmlparser2'
import { canonicalWords } from '#model/notice-text.ts'
import { unfiltered } from './filter-links.ts'
import { shown } from './letters.ts'
import { judgeLink, linksIn } from './links.ts'
import { Nesting } from './nesting.ts'
import type { Findings, OfficialMarks } from './read-notice.ts'
import { isOurSheet, isWellWritten, strangeTag } from './plain-html.ts'
import { type Colours, coloursAfter, declarations, faultOf, faultsOfSheet, isUnreadable, PAPER } from './styles.ts'

const words = (text: string): Set<string> => new Set(text.split(' '))
const BLOCKS = words(
  'address article blockquote body br caption center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 head header hr html li main nav ol p pre section table tbody tfoot thead title tr ul',
)
/** Letters in them look otherwise, or are underlined. */
const SEEN_ANYHOW = words('a b strong em i')
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
/** Rules and quotes draw lines, of which many could draw letters. */
const LINES_MAX = 16
/** Empty lines, below which nobody looks. */
const GAP_MAX = 40
/** Some programs show the beginning of a long page alone. */
const LONG = 90_000
const LONG_SHARE = 12
/** A space that lets no line end in it: many of them run out of the page. */
const TIED = /[^\s\u00a0\u202f][\u00a0\u202f](?=[^\s\u00a0\u202f])/gu
const TIED_MAX = 6
/** More of a link's words is not compared with where it leads: a long passage is no name of a host. */
const LINK_TEXT_MAX = 500
const PIECE = 4096

export interface HtmlGiven {
  marks: OfficialMarks
  recipients: readonly string[]
  findings: Findings
  /** Of the mail: the HTML has it as its title, which some programs show. */
  subject?: string | undefined
}

interface Open {
  name: string
  isHidden: boolean
  colours: Colours
  href: string | undefined
  /** Of a link, of an item, or of a style sheet. */
  linkText: string
}

export function readHtml(html: string, given: HtmlGiven): string {
  const { marks, recipients, findings } = given
  const strange = (what: string): void => findings.add('html_strange', { what: shown(what) })
  if (!isWellWritten(html)) strange('<')
  const stack: Open[] = []
  let text = ''
  let title = ''
  let depth = 0
  let lines = 0
  // Whether something that is seen began or ended since the last letter: within a word it would make letters stand out.
  let isEdge = false
  let gap = 0
  let isFromRight = false
  const nesting = new Nesting()
  const named = new Set<string>()
  const endLine = (): void => {
    text += '\n'
    gap++
  }
  /** Programs that do not know it show no end of a line there: it parts no words. */
  const edgeOfMain = (): void => {
    if (/\S$/u.test(text)) strange('main')
  }
  const top = (): Open | undefined => stack.at(-1)
  /** Programs that forward make a link of an address that stands in the text; its words are compared like all others. */
  const closeLink = (href: string, said: string): void => {
    if (!MAIL_LINK.test(href)) compareLink(said, unfiltered(href, marks) ?? href, findings)
    else if (href.replace(MAIL_LINK, '').toLowerCase() !== said.trim().toLowerCase()) judgeLink(href, marks, recipients, findings)
  }
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        depth++
        named.clear()
        const mended = nesting.open(name, stack, /\S/u.test(text))
        if (mended !== undefined) strange(mended)
        if (name === 'main') edgeOfMain()
        if (BLOCKS.has(name) && !UNSHOWN.has(name)) endLine()
        else if (CELLS.has(name)) text += ' '
        if (SEEN_ANYHOW.has(name)) isEdge = true
        if (name === 'hr' || name === 'blockquote') lines++
        const before = findings.count
        nameTag(name, findings)
        const pairs = declarations(attributes.style ?? '')
        if (attributes.color !== undefined) pairs.push(['color', attributes.color.toLowerCase()])
        if (attributes.bgcolor !== undefined) pairs.push(['background-color', attributes.bgcolor.toLowerCase()])
        const outer = top()
        let isHidden = outer?.isHidden === true || attributes.hidden !== undefined || name === 'title'
        for (const [property, value] of pairs) {
          const fault = faultOf(property, value)
          if (fault === 'hidden') isHidden = true
          else if (fault === 'picture') findings.add('html_picture')
          else if (fault === 'strange') strange(property)
        }
        nameAttributes(name, attributes, findings)
        if (attributes.dir?.toLowerCase() === 'rtl') isFromRight = true
        const what = strangeTag({ name, attributes, around: stack.map((open) => open.name) })
        if (what !== undefined && findings.count === before) strange(what)
        const colours = coloursAfter(outer?.colours ?? PAPER, pairs)
        const href = name === 'a' ? attributes.href : undefined
        stack.push({ name, isHidden, colours, href, linkText: '' })
        if (href !== undefined && !MAIL_LINK.test(href)) judgeLink(href, marks, recipients, findings)
      },
      ontext(piece) {
        const around = top()
        if (around?.name === 'style') {
          around.linkText += piece
          return
        }
        if (around?.name === 'title') title += piece
        if (nesting.isOver && /\S/u.test(piece)) strange(piece)
        if (around?.name === 'title' || ACTIVE.has(around?.name ?? '')) return
        if (around !== undefined && (around.isHidden || isUnreadable(around.colours)) && /\S/u.test(piece)) {
          findings.add('html_hidden', { text: shown(piece) })
          return
        }
        if (/\S/u.test(piece)) {
          if (gap > GAP_MAX) strange('⏎')
          gap = 0
        }
        if (isEdge && /^[\p{L}\p{M}\p{N}]/u.test(piece) && /[\p{L}\p{M}\p{N}]$/u.test(text))
          strange(`${text.slice(-8).split(/\s/).at(-1)}|${piece.slice(0, 8)}`)
        if (piece !== '') isEdge = false
        for (const open of stack)
          if ((open.href !== undefined || open.name === 'li') && open.linkText.length < LINK_TEXT_MAX)
            open.linkText += piece.slice(0, LINK_TEXT_MAX)
        text += piece.replace(/[\t\n\r ]+/g, ' ')
      },
      onclosetag(name, isImplied) {
        depth--
        const closed = stack.pop()
        const mended = nesting.close(name, isImplied)
        if (mended !== undefined) strange(mended)
        if (SEEN_ANYHOW.has(name)) isEdge = true
        // Its mark alone is a dot, of which pictures can be made.
        if (closed?.name === 'li' && !/[\p{L}\p{N}]/u.test(closed.linkText)) strange('li')
        if (closed?.name === 'style') nameSheet(closed.linkText, findings)
        if (closed?.href !== undefined) closeLink(closed.href, closed.linkText)
        if (name === 'main') edgeOfMain()
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
        strange(`<!--${comment}`)
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
  if (lines > LINES_MAX) strange('hr')
  if (html.length > LONG && html.length > LONG_SHARE * text.length) strange('⏎')
  if (text.split(/[\t\n\r ]+/).some((chunk) => (chunk.match(TIED)?.length ?? 0) > TIED_MAX)) strange('&nbsp;')
  if (isFromRight && !/[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(text)) strange('dir')
  if (title !== '' && canonicalWords(title).join(' ') !== canonicalWords(given.subject ?? '').join(' ')) {
    strange(title)
  }
  return text
}

/** Ours, or what in it could hide text or load something. */
function nameSheet(sheet: string, findings: Findings): void {
  if (isOurSheet(sheet)) return
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

/**
 * What can be said of a page only as a whole: whether some text is faint by day or by night, whatever rule applies to it, and whether
 * lines and grounds are so many that they could draw letters.
 */
import { DAY, isFaint, NIGHT, type Rgb, type Scheme } from './colours.ts'
import { shown } from './letters.ts'
import { isLabel } from './line-look.ts'
import type { SheetRead } from './plain-sheet.ts'
import type { Findings } from './read-notice.ts'

const LINES_MAX = 16
const GROUNDS_MAX = 8
/** Beside each other, cells place what is in them: few of these draw nothing. */
const GROUNDS_IN_CELLS_MAX = 4
const CELLS_MAX = 40
const COLOURS_MAX = 400
/** How deep text may stand where a rule that indents could apply to each element around it. */
const INDENTED_DEPTH_MAX = 16
/** Words of a program, of which nothing is lost when they are faint, beside its labels. */
const HELP = /^learn why this is important$/i

interface Painted {
  ink: Rgb | undefined
  paper: Rgb | undefined
  /** Where our own sheet applies. */
  inkInOurs: Rgb | undefined
  paperInOurs: Rgb | undefined
}

interface Around extends Painted {
  fontPixels: number
  linePixels: number | undefined
}

export class PageLook {
  readonly #said = new Map<string, Painted & { sample: string }>()
  readonly #sheets: SheetRead[] = []
  readonly #linkInks: Rgb[] = []
  readonly #inks: Rgb[] = []
  readonly #papers: Rgb[] = []
  #isForNight = false
  #nightDoubt: string | undefined
  #lines = 0
  #grounds = 0
  #linesInCells = 0
  #groundsInCells = 0
  /** Seen by night alone. */
  #whites = 0
  #cells = 0
  #cellsBeside = 0
  #cellsInRow = 0
  #depth = 0
  #crowded: string | undefined
  #linePixelsMin = Number.POSITIVE_INFINITY

  open(name: string, attributes: Readonly<Record<string, string>>, depth: number): void {
    this.#depth = Math.max(this.#depth, depth)
    if (name === 'meta' && /dark/i.test(attributes.content ?? '') && /color-scheme/i.test(attributes.name ?? '')) this.#isForNight = true
    if (name === 'tr') this.#cellsInRow = 0
    if (name !== 'td' && name !== 'th') return
    this.#cells++
    this.#cellsInRow++
    if (this.#cellsInRow > 1) this.#cellsBeside++
  }

  /** Something that is seen without being text. */
  draw(around: readonly { name: string }[], what: 'line' | 'ground' | 'white'): void {
    const isInCell = around.some(({ name }) => name === 'tr')
    if (what === 'line') {
      this.#lines++
      if (isInCell) this.#linesInCells++
    } else if (what === 'ground') {
      this.#grounds++
      if (isInCell) this.#groundsInCells++
    } else this.#whites++
  }

  /** A colour that stands somewhere on the page, wherever it applies. */
  addColour(what: 'text' | 'ground', colour: Rgb): void {
    ;(what === 'text' ? this.#inks : this.#papers).push(colour)
  }

  /** What is readable by day, where each colour is asked to be read on each, and may not be by night. */
  doubtNight(what: string): void {
    this.#nightDoubt ??= what
  }

  addSheet(sheet: SheetRead): void {
    this.#sheets.push(sheet)
  }

  /** Colours of links that the page sets. */
  addLinkInk(ink: Rgb | undefined): void {
    if (ink !== undefined) this.#linkInks.push(ink)
  }

  say(piece: string, { fontPixels, linePixels, ...around }: Around): void {
    if (linePixels !== undefined) {
      this.#linePixelsMin = Math.min(this.#linePixelsMin, linePixels)
      if (linePixels < fontPixels * 0.95) this.#crowded ??= piece
    }
    if (isLabel(piece) || HELP.test(piece.trim())) return
    const { ink, paper, inkInOurs, paperInOurs } = around
    const key = JSON.stringify([ink, paper, inkInOurs, paperInOurs])
    if (!this.#said.has(key)) this.#said.set(key, { ink, paper, inkInOurs, paperInOurs, sample: piece })
  }

  judge(findings: Findings): void {
    const strange = (what: string): void => findings.add('html_strange', { what })
    if (this.#lines > LINES_MAX || this.#grounds > GROUNDS_MAX || this.#cells > CELLS_MAX) strange('table')
    else if (this.#cellsBeside > 0 && (this.#linesInCells > 0 || this.#groundsInCells > GROUNDS_IN_CELLS_MAX)) strange('table')
    if (this.#sheets.some(({ hasIndent }) => hasIndent) && this.#depth > INDENTED_DEPTH_MAX) strange('nesting')
    const largest = Math.max(0, ...this.#sheets.map(({ fontPixels }) => fontPixels))
    if (largest > this.#linePixelsMin * 1.05) strange('line-height')
    if (this.#crowded !== undefined) findings.add('html_hidden', { text: shown(this.#crowded) })
    const [day, night] = this.#schemes()
    if (night !== undefined && this.#nightDoubt !== undefined) strange(this.#nightDoubt)
    if (night !== undefined && this.#whites > 0) strange('background')
    // By day programs paint nothing themselves, so that each colour can be asked to be read on each: then no cascade hides any.
    const [inks, papers] = [this.#inks.slice(0, COLOURS_MAX), this.#papers.slice(0, COLOURS_MAX)]
    if (this.#inks.length > COLOURS_MAX || this.#papers.length > COLOURS_MAX) strange('color')
    const all: Scheme = { ...day, ruleTexts: [...day.ruleTexts, ...inks], ruleGrounds: [...day.ruleGrounds, ...papers] }
    if (isFaint({ text: undefined, ground: undefined }, all)) strange('color')
    const isOurs = this.#sheets.some((sheet) => sheet.isOurs)
    for (const { ink, paper, inkInOurs, paperInOurs, sample } of this.#said.values()) {
      // Whether our rule reaches an element is not looked up: both have to be readable.
      const pairs = [{ text: ink, ground: paper }, ...(isOurs ? [{ text: inkInOurs, ground: paperInOurs }] : [])]
      const isSomeFaint = pairs.some((pair) => isFaint(pair, day) || (night !== undefined && isFaint(pair, night)))
      if (isSomeFaint) findings.add('html_hidden', { text: shown(sample) })
    }
  }

  #schemes(): [day: Scheme, night: Scheme | undefined] {
    const ours = this.#sheets.find((sheet) => sheet.isOurs)
    const others = this.#sheets.filter((sheet) => !sheet.isOurs)
    const rules = {
      ruleTexts: [...others.flatMap((sheet) => sheet.texts), ...this.#linkInks],
      ruleGrounds: others.flatMap((sheet) => sheet.grounds),
    }
    // Ours colours all that stands on a page, so that what programs paint by themselves is not seen.
    if (ours !== undefined) {
      const { texts, grounds, nightTexts, nightGrounds } = ours
      return [
        { texts, grounds, ...rules },
        { texts: nightTexts, grounds: nightGrounds, ...rules },
      ]
    }
    return [{ ...DAY, ...rules }, this.#isForNight ? { ...NIGHT, ...rules } : undefined]
  }
}

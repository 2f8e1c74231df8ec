/**
 * One line of text as it is shown, and what stands beside what: words that are smaller or paler than those around them are overlooked,
 * and columns are read in another order than they were written.
 */
import { shown } from './letters.ts'

const LARGER_MAX = 1.35
/** A program's own words before a value. */
const LABEL = /^\s*(from|to|date|sent|subject|reply-to)\s*:\s*$/i
/** A filter's mark before its note, which is often red. */
const MARK = /^\s*\[?(caution|external( (email|sender))?)\]?\s*:?\s*$/i
const GAP_MAX = 40
/** A space that lets no line end in it. */
const TIED = /[^\s\u00a0\u202f][\u00a0\u202f](?=[^\s\u00a0\u202f])/gu
const TIED_MAX = 6

export function isLabel(text: string): boolean {
  return LABEL.test(text)
}

export class LineLook {
  #pixels: { min: number; max: number } | undefined
  #ink: string | undefined
  #gap = 0
  readonly #rows: string[][] = []

  /** Where another line begins. */
  break(): void {
    this.#pixels = undefined
    this.#ink = undefined
    this.#gap++
  }

  /** What is odd about a piece of text after those before it in its line; undefined: nothing. */
  say(piece: string, { ink, fontPixels, isLink }: { ink: string; fontPixels: number; isLink: boolean }): string | undefined {
    const gap = this.#gap
    this.#gap = 0
    if (gap > GAP_MAX) return '⏎'
    if (isLabel(piece)) return undefined
    const { min, max } = this.#pixels ?? { min: fontPixels, max: fontPixels }
    this.#pixels = { min: Math.min(min, fontPixels), max: Math.max(max, fontPixels) }
    if (this.#pixels.max > this.#pixels.min * LARGER_MAX) return 'font-size'
    if (isLink || MARK.test(piece)) return undefined
    const before = this.#ink
    this.#ink = ink
    return before === undefined || before === ink ? undefined : 'color'
  }

  openRow(): void {
    this.#rows.push([])
  }

  closeRow(): void {
    this.#rows.pop()
  }

  /** Of cells with words beside each other only a label and its value. */
  cell(name: string, text: string): string | undefined {
    if (!/[\p{L}\p{N}]/u.test(text)) return undefined
    if (name === 'th' && !isLabel(text)) return shown(text)
    const row = this.#rows.at(-1)
    const isColumn = row?.some((before) => !isLabel(before)) === true
    row?.push(text)
    return isColumn ? shown(text) : undefined
  }
}

/** Words so tied to each other that their line runs out of the page. */
export function isTied(text: string): boolean {
  return text.split(/[\t\n\r ]+/).some((chunk) => (chunk.match(TIED)?.length ?? 0) > TIED_MAX)
}

/**
 * Where elements begin and end. Browsers mend what is nested badly, each rule of theirs in its own way: text then stands in another
 * element than it seems to, with another colour. What has to be mended is named.
 */
const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))
const VOID = words('br hr meta wbr link img input area base col embed source track')
/** Their ends may be left out. */
const MAY_END = words('p li html head body')
const ENDS_PARAGRAPH = words('blockquote div h1 h2 h3 hr li main p ul')
const WITHIN_LINE = words('a b strong em i span bdi')
const ROOTS = words('html head body')

export class Nesting {
  /** Of what ended by itself just now. */
  #implied: string | undefined
  #roots = new Set<string>()
  #isOver = false
  /** At the end of the page nothing follows that could stand elsewhere. */
  isEnding = false

  /** What of a tag has to be mended; undefined: nothing. `around`: from the outermost. */
  open(name: string, around: readonly { name: string }[], isTextBefore: boolean): string | undefined {
    this.#implied = undefined
    const parent = around.at(-1)?.name
    if (this.#isOver) return name
    if (ROOTS.has(name)) {
      // Browsers pass over it elsewhere: it parts no words.
      const isFirst = !this.#roots.has(name) && !isTextBefore && (parent === undefined || (parent === 'html' && name !== 'html'))
      this.#roots.add(name)
      return isFirst ? undefined : name
    }
    const names = around.map((each) => each.name)
    if (ENDS_PARAGRAPH.has(name) && names.includes('p')) return name
    return name === 'li' && names.slice(names.lastIndexOf('ul') + 1).includes('li') ? name : undefined
  }

  close(name: string, isImplied: boolean): string | undefined {
    if (VOID.has(name) || this.isEnding) return undefined
    if (isImplied) {
      this.#implied = name
      return MAY_END.has(name) ? undefined : name
    }
    const implied = this.#implied
    this.#implied = undefined
    if (name === 'body' || name === 'html') this.#isOver = true
    if (implied === undefined) return undefined
    if (implied === 'p') return WITHIN_LINE.has(name) ? name : undefined
    return (implied === 'li' ? name === 'ul' : ROOTS.has(name)) ? undefined : name
  }

  /** Text behind the page is put to its end, without a break. */
  get isOver(): boolean {
    return this.#isOver
  }
}

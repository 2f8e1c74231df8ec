import type { Ordinal } from '#model/log-entry.ts'
import { joinPages, PAGE_BITS } from '#vault/ordinal-pages.ts'
import type { OrdinalPages } from '#vault/survey.ts'
import type { Bitmap } from '#warehouse/bitmap.ts'

/** A set of people by number, as bits: millions of them take a few hundred kilobytes, since numbers are given in order. */
export class PersonSet {
  readonly #pages = new Map<number, Uint32Array>()
  #size = 0

  get size(): number {
    return this.#size
  }

  has(person: Ordinal): boolean {
    const page = this.#pages.get(Math.floor(person / PAGE_BITS))
    if (page === undefined) return false
    const bit = person % PAGE_BITS
    return (((page[bit >>> 5] as number) >>> (bit & 31)) & 1) === 1
  }

  add(person: Ordinal): void {
    const page = this.#pageOf(Math.floor(person / PAGE_BITS))
    const bit = person % PAGE_BITS
    const mask = (1 << (bit & 31)) >>> 0
    const word = page[bit >>> 5] as number
    if ((word & mask) !== 0) return
    page[bit >>> 5] = (word | mask) >>> 0
    this.#size += 1
  }

  /** Ascending. */
  values(): Float64Array {
    const values = new Float64Array(this.#size)
    let at = 0
    for (const [number, page] of [...this.#pages].sort(([a], [b]) => a - b)) {
      for (let index = 0; index < page.length; index++) {
        for (let word = page[index] as number; word !== 0; word &= word - 1) {
          values[at] = number * PAGE_BITS + index * 32 + 31 - Math.clz32(word & -word)
          at += 1
        }
      }
    }
    return values
  }

  pages(): OrdinalPages {
    return joinPages(this.#pages)
  }

  /** How many are in this set and not in the other. */
  countWithout(other: PersonSet): number {
    return this.#size - this.countWith(other)
  }

  /** How many are in both sets. */
  countWith(other: PersonSet): number {
    let count = 0
    for (const [number, page] of this.#pages) {
      const theirs = other.#pages.get(number)
      if (theirs === undefined) continue
      for (let index = 0; index < page.length; index++) count += bitsOf((page[index] as number) & (theirs[index] as number))
    }
    return count
  }

  /** Keeps those who are in the other set too. */
  keepOnly(other: PersonSet): void {
    for (const [number, page] of this.#pages) {
      const theirs = other.#pages.get(number)
      if (theirs === undefined) this.#pages.delete(number)
      else for (let index = 0; index < page.length; index++) page[index] = (page[index] as number) & (theirs[index] as number)
    }
    this.#count()
  }

  remove(person: Ordinal): void {
    if (!this.has(person)) return
    const bit = person % PAGE_BITS
    const page = this.#pages.get(Math.floor(person / PAGE_BITS)) as Uint32Array
    page[bit >>> 5] = (page[bit >>> 5] as number) & ~(1 << (bit & 31))
    this.#size -= 1
  }

  removeAll(other: PersonSet): void {
    for (const [number, page] of this.#pages) {
      const theirs = other.#pages.get(number)
      if (theirs === undefined) continue
      for (let index = 0; index < page.length; index++) page[index] = (page[index] as number) & ~(theirs[index] as number)
    }
    this.#count()
  }

  addAll(other: PersonSet): void {
    for (const [number, theirs] of other.#pages) this.#unite(number, theirs)
    this.#count()
  }

  addBitmaps(bitmaps: Iterable<Bitmap>): void {
    for (const bitmap of bitmaps) {
      for (const container of bitmap) {
        if ('words' in container) this.#unite(container.page, container.words)
        else this.#addList(container.page, container.list)
      }
    }
    this.#count()
  }

  #addList(number: number, list: Uint16Array): void {
    const page = this.#pageOf(number)
    for (let index = 0; index < list.length; index++) {
      const bit = list[index] as number
      page[bit >>> 5] = (page[bit >>> 5] as number) | (1 << (bit & 31))
    }
  }

  #unite(number: number, theirs: Uint32Array): void {
    const page = this.#pageOf(number)
    for (let index = 0; index < page.length; index++) page[index] = (page[index] as number) | (theirs[index] as number)
  }

  #pageOf(number: number): Uint32Array {
    let page = this.#pages.get(number)
    if (page === undefined) {
      page = new Uint32Array(PAGE_BITS / 32)
      this.#pages.set(number, page)
    }
    return page
  }

  /** After whole pages were changed. */
  #count(): void {
    this.#size = 0
    for (const page of this.#pages.values()) for (let index = 0; index < page.length; index++) this.#size += bitsOf(page[index] as number)
  }
}

function bitsOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

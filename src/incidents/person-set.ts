import type { Ordinal } from '#model/log-entry.ts'

const PAGE_BITS = 1 << 16

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
    const number = Math.floor(person / PAGE_BITS)
    let page = this.#pages.get(number)
    if (page === undefined) {
      page = new Uint32Array(PAGE_BITS / 32)
      this.#pages.set(number, page)
    }
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

  /** How many are in this set and not in the other. */
  countWithout(other: PersonSet): number {
    let count = 0
    for (const [number, page] of this.#pages) {
      const theirs = other.#pages.get(number)
      for (let index = 0; index < page.length; index++) count += bitsOf((page[index] as number) & ~(theirs?.[index] ?? 0))
    }
    return count
  }

  addAll(other: PersonSet): void {
    for (const [number, page] of other.#pages) {
      for (let index = 0; index < page.length; index++) {
        for (let word = page[index] as number; word !== 0; word &= word - 1)
          this.add(number * PAGE_BITS + index * 32 + 31 - Math.clz32(word & -word))
      }
    }
  }
}

function bitsOf(word: number): number {
  let count = 0
  for (let rest = word; rest !== 0; rest &= rest - 1) count++
  return count
}

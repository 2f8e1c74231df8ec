/** Sets of ordinals on their way between processes: as bits, in pages that have some. */
import { assert } from '#base/errors.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { OrdinalPages } from './survey.ts'

export const PAGE_BITS = 1 << 16
export const PAGE_WORDS = PAGE_BITS / 32

export function pagesOf(ordinals: Iterable<Ordinal>): OrdinalPages {
  const pages = new Map<number, Uint32Array>()
  for (const ordinal of ordinals) {
    const number = Math.floor(ordinal / PAGE_BITS)
    const page = pages.get(number) ?? new Uint32Array(PAGE_WORDS)
    pages.set(number, page)
    const bit = ordinal % PAGE_BITS
    page[bit >>> 5] = (page[bit >>> 5] as number) | (1 << (bit & 31))
  }
  return joinPages(pages)
}

export function joinPages(pages: ReadonlyMap<number, Uint32Array>): OrdinalPages {
  const words = new Uint32Array(pages.size * PAGE_WORDS)
  for (const [index, page] of [...pages.values()].entries()) words.set(page, index * PAGE_WORDS)
  return { numbers: Float64Array.from(pages.keys()), words }
}

export function hasOrdinal({ numbers, words }: OrdinalPages): (ordinal: Ordinal) => boolean {
  assert(words.length === numbers.length * PAGE_WORDS, 'every page has its bits')
  const starts = new Map(Array.from(numbers, (number, index) => [number, index * PAGE_WORDS]))
  return (ordinal) => {
    const start = starts.get(Math.floor(ordinal / PAGE_BITS))
    if (start === undefined) return false
    const bit = ordinal % PAGE_BITS
    return (((words[start + (bit >>> 5)] as number) >>> (bit & 31)) & 1) === 1
  }
}

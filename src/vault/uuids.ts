/** A list of UUIDs as 16-byte blocks. Text is made when the first one is asked for, of all at once. */
import { assert } from '#base/errors.ts'

const BLOCK = 16
const TEXT = 36
const HYPHEN = 0x2d
/** Byte of a block → where its two digits stand in the text. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const
const DIGITS = Buffer.from('0123456789abcdef')

export class Uuids {
  readonly #blocks: Uint8Array
  #texts: Buffer | undefined

  constructor(blocks: Uint8Array) {
    assert(blocks.length % BLOCK === 0, 'a list of UUIDs is made of whole blocks')
    this.#blocks = blocks
  }

  get length(): number {
    return this.#blocks.length / BLOCK
  }

  /** Lower case. */
  text(index: number): string {
    this.#texts ??= formatAll(this.#blocks)
    // A text of its own, not a slice of a long one: those are slow to read character by character.
    return this.#texts.toString('latin1', index * TEXT, (index + 1) * TEXT)
  }

  texts(): string[] {
    return Array.from({ length: this.length }, (_, index) => this.text(index))
  }

  /** The order of their texts. */
  compare(a: number, b: number): number {
    const blocks = this.#blocks
    for (let at = 0; at < BLOCK; at++) {
      const difference = (blocks[a * BLOCK + at] as number) - (blocks[b * BLOCK + at] as number)
      if (difference !== 0) return difference
    }
    return 0
  }
}

function formatAll(blocks: Uint8Array): Buffer {
  const text = Buffer.allocUnsafe((blocks.length / BLOCK) * TEXT).fill(HYPHEN)
  for (let block = 0, start = 0; block < blocks.length; block += BLOCK, start += TEXT) {
    assert((blocks[block + 6] as number) >> 4 === 4, 'what leaves is a UUID v4')
    for (let at = 0; at < BLOCK; at++) {
      const byte = blocks[block + at] as number
      const place = start + (PLACES[at] as number)
      text[place] = DIGITS[byte >> 4] as number
      text[place + 1] = DIGITS[byte & 15] as number
    }
  }
  return text
}

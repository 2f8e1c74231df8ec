/** JSON text as bytes, the same that `JSON.stringify` and UTF-8 give, without a string for each piece. */
import { ByteWriter } from './byte-writer.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const ZERO = 0x30
const DIGITS_MAX = 16

export class JsonWriter extends ByteWriter {
  /** Text that is JSON already. */
  raw(text: string): void {
    this.utf8(text)
  }

  string(text: string): void {
    this.reserve(text.length + 2)
    const { bytes } = this
    const start = this.at
    let at = start
    bytes[at++] = QUOTE
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return this.utf8(JSON.stringify(text))
      bytes[at++] = code
    }
    bytes[at++] = QUOTE
    this.at = at
  }

  value(value: unknown): void {
    if (typeof value === 'string') this.string(value)
    else if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) this.#whole(value)
    else this.utf8(JSON.stringify(value) ?? 'null')
  }

  #whole(value: number): void {
    this.reserve(DIGITS_MAX)
    let digits = 1
    for (let bound = 10; value >= bound && digits < DIGITS_MAX; bound *= 10) digits += 1
    let at = this.at + digits
    this.at = at
    let rest = value
    do {
      const tens = Math.floor(rest / 10)
      this.bytes[--at] = ZERO + (rest - tens * 10)
      rest = tens
    } while (rest > 0)
  }
}

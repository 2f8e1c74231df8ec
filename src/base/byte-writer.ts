/**
 * Bytes written one after another into a buffer that grows. Short pieces are copied by loops of our own: a call into native
 * code for each costs more than its bytes.
 */

const SHORT = 64

export class ByteWriter {
  protected bytes: Buffer
  protected at = 0

  constructor(bytesExpected = 1 << 16) {
    this.bytes = Buffer.allocUnsafeSlow(bytesExpected)
  }

  get size(): number {
    return this.at
  }

  /** Forgets what was written from `size` on. */
  rewind(size: number): void {
    this.at = size
  }

  /** What was written; valid until more is. */
  written(): Buffer {
    return this.bytes.subarray(0, this.at)
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.at++] = value
  }

  copy(from: Uint8Array): void {
    this.reserve(from.length)
    if (from.length > SHORT) this.bytes.set(from, this.at)
    else for (let index = 0; index < from.length; index++) this.bytes[this.at + index] = from[index] as number
    this.at += from.length
  }

  /** LEB128 of a whole number below 2^53. */
  varint(value: number): void {
    this.reserve(8)
    let rest = value
    while (rest >= 0x80) {
      this.bytes[this.at++] = 0x80 | (rest % 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.bytes[this.at++] = rest
  }

  /** Six bits and the sign, then LEB128 of the rest. */
  signed(value: number): void {
    const size = Math.abs(value)
    const first = (size % 0x40) | (value < 0 ? 0x40 : 0)
    if (size < 0x40) return this.byte(first)
    this.byte(first | 0x80)
    this.varint(Math.floor(size / 0x40))
  }

  /** UTF-8; an unpaired surrogate becomes U+FFFD. */
  utf8(text: string): void {
    this.reserve(text.length * 3)
    if (!this.ascii(text)) this.at += this.bytes.write(text, this.at, 'utf8')
  }

  /** Writes nothing and says false for text with characters above U+007F. */
  protected ascii(text: string): boolean {
    const { bytes, at } = this
    const length = text.length
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index)
      if (code > 0x7f) return false
      bytes[at + index] = code
    }
    this.at = at + length
    return true
  }

  protected reserve(count: number): void {
    const needed = this.at + count
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(grown, 0, 0, this.at)
    this.bytes = grown
  }
}

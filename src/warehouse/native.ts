/**
 * ClickHouse's Native format, as far as our own questions need it: blocks of fixed-size number columns
 * (https://clickhouse.com/docs/interfaces/formats/Native). A million rows become a few typed arrays; as JSON they would
 * cost a second of parsing. Anything else in the bytes is an error of ours.
 */
import { assert } from '#base/errors.ts'

/** Values of one column; `Float64` carries ordinals, counts and instants, which are whole numbers below 2^53. */
export type NumberColumn = Float64Array | Uint32Array

export interface ColumnBlock {
  rows: number
  columns: ReadonlyMap<string, NumberColumn>
}

const SIZES: Readonly<Record<string, number>> = { Float64: 8, UInt32: 4 }

export function decodeNative(bytes: Buffer): ColumnBlock[] {
  const blocks: ColumnBlock[] = []
  let at = 0
  const length = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]
      assert(byte !== undefined && factor <= 2 ** 42, 'a length of the engine is whole')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }
  const text = (): string => {
    const size = length()
    at += size
    return bytes.toString('utf8', at - size, at)
  }
  while (at < bytes.length) {
    const count = length()
    const rows = length()
    const columns = new Map<string, NumberColumn>()
    for (let index = 0; index < count; index++) {
      const name = text()
      const type = text()
      const size = SIZES[type]
      assert(size !== undefined, `a column of numbers is of a known type, not ${type}`)
      assert(at + rows * size <= bytes.length, 'a block of the engine is whole')
      // Copied, since a view must begin at a multiple of its size.
      const values = bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + rows * size)
      columns.set(name, type === 'Float64' ? new Float64Array(values) : new Uint32Array(values))
      at += rows * size
    }
    if (rows > 0) blocks.push({ rows, columns })
  }
  return blocks
}

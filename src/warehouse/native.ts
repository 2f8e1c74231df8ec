/**
 * ClickHouse's Native format, as far as our own questions need it: blocks of columns of fixed-size numbers, and of the few other
 * types that stand below (https://clickhouse.com/docs/interfaces/formats/Native). A million rows become a few typed arrays; as
 * JSON they would cost a second of parsing. Anything else in the bytes is an error of ours.
 */
import { assert } from '#base/errors.ts'
import { type Bitmap, type BitmapReader, readBitmap, readLength } from '#warehouse/bitmap.ts'

/** Values of one column; `Float64` carries ordinals, counts and instants, which are whole numbers below 2^53. */
export type NumberColumn = Float64Array | Uint32Array

export interface ColumnBlock {
  rows: number
  /** Of `Float64` and `UInt32`. */
  columns: ReadonlyMap<string, NumberColumn>
  texts: ReadonlyMap<string, readonly string[]>
  /** Of `Array(UInt64)`. */
  lists: ReadonlyMap<string, readonly Float64Array[]>
  /** Of `groupBitmapState` and `groupBitmapStateIf` over `UInt32` or `UInt64`. */
  bitmaps: ReadonlyMap<string, readonly Bitmap[]>
}

const SIZES: Readonly<Record<string, number>> = { Float64: 8, UInt32: 4 }
const BITMAP = /^AggregateFunction\(groupBitmap(?:If)?, UInt(32|64)(?:, UInt8)?\)$/

export function decodeNative(bytes: Buffer): ColumnBlock[] {
  const blocks: ColumnBlock[] = []
  const from: BitmapReader = { at: 0 }
  while (from.at < bytes.length) {
    const count = readLength(bytes, from)
    const rows = readLength(bytes, from)
    const columns = new Map<string, NumberColumn>()
    const texts = new Map<string, string[]>()
    const lists = new Map<string, Float64Array[]>()
    const bitmaps = new Map<string, Bitmap[]>()
    for (let index = 0; index < count; index++) {
      const name = readText(bytes, from)
      const type = readText(bytes, from)
      const bits = BITMAP.exec(type)?.[1]
      if (bits !== undefined)
        bitmaps.set(
          name,
          readEach(rows, () => readBitmap(bytes, from, bits === '32' ? 32 : 64)),
        )
      else if (type === 'String')
        texts.set(
          name,
          readEach(rows, () => readText(bytes, from)),
        )
      else if (type === 'Array(UInt64)') lists.set(name, readLists(bytes, from, rows))
      else columns.set(name, readNumbers(bytes, from, { rows, type }))
    }
    if (rows > 0) blocks.push({ rows, columns, texts, lists, bitmaps })
  }
  return blocks
}

function readEach<Value>(rows: number, read: () => Value): Value[] {
  const values: Value[] = []
  for (let row = 0; row < rows; row++) values.push(read())
  return values
}

function readNumbers(bytes: Buffer, from: BitmapReader, { rows, type }: { rows: number; type: string }): NumberColumn {
  const size = SIZES[type]
  assert(size !== undefined, `a column of numbers is of a known type, not ${type}`)
  assert(from.at + rows * size <= bytes.length, 'a block of the engine is whole')
  // Copied, since a view must begin at a multiple of its size.
  const values = bytes.buffer.slice(bytes.byteOffset + from.at, bytes.byteOffset + from.at + rows * size)
  from.at += rows * size
  return type === 'Float64' ? new Float64Array(values) : new Uint32Array(values)
}

function readText(bytes: Buffer, from: BitmapReader): string {
  const size = readLength(bytes, from)
  assert(from.at + size <= bytes.length, 'a text of the engine is whole')
  from.at += size
  return bytes.toString('utf8', from.at - size, from.at)
}

/** Where each list ends, then the numbers of all. */
function readLists(bytes: Buffer, from: BitmapReader, rows: number): Float64Array[] {
  const ends = Array.from(readOrdinals(bytes, from, rows))
  const values = readOrdinals(bytes, from, ends.at(-1) ?? 0)
  return ends.map((end, row) => values.slice(ends[row - 1] ?? 0, end))
}

function readOrdinals(bytes: Buffer, from: BitmapReader, count: number): Float64Array {
  assert(from.at + count * 8 <= bytes.length, 'a list of the engine is whole')
  const numbers = new Float64Array(count)
  for (let index = 0; index < count; index++, from.at += 8) {
    numbers[index] = bytes.readUInt32LE(from.at) + bytes.readUInt32LE(from.at + 4) * 2 ** 32
  }
  return numbers
}

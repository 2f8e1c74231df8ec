/**
 * A set of ordinals as the engine keeps it (`groupBitmapState`), read as it comes in Native: a small set stands there number by
 * number, a larger one in the portable format of Roaring bitmaps (https://github.com/RoaringBitmap/RoaringFormatSpec), of 64 bits
 * as a list of those of 32. Millions of people come as some hundred kilobytes, and whoever asked can unite and cut them freely.
 */
import { assert } from '#base/errors.ts'

/** Numbers a container holds. */
export const PAGE_BITS = 1 << 16
const PAGE_WORDS = PAGE_BITS / 32
/** Larger containers are bits. */
const LIST_MAX = 4096

/** Those of the numbers from `page` × 65,536 on that are in the set: as their low halves, or as bits. */
export type Container = { page: number; list: Uint16Array } | { page: number; words: Uint32Array }

export type Bitmap = readonly Container[]

export interface BitmapReader {
  /** Where the next one begins. */
  at: number
}

const SMALL = 0
const WITH_RUNS = 12_347
const WITHOUT_RUNS = 12_346
/** Smaller bitmaps with runs have no table of offsets. */
const OFFSETS_FROM = 4

/** `bits`: of the engine's type for the numbers. Moves `from.at` behind what was read. */
export function readBitmap(bytes: Buffer, from: BitmapReader, bits: 32 | 64): Bitmap {
  const isSmall = bytes[from.at] === SMALL
  from.at += 1
  const count = readLength(bytes, from)
  if (isSmall) return readSmall(bytes, from, { count, bits })
  const end = from.at + count
  assert(end <= bytes.length, 'a bitmap of the engine is whole')
  const containers: Container[] = []
  if (bits === 32) readRoaring(bytes, from, 0, containers)
  else {
    const maps = Number(bytes.readBigUInt64LE(from.at))
    from.at += 8
    for (let map = 0; map < maps; map++) {
      const high = bytes.readUInt32LE(from.at)
      from.at += 4
      readRoaring(bytes, from, high * PAGE_BITS, containers)
    }
  }
  assert(from.at === end, 'a bitmap of the engine ends where it says')
  return containers
}

export function bitmapOf(numbers: readonly number[]): Bitmap {
  const pages = Map.groupBy(numbers, (number) => Math.floor(number / PAGE_BITS))
  return [...pages].map(([page, own]) => ({ page, list: Uint16Array.from(own, (number) => number % PAGE_BITS) }))
}

/** As the engine writes lengths. */
export function readLength(bytes: Buffer, from: BitmapReader): number {
  let value = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[from.at]
    assert(byte !== undefined && factor <= 2 ** 42, 'a length of the engine is whole')
    from.at += 1
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
}

function readSmall(bytes: Buffer, from: BitmapReader, { count, bits }: { count: number; bits: 32 | 64 }): Bitmap {
  const size = bits / 8
  assert(from.at + count * size <= bytes.length, 'a bitmap of the engine is whole')
  const numbers = Array.from({ length: count }, (_, index) => {
    const at = from.at + index * size
    return bits === 32 ? bytes.readUInt32LE(at) : Number(bytes.readBigUInt64LE(at))
  })
  from.at += count * size
  return bitmapOf(numbers)
}

function readRoaring(bytes: Buffer, from: BitmapReader, firstPage: number, containers: Container[]): void {
  const cookie = bytes.readUInt32LE(from.at)
  from.at += 4
  const hasRuns = (cookie & 0xffff) === WITH_RUNS
  assert(hasRuns || cookie === WITHOUT_RUNS, 'a bitmap of the engine is of a known format')
  const count = hasRuns ? (cookie >>> 16) + 1 : bytes.readUInt32LE(from.at)
  if (!hasRuns) from.at += 4
  const runFlagsAt = from.at
  if (hasRuns) from.at += Math.ceil(count / 8)
  const headAt = from.at
  from.at += 4 * count
  if (!hasRuns || count >= OFFSETS_FROM) from.at += 4 * count
  for (let index = 0; index < count; index++) {
    const page = firstPage + bytes.readUInt16LE(headAt + 4 * index)
    const size = bytes.readUInt16LE(headAt + 4 * index + 2) + 1
    const isRun = hasRuns && (((bytes[runFlagsAt + (index >> 3)] as number) >> (index & 7)) & 1) === 1
    if (isRun) containers.push({ page, words: readRuns(bytes, from) })
    else if (size <= LIST_MAX) containers.push({ page, list: new Uint16Array(copyOf(bytes, from, 2 * size)) })
    else containers.push({ page, words: new Uint32Array(copyOf(bytes, from, PAGE_BITS / 8)) })
  }
}

function readRuns(bytes: Buffer, from: BitmapReader): Uint32Array {
  const words = new Uint32Array(PAGE_WORDS)
  const count = bytes.readUInt16LE(from.at)
  from.at += 2
  for (let run = 0; run < count; run++, from.at += 4) {
    const first = bytes.readUInt16LE(from.at)
    const last = first + bytes.readUInt16LE(from.at + 2)
    for (let bit = first; bit <= last; bit++) words[bit >>> 5] = (words[bit >>> 5] as number) | (1 << (bit & 31))
  }
  return words
}

/** Copied, since a view must begin at a multiple of its size. */
function copyOf(bytes: Buffer, from: BitmapReader, size: number): ArrayBuffer {
  assert(from.at + size <= bytes.length, 'a bitmap of the engine is whole')
  const start = bytes.byteOffset + from.at
  from.at += size
  return bytes.buffer.slice(start, start + size) as ArrayBuffer
}

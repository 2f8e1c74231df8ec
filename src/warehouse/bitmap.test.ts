/** Sets of ordinals as the real engine writes them: small, listed, as bits, in runs, of 32 and of 64 bits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Bitmap, bitmapOf, PAGE_BITS, readBitmap } from './bitmap.ts'
import { warehouseOfFile } from './testing-warehouse.ts'

const engine = warehouseOfFile()

function numbersOf(bitmap: Bitmap): number[] {
  return bitmap.flatMap((container) => {
    const low =
      'list' in container
        ? [...container.list]
        : Array.from({ length: PAGE_BITS }, (_, bit) => bit).filter((bit) => ((container.words[bit >>> 5] as number) >>> (bit & 31)) & 1)
    return low.map((bit) => container.page * PAGE_BITS + bit)
  })
}

const range = (first: number, count: number, step: number): number[] => Array.from({ length: count }, (_, index) => first + index * step)
const some = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 80, size: 'max' }),
  fc
    .tuple(fc.integer({ min: 0, max: 2 ** 31 }), fc.constantFrom(20, 4096, 4097, 40_000), fc.integer({ min: 1, max: 7 }))
    .map(([first, count, step]) => range(first, count, step)),
)

test('a set of the engine is read as what it was made of', async () => {
  const ask = async (numbers: number[], as: string): Promise<number[]> => {
    const sql = `SELECT groupBitmapState(${as}) AS found FROM (SELECT arrayJoin({numbers:Array(UInt64)}) AS n)`
    const [block] = await engine.staff.columns(sql, { numbers }, 'badday')
    return numbersOf(block?.bitmaps.get('found')?.[0] as Bitmap).sort((a, b) => a - b)
  }
  await fc.assert(
    fc.asyncProperty(some, fc.integer({ min: 0, max: 2 ** 20 }), async (numbers, high) => {
      const expected = [...new Set(numbers)].sort((a, b) => a - b)
      assert.deepEqual(await ask(numbers, 'toUInt32(n)'), expected)
      const beyond = [...numbers, ...numbers.slice(0, 5000).map((number) => number + high * 2 ** 32)]
      assert.deepEqual(
        await ask(beyond, 'n'),
        [...new Set(beyond)].sort((a, b) => a - b),
      )
      assert.deepEqual(
        numbersOf(bitmapOf(beyond)).sort((a, b) => a - b),
        [...beyond].sort((a, b) => a - b),
      )
    }),
    { numRuns: 25 },
  )
})

test('runs are read, and a set that is cut short or of another kind is refused', () => {
  // By the format's specification: a cookie with the number of containers, which of them are runs, keys and sizes, then the runs.
  const runs = Buffer.from([0x3b, 0x30, 0, 0, 1, 2, 0, 9, 0, 2, 0, 5, 0, 4, 0, 100, 0, 4, 0])
  const whole = Buffer.concat([Buffer.from([1, runs.length]), runs])
  const expected = [...range(5, 5, 1), ...range(100, 5, 1)].map((bit) => 2 * PAGE_BITS + bit)
  assert.deepEqual(numbersOf(readBitmap(whole, { at: 0 }, 32)), expected)
  for (let length = 0; length < whole.length; length++) assert.throws(() => readBitmap(whole.subarray(0, length), { at: 0 }, 32))
  const other = Buffer.from(whole)
  other[2] = 0x3c
  assert.throws(() => readBitmap(other, { at: 0 }, 32), /known format/)
})

test('of several containers with runs there is a table of offsets from four on, and no length is believed', () => {
  // A cookie with the number of containers, which of them are runs, keys and sizes, from four on where each begins; then each.
  const several = (count: number): Buffer => {
    const flags = Buffer.alloc(Math.ceil(count / 8), 0xff)
    const heads = Array.from({ length: count }, (_, page) => [page, 0, 4, 0]).flat()
    const offsets = Buffer.alloc(count >= 4 ? 4 * count : 0, 0xee)
    const runs = Array.from({ length: count }, (_, page) => [1, 0, page, 0, 4, 0]).flat()
    return Buffer.concat([Buffer.from([0x3b, 0x30, count - 1, 0]), flags, Buffer.from(heads), offsets, Buffer.from(runs)])
  }
  const whole = (map: Buffer, length = map.length): Buffer =>
    Buffer.concat([Buffer.from(length < 128 ? [1, length] : [1, (length & 0x7f) | 0x80, length >> 7]), map])
  for (const count of [1, 3, 4, 5, 9, 17]) {
    const expected = Array.from({ length: count }, (_, page) => range(page * PAGE_BITS + page, 5, 1)).flat()
    const map = several(count)
    const at = { at: 0 }
    const bytes = Buffer.concat([whole(map), Buffer.from('next')])
    assert.deepEqual(numbersOf(readBitmap(bytes, at, 32)), expected, `${count} containers`)
    assert.equal(bytes.toString('latin1', at.at), 'next')
    // Longer or shorter than it says, with enough bytes behind it.
    for (const more of [-1, 1, 3])
      assert.throws(() => readBitmap(Buffer.concat([whole(map, map.length + more), Buffer.alloc(9)]), { at: 0 }, 32))
  }
  const map = several(5)
  assert.throws(() => readBitmap(whole(map, map.length + 1), { at: 0 }, 32), /whole/)
})

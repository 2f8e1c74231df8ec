import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JsonWriter } from './json-writer.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('"', '\\', '\u2028', '\ud800', 'x'.repeat(200)),
)
const value = fc.oneof(
  text,
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 10, 99, 100, Number.MAX_SAFE_INTEGER),
  fc.boolean(),
  fc.jsonValue(),
)

test('the bytes are those of JSON.stringify, whatever stands before and however small the buffer was', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (values) => {
      const writer = new JsonWriter(1)
      const expected: string[] = []
      for (const one of values) {
        writer.value(one)
        writer.raw(',')
        expected.push(`${JSON.stringify(one)},`)
        const before = writer.size
        writer.value(one)
        writer.rewind(before)
      }
      assert.equal(writer.written().toString('latin1'), Buffer.from(expected.join('')).toString('latin1'))
    }),
    { numRuns: 2000 },
  )
})

test('pieces of any length are copied whole', () => {
  const writer = new JsonWriter(1)
  const pieces = [0, 1, 63, 64, 65, 1000].map((length) => Buffer.alloc(length, length % 251))
  for (const piece of pieces) writer.copy(piece)
  writer.byte(7)
  assert.deepEqual(writer.written(), Buffer.concat([...pieces, Buffer.of(7)]))
})

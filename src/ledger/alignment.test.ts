import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { Alignment } from './alignment.ts'

const hashes = (numbers: readonly number[]): Buffer[] => numbers.map((number) => hash('sha256', String(number), 'buffer'))
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** Differences of what was found, given in pieces as bundles come. */
function differences(wanted: readonly number[], found: readonly number[], piece = 256): [string, number][] {
  const all: [string, number][] = []
  const alignment = new Alignment((kind, index) => all.push([kind, index]))
  for (let at = 0; at < Math.max(wanted.length, found.length); at += piece) {
    alignment.push(hashes(wanted.slice(at, at + piece)), hashes(found.slice(at, at + piece)))
  }
  alignment.end()
  return all.sort((a, b) => a[1] - b[1])
}

const COUNT = 2_000
const reordered = (...indices: number[]): [string, number][] => indices.map((index) => ['reordered', index])

test('what was done to one entry is named at its place, wherever it is', () => {
  const whole = upTo(COUNT)
  assert.deepEqual(differences(whole, whole), [])
  for (const index of [0, 1, 255, 256, 999, COUNT - 2]) {
    assert.deepEqual(differences(whole, whole.with(index, -1)), [['changed', index]], `changed ${index}`)
    assert.deepEqual(differences(whole, whole.toSpliced(index, 1)), [['dropped', index]], `dropped ${index}`)
    assert.deepEqual(differences(whole, whole.toSpliced(index, 0, -1)), [['inserted', index]], `inserted ${index}`)
    const swapped = whole.with(index, index + 1).with(index + 1, index)
    assert.deepEqual(differences(whole, swapped), reordered(index, index + 1), `swapped ${index}`)
  }
  assert.deepEqual(
    differences(whole, whole.slice(0, -3)).map(([kind]) => kind),
    ['dropped', 'dropped', 'dropped'],
  )
  assert.deepEqual(differences(whole, [...whole, -1]), [['inserted', COUNT]])
})

test('what has changed places or moved within the window is named by its own index, once; a copy is an insertion', () => {
  const whole = upTo(COUNT)
  for (const [from, to] of [
    [9, 200],
    [200, 9],
    [3, 4],
    [1_000, 1_300],
  ] as const) {
    const moved = whole.toSpliced(from, 1).toSpliced(to, 0, from)
    assert.deepEqual(differences(whole, moved), to - from === 1 ? reordered(from, to) : reordered(from), `${from} to ${to}`)
    const swapped = whole.with(from, to).with(to, from)
    assert.deepEqual(differences(whole, swapped), reordered(Math.min(from, to), Math.max(from, to)), `${from} and ${to}`)
    assert.deepEqual(differences(whole, whole.toSpliced(from, 0, to)), [['inserted', from]], `${to} again at ${from}`)
  }
})

test('what has moved beyond the window is put together', () => {
  const whole = upTo(COUNT)
  const swapped = whole.with(3, 1_900).with(1_900, 3)
  assert.deepEqual(differences(whole, swapped), [
    ['reordered', 3],
    ['reordered', 1_900],
  ])
  const moved = whole.toSpliced(1_900, 1).toSpliced(3, 0, 1_900)
  assert.ok(differences(whole, moved).every(([kind]) => kind === 'reordered'))
})

test('runs that have changed places are named entry by entry, and nothing that is in its place', () => {
  const whole = upTo(COUNT)
  const run = (from: number, length = 256): number[] => whole.slice(from, from + length)
  for (const [a, b] of [
    [0, 256],
    [256, 512],
    [0, 512],
    [256, 1_280],
  ] as const) {
    const exchanged = whole.toSpliced(a, 256, ...run(b)).toSpliced(b, 256, ...run(a))
    assert.deepEqual(differences(whole, exchanged), reordered(...run(a), ...run(b)), `${a} and ${b}`)
  }
  // Behind one that is missing, where both sides have not come equally far.
  const exchanged = [...whole.slice(0, 100), ...run(150, 50), ...run(100, 50), ...whole.slice(200)].toSpliced(5, 1)
  assert.deepEqual(differences(whole, exchanged), [['dropped', 5], ...reordered(...run(100, 100))])
  // Of other lengths: the shorter one has moved before the longer one.
  assert.deepEqual(differences(whole, [...run(256, 100), ...run(0), ...whole.slice(356)]), reordered(...run(256, 100)))
  // Once more before the first one, and in its own place too.
  assert.deepEqual(
    differences(whole, [...run(256), ...whole]).map(([kind]) => kind),
    run(256).map(() => 'inserted'),
  )
})

test('what is missing beyond what is remembered is named all the same', () => {
  const all = differences(upTo(10_100), [])
  assert.deepEqual(
    all,
    upTo(10_100).map((index) => ['dropped', index]),
  )
})

test('two sequences are the same or something is named, and no more than was done', () => {
  const change = fc.record({
    kind: fc.constantFrom('changed', 'dropped', 'inserted'),
    at: fc.nat(COUNT - 1),
  })
  fc.assert(
    fc.property(fc.uniqueArray(change, { maxLength: 5, selector: ({ at }) => at >> 2 }), fc.constantFrom(7, 256), (changes, piece) => {
      let found: (number | undefined)[] = upTo(COUNT)
      const inserted: number[] = []
      for (const { kind, at } of changes) {
        if (kind === 'changed') found[at] = -1 - at
        else if (kind === 'dropped') found[at] = undefined
        else inserted.push(at)
      }
      found = found.flatMap((number, index) => (inserted.includes(index) ? [-COUNT * 2 - index, number] : [number]))
      const kept = found.filter((number) => number !== undefined)
      const wanted = changes.map(({ kind, at }): [string, number] => [kind, at]).sort((a, b) => a[1] - b[1])
      assert.deepEqual(differences(upTo(COUNT), kept, piece), wanted)
    }),
    { numRuns: 40 },
  )
})

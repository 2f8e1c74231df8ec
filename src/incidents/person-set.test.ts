import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PersonSet } from './person-set.ts'

const people = fc.array(fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 65_500, max: 65_600 }), fc.maxSafeNat()))

function setOf(numbers: readonly number[]): PersonSet {
  const set = new PersonSet()
  for (const number of numbers) set.add(number)
  return set
}

test('a set of people is a set', () => {
  fc.assert(
    fc.property(people, people, (ours, theirs) => {
      const [own, other] = [new Set(ours), new Set(theirs)]
      const set = setOf(ours)
      assert.equal(set.size, own.size)
      for (const number of [...ours, ...theirs]) assert.equal(set.has(number), own.has(number))
      assert.equal(set.countWithout(setOf(theirs)), own.difference(other).size)
      assert.equal(set.countWith(setOf(theirs)), own.intersection(other).size)
      const both = setOf(ours)
      both.keepOnly(setOf(theirs))
      assert.deepEqual(
        [...both.values()],
        [...own.intersection(other)].sort((a, b) => a - b),
      )
      assert.equal(both.size, own.intersection(other).size)
      const rest = setOf(ours)
      for (const number of theirs) rest.remove(number)
      assert.deepEqual(
        [...rest.values()],
        [...own.difference(other)].sort((a, b) => a - b),
      )
      assert.equal(rest.size, own.difference(other).size)
      const left = setOf(ours)
      left.removeAll(setOf(theirs))
      assert.deepEqual([left.size, ...left.values()], [rest.size, ...rest.values()])
      set.addAll(setOf(theirs))
      assert.equal(set.size, own.union(other).size)
      for (const number of [...ours, ...theirs]) assert.ok(set.has(number))
    }),
  )
})

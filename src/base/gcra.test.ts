import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rateOf, SteadyTime, take, waitFor } from './gcra.ts'

const rates = fc.record({
  units: fc.integer({ min: 1, max: 1000 }),
  perMs: fc.integer({ min: 1, max: 100_000 }),
  burst: fc.integer({ min: 1, max: 500 }),
})
const asks = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 5000 }), cost: fc.integer({ min: 1, max: 800 }) }), {
  minLength: 1,
  maxLength: 120,
})

test('in no span of time is more taken than the burst, the rate, and what one oversized request is over the burst', () => {
  fc.assert(
    fc.property(rates, asks, (given, list) => {
      const rate = rateOf(given)
      const taken: { at: number; cost: number }[] = []
      let paidAt = 0
      let now = 1_000_000
      for (const { afterMs, cost } of list) {
        now += afterMs
        if (waitFor(rate, paidAt, now, cost) > 0) continue
        paidAt = take(rate, paidAt, now, cost)
        taken.push({ at: now, cost })
      }
      for (let from = 0; from < taken.length; from++) {
        let sum = 0
        let largest = 0
        for (let to = from; to < taken.length; to++) {
          sum += taken[to]!.cost
          largest = Math.max(largest, taken[to]!.cost)
          const spanMs = taken[to]!.at - taken[from]!.at
          const allowed = Math.max(given.burst, largest) + spanMs / rate.unitMs
          assert.ok(sum <= allowed + 1e-6, `${sum} taken in ${spanMs} ms, ${allowed} allowed`)
        }
      }
    }),
  )
})

test('the wait that is named is enough, and half of it is not', () => {
  fc.assert(
    fc.property(rates, asks, (given, list) => {
      const rate = rateOf(given)
      let paidAt = 0
      let now = 1_000_000
      for (const { afterMs, cost } of list) {
        now += afterMs
        const waitMs = waitFor(rate, paidAt, now, cost)
        if (waitMs > 0.01) {
          assert.ok(waitFor(rate, paidAt, now + waitMs / 2, cost) > 0)
          assert.ok(waitFor(rate, paidAt, now + waitMs, cost) < 1e-6)
        } else paidAt = take(rate, paidAt, now, cost)
      }
    }),
  )
})

test('who stays below the rate is never refused, whatever came before them has been paid', () => {
  fc.assert(
    fc.property(rates, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 100 }), (given, costs) => {
      const rate = rateOf(given)
      let paidAt = 0
      let now = 5000
      for (const cost of costs) {
        assert.equal(waitFor(rate, paidAt, now, cost), 0)
        paidAt = take(rate, paidAt, now, cost)
        now += Math.ceil(cost * rate.unitMs)
      }
    }),
  )
})

test('steady time never goes back, and goes on from where it was', () => {
  const time = new SteadyTime()
  assert.deepEqual(
    [1000, 2000, 500, 700, 700, 3000].map((now) => time.at(now)),
    [1000, 2000, 2000, 2200, 2200, 4500],
  )
})

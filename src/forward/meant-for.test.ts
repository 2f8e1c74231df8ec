import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DestinationPolicy, PolicyVersion } from '#model/policy.ts'
import { firstEntryMeantFor } from './meant-for.ts'
import { testLog } from './testing-parts.ts'

test('a destination that comes back gets nothing of what arrived while it was left out', () => {
  const versions = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(versions, fc.array(fc.nat(5), { maxLength: 30 }), fc.integer({ min: 1, max: 32 }), (earlier, arrivals, from) => {
      // It is configured now, or nobody would ask.
      const isConfigured = [...earlier, true]
      const policies = isConfigured.map(
        (is, index) =>
          ({
            version: index + 1,
            policy: { destinations: is ? [{ destination: 'd' } as DestinationPolicy] : [] },
          }) as unknown as PolicyVersion,
      )
      const records = { currentPolicy: () => policies.at(-1), policy: (version: number) => policies[version - 1] }
      const log = testLog()
      const under = arrivals.map((number) => 1 + (number % isConfigured.length)).sort((a, b) => a - b)
      for (const policy of under) {
        log.add({ type: 'event', time: 0 })
        Object.assign(log.entries.at(-1) as object, { policy })
      }
      const first = firstEntryMeantFor('d', { from, log, records })
      const leftOut = isConfigured.lastIndexOf(false) + 1
      const expected = under.findIndex((policy, index) => index + 1 >= from && policy > leftOut) + 1
      assert.equal(first, expected > 0 ? expected : Math.max(from, under.length + 1))
    }),
  )
})

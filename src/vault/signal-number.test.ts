/** A number that a signal got is not given again, whatever copy of the records asks: it is kept with the keys. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withVault } from './testing.ts'

test('numbers of signals go up only, over a restart too, from the higher of what keys and records know', { timeout: 240_000 }, async () => {
  await withVault(async (vault, _place, reopen) => {
    const { incidents } = vault.keeping
    // Records of an earlier Bulkhead, of which the keys know nothing.
    assert.equal(await incidents.signalNumber(4, false), 4)
    assert.equal(await incidents.signalNumber(4, true), 5)
    assert.equal(await incidents.signalNumber(5, true), 6)
    const { incidents: later } = (await reopen()).keeping
    // A copy of the records that is older has two signals.
    assert.equal(await later.signalNumber(2, false), 6)
    assert.equal(await later.signalNumber(2, true), 7)
    // Records that are ahead of the keys, from a copy of these that is older.
    assert.equal(await later.signalNumber(12, true), 13)
    for (const known of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      await assert.rejects(later.signalNumber(known, true), { code: 'vault_refused' })
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#base/clock.ts'
import { testDecider } from './testing-parts.ts'
import { event, outcomes, setUp } from './testing-stage.ts'

test('another policy is applied while a request is tried again: it does not start once more, and its records are decided anew', {
  timeout: 240_000,
}, async (t) => {
  const { forwarder, vendor, log, ledger, decider } = await setUp(t)
  log.add(event(1))
  vendor.answer = () => 503
  const step = forwarder.step()
  while (forwarder.status().state !== 'retrying') await systemClock.sleep(1)
  decider.now = testDecider(2)
  const before = vendor.arrived.length
  assert.equal(await step, 'interrupted')
  // One may have been on its way at that moment; none begins after it.
  assert.ok(vendor.arrived.length <= before + 1)
  vendor.answer = () => 200
  assert.equal(await forwarder.step(), 'sent')
  const intents = ledger.read(1, 100).filter((entry) => entry.type === 'intent')
  assert.deepEqual(
    intents.map(({ policy }) => policy),
    [1, 2],
  )
  assert.deepEqual(
    outcomes(ledger).map(({ intent, state }) => [intent, state]),
    [
      [1, 'possible'],
      [3, 'delivered'],
    ],
  )
})

/** What waits for a vendor: from where on, by day and kind, on the real engine; and what a leaving does, in which order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS } from '#base/clock.ts'
import type { HeldRange } from '#ledger/port.ts'
import type { LogPosition } from '#model/disclosure.ts'
import type { LogEntry } from '#model/log-entry.ts'
import type { HeldDecision, VendorFlow } from '#records/port.ts'
import { warehouseOfFile } from '#warehouse/testing-warehouse.ts'
import { countHeld, heldFrom } from './held.ts'
import { heldKinds } from './held-kinds.ts'
import { decideHeld, retireVendor } from './leave.ts'

const engine = warehouseOfFile()
const DAY = 20_500

/** Entries of two records each, one a day. */
const entries = Array.from(
  { length: 6 },
  (_, index): LogEntry => ({
    ...{ seq: index + 1, at: (DAY + index) * DAY_MS, source: 's', protocol: 'mixpanel', surface: 'web', trust: 'server', policy: 1 },
    records: [
      { type: 'event', name: 'Opened', time: (DAY + index) * DAY_MS, user: 1 },
      { type: 'profile', op: 'set', time: (DAY + index) * DAY_MS, user: 2 },
    ],
  }),
)
const range: HeldRange = { from: 1, to: 3, records: 4, firstDay: DAY - 7, lastDay: DAY, policy: 1, at: 0 }

function filesOf(cursor: LogPosition, held: HeldRange[] = []) {
  const tail = held.at(-1)?.to ?? 1
  return {
    log: {
      head: () => 6,
      tail: () => tail,
      read: (seq: number) => entries.filter((entry) => entry.seq >= Math.max(seq, tail)).slice(0, 2),
    },
    ledger: { cursor: () => cursor, held: () => held },
  }
}

const still = { now: () => 0, sleep: async () => undefined }

test('what was decided on waits no more, and a count that takes too long is a lower bound', () => {
  const files = filesOf({ seq: 2, index: 1 })
  const count = (above?: number): number => countHeld({ ...files, destinations: ['a'], clock: still, above })
  assert.deepEqual([count(), count(1), count(2), count(3), count(6)], [9, 9, 8, 6, 0])
  assert.equal(countHeld({ ...files, destinations: [], clock: still }), 0)
  // Each look at the clock takes a second; two entries come at once.
  let now = 0
  const hurried = { now: () => (now += 1000), sleep: async () => undefined }
  assert.equal(countHeld({ ...filesOf({ seq: 1, index: 0 }), destinations: ['a'], clock: hurried, budgetMs: 1500 }), 4)
})

test('what waits begins at the cursor or behind what was decided, and no earlier than the day before', () => {
  const from = (cursor: LogPosition, above: number, held: HeldRange[] = []) =>
    heldFrom({ ...filesOf(cursor, held), destinations: ['a'], above })
  assert.deepEqual(from({ seq: 3, index: 1 }, 0), [{ destination: 'a', from: { seq: 3, index: 1 }, firstDay: DAY + 1 }])
  assert.deepEqual(from({ seq: 3, index: 1 }, 4), [{ destination: 'a', from: { seq: 5, index: 0 }, firstDay: DAY + 3 }])
  assert.deepEqual(from({ seq: 3, index: 1 }, 2), [{ destination: 'a', from: { seq: 3, index: 1 }, firstDay: DAY + 1 }])
  assert.deepEqual(from({ seq: 2, index: 0 }, 0, [range]), [{ destination: 'a', from: { seq: 2, index: 0 }, firstDay: DAY - 7 }])
  assert.deepEqual(from({ seq: 1, index: 0 }, 2, [range]), [{ destination: 'a', from: { seq: 3, index: 0 }, firstDay: DAY + 1 }])
  assert.deepEqual(from({ seq: 7, index: 0 }, 0), [{ destination: 'a', from: { seq: 7, index: 0 }, firstDay: 0 }])
})

test('it is counted by day and kind, from the record on that is next, without what was erased', async () => {
  for (const entry of entries) await engine.worker.insertEvents([entry], `held-${entry.seq}`)
  const erased: LogEntry = { ...(entries[5] as LogEntry), seq: 7, records: [{ type: 'event', time: (DAY + 5) * DAY_MS, erased: true }] }
  await engine.worker.insertEvents([erased], 'held-7')
  const found = await heldKinds({ destination: 'a', from: { seq: 4, index: 1 }, firstDay: DAY + 2 }, 5, engine.staff)
  const day = (index: number): string => new Date((DAY + index) * DAY_MS).toISOString().slice(0, 10)
  assert.deepEqual(found, {
    ...{ destination: 'a', events: 5, undecided: 2 },
    counts: [
      { day: day(3), kind: 'profile', events: 1 },
      { day: day(4), kind: 'event', events: 1 },
      { day: day(4), kind: 'profile', events: 1 },
      { day: day(5), kind: 'event', events: 1 },
      { day: day(5), kind: 'profile', events: 1 },
    ],
  })
})

test('a vendor that is left is so on record and fenced before its epochs are closed, and is asked to delete last', async () => {
  for (const deletes of [true, false]) {
    const steps: string[] = []
    const result = await retireVendor({
      ...{ vendor: 'acme', actor: 'anna', reason: 'contract ended', destinations: ['main', 'eu'], deletes, clock: still },
      records: {
        retire: (vendor, { at }) => {
          steps.push('retire')
          return { vendor, state: 'retired', fence: 4, changedAt: at, actor: 'anna', reason: '' } satisfies VendorFlow
        },
      },
      fence: async (_vendor, fence) => void steps.push(`fence ${fence}`),
      killWorker: async () => ({ pid: 1, gone: true }),
      heldEvents: async () => 3,
      closeEpochs: async (destinations, look) => void steps.push(`close ${destinations.join()} ${look.actor} ${look.reason}`),
      wishDeletion: async (vendor) => void steps.push(`delete ${vendor}`),
    })
    assert.deepEqual(steps, ['retire', 'fence 4', 'close main,eu anna contract ended', ...(deletes ? ['delete acme'] : [])])
    assert.deepEqual(result, { vendor: 'acme', retiredAt: '1970-01-01T00:00:00.000Z', fencedWorkers: 1, unfenced: [], heldEvents: 3 })
  }
})

test('a decision is about all that waits when it is made, the last entry included', async () => {
  const decided: HeldDecision[] = []
  const result = await decideHeld({
    ...{ vendor: 'acme', decision: 'drop' as const, actor: 'anna', reason: 'not needed', clock: still },
    records: { flow: () => assert.fail(), decideHeld: (decision) => void decided.push(decision as HeldDecision) },
    head: () => 41,
    heldEvents: async () => 9,
  })
  assert.deepEqual(result, { decision: 'drop', upTo: 41, events: 9 })
  assert.deepEqual(decided, [{ vendor: 'acme', decision: 'drop', upTo: 41, events: 9, at: 0, actor: 'anna', reason: 'not needed' }])
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Clock } from '#base/clock.ts'
import type { LogPosition } from '#model/disclosure.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import type { Policy } from '#model/policy.ts'
import { openRecords } from '#records/records.ts'
import { cutVendor, restoreVendor, unfencedError } from './cut.ts'
import { countHeld, heldInWarehouse } from './held.ts'
import { assertDestinationsStay, assertVendorKnown, vendorNames } from './register.ts'

/** Time passes only when somebody sleeps. */
function steppedClock(): Clock {
  let now = 1_700_000_000_000
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        setImmediate(() => {
          if (signal?.aborted !== true) now += ms
          resolve()
        })
      }),
  }
}

type Worker = 'confirms' | 'silent' | 'unreachable' | 'absent'

test('the cut is durable before the worker is asked, and every worker ends fenced, gone or named', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-cut-'))
  const records = openRecords({ path: path.join(folder, 'records.db') })
  try {
    for (const worker of ['confirms', 'silent', 'unreachable', 'absent'] as Worker[]) {
      for (const dies of [true, false]) {
        const steps: string[] = []
        const fence = async (vendor: string, number: number): Promise<void> => {
          assert.equal(records.flow(vendor).state, 'cut')
          assert.equal(records.flow(vendor).fence, number)
          steps.push('fence')
          if (worker === 'silent') await new Promise(() => undefined)
          if (worker === 'unreachable') throw new Error('socket closed')
        }
        const result = await cutVendor({
          vendor: 'acme',
          actor: 'operator',
          reason: 'breach',
          records,
          fence: worker === 'absent' ? undefined : fence,
          killWorker: async () => {
            steps.push('kill')
            return { pid: 77, gone: dies }
          },
          heldEvents: async () => {
            steps.push('held')
            return 5
          },
          clock: steppedClock(),
        })
        const mustKill = worker === 'silent' || worker === 'unreachable'
        assert.deepEqual(steps, worker === 'absent' ? ['held'] : mustKill ? ['fence', 'kill', 'held'] : ['fence', 'held'])
        const isNamed = mustKill && !dies
        assert.equal(result.fencedWorkers, worker === 'absent' || isNamed ? 0 : 1)
        assert.deepEqual(result.unfenced, isNamed ? ['worker (pid 77)'] : [])
        if (isNamed) assert.match(unfencedError(result).message, /pid 77/)
        assert.equal(result.heldEvents, 5)
      }
    }
    // Nobody knows whether a worker is gone that could not even be asked to go.
    const unknown = await cutVendor({
      ...{ vendor: 'acme', actor: 'operator', reason: 'breach', records, heldEvents: async () => 0, clock: steppedClock() },
      fence: () => Promise.reject(new Error('socket closed')),
      killWorker: () => Promise.reject(new Error('no supervisor')),
    })
    assert.deepEqual([unknown.fencedWorkers, unknown.unfenced], [0, ['worker']])
    const restored = await restoreVendor({
      vendor: 'acme',
      actor: 'a',
      reason: 'r',
      records,
      heldEvents: async () => {
        assert.equal(records.flow('acme').state, 'cut', 'what waits is counted before the worker may send it')
        return 7
      },
      clock: steppedClock(),
    })
    assert.equal(restored.heldEvents, 7)
    assert.equal(records.flow('acme').state, 'open')
    await assert.rejects(
      restoreVendor({ vendor: 'acme', actor: 'a', reason: 'r', records, heldEvents: async () => 0, clock: steppedClock() }),
      { code: 'vendor_not_cut' },
    )
    assert.deepEqual(vendorNames(records, [{ id: 'beta' }]), ['acme', 'beta'])
    assert.throws(() => assertVendorKnown('acmee', vendorNames(records, [])), { code: 'vendor_unknown' })
  } finally {
    records.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a destination does not move to another vendor: that would go round a cut', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-cut-'))
  const records = openRecords({ path: path.join(folder, 'records.db') })
  const policyOf = (...pairs: [vendor: string, destination: string][]): Policy => ({
    destinations: pairs.map(([vendor, destination]) => ({ vendor, destination, protocol: 'p', grants: [], events: [], properties: [] })),
    store: { events: [], properties: [], paths: [], referrers: [] },
  })
  try {
    records.applyPolicy(policyOf(['acme', 'acme-us']), 1)
    // Left out for a while: it is remembered all the same.
    records.applyPolicy(policyOf(), 2)
    assert.throws(() => assertDestinationsStay(records, policyOf(['other', 'acme-us'])), { code: 'config_invalid' })
    assertDestinationsStay(records, policyOf(['acme', 'acme-us'], ['other', 'other-us']))
  } finally {
    records.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a count that fails does not hide the cut', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-cut-'))
  const records = openRecords({ path: path.join(folder, 'records.db') })
  try {
    const result = await cutVendor({
      vendor: 'acme',
      actor: 'operator',
      reason: 'breach',
      records,
      fence: async () => undefined,
      killWorker: async () => ({ pid: 0, gone: false }),
      heldEvents: async () => {
        throw new Error('a folder of the log was dropped while it was read')
      },
      clock: steppedClock(),
    })
    assert.equal(records.flow('acme').state, 'cut')
    assert.deepEqual([result.fencedWorkers, result.unfenced, result.heldEvents], [1, [], 0])
  } finally {
    records.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('held events are the records after the cursor that is furthest behind', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 30 })
  const position = fc.record({ seq: fc.integer({ min: 0, max: 32 }), index: fc.integer({ min: 0, max: 5 }) })
  fc.assert(
    fc.property(sizes, fc.array(position, { minLength: 1, maxLength: 3 }), fc.integer({ min: 0, max: 10 }), (lengths, cursors, dropped) => {
      const entries = lengths
        .map((length, index) => ({ seq: index + 1, records: new Array<LogRecord>(length).fill({ type: 'event', time: 0 }) }) as LogEntry)
        .filter((entry) => entry.seq > dropped)
      const log = {
        head: () => lengths.length,
        tail: () => entries[0]?.seq ?? lengths.length + 1,
        read: (seq: number) => entries.filter((entry) => entry.seq >= seq).slice(0, 3),
      }
      const ledger = { cursor: (destination: string) => cursors[Number(destination)] as LogPosition, held: () => [] }
      const held = countHeld({ log, ledger, destinations: cursors.map((_, index) => String(index)), clock: steppedClock() })
      const isBehind = (seq: number, index: number): boolean => cursors.some((c) => seq > c.seq || (seq === c.seq && index >= c.index))
      const expected = entries.reduce((sum, entry) => sum + entry.records.filter((_, index) => isBehind(entry.seq, index)).length, 0)
      assert.equal(held, expected)
    }),
  )
})

test('what waits in the warehouse is held too; of a range that is being sent, the part that is left', () => {
  const range = { firstDay: 1, lastDay: 1, policy: 1, at: 0 }
  const held = [
    { ...range, from: 1, to: 11, records: 100 },
    { ...range, from: 11, to: 21, records: 50 },
  ]
  const entry = { seq: 21, records: [{ type: 'event', time: 0 }] } as unknown as LogEntry
  const log = { head: () => 21, tail: () => 21, read: (seq: number) => (seq <= 21 ? [entry] : []) }
  const ledger = { cursor: () => ({ seq: 6, index: 0 }), held: () => held }
  assert.equal(countHeld({ log, ledger, destinations: ['a'], clock: steppedClock() }), 50 + 50 + 1)
  assert.deepEqual(heldInWarehouse(['a'], ledger), [{ destination: 'a', events: 100, since: '1970-01-01T00:00:00.000Z' }])
})

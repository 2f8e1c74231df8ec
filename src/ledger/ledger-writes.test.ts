/** What every write of the ledger promises, on a disk whose flushes a test holds back or lets fail. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#base/clock.ts'
import type { Reserve } from '#base/reserve.ts'
import { withReserve } from './full-disk.ts'
import { LedgerStopped, openLedgerOn } from './ledger.ts'
import type { IntentDraft, Ledger, OutcomeDraft } from './port.ts'
import { LEDGER_FORMAT, type LedgerStore, openStore } from './store.ts'

function draftOf(seq: number): IntentDraft {
  const range = { from: { seq, index: 0 }, to: { seq: seq + 1, index: 0 } }
  const counts = { records: 1, subjects: 1, first: 10, last: 20, fence: 0, epoch: 1, policy: 2, encoder: 3 }
  return { vendor: 'v', destination: 'a', route: '/import', purpose: 'analytics', bodySha256: 'ab'.repeat(32), ...range, ...counts }
}

const outcomeOf = (intent: number): OutcomeDraft => ({ intent, state: 'delivered', attempts: 1, status: 200, refused: [] })
const seal = async (entries: readonly number[]): Promise<string[]> => entries.map(() => 'AAAA')
const heldRange = { from: 1, to: 9, records: 1, firstDay: 1, lastDay: 1, policy: 1, at: 1 }
const plan = { table: 'events', from: 1, to: 3, token: 't' } as const

/** Every write that there is, once, with two intents that are open: entries 1 and 2. */
const WRITES: Record<string, (ledger: Ledger) => Promise<unknown>> = {
  appendIntents: (ledger) => ledger.appendIntents([{ ...draftOf(1), entry: ledger.nextEntry(), manifest: 'AAAA' }]),
  appendSealed: (ledger) => ledger.appendSealed([draftOf(2)], seal),
  appendOutcomes: (ledger) => ledger.appendOutcomes([outcomeOf(1)], { destination: 'a', position: { seq: 2, index: 0 } }),
  moveCursor: (ledger) => ledger.moveCursor('a', { seq: 3, index: 0 }),
  beginCursor: (ledger) => ledger.beginCursor('new', { seq: 3, index: 0 }),
  hold: (ledger) => ledger.hold('a', [heldRange]),
  saveConsents: (ledger) => ledger.saveConsents([[7, { said: 1 }]], 5),
  savePlan: (ledger) => ledger.savePlan(plan),
  finishPlan: (ledger) => ledger.finishPlan(plan),
  reload: (ledger) => ledger.reload('events', 1),
  count: (ledger) => ledger.count('a', { reason: 1 }),
  saveUnsent: (ledger) => ledger.saveUnsent([1]),
}

/** A commit is made at once, and told when the test lets it be; or fails. */
class HeldStore {
  waiting: (() => void)[] = []
  isHeld = false
  commits = 0
  failure: Error | undefined
  readonly store: LedgerStore

  constructor(store: LedgerStore) {
    this.store = {
      ...store,
      commit: async (write) => {
        this.commits += 1
        if (this.failure !== undefined) throw this.failure
        await store.commit(write)
        if (this.isHeld) await new Promise<void>((resolve) => void this.waiting.push(resolve))
      },
    }
  }
}

async function withHeld(body: (ledger: Ledger, held: HeldStore, store: LedgerStore) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'ledger-'))
  const store = openStore(dir, false)
  try {
    const held = new HeldStore(store)
    const ledger = await openLedgerOn({ store: held.store, clock: systemClock })
    await ledger.appendSealed([draftOf(1), draftOf(1)], seal)
    await body(ledger, held, store)
  } finally {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

const aTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(() => setImmediate(resolve)))

test('every write returns when it is on disk and not before, and until then its entries are told to nobody', async () => {
  for (const [name, write] of Object.entries(WRITES)) {
    await withHeld(async (ledger, held) => {
      if (name === 'finishPlan') await ledger.savePlan(plan)
      held.isHeld = true
      let isOver = false
      const writing = write(ledger).then(() => {
        isOver = true
      })
      while (held.waiting.length === 0) await aTurn()
      await aTurn()
      assert.equal(isOver, false, `${name} returned before its commit`)
      assert.deepEqual([ledger.head, ledger.entry(3), ledger.read(1, 9).length], [2, undefined, 2], name)
      for (const resolve of held.waiting.splice(0)) resolve()
      await writing
      if (name.startsWith('append')) assert.equal(ledger.entry(3)?.entry, 3, name)
    })
  }
})

test('after a write that failed nothing is taken any more, since others may count on its numbers', async () => {
  for (const [name, write] of Object.entries(WRITES)) {
    await withHeld(async (ledger, held) => {
      if (name === 'finishPlan') await ledger.savePlan(plan)
      held.failure = new Error('no such block')
      await assert.rejects(write(ledger), (thrown) => thrown instanceof LedgerStopped && thrown.cause === held.failure, name)
      held.failure = undefined
      const before = held.commits
      for (const later of Object.values(WRITES)) await assert.rejects(later(ledger), name)
      assert.deepEqual([ledger.head, held.commits], [2, before])
    })
  }
})

test('one intent is closed once; no cursor goes back, not with an outcome either; what was reached stays reached', async () => {
  await withHeld(async (ledger) => {
    await assert.rejects(ledger.appendOutcomes([outcomeOf(1), outcomeOf(1)]), /closed twice/)
    assert.deepEqual([ledger.head, ledger.openIntents().length], [2, 2])
    await ledger.moveCursor('a', { seq: 5, index: 3 })
    const back = { destination: 'a', position: { seq: 5, index: 2 } }
    await assert.rejects(ledger.appendOutcomes([outcomeOf(1)], back), /never moves backwards/)
    assert.deepEqual([ledger.openIntents().length, ledger.cursor('a')], [2, { seq: 5, index: 3 }])
    await ledger.appendSealed([draftOf(8), draftOf(4)], seal)
    await ledger.appendSealed([draftOf(3)], seal)
    assert.deepEqual(ledger.reached('a'), { seq: 9, index: 0 })
    await ledger.saveConsents([], 9)
    await assert.rejects(ledger.saveConsents([], 8), /never moves backwards/)
    assert.equal(ledger.consentCursor(), 9)
  })
})

test('an entry that is missing is named, a range ends with its last entry, and a later format is refused', async () => {
  await withHeld(async (ledger, _held, store) => {
    await ledger.appendSealed([draftOf(2)], seal)
    const lacking: LedgerStore = { ...store, entries: Object.create(store.entries) as LedgerStore['entries'] }
    lacking.entries.get = (number) => (number === 2 ? undefined : store.entries.get(number))
    await store.commit(() => void store.open.remove(2))
    const other = await openLedgerOn({ store: lacking, clock: systemClock })
    assert.throws(() => other.read(1, 9), { code: 'ledger_corrupt', message: /entry 2/ })
    await ledger.hold('a', [heldRange, { ...heldRange, from: 9, to: 12 }])
    await ledger.moveCursor('a', { seq: 9, index: 0 })
    assert.deepEqual(
      ledger.held('a').map(({ from }) => from),
      [9],
    )
    await ledger.saveUnsent([1])
    await store.commit(() => void store.state.put('zones/later', true))
    assert.deepEqual(ledger.unsent(), [1])
  })
  const dir = mkdtempSync(path.join(os.tmpdir(), 'ledger-'))
  try {
    const store = openStore(dir, false)
    await store.commit(() => void store.state.put('format', LEDGER_FORMAT + 1))
    await store.close()
    assert.throws(() => openStore(dir, true), { code: 'data_format_newer' })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('salts are as random as can be: no two entries share one, nor any part of one', async () => {
  await withHeld(async (ledger) => {
    const intents = await ledger.appendSealed(
      Array.from({ length: 64 }, () => draftOf(1)),
      seal,
    )
    for (let at = 0; at < 64; at += 16) assert.equal(new Set(intents.map(({ salt }) => salt.slice(at, at + 16))).size, 64)
  })
})

test('a commit that failed for another reason than space ends all that were behind it, in a ledger with a reserve too', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'ledger-'))
  const store = openStore(dir, false)
  try {
    const held = new HeldStore(store)
    const reserve = { release: () => false } as Partial<Reserve> as Reserve
    const kept = withReserve(held.store, reserve, systemClock)
    await kept.commit(() => void store.state.put('first', 1))
    held.failure = new Error('no such block')
    const both = [kept.commit(() => void store.state.put('lost', 1)), kept.commit(() => void store.state.put('behind', 1))]
    assert.deepEqual(
      (await Promise.allSettled(both)).map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    held.failure = undefined
    await assert.rejects(
      kept.commit(() => void store.state.put('later', 1)),
      /no such block/,
    )
    assert.deepEqual([...store.state.getKeys()], ['first'])
  } finally {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  }
})

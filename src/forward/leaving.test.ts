/**
 * Whatever is decided on what waits, in any order, with restarts between: a vendor gets nothing that was dropped, nothing that was kept
 * from it when its flow opened, nothing while it is cut and nothing once it was left; and all the rest.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { openRecords } from '#records/records.ts'
import { ErasedSubjects } from './erased.ts'
import type { Forwarder } from './port.ts'
import { event, setUp } from './testing-stage.ts'

type Step = 'event' | 'forward' | 'cut' | 'restore' | 'drop' | 'keep' | 'release' | 'restart' | 'retire'

const STEPS = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>('event') },
    { weight: 5, arbitrary: fc.constant<Step>('forward') },
    { weight: 6, arbitrary: fc.constantFrom<Step>('cut', 'restore', 'drop', 'keep', 'release') },
    { weight: 2, arbitrary: fc.constantFrom<Step>('restart', 'restart', 'retire') },
  ),
  { minLength: 5, maxLength: 40 },
)

test('decisions on what waits, and the end, in any order', { timeout: 240_000 }, async (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'leaving-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  let runs = 0
  await fc.assert(
    fc.asyncProperty(STEPS, async (steps) => {
      const records = openRecords({ path: path.join(dir, `${++runs}.db`) })
      const stage = await setUp(t, { records })
      const by = { at: 0, actor: 'a', reason: 'r' }
      const { log, vendor } = stage
      let forwarder: Forwarder = stage.forwarder
      const wanted = new Set<number>()
      let never = 0
      let kept = 0
      const arrived = (): number[] => vendor.arrived.flatMap(({ records: all }) => all.map(({ values }) => values[0]?.[1] as number))
      const decide = (decision: 'drop' | 'keep' | 'release'): void => {
        if (records.flow('v').state !== 'cut') return
        records.decideHeld({ vendor: 'v', decision, upTo: log.head(), events: 0, ...by })
        if (decision === 'drop') never = log.head()
        else kept = decision === 'keep' ? log.head() : 0
      }
      const acts: Record<Step, () => unknown> = {
        event: () => {
          log.add(event(log.head() + 1))
          wanted.add(log.head())
        },
        forward: async () => {
          const before = arrived().length
          await forwarder.step()
          if (records.flow('v').state !== 'open') assert.equal(arrived().length, before, 'nothing while it is closed')
        },
        cut: () => records.flow('v').state === 'retired' || records.cut('v', by),
        restore: () => {
          if (records.flow('v').state !== 'cut') return
          records.restore('v', by)
          const upTo = Math.max(never, kept)
          for (const n of wanted) if (n <= upTo && !arrived().includes(n)) wanted.delete(n)
        },
        drop: () => {
          decide('drop')
          for (const n of wanted) if (n <= never && !arrived().includes(n)) wanted.delete(n)
        },
        keep: () => decide('keep'),
        release: () => decide('release'),
        restart: async () => {
          await forwarder.close()
          forwarder = stage.make()
        },
        retire: () => records.retire('v', by),
      }
      for (const step of steps) await acts[step]()
      const isRetired = records.flow('v').state === 'retired'
      if (!isRetired) acts.restore()
      const before = arrived().length
      for (let turn = 0; turn < 4; turn++) await forwarder.step()
      if (isRetired) assert.equal(arrived().length, before, 'nothing once it was left')
      const got = arrived()
      assert.equal(new Set(got).size, got.length)
      assert.deepEqual(isRetired ? got.filter((n) => !wanted.has(n)) : got.toSorted((a, b) => a - b), isRetired ? [] : [...wanted])
      await forwarder.close()
      records.close()
    }),
    { numRuns: 60 },
  )
})

test('who was erased does not come back: not with what waited for a cut vendor, and not with a request that a crash left open', {
  timeout: 240_000,
}, async (t) => {
  const erased = new ErasedSubjects()
  const stage = await setUp(t, { erased })
  const { log, vendor, ledger, flow } = stage
  const arrived = (): unknown[] => vendor.arrived.flatMap(({ records }) => records.map(({ values }) => values[0]?.[1])).toSorted()
  vendor.answer = () => 'hang'
  log.add(event(1), event(2))
  const hanging = stage.forwarder.step()
  while (vendor.arrived.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await stage.forwarder.close()
  await hanging
  assert.equal(ledger.openIntents().length, 1, 'as a crash leaves it')
  erased.add({ ordinals: [1], shared: [] })
  vendor.answer = () => 200
  const again = stage.make()
  for (let turn = 0; turn < 3; turn++) await again.step()
  assert.deepEqual(arrived(), [1, 2, 2], 'the same bytes are not sent again: the request is made anew without them')
  Object.assign(flow, { state: 'cut', fence: 1 })
  log.add(event(1), event(3))
  assert.equal(await again.step(), 'held')
  await again.close()
  Object.assign(flow, { state: 'open', fence: 2 })
  const last = stage.make()
  for (let turn = 0; turn < 3; turn++) await last.step()
  assert.deepEqual(arrived(), [1, 2, 2, 3])
  assert.equal(ledger.counts('v-main').erased, 2)
  await last.close()
})

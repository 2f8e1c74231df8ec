/** The funnel against a recomputation over the same events, and the bounds of the session that it is asked in. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { DAY_MS } from '#base/clock.ts'
import type { LogEntry } from '#model/log-entry.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { startWarehouse, type WarehouseProcess } from '#warehouse/warehouse-process.ts'
import { funnel } from './funnel.ts'

const NOW = Date.UTC(2026, 2, 20, 12)

let folder: string
let running: WarehouseProcess
let worker: Warehouse
let staff: Warehouse

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bh-'))
  running = await startWarehouse(folder)
  worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
  staff = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
})

after(async () => {
  await worker?.close()
  await staff?.close()
  await running?.kill()
  rmSync(folder, { recursive: true, force: true })
})

/** The furthest step that some choice of first event reaches; times of one user are all different. */
function levelOf(events: { name: string; time: number }[], steps: readonly string[], withinMs: number): number {
  const sorted = [...events].sort((a, b) => a.time - b.time)
  let best = 0
  for (const [index, first] of sorted.entries()) {
    if (first.name !== steps[0]) continue
    let level = 1
    for (const event of sorted.slice(index + 1)) if (event.time <= first.time + withinMs && event.name === steps[level]) level++
    best = Math.max(best, level)
  }
  return best
}

const eventsOfUser = fc.uniqueArray(
  fc.record({ name: fc.constantFrom('Opened', 'Signed up', 'Paid', "It's"), hoursAgo: fc.integer({ min: -30, max: 24 * 12 }) }),
  { maxLength: 12, selector: (event) => event.hoursAgo },
)
let seq = 1

test('a funnel equals a naive recomputation', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(eventsOfUser, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 9 }), async (users, withinDays) => {
      // Names of its own for each case, since the table is shared.
      const mark = `${seq}:`
      const records = users.flatMap((events, user) =>
        events.map(({ name, hoursAgo }) => ({
          type: 'event' as const,
          name: mark + name,
          time: NOW - hoursAgo * 3_600_000,
          user: user + 1,
        })),
      )
      const nobodys = { type: 'event' as const, name: `${mark}Opened`, time: NOW - 1, device: 9 }
      const entry: LogEntry = {
        ...{ seq, at: NOW, source: 'web', protocol: 'mixpanel', surface: 'app', trust: 'browser', policy: 1 },
        records: [...records, nobodys],
      }
      await worker.insertEvents([entry], `funnel:${seq++}`)
      const steps = ['Opened', 'Signed up', "It's", 'Paid'].map((name) => mark + name)
      const answer = await funnel({ steps, days: 10, withinDays }, NOW, staff)
      const levels = users.map((events) => {
        const inTime = events.filter((event) => event.hoursAgo >= 0 && event.hoursAgo <= 240)
        return levelOf(
          inTime.map(({ name, hoursAgo }) => ({ name: mark + name, time: NOW - hoursAgo * 3_600_000 })),
          steps,
          withinDays * DAY_MS,
        )
      })
      assert.deepEqual(
        answer.steps.map((step) => step.people),
        steps.map((_, index) => levels.filter((level) => level > index).length),
      )
    }),
    { numRuns: Number(process.env.FC_RUNS ?? 10) },
  )
})

test('an analyst has a share of threads and memory, and no more', async () => {
  const names = ['max_threads', 'max_memory_usage', 'max_execution_time', 'priority']
  const sql = 'SELECT name, toFloat64(value) AS value FROM system.settings WHERE name IN {names:Array(String)} ORDER BY name'
  const limits = await staff.query<{ name: string; value: number }>(sql, { names }, 'analytics')
  const of = (name: string): number => limits.find((limit) => limit.name === name)?.value ?? 0
  assert.equal(of('max_threads'), Math.max(1, Math.floor(os.availableParallelism() / 2)))
  assert.equal(of('max_execution_time'), 60)
  assert.equal(of('priority'), 2)
  assert.equal(of('max_memory_usage'), Math.max(512 << 20, Math.floor(os.totalmem() / 16)))
})

/** The funnel against a recomputation over the same events, and the bounds of the session that it is asked in. */
import assert from 'node:assert/strict'
import os from 'node:os'
import { test } from 'node:test'
import fc from 'fast-check'
import { DAY_MS } from '#base/clock.ts'
import type { LogEntry } from '#model/log-entry.ts'
import { warehouseOfFile } from '#warehouse/testing-warehouse.ts'
import { funnel } from './funnel.ts'

const NOW = Date.UTC(2026, 2, 20, 12)

const engine = warehouseOfFile()

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
      await engine.worker.insertEvents([entry], `funnel:${seq++}`)
      const steps = ['Opened', 'Signed up', "It's", 'Paid'].map((name) => mark + name)
      const answer = await funnel({ steps, days: 10, withinDays }, NOW, engine.staff)
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
  const limits = await engine.staff.query<{ name: string; value: number }>(sql, { names }, 'analytics')
  const of = (name: string): number => limits.find((limit) => limit.name === name)?.value ?? 0
  assert.equal(of('max_threads'), Math.max(1, Math.floor(os.availableParallelism() / 2)))
  assert.equal(of('max_execution_time'), 60)
  assert.equal(of('priority'), 2)
  assert.equal(of('max_memory_usage'), Math.max(512 << 20, Math.floor(os.totalmem() / 16)))
})

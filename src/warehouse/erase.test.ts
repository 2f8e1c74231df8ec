import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { DAY_MS } from '#base/clock.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import { openWarehouse } from '#warehouse/client.ts'
import { AT, entryOf } from '#warehouse/test-rows.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'

const TOTALS = `SELECT toString(arrival) AS day, source, event, type, toString(toDate(time)) AS at, count() AS n FROM events
  GROUP BY day, source, event, type, at ORDER BY day, source, event, type, at`
const OTHERS = `SELECT * FROM events WHERE erased = 0 ORDER BY seq, recordIndex`
const GONE = `SELECT * EXCEPT (arrival, receivedAt, seq, source, protocol, surface, trust, policy, recordIndex, time, event, reserved, type)
  FROM events WHERE erased = 1`

const ordinal = fc.integer({ min: 1, max: 5 })
const record: fc.Arbitrary<LogRecord> = fc
  .record({
    name: fc.constantFrom('Opened', 'Bought'),
    time: fc.integer({ min: AT - 2 * DAY_MS, max: AT }),
    user: fc.option(ordinal, { nil: undefined }),
    device: fc.option(fc.integer({ min: 11, max: 13 }), { nil: undefined }),
    linked: fc.option(fc.array(fc.record({ role: fc.constant('user' as const), ordinal }), { minLength: 1, maxLength: 2 }), {
      nil: undefined,
    }),
    properties: fc.constant({ amount: 7 }),
  })
  .map((parts) => ({ type: 'event', ...JSON.parse(JSON.stringify(parts)) }) as LogRecord)

interface Erased {
  ordinals: number[]
  shared: { device: number; from: number; to: number }[]
}

/** What the module says in SQL, in plain words. */
function isOf({ ordinals, shared }: Erased, { user, device, linked, time }: LogRecord): boolean {
  if ([user, device, ...(linked ?? []).map((one) => one.ordinal)].some((one) => one !== undefined && ordinals.includes(one))) return true
  return user === undefined && shared.some((each) => each.device === device && time >= each.from && time < each.to)
}

test("an erased person's rows become counts: totals, numbers and everybody else stay as they were", { timeout: 240_000 }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'bh-'))
  const running = await startWarehouse(folder)
  const worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
  const staff = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
  t.after(async () => {
    await Promise.all([worker.close(), staff.close()])
    await running.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  const ask = (sql: string): Promise<Record<string, unknown>[]> => staff.query(sql, {}, 'badday')
  let seq = 0
  const fill = async (records: readonly LogRecord[]): Promise<LogEntry[]> => {
    const entries = records.map((one, index) => entryOf(++seq, [one], AT + (index % 3) * DAY_MS))
    for (const day of [0, 1, 2]) {
      const ofDay = entries.filter((entry) => entry.at === AT + day * DAY_MS)
      if (ofDay.length > 0) await worker.insertEvents(ofDay, `t:${ofDay[0]?.seq}-${day}`)
    }
    return entries
  }
  const erasure = fc.record({
    ordinals: fc.uniqueArray(fc.oneof(ordinal, fc.constant(11)), { maxLength: 3 }),
    shared: fc.array(fc.record({ device: fc.constantFrom(12, 13), from: fc.constant(AT - DAY_MS), to: fc.constant(AT - 1000) }), {
      maxLength: 1,
    }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 30 }), erasure, async (records, people) => {
      const entries = await fill(records)
      const expected = entries.filter((entry) => isOf(people, entry.records[0] as LogRecord)).length
      const [totals, before] = [await ask(TOTALS), await ask(OTHERS)]
      // What is loaded meanwhile must not be lost with the day that is written anew.
      const [{ rows }] = await Promise.all([worker.eraseEvents(people), fill([{ type: 'event', name: 'Later', time: AT, user: 99 }])])
      assert.ok(rows >= expected)
      assert.deepEqual(
        (await ask(TOTALS)).filter(({ event }) => event !== 'Later'),
        totals.filter(({ event }) => event !== 'Later'),
      )
      const left = await ask(OTHERS)
      const known = new Set(left.map((row) => JSON.stringify(row)))
      assert.equal(left.length, before.length - rows + 1)
      assert.ok(before.filter((row) => !known.has(JSON.stringify(row))).length === rows, 'nobody else changed')
      assert.equal((await worker.eraseEvents(people)).rows, 0, 'again changes nothing')
      const [count] = await ask('SELECT count() AS n, uniqExact(seq) AS entries FROM events')
      assert.deepEqual([Number(count?.n), Number(count?.entries)], [seq, seq], 'no entry lacks a record')
    }),
    { numRuns: 3 },
  )
  for (const row of await ask(GONE)) {
    const values = new Set(Object.entries(row).flatMap(([name, value]) => (name === 'erased' ? [] : [JSON.stringify(value)])))
    assert.deepEqual([...values].sort(), ['""', '-1', '0', '[]'], 'nothing is left but the day and the name')
  }
})

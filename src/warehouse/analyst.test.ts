/**
 * The bounds of an analyst's questions, in the real engine: what is refused or ended, that the session is whole afterwards, and
 * that the bad day is answered meanwhile. That the program sets such bounds is in `src/analytics/funnel.test.ts`.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openWarehouse } from '#warehouse/client.ts'
import type { Warehouse, WarehouseSession } from '#warehouse/port.ts'
import { startWarehouse, type WarehouseProcess } from '#warehouse/warehouse-process.ts'

/** Rows come out of it as long as it runs. */
const ENDLESS = 'SELECT number FROM numbers(1000000000000000)'
/** Nothing comes out of it. */
const SILENT = 'SELECT count() AS n FROM numbers(1000000000000000) WHERE cityHash64(number) = 1'
/** Some 60 MB at once. */
const LARGE = "SELECT length(groupArray(repeat('x', 1000000))) AS n FROM numbers(60)"

let folder: string
const running: WarehouseProcess[] = []
/** Its analysts have 30 MB and 1 MB of answer, and no bound of time, which might be met first. */
let bounded: Warehouse
/** Its analysts have two seconds. */
let hasty: Warehouse
/** Its analysts have no bounds: only its asker can end a question. */
let unbounded: Warehouse

async function open(name: string, analytics: Parameters<typeof startWarehouse>[1]): Promise<Warehouse> {
  const engine = await startWarehouse(path.join(folder, name), analytics)
  running.push(engine)
  return openWarehouse({ path: engine.path, token: engine.tokens.staff, role: 'staff' })
}

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bh-'))
  bounded = await open('a', { memoryBytes: 30e6, resultBytes: 1e6, seconds: 0 })
  hasty = await open('c', { memoryBytes: 0, resultBytes: 0, seconds: 2 })
  unbounded = await open('b', { memoryBytes: 0, resultBytes: 0, seconds: 0 })
})

after(async () => {
  await bounded?.close()
  await hasty?.close()
  await unbounded?.close()
  for (const engine of running) await engine.kill()
  rmSync(folder, { recursive: true, force: true })
})

/** The session answers its own next questions, with nothing of what was asked before. */
async function assertWhole(warehouse: Warehouse, session: WarehouseSession): Promise<void> {
  for (const n of [2, 3]) {
    const rows = await warehouse.query('SELECT {n:UInt8} AS n', { n }, session)
    // First their number: a message that shows a million rows takes minutes.
    assert.equal(rows.length, 1)
    assert.deepEqual(rows, [{ n }])
  }
}

test('memory, answer and time of an analyst are bounded, and the next question gets its own answer', async () => {
  const refusals = [
    [bounded, LARGE, /code 241 /],
    [bounded, ENDLESS, /code 396 /],
    [hasty, SILENT, /code 159 /],
  ] as const
  for (const [warehouse, sql, code] of refusals) {
    await assert.rejects(warehouse.query(sql, {}, 'analytics'), code, sql)
    await assertWhole(warehouse, 'analytics')
  }
  assert.deepEqual(await bounded.query(LARGE, {}, 'badday'), [{ n: 60 }])
})

test('a question on the bad day that fails when it has put out rows leaves nothing to the next', async () => {
  await assert.rejects(bounded.query('SELECT number, throwIf(number = 800000) AS t FROM numbers(1000000)', {}, 'badday'), /code 395 /)
  await assertWhole(bounded, 'badday')
})

test('the bad day is answered while an analyst asks for all there is', async () => {
  for (const sql of [SILENT, 'SELECT uniqExact(number % 100000) AS n FROM numbers(1000000000000000)']) {
    const gone = new AbortController()
    let isOver = false
    const asked = unbounded.query(sql, {}, 'analytics', gone.signal).then(
      () => assert.fail('an endless question was answered'),
      () => {
        isOver = true
      },
    )
    const isRunning = "SELECT count() AS n FROM system.processes WHERE Settings['log_comment'] = 'analytics'"
    while ((await unbounded.query<{ n: number }>(isRunning, {}, 'badday'))[0]?.n !== 1) await sleep(5)
    const counted = await unbounded.query('SELECT count() AS n FROM disclosures WHERE vendor = {v:String}', { v: 'x' }, 'badday')
    assert.deepEqual(counted, [{ n: 0 }])
    assert.equal(isOver, false)
    gone.abort()
    await asked
    await assertWhole(unbounded, 'analytics')
  }
})

test('a question whose asker goes away is ended, at whatever moment that is', async () => {
  // A long text is not known to the engine as a query until it was parsed.
  const long = `${SILENT} AND number NOT IN (${Array.from({ length: 100_000 }, (_, index) => 1e6 + index).join(', ')})`
  for (const sql of [long, SILENT, ENDLESS]) {
    for (const ms of [0, 2, 5, 10, 20, 50, 100]) {
      const gone = new AbortController()
      const asked = unbounded.query(sql, {}, 'analytics', gone.signal)
      const refused = assert.rejects(asked, { message: 'the warehouse does not answer' })
      await sleep(ms)
      gone.abort()
      await refused
      await assertWhole(unbounded, 'analytics')
    }
  }
})

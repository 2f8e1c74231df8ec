/** Filling a day in the real engine: what was there stays, what opened is added once, and a kill leaves the one or the other. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import { openWarehouse } from '#warehouse/client.ts'
import { askFreeze } from '#warehouse/freeze.ts'
import type { OpeningRow } from '#warehouse/port.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'

const NOW = Date.UTC(2026, 0, 10, 12)
const DAY = '2026-01-10'

async function open(t: TestContext, folder: string) {
  const server = await startWarehouse(folder)
  const loader = openWarehouse({ path: server.path, token: server.tokens.worker, role: 'worker' })
  t.after(async () => {
    await loader.close()
    await server.kill()
  })
  return { server, loader }
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-fill-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

function entries(count: number, at: number, from = 1): LogEntry[] {
  return Array.from({ length: count }, (_, offset) => {
    const seq = from + offset
    const record: LogRecord = { type: 'event', name: seq % 2 === 0 ? 'Open' : null, time: at, user: 1 + (seq % 7), waitingCount: 2 }
    if (seq % 3 === 0) record.properties = { 'it"s': 'né\n/x', n: seq }
    return { seq, at, source: 's', protocol: 'p', surface: 's', trust: 'browser', policy: 1, records: [record] }
  })
}

const ROWS = `SELECT seq, event, properties, waitingCount FROM events ORDER BY seq`
interface Row {
  seq: number
  event: string
  properties: string
  waitingCount: number
}

test('a day gets what opened, once; other days and rows stay', { timeout: 240_000 }, async (t) => {
  const { server, loader } = await open(t, makeFolder(t))
  await loader.insertEvents(entries(6, NOW), 'a')
  await loader.insertEvents(entries(3, NOW - 86_400_000, 100), 'b')
  const before = await loader.query<Row>(ROWS, {}, 'loader')
  const openings: OpeningRow[] = [
    { seq: 1, index: 0, event: 'Pâid', properties: '{"plan":"pro","deep":["a","b/c"]}', opened: 2 },
    { seq: 3, index: 0, event: '', properties: '{"plan":"it\'s \\"x\\""}', opened: 1 },
    { seq: 2, index: 0, event: 'Not Mine', properties: '', opened: 0 },
    { seq: 999, index: 0, event: 'Nobody', properties: '{"plan":1}', opened: 1 },
  ]
  await loader.insertOpenings(1, openings, 'fill-1')
  await loader.insertOpenings(2, [{ seq: 4, index: 0, event: '', properties: '{"other":"fill"}', opened: 1 }], 'fill-2')
  assert.equal(await loader.fillDay(DAY, 1), 3)
  const after = await loader.query<Row>(ROWS, {}, 'loader')
  const at = (rows: Row[], seq: number) => rows.find((row) => row.seq === seq)
  const parsed = (seq: number): unknown => JSON.parse(at(after, seq)?.properties || '{}')
  assert.deepEqual([at(after, 1)?.event, parsed(1), at(after, 1)?.waitingCount], ['Pâid', { plan: 'pro', deep: ['a', 'b/c'] }, 0])
  assert.deepEqual([at(after, 3)?.event, parsed(3), at(after, 3)?.waitingCount], ['', { 'it"s': 'né\n/x', n: 3, plan: 'it\'s "x"' }, 1])
  for (const seq of [2, 4, 5, 6, 100, 101, 102]) assert.deepEqual(at(after, seq), at(before, seq), `row ${seq} is as it was`)
  assert.equal(after.length, before.length)

  // The same again: what is there stays, whatever the second says.
  await loader.insertOpenings(3, [{ seq: 1, index: 0, event: 'Again', properties: '{"plan":"basic"}', opened: 1 }], 'fill-3')
  await loader.fillDay(DAY, 3)
  assert.deepEqual(await loader.query<Row>(ROWS, {}, 'loader'), after)
  // Inserts go on, and a repeated plan finds its rows.
  await loader.insertEvents(entries(2, NOW, 7), 'c')
  assert.equal((await loader.query<Row>(ROWS, {}, 'loader')).length, 11)

  await askFreeze(server.path, server.tokens.staff, '/freeze')
  await loader.insertOpenings(4, [{ seq: 5, index: 0, event: 'Late', properties: '', opened: 0 }], 'fill-4')
  await assert.rejects(loader.fillDay(DAY, 4), { code: 'warehouse_failed' }, 'not while a backup copies')
  await askFreeze(server.path, server.tokens.staff, '/thaw')
  assert.equal(await loader.fillDay(DAY, 4), 1)
})

test('a mark of somebody who has refused stays a mark', { timeout: 240_000 }, async (t) => {
  const { loader } = await open(t, makeFolder(t))
  const [marked, kept] = entries(2, NOW) as [LogEntry, LogEntry]
  marked.records = [{ type: 'event', name: null, time: NOW, consent: { optOut: true, withoutPerson: 'denied' } }]
  kept.records[0] = { ...(kept.records[0] as LogRecord), consent: { optOut: false } }
  await loader.insertEvents([marked, kept], 'a')
  const opening = (seq: number): OpeningRow => ({ seq, index: 0, event: 'Paid', properties: '{"plan":"pro"}', opened: 1 })
  await loader.insertOpenings(1, [opening(1), opening(2)], 'fill-1')
  await loader.fillDay(DAY, 1)
  const rows = await loader.query<Row>(ROWS, {}, 'loader')
  assert.deepEqual(
    rows.map(({ event, properties }) => [event, properties]),
    [
      ['', ''],
      ['Open', '{"plan":"pro"}'],
    ],
  )
})

test('killed at any moment of it, the day is the former or the new one, and doing it again completes it', {
  timeout: 240_000,
}, async (t) => {
  const folder = makeFolder(t)
  const first = await open(t, folder)
  await first.loader.insertEvents(entries(3_000, NOW), 'a')
  await first.loader.insertEvents(entries(500, NOW - 86_400_000, 10_000), 'b')
  await first.loader.close()
  await first.server.kill()
  const key = (round: number): OpeningRow[] =>
    Array.from({ length: 3_000 }, (_, index) => ({ seq: index + 1, index: 0, event: '', properties: `{"k${round}":${index}}`, opened: 0 }))
  const filled = `SELECT count() AS rows, uniqExact(seq) AS entries, countIf(JSONHas(properties, {key:String})) AS done FROM events`
  const seen = new Set<number>()
  let tookMs = 0
  for (const [round, share] of [0, 0.3, 0.7, 0.95].entries()) {
    const { server, loader } = await open(t, folder)
    await loader.insertOpenings(round, key(round), `fill-${round}`)
    const filling = loader.fillDay(DAY, round).then(
      () => true,
      () => false,
    )
    const begun = performance.now()
    // The first is not killed: it says how long one takes.
    if (round === 0) {
      await filling
      tookMs = performance.now() - begun
    } else await sleep(tookMs * share)
    await server.kill()
    await filling
    await loader.close()
    const again = await open(t, folder)
    const [state] = await again.loader.query<{ rows: number; entries: number; done: number }>(filled, { key: `k${round}` }, 'loader')
    assert.deepEqual([state?.rows, state?.entries], [3_500, 3_500], 'no row is lost and none is there twice')
    assert.ok(state?.done === 0 || state?.done === 3_000, `${state?.done} rows are filled: neither the one nor the other`)
    seen.add(state?.done ?? -1)
    await again.loader.insertOpenings(round, key(round), `fill-${round}-again`)
    await again.loader.fillDay(DAY, round)
    const [completed] = await again.loader.query<{ rows: number; done: number }>(filled, { key: `k${round}` }, 'loader')
    assert.deepEqual([completed?.rows, completed?.done], [3_500, 3_000])
    await again.loader.close()
    await again.server.kill()
  }
  t.diagnostic(`states after a kill: ${[...seen].join(', ')} rows filled`)
})

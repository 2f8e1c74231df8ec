import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import type { LogEntry } from '#model/log-entry.ts'
import { openWarehouse } from '#warehouse/client.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'

const ROUNDS = 12
const AT = Date.UTC(2026, 2, 14)

function withFolder(body: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'bh-'))
    try {
      await body(folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** Repeatable numbers in [0, 1) (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function entriesOf(from: number, count: number): LogEntry[] {
  return Array.from({ length: count }, (_, index) => ({
    seq: from + index,
    at: AT + index,
    source: 'web',
    protocol: 'mixpanel',
    surface: 'app',
    trust: 'browser',
    policy: 1,
    records: Array.from({ length: 50 }, (_, at) => ({ type: 'event', name: `E${at}`, time: AT, user: from + index })),
  }))
}

test(
  'an insert that kill -9 cut short is repeated with its token, and every row is there once',
  withFolder(async (folder) => {
    const seed = Number(process.env.SEED ?? Date.now() % 1e9)
    const random = randomFrom(seed)
    const seen = { answered: 0, cut: 0, presentUnanswered: 0 }
    const entriesOfToken = new Map<string, LogEntry[]>()
    let unfinished: string | undefined
    let next = 1
    for (let round = 0; round < ROUNDS; round++) {
      const running = await startWarehouse(folder)
      const worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
      try {
        if (unfinished !== undefined) {
          const entries = entriesOfToken.get(unfinished) as LogEntry[]
          const place = { from: entries[0]?.seq, to: entries.at(-1)?.seq }
          const [found] = await worker.query<{ n: number }>(
            'SELECT count() AS n FROM events WHERE seq BETWEEN {from:UInt64} AND {to:UInt64}',
            place,
            'loader',
          )
          assert.ok(found?.n === 0 || found?.n === entries.length * 50, `seed ${seed}: ${found?.n} rows of one insert`)
          if (found.n > 0) seen.presentUnanswered += 1
          await worker.insertEvents(entries, unfinished)
        }
        const killAfter = 5 + random() * 250
        const killed = new Promise<void>((resolve) => setTimeout(() => void running.kill().then(resolve), killAfter))
        for (;;) {
          const entries = entriesOf(next, 20 + Math.floor(random() * 300))
          unfinished = `events:${next}-${next + entries.length}`
          next += entries.length
          entriesOfToken.set(unfinished, entries)
          try {
            await worker.insertEvents(entries, unfinished)
          } catch {
            seen.cut += 1
            break
          }
          seen.answered += 1
        }
        await killed
      } finally {
        await worker.close()
        await running.kill()
      }
    }
    const running = await startWarehouse(folder)
    const worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
    try {
      await worker.insertEvents(entriesOfToken.get(unfinished as string) as LogEntry[], unfinished as string)
      const counts = await worker.query<{ seq: number; n: number }>(
        'SELECT seq, count() AS n FROM events GROUP BY seq ORDER BY seq',
        {},
        'loader',
      )
      const expected = Array.from({ length: next - 1 }, (_, index) => ({ seq: index + 1, n: 50 }))
      assert.deepEqual(counts, expected, `seed ${seed}`)
    } finally {
      await worker.close()
      await running.kill()
    }
    assert.equal(seen.cut, ROUNDS)
    console.log(`seed ${seed}: ${seen.answered} answered, ${seen.cut} cut short, ${seen.presentUnanswered} of these had been written`)
  }),
)

test(
  'a folder of a newer format is refused',
  withFolder(async (folder) => {
    await (await startWarehouse(folder)).kill()
    const script = `
    const { openConnection } = await import(${JSON.stringify(new URL('./engine.ts', import.meta.url).href)})
    await openConnection(${JSON.stringify(path.join(folder, 'warehouse'))}, 'writer', { readOnly: false, queueMax: 4 })
      .execute('INSERT INTO bulkhead_format SETTINGS async_insert = 0 SELECT 99')
    process.kill(process.pid, 'SIGKILL')`
    spawnSync(process.execPath, ['--input-type=module', '-e', script])
    await assert.rejects(startWarehouse(folder), /data_format_newer .*format 99/)
  }),
)

test(
  'SIGTERM finishes what runs; the rows are there afterwards',
  withFolder(async (folder) => {
    const first = await startWarehouse(folder)
    const worker = openWarehouse({ path: first.path, token: first.tokens.worker, role: 'worker' })
    const ended = new Promise<void>((resolve) => first.child.once('exit', () => resolve()))
    const running = "SELECT count() AS n FROM system.processes WHERE query LIKE 'INSERT%'"
    let inserted = 0
    for (let isMet = false; !isMet; inserted += 400) {
      // One that is over before anybody has seen it is followed by another.
      let isOver = false
      const insert = worker.insertEvents(entriesOf(1 + inserted, 400), `last:${inserted}`).finally(() => {
        isOver = true
      })
      while (!isMet && !isOver) isMet = (await worker.query<{ n: number }>(running, {}, 'loader'))[0]?.n === 1
      if (isMet) first.child.kill('SIGTERM')
      await insert
    }
    await ended
    await worker.close()
    const second = await startWarehouse(folder)
    const reader = openWarehouse({ path: second.path, token: second.tokens.staff, role: 'staff' })
    assert.deepEqual(await reader.query('SELECT count() AS n FROM events', {}, 'analytics'), [{ n: inserted * 50 }])
    await reader.migrate()
    await reader.close()
    await second.kill()
  }),
)

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DAY_MS, systemClock } from '#base/clock.ts'
import { openLedger } from '#ledger/ledger.ts'
import type { LoadPlan, Ledger } from '#ledger/port.ts'
import { openLogWriter } from '#log/log-writer.ts'
import type { LogDraft, LogReader } from '#log/port.ts'
import type { LogEntry } from '#model/log-entry.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'
import { createEventLoader } from '#forward/load-events.ts'
import { manifestOf } from '#forward/load-process.ts'

const KILLS = 6
const AT = Date.UTC(2026, 2, 14)

function draftOf(number: number): LogDraft {
  const records = Array.from({ length: 1 + (number % 30) }, (_, index) => ({
    type: 'event' as const,
    name: `E${index}`,
    time: AT + number,
    user: number + 1,
  }))
  // Three arrival days, in blocks, so that plans end at midnight.
  const at = AT + (Math.floor(number / 100) % 3) * DAY_MS
  return {
    at,
    source: 'web',
    protocol: 'mixpanel',
    surface: 'app',
    trust: 'browser',
    policy: 1,
    records,
    dedup: Buffer.alloc(16 * records.length),
  }
}

async function startLoader(folder: string, warehouse: { path: string; tokens: { worker: string } }): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./load-process.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      script,
      path.join(folder, 'log'),
      path.join(folder, 'ledger'),
      warehouse.path,
      warehouse.tokens.worker,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  await says(child, 'ready')
  return child
}

function says(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (bytes: Buffer) => {
      if (String(bytes).includes(word)) resolve()
    })
    const tooEarly = (): void => reject(new Error(`the loader ended before it said ${word}`))
    if (child.exitCode !== null || child.signalCode !== null) return tooEarly()
    child.once('exit', tooEarly)
  })
}

function killed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

test('log and ledger are in the warehouse once, whoever is killed and when', { timeout: 240_000 }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'bh-'))
  const seed = Number(process.env.SEED ?? Date.now() % 1e9)
  console.log(`seed ${seed}, ${KILLS} kills of loader and warehouse each`)
  let state = seed
  const random = (): number => {
    state = (state * 48_271 + 11) % 2_147_483_647
    return state / 2_147_483_647
  }
  const log = await openLogWriter({ dir: path.join(folder, 'log'), waitingDir: path.join(folder, 'waiting'), clock: systemClock })
  let warehouse = await startWarehouse(folder)
  let loader = await startLoader(folder, warehouse)
  let number = 0
  try {
    for (let round = 0; round < KILLS * 2; round++) {
      for (let batch = 0; batch < 3; batch++) {
        await log.append(Array.from({ length: 20 }, () => draftOf(number++)))
        await systemClock.sleep(random() * 50)
      }
      if (round % 2 === 0) {
        await killed(loader)
        loader = await startLoader(folder, warehouse)
      } else {
        await warehouse.kill()
        warehouse = await startWarehouse(folder)
      }
    }
    const done = says(loader, 'done')
    loader.stdin?.write('finish')
    await done
    await killed(loader)

    const reader = openWarehouse({ path: warehouse.path, token: warehouse.tokens.worker, role: 'worker' })
    const rows = await reader.query<{ seq: number; n: number }>(
      'SELECT seq, count() AS n FROM events GROUP BY seq ORDER BY seq',
      {},
      'loader',
    )
    assert.deepEqual(
      rows,
      Array.from({ length: number }, (_, index) => ({ seq: index + 1, n: 1 + (index % 30) })),
      `seed ${seed}`,
    )

    const ledger = await openLedger({ dir: path.join(folder, 'ledger'), clock: systemClock })
    const expected = expectedDisclosures(ledger)
    await ledger.close()
    const disclosed = await reader.query(
      `SELECT entry, toUnixTimestamp64Milli(sentAt) AS sentAt, destination, subject, shape, events, state
        FROM disclosures ORDER BY entry, events`,
      {},
      'loader',
    )
    await reader.close()
    assert.ok(expected.length > 100)
    assert.deepEqual(disclosed, expected, `seed ${seed}`)
    assert.ok(new Set(expected.map((row) => Math.floor(row.sentAt / DAY_MS))).size === 2)
  } finally {
    loader.kill('SIGKILL')
    await warehouse.kill()
    await log.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

function expectedDisclosures(
  ledger: Ledger,
): { entry: number; sentAt: number; destination: string; subject: number; shape: string; events: number; state: string }[] {
  const stateOf = new Map<number, string>()
  const entries = ledger.read(1, ledger.head)
  for (const entry of entries) if (entry.type === 'outcome') stateOf.set(entry.intent, entry.state)
  return entries.flatMap((entry) => {
    const state = stateOf.get(entry.entry)
    if (entry.type !== 'intent' || state === undefined || state === 'not_sent') return []
    return manifestOf(entry.entry).map((row) => ({
      entry: entry.entry,
      sentAt: entry.at,
      destination: entry.destination,
      subject: row.subject,
      shape: row.shape,
      events: row.events,
      state,
    }))
  })
}

/** A ledger of which only the load state is used. */
function loadState(): Ledger & { plans: LoadPlan[] } {
  let cursor = 1
  let plan: LoadPlan | undefined
  const plans: LoadPlan[] = []
  return {
    plans,
    loadCursor: () => cursor,
    plan: () => plan,
    savePlan: async (next: LoadPlan) => {
      plan = next
      plans.push(next)
    },
    reload: async (_table: string, from: number) => {
      plan = undefined
      cursor = from
    },
    finishPlan: async (done: LoadPlan) => {
      plan = undefined
      cursor = done.to
    },
  } as unknown as Ledger & { plans: LoadPlan[] }
}

function logOf(entries: LogEntry[]): LogReader {
  return {
    head: () => entries.at(-1)?.seq ?? 0,
    tail: () => entries[0]?.seq ?? 1,
    finished: () => [],
    read: (seq, limits) => entries.filter((entry) => entry.seq >= seq).slice(0, Math.min(3, limits.entries)),
    find: (seq) => ({ entries: [], next: seq }),
    close: () => undefined,
  }
}

function entriesOf(days: number[]): LogEntry[] {
  return days.map((day, index) => ({
    seq: index + 1,
    at: AT + day * DAY_MS,
    source: 's',
    protocol: 'p',
    surface: 'a',
    trust: 'server',
    policy: 1,
    records: [{ type: 'event', time: AT }],
  }))
}

interface Power {
  /** Tokens that the engine remembers, and those whose rows are there: they come apart when power fails. */
  remembered: Set<string>
  rows: Map<string, number>
}

function warehouseWith(power: Power, failOnce: { next: boolean }): Warehouse {
  return {
    insertEvents: async (entries: readonly LogEntry[], token: string) => {
      if (!power.remembered.has(token)) power.rows.set(token, entries.length)
      power.remembered.add(token)
      if (failOnce.next) {
        failOnce.next = false
        throw new Error('broken off after the write')
      }
      return { rows: entries.length }
    },
    query: async () => {
      const present = [...power.rows.values()].reduce((sum, rows) => sum + rows, 0)
      return [{ present, rows: present }]
    },
  } as unknown as Warehouse
}

test('a plan ends at midnight and at the batch size, and plans cover the log without gap or overlap', async () => {
  const ledger = loadState()
  const entries = entriesOf([0, 0, 0, 0, 0, 1, 1, 0, 2, 2])
  const loader = createEventLoader({
    log: logOf(entries),
    ledger,
    warehouse: warehouseWith({ remembered: new Set(), rows: new Map() }, { next: false }),
    clock: systemClock,
    batchRows: 4,
  })
  await loader.barrier(10)
  assert.deepEqual(
    ledger.plans.map((plan) => [plan.from, plan.to]),
    [
      [1, 5],
      [5, 6],
      [6, 8],
      [8, 9],
      [9, 11],
    ],
  )
  assert.equal(new Set(ledger.plans.map((plan) => plan.token)).size, 5)
  assert.deepEqual(loader.status(), { table: 'events', lag: 0, rowsLoaded: 10, failures: 0, checked: true })
  assert.equal(await loader.step(), false)
})

test('after a power cut a plan is loaded once, whatever the engine remembers of its token', async () => {
  for (const rowsSurvive of [true, false]) {
    for (const tokenSurvives of [true, false]) {
      const ledger = loadState()
      const power: Power = { remembered: new Set(), rows: new Map() }
      const loader = createEventLoader({
        log: logOf(entriesOf([0, 0, 0])),
        ledger,
        warehouse: warehouseWith(power, { next: true }),
        clock: systemClock,
      })
      await assert.rejects(loader.step(), /broken off/)
      assert.equal(loader.status().failures, 1)
      if (!rowsSurvive) power.rows.clear()
      if (!tokenSurvives) power.remembered.clear()
      await loader.barrier(3)
      assert.deepEqual([...power.rows.values()], [3], `rows ${rowsSurvive}, token ${tokenSurvives}`)
    }
  }
})

test('a warehouse that comes back empty is loaded again, before a barrier says that all is there', async () => {
  const ledger = loadState()
  const loaderOn = (power: Power) =>
    createEventLoader({ log: logOf(entriesOf([0, 0, 0])), ledger, warehouse: warehouseWith(power, { next: false }), clock: systemClock })
  const first: Power = { remembered: new Set(), rows: new Map() }
  await loaderOn(first).barrier(3)
  const lost: Power = { remembered: new Set(), rows: new Map() }
  await loaderOn(lost).barrier(3)
  assert.deepEqual([...lost.rows.values()], [3])
  await loaderOn(lost).barrier(3)
  assert.deepEqual([...lost.rows.values()], [3], 'what is there is not loaded twice')
})

test('a missing log entry stops the loader instead of being passed over', async () => {
  const entries = entriesOf([0, 0, 0, 0]).filter((entry) => entry.seq !== 3)
  const loader = createEventLoader({
    log: logOf(entries),
    ledger: loadState(),
    warehouse: warehouseWith({ remembered: new Set(), rows: new Map() }, { next: false }),
    clock: systemClock,
  })
  await assert.rejects(loader.barrier(4), { code: 'log_corrupt' })
})

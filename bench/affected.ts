/**
 * The bad day over generated disclosure rows, in the engine in a process of its own: who is affected by one vendor over
 * fourteen days, the list of them, and what was disclosed about people who were not asked for before; against bare
 * questions to the engine over the same rows. The vault is a stand-in that answers at once.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { DAY_MS } from '#base/clock.ts'
import { affected, type AffectedAnswer, type IncidentPorts } from '#incidents/affected.ts'
import { who } from '#incidents/who.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { startWarehouse, type WarehouseProcess } from '#warehouse/warehouse-process.ts'
import { DAYS, disclosureBlocks, peopleOf, VENDORS } from './disclosure-rows.ts'
import { cpuSeconds, peakMegabytes } from './processes.ts'
import type { Table } from './table.ts'

const WINDOW_DAYS = 14
const PEOPLE_ASKED = 200
const GOAL_ROWS = 100_000_000
const LOOK = { actor: 'bench', action: 'bench', reason: 'bench' }
/** Parts are merged for at most this long before anything is asked, as they are between an hour's load and a bad day. */
const SETTLE_MS = 10_000

interface Engine {
  process: WarehouseProcess
  staff: Warehouse
  close(): Promise<void>
}

export async function benchAffected(table: Table, folder: string, rows: number): Promise<void> {
  const place = path.join(folder, 'affected')
  mkdirSync(place, { recursive: true })
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS
  await load(table, place, rows, today)
  // Opened anew, so that the first question meets an engine that remembers nothing.
  const engine = await openEngine(place)
  try {
    await askAffected(table, engine, rows, today)
    await askWho(table, engine, rows)
    const pid = engine.process.child.pid ?? 0
    table.row({ what: 'affected and who: peak memory of the engine', figure: peakMegabytes(pid), unit: 'MB' })
  } finally {
    await engine.close()
  }
  if (rows < GOAL_ROWS) {
    table.absent(
      `affected and who: ${GOAL_ROWS.toLocaleString('en')} rows`,
      `takes long and 10 GB of disk: -- affected --rows ${GOAL_ROWS}; limits there: 250 ms warm, 500 ms streamed, who 30 ms, disk 2 ×`,
    )
  }
}

async function openEngine(place: string): Promise<Engine> {
  const process = await startWarehouse(place)
  const staff = openWarehouse({ path: process.path, token: process.tokens.staff, role: 'staff' })
  const close = async (): Promise<void> => {
    await staff.close()
    await process.kill()
  }
  return { process, staff, close }
}

async function load(table: Table, place: string, rows: number, today: number): Promise<void> {
  const engine = await openEngine(place)
  const worker = openWarehouse({ path: engine.process.path, token: engine.process.tokens.worker, role: 'worker' })
  try {
    const startedAt = performance.now()
    for (const block of disclosureBlocks(rows, today)) await worker.insertDisclosures(block.rows, block.token)
    table.row({
      what: `disclosure rows into the warehouse: ${rows.toLocaleString('en')}, ${VENDORS} vendors, ${DAYS} days`,
      figure: rows / ((performance.now() - startedAt) / 1000),
      unit: 'rows/s',
      note: `${((cpuSeconds(engine.process.child.pid ?? 0) / rows) * 1e6).toFixed(0)} CPU s per 1M in the engine`,
    })
    const { whole, projected } = await diskOf(engine.staff)
    table.row({ what: 'disclosure rows on disk, without the projection', figure: (whole - projected) / rows, unit: 'bytes a row' })
    table.row({
      what: 'disclosure rows on disk, with the projection that `who` reads',
      figure: whole / rows,
      unit: 'bytes a row',
      ratio: whole / (whole - projected),
      peer: 'without it (limit 2)',
    })
  } finally {
    await worker.close()
    await engine.close()
  }
}

/** Bytes of all parts, and of the projection in them, once merges have ended or the wait for them is over. */
async function diskOf(staff: Warehouse): Promise<{ whole: number; projected: number }> {
  const ask = async (sql: string): Promise<number> => Number((await staff.query<{ n: number | string }>(sql, {}, 'badday'))[0]?.n ?? 0)
  const deadline = performance.now() + SETTLE_MS
  while (performance.now() < deadline && (await ask('SELECT count() AS n FROM system.merges')) > 0) {
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const bytes = (from: string): Promise<number> =>
    ask(`SELECT sum(bytes_on_disk) AS n FROM system.${from} WHERE active AND table = 'disclosures' AND database = currentDatabase()`)
  return { whole: await bytes('parts'), projected: await bytes('projection_parts') }
}

function portsOf(staff: Warehouse, rows: number): IncidentPorts {
  return {
    warehouse: staff,
    vault: {
      graph: async () => ({ merged: [], devices: [] }),
      memberships: async () => [],
      staffPseudonyms: async (subjects) => subjects.map((subject) => String(subject.ordinal)),
      identities: async () => [],
      recordLook: async () => undefined,
      resolve: async (query) => [{ person: Number(query), users: [Number(query)], devices: [] }],
    },
    snapshot: async () => ({ head: rows, open: [] }),
  }
}

async function askAffected(table: Table, engine: Engine, rows: number, today: number): Promise<void> {
  const ports = portsOf(engine.staff, rows)
  const to = today + DAY_MS - 1
  const from = today - (WINDOW_DAYS - 1) * DAY_MS
  const windows = { accessFrom: undefined, accessTo: undefined, from, to }
  const ask = (): Promise<AffectedAnswer> => affected({ vendor: 'vendor-3', destination: undefined, windows }, ports)
  const bareSql = `SELECT uniqExact(subject) AS people, groupUniqArray(shape) AS shapes FROM disclosures
    WHERE vendor = 'vendor-3' AND "last" >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
      AND "first" <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')`
  const bare = (): Promise<{ people: number | string }[]> => engine.staff.query(bareSql, { from, to }, 'badday')
  const cold = await timed(ask)
  const warm = await best(ask)
  const peer = await best(bare)
  const { subjects } = cold.answer.summary
  const [counted] = peer.answer
  if (Number(counted?.people) !== subjects) throw new Error(`affected found ${subjects} people, the bare count ${counted?.people}`)
  const list = await best(async () => {
    let people = 0
    for await (const _ of warm.answer.list({ look: LOOK, identities: false })) people++
    return people
  })
  const what = `affected, ${rows.toLocaleString('en')} rows, 1 vendor, ${WINDOW_DAYS} days`
  const bareName = 'bare uniqExact, warm'
  const count = `${subjects.toLocaleString('en')} people`
  table.row({
    what: `${what}: engine just started`,
    figure: cold.ms,
    unit: 'ms',
    ratio: cold.ms / peer.ms,
    peer: bareName,
    note: `${count}; the files are in the page cache`,
  })
  table.row({ what: `${what}: warm`, figure: warm.ms, unit: 'ms', ratio: warm.ms / peer.ms, peer: bareName, note: 'limit 250 ms at 100 M' })
  table.row({
    what: `${what}: list, a row per person`,
    figure: list.ms,
    unit: 'ms',
    ratio: list.ms / peer.ms,
    peer: bareName,
    note: `${list.answer.toLocaleString('en')} rows after the summary; limit 500 ms at 100 M`,
  })
}

async function askWho(table: Table, engine: Engine, rows: number): Promise<void> {
  const ports = { ...portsOf(engine.staff, rows), namespaces: [] }
  const step = Math.floor(peopleOf(rows) / PEOPLE_ASKED / 2)
  const ours: number[] = []
  const bare: number[] = []
  // Ours and the peer each get people of their own, in turn, since what was read once is faster.
  for (let turn = 0; turn < PEOPLE_ASKED * 2; turn++) {
    const person = 1 + turn * step
    if (turn % 2 === 0) {
      const asked = await timed(() => who(String(person), LOOK, ports))
      if (asked.answer.disclosures.length === 0) throw new Error('who found no disclosure of a person who has some')
      ours.push(asked.ms)
    } else {
      const sql = 'SELECT vendor, sum(events) AS total FROM disclosures WHERE subject = {person:UInt64} GROUP BY vendor'
      bare.push((await timed(() => engine.staff.query(sql, { person }, 'badday'))).ms)
    }
  }
  for (const [name, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    const figure = quantile(ours, share)
    table.row({
      what: `who, ${rows.toLocaleString('en')} rows, ${PEOPLE_ASKED} people never asked for: ${name}`,
      figure,
      unit: 'ms',
      ratio: figure / quantile(bare, share),
      peer: `bare look-up of others, ${name}`,
      note: 'limit 30 ms at 100 M',
    })
  }
}

function quantile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

interface Timed<T> {
  ms: number
  answer: T
}

async function timed<T>(once: () => Promise<T>): Promise<Timed<T>> {
  const startedAt = performance.now()
  const answer = await once()
  return { ms: performance.now() - startedAt, answer }
}

/** The fastest of three. */
async function best<T>(once: () => Promise<T>): Promise<Timed<T>> {
  const turns = [await timed(once), await timed(once), await timed(once)]
  return turns.reduce((fastest, turn) => (turn.ms < fastest.ms ? turn : fastest))
}

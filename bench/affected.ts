/**
 * The bad day over generated disclosure rows, in the engine in a process of its own: who is affected by one vendor over
 * fourteen days, the list of them, and what was disclosed about people who were not asked for before; beside hand-written
 * SQL over the same table. The vault is a stand-in that answers at once.
 */
import { createWriteStream, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createSecretKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import path from 'node:path'
import { DAY_MS, dayOf, formatDay } from '#base/clock.ts'
import { CoarsePlaces } from '#incidents/coarse-places.ts'
import { affected, type AffectedAnswer, type IncidentPorts } from '#incidents/affected.ts'
import { PersonSet } from '#incidents/person-set.ts'
import { who } from '#incidents/who.ts'
import { staffUserIds } from '#vault/identifiers.ts'
import type { StaffVault } from '#vault/port.ts'
import { MembershipBook } from '#vault/membership-book.ts'
import { MARKS } from '#vault/survey.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { startWarehouse, type WarehouseProcess } from '#warehouse/warehouse-process.ts'
import { DAYS, fillDisclosures, peopleOf, VENDORS } from './disclosure-fill.ts'
import { peakMegabytes } from './processes.ts'
import type { Table } from './table.ts'

const WINDOW_DAYS = 14
const PEOPLE_ASKED = 200
const GOAL_ROWS = 100_000_000
const LOOK = { actor: 'bench', action: 'bench', reason: 'bench' }
const TURNS = 5

interface Engine {
  process: WarehouseProcess
  staff: Warehouse
  close(): Promise<void>
}

/** `place` may hold the rows of an earlier run. */
export async function benchAffected(table: Table, place: string, rows: number): Promise<void> {
  mkdirSync(place, { recursive: true })
  const made = path.join(place, 'made.json')
  let lastDay = dayOf(Date.now())
  const before = existsSync(made) ? (JSON.parse(readFileSync(made, 'utf8')) as { rows: number; lastDay: number }) : undefined
  const what = `disclosure rows made and merged in the engine: ${rows.toLocaleString('en')}, ${VENDORS} vendors, ${DAYS} days`
  if (before === undefined) {
    const startedAt = performance.now()
    await fillDisclosures(place, rows, lastDay)
    table.row({ what, figure: rows / ((performance.now() - startedAt) / 1000), unit: 'rows/s' })
    writeFileSync(made, JSON.stringify({ rows, lastDay }))
  } else if (before.rows === rows) {
    lastDay = before.lastDay
    table.absent(what, 'they are those of an earlier run')
  } else throw new Error(`${place} holds ${before.rows} rows`)
  const today = lastDay * DAY_MS
  // Opened anew, so that the first question meets an engine that remembers nothing.
  const engine = await openEngine(place)
  try {
    await showDisk(table, engine.staff, rows)
    await askAffected(table, engine, rows, today, path.join(place, 'list.ndjson'))
    await askFull(table, engine, rows, path.join(place, 'list.ndjson'))
    await askWho(table, engine, rows)
    const pid = engine.process.child.pid ?? 0
    table.row({
      what: 'affected and who: peak memory of the engine',
      figure: peakMegabytes(pid),
      unit: 'MB',
      note: `and ${peakMegabytes(process.pid).toFixed(0)} MB here, where the lines are written`,
    })
  } finally {
    await engine.close()
  }
  if (rows < GOAL_ROWS) {
    table.absent(
      `affected and who: ${GOAL_ROWS.toLocaleString('en')} rows`,
      `takes minutes and 3 GB of disk: -- affected --rows ${GOAL_ROWS}; limits there: 250 ms warm, 500 ms streamed, who 30 ms, disk 2 ×`,
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

async function showDisk(table: Table, staff: Warehouse, rows: number): Promise<void> {
  const bytes = async (from: string): Promise<number> => {
    const sql = `SELECT sum(bytes_on_disk) AS n FROM system.${from}
      WHERE active AND table = 'disclosures' AND database = currentDatabase()`
    return Number((await staff.query<{ n: number | string }>(sql, {}, 'badday'))[0]?.n ?? 0)
  }
  const [whole, projected] = [await bytes('parts'), await bytes('projection_parts')]
  table.row({ what: 'disclosure rows on disk, without the projection', figure: (whole - projected) / rows, unit: 'bytes a row' })
  table.row({
    what: 'disclosure rows on disk, with the projection that `who` reads',
    figure: whole / rows,
    unit: 'bytes a row',
    ratio: whole / (whole - projected),
    peer: 'without it (limit 2)',
  })
}

const STAFF_KEY = createSecretKey(randomBytes(32))

/** What the vault remembers of these people: each lives somewhere and belongs to a group, one in a hundred administers it. */
function knownOf(rows: number): { book: MembershipBook; survey: StaffVault['survey'] } {
  const people = peopleOf(rows)
  const places = ['', 'DE', 'FR', 'IN', 'BR', 'US-CA', 'US-NY', 'GB']
  const book = new MembershipBook()
  for (let person = 1; person <= people; person++)
    book.put({ id: person, person, target: people + 1 + (person % 500), trust: 2, admin: person % 100 === 0 })
  const survey: StaffVault['survey'] = async ({ single, joined }) => {
    const residence = new Uint16Array(single.length + joined.length)
    for (let at = 0; at < single.length; at++) residence[at] = 1 + ((single[at] as number) % 7)
    return { places, residence, marks: new Uint8Array(residence.length).fill(MARKS.byDirectory | MARKS.address) }
  }
  return { book, survey }
}

function portsOf(staff: Warehouse, rows: number): IncidentPorts {
  const known = knownOf(rows)
  return {
    warehouse: staff,
    vault: {
      graph: async () => ({ merged: [], devices: [] }),
      groups: async (question) => known.book.survey(question, () => 'company'),
      members: async (users) => known.book.members(users),
      survey: known.survey,
      staffPseudonyms: async (subjects) => subjects.map((subject) => String(subject.ordinal)),
      staffUserIds: async (users) => staffUserIds(STAFF_KEY, users),
      identities: async () => [],
      recordLook: async () => undefined,
      resolve: async (query) => [{ person: Number(query), users: [Number(query)], devices: [] }],
    },
    snapshot: async () => ({ head: rows, open: [] }),
    records: { policy: () => undefined, currentPolicy: () => undefined, baselines: () => [], baselinePeople: () => [] },
    places: new CoarsePlaces(staff),
    kept: async () => new PersonSet(),
  }
}

async function askAffected(table: Table, engine: Engine, rows: number, today: number, file: string): Promise<void> {
  const ports = portsOf(engine.staff, rows)
  const to = today + DAY_MS - 1
  const from = today - (WINDOW_DAYS - 1) * DAY_MS
  const windows = { accessFrom: undefined, accessTo: undefined, from, to }
  const ask = (): Promise<AffectedAnswer> => affected({ vendor: 'vendor-3', destination: undefined, windows }, ports)
  // What somebody who knows the table would write: days for the order of the rows, and the same windows.
  const inScope = `vendor = 'vendor-3' AND kind = 'user'
    AND eventDay >= toDate32({fromDay:String}) AND (spans OR eventDay <= toDate32({toDay:String}))
    AND "last" >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND "first" <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')`
  const parameters = { from, to, fromDay: formatDay(dayOf(from)), toDay: formatDay(dayOf(to)) }
  const bareSql = `SELECT uniqExact(subject) AS people, groupUniqArray(shape) AS shapes FROM disclosures WHERE ${inScope}`
  const bare = (): Promise<{ people: number | string }[]> => engine.staff.query(bareSql, parameters, 'badday')
  const bareList = (): Promise<unknown> =>
    engine.staff.columns(
      `SELECT toFloat64(subject) AS user, toUInt32(groupBitOr(cityHash64(shape) % 256)) AS mask, toFloat64(sum(events)) AS total,
        toFloat64(toUnixTimestamp64Milli(min("first"))) AS firstAt, toFloat64(toUnixTimestamp64Milli(max("last"))) AS lastAt
       FROM disclosures WHERE ${inScope} GROUP BY subject`,
      parameters,
      'badday',
    )
  const cold = await timed(ask)
  const warm = await best(ask)
  const peer = await best(bare)
  const { subjects } = cold.answer.summary
  const [counted] = peer.answer
  if (Number(counted?.people) !== subjects) throw new Error(`affected found ${subjects} people, the bare count ${counted?.people}`)
  const list = await best(() => writeLines(warm.answer, file))
  const peerList = await best(bareList)
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
    what: `${what}: list, a row per person into a file`,
    figure: list.ms,
    unit: 'ms',
    ratio: list.ms / peerList.ms,
    peer: 'bare rows per person into memory',
    note: `${count}, ${(statSync(file).size / 1e6).toFixed(0)} MB, after the summary; limit 500 ms at 100 M`,
  })
  if (list.answer !== subjects) throw new Error(`the list has ${list.answer} people, the summary ${subjects}`)
}

/** Everything that was ever sent to one vendor: people, organisations, jurisdictions, fields, surfaces; then all of them as a list. */
async function askFull(table: Table, engine: Engine, rows: number, file: string): Promise<void> {
  const ports = portsOf(engine.staff, rows)
  const windows = { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined }
  const ask = (): Promise<AffectedAnswer> => affected({ vendor: 'vendor-3', destination: undefined, windows }, ports)
  const inScope = `FROM disclosures WHERE vendor = 'vendor-3' AND kind = 'user'`
  const bare = async (): Promise<number> => {
    const [all] = await engine.staff.query<{ people: number | string }>(
      `SELECT uniqExact(subject) AS people, groupUniqArrayArray("groups") AS named ${inScope}`,
      {},
      'badday',
    )
    await engine.staff.query(
      `SELECT arrayJoin(splitByChar(',', toString(shape))) AS pair, uniqExact(subject) AS people ${inScope} GROUP BY pair`,
      {},
      'badday',
    )
    await engine.staff.query(`SELECT surface, uniqExact(subject) AS people ${inScope} GROUP BY surface`, {}, 'badday')
    return Number(all?.people)
  }
  const whole = await best(ask)
  const peer = await best(bare)
  const { subjects, jurisdictions, organisations } = whole.answer.summary
  if (peer.answer !== subjects) throw new Error(`affected found ${subjects} people, the bare count ${peer.answer}`)
  const what = `full scope of one vendor, ${rows.toLocaleString('en')} rows, ${DAYS} days`
  table.row({
    what: `${what}: people, organisations, jurisdictions, fields, surfaces`,
    figure: whole.ms,
    unit: 'ms',
    ratio: whole.ms / peer.ms,
    peer: 'hand-written SQL for people, groups, fields and surfaces',
    note: `${subjects.toLocaleString('en')} people, ${organisations.total} groups, ${jurisdictions.length} places; limit 2,000 ms at 100 M`,
  })
  const list = await best(() => writeLines(whole.answer, file), 3)
  if (list.answer !== subjects) throw new Error(`the list has ${list.answer} people, the summary ${subjects}`)
  table.row({
    what: `${what}: list, a row per person into a file`,
    figure: list.ms,
    unit: 'ms',
    ratio: list.ms / whole.ms,
    peer: 'the summary',
    note: `${(statSync(file).size / 1e6).toFixed(0)} MB; limit 5,000 ms at 100 M`,
  })
}

async function writeLines(answer: AffectedAnswer, file: string): Promise<number> {
  const stream = createWriteStream(file)
  let lines = 0
  for await (const chunk of answer.lines({ look: LOOK, identities: false })) {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
    if (!stream.write(chunk)) await once(stream, 'drain')
  }
  stream.end()
  await finished(stream)
  return lines
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

/** The fastest of some, since others work on the machine as well. */
async function best<T>(once: () => Promise<T>, turns = TURNS): Promise<Timed<T>> {
  let fastest = await timed(once)
  for (let turn = 1; turn < turns; turn++) {
    const next = await timed(once)
    if (next.ms < fastest.ms) fastest = next
  }
  return fastest
}

/**
 * Taking an erased person's events out of the warehouse. Each row stays as a count (`erased = 1`: its source, its name and its
 * day), so no total changes and an entry of the log keeps all its records. Part of the table's order, a row's person and time
 * cannot be changed in place, so an arrival day is written anew beside the table and takes the place of the former one in one
 * step of the engine. Nothing else is inserted meanwhile; a kill leaves the one or the other, and doing it again changes nothing.
 * The engine removes the former files some minutes later.
 */
import http from 'node:http'
import { assert, BulkheadError } from '#base/errors.ts'
import type { EngineConnection } from '#warehouse/engine.ts'
import type { ErasedPeople } from '#warehouse/port.ts'
import { EVENTS, keptColumns } from '#warehouse/schema.ts'

const NEXT = 'events_next'
const DAY = /^\d{4}-\d\d-\d\d$/
/** A day with many events takes a while. */
const ANSWER_MS = 3_600_000

/** What of a column is left; the others stay. */
const LEFT: Readonly<Record<string, string>> = {
  receivedAt: "toDateTime64(toStartOfDay(receivedAt, 'UTC'), 3, 'UTC')",
  waitingDay: '0',
  waitingFolder: '0',
  waitingOffset: '0',
  waitingLength: '0',
  waitingPart: '0',
  waitingRecord: '0',
  time: "toDateTime64(toStartOfDay(time, 'UTC'), 3, 'UTC')",
  op: "''",
  user: '0',
  device: '0',
  linkedRoles: '[]',
  linkedOrdinals: '[]',
  groupKeys: '[]',
  groupOrdinals: '[]',
  country: "''",
  os: "''",
  browser: "''",
  browserVersion: '0',
  referrerDomain: "''",
  referrerMedium: "''",
  path: "''",
  screenWidth: '0',
  screenHeight: '0',
  properties: "''",
  unset: '[]',
  withheld: '[]',
  waitingCount: '0',
  destroyedCount: '0',
  gpc: '-1',
  dnt: '-1',
  consent: "''",
  erased: '1',
}

/** Rows that were taken out. */
export async function eraseEvents(writer: EngineConnection, people: ErasedPeople): Promise<number> {
  const match = conditionOf(people)
  if (match === undefined) return 0
  const days = await rowsOf<{ day: string }>(
    (sql) => writer.execute(sql),
    `SELECT DISTINCT toString(arrival) AS day FROM ${EVENTS.name} WHERE erased = 0 AND (${match}) ORDER BY day`,
  )
  let erased = 0
  for (const { day } of days) erased += await writer.exclusively((execute) => eraseOfDay(execute, day, match))
  return erased
}

async function eraseOfDay(execute: Execute, day: string, match: string): Promise<number> {
  assert(DAY.test(day), 'a partition is a day')
  const ofDay = `FROM ${EVENTS.name} WHERE arrival = '${day}'`
  const [before] = await rowsOf<{ rows: number; gone: number }>(
    execute,
    `SELECT count() AS rows, countIf(erased = 0 AND (${match})) AS gone ${ofDay}`,
  )
  // One that was cut short is begun anew.
  await execute(`DROP TABLE IF EXISTS ${NEXT} SYNC`)
  await execute(`CREATE TABLE ${NEXT} AS ${EVENTS.name}`)
  const { names } = keptColumns(EVENTS)
  const values = EVENTS.columns.map(({ name, type }) => (name in LEFT ? `if(gone, CAST(${LEFT[name]}, ${literal(type)}), ${name})` : name))
  await execute(`INSERT INTO ${NEXT} (${names})
    SELECT ${values.join(', ')} FROM (SELECT *, (erased = 0 AND (${match})) AS gone ${ofDay})
    SETTINGS async_insert = 0, max_threads = 2, max_insert_threads = 1`)
  const [after] = await rowsOf<{ rows: number; gone: number }>(execute, `SELECT count() AS rows, countIf(${match}) AS gone FROM ${NEXT}`)
  assert(Number(after?.rows) === Number(before?.rows) && Number(after?.gone) === 0, 'a day keeps its rows and none of them is theirs')
  await execute(`ALTER TABLE ${EVENTS.name} REPLACE PARTITION '${day}' FROM ${NEXT}`)
  await execute(`DROP TABLE IF EXISTS ${NEXT} SYNC`)
  return Number(before?.gone ?? 0)
}

/** Of numbers alone, which are spelled out: nothing of it comes from outside. */
function conditionOf({ ordinals, shared }: ErasedPeople): string | undefined {
  for (const number of [...ordinals, ...shared.flatMap(({ device, from, to }) => [device, from, to])]) {
    assert(Number.isSafeInteger(number) && number >= 0, 'an erasure is made of numbers')
  }
  const parts = shared.map(
    ({ device, from, to }) =>
      `(user = 0 AND device = ${device} AND toUnixTimestamp64Milli(time) >= ${from} AND toUnixTimestamp64Milli(time) < ${to})`,
  )
  if (ordinals.length > 0) {
    const list = ordinals.join(', ')
    parts.push(`user IN (${list})`, `device IN (${list})`, `hasAny(linkedOrdinals, [${list}]::Array(UInt64))`)
  }
  return parts.length === 0 ? undefined : parts.join(' OR ')
}

function literal(type: string): string {
  return `'${type.replaceAll("'", "\\'")}'`
}

type Execute = (sql: string) => Promise<Uint8Array>

async function rowsOf<Row>(execute: Execute, sql: string): Promise<Row[]> {
  const text = Buffer.from(await execute(sql)).toString()
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row)
}

/** Asks the process behind the socket. `token` is that of the worker. */
export function askErase(socketPath: string, token: string, people: ErasedPeople): Promise<{ rows: number }> {
  return new Promise((resolve, reject) => {
    const failed = (): void => reject(new BulkheadError('warehouse_failed', 'the warehouse did not take the events out'))
    const headers = { 'x-clickhouse-user': 'loader', 'x-clickhouse-key': token, 'content-type': 'application/json' }
    const request = http.request({ socketPath, path: '/erase', method: 'POST', headers, agent: false, timeout: ANSWER_MS }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', failed)
      response.on('end', () => {
        if (response.statusCode !== 200) return failed()
        resolve(JSON.parse(Buffer.concat(parts).toString()) as { rows: number })
      })
    })
    request.on('timeout', () => request.destroy())
    request.on('error', failed)
    request.end(JSON.stringify(people))
  })
}

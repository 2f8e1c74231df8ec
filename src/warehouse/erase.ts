/**
 * Taking an erased person's events out of the warehouse. Each row stays as a count (`erased = 1`: its source, its name and its
 * day), so no total changes and an entry of the log keeps all its records. Part of the table's order, a row's person and time
 * cannot be changed in place, so each arrival day of theirs is written anew (`renew-day.ts`), with nobody else writing meanwhile.
 */
import http from 'node:http'
import { assert, BulkheadError } from '#base/errors.ts'
import type { EngineConnection } from '#warehouse/engine.ts'
import type { ErasedPeople } from '#warehouse/port.ts'
import { DAY, type Execute, renewDay, rowsOf } from '#warehouse/renew-day.ts'
import { EVENTS } from '#warehouse/schema.ts'

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
  region: "''",
  city: "''",
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
  const theirs = `erased = 0 AND (${match})`
  const [found] = await rowsOf<{ rows: number }>(
    execute,
    `SELECT count() AS rows FROM ${EVENTS.name} WHERE arrival = '${day}' AND ${theirs}`,
  )
  const types = new Map(EVENTS.columns.map(({ name, type }) => [name, type]))
  await renewDay(execute, day, (names) => {
    const values = names.map((name) => (name in LEFT ? `if(gone, CAST(${LEFT[name]}, ${literal(types.get(name) ?? '')}), ${name})` : name))
    return `SELECT ${values.join(', ')} FROM (SELECT *, (${theirs}) AS gone FROM ${EVENTS.name} WHERE arrival = '${day}')`
  })
  return Number(found?.rows ?? 0)
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

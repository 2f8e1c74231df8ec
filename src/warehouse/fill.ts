/**
 * Filling events with what opened after an approval: rows of one arrival day get an event's name and properties that they did not
 * have. What is to be filled in lies in the table `openings` first; then the day is written anew, once, in a copy of the table
 * whose other days are hard links, and the two tables change names in one step of the engine.
 *
 * Not by `REPLACE PARTITION`: killed in the middle of it, this engine comes back with the former rows beside the new ones (tried
 * a hundred times). With a change of names it is the one or the other, and doing it again changes nothing.
 */
import { assert, BulkheadError } from '#base/errors.ts'
import type { EngineConnection } from '#warehouse/engine.ts'
import { createTable, EVENTS, OPENINGS } from '#warehouse/schema.ts'

const NEXT = 'events_next'
const DAY = /^\d{4}-\d\d-\d\d$/

type Execute = (sql: string) => Promise<Uint8Array>

/** What a repeated fill finds done already is left as it is: keys that are there keep their value. */
const FRESH = `arrayFilter(pair -> NOT has(JSONExtractKeys(e.properties), pair.1), JSONExtractKeysAndValuesRaw(o.properties))`
const ADDED = `arrayStringConcat(arrayMap(pair -> concat(toJSONString(pair.1), ':', pair.2), ${FRESH}), ',')`
const FILLED: Readonly<Record<string, string>> = {
  event: `if(o.seq > 0 AND e.event = '' AND e.type = 'event', o.event, e.event)`,
  properties: `if(o.seq = 0 OR ${ADDED} = '', e.properties,
    if(e.properties = '', concat('{', ${ADDED}, '}'), concat(substring(e.properties, 1, length(e.properties) - 1), ',', ${ADDED}, '}')))`,
  waitingCount: `if(o.seq = 0 OR ${ADDED} = '', e.waitingCount, e.waitingCount - least(e.waitingCount, o.opened))`,
}

/** Rows that were found; nobody else writes meanwhile. `fill` names the rows of `openings` that count. */
export function fillDay(writer: EngineConnection, day: string, fill: number): Promise<number> {
  assert(DAY.test(day) && Number.isSafeInteger(fill), 'a fill has a day and a number')
  return writer.exclusively(async (execute) => {
    const [asked] = await rowsOf<{ openings: number; found: number }>(
      execute,
      `SELECT count() AS openings, countIf((seq, recordIndex) IN (SELECT seq, recordIndex FROM ${EVENTS.name} WHERE arrival = '${day}')) AS found
        FROM ${OPENINGS.name} WHERE fill = ${fill}`,
    )
    const found = Number(asked?.found ?? 0)
    if (found > 0) await renewDay(execute, day, fill)
    await execute(`TRUNCATE TABLE ${OPENINGS.name}`)
    return found
  })
}

/** For the first opening of a day: what an earlier fill left behind goes. */
export async function prepareOpenings(writer: EngineConnection): Promise<void> {
  await writer.execute(createTable(OPENINGS))
}

async function renewDay(execute: Execute, day: string, fill: number): Promise<void> {
  // A copy that was cut short is thrown away and begun anew.
  await execute(`DROP TABLE IF EXISTS ${NEXT} SYNC`)
  await execute(`CREATE TABLE ${NEXT} AS ${EVENTS.name}`)
  const others = await rowsOf<{ partition: string }>(
    execute,
    `SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() AND table = '${EVENTS.name}' AND active AND partition != '${day}'`,
  )
  for (const { partition } of others) {
    assert(DAY.test(partition), 'a partition is a day')
    await execute(`ALTER TABLE ${NEXT} ATTACH PARTITION '${partition}' FROM ${EVENTS.name}`)
  }
  const columns = await rowsOf<{ name: string }>(
    execute,
    `SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '${EVENTS.name}' AND default_kind IN ('', 'DEFAULT')`,
  )
  const names = columns.map(({ name }) => name)
  await execute(`INSERT INTO ${NEXT} (${names.join(', ')}) SELECT ${names.map((name) => FILLED[name] ?? `e.${name}`).join(', ')}
    FROM (SELECT * FROM ${EVENTS.name} WHERE arrival = '${day}') AS e
    LEFT ANY JOIN (SELECT * FROM ${OPENINGS.name} WHERE fill = ${fill}) AS o ON e.seq = o.seq AND e.recordIndex = o.recordIndex
    SETTINGS async_insert = 0, max_threads = 2, max_insert_threads = 1`)
  const sums = (table: string): string =>
    `SELECT count() AS rows, toString(sum(cityHash64(seq, recordIndex, user, device, time))) AS hash FROM ${table}`
  const [before] = await rowsOf<{ rows: number; hash: string }>(execute, sums(EVENTS.name))
  const [after] = await rowsOf<{ rows: number; hash: string }>(execute, sums(NEXT))
  if (before === undefined || before.rows !== after?.rows || before.hash !== after.hash) {
    throw new BulkheadError('warehouse_failed', 'a day that was filled is not the day that was read; nothing was changed')
  }
  await execute(`EXCHANGE TABLES ${EVENTS.name} AND ${NEXT}`)
  await execute(`DROP TABLE IF EXISTS ${NEXT} SYNC`)
}

async function rowsOf<Row>(execute: Execute, sql: string): Promise<Row[]> {
  const text = Buffer.from(await execute(sql)).toString()
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row)
}

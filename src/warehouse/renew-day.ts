/**
 * Writing one arrival day of the events anew: in a copy of the table whose other days are hard links, and then the two tables change
 * names in one step of the engine.
 *
 * Not by `REPLACE PARTITION`: killed in the middle of it, this engine comes back with the former rows beside the new ones (in
 * at least three of forty tries). With a change of names it is the one or the other, and doing it again changes nothing.
 */
import { assert, BulkheadError } from '#base/errors.ts'
import { EVENTS } from '#warehouse/schema.ts'

const NEXT = 'events_next'
export const DAY = /^\d{4}-\d\d-\d\d$/

export type Execute = (sql: string) => Promise<Uint8Array>

/** To be called with nobody else writing. `select` gives the day's rows, with the columns named; as many as there are. */
export async function renewDay(execute: Execute, day: string, select: (names: readonly string[]) => string): Promise<void> {
  assert(DAY.test(day), 'a partition is a day')
  // A copy that was cut short is thrown away and begun anew.
  await execute(`DROP TABLE IF EXISTS ${NEXT} SYNC`)
  await execute(`CREATE TABLE ${NEXT} AS ${EVENTS.name}`)
  const others = await rowsOf<{ partition: string }>(
    execute,
    `SELECT DISTINCT partition FROM system.parts
      WHERE database = currentDatabase() AND table = '${EVENTS.name}' AND active AND partition != '${day}'`,
  )
  for (const { partition } of others) {
    assert(DAY.test(partition), 'a partition is a day')
    await execute(`ALTER TABLE ${NEXT} ATTACH PARTITION '${partition}' FROM ${EVENTS.name}`)
  }
  const columns = await rowsOf<{ name: string }>(
    execute,
    `SELECT name FROM system.columns
      WHERE database = currentDatabase() AND table = '${EVENTS.name}' AND default_kind IN ('', 'DEFAULT')`,
  )
  const names = columns.map(({ name }) => name)
  await execute(`INSERT INTO ${NEXT} (${names.join(', ')}) ${select(names)}
    SETTINGS async_insert = 0, max_threads = 2, max_insert_threads = 1`)
  const sums = (table: string): string => `SELECT count() AS rows, toString(sum(cityHash64(seq, recordIndex))) AS hash FROM ${table}`
  const [before] = await rowsOf<{ rows: number; hash: string }>(execute, sums(EVENTS.name))
  const [after] = await rowsOf<{ rows: number; hash: string }>(execute, sums(NEXT))
  if (before === undefined || before.rows !== after?.rows || before.hash !== after.hash) {
    throw new BulkheadError('warehouse_failed', 'a day that was written anew is not the day that was read; nothing was changed')
  }
  await execute(`EXCHANGE TABLES ${EVENTS.name} AND ${NEXT}`)
  await execute(`DROP TABLE IF EXISTS ${NEXT} SYNC`)
}

export async function rowsOf<Row>(execute: Execute, sql: string): Promise<Row[]> {
  const text = Buffer.from(await execute(sql)).toString()
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row)
}

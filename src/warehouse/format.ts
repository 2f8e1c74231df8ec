/**
 * Which format the folder has. A folder of a newer format is refused before anything in it is touched; one of an older
 * format is brought forward; what is absent is made. A crash in between leaves no number or the older one: the next start
 * goes on from there.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { BulkheadError, assert } from '#base/errors.ts'
import { writeFileDurably } from '#base/files.ts'
import type { EngineConnection } from '#warehouse/engine.ts'
import { DISCLOSURES, EVENTS, TABLES, WAREHOUSE_FORMAT, createTable, keptColumns } from '#warehouse/schema.ts'

const FORMAT_TABLE = 'bulkhead_format'
const NEXT = 'disclosures_next'

/** The number beside the tables too: the engine, once it opens a folder, changes files of it. */
const FORMAT_FILE = 'FORMAT'

export function refuseNewerFolder(dir: string): void {
  const file = path.join(dir, FORMAT_FILE)
  const match = existsSync(file) ? /^bulkhead warehouse (\d+)\n$/.exec(readFileSync(file, 'latin1')) : null
  if (match !== null && Number(match[1]) > WAREHOUSE_FORMAT) {
    throw new BulkheadError('data_format_newer', `the warehouse has format ${match[1]}, this program knows ${WAREHOUSE_FORMAT}`)
  }
}

/** Before any table is changed, so that nobody meets a table that the file does not tell of. */
export function markFolder(dir: string): void {
  writeFileDurably(path.join(dir, FORMAT_FILE), `bulkhead warehouse ${WAREHOUSE_FORMAT}\n`)
}

export async function prepareFolder(writer: EngineConnection): Promise<void> {
  const present = await rowsOf<{ name: string }>(writer, 'SELECT name FROM system.tables WHERE database = currentDatabase()')
  if (present.some((table) => table.name === FORMAT_TABLE)) {
    const [newest] = await rowsOf<{ format: number }>(writer, `SELECT max(version) AS format FROM ${FORMAT_TABLE}`)
    if (newest !== undefined && newest.format > WAREHOUSE_FORMAT) {
      throw new BulkheadError('data_format_newer', `the warehouse has format ${newest.format}, this program knows ${WAREHOUSE_FORMAT}`)
    }
    if (newest !== undefined && newest.format === WAREHOUSE_FORMAT) return
  }
  if (present.some((table) => table.name === DISCLOSURES.name)) await reorderDisclosures(writer)
  if (present.some((table) => table.name === EVENTS.name)) await addEventColumns(writer)
  for (const table of TABLES) await writer.execute(createTable(table))
  await writer.execute(`CREATE TABLE IF NOT EXISTS ${FORMAT_TABLE} (version UInt32) ENGINE = MergeTree ORDER BY version
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`)
  await writer.execute(`INSERT INTO ${FORMAT_TABLE} SETTINGS async_insert = 0 SELECT ${WAREHOUSE_FORMAT}`)
}

/**
 * Format 2 knew two signals of consent; format 3 not where a record's waiting text stands in its blob, nor whose person was erased;
 * format 4 no region and city.
 */
async function addEventColumns(writer: EngineConnection): Promise<void> {
  const consent = 'consent LowCardinality(String)'
  const added = [consent, 'waitingPart UInt32 AFTER waitingLength', 'waitingRecord UInt32 AFTER recordIndex', 'erased Int8']
  added.push('region LowCardinality(String) AFTER country', 'city LowCardinality(String) AFTER region')
  for (const column of added) await writer.execute(`ALTER TABLE ${EVENTS.name} ADD COLUMN IF NOT EXISTS ${column}`)
}

/**
 * Format 1 kept disclosures by sending day. The rows are copied beside it, counted, and the tables change names in one
 * step of the engine, so a kill leaves the one or the other. A copy that was cut short is thrown away and begun anew.
 */
async function reorderDisclosures(writer: EngineConnection): Promise<void> {
  const isDone = async (): Promise<boolean> =>
    (
      await rowsOf(
        writer,
        `SELECT 1 FROM system.columns WHERE database = currentDatabase() AND table = '${DISCLOSURES.name}' AND name = 'eventDay'`,
      )
    ).length > 0
  if (!(await isDone())) {
    await writer.execute(`DROP TABLE IF EXISTS ${NEXT} SYNC`)
    await writer.execute(createTable(DISCLOSURES, NEXT))
    const { names, values } = keptColumns(DISCLOSURES)
    await writer.execute(`INSERT INTO ${NEXT} (${names}) SELECT ${values} FROM ${DISCLOSURES.name}
      SETTINGS async_insert = 0, max_partitions_per_insert_block = 0, max_threads = 2`)
    const sum = (table: string): string =>
      `SELECT count() AS n, toString(sum(cityHash64(entry, subject, shape, surface, "first", "last", events))) AS hash FROM ${table}`
    const [before] = await rowsOf<{ n: number; hash: string }>(writer, sum(DISCLOSURES.name))
    const [after] = await rowsOf<{ n: number; hash: string }>(writer, sum(NEXT))
    assert(before?.n === after?.n && before?.hash === after?.hash, 'every disclosure row was copied')
    await writer.execute(`EXCHANGE TABLES ${DISCLOSURES.name} AND ${NEXT}`)
  }
  await writer.execute(`DROP TABLE IF EXISTS ${NEXT} SYNC`)
}

async function rowsOf<Row>(writer: EngineConnection, sql: string): Promise<Row[]> {
  const text = Buffer.from(await writer.execute(sql)).toString()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
}

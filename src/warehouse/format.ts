/**
 * Which format the folder has. A folder of a newer format is refused before anything in it is touched; what is absent is
 * made. A crash in between leaves empty tables without a number: the next start goes on from there.
 */
import { BulkheadError } from '#base/errors.ts'
import type { EngineConnection } from '#warehouse/engine.ts'
import { TABLES, WAREHOUSE_FORMAT, createTable } from '#warehouse/schema.ts'

const FORMAT_TABLE = 'bulkhead_format'

export async function prepareFolder(writer: EngineConnection): Promise<void> {
  const present = await rowsOf<{ name: string }>(writer, 'SELECT name FROM system.tables WHERE database = currentDatabase()')
  if (present.some((table) => table.name === FORMAT_TABLE)) {
    const [newest] = await rowsOf<{ format: number }>(writer, `SELECT max(version) AS format FROM ${FORMAT_TABLE}`)
    if (newest !== undefined && newest.format > WAREHOUSE_FORMAT) {
      throw new BulkheadError('data_format_newer', `the warehouse has format ${newest.format}, this program knows ${WAREHOUSE_FORMAT}`)
    }
    if (newest !== undefined && newest.format === WAREHOUSE_FORMAT) return
  }
  for (const table of TABLES) await writer.execute(createTable(table))
  await writer.execute(`CREATE TABLE IF NOT EXISTS ${FORMAT_TABLE} (version UInt32) ENGINE = MergeTree ORDER BY version
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`)
  await writer.execute(`INSERT INTO ${FORMAT_TABLE} SETTINGS async_insert = 0 SELECT ${WAREHOUSE_FORMAT}`)
}

async function rowsOf<Row>(writer: EngineConnection, sql: string): Promise<Row[]> {
  const text = Buffer.from(await writer.execute(sql)).toString()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
}

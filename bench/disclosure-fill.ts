/**
 * Disclosure rows for measurements, made inside the engine: ten vendors over ninety days, each person about forty times,
 * five hundred people a request, nobody in order, one row in a hundred about events of days ago (a phone that comes back
 * online), which is what a company's ledger looks like to the warehouse.
 *
 * `node disclosure-fill.ts FOLDER ROWS LASTDAY`: writes into FOLDER/warehouse in a process of its own, since the engine is
 * the only one on its folder and is never torn down; `LASTDAY` is the number of the last day.
 */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { DAY_MS } from '#base/clock.ts'
import { openConnection } from '#warehouse/engine.ts'
import { prepareFolder } from '#warehouse/format.ts'
import { DISCLOSURES, keptColumns } from '#warehouse/schema.ts'

export const VENDORS = 10
export const DAYS = 90
const ROWS_A_PERSON = 40
const ROWS_A_REQUEST = 500
const GROUPS = 500
/** Rows made and sorted at once: bounds the memory, and makes parts of the size that merges would. */
const ROWS_A_BLOCK = 5_000_000
const MERGE_MS = 120_000

export function peopleOf(rows: number): number {
  return Math.floor(rows / ROWS_A_PERSON)
}

export async function fillDisclosures(folder: string, rows: number, lastDay: number): Promise<void> {
  const script = fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, folder, String(rows), String(lastDay)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await new Promise<void>((resolve) => child.once('exit', () => resolve()))
  if (!said.includes('filled')) throw new Error('the rows were not made')
}

/** Rows `from` to `to` of `total`, in the words of an insert. All is a function of the row's number. */
function rowsQuestion(from: number, to: number, total: number, lastDay: number): string {
  const start = (lastDay - DAYS + 1) * DAY_MS
  const people = peopleOf(total)
  const instant = (ms: string): string => `fromUnixTimestamp64Milli(toInt64(${ms}), 'UTC')`
  const request = `intDiv(n, ${ROWS_A_REQUEST})`
  return `SELECT toDate(${instant('sent')}) AS day, ${instant('sent')} AS sentAt, request + 1 AS entry,
      concat('vendor-', toString(request % ${VENDORS})) AS vendor, vendor AS destination, 1 AS epoch, '/import' AS route,
      ['analytics', 'marketing'][chance % 2 + 1] AS purpose, 1 AS policy, if(chance % 3 = 0, 'api', 'site') AS surface,
      ['country:coarse,user_id:pseudonym', 'country:coarse,property.plan:clear,user_id:pseudonym',
        'os:coarse,user_id:pseudonym'][chance % 3 + 1] AS shape,
      1 + chance % ${people} AS subject, 'user' AS kind, [toUInt64(${people} + 1 + subject % ${GROUPS})] AS "groups",
      1 + chance % 5 AS events, ${instant('at')} AS "first", ${instant('at + chance % 700')} AS "last",
      if(request % 997 = 0, 'possible', 'delivered') AS state
    FROM (SELECT number AS n, ${request} AS request, intHash64(n) AS chance,
      ${start} + intDiv(request * ${ROWS_A_REQUEST} * ${DAYS * 86_400}, ${total + ROWS_A_REQUEST}) * 1000
        + intHash32(request) % 1000 AS sent,
      sent - 1000 - chance % 900 - if(chance % 100 = 7, ${DAY_MS} * (1 + intDiv(chance, 100) % 5), 0) AS at
      FROM numbers(${from}, ${to - from}))`
}

async function fill(folder: string, rows: number, lastDay: number): Promise<void> {
  const writer = openConnection(path.join(folder, 'warehouse'), 'writer', { readOnly: false, queueMax: 4 })
  await prepareFolder(writer)
  const { names, values } = keptColumns(DISCLOSURES)
  for (let from = 0; from < rows; from += ROWS_A_BLOCK) {
    await writer.execute(`INSERT INTO disclosures (${names})
      SELECT ${values} FROM (${rowsQuestion(from, Math.min(rows, from + ROWS_A_BLOCK), rows, lastDay)})
      SETTINGS async_insert = 0, max_insert_block_size = ${ROWS_A_BLOCK}, min_insert_block_size_rows = ${ROWS_A_BLOCK},
        min_insert_block_size_bytes = 4000000000, max_partitions_per_insert_block = 0, max_insert_threads = 1`)
  }
  // Between an hour's load and a bad day there is time to merge.
  const deadline = performance.now() + MERGE_MS
  const merges = async (): Promise<string> => Buffer.from(await writer.execute('SELECT count() AS n FROM system.merges')).toString()
  while (performance.now() < deadline && !(await merges()).includes('"n":0')) await new Promise((resolve) => setTimeout(resolve, 500))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder = '', rows, lastDay] = process.argv
  await fill(folder, Number(rows), Number(lastDay))
  process.stdout.write('filled\n', () => process.kill(process.pid, 'SIGKILL'))
}

/** A folder as the program of format 1 left it opens, with every disclosure in it, whenever the change is cut short. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { openWarehouse } from '#warehouse/client.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'

const ROWS = 30_000
/** Instants are summed as distances from here, so that the sums stay exact. */
const SINCE = Date.UTC(2026, 0, 1)
const FORMAT_1 = `CREATE TABLE disclosures (day Date, sentAt DateTime64(3, 'UTC'), entry UInt64, vendor LowCardinality(String),
  destination LowCardinality(String), epoch UInt32, route LowCardinality(String), purpose LowCardinality(String), policy UInt32,
  surface LowCardinality(String), shape LowCardinality(String), subject UInt64, kind LowCardinality(String), groups Array(UInt64),
  events UInt32, first DateTime64(3, 'UTC'), last DateTime64(3, 'UTC'), state LowCardinality(String),
  PROJECTION by_subject (SELECT * ORDER BY subject, sentAt)) ENGINE = MergeTree PARTITION BY day
  ORDER BY (vendor, subject, kind, destination, sentAt, entry) SETTINGS non_replicated_deduplication_window = 10000`
const FILL = `INSERT INTO disclosures SELECT toDate('2026-01-20') + number % 40 AS day,
  toDateTime64(toString(day) || ' 23:59:58.123', 3, 'UTC') AS sentAt,
  1 + intDiv(number, 10), 'acme', 'main', 1, '/import', 'analytics', 3, 'site', 'user_id:pseudonym', 1 + number % 700,
  ['user', 'device', 'group'][1 + number % 3], [number % 5], 1 + number % 9, sentAt - toIntervalHour(number % 60),
  sentAt - toIntervalMinute(number % 50), if(number % 4 = 0, 'possible', 'delivered') FROM numbers(${ROWS})
  SETTINGS async_insert = 0, max_partitions_per_insert_block = 0`

/** Runs statements on the folder in a process of its own, which then dies as a killed one does. */
function execute(folder: string, statements: readonly string[]): void {
  const script = `
    const { openConnection } = await import(${JSON.stringify(new URL('./engine.ts', import.meta.url).href)})
    const writer = openConnection(${JSON.stringify(path.join(folder, 'warehouse'))}, 'writer', { readOnly: false, queueMax: 4 })
    for (const statement of ${JSON.stringify(statements)}) await writer.execute(statement)
    console.log('executed')
    process.kill(process.pid, 'SIGKILL')`
  const result = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script])
  assert.match(String(result.stdout), /executed/, String(result.stderr))
}

const CONTENT = `SELECT count() AS n, sum(entry) AS entries, sum(subject) AS subjects, sum(events) AS events,
  countIf(state = 'possible') AS possible, countIf(kind = 'device') AS devices,
  sum(toUnixTimestamp64Milli("first") - ${SINCE}) AS firsts, sum(toUnixTimestamp64Milli("last") - ${SINCE}) AS lasts,
  sum(toUnixTimestamp64Milli(sentAt) - ${SINCE}) AS sents, uniqExact(day) AS days, sum(arraySum("groups")) AS groupSum FROM disclosures`

async function contentOf(folder: string): Promise<unknown> {
  const running = await startWarehouse(folder)
  const staff = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
  try {
    await staff.migrate()
    const names = await staff.query<{ name: string }>(
      'SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name',
      {},
      'badday',
    )
    assert.deepEqual(names, [{ name: 'bulkhead_format' }, { name: 'disclosures' }, { name: 'events' }])
    assert.equal(
      (await staff.query(`SELECT 1 FROM system.columns WHERE table = 'disclosures' AND name = 'eventDay'`, {}, 'badday')).length,
      1,
    )
    return (await staff.query(CONTENT, {}, 'badday'))[0]
  } finally {
    await staff.close()
    await running.kill()
  }
}

const EXPECTED = {
  n: ROWS,
  entries: Array.from({ length: ROWS }, (_, n) => 1 + Math.floor(n / 10)).reduce((a, b) => a + b),
  subjects: Array.from({ length: ROWS }, (_, n) => 1 + (n % 700)).reduce((a, b) => a + b),
  events: Array.from({ length: ROWS }, (_, n) => 1 + (n % 9)).reduce((a, b) => a + b),
  possible: ROWS / 4,
  devices: ROWS / 3,
  ...timesOf(),
  days: 40,
  groupSum: ROWS * 2,
}

function timesOf(): { firsts: number; lasts: number; sents: number } {
  const sums = { firsts: 0, lasts: 0, sents: 0 }
  for (let n = 0; n < ROWS; n++) {
    const sent = Date.UTC(2026, 0, 20 + (n % 40), 23, 59, 58, 123) - SINCE
    sums.sents += sent
    sums.firsts += sent - (n % 60) * 3_600_000
    sums.lasts += sent - (n % 50) * 60_000
  }
  return sums
}

/** What each kill leaves behind, beside the folder of format 1. */
const CUT_SHORT: Record<string, readonly string[]> = {
  'before it began': [],
  'while the rows were copied': ['CREATE TABLE disclosures_next (half UInt8) ENGINE = MergeTree ORDER BY half'],
}

for (const [when, statements] of Object.entries(CUT_SHORT)) {
  test(`rows of format 1 are all there in the order of today, killed ${when}, and again at the next start`, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'bh-'))
    try {
      const number = [
        'CREATE TABLE bulkhead_format (version UInt32) ENGINE = MergeTree ORDER BY version',
        'INSERT INTO bulkhead_format SELECT 1',
      ]
      execute(folder, [FORMAT_1, ...number, FILL, ...statements])
      assert.deepEqual(await contentOf(folder), EXPECTED)
      if (statements.length > 0) {
        // Killed between the change of names and the new number: the old rows still lie beside.
        execute(folder, [
          'TRUNCATE TABLE bulkhead_format',
          'INSERT INTO bulkhead_format SELECT 1',
          FORMAT_1.replace('TABLE disclosures', 'TABLE disclosures_next'),
        ])
      }
      assert.deepEqual(await contentOf(folder), EXPECTED)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

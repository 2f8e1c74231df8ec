import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { openWarehouse } from '#warehouse/client.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { entryOf, eventOf, HOSTILE } from '#warehouse/test-rows.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'
import type { WarehouseProcess } from '#warehouse/warehouse-process.ts'

const anyText = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ maxLength: 400 }),
  fc.constant('\ud800x'),
)
const anyOrdinal = fc.oneof(
  fc.integer({ min: 1, max: 2_570 }),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.constant(0x0a0a0a0a0a0a),
)

let folder: string
let running: WarehouseProcess
let worker: Warehouse
let staff: Warehouse

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'bh-'))
  running = await startWarehouse(folder)
  worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
  staff = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
})

after(async () => {
  await worker?.close()
  await staff?.close()
  await running?.kill()
  rmSync(folder, { recursive: true, force: true })
})

test('parameters are values and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(anyText, fc.array(anyText, { maxLength: 6 }), fc.array(anyOrdinal, { maxLength: 6 }), async (one, many, numbers) => {
      const stored = (value: string): string => Buffer.from(value).toString()
      const rows = await staff.query(
        'SELECT {one:String} AS one, {many:Array(String)} AS many, {numbers:Array(UInt64)} AS numbers',
        { one, many, numbers },
        'analytics',
      )
      assert.deepEqual(rows, [{ one: stored(one), many: many.map(stored), numbers }])
    }),
    { numRuns: 60 },
  )
  const list = Array.from({ length: 50_000 }, (_, index) => index * 3)
  assert.deepEqual(await staff.query('SELECT length({list:Array(UInt64)}) AS n', { list }, 'badday'), [{ n: 50_000 }])
  await assert.rejects(staff.query('SELECT {n:UInt64} AS n', { n: '1 OR 1' }, 'badday'), { code: 'warehouse_failed', message: /457/ })
  // A parameter that was given to an earlier question is not there for the next.
  await staff.query('SELECT {left:String} AS v', { left: 'x' }, 'badday')
  await assert.rejects(staff.query('SELECT {left:String} AS v', {}, 'badday'), /456/)
})

test('a question reads tables and nothing else, and a refusal repeats no text', async () => {
  const secret = 'margarete@example.org'
  const out = path.join(folder, 'out.txt')
  const refused = [
    'DROP TABLE events',
    'TRUNCATE TABLE events',
    'INSERT INTO events SELECT * FROM events',
    'SET readonly = 0',
    'SELECT 1; DROP TABLE events',
    'SYSTEM SHUTDOWN',
    `SELECT 1 INTO OUTFILE '${out}'`,
    "SELECT file('/etc/hostname')",
    'SELECT "fi\\x6ce"(\'/etc/hostname\')',
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1:9', default.events)",
    'SELECT 1 SETTINGS readonly = 0',
    'SELECT 1 SETTINGS max_memory_usage = 77777777777',
    'KILL QUERY WHERE 1',
    `SELECT toUInt8('${secret}')`,
    `SELECT throwIf(1, '${secret}')`,
    'SELECT nothing',
    'WITH x AS (SELECT 1) INSERT INTO events SELECT * FROM x',
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    'EXPLAIN SELECT 1',
  ]
  for (const session of ['badday', 'analytics'] as const) {
    for (const sql of refused) {
      await assert.rejects(staff.query(sql, {}, session), (error: Error) => {
        assert.match(error.message, /^the warehouse refused \(code \d+ [A-Z_0-9]+\)$/, sql)
        return true
      })
    }
  }
  assert.throws(() => statSync(out))
  assert.ok((await staff.query('SELECT 1 FROM events LIMIT 1', {}, 'badday')).length <= 1)
})

test('each role has its own sessions, and only the loader inserts, into known tables', async () => {
  await assert.rejects(staff.insertEvents([entryOf(1, [eventOf()])], 't'), /no session loader/)
  await assert.rejects(worker.query('SELECT 1', {}, 'badday'), /no session badday/)
  const { worker: workerToken, staff: staffToken } = running.tokens
  const post = (user: string, key: string, query: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': key }
      const request = http.request(
        { socketPath: running.path, method: 'POST', path: `/?query=${encodeURIComponent(query)}`, headers },
        (reply) => {
          reply.resume()
          resolve(reply.statusCode ?? 0)
        },
      )
      request.on('error', reject)
      request.end()
    })
  assert.equal(await post('badday', staffToken, 'SELECT 1'), 200)
  assert.equal(await post('badday', workerToken, 'SELECT 1'), 403)
  assert.equal(await post('loader', staffToken, 'SELECT 1'), 403)
  assert.equal(await post('loader', '', 'SELECT 1'), 403)
  assert.equal(await post('__proto__', workerToken, 'SELECT 1'), 403)
  assert.equal(await post('analytics', staffToken, 'INSERT INTO events FORMAT RowBinary'), 500)
  assert.equal(await post('loader', workerToken, 'INSERT INTO bulkhead_format FORMAT RowBinary'), 500)
  assert.equal(await post('loader', workerToken, 'INSERT INTO events FORMAT JSONEachRow'), 500)
  assert.equal(statSync(running.path).mode & 0o777, 0o600)
})

test('a body that breaks off inserts nothing and leaves no file', async () => {
  await new Promise<void>((resolve) => {
    const query = `query=${encodeURIComponent('INSERT INTO events FORMAT RowBinary')}&insert_deduplication_token=cut-short`
    const headers = { 'X-ClickHouse-User': 'loader', 'X-ClickHouse-Key': running.tokens.worker }
    const request = http.request({ socketPath: running.path, method: 'POST', path: `/?${query}`, headers })
    request.on('error', () => resolve())
    request.write(Buffer.alloc(200_000, 0x0a))
    setTimeout(() => request.destroy(new Error('gone')), 50)
  })
  await worker.insertEvents([entryOf(820_000, [eventOf()])], 'cut-short')
  assert.deepEqual(await staff.query('SELECT seq FROM events WHERE seq = 820000', {}, 'badday'), [{ seq: 820_000 }])
  // It goes when the engine's process has seen that nobody is there any more.
  while (readdirSync(path.join(folder, 'spool')).length > 0) await new Promise((resolve) => setTimeout(resolve, 5))
})

test('an analyst keeps nobody waiting, and is ended when nobody waits for the answer', async () => {
  const order: string[] = []
  const forever = 'SELECT count() FROM numbers(1000000000000000) WHERE cityHash64(number) = 1'
  const gone = new AbortController()
  const long = new Promise<void>((resolve) => {
    const headers = { 'X-ClickHouse-User': 'analytics', 'X-ClickHouse-Key': running.tokens.staff }
    const request = http.request({ socketPath: running.path, method: 'POST', path: '/', headers, signal: gone.signal }, () => resolve())
    request.on('error', () => resolve())
    request.end(forever)
  }).then(() => order.push('analyst'))
  for (;;) {
    const running = await staff.query<{ n: number }>(
      "SELECT count() AS n FROM system.processes WHERE query LIKE '%cityHash64%' AND query NOT LIKE '%processes%'",
      {},
      'badday',
    )
    if (running[0]?.n === 1) break
  }
  await staff.query('SELECT 1', {}, 'badday')
  await worker.insertEvents([entryOf(830_000, [eventOf()])], 'beside')
  order.push('bad day and loader')
  gone.abort()
  await long
  // The same session answers again: the abandoned query, which would run for a minute, is no longer in its way.
  assert.deepEqual(await staff.query('SELECT 2 AS two', {}, 'analytics'), [{ two: 2 }])
  assert.deepEqual(order, ['bad day and loader', 'analyst'])
})

test('long lists are streamed row by row', async () => {
  let sum = 0
  for await (const row of staff.stream<{ n: number }>('SELECT number AS n FROM numbers({rows:UInt64})', { rows: 300_000 }, 'badday'))
    sum += row.n
  assert.equal(sum, (300_000 * 299_999) / 2)
})

test('nothing of questions or events is written beside the tables', async () => {
  const marker = 'zz-marker-7f3a'
  await staff.query('SELECT {marker:String} AS m, count() FROM events GROUP BY m', { marker }, 'badday')
  await assert.rejects(staff.query(`SELECT toUInt8('${marker}')`, {}, 'analytics'))
  const names = readdirSync(path.join(folder, 'warehouse'), { recursive: true, withFileTypes: true })
  for (const name of names) {
    if (name.isFile()) assert.ok(!contentOf(path.join(name.parentPath, name.name)).includes(marker), name.name)
  }
  assert.deepEqual(readdirSync(path.join(folder, 'warehouse', 'tmp')), [])
  assert.deepEqual(readdirSync(path.join(folder, 'spool')), [])
  const tables = await staff.query<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = 'system' AND name LIKE '%_log'",
    {},
    'badday',
  )
  assert.deepEqual(tables, [])
})

/** Empty for what the engine has put away since it was listed. */
function contentOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (thrown) {
    assert.equal((thrown as NodeJS.ErrnoException).code, 'ENOENT')
    return Buffer.alloc(0)
  }
}

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { DAY_MS, dayOf, formatDay } from '#base/clock.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow, Warehouse } from '#warehouse/port.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'
import type { WarehouseProcess } from '#warehouse/warehouse-process.ts'

const AT = Date.UTC(2026, 2, 14, 9, 26, 53, 589)
const HOSTILE = [
  "'; DROP TABLE events; --", "\n\nDROP TABLE events\n", "\r\n\r\n", 'a\0b', '\\', "\\'", '"', '`', '\u001a', '{x:String}', '$$', '/*', "') FORMAT Null",
  '\n\n\n', '\t\\N', 'NULL', '\u2028', '\u{1f469}\u200d\u{1f680}', 'é'.repeat(300), '../../etc/passwd', '%00', '\u0001\u0002\u007f',
]

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

function entryOf(seq: number, records: LogRecord[], at = AT): LogEntry {
  return { seq, at, source: 'web', protocol: 'mixpanel', surface: 'app', trust: 'browser', policy: 1, records }
}

function eventOf(change: Partial<LogRecord> = {}): LogRecord {
  return { type: 'event', name: 'Opened', time: AT - 1000, user: 7, ...change }
}

/** The row that the engine must give back for a record, in the words of the schema. */
function expectedRow(entry: LogEntry, record: LogRecord, recordIndex: number): Record<string, unknown> {
  const stored = (text: string): string => Buffer.from(text).toString()
  const flag = (value: boolean | undefined): number => (value === undefined ? -1 : Number(value))
  const time = (instant: number): string => new Date(instant).toISOString().replace('T', ' ').replace('Z', '')
  return {
    arrival: formatDay(dayOf(entry.at)), receivedAt: time(entry.at), seq: entry.seq,
    source: stored(entry.source), protocol: entry.protocol, surface: stored(entry.surface), trust: entry.trust, policy: entry.policy,
    waitingDay: entry.waiting?.day ?? 0, waitingFolder: entry.waiting?.folder ?? 0,
    waitingOffset: entry.waiting?.offset ?? 0, waitingLength: entry.waiting?.length ?? 0,
    recordIndex, time: time(record.time), event: stored(record.name ?? ''), type: record.type, op: record.op ?? '',
    user: record.user ?? 0, device: record.device ?? 0,
    linkedRoles: (record.linked ?? []).map((one) => one.role), linkedOrdinals: (record.linked ?? []).map((one) => one.ordinal),
    groupKeys: (record.groups ?? []).map((one) => stored(one.key)), groupOrdinals: (record.groups ?? []).map((one) => one.ordinal),
    country: record.context?.country ?? '', os: record.context?.os ?? '', browser: record.context?.browser ?? '',
    browserVersion: record.context?.browserVersion ?? 0, referrerDomain: record.context?.referrerDomain ?? '',
    referrerMedium: record.context?.referrerMedium ?? '', path: stored(record.context?.path ?? ''),
    screenWidth: record.context?.screenWidth ?? 0, screenHeight: record.context?.screenHeight ?? 0,
    properties: record.properties === undefined ? '' : JSON.stringify(record.properties),
    unset: (record.unset ?? []).map(stored), withheld: record.withheld ?? [],
    waitingCount: record.waitingCount ?? 0, destroyedCount: record.destroyedCount ?? 0,
    gpc: flag(record.consent?.gpc), dnt: flag(record.consent?.dnt),
  }
}

const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 400 }), fc.constant('\ud800x'))
const ordinal = fc.oneof(fc.integer({ min: 1, max: 2_570 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), fc.constant(0x0a0a0a0a0a0a))
const uint32 = fc.oneof(fc.constant(0x0a0a0a0a), fc.integer({ min: 0, max: 0xffff_ffff }))
const instant = fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2299, 11, 31) })
const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined })
const record = fc.record({
  type: fc.constantFrom('event', 'identify', 'merge', 'profile', 'group'),
  name: fc.oneof(text, fc.constant(null), fc.constant(undefined)),
  time: instant,
  user: optional(ordinal),
  device: optional(ordinal),
  linked: optional(fc.array(fc.record({ role: fc.constantFrom('user', 'device'), ordinal }), { maxLength: 3 })),
  groups: optional(fc.array(fc.record({ key: text, ordinal }), { maxLength: 200 })),
  op: optional(fc.constantFrom('set', 'add', 'unset')),
  context: optional(fc.record({
    country: fc.constantFrom('IN', 'US'), os: fc.constant('Linux'), browserVersion: uint32, path: text,
    referrerMedium: fc.constantFrom('search', 'direct'), screenWidth: uint32, screenHeight: fc.constant(0x0a0a),
  })),
  properties: optional(fc.dictionary(text, fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.array(text, { maxLength: 3 })))),
  unset: optional(fc.array(text, { maxLength: 3 })),
  withheld: optional(fc.array(fc.constantFrom('email', 'ip'), { maxLength: 2 })),
  waitingCount: optional(uint32),
  destroyedCount: optional(uint32),
  consent: optional(fc.record({ gpc: optional(fc.boolean()), dnt: optional(fc.boolean()) })),
}) as fc.Arbitrary<LogRecord>
const entryShape = fc.record({
  at: fc.integer({ min: AT, max: AT + 3_600_000 }),
  source: text,
  surface: text,
  policy: uint32,
  waiting: optional(fc.record({ day: uint32, folder: uint32, offset: ordinal, length: uint32 })),
  records: fc.array(record, { minLength: 1, maxLength: 5 }),
})

test('every event comes back as it was, whatever stands in it', async () => {
  let seq = 1_000
  let round = 0
  await fc.assert(
    fc.asyncProperty(fc.array(entryShape, { minLength: 1, maxLength: 8 }), async (drafts) => {
      const from = seq
      const entries = drafts.map((draft) => ({ ...entryOf(seq++, draft.records), ...draft }) as LogEntry)
      const { rows } = await worker.insertEvents(entries, `round-trip:${round++}`)
      const back = await staff.query(`SELECT * FROM events WHERE seq >= {from:UInt64} AND seq < {to:UInt64} ORDER BY seq, recordIndex`, { from, to: seq }, 'badday')
      const expected = entries.flatMap((entry) => entry.records.map((one, index) => expectedRow(entry, one, index)))
      assert.equal(rows, expected.length)
      assert.deepEqual(back, expected)
    }),
    { numRuns: 40 },
  )
})

test('a broken clock is stored as the nearest instant that the engine can hold', async () => {
  const times = [-9e15, 9e15, Number.NaN, Number.NEGATIVE_INFINITY, 0, -1]
  await worker.insertEvents([entryOf(900_000, times.map((time) => eventOf({ time })))], 'clock')
  const rows = await staff.query<{ t: number }>(
    'SELECT toUnixTimestamp64Milli(time) AS t FROM events WHERE seq = 900000 ORDER BY recordIndex', {}, 'badday',
  )
  const [low, high] = [Date.UTC(1900, 0, 1), Date.UTC(2300, 0, 1) - 1]
  assert.deepEqual(rows.map((row) => row.t), [low, high, low, low, 0, -1])
})

test('disclosures come back as they were, also by the projection for one subject', async () => {
  const rows: DisclosureRow[] = Array.from({ length: 500 }, (_, index) => ({
    entry: 10 + (index % 50), vendor: HOSTILE[index % HOSTILE.length] as string, destination: 'd', epoch: 2, route: '/import', purpose: 'analytics', policy: 4,
    surface: HOSTILE[(index * 7) % HOSTILE.length] as string, shape: 'country:coarse,user_id:pseudonym', subject: 1 + (index % 20), kind: 'user',
    groups: [index, 0x0a0a], events: index, first: AT - 5, last: AT, sentAt: AT + index, state: index % 3 === 0 ? 'possible' : 'delivered',
  }))
  await worker.insertDisclosures(rows, 'disclosures-round-trip')
  const sql = `SELECT entry, vendor, destination, epoch, route, purpose, policy, surface, shape, subject, kind, groups, events,
    toUnixTimestamp64Milli(first) AS first, toUnixTimestamp64Milli(last) AS last, toUnixTimestamp64Milli(sentAt) AS sentAt, state FROM disclosures`
  assert.deepEqual(await staff.query(`${sql} ORDER BY disclosures.sentAt`, {}, 'badday'), rows)
  assert.deepEqual(
    await staff.query(`${sql} WHERE subject = {subject:UInt64} ORDER BY disclosures.sentAt`, { subject: 7 }, 'badday'),
    rows.filter((row) => row.subject === 7),
  )
})

test('an equal token inserts once, another one again; a second partition is refused whole', async () => {
  const entries = [entryOf(800_000, [eventOf(), eventOf()])]
  const count = async (): Promise<number> => (await staff.query<{ c: number }>('SELECT count() AS c FROM events WHERE seq = 800000', {}, 'badday'))[0]?.c ?? 0
  for (let round = 0; round < 3; round++) await worker.insertEvents(entries, 'token-a')
  assert.equal(await count(), 2)
  await worker.insertEvents(entries, 'token-b')
  assert.equal(await count(), 4)
  await assert.rejects(worker.insertEvents([entryOf(810_000, [eventOf()]), entryOf(810_001, [eventOf()], AT + DAY_MS)], 'days'), /one partition/)
  assert.deepEqual(await staff.query('SELECT seq FROM events WHERE seq IN (810000, 810001)', {}, 'badday'), [])
})

test('parameters are values and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(text, fc.array(text, { maxLength: 6 }), fc.array(ordinal, { maxLength: 6 }), async (one, many, numbers) => {
      const stored = (value: string): string => Buffer.from(value).toString()
      const rows = await staff.query('SELECT {one:String} AS one, {many:Array(String)} AS many, {numbers:Array(UInt64)} AS numbers', { one, many, numbers }, 'analytics')
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
    'DROP TABLE events', 'TRUNCATE TABLE events', 'INSERT INTO events SELECT * FROM events', 'SET readonly = 0', 'SELECT 1; DROP TABLE events', 'SYSTEM SHUTDOWN',
    `SELECT 1 INTO OUTFILE '${out}'`, "SELECT file('/etc/hostname')", 'SELECT "fi\\x6ce"(\'/etc/hostname\')', "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')", "SELECT * FROM remote('127.0.0.1:9', default.events)", 'SELECT 1 SETTINGS readonly = 0',
    'SELECT 1 SETTINGS max_memory_usage = 77777777777', 'KILL QUERY WHERE 1', `SELECT toUInt8('${secret}')`, `SELECT throwIf(1, '${secret}')`, 'SELECT nothing',
    'WITH x AS (SELECT 1) INSERT INTO events SELECT * FROM x', "SELECT * FROM executable('id', 'TSV', 'a String')", 'EXPLAIN SELECT 1',
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
      const request = http.request({ socketPath: running.path, method: 'POST', path: `/?query=${encodeURIComponent(query)}`, headers }, (reply) => {
        reply.resume()
        resolve(reply.statusCode ?? 0)
      })
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
  assert.deepEqual(readdirSync(path.join(folder, 'spool')), [])
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
    const running = await staff.query<{ n: number }>("SELECT count() AS n FROM system.processes WHERE query LIKE '%cityHash64%' AND query NOT LIKE '%processes%'", {}, 'badday')
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
  for await (const row of staff.stream<{ n: number }>('SELECT number AS n FROM numbers({rows:UInt64})', { rows: 300_000 }, 'badday')) sum += row.n
  assert.equal(sum, (300_000 * 299_999) / 2)
})

test('nothing of questions or events is written beside the tables', async () => {
  const marker = 'zz-marker-7f3a'
  await staff.query('SELECT {marker:String} AS m, count() FROM events GROUP BY m', { marker }, 'badday')
  await assert.rejects(staff.query(`SELECT toUInt8('${marker}')`, {}, 'analytics'))
  const names = readdirSync(path.join(folder, 'warehouse'), { recursive: true, withFileTypes: true })
  for (const name of names) {
    if (name.isFile()) assert.ok(!readFileSync(path.join(name.parentPath, name.name)).includes(marker), name.name)
  }
  assert.deepEqual(readdirSync(path.join(folder, 'warehouse', 'tmp')), [])
  assert.deepEqual(readdirSync(path.join(folder, 'spool')), [])
  const tables = await staff.query<{ name: string }>("SELECT name FROM system.tables WHERE database = 'system' AND name LIKE '%_log'", {}, 'badday')
  assert.deepEqual(tables, [])
})

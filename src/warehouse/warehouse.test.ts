import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { DAY_MS, dayOf, formatDay } from '#base/clock.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow, Warehouse } from '#warehouse/port.ts'
import { AT, entryOf, eventOf, HOSTILE } from '#warehouse/test-rows.ts'
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

/** The row that the engine must give back for a record, in the words of the schema. */
function expectedRow(entry: LogEntry, record: LogRecord, recordIndex: number): Record<string, unknown> {
  const stored = (text: string): string => Buffer.from(text).toString()
  const flag = (value: boolean | undefined): number => (value === undefined ? -1 : Number(value))
  const time = (instant: number): string => new Date(instant).toISOString().replace('T', ' ').replace('Z', '')
  return {
    arrival: formatDay(dayOf(entry.at)),
    receivedAt: time(entry.at),
    seq: entry.seq,
    source: stored(entry.source),
    protocol: entry.protocol,
    surface: stored(entry.surface),
    trust: entry.trust,
    policy: entry.policy,
    waitingDay: entry.waiting?.day ?? 0,
    waitingFolder: entry.waiting?.folder ?? 0,
    waitingOffset: entry.waiting?.offset ?? 0,
    waitingLength: entry.waiting?.length ?? 0,
    waitingPart: entry.waiting === undefined ? 0 : (entry.waiting.part ?? -1) + 2,
    recordIndex,
    time: time(record.time),
    event: stored(record.name ?? ''),
    reserved: Number(record.reserved ?? false),
    type: record.type,
    op: record.op ?? '',
    user: record.user ?? 0,
    device: record.device ?? 0,
    linkedRoles: (record.linked ?? []).map((one) => one.role),
    linkedOrdinals: (record.linked ?? []).map((one) => one.ordinal),
    groupKeys: (record.groups ?? []).map((one) => stored(one.key)),
    groupOrdinals: (record.groups ?? []).map((one) => one.ordinal),
    country: record.context?.country ?? '',
    region: record.context?.region ?? '',
    city: record.context?.city ?? '',
    os: record.context?.os ?? '',
    browser: record.context?.browser ?? '',
    browserVersion: record.context?.browserVersion ?? 0,
    referrerDomain: record.context?.referrerDomain ?? '',
    referrerMedium: record.context?.referrerMedium ?? '',
    path: stored(record.context?.path ?? ''),
    screenWidth: record.context?.screenWidth ?? 0,
    screenHeight: record.context?.screenHeight ?? 0,
    properties: record.properties === undefined ? '' : JSON.stringify(record.properties),
    unset: (record.unset ?? []).map(stored),
    withheld: record.withheld ?? [],
    waitingCount: record.waitingCount ?? 0,
    destroyedCount: record.destroyedCount ?? 0,
    gpc: flag(record.consent?.gpc),
    dnt: flag(record.consent?.dnt),
    consent: consentText(record.consent),
    waitingRecord: recordIndex,
    erased: 0,
  }
}

function consentText(consent: LogRecord['consent']): string {
  const { optOut, denies } = consent ?? {}
  if (optOut === undefined && denies === undefined) return ''
  return JSON.stringify({ optOut, denies })
}

const uint32 = fc.oneof(fc.constant(0x0a0a0a0a), fc.integer({ min: 0, max: 0xffff_ffff }))
const instant = fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2299, 11, 31) })
const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined })
const record = fc.record({
  type: fc.constantFrom('event', 'identify', 'merge', 'profile', 'group'),
  name: fc.oneof(anyText, fc.constant(null), fc.constant(undefined)),
  reserved: optional(fc.constant(true)),
  time: instant,
  user: optional(anyOrdinal),
  device: optional(anyOrdinal),
  linked: optional(fc.array(fc.record({ role: fc.constantFrom('user', 'device'), ordinal: anyOrdinal }), { maxLength: 3 })),
  groups: optional(fc.array(fc.record({ key: anyText, ordinal: anyOrdinal }), { maxLength: 200 })),
  op: optional(fc.constantFrom('set', 'add', 'unset')),
  context: optional(
    fc.record({
      country: fc.constantFrom('IN', 'US'),
      region: fc.constantFrom('Karnataka', 'California'),
      city: fc.constantFrom('Bengaluru', 'San José'),
      os: fc.constant('Linux'),
      browserVersion: uint32,
      path: anyText,
      referrerMedium: fc.constantFrom('search', 'direct'),
      screenWidth: uint32,
      screenHeight: fc.constant(0x0a0a),
    }),
  ),
  properties: optional(
    fc.dictionary(
      anyText,
      fc.oneof(anyText, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.array(anyText, { maxLength: 3 })),
    ),
  ),
  unset: optional(fc.array(anyText, { maxLength: 3 })),
  withheld: optional(fc.array(fc.constantFrom('email', 'ip'), { maxLength: 2 })),
  waitingCount: optional(uint32),
  destroyedCount: optional(uint32),
  consent: optional(
    fc.record({
      gpc: optional(fc.boolean()),
      dnt: optional(fc.boolean()),
      optOut: optional(fc.boolean()),
      denies: optional(fc.array(fc.constantFrom('product analytics', 'adverts "x"'))),
    }),
  ),
}) as fc.Arbitrary<LogRecord>
const entryShape = fc.record({
  at: fc.integer({ min: AT, max: AT + 3_600_000 }),
  source: anyText,
  surface: anyText,
  policy: uint32,
  waiting: optional(fc.record({ day: uint32, folder: uint32, offset: anyOrdinal, length: uint32 })),
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
      const back = await staff.query(
        `SELECT * FROM events WHERE seq >= {from:UInt64} AND seq < {to:UInt64} ORDER BY seq, recordIndex`,
        { from, to: seq },
        'badday',
      )
      const expected = entries.flatMap((entry) => entry.records.map((one, index) => expectedRow(entry, one, index)))
      assert.equal(rows, expected.length)
      assert.deepEqual(back, expected)
    }),
    { numRuns: 40 },
  )
})

test('a broken clock is stored as the nearest instant that the engine can hold', async () => {
  const times = [-9e15, 9e15, Number.NaN, Number.NEGATIVE_INFINITY, 0, -1]
  await worker.insertEvents(
    [
      entryOf(
        900_000,
        times.map((time) => eventOf({ time })),
      ),
    ],
    'clock',
  )
  const rows = await staff.query<{ t: number }>(
    'SELECT toUnixTimestamp64Milli(time) AS t FROM events WHERE seq = 900000 ORDER BY recordIndex',
    {},
    'badday',
  )
  const [low, high] = [Date.UTC(1900, 0, 1), Date.UTC(2300, 0, 1) - 1]
  assert.deepEqual(
    rows.map((row) => row.t),
    [low, high, low, low, 0, -1],
  )
})

test('disclosures come back as they were, also by the projection for one subject', async () => {
  const rows: DisclosureRow[] = Array.from({ length: 500 }, (_, index) => ({
    entry: 10 + (index % 50),
    vendor: HOSTILE[index % HOSTILE.length] as string,
    destination: 'd',
    epoch: 2,
    route: '/import',
    purpose: 'analytics',
    policy: 4,
    surface: HOSTILE[(index * 7) % HOSTILE.length] as string,
    shape: 'country:coarse,user_id:pseudonym',
    subject: 1 + (index % 20),
    kind: 'user',
    groups: [index, 0x0a0a],
    events: index,
    first: AT - 5,
    last: AT,
    sentAt: AT + index,
    state: index % 3 === 0 ? 'possible' : 'delivered',
  }))
  await worker.insertDisclosures(rows, 'disclosures-round-trip')
  const sql = `SELECT entry, vendor, destination, epoch, route, purpose, policy, surface, shape, subject, kind, groups, events,
    toUnixTimestamp64Milli(first) AS first, toUnixTimestamp64Milli(last) AS last,
    toUnixTimestamp64Milli(sentAt) AS sentAt, state FROM disclosures`
  assert.deepEqual(await staff.query(`${sql} ORDER BY disclosures.sentAt`, {}, 'badday'), rows)
  assert.deepEqual(
    await staff.query(`${sql} WHERE subject = {subject:UInt64} ORDER BY disclosures.sentAt`, { subject: 7 }, 'badday'),
    rows.filter((row) => row.subject === 7),
  )
})

test('an equal token inserts once, another one again; a second partition is refused whole', async () => {
  const entries = [entryOf(800_000, [eventOf(), eventOf()])]
  const count = async (): Promise<number> =>
    (await staff.query<{ c: number }>('SELECT count() AS c FROM events WHERE seq = 800000', {}, 'badday'))[0]?.c ?? 0
  for (let round = 0; round < 3; round++) await worker.insertEvents(entries, 'token-a')
  assert.equal(await count(), 2)
  await worker.insertEvents(entries, 'token-b')
  assert.equal(await count(), 4)
  await assert.rejects(
    worker.insertEvents([entryOf(810_000, [eventOf()]), entryOf(810_001, [eventOf()], AT + DAY_MS)], 'days'),
    /one partition/,
  )
  assert.deepEqual(await staff.query('SELECT seq FROM events WHERE seq IN (810000, 810001)', {}, 'badday'), [])
})

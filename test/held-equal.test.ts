/**
 * A destination that was away for long is sent what it missed from the warehouse. That must be what it would have been
 * sent from the log: the same bytes, whatever the records hold.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { type Clock, DAY_MS, systemClock } from '#base/clock.ts'
import { planRequests, readRange } from '#forward/batch.ts'
import { giveUpFolders, neededEntry } from '#forward/give-up.ts'
import { createHeldLog } from '#forward/held-log.ts'
import { createEventLoader } from '#forward/load-events.ts'
import { testVault } from '#forward/testing-parts.ts'
import { openLedger } from '#ledger/ledger.ts'
import { openLogReader } from '#log/log-reader.ts'
import { openLogWriter } from '#log/log-writer.ts'
import type { LogRecord } from '#model/log-entry.ts'
import { destinationDecider } from '#policy/policy.ts'
import { protocols } from '#protocols/registry.ts'
import { openWarehouse } from '#warehouse/client.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const NAMES = ['Paid', 'आदेश', 'a"b\\c', 'line\nbreak', '$identify', 'Ω\u{1f600}']
const KEYS = ['n', 'plan', 'कुंजी', '7', 'deep.er']

const some = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined, freq: 2 })
const ordinal = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant(Number.MAX_SAFE_INTEGER - 1))
const plain = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.boolean(), fc.string({ unit: 'binary' }))

/** As the split makes them: what is not there is left out. */
const record: fc.Arbitrary<LogRecord> = fc
  .record({
    type: fc.constantFrom('event' as const, 'event' as const, 'identify' as const, 'merge' as const, 'profile' as const, 'group' as const),
    name: fc.constantFrom(null, ...NAMES),
    reserved: some(fc.constant(true as const)),
    time: fc.integer({ min: 0, max: Date.now() + DAY_MS }),
    user: some(ordinal),
    device: some(ordinal),
    linked: some(
      fc.array(fc.record({ role: fc.constantFrom('user' as const, 'device' as const), ordinal }), { minLength: 1, maxLength: 3 }),
    ),
    groups: some(fc.array(fc.record({ key: fc.constantFrom('company', 'org'), ordinal }), { minLength: 1, maxLength: 3 })),
    op: fc.constantFrom('set', 'set_once', 'add', 'append', 'union', 'unset', 'delete') as fc.Arbitrary<NonNullable<LogRecord['op']>>,
    context: some(
      fc.record(
        {
          country: fc.constant('IN'),
          region: fc.constant('Karnataka'),
          city: fc.constant('Bengaluru'),
          os: fc.constant('Linux'),
          browser: fc.constant('Firefox'),
          browserVersion: fc.integer({ min: 1, max: 200 }),
        },
        { requiredKeys: ['country'] },
      ),
    ),
    properties: some(
      fc.dictionary(fc.constantFrom(...KEYS), fc.oneof(plain, fc.array(plain, { maxLength: 3 })), { noNullPrototype: true }),
    ),
    unset: some(fc.uniqueArray(fc.constantFrom(...KEYS), { minLength: 1 })),
    withheld: some(fc.constant(['email', 'ip'])),
    consent: some(
      fc.record(
        {
          gpc: fc.boolean(),
          dnt: fc.boolean(),
          optOut: fc.boolean(),
          country: fc.constantFrom('DE', 'US'),
          denies: fc.constantFrom(['analytics'], []),
          withoutPerson: fc.constantFrom('denied' as const, 'missing' as const),
        },
        { requiredKeys: [] },
      ),
    ),
  })
  .map(({ type, name, op, ...rest }) => {
    const made: Record<string, unknown> = { type, ...rest }
    if (type === 'event') made.name = name
    if (type === 'profile' || type === 'group') made.op = op
    return JSON.parse(JSON.stringify(made)) as LogRecord
  })

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-held-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

const decider = destinationDecider(
  {
    version: 1,
    appliedAt: 0,
    policy: {
      store: { events: NAMES, properties: KEYS, paths: [], referrers: [] },
      destinations: [
        {
          vendor: 'v',
          destination: 'd',
          protocol: 'mixpanel',
          events: NAMES,
          properties: KEYS,
          grants: (
            [
              'event',
              'time',
              'user_id',
              'device_id',
              'group_id',
              'country',
              'region',
              'city',
              'os',
              'browser',
              'browser_version',
              'property.*',
            ] as const
          ).map((field) => ({
            field,
            form: field.endsWith('_id') ? 'pseudonym' : ['event', 'property.*'].includes(field) ? 'clear' : 'coarse',
            purpose: 'analytics',
            until: null,
            rule: field,
          })),
        },
      ],
    },
  },
  'd',
)

test(`requests from the warehouse are those from the log, byte for byte (seed ${SEED})`, { timeout: 600_000 }, async (t) => {
  const folder = folderFor(t)
  const server = await startWarehouse(folder)
  t.after(() => server.kill())
  const warehouse = openWarehouse({ path: server.path, token: server.tokens.worker, role: 'worker' })
  t.after(() => warehouse.close())
  // Arrivals on three days, and a clock that is set back in between.
  const days = [0, 0, 1, 0, 2]
  let now = Date.now() - 10 * DAY_MS
  const clock: Clock = { ...systemClock, now: () => now }
  const dirs = { dir: path.join(folder, 'log'), waitingDir: path.join(folder, 'waiting') }
  const writer = await openLogWriter({ ...dirs, clock, folderBytesMax: 100_000 })
  const begin = now
  const requests = fc.sample(fc.array(record, { minLength: 1, maxLength: 40 }), { numRuns: 300, seed: SEED })
  for (const [index, records] of requests.entries()) {
    now = begin + (days[Math.floor((index * days.length) / requests.length)] as number) * DAY_MS + index
    const draft = { at: now, source: 's', protocol: 'p', surface: 'app', trust: 'browser' as const, policy: 1 }
    await writer.append([{ ...draft, records, dedup: Buffer.alloc(16 * records.length) }])
  }
  const log = openLogReader(dirs)
  const ledger = await openLedger({ dir: path.join(folder, 'ledger'), clock })
  const loader = createEventLoader({ log, ledger, warehouse, clock, batchRows: 1000 })
  await loader.barrier(log.head())
  // It had got as far as the middle of a request.
  await ledger.beginCursor('d', { seq: 20, index: 1 })

  const bodiesFrom = async (source: ReturnType<typeof createHeldLog>, upTo: number): Promise<unknown[]> => {
    const bodies: unknown[] = []
    for (let at = { seq: 20, index: 1 }; at.seq < upTo; ) {
      await source.ready?.(at.seq)
      const range = readRange(source, at, 100, { seq: upTo, index: 0 })
      assert.ok(range !== undefined && decider !== undefined)
      const plan = await planRequests(range.records, {
        destination: 'd',
        decider,
        at: begin,
        epoch: 1,
        protocol: (protocols.get('mixpanel') as NonNullable<ReturnType<typeof protocols.get>>).egress,
        context: { url: 'https://vendor.example', token: 't', credentials: { kind: 'secret', secret: 's' } },
        vault: testVault(),
      })
      bodies.push([range.from, range.to, plan.dropped, plan.requests.map(({ route, request }) => [route, request.body.toString('latin1')])])
      at = range.to
    }
    return bodies
  }
  const finished = log.finished()
  const upTo = finished.at(-1)?.end ?? 0
  assert.ok(finished.length >= 4, `the log has several folders (${finished.length})`)
  const expected = await bodiesFrom(log, upTo)

  const limits = { holdBytesMax: 0, holdHoursMax: 10_000 }
  assert.ok((await giveUpFolders({ log, ledger, warehouse, destinations: ['d'], limits, policy: 1, clock })) >= 3)
  assert.equal(await writer.dropBelow(neededEntry(ledger, ['d'])), finished.length)
  assert.equal(log.tail(), upTo, 'the folders are gone')
  const held = createHeldLog({ log, warehouse, held: () => ledger.held('d'), recordsAtOnce: 100_000 })
  assert.equal(held.tail(), 20)
  assert.deepEqual(await bodiesFrom(held, upTo), expected)
  assert.ok(expected.length > 10)
  // In small pieces: the same entries.
  const pieces = createHeldLog({ log, warehouse, held: () => ledger.held('d'), recordsAtOnce: 70 })
  const seen: number[] = []
  for (let seq = 20; seq < upTo; ) {
    await pieces.ready?.(seq)
    const entries = pieces.read(seq, { entries: 7, bytes: 1 })
    seen.push(...entries.map((entry) => entry.seq))
    seq = (seen.at(-1) as number) + 1
  }
  assert.deepEqual(
    // The last answer goes on into the log.
    seen.filter((seq) => seq < upTo),
    Array.from({ length: upTo - 20 }, (_, index) => 20 + index),
  )
  await ledger.close()
  log.close()
  await writer.close()
})

test('the log is not given up for rows that the warehouse does not have', { timeout: 600_000 }, async (t) => {
  const folder = folderFor(t)
  const dirs = { dir: path.join(folder, 'log'), waitingDir: path.join(folder, 'waiting') }
  const writer = await openLogWriter({ ...dirs, clock: systemClock, folderBytesMax: 100_000 })
  const records: LogRecord[] = Array.from({ length: 100 }, () => ({ type: 'event', name: 'Paid', time: 1 }))
  const draft = { at: Date.now(), source: 's', protocol: 'p', surface: 'app', trust: 'browser' as const, policy: 1 }
  for (let n = 0; n < 100; n++) await writer.append([{ ...draft, records, dedup: Buffer.alloc(1600) }])
  const log = openLogReader(dirs)
  const ledger = await openLedger({ dir: path.join(folder, 'ledger'), clock: systemClock })
  await ledger.beginCursor('d', { seq: 1, index: 0 })
  let missing = 1
  const warehouse = {
    query: async <Row>(_sql: string, { from, to }: Record<string, unknown>): Promise<Row[]> =>
      [{ records: 1, entries: Number(to) - Number(from) - missing, firstDay: 1, lastDay: 2 }] as Row[],
  }
  const limits = { holdBytesMax: 0, holdHoursMax: 100 }
  const giveUp = () => giveUpFolders({ log, ledger, warehouse, destinations: ['d'], limits, policy: 1, clock: systemClock })
  assert.equal(await giveUp(), 0, 'nothing is loaded yet')
  const first = log.finished()[0]
  assert.ok(first !== undefined)
  await ledger.finishPlan({ table: 'events', from: 1, to: first.end, token: 't' })
  await assert.rejects(giveUp(), { code: 'log_corrupt' })
  assert.equal(neededEntry(ledger, ['d']), 1)
  missing = 0
  assert.equal(await giveUp(), 1)
  assert.equal(neededEntry(ledger, ['d']), first.end)
  assert.equal(await giveUp(), 0, 'once')
  await ledger.moveCursor('d', { seq: first.end, index: 0 })
  assert.deepEqual(ledger.held('d'), [], 'what is sent is held no longer')
  await ledger.close()
  log.close()
  await writer.close()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#base/clock.ts'
import type { Ledger } from '#ledger/port.ts'
import type { Intent } from '#model/disclosure.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { ForwarderOptions } from './forwarder-options.ts'
import { createHttpSend } from './send-http.ts'
import { openTestManifest, plainProtocol, testDecider, testDestination, uuidOf } from './testing-parts.ts'
import { event, outcomes, setUp } from './testing-stage.ts'

test('a batch: one vault call, requests within limits, rows per subject, cursor with the outcome', { timeout: 240_000 }, async (t) => {
  const { forwarder, vendor, log, ledger, vault, registry } = await setUp(t)
  const group = { key: 'company', ordinal: 900 }
  log.add(
    event(1, { device: 50, groups: [group] }),
    event(1, { time: 1_763_000_000_900, groups: [{ key: 'company', ordinal: 901 }] }),
    event(2, { name: null }),
  )
  log.add(...Array.from({ length: 60 }, (_, index) => event(100 + index)), { type: 'event', name: 'opened', time: 5.5, device: 7 })
  log.add(
    { type: 'profile', op: 'set', user: 1, time: 9 },
    { type: 'group', op: 'set', time: 9, groups: [group] },
    event(3, { name: 'unencodable' }),
  )
  log.add({
    type: 'identify',
    name: '$identify',
    time: 9,
    user: 4,
    device: 8,
    linked: [
      { role: 'device', ordinal: 8 },
      { role: 'user', ordinal: 5 },
    ],
  })
  assert.equal(await forwarder.step(), 'sent')
  assert.equal(vault.calls, 1)
  assert.deepEqual(
    vendor.arrived.map(({ route, records }) => [route, records.length]),
    [
      ['/events', 50],
      ['/events', 14],
      ['/profiles', 1],
    ],
  )
  for (const { records } of vendor.arrived)
    assert.deepEqual(
      records.map(({ who }) => who),
      records.map(({ who }) => who).toSorted(),
      'sorted by pseudonym',
    )
  assert.equal(vendor.arrived[0]?.records.find(({ values }) => values[0]?.[1] === 101)?.id, uuidOf('v-main', 1, 2, 1))
  const rows = ledger.read(1, 3).flatMap((entry) => (entry.type === 'intent' ? openTestManifest(entry.entry, entry.manifest) : []))
  const of = (subject: number) =>
    rows.filter((row) => row.subject === subject).map(({ kind, events, first, last, groups }) => ({ kind, events, first, last, groups }))
  assert.deepEqual(of(1), [
    { kind: 'user', events: 2, first: 1_763_000_000_001, last: 1_763_000_000_900, groups: [900, 901] },
    { kind: 'user', events: 1, first: 9, last: 9, groups: [] },
  ])
  assert.deepEqual([of(7)[0]?.kind, of(7)[0]?.first, of(8), of(50), of(5)[0]?.kind], ['device', 5, [], [], 'user'])
  assert.deepEqual(ledger.counts('v-main'), { event_not_approved: 1, no_route: 1, bad_record: 1 })
  assert.deepEqual(ledger.cursor('v-main'), { seq: 5, index: 0 })
  assert.deepEqual(
    outcomes(ledger).map(({ state, status }) => [state, status]),
    [
      ['delivered', 200],
      ['delivered', 200],
      ['delivered', 200],
    ],
  )
  const metrics = await registry.metrics()
  assert.match(metrics, /bulkhead_disclosed_records_total\{destination="v-main"\} 65/)
  assert.equal(await forwarder.step(), 'idle')
})

test('the intent is durable before the first byte, and a retry sends the same bytes under the same intent', {
  timeout: 240_000,
}, async (t) => {
  const { forwarder, vendor, log, ledger } = await setUp(t)
  vendor.onHeaders = () => ledger.openIntents().map((intent) => intent.bodySha256)
  const answers: (number | 'cut' | { status: number; headers: Record<string, string> })[] = [
    500,
    'cut',
    { status: 429, headers: { 'retry-after': '0' } },
    200,
  ]
  vendor.answer = () => answers.shift() as number
  log.add(event(1), event(2))
  assert.equal(await forwarder.step(), 'sent')
  assert.equal(vendor.arrived.length, 4)
  assert.equal(new Set(vendor.arrived.map(({ sha256 }) => sha256)).size, 1)
  for (const { seen, sha256 } of vendor.arrived) assert.deepEqual(seen, [sha256])
  assert.deepEqual(
    outcomes(ledger).map(({ state, attempts, status }) => [state, attempts, status]),
    [['delivered', 4, 200]],
  )
})

test('what the vendor refuses is counted record by record, its words are not kept, and it was disclosed all the same', {
  timeout: 240_000,
}, async (t) => {
  const { forwarder, vendor, log, ledger } = await setUp(t)
  vendor.answer = ({ route }) => (route === '/profiles' ? 400 : { status: 200, body: '{"refused":[0,1,2]}' })
  log.add(event(1), event(2), event(3), event(4), { type: 'profile', op: 'set', user: 1, time: 9 })
  assert.equal(await forwarder.step(), 'sent')
  assert.deepEqual(
    outcomes(ledger).map(({ state, refused }) => [state, refused]),
    [
      [
        'delivered',
        [
          { reason: 'invalid_time', count: 2 },
          { reason: 'vendor_refused', count: 1 },
        ],
      ],
      ['delivered', [{ reason: 'bad_request', count: 1 }]],
    ],
  )
  assert.deepEqual(ledger.counts('v-main'), { vendor_refused: 4 })
  assert.ok(!JSON.stringify(ledger.read(1, 100)).includes('Free text'))
})

test('once-only operations go apart, and never again after an uncertain attempt; a refusal to listen is certain', {
  timeout: 240_000,
}, async (t) => {
  const { forwarder, vendor, log, ledger } = await setUp(t)
  const profile = (op: 'add' | 'set', user: number): LogRecord => ({ type: 'profile', op, user, time: 9, properties: { n: user } })
  const answers = new Map<string, (number | 'cut')[]>([
    ['add', [429, 500]],
    ['set', [500, 'cut', 200]],
  ])
  vendor.answer = ({ records }) => answers.get(records[0]?.op as string)?.shift() as number
  log.add(profile('set', 1), profile('add', 1), profile('set', 2), profile('add', 2))
  assert.equal(await forwarder.step(), 'sent')
  assert.deepEqual(
    vendor.arrived.map(({ records }) => records.map(({ op }) => op).join()),
    ['set,set', 'set,set', 'set,set', 'add,add', 'add,add'],
  )
  assert.deepEqual(
    outcomes(ledger).map(({ state, attempts }) => [state, attempts]),
    [
      ['delivered', 3],
      ['possible', 2],
    ],
  )
  assert.deepEqual(ledger.counts('v-main'), { once_only_uncertain: 2 })
})

test('413: halves take its place, the whole is possible, and one record that is too large is refused', { timeout: 240_000 }, async (t) => {
  const { forwarder, vendor, log, ledger } = await setUp(t)
  vendor.answer = ({ records }) => (records.length > 2 || records.some(({ values }) => values[0]?.[1] === 5) ? 413 : 200)
  log.add(...[1, 2, 3, 4, 5].map((user) => event(user)))
  assert.equal(await forwarder.step(), 'sent')
  const kept = vendor.arrived.filter(({ status }) => status === 200).flatMap(({ records }) => records.map(({ values }) => values[0]?.[1]))
  assert.deepEqual(kept.toSorted(), [1, 2, 3, 4])
  assert.deepEqual(ledger.openIntents(), [])
  assert.deepEqual(ledger.cursor('v-main'), { seq: 2, index: 0 })
  assert.deepEqual(ledger.counts('v-main'), { vendor_refused: 1 })
})

test('refused connection: nothing was handed over, and a cut then says not_sent; after restore all of it is sent', {
  timeout: 240_000,
}, async (t) => {
  const { forwarder, vendor, flow, log, ledger, make } = await setUp(t)
  const dead = make({ destination: testDestination('http://127.0.0.1:1') })
  t.after(() => dead.close())
  log.add(event(1), { type: 'profile', op: 'add', user: 1, time: 9 })
  const step = dead.step()
  while (dead.status().state !== 'retrying') await systemClock.sleep(1)
  Object.assign(flow, { state: 'cut', fence: 1 })
  assert.deepEqual(await dead.fence(1), { inFlight: 0 })
  assert.equal(await step, 'interrupted')
  assert.equal(await dead.step(), 'held')
  assert.equal(dead.status().state, 'cut')
  assert.deepEqual(
    outcomes(ledger).map(({ state, status }) => [state, status]),
    [
      ['not_sent', 0],
      ['not_sent', 0],
    ],
  )
  assert.deepEqual(ledger.cursor('v-main'), { seq: 1, index: 0 })
  Object.assign(flow, { state: 'open', fence: 2 })
  await dead.fence(2)
  await dead.close()
  assert.equal(await forwarder.step(), 'sent')
  assert.deepEqual(
    vendor.arrived.map(({ route }) => route),
    ['/events', '/profiles'],
  )
})

test('blocked: the credentials are refused, the outcome is possible, and nothing more is tried until a restart', {
  timeout: 240_000,
}, async (t) => {
  const { forwarder, vendor, log, ledger, make } = await setUp(t)
  vendor.answer = () => 401
  log.add(event(1), { type: 'profile', op: 'set', user: 1, time: 9 })
  assert.equal(await forwarder.step(), 'blocked')
  assert.equal(await forwarder.step(), 'blocked')
  assert.deepEqual([forwarder.status().state, forwarder.status().reason, vendor.begun], ['blocked', 'bad_credentials', 1])
  assert.deepEqual(
    outcomes(ledger).map(({ state }) => state),
    ['possible', 'not_sent'],
  )
  vendor.answer = () => 200
  assert.equal(await make().step(), 'sent')
  assert.deepEqual(ledger.cursor('v-main'), { seq: 2, index: 0 })
})

test('open intents after a crash: same bytes go on under the same number; changed bytes end as possible; once-only is not repeated', {
  timeout: 240_000,
}, async (t) => {
  for (const change of ['nothing', 'encoder', 'policy', 'epoch', 'fence'] as const) {
    await t.test(change, async (inner) => {
      const { vendor, flow, log, ledger, vault, make, decider } = await setUp(inner)
      log.add(event(1), event(2), { type: 'profile', op: 'add', user: 1, time: 9 })
      vendor.answer = () => 'hang'
      // Stopped while its request hangs: what a crash leaves, too.
      const first = make()
      const step = first.step()
      while (vendor.arrived.length === 0) await systemClock.sleep(1)
      await first.close()
      assert.equal(await step, 'interrupted')
      assert.equal(ledger.openIntents('v-main').length, 2)
      vendor.answer = () => 200
      const more: Partial<ForwarderOptions> = {}
      if (change === 'encoder') more.protocol = plainProtocol({ encoderVersion: 2 })
      if (change === 'policy') decider.now = testDecider(2)
      if (change === 'epoch') vault.epoch = 2
      if (change === 'fence') flow.fence = 2
      const second = make(more)
      inner.after(() => second.close())
      assert.equal(await second.step(), 'sent')
      if (change === 'encoder' || change === 'policy' || change === 'fence') {
        assert.deepEqual(
          outcomes(ledger).map(({ intent, state }) => [intent, state]),
          [
            [1, 'possible'],
            [2, 'possible'],
            [5, 'delivered'],
          ],
        )
      } else {
        assert.deepEqual(
          outcomes(ledger).map(({ intent, state }) => [intent, state]),
          [
            [1, 'delivered'],
            [2, 'possible'],
          ],
        )
      }
      assert.deepEqual(
        vendor.arrived.map(({ route }) => route),
        ['/events', '/events'],
        'the once-only request was open, so it stays unsent',
      )
      assert.deepEqual(ledger.counts('v-main'), { once_only_uncertain: 1 })
      assert.deepEqual(ledger.cursor('v-main'), { seq: 2, index: 0 })
      await second.close()
    })
  }
})

test('records that arrived before the clock was set back do not wait for the old time', { timeout: 240_000 }, async (t) => {
  const { forwarder, vendor, log } = await setUp(t, { tempo: { lingerMs: 60_000, pollMs: 1 } })
  log.add(event(1))
  for (const entry of log.entries) entry.at = Date.now() + 3_600_000
  const stop = new AbortController()
  const run = forwarder.run(stop.signal)
  t.after(() => stop.abort())
  while (vendor.arrived.length === 0 && !t.signal.aborted) await systemClock.sleep(1)
  stop.abort()
  await run
})

test('a vault that is away changes nothing; the forwarder goes on when it is back', { timeout: 240_000 }, async (t) => {
  const { forwarder, vendor, log, ledger, vault } = await setUp(t)
  vault.away = true
  log.add(event(1))
  await assert.rejects(forwarder.step(), { code: 'vault_unavailable' })
  assert.equal(ledger.head, 0)
  const stop = new AbortController()
  const run = forwarder.run(stop.signal)
  while (forwarder.status().reason !== 'vault_unavailable') await systemClock.sleep(1)
  vault.away = false
  while (vendor.arrived.length === 0 || forwarder.status().lag > 0) await systemClock.sleep(1)
  assert.equal(forwarder.status().state, 'running')
  stop.abort()
  await run
})

test('a fence that comes while intents are being written does not wait for them: they are closed as not sent, and nothing starts', {
  timeout: 240_000,
}, async (t) => {
  const { forwarder, vendor, vault, flow, log, ledger } = await setUp(t)
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const seal = vault.sealManifests.bind(vault)
  vault.sealManifests = async (manifests) => {
    reached.resolve()
    await gate.promise
    return seal(manifests)
  }
  log.add(event(1))
  const step = forwarder.step()
  await reached.promise
  Object.assign(flow, { state: 'cut', fence: 1 })
  assert.deepEqual(await forwarder.fence(1), { inFlight: 0 })
  gate.resolve()
  assert.equal(await step, 'interrupted')
  assert.deepEqual(ledger.openIntents(), [])
  assert.deepEqual(
    outcomes(ledger).map(({ state, attempts }) => ({ state, attempts })),
    [{ state: 'not_sent', attempts: 0 }],
  )
  assert.equal(vendor.begun, 0)
})

test('fence in a storm: nothing starts after it has returned, and what was begun has its outcome (law 5)', {
  timeout: 240_000,
}, async (t) => {
  const { forwarder, vendor, flow, log, ledger } = await setUp(t, { send: createHttpSend({ answerTimeoutMs: 150 }) })
  vendor.onHeaders = () => ledger.openIntents().map((intent) => intent.bodySha256)
  vendor.answer = () => (Math.random() < 0.2 ? 500 : Math.random() < 0.1 ? 'hang' : 200)
  const stop = new AbortController()
  const run = forwarder.run(stop.signal)
  const storm = setInterval(() => log.add(...Array.from({ length: 40 }, (_, index) => event(index + 1))), 1)
  t.after(() => clearInterval(storm))
  for (let round = 0; round < 15; round++) {
    const before = vendor.begun
    for (let turn = 0; turn < 50 && vendor.begun < before + 3; turn++) await systemClock.sleep(1)
    await systemClock.sleep(Math.random() * 8)
    Object.assign(flow, { state: 'cut', fence: flow.fence + 1 })
    await forwarder.fence(flow.fence)
    // The vendor runs in this very process: whatever was on the wire is seen within some turns of the loop.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    const begun = vendor.begun
    // One that was being written when the fence came may be open still: nothing of it was begun, and it is closed as such.
    const late = ledger.openIntents()
    assert.ok(late.every(({ bodySha256 }) => vendor.arrived.every(({ sha256 }) => sha256 !== bodySha256)))
    while (ledger.openIntents().length > 0) await systemClock.sleep(1)
    assert.deepEqual(
      statesOf(ledger, late),
      late.map(() => 'not_sent'),
    )
    await systemClock.sleep(15)
    assert.equal(vendor.begun, begun, 'a request started after the fence')
    Object.assign(flow, { state: 'open', fence: flow.fence + 1 })
    await forwarder.fence(flow.fence)
  }
  clearInterval(storm)
  vendor.answer = () => 200
  await forwarder.fence(0)
  while (forwarder.status().lag > 0) await systemClock.sleep(2)
  stop.abort()
  await run
  for (const { seen, sha256 } of vendor.arrived) assert.ok((seen as string[]).includes(sha256), 'a request without an earlier intent')
  const delivered = new Set(vendor.arrived.filter(({ status }) => status === 200).flatMap(({ records }) => records.map(({ id }) => id)))
  assert.equal(delivered.size, log.entries.length * 40, 'everything arrived in the end')
})

function statesOf(ledger: Ledger, intents: readonly Intent[]): string[] {
  const closed = outcomes(ledger)
  return intents.map(({ entry }) => closed.find(({ intent }) => intent === entry)?.state ?? 'open')
}

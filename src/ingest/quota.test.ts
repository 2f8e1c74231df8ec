import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { DAY_MS, systemClock } from '#base/clock.ts'
import type { SourceConfig } from '#model/config.ts'
import { BURST_SECONDS, defaultLimits, NETWORK_BITS, type SourceLimits } from '#model/source-limits.ts'
import { ask, running, sourceOf } from './fixture.ts'
import { networkOf, UNNAMED } from './network.ts'
import { DISK_BYTES_PER_RECORD, Quotas } from './quota.ts'
import { QuotaFile } from './quota-file.ts'

const limits = (over: Partial<SourceLimits> = {}): SourceLimits => ({
  ...defaultLimits('browser'),
  requestsPerSecond: 100,
  eventsPerSecond: 1000,
  bytesPerSecond: 100_000,
  network: { ...defaultLimits('browser').network!, requestsPerSecond: 10, eventsPerSecond: 100, bytesPerSecond: 10_000 },
  ...over,
})

const parts = (source: SourceConfig, events: number): Map<SourceConfig, { length: number }> => new Map([[source, { length: events }]])

test('networks: what one customer has, by default and as configured; what the internet does not route is none', () => {
  const cases: [string | undefined, string | undefined][] = [
    ['203.0.113.7', '4/24/13303921'],
    ['203.0.113.250', '4/24/13303921'],
    ['203.0.114.7', '4/24/13303922'],
    ['2001:db8:1:2::3', '6/48/536939960:1'],
    ['2001:db8:1:ffff:1:2:3:4', '6/48/536939960:1'],
    ['2001:db8::1', '6/48/536939960:0'],
    ['2001:db8::192.0.2.1', '6/48/536939960:0'],
    ['::2:0:0:0:0:1', '6/48/0:2'],
    [undefined, UNNAMED],
    ...['127.0.0.1', '10.1.2.3', '192.168.1.1', '172.31.0.1', '100.64.0.1', '169.254.1.1', '::1', 'fd00::1', 'fe80::1'].map(
      (address): [string, undefined] => [address, undefined],
    ),
  ]
  for (const [address, expected] of cases) assert.equal(networkOf(address, NETWORK_BITS), expected, address)
  assert.notEqual(networkOf('203.0.113.7', { ipv4: 32, ipv6: 64 }), networkOf('203.0.113.8', { ipv4: 32, ipv6: 64 }))
  assert.equal(networkOf('203.0.113.7', { ipv4: 8, ipv6: 16 }), networkOf('203.9.9.9', { ipv4: 8, ipv6: 16 }))
  assert.notEqual(networkOf('2001:db8::1', { ipv4: 32, ipv6: 64 }), networkOf('2001:db8:0:1::1', { ipv4: 32, ipv6: 64 }))
  assert.equal(networkOf('2001:db8::1', { ipv4: 32, ipv6: 16 }), networkOf('2001:ffff::1', { ipv4: 32, ipv6: 16 }))
})

test('any load: no source and no network gets more than its limits, and a source that nobody attacks is never refused', () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 2000 }),
    network: fc.integer({ min: 0, max: 400 }),
    events: fc.integer({ min: 1, max: 2500 }),
    bytes: fc.integer({ min: 1, max: 300_000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 400 }), (steps) => {
      const attacked = sourceOf('attacked', { limits: limits() })
      const quiet = sourceOf('quiet', { limits: limits() })
      const quotas = new Quotas([attacked, quiet], 100)
      let now = 1_000_000_000
      const from = now
      const taken = { events: 0, bytes: 0, requests: 0 }
      const byNetwork = new Map<number, number>()
      for (const { afterMs, network, events, bytes } of steps) {
        now += afterMs
        if (quotas.take(parts(attacked, events), { network: `n${network}`, bytes, now }) === 0) {
          taken.events += events
          taken.bytes += bytes
          taken.requests += 1
          byNetwork.set(network, (byNetwork.get(network) ?? 0) + events)
        }
        if (Math.floor(now / 1000) > Math.floor((now - afterMs) / 1000))
          assert.equal(quotas.take(parts(quiet, 20), { network: `n${network}`, bytes: 2000, now }), 0)
      }
      const seconds = (now - from) / 1000
      assert.ok(taken.requests <= 100 * (BURST_SECONDS + seconds) + 1)
      assert.ok(taken.events <= 1000 * (BURST_SECONDS + seconds) + 2500)
      assert.ok(taken.bytes <= 100_000 * (BURST_SECONDS + seconds) + 300_000)
      for (const events of byNetwork.values()) assert.ok(events <= 500 * (BURST_SECONDS + seconds) + 2500)
      assert.ok(quotas.stats().networks <= 200, 'memory is bounded')
    }),
    { numRuns: 60 },
  )
})

test('networks beyond the room share one meter; those that are known keep their own', () => {
  const source = sourceOf('web', { limits: limits() })
  const quotas = new Quotas([source], 10)
  const now = 5_000_000
  const take = (network: string, events: number): number => quotas.take(parts(source, events), { network, bytes: 100, now })
  for (let n = 0; n < 10; n++) assert.equal(take(`known${n}`, 10), 0)
  let taken = 0
  for (let n = 0; n < 1000; n++) if (take(`new${n}`, 50) === 0) taken += 50
  assert.equal(taken, 5000, 'half of what the source may have')
  assert.equal(take('known3', 50), 0)
  assert.deepEqual(quotas.stats().refused, [{ source: 'web', scope: 'network', what: 'events', count: 900 }])
  // What is paid makes room again.
  const later = now + 60_000
  assert.equal(quotas.take(parts(source, 1), { network: 'newcomer', bytes: 1, now: later }), 0)
  assert.ok(quotas.stats().networks < 10)
})

test('a request of two sources is taken whole or not at all', () => {
  const [open, tight] = [sourceOf('open', { limits: limits() }), sourceOf('tight', { limits: limits({ eventsPerSecond: 1 }) })]
  const quotas = new Quotas([open, tight])
  const both = new Map([
    [open, { length: 100 }],
    [tight, { length: 8 }],
  ])
  const given = { network: undefined, bytes: 10, now: 1000 }
  assert.equal(quotas.take(both, given), 0)
  for (let n = 0; n < 200; n++) assert.ok(quotas.take(both, given) > 0)
  assert.equal(quotas.take(parts(open, 9000), given), 0, 'the refused ones cost the other source nothing')
})

test('the disk budget outlives the gateway, a torn file and a clock that was set back', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-quota-'))
  const file = path.join(folder, 'quotas.json')
  const source = sourceOf('web', { limits: limits({ bytesPerSecond: 1e12, diskBytesPerDay: 4_000_000, network: undefined }) })
  const fill = (quotas: Quotas, now: number): number => {
    let bytes = 0
    while (quotas.take(parts(source, 1), { network: undefined, bytes: 9600, now: now }) === 0) bytes += 9600 + DISK_BYTES_PER_RECORD
    return bytes
  }
  const unexpected = (error: Error): never => assert.fail(error)
  const open = (now: number): { quotas: Quotas; kept: QuotaFile } => {
    const quotas = new Quotas([{ ...source, limits: { ...source.limits!, requestsPerSecond: 1e9, eventsPerSecond: 1e9 } }])
    return { quotas, kept: new QuotaFile({ file, quotas, now, onFailure: unexpected }) }
  }
  try {
    const start = 20_000 * DAY_MS
    const first = open(start)
    assert.equal(fill(first.quotas, start), 1_000_000, 'a quarter of a day ahead')
    first.kept.close()
    const second = open(start + 1000)
    assert.ok(fill(second.quotas, start + 1000) < 10_000 + 1, 'a restart gives nothing back')
    second.kept.close()
    const back = open(start - 30 * DAY_MS)
    assert.ok(fill(back.quotas, start - 30 * DAY_MS) < 10_000 + 1)
    assert.ok(fill(back.quotas, start - 30 * DAY_MS + DAY_MS / 4) >= 990_000, 'and a clock set back starves nobody')
    back.kept.close()
    for (const torn of ['', '{"web":', '[]', '{"web":"x","__proto__":1}', 'null']) {
      writeFileSync(file, torn)
      const third = open(start)
      assert.ok(fill(third.quotas, start) > 0)
      third.kept.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

const named = (address: string): Record<string, string> => ({ 'x-forwarded-for': address })
const body = (events: number, token = 'site-token-0123'): string => JSON.stringify(Array.from({ length: events }, () => ({ token })))

test('over the quota the vendor-shaped refusal comes with the wait, nothing is kept, and other networks and sources go on', () =>
  running(
    { trustProxy: ['127.0.0.1/32'], sources: [sourceOf('site', { limits: limits() }), sourceOf('server', { trust: 'server' })] },
    async ({ gateway, log }) => {
      const send = (address: string, events: number, token?: string) =>
        ask(gateway, '/take', { body: body(events, token), headers: named(address) })
      assert.equal((await send('203.0.113.1', 1000)).status, 200)
      const refused = await send('203.0.113.99', 600)
      assert.deepEqual([refused.status, refused.body], [400, 'no over_quota'])
      assert.equal(
        log.drafts.reduce((sum, { records }) => sum + records.length, 0),
        1000,
      )
      assert.equal((await send('203.0.114.1', 600)).status, 200, 'another network')
      assert.equal((await send('203.0.113.1', 600, 'server-token-0123')).status, 200, 'another source from the same network')
      // Forging what stands left of the proxy's own word gives no other network.
      const forged = await send('198.51.100.1, 203.0.113.5', 600)
      assert.equal(forged.body, 'no over_quota')
      assert.deepEqual(gateway.stats().quotas.refused, [{ source: 'site', scope: 'network', what: 'events', count: 2 }])
      assert.match(await gateway.registry.metrics(), /over_quota_total\{source="site",scope="network",what="events"\} 2/)
    },
  ))

test('an address that sends what nobody takes is answered unread after a while, its neighbours are not', () =>
  running({ trustProxy: ['127.0.0.1/32'], clock: { ...systemClock, now: () => 1_800_000_000_000 } }, async ({ gateway }) => {
    let unread = 0
    for (let n = 0; n < 600; n++) {
      const junk = n % 2 === 0 ? '{"broken' : body(1, 'no-such-token')
      if ((await ask(gateway, '/take', { body: junk, headers: named('203.0.113.1') })).body === 'no over_quota') unread++
    }
    assert.equal(unread, 100, 'of 600, 500 are a burst')
    const { refused } = gateway.stats().quotas
    assert.deepEqual(refused, [{ source: '', scope: 'place', what: 'strays', count: unread }])
    assert.equal((await ask(gateway, '/take', { body: body(1), headers: named('203.0.113.2') })).body, 'good 1')
  }))

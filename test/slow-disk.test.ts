/**
 * A disk whose every flush takes a third of a second: answers come late and are right, callers are held back instead of
 * memory growing, and nothing that was taken is lost.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { caughtUp, delay, waitUntil } from '#drill/program.ts'
import { startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { eventCounts } from './support/counts.ts'
import { intentsOf, NUMBERED, readLedger, startLoad } from './support/numbered.ts'
import { buildShim } from './support/power/shim.ts'
import { eventsOf, startTap, startVendor } from './support/vendor.ts'

const FLUSH_MS = 300
const GROWTH_BYTES_MAX = 400 * 1024 ** 2

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

test(`every flush takes ${FLUSH_MS} ms`, { timeout: 600_000 }, async (t) => {
  const shim = buildShim(t)
  const vendor = await startVendor(t)
  const tap = await startTap(t, vendor.url)
  const config = testConfig({ vendorUrl: tap.url, ...NUMBERED })
  const program = await startBulkhead(t, { config, env: { ...vendorEnvironment, ...shim.env }, readyMs: 180_000 })
  const gateway = program.processes().find(({ role }) => role === 'gateway')?.pid as number
  const before = residentBytes(gateway)
  shim.slowFlushes(FLUSH_MS)
  // New people in every batch: each window flushes keys, rows and the log, one after another.
  const load = startLoad({ gatewayUrl: program.gatewayUrl, token: TOKENS.server, people: 1_000_000, lanes: 40, batch: 50, pauseMs: 1 })
  await delay(10_000)
  assert.ok(residentBytes(gateway) - before < GROWTH_BYTES_MAX, 'memory of the gateway stays bounded')
  const who = await program.cli(['who', 'numbered-person-1', '--reason', 'slow'])
  assert.equal(who.code, 0, who.stderr)
  const cut = await program.cli(['vendor', 'cut', 'mixpanel', '--reason', 'slow', '--json'])
  assert.equal(cut.code, 0, cut.stderr)
  await caughtUp()
  const returnedAt = Date.now()
  await load.stop(180_000)
  assert.deepEqual(
    tap.requests.filter(({ at }) => at > returnedAt),
    [],
    'cut means cut, on a slow disk too',
  )
  assert.ok(load.acknowledged.size > 0 && load.acknowledged.size === load.sent(), 'each batch was taken in the end')
  shim.slowFlushes(0)
  assert.equal((await program.cli(['vendor', 'restore', 'mixpanel', '--reason', 'slow'])).code, 0)
  const arrived = (): Set<number> => new Set(eventsOf(vendor.loot()).map(({ properties }) => Number(properties.n)))
  await waitUntil(
    'all is at the vendor',
    () => {
      const there = arrived()
      return [...load.acknowledged].every((n) => there.has(n))
    },
    120_000,
    250,
  )
  await waitUntil('and in the warehouse', async () => (await eventCounts(program)).warehouse === load.acknowledged.size, 120_000, 500)
  assert.ok(
    program.processes().some(({ role, pid }) => role === 'gateway' && pid === gateway),
    'the gateway was never started again',
  )
  assert.equal(await program.stop(), 0)
  const intents = intentsOf(await readLedger(`${program.dataDir}/ledger`))
  // After the cut the same bytes may have gone again, under an intent of their own.
  const bodies = new Map(intents.toReversed().map(({ bodySha256, at }) => [bodySha256, at]))
  for (const { sha256, at } of tap.requests)
    if (sha256 !== undefined) assert.ok((bodies.get(sha256) ?? Infinity) <= at, 'the intent came first')
})

/**
 * A clock that somebody sets, forward by forty days and back, under the running program: nothing that was taken is lost or
 * dropped as a repeat, nothing is destroyed early, and nobody waits for a time that has been.
 */
import assert from 'node:assert/strict'
import path from 'node:path'
import test from 'node:test'
import { openInstance } from '#app/instance.ts'
import { systemClock } from '#base/clock.ts'
import { killAndReturn, waitUntil } from '#drill/program.ts'
import { readWaiting } from '#log/waiting-file.ts'
import { openVault } from '#vault/vault.ts'
import { startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { eventCounts } from './support/counts.ts'
import { postUntilTaken } from './support/gateway-client.ts'
import { notOnceInWarehouse, NUMBERED, numberedEvent } from './support/numbered.ts'
import { buildShim } from './support/power/shim.ts'
import { eventsOf, startVendor } from './support/vendor.ts'
import { askWarehouse } from './support/warehouse.ts'

const DAY_MS = 86_400_000
/** Against the machine's clock, one after another. */
const MOVES = [0, 40 * DAY_MS, 39 * DAY_MS, -DAY_MS, 0]

test('a clock that is set forward and back', { timeout: 600_000 }, async (t) => {
  const shim = buildShim(t)
  const vendor = await startVendor(t)
  const config = testConfig({ vendorUrl: vendor.url, ...NUMBERED })
  const program = await startBulkhead(t, { config, env: { ...vendorEnvironment, ...shim.env }, readyMs: 180_000 })
  const taken: number[] = []
  const arrived = (): Set<number> => new Set(eventsOf(vendor.loot()).map(({ properties }) => Number(properties.n)))
  for (const [step, moved] of MOVES.entries()) {
    shim.moveClock(moved)
    const numbers = Array.from({ length: 20 }, (_, index) => step * 100 + index)
    const events = numbers.map((n) => {
      const event = numberedEvent(n, 7)
      return { ...event, properties: { ...event.properties, note: `waits ${n}` } }
    })
    assert.ok(await postUntilTaken(program.gatewayUrl, TOKENS.server, events), 'events are taken')
    // An SDK that got no answer sends them again, before and after the clock was set.
    assert.ok(await postUntilTaken(program.gatewayUrl, TOKENS.server, events), 'and their repeat')
    taken.push(...numbers)
    await waitUntil(`what was taken at ${moved / DAY_MS} days is at the vendor`, () => {
      const there = arrived()
      return numbers.every((n) => there.has(n))
    })
    // The vault sweeps when it starts, and so under this clock.
    assert.ok(await killAndReturn(program, 'vault'))
  }
  await waitUntil('the warehouse holds all', async () => (await eventCounts(program)).warehouse >= taken.length, 120_000, 300)
  const affected = await program.cli(['incident', 'affected', '--vendor', 'mixpanel', '--json'])
  assert.equal(affected.code, 0, affected.stderr)
  assert.equal((JSON.parse(affected.stdout) as { subjects: number }).subjects, 7, 'all are affected, whatever the clock said')
  assert.equal(await program.stop(), 0)

  assert.deepEqual(await notOnceInWarehouse(program.dataDir, taken), [], 'once in the warehouse')
  const instance = openInstance({ dataDir: program.dataDir, create: false, env: { BULKHEAD_KEYS: program.keysDir } })
  const vault = await openVault({ keysDir: program.keysDir, instance: instance.instanceId, dataDir: program.dataDir, clock: systemClock })
  t.after(() => vault.close())
  // From the warehouse, since by that clock log folders were old enough to go.
  const waiting = await askWarehouse<{ day: number; folder: number; offset: number; length: number }>(
    path.join(program.dataDir, 'warehouse'),
    `SELECT DISTINCT waitingDay AS day, waitingFolder AS folder, toUInt32(waitingOffset) AS offset, waitingLength AS length
      FROM events WHERE waitingLength > 0`,
  )
  assert.equal(waiting.length, MOVES.length)
  for (const ref of waiting) {
    const sealed = readWaiting(instance.waitingDir, ref)
    assert.ok(sealed !== undefined && vault.openWaiting(ref.day, sealed) !== undefined, `what waits since day ${ref.day} opens`)
  }
})

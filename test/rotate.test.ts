/** Law 6 over epochs with the real program: a rotation under load, and what may become of the epoch that it closed. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { systemClock } from '#base/clock.ts'
import { caughtUp, type CommandResult, waitUntil } from '#drill/program.ts'
import { openVault } from '#vault/vault.ts'
import { lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { intentsOf, NUMBERED, readLedger, startLoad } from './support/numbered.ts'
import { assertSchema } from './support/schemas.ts'
import { eventsOf, startVendor } from './support/vendor.ts'

const PEOPLE = 20
const IDENTIFIERS = ['distinct_id', '$user_id', '$device_id', '$insert_id'] as const

test('after a rotation the vendor knows everybody under other identifiers', { timeout: 600_000 }, async (t) => {
  const vendor = await startVendor(t)
  const program = await startBulkhead(t, { config: testConfig({ vendorUrl: vendor.url, ...NUMBERED }), env: vendorEnvironment })
  const refused = (result: CommandResult): string => {
    assert.equal(result.code, 1, result.stdout)
    return lastJson<{ error: { code: string } }>(result.stderr).error.code
  }
  const vendorCommand = (...args: string[]): Promise<CommandResult> => program.cli(['vendor', ...args, '--reason', 'test', '--json'])
  const load = startLoad({ gatewayUrl: program.gatewayUrl, token: TOKENS.server, people: PEOPLE, lanes: 2, batch: 10 })
  const people = (since: number): Set<unknown> =>
    new Set(eventsOf(vendor.loot().filter(({ at }) => at > since)).map(({ properties }) => properties.person))
  await waitUntil('the vendor knows everybody', () => people(0).size === PEOPLE)
  const rotated = await vendorCommand('rotate', 'mixpanel')
  await caughtUp()
  const returnedAt = Date.now()
  assert.equal(rotated.code, 0, rotated.stderr)
  const answer = lastJson<{ vendor: string; epoch: number }>(rotated.stdout)
  assertSchema('vendor-rotate', answer)
  assert.deepEqual([answer.vendor, answer.epoch], ['mixpanel', 2])
  await waitUntil('and everybody anew', () => people(returnedAt).size === PEOPLE)
  await load.stop(180_000)

  assert.equal(refused(await vendorCommand('destroy-epoch', 'mixpanel', '2')), 'epoch_state_wrong')
  const hold = await program.cli(['hold', 'open', '--vendor', 'mixpanel', '--reason', 'test', '--json'])
  assertSchema('hold', lastJson(hold.stdout))
  assert.equal(refused(await vendorCommand('destroy-epoch', 'mixpanel', '1')), 'epoch_needed')
  assert.equal(await program.stop(), 0)

  const later = eventsOf(vendor.loot().filter(({ at }) => at > returnedAt))
  const earlier = eventsOf(vendor.loot().filter(({ at }) => at <= returnedAt))
  const instance = /^instance (\S+)$/m.exec(readFileSync(path.join(program.dataDir, 'FORMAT'), 'utf8'))?.[1] ?? ''
  const vault = await openVault({ dataDir: program.dataDir, keysDir: program.keysDir, instance, clock: systemClock })
  t.after(() => vault.close())
  const look = { actor: 'test', action: 'test', reason: 'test' }
  const epochsOf = async (events: typeof later): Promise<(number | undefined)[]> => {
    const ids = [...new Set(events.map(({ properties }) => String(properties.distinct_id)))]
    return (await vault.resolvePseudonyms({ destination: 'mixpanel' }, ids, look)).map((found) => found?.epoch)
  }
  assert.deepEqual(new Set(await epochsOf(later)), new Set([2]), 'nothing of the old epoch leaves after the command has returned')
  assert.ok(new Set(await epochsOf(earlier)).has(1), 'and the closed one still names whom it named')

  const seen = new Map<string, Set<number>>()
  const byEpoch = async (events: typeof later): Promise<void> => {
    for (const { properties } of events) {
      const [found] = await vault.resolvePseudonyms({ destination: 'mixpanel' }, [String(properties.distinct_id)], look)
      for (const name of IDENTIFIERS) {
        const id = properties[name]
        if (typeof id === 'string') seen.set(id, (seen.get(id) ?? new Set()).add(found?.epoch ?? 0))
      }
    }
  }
  await byEpoch([...earlier.slice(-200), ...later.slice(0, 200)])
  for (const [id, epochs] of seen) assert.equal(epochs.size, 1, `${id} is of one epoch`)

  await vault.erasing.closeHold(1, look)
  await vault.epochs.destroyEpoch({ vendor: 'mixpanel', destination: 'mixpanel', epoch: 1 }, look)
  assert.deepEqual(new Set(await epochsOf(later)), new Set([2]))
  assert.ok(
    (await epochsOf(earlier)).every((epoch) => epoch !== 1),
    'a destroyed one names nobody',
  )

  const entries = await readLedger(path.join(program.dataDir, 'ledger'))
  const closed = new Set(entries.flatMap((entry) => (entry.type === 'outcome' ? [entry.intent] : [])))
  assert.ok(
    intentsOf(entries).every(({ epoch, entry }) => epoch !== 1 || closed.has(entry)),
    'no intent of the old epoch is open',
  )
})

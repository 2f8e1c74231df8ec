/**
 * What an earlier program wrote must stay readable for ever: every released format lies in `test/released` as files of that
 * time, with what was in them and what was answered. A change of a format that this suite refuses needs a migration.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { VendorList, WhoResult } from '#api/contract.ts'
import { type Program, waitUntil } from '#drill/program.ts'
import { lastJson, makeFolder, startBulkhead } from './support/bulkhead.ts'
import { ownRuntime, readReleased, releasedNames, unpackReleased } from './support/released.ts'
import { SAMPLE_QUERIES, sampleConfig } from './support/sample.ts'
import { readStores } from './support/stores.ts'
import { eventsOf, startVendor } from './support/vendor.ts'

for (const name of releasedNames()) {
  test(`${name}: every store opens and holds what it held`, { timeout: 120_000 }, async (t) => {
    const released = readReleased(name)
    const place = unpackReleased(name, makeFolder(t))
    assert.deepEqual(await readStores({ ...place, at: released.at }), released.stores)
  })

  test(`${name}: the program goes on where the earlier one stopped`, { timeout: 400_000 }, async (t) => {
    const released = readReleased(name)
    const folder = makeFolder(t)
    unpackReleased(name, folder)
    const vendor = await startVendor(t, { secret: 'sample-secret' })
    const program = await startBulkhead(t, { folder, config: sampleConfig(vendor.url), env: ownRuntime(folder), readyMs: 180_000 })

    await waitUntil('the request that hung went out again', () => eventsOf(vendor.loot()).some(({ properties }) => properties.n === 8))
    for (const query of SAMPLE_QUERIES) await compareWho(program, query, released.who[query] as WhoResult)
    const { vendors } = await ask<VendorList>(program, 'vendor', 'list')
    assert.deepEqual(Object.fromEntries(vendors.map(({ vendor: id, state }) => [id, state])), { mixpanel: 'open', second: 'cut' })
    assert.deepEqual(
      eventsOf(vendor.loot()).map(({ properties }) => properties.n),
      [8],
      'nothing that was delivered goes out again, and nothing to the vendor that is cut',
    )
    await ask(program, 'vendor', 'restore', 'second', '--reason', 'test')
    const numbers = (): number[] => eventsOf(vendor.loot()).map(({ properties }) => Number(properties.n))
    await waitUntil('what was held went to the vendor that was cut', () => numbers().length >= 3)
    assert.deepEqual(numbers().sort(), [7, 8, 8])
    assert.equal(await program.stop(), 0)

    const after = await readStores({ dataDir: program.dataDir, keysDir: program.keysDir, at: Date.now() })
    assert.deepEqual(after.ledger.open, [])
    assert.equal(after.log.head, released.stores.log.head, 'nothing new came in')
    assert.ok(after.looks.count > released.stores.looks.count)
    assert.equal(after.people, released.stores.people)
    assert.deepEqual(after.policy, released.stores.policy, 'the policy that was applied still is')
  })
}

async function ask<Answer>(program: Program, ...args: string[]): Promise<Answer> {
  const result = await program.cli([...args, '--json'])
  assert.equal(result.code, 0, result.stderr)
  return lastJson<Answer>(result.stdout)
}

/** What was disclosed then still is, in the same words; what went out since adds to it. */
async function compareWho(program: Program, query: string, then: WhoResult): Promise<void> {
  const now = await ask<WhoResult>(program, 'who', query, '--reason', 'test')
  assert.equal(now.subject, then.subject, 'a person keeps their staff-view pseudonym')
  const key = (row: WhoResult['disclosures'][number]): string => `${row.vendor}/${row.destination}/${row.epoch}/${row.surface}`
  for (const row of then.disclosures) {
    const same = now.disclosures.find((candidate) => key(candidate) === key(row) && candidate.sentFirst === row.sentFirst)
    assert.ok(same, `${query}: the disclosure to ${key(row)} is still known`)
    assert.deepEqual(same.fields, row.fields)
    assert.ok(same.events >= row.events && same.states.delivered >= row.states.delivered)
  }
  for (const field of then.notSent) assert.ok(now.notSent.includes(field), `${query}: ${field} was not sent, and still was not`)
}

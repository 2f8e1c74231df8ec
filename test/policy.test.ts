/** Policy as people use it on a running Bulkhead: planned, applied, explained, started again; and files that are no policy. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import type { PolicyApply, PolicyApprove, PolicyExplain, PolicyPlan, PolicyPropose, PolicyShow } from '#api/policy-contract.ts'
import { delay, waitUntil } from '#drill/program.ts'
import { isForwarded } from '#drill/status.ts'
import { openRecordsReader } from '#records/records.ts'
import { killAll, lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { waitForWarehouse } from './support/counts.ts'
import { postEvents } from './support/gateway-client.ts'
import { assertSchema } from './support/schemas.ts'
import { eventsOf, startVendor } from './support/vendor.ts'
import { askWarehouse } from './support/warehouse.ts'

const EVENT = { $os: 'Linux', $browser: 'Firefox', $browser_version: 131, n: 1, plan: 'pro', $email: 'ann@mail.example' }

test('policy is planned, applied without a restart, explained, and not undone by a start', { timeout: 900_000 }, async (t) => {
  const vendor = await startVendor(t)
  const config = testConfig({
    vendorUrl: vendor.url,
    events: ['Opened'],
    properties: ['n'],
    more: 'store: {properties: {approved: [plan]}}\n',
  })
  const program = await startBulkhead(t, { config, env: vendorEnvironment })
  const ask = async <T>(schema: string, ...args: string[]): Promise<T> => {
    const result = await program.cli([...args, '--json'])
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
    const value = lastJson<T>(result.stdout)
    assertSchema(schema, value)
    return value
  }
  const post = async (round: string): Promise<void> => {
    const events = ['u1', 'u2', 'u3'].map((user) => ({
      event: 'Opened',
      properties: { ...EVENT, distinct_id: user, $insert_id: `${round}-${user}` },
    }))
    assert.equal((await postEvents(program.gatewayUrl, TOKENS.server, events)).body, '1')
  }
  const received = (): Record<string, unknown>[] => eventsOf(vendor.loot()).map(({ properties }) => properties)
  await post('before')
  await waitForWarehouse(program, 3)
  await waitUntil('the vendor has the first three', () => received().length === 3)

  const file = path.join(program.folder, 'policy.yaml')
  const shown = await program.cli(['policy', 'show', '--yaml'])
  writeFileSync(file, shown.stdout)
  const same = await ask<PolicyPlan>('policy-plan', 'policy', 'plan', file)
  assert.deepEqual(same.changes, [], 'what is shown as a file reads back to the same policy')

  writeFileSync(
    file,
    shown.stdout
      .replace(/( +)- n\n/, '$1- n\n$1- plan\n')
      .replace('    grants:\n', '    grants:\n      - { field: browser_version, form: coarse, purpose: support, reason: "old browsers" }\n')
      .replace(/ {6}- field: os\n.*\n.*\n/, ''),
  )
  const plan = await ask<PolicyPlan>('policy-plan', 'policy', 'plan', file)
  const expected = [
    { destination: 'mixpanel', field: 'browser_version', from: 'withheld', to: 'coarse', subjects: 3, events: 3 },
    { destination: 'mixpanel', field: 'os', from: 'coarse', to: 'withheld', subjects: 3, events: 3 },
    { destination: 'mixpanel', field: 'property.plan', from: 'withheld', to: 'clear', subjects: 3, events: 3 },
  ]
  assert.deepEqual(plan.changes, expected)
  const words = await program.cli(['policy', 'plan', file])
  assert.match(words.stdout, /starts sending `browser_version` \(coarse\) to mixpanel: 3 subjects/)

  const unexplained = await program.cli(['policy', 'apply', file, '--json'])
  assert.deepEqual([unexplained.code, lastJson<{ error: { code: string } }>(unexplained.stderr).error.code], [2, 'reason_required'])
  const applied = await ask<PolicyApply>('policy-apply', 'policy', 'apply', file, '--reason', 'support asks')
  assert.deepEqual([applied.version, applied.changed, applied.gateway], [2, true, 'taken'])
  await post('after')
  await waitUntil('the vendor has the next three', () => received().length === 6)
  const [old, next] = [received().slice(0, 3), received().slice(3)]
  assert.ok(old.every((one) => one.$os === 'Linux' && one.plan === undefined && one.$browser_version === undefined))
  assert.ok(next.every((one) => one.$os === undefined && one.plan === 'pro' && one.$browser_version === 131))

  const event = path.join(program.folder, 'event.json')
  writeFileSync(event, JSON.stringify({ event: 'Opened', properties: { ...EVENT, token: TOKENS.server, distinct_id: 'u1', unknown: 'x' } }))
  const explained = await ask<PolicyExplain>('policy-explain', 'policy', 'explain', event, '--vendor', 'mixpanel')
  const formOf = (field: string): string | undefined => explained.fields.find((each) => each.field === field)?.form
  assert.deepEqual(['browser_version', 'os', 'property.plan', 'property.unknown', 'email'].map(formOf), [
    'coarse',
    'withheld',
    'clear',
    'withheld',
    'withheld',
  ])
  const ofEntry = await ask<PolicyExplain>('policy-explain', 'policy', 'explain', '1:0', '--vendor', 'mixpanel')
  assert.ok(ofEntry.fields.some(({ field, rule }) => field === 'os' && rule === 'default:withheld'))

  await t.test('a start with the same file leaves it; one with a changed file takes what changed', async () => {
    await program.stop()
    await program.restart()
    const kept = await ask<PolicyShow>('policy-show', 'policy', 'show')
    assert.deepEqual([kept.version, kept.reason, kept.origin, kept.seal, kept.file], [2, 'support asks', 'apply', 'ok', 'differs'])
    await program.stop()
    const yaml = path.join(program.folder, 'bulkhead.yaml')
    const text = readFileSync(yaml, 'utf8')
    writeFileSync(yaml, text.replace('approved: ["n"]', 'approved: []'))
    assert.notEqual(readFileSync(yaml, 'utf8'), text)
    await program.restart()
    const merged = await ask<PolicyShow>('policy-show', 'policy', 'show')
    assert.deepEqual([merged.version, merged.origin, merged.destinations[0]?.properties], [3, 'file', ['plan']])
    assert.ok(merged.versions.every(({ seal }) => seal === 'ok'))
    assert.equal((await ask<PolicyShow>('policy-show', 'policy', 'show', '1')).destinations[0]?.properties.join(), 'n')
  })

  await t.test('names that wait are proposed without values, approved, and filled back in the own store alone', async () => {
    const sent = received().length
    const events = ['u1', 'u2', 'u3'].map((user) => ({
      event: 'Waited',
      properties: { ...EVENT, distinct_id: user, $insert_id: `w-${user}`, tier: `gold-${user}`, note: `${user}@mail.example` },
    }))
    assert.equal((await postEvents(program.gatewayUrl, TOKENS.server, events)).body, '1')
    await waitForWarehouse(program, 9)
    // What a destination has still to get is not filled.
    const areForwarded = (): Promise<boolean> => isForwarded(program, ['mixpanel'])
    await waitUntil('the vendor is decided on', areForwarded)
    const proposed = await ask<PolicyPropose>('policy-propose', 'policy', 'propose', '--k', '3', '--reason', 'r')
    const tier = proposed.proposals.find(({ name }) => name === 'tier')
    assert.deepEqual([tier?.people, tier?.types, tier?.shapes], [3, { string: 3 }, { code: 3 }])
    assert.deepEqual(proposed.proposals.find(({ name }) => name === 'note')?.personal, { email: 3 })
    for (const value of ['gold-', '@mail']) assert.ok(!JSON.stringify(proposed).includes(value), `${value} is told`)
    await refuse('name_unclear', /waits nowhere/, 'approve', 'nobody knows', '--reason', 'r')
    const approve = ['policy', 'approve', 'Waited', 'tier', 'note', '--backfill', '--reason', 'needed']
    // Everything is killed once the version stands and the days are being filled; done again, the command completes it.
    const killed = program.cli(approve)
    const records = openRecordsReader({ path: path.join(program.dataDir, 'records.db') })
    await waitUntil('the version stands', () => records.policyNumber() === 4)
    records.close()
    await delay(Math.random() * 300)
    await killAll(program.processes())
    await killed
    await program.restart()
    await waitUntil('the vendor is decided on again', areForwarded)
    const approved = await ask<PolicyApprove>('policy-approve', ...approve)
    assert.deepEqual([approved.version, approved.changed], [4, false])
    const held = (await ask<PolicyPropose>('policy-propose', 'policy', 'propose', '--k', '3', '--reason', 'r')).proposals
    assert.deepEqual(
      held.filter((each) => each.approved && each.personal['email'] === 3).map(({ name }) => name),
      ['note'],
      'what the detectors hold back under an approved key is told',
    )
    assert.deepEqual(approved.approved, { events: ['Waited'], properties: ['tier', 'note'] })
    assert.deepEqual([approved.backfill?.days, approved.backfill?.records, approved.destination], [1, 3, null])
    assert.equal(received().length, sent, 'the vendor gets nothing of it')
  })

  await t.test('what is no policy is refused with code, place and line, and changes nothing', async () => {
    const place = path.join(program.folder, 'wrong.yaml')
    writeFileSync(place, 'destinations:\n  - id: mixpanel\n    grants:\n      - { field: shoe_size, form: clear, purpose: p }\n')
    await refuse('policy_invalid', /wrong\.yaml:4:\d+: found the unknown field "shoe_size"/, 'apply', place, '--reason', 'r')
    writeFileSync(place, 'destinations:\n  - { id: elsewhere, grants: [] }\n')
    await refuse('destination_unknown', /elsewhere/, 'plan', place)
    writeFileSync(event, '{"event": ')
    await refuse('event_invalid', /event\.json is not JSON/, 'explain', event, '--vendor', 'mixpanel')
    assert.equal((await ask<PolicyShow>('policy-show', 'policy', 'show')).version, 4)
  })

  await program.stop()
  const filled = await askWarehouse<Record<string, number>>(
    path.join(program.dataDir, 'warehouse'),
    `SELECT count() AS rows, countIf(event = 'Waited') AS named, countIf(startsWith(JSONExtractString(properties, 'tier'), 'gold-u')) AS tiers,
      countIf(JSONHas(properties, 'note')) AS notes FROM events`,
  )
  assert.deepEqual(filled, [{ rows: 9, named: 3, tiers: 3, notes: 0 }], 'what the detectors hold back waits on')

  async function refuse(code: string, message: RegExp, ...args: string[]): Promise<void> {
    const result = await program.cli(['policy', ...args, '--json'])
    assert.equal(result.code, 1)
    const { error } = lastJson<{ error: { code: string; message: string } }>(result.stderr)
    assert.equal(error.code, code)
    assert.match(error.message, message)
  }
})

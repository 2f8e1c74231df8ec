/** An identity field in the clear, on the real program: proposed, approved by somebody else, sent, and gone after an erasure. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import type { AffectedResult, WhoResult } from '#api/contract.ts'
import type { ApprovalList, ApprovalShown, OperatorAdded, OperatorList } from '#api/operator-contract.ts'
import type { PolicyApply, PolicyExplain, PolicyPlan, PolicyShow } from '#api/policy-contract.ts'
import { waitUntil } from '#drill/program.ts'
import { lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { waitForWarehouse } from './support/counts.ts'
import { postEvents } from './support/gateway-client.ts'
import { assertSchema } from './support/schemas.ts'
import { needlesOf, PatternSet, scanFolder } from './support/search.ts'
import { eventsOf, startVendor } from './support/vendor.ts'

/** An approval that was used is open again, one is made of nothing, so is an operator, and another one's credential is exchanged. */
function forge(file: string, credential: string): void {
  const database = new DatabaseSync(file)
  database.exec('UPDATE approval SET used_at = NULL')
  const row = database.prepare('SELECT * FROM approval').get() as Record<string, string | number | null>
  const forged = { ...row, id: 50, what: String(row.what).replace('"email"', '"name"'), approved_by: 'ann', used_at: null }
  const columns = Object.keys(forged)
  const insert = `INSERT INTO approval (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
  database.prepare(insert).run(...Object.values(forged))
  database.prepare('INSERT INTO operator (name, credential_sha256, added_at, added_by) VALUES (?, ?, 0, ?)').run('mask', credential, '')
  database.prepare('UPDATE operator SET credential_sha256 = ? WHERE name = ?').run('f'.repeat(64), 'ann')
  database.close()
}

const EMAIL = 'ann.findable@mail.example'

test('an address leaves in the clear once two people agree, and is nowhere else', { timeout: 600_000 }, async (t) => {
  const vendor = await startVendor(t)
  const until = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10)
  const grants = `        grants:
          - { field: email, form: clear, purpose: support, until: ${until}, reason: "the support desk answers from there" }
          - { field: event, form: clear, purpose: analytics }
          - { field: time, form: coarse, purpose: analytics }
          - { field: user_id, form: pseudonym, purpose: analytics }
`
  const config = testConfig({ vendorUrl: vendor.url, events: ['Opened'], more: 'approvals: { singleOperatorDelayHours: 0.0015 }\n' })
  const program = await startBulkhead(t, { config, env: vendorEnvironment })
  const ask = async <T>(schema: string, ...args: string[]): Promise<T> => {
    const result = await program.cli([...args, '--json'])
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
    const value = lastJson<T>(result.stdout)
    assertSchema(schema, value)
    return value
  }
  const received = (): Record<string, unknown>[] => eventsOf(vendor.loot()).map(({ properties }) => properties)
  const post = async (round: string): Promise<Record<string, unknown>> => {
    const before = received().length
    const event = { event: 'Opened', properties: { distinct_id: 'ann-id', $email: EMAIL, $insert_id: round } }
    assert.equal((await postEvents(program.gatewayUrl, TOKENS.server, [event])).body, '1')
    await waitUntil('the vendor has it', () => received().length === before + 1)
    return received().at(-1) as Record<string, unknown>
  }
  const file = path.join(program.folder, 'ann.credential')
  await ask<OperatorAdded>('operator-add', 'operator', 'add', 'ann', '--file', file)
  assert.equal((await post('first')).$email, undefined)

  // Somebody edits the file: the rest counts at once, this waits for two people, since nobody knows who it was.
  await program.stop()
  writeFileSync(path.join(program.folder, 'bulkhead.yaml'), config.replace('        events:', `${grants}        events:`))
  await program.restart()
  const shown = await ask<PolicyShow>('policy-show', 'policy', 'show')
  const [waiting] = shown.pending
  assert.deepEqual([waiting?.field, waiting?.destination, shown.version, shown.actor], ['email', 'mixpanel', 2, 'bulkhead.yaml'])
  assert.ok(!shown.destinations[0]?.grants.some(({ field }) => field === 'email'))
  assert.equal((await post('pending')).$email, undefined)
  const yaml = path.join(program.folder, 'bulkhead.yaml')
  await waitForWarehouse(program, 2)
  const plan = await ask<PolicyPlan>('policy-plan', 'policy', 'plan', yaml)
  assert.deepEqual(plan.changes, [{ destination: 'mixpanel', field: 'email', from: 'withheld', to: 'clear', subjects: 1, events: 2 }])
  assert.deepEqual(plan.pending[0]?.approval, waiting?.approval)
  const again = await ask<PolicyApply>('policy-apply', 'policy', 'apply', yaml, '--reason', 'once more')
  assert.deepEqual([again.changed, again.pending.map(({ approval }) => approval)], [false, [waiting?.approval]])

  const id = String(waiting?.approval)
  const first = await ask<ApprovalShown>('approval-decision', 'approval', 'approve', id, '--reason', 'I wrote it')
  assert.deepEqual([first.state, first.proposedBy], ['pending', 'operator'])
  const own = await program.cli(['approval', 'approve', id, '--reason', 'again', '--json'])
  assert.equal(lastJson<{ error: { code: string } }>(own.stderr).error.code, 'approval_own')
  const second = await ask<ApprovalShown>('approval-decision', 'approval', 'approve', id, '--reason', 'agreed', '--as', file)
  assert.deepEqual([second.approvedBy, second.state], ['ann', 'used'])
  const inForce = await ask<PolicyShow>('policy-show', 'policy', 'show')
  assert.deepEqual(
    [inForce.version, inForce.actor, inForce.approvedBy, inForce.origin, inForce.seal],
    [3, 'operator', 'ann', 'approval', 'ok'],
  )
  assert.deepEqual([inForce.pending, inForce.file], [[], 'same'])
  const sent = await post('agreed')
  assert.equal(sent.$email, EMAIL)
  assert.match(String(sent.distinct_id), /^[0-9a-f-]{36}$/, 'people are known by pseudonyms all the same')

  const event = path.join(program.folder, 'event.json')
  writeFileSync(event, JSON.stringify({ event: 'Opened', properties: { token: TOKENS.server, distinct_id: 'ann-id', $email: EMAIL } }))
  const explained = await ask<PolicyExplain>('policy-explain', 'policy', 'explain', event, '--vendor', 'mixpanel')
  assert.match(explained.fields.find(({ field }) => field === 'email')?.reason ?? '', /approved by ann for operator: the plain value/)
  const who = await ask<WhoResult>('who', 'who', EMAIL, '--reason', 'test')
  assert.ok(who.disclosures.some(({ fields }) => fields.some(({ field, form }) => field === 'email' && form === 'clear')))
  const affected = await ask<AffectedResult>('incident-affected', 'incident', 'affected', '--vendor', 'mixpanel')
  const risk = await program.cli(['policy', 'risk'])
  assert.match(risk.stdout, /gets email in the clear/)
  assert.ok(affected.fields.some(({ field, form, subjects }) => field === 'email' && form === 'clear' && subjects === 1))

  assert.deepEqual(scanFolder(new PatternSet(needlesOf('address', EMAIL)), program.dataDir).hits, [])
  const metrics = await (await fetch(`${program.consoleUrl}/metrics`)).text()
  const { stdout, stderr } = program.output()
  assert.ok(![metrics, stdout, stderr].some((text) => text.includes(EMAIL)))

  // The same destination at another project: what two people agreed to was for the former. And somebody has written into the records.
  await program.stop()
  writeFileSync(yaml, readFileSync(yaml, 'utf8').replace(TOKENS.vendor, 'another-project'))
  const mask = path.join(program.folder, 'mask.credential')
  writeFileSync(mask, 'made-by-nobody\n')
  forge(path.join(program.dataDir, 'records.db'), createHash('sha256').update('made-by-nobody').digest('hex'))
  await program.restart()
  const { approvals } = await ask<ApprovalList>('approval-list', 'approval', 'list')
  assert.deepEqual(
    approvals.slice(-2).map(({ approval, state }) => [approval, state]),
    [
      [50, 'altered'],
      [waiting?.approval, 'altered'],
    ],
  )
  const { operators } = await ask<OperatorList>('operator-list', 'operator', 'list')
  assert.deepEqual(operators.map(({ name }) => name).sort(), ['ann', 'operator'])
  assert.match((await program.cli(['operator', 'list', '--as', mask])).stderr, /unauthorized/)
  const { checks } = lastJson<{ checks: { id: string; state: string; what: string }[] }>((await program.cli(['doctor', '--json'])).stdout)
  const found = checks.filter(({ id, state }) => id.startsWith('approvals_record') && state === 'fail').map(({ what }) => what)
  assert.match(found.join(' '), /proposals 50, 1 .*mask, ann/)
  assert.equal((await post('elsewhere')).$email, undefined)
  const moved = await ask<PolicyShow>('policy-show', 'policy', 'show')
  const [anew] = moved.pending
  assert.deepEqual([anew?.field, moved.pending.length, moved.file], ['email', 1, 'differs'])
  assert.notDeepEqual(anew?.recipient, inForce.destinations[0]?.recipient)
  assert.deepEqual(anew?.recipient, moved.destinations[0]?.recipient)
  assert.match(
    program.output().stderr + program.output().stdout,
    /mixpanel sends to this machine \(project .*email in the clear was agreed to for the former only/,
  )
  for (const as of [[], ['--as', file]])
    await ask<ApprovalShown>('approval-decision', 'approval', 'approve', String(anew?.approval), '--reason', 'seen where it goes', ...as)
  assert.equal((await post('agreed anew')).$email, EMAIL)

  const erased = await program.cli(['erase', 'ann-id', '--reason', 'asked', '--json'])
  assert.equal(erased.code, 0, erased.stderr)
  const plain = { event: 'Opened', properties: { distinct_id: 'ann-id', $insert_id: 'back' } }
  assert.equal((await postEvents(program.gatewayUrl, TOKENS.server, [plain])).body, '1')
  await waitUntil('the vendor has it', () => received().length === 6)
  assert.equal(received().at(-1)?.$email, undefined)
})

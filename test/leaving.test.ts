/**
 * Leaving a vendor with the real program: what waits is decided on, an erased person does not come back with it, the flow ends for
 * good, everybody's deletion is asked for and followed, and a vendor that is in no configuration any more still answers.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import type { AffectedResult, Doctor, VendorCut, VendorRestore, VendorShow } from '#api/contract.ts'
import type { DeletionsResult, HeldResult, RetireResult } from '#api/leaving-contract.ts'
import { type CommandResult, type Program, waitUntil } from '#drill/program.ts'
import { killAll, lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { DELETION_TOKEN, type DeletionDesk, startDeletionDesk } from './support/deletion-desk.ts'
import { postEvents } from './support/gateway-client.ts'
import { readLedger } from './support/numbered.ts'
import { assertSchema } from './support/schemas.ts'
import { eventsOf, startVendor } from './support/vendor.ts'

const PEOPLE = ['ann', 'bob', 'cid', 'dan']

async function start(t: TestContext): Promise<{ program: Program; desk: DeletionDesk; numbers: () => number[]; loot: () => number }> {
  const vendor = await startVendor(t)
  const desk = await startDeletionDesk(t, vendor.url)
  const config = testConfig({ vendorUrl: desk.url, events: ['Bought'], properties: ['n'] }).replace(
    `token: ${TOKENS.vendor}\n`,
    `token: ${TOKENS.vendor}\n        deletionToken: "\${TEST_DELETION_TOKEN}"\n        deletionDays: 20\n`,
  )
  const env = { ...vendorEnvironment, TEST_DELETION_TOKEN: DELETION_TOKEN }
  const program = await startBulkhead(t, { config, env })
  const numbers = (): number[] => eventsOf(vendor.loot()).map(({ properties }) => Number(properties.n))
  return { program, desk, numbers, loot: () => vendor.loot().length }
}

/** One event of each person; `n` is ten times the round plus the person's place. */
async function post(program: Program, round: number): Promise<void> {
  const events = PEOPLE.map((name, index) => {
    const properties = { distinct_id: name, $user_id: name, n: round * 10 + index, $insert_id: `${round}-${name}`, time: Date.now() }
    return { event: 'Bought', properties }
  })
  assert.equal((await postEvents(program.gatewayUrl, TOKENS.server, events)).body, '1')
}

/** As the command line asks, without a process for each question. */
async function ask<Answer>(program: Program, route: string, body?: object): Promise<{ status: number; answer: Answer }> {
  const authorization = `Bearer ${readFileSync(path.join(program.keysDir, 'operator'), 'utf8').trim()}`
  const post = { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const reply = await fetch(`${program.consoleUrl}/v1/${route}`, body === undefined ? { headers: { authorization } } : post)
  return { status: reply.status, answer: (await reply.json()) as Answer }
}

async function told<Answer>(program: Program, route: string, body?: object): Promise<Answer> {
  const { status, answer } = await ask<Answer>(program, route, body)
  assert.equal(status, 200, JSON.stringify(answer))
  return answer
}

async function refusal(program: Program, route: string, body: object): Promise<string> {
  return (await ask<{ error: { code: string } }>(program, route, body)).answer.error.code
}

async function ok<Answer>(running: Promise<CommandResult>, schema: string): Promise<Answer> {
  const { code, stdout, stderr } = await running
  assert.equal(code, 0, stderr)
  const answer = lastJson<Answer>(stdout)
  assertSchema(schema, answer)
  return answer
}

async function checkOf(program: Program, id: string): Promise<string | undefined> {
  return (await told<Doctor>(program, 'doctor')).checks.find((check) => check.id === id)?.state
}

const why = ['--reason', 'test', '--json']

test('a vendor is cut, decided on, left and deleted at, and still answers years later', { timeout: 600_000 }, async (t) => {
  const { program, desk, numbers, loot } = await start(t)
  const vendor = (...args: string[]): Promise<CommandResult> => program.cli(['vendor', ...args])
  const deletions = (query = ''): Promise<DeletionsResult> => told(program, `vendors/mixpanel/deletions${query}`)
  const reason = 'test'
  await post(program, 1)
  await waitUntil('the first round is there', () => numbers().length >= 4)

  const cut = await ok<VendorCut>(vendor('cut', 'mixpanel', ...why), 'vendor-cut')
  assert.deepEqual(
    cut.credentials.map(({ name, toRotate }) => [name, toRotate]),
    [
      ['mixpanel.deletionToken', true],
      ['mixpanel.serviceAccount', true],
      ['mixpanel.token', true],
    ],
  )
  await post(program, 2)
  const held = await told<HeldResult>(program, 'vendors/mixpanel/held')
  const [counted] = held.destinations[0]?.counts ?? []
  assert.deepEqual([held.events, held.undecided, held.exact, counted?.kind, counted?.events], [4, 4, true, 'event', 4])
  assert.equal(await checkOf(program, 'held_decision:mixpanel'), 'warn')
  assert.equal(await refusal(program, 'vendors/mixpanel/held', { decision: 'drop', reason: ' ' }), 'reason_required')
  const dropped = await ok<HeldResult>(vendor('held', 'mixpanel', '--decide', 'drop', ...why), 'vendor-held')
  assert.deepEqual([dropped.undecided, dropped.decisions.map(({ decision, events }) => [decision, events])], [0, [['drop', 4]]])

  await post(program, 3)
  // While the flow is cut: the deletion is asked for all the same, and what waits of the person is never sent.
  const erased = await told<{ vendorsAsked: { state: string }[] }>(program, 'erase', { query: 'ann', reason })
  assert.deepEqual([erased.vendorsAsked.map(({ state }) => state), desk.taken.length], [['asked'], 1])
  const [asked] = await deletions()
  assert.deepEqual([asked?.state, asked?.subjectCount, asked?.origin], ['asked', 1, 'erasure'])
  assert.equal(Date.parse(asked?.dueAt ?? '') - Date.parse(asked?.askedAt ?? ''), 20 * 86_400_000, 'as the configuration says')

  await killAll(program.processes())
  await program.ended
  await program.restart()
  const before = loot()
  await told<VendorRestore>(program, 'vendors/mixpanel/restore', { reason })
  await waitUntil('what waited since is there', () => numbers().length >= 7)
  await post(program, 4)
  await waitUntil('and what came then', () => numbers().length >= 11)
  assert.deepEqual(
    numbers()
      .filter((n) => n < 40)
      .toSorted((a, b) => a - b),
    [10, 11, 12, 13, 31, 32, 33],
    'nothing of what was dropped, nothing old of who was erased',
  )
  assert.ok(loot() >= before)

  await t.test('retired: nothing more, epochs closed, everybody asked for', async () => {
    const retired = await ok<RetireResult>(vendor('retire', 'mixpanel', '--delete', ...why), 'vendor-retire')
    assert.deepEqual([retired.state, retired.unfenced, retired.closedEpochs], ['retired', [], [{ destination: 'mixpanel', epoch: 1 }]])
    const sent = loot()
    await post(program, 5)
    desk.cloud.shape = 'list'
    await waitUntil('it was asked', async () => (await deletions()).some(({ origin, state }) => origin === 'leaving' && state === 'asked'))
    const all = await deletions()
    // Ann twice: erased under one name, and back under another; she and the others are named by what the vendor knows.
    assert.deepEqual(
      all.filter(({ origin }) => origin === 'leaving').map(({ subjectCount }) => subjectCount),
      [5],
    )
    assert.equal(new Set(desk.taken.at(-1)).size, 5)
    assert.deepEqual(desk.complaints, [])
    const again = await ok<RetireResult>(vendor('retire', 'mixpanel', ...why), 'vendor-retire')
    assert.equal(again.deletionWanted, true, 'what was asked for before is not denied')
    for (const [what, more] of [['restore'], ['rotate'], ['held', { decision: 'release' }]] as const) {
      assert.equal(await refusal(program, `vendors/mixpanel/${what}`, { reason, ...more }), 'vendor_retired')
    }
    assert.equal(loot(), sent, 'no event after')
    assert.equal(await checkOf(program, 'credentials:mixpanel'), 'fail')
  })

  await t.test('followed until the vendor says done', async () => {
    for (const task of desk.cloud.tasks) task.state = 'STARTED'
    assert.deepEqual(new Set((await deletions('?refresh=1')).map(({ state }) => state)), new Set(['asked']))
    for (const task of desk.cloud.tasks) task.state = 'SUCCESS'
    const done = await ok<DeletionsResult>(vendor('deletions', 'mixpanel', '--refresh', '--json'), 'vendor-deletions')
    assert.deepEqual(new Set(done.map(({ state }) => state)), new Set(['vendor says done']))
    await ok(vendor('credential', 'mixpanel', 'mixpanel.token', '--rotated', ...why), 'vendor-credential')
    for (const name of ['serviceAccount', 'deletionToken']) {
      await told(program, 'vendors/mixpanel/credentials', { name: `mixpanel.${name}`, reason })
    }
    assert.equal(await refusal(program, 'vendors/mixpanel/credentials', { name: 'other', reason }), 'credential_unknown')
    assert.equal(await checkOf(program, 'credentials:mixpanel'), undefined)
  })

  await t.test('out of the configuration it still answers', async () => {
    const affected = await told<AffectedResult>(program, 'incidents/affected', { vendor: 'mixpanel' })
    assert.equal(await program.stop(), 0)
    const file = path.join(program.folder, 'bulkhead.yaml')
    const [text] = readFileSync(file, 'utf8').split('vendors:\n')
    writeFileSync(file, `${text}vendors: []\n`)
    await program.restart()
    const show = await ok<VendorShow>(vendor('show', 'mixpanel', '--json'), 'vendor-show')
    assert.deepEqual([show.state, show.configured, show.deletions?.done], ['retired', false, 6])
    assert.ok(show.credentials.length === 3 && show.credentials.every(({ configured, toRotate }) => !configured && !toRotate))
    assert.deepEqual(
      (await deletions()).map(({ state }) => state),
      ['vendor says done', 'vendor says done'],
    )
    const again = await told<AffectedResult>(program, 'incidents/affected', { vendor: 'mixpanel' })
    assert.deepEqual([again.subjects, again.fields], [affected.subjects, affected.fields])
    assert.equal((await told<{ disclosures: unknown[] }>(program, 'who', { query: 'bob', reason })).disclosures.length, 2)
    const ledger = await readLedger(path.join(program.dataDir, 'ledger'))
    assert.ok(ledger.filter((entry) => entry.type === 'intent' && entry.purpose === 'deletion request').length >= 2)
  })
})

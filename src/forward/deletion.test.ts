/** Deletion calls over a real ledger: their own grant, written before sent, at the vendor's pace, and closed whatever happens. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#base/secret.ts'
import { systemClock } from '#base/clock.ts'
import type { EgressRequest, Protocol } from '#model/protocol.ts'
import { mixpanelDeletion } from '#protocols/mixpanel/deletion.ts'
import { BulkheadError } from '#base/errors.ts'
import type { DeletionVault } from '#vault/port.ts'
import { DeletionSender } from './deletion.ts'
import { Manifests } from './manifest-memory.ts'
import { type Send, type SendAnswer, SendError } from './port.ts'
import { plainProtocol, testDestination, testRecords } from './testing-parts.ts'
import { event, outcomes, setUp } from './testing-stage.ts'

const TASK: SendAnswer = { status: 201, body: JSON.stringify({ status: 'ok', results: { task_id: 't1' } }), headers: {} }
const ONE = { epoch: 1, users: [7], devices: [8] }

type Stage = Awaited<ReturnType<typeof setUp>>

function senderOn(
  stage: Stage,
  answer: (request: EgressRequest) => SendAnswer | SendError,
  change: { intervalMs?: number; token?: false } = {},
) {
  const sent: { request: EgressRequest; open: number; at: number }[] = []
  const send: Send = Object.assign(
    async (request: EgressRequest) => {
      sent.push({ request, open: stage.ledger.openIntents().length, at: performance.now() })
      const given = answer(request)
      if (given instanceof SendError) throw given
      return given
    },
    { destroyAll: () => undefined },
  )
  const vault: DeletionVault = {
    erasedPeople: async () => ({ ordinals: [], shared: [] }),
    deletionPseudonyms: async ({ epoch, subjects }) => {
      if (epoch === 9) throw new BulkheadError('vault_refused', 'destroyed')
      return Array.from({ length: subjects.length / 2 }, (_, index) => `p${subjects[index * 2 + 1]}`)
    },
  }
  const protocol: Protocol = { ...plainProtocol(), deletion: { ...mixpanelDeletion, idsMax: 3, intervalMs: change.intervalMs ?? 0 } }
  const destination = { ...testDestination('http://127.0.0.1'), deletionToken: change.token === false ? undefined : new Secret('oauth') }
  const context = { url: 'http://127.0.0.1', token: 'project', credentials: { kind: 'secret', secret: 'hush' } } as const
  const records = testRecords(stage.flow)
  const { ledger } = stage
  const manifests = new Manifests(stage.vault)
  const sender = new DeletionSender({ destination, context, protocol, ledger, vault, manifests, records, send, clock: systemClock })
  return { sender, sent }
}

test('it goes out while the flow is cut or ended, and its intent is durable before', { timeout: 240_000 }, async (t) => {
  const stage = await setUp(t)
  const { sender, sent } = senderOn(stage, () => TASK)
  for (const state of ['open', 'cut', 'retired'] as const) {
    Object.assign(stage.flow, { state, fence: stage.flow.fence + 1 })
    const answer = await sender.ask(ONE)
    assert.deepEqual([answer.state, answer.state === 'asked' && answer.tasks], ['asked', ['t1']], state)
    assert.equal(sent.at(-1)?.open, 1, 'an intent stood open when the request began')
  }
  assert.deepEqual(
    outcomes(stage.ledger).map(({ state }) => state),
    ['delivered', 'delivered', 'delivered'],
  )
  assert.equal(stage.ledger.openIntents().length, 0)
})

test('without the token nothing is sent and nothing written; a destroyed epoch is refused', { timeout: 240_000 }, async (t) => {
  const stage = await setUp(t)
  const without = senderOn(stage, () => TASK, { token: false })
  assert.deepEqual(await without.sender.ask(ONE), { state: 'due', why: 'no_deletion_token' })
  assert.deepEqual(await without.sender.progress('t1'), { kind: 'unknown', reason: 'no_deletion_token' })
  const { sender, sent } = senderOn(stage, () => TASK)
  assert.deepEqual(await sender.ask({ ...ONE, epoch: 9 }), { state: 'due', why: 'epoch_destroyed', refused: true })
  assert.deepEqual([without.sent.length, sent.length, stage.ledger.head], [0, 0, 0])
})

test('what a vendor answers, and what a broken line leaves, each closes its intent', { timeout: 240_000 }, async (t) => {
  const stage = await setUp(t)
  const answers: (SendAnswer | SendError)[] = [
    { status: 429, body: '', headers: { 'retry-after': '60' } },
    { status: 401, body: '', headers: {} },
    { status: 503, body: '', headers: {} },
    new SendError('connect_failed', false),
    new SendError('broken_off', true),
    TASK,
  ]
  const { sender } = senderOn(stage, () => answers.shift() as SendAnswer)
  const found = []
  while (answers.length > 0) found.push(await sender.ask(ONE))
  assert.deepEqual(
    found.map((answer) => (answer.state === 'asked' ? 'asked' : [answer.why, answer.refused ?? false, answer.retryAfterMs ?? 0])),
    [
      ['too_many_requests', false, 60_000],
      ['bad_credentials', true, 0],
      ['unavailable', false, 0],
      ['connect_failed', false, 0],
      ['broken_off', false, 0],
      'asked',
    ],
  )
  assert.deepEqual(
    outcomes(stage.ledger).map(({ state }) => state),
    ['delivered', 'delivered', 'delivered', 'not_sent', 'possible', 'delivered'],
  )
})

test('many identifiers go in several requests at the pace of the vendor; all tasks come back', { timeout: 240_000 }, async (t) => {
  const stage = await setUp(t)
  let number = 0
  const { sender, sent } = senderOn(
    stage,
    () => ({ ...TASK, body: JSON.stringify({ status: 'ok', results: { task_id: `t${++number}` } }) }),
    { intervalMs: 80 },
  )
  const [answer, progress] = await Promise.all([sender.ask({ epoch: 1, users: [1, 2, 3, 4, 5], devices: [6, 7] }), sender.progress('t1')])
  assert.deepEqual(answer.state === 'asked' && answer.tasks, ['t1', 't2', 't3'])
  assert.equal(progress.kind, 'unknown', 'an answer of another kind')
  const gaps = sent.slice(1).map(({ at }, index) => at - (sent[index]?.at ?? 0))
  assert.ok(sent.length === 4 && gaps.every((gap) => gap >= 70), gaps.join())
})

test('a vendor that refuses one part is not asked for the next', { timeout: 240_000 }, async (t) => {
  const stage = await setUp(t)
  const { sender, sent } = senderOn(stage, () => (sent.length === 2 ? { status: 401, body: '', headers: {} } : TASK))
  const answer = await sender.ask({ epoch: 1, users: [1, 2, 3, 4, 5, 6, 7, 8], devices: [] })
  assert.deepEqual([answer.state === 'due' && answer.why, sent.length], ['bad_credentials', 2])
})

test('what a killed process left open counts as possible', { timeout: 240_000 }, async (t) => {
  const stage = await setUp(t)
  const { sender } = senderOn(stage, () => {
    throw new Error('killed')
  })
  await assert.rejects(sender.ask(ONE), /killed/)
  // And the forwarder's own, which is the forwarder's to end.
  stage.vendor.answer = () => 'hang'
  stage.log.add(event(1))
  const hanging = stage.forwarder.step()
  while (stage.vendor.arrived.length === 0) await new Promise((resolve) => void setTimeout(resolve, 5))
  await stage.forwarder.close()
  await hanging
  assert.equal(stage.ledger.openIntents().length, 2)
  await senderOn(stage, () => TASK).sender.settle()
  assert.deepEqual(
    outcomes(stage.ledger).map(({ intent, state }) => [intent, state]),
    [[1, 'possible']],
  )
  assert.equal(stage.ledger.openIntents().length, 1)
})

/** When a vendor is asked, when it is overdue, and which of its destinations is left in peace. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { DAY_MS } from '#base/clock.ts'
import { DELETION_PURPOSE } from '#model/disclosure.ts'
import type { Deletion } from '#vault/erasure-port.ts'
import { isEarly, lookAfter, stateOf } from './asking.ts'
import { planDeletions } from './deletions.ts'
import type { VendorCalls } from './ports.ts'

const NOW = Date.UTC(2026, 10, 1)
const owed = (change: Partial<Deletion> = {}): Deletion => {
  return { vendor: 'v', destination: 'd', epoch: 1, state: 'due', at: NOW, users: [1], devices: [], ...change }
}

test('a promise is kept on its last instant, and broken behind it', () => {
  const asked = owed({ state: 'asked', dueAt: NOW + DAY_MS })
  assert.deepEqual([stateOf(asked, NOW + DAY_MS), stateOf(asked, NOW + DAY_MS + 1)], ['asked', 'overdue'])
  assert.deepEqual(
    [stateOf(owed({ state: 'done', dueAt: NOW }), NOW + 1), stateOf(owed({ refused: true }), NOW)],
    ['vendor says done', 'refused'],
  )
})

test('who was asked in vain is asked again after ever longer, and never later than a day after', () => {
  assert.equal(isEarly(owed(), NOW), false, 'nobody was asked yet')
  for (const [attempts, ms] of [
    [1, 5_000],
    [2, 10_000],
    [5, 80_000],
    [40, DAY_MS],
  ] as const) {
    assert.deepEqual([isEarly(owed({ attempts }), NOW + ms - 1), isEarly(owed({ attempts }), NOW + ms)], [true, false], `${attempts}`)
  }
  // What the vendor asked for counts, but not what a clock that was set makes of it.
  assert.deepEqual(
    [isEarly(owed({ notBefore: NOW + 60_000 }), NOW), isEarly(owed({ notBefore: NOW + 60_000 }), NOW + 60_000)],
    [true, false],
  )
  assert.equal(isEarly(owed({ notBefore: NOW + 2 * DAY_MS }), NOW), false)
  assert.equal(isEarly(owed({ attempts: 1, at: NOW + 2 * DAY_MS }), NOW), false)
})

test('a destination that gives no answer is not waited for again in the same round; all tasks have to be done', async () => {
  const asked: string[] = []
  const answers = new Map<string, Awaited<ReturnType<VendorCalls['deletionProgress']>>>([
    ['away', { kind: 'unknown', reason: 'connect_failed' }],
    ['odd', { kind: 'unknown', reason: 'unreadable_answer' }],
    ['pending', { kind: 'pending', said: 'STARTED' }],
    ['done', { kind: 'done', said: 'SUCCESS' }],
  ])
  const calls = {
    deletionProgress: async (_destination: string, task: string) => {
      asked.push(task)
      return answers.get(task) ?? assert.fail()
    },
  } as Partial<VendorCalls> as VendorCalls
  const silent = new Set<string>()
  const look = async (tasks: string[], destination = 'd'): Promise<string> =>
    (await lookAfter(owed({ state: 'asked', tasks, destination }), { calls, now: () => NOW, silent })).state
  assert.equal(await look(['done', 'done']), 'done')
  assert.equal(await look(['done', 'pending']), 'asked')
  assert.equal(await look(['pending', 'done']), 'asked')
  assert.equal(await look(['odd', 'done']), 'asked')
  assert.equal(silent.size, 0, 'an answer that cannot be read is one')
  asked.length = 0
  assert.deepEqual([await look(['away', 'done']), await look(['done']), await look(['done'], 'other')], ['asked', 'asked', 'done'])
  assert.deepEqual(asked, ['away', 'done'], 'of the other destination alone')
})

test('a vendor is asked about what it was sent and what may be on its way; what it promised stays, unless there is more', async () => {
  const row = { vendor: 'v', destination: 'd', epoch: 1, kind: 'user' as const, subject: 1, purpose: 'analytics' }
  const open = [
    { ...row, subject: 2 },
    { ...row, kind: 'device' as const, subject: 3 },
    { ...row, subject: 99 },
    { ...row, kind: 'group' as const, subject: 1 },
    { ...row, purpose: DELETION_PURPOSE, subject: 4 },
    { ...row, destination: 'other', epoch: 2 },
  ]
  const job = { ordinals: [1, 2, 3, 4], deletions: [] as Deletion[] }
  const plan = (deletions: Deletion[], loaded: object[], underWay: typeof open): Promise<Deletion[]> =>
    planDeletions({ ...job, deletions } as unknown as Parameters<typeof planDeletions>[0], {
      barrier: async () => ({ open: underWay as never }),
      warehouse: { query: async <Row>() => loaded as Row[] },
      now: NOW,
    })
  const planned = await plan([], [row, { ...row, epoch: '1', subject: '2' }], open)
  assert.deepEqual(planned, [owed({ users: [2, 1], devices: [3] }), owed({ destination: 'other', epoch: 2, users: [1], devices: [] })])
  // The same again changes nothing, and one more makes it due again with the promise that was given.
  const asked = owed({ state: 'asked', at: NOW - 9, tasks: ['t'], askedAt: NOW - 9, dueAt: NOW + 9 })
  assert.deepEqual(await plan([asked], [row], []), [asked])
  const { tasks: _tasks, ...more } = asked
  assert.deepEqual(await plan([asked], [row], open.slice(0, 1)), [{ ...more, state: 'due', at: NOW, users: [1, 2] }])
  const done = owed({ state: 'done', askedAt: NOW - 9, dueAt: NOW + 9 })
  assert.deepEqual(await plan([done], [], open.slice(0, 1)), [owed({ users: [1, 2] })], 'what it says is done, it says of those')
})

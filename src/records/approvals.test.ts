import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BulkheadError } from '#base/errors.ts'
import { type Approvals, createApprovals, SINGLE_OPERATOR } from './approvals.ts'
import type { Records } from './port.ts'
import { openRecords } from './records.ts'
import { testApprovalRecord } from './approvals-fixture.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = 1_800_000_000_000

interface Stage {
  records: Records
  approvals: Approvals
  looks: { actor: string; action: string; seen: string }[]
  now: number
}

function stage(run: (stage: Stage) => Promise<void>): Promise<void> {
  const records = openRecords({ path: ':memory:' })
  const set: Stage = { records, looks: [], now: START, approvals: undefined as never }
  set.approvals = createApprovals({
    records,
    // What stands in the records at the moment at which the look is durable.
    known: testApprovalRecord(({ actor, action, reason }) => {
      assert.ok(reason.length > 0)
      set.looks.push({ actor, action, seen: records.approvals.list().map(stateText).join(' ') })
    }),
    now: () => set.now,
    singleOperatorDelayHours: 24,
  })
  records.operators.adoptFirst('operator', 'a'.repeat(64))
  return run(set).finally(() => records.close())
}

function stateText({ id, approvedBy, rejectedBy }: { id: number; approvedBy: string | null; rejectedBy: string | null }): string {
  return `${id}:${approvedBy ?? '-'}:${rejectedBy ?? '-'}`
}

function addOperator({ records, now }: Stage, name: string, by = 'operator'): void {
  records.operators.add({ name, credentialSha256: Buffer.from(name.padEnd(32)).toString('hex'), at: now, by })
}

const code = (wanted: string) => (thrown: unknown) => thrown instanceof BulkheadError && thrown.code === wanted

test('somebody else approves, for that very text, and each step is in the looks before it counts', () =>
  stage(async (set) => {
    const { approvals, looks } = set
    addOperator(set, 'ann')
    set.now += 2 * DAY
    const { id } = await approvals.propose({ kind: 'k', what: 'text', by: 'ann', reason: 'r' })
    assert.equal((await approvals.propose({ kind: 'k', what: 'text', by: 'ann', reason: 'again' })).id, id)
    await assert.rejects(approvals.require('k', 'text'), code('approval_needed'))
    await assert.rejects(approvals.approve(id, 'ann', 'mine'), code('approval_own'))
    await assert.rejects(approvals.approve(99, 'operator', 'r'), code('approval_unknown'))
    await approvals.approve(id, 'operator', 'seen')
    assert.equal((await approvals.require('k', 'text')).approvedBy, 'operator')
    await assert.rejects(approvals.require('k', 'text '), code('approval_needed'))
    await assert.rejects(approvals.require('other', 'text'), code('approval_needed'))
    await assert.rejects(approvals.approve(id, 'operator', 'twice'), code('approval_closed'))
    await approvals.use(id)
    await assert.rejects(approvals.require('k', 'text'), code('approval_needed'))
    const other = await approvals.propose({ kind: 'k', what: 'other', by: 'operator', reason: 'r' })
    await approvals.reject(other.id, 'ann', 'no')
    await assert.rejects(approvals.approve(other.id, 'ann', 'changed my mind'), code('approval_closed'))
    assert.deepEqual(
      looks.map(({ actor, action, seen }) => [actor, action.split(' ').slice(0, 3).join(' '), seen]),
      [
        ['ann', 'approval propose k', ''],
        ['operator', 'approval approve 1', '1:-:-'],
        ['operator', 'approval use 1', '1:operator:-'],
        ['operator', 'approval propose k', '1:operator:-'],
        ['ann', 'approval reject 2', '2:-:- 1:operator:-'],
      ],
    )
  }))

test('a second credential made a moment ago is no second person; with one operator time stands for one', () =>
  stage(async (set) => {
    const { approvals } = set
    addOperator(set, 'mask')
    const { id } = await approvals.propose({ kind: 'k', what: 't', by: 'operator', reason: 'r' })
    const approved = await approvals.approve(id, 'mask', 'r')
    assert.equal(approvals.stateOf(approved), 'approved')
    await assert.rejects(approvals.require('k', 't'), code('approval_needed'))
    set.now += DAY - 1
    await assert.rejects(approvals.require('k', 't'), code('approval_needed'))
    set.now += 1
    assert.equal((await approvals.require('k', 't')).approvedBy, 'mask')

    const alone = await approvals.propose({ kind: 'k', what: 'alone', by: 'operator', reason: 'r' })
    set.now += 3 * DAY
    assert.deepEqual([approvals.countsFrom(alone), (await approvals.settle()).length], [undefined, 1], 'somebody else could approve')
    set.records.operators.remove('mask', { at: set.now, by: 'operator' })
    await assert.rejects(approvals.require('k', 'alone'), code('approval_needed'))
    set.now += DAY
    const settled = await approvals.settle()
    assert.deepEqual(settled.map(({ approvedBy }) => approvedBy).sort(), ['mask', SINGLE_OPERATOR])
    assert.equal((await approvals.require('k', 'alone')).approvedBy, SINGLE_OPERATOR)
  }))

test('who approved and was removed before it counted is no second person', () =>
  stage(async (set) => {
    const { approvals } = set
    addOperator(set, 'mask')
    const { id } = await approvals.propose({ kind: 'k', what: 't', by: 'operator', reason: 'r' })
    await approvals.approve(id, 'mask', 'r')
    set.now += 1000
    set.records.operators.remove('mask', { at: set.now, by: 'operator' })
    assert.equal(approvals.stateOf(approvals.get(id)), 'pending')
    set.now += DAY - 1
    await assert.rejects(approvals.require('k', 't'), code('approval_needed'))
    set.now += 1
    assert.equal((await approvals.require('k', 't')).approvedBy, SINGLE_OPERATOR, 'and it says so')
  }))

test('what the file proposes needs two people, and nothing outlives its end', () =>
  stage(async (set) => {
    const { approvals } = set
    addOperator(set, 'ann')
    set.now += 2 * DAY
    const end = set.now + 10 * DAY
    const { id } = await approvals.propose({ kind: 'k', what: 't', by: 'bulkhead.yaml', reason: 'the file changed', expiresAt: end })
    assert.equal((await approvals.approve(id, 'ann', 'r')).approvedBy, null)
    await assert.rejects(approvals.approve(id, 'ann', 'r'), code('approval_own'))
    const approved = await approvals.approve(id, 'operator', 'r')
    assert.deepEqual([approved.origin, approved.proposedBy, approved.approvedBy], ['file', 'ann', 'operator'])
    await approvals.require('k', 't')
    set.now = end
    await assert.rejects(approvals.require('k', 't'), code('approval_needed'))
    assert.equal(approvals.stateOf(approvals.get(id)), 'expired')
  }))

test('a removed credential opens nothing at once, its name is never given again, and one operator remains', () =>
  stage(async (set) => {
    const { operators } = set.records
    addOperator(set, 'ann')
    const hash = Buffer.from('ann'.padEnd(32)).toString('hex')
    assert.equal(operators.named(hash), 'ann')
    operators.remove('ann', { at: set.now, by: 'operator' })
    assert.equal(operators.named(hash), undefined)
    assert.throws(() => addOperator(set, 'ann'), code('operator_exists'))
    assert.throws(() => operators.remove('ann', { at: 1, by: 'x' }), code('operator_unknown'))
    assert.throws(() => operators.remove('operator', { at: 1, by: 'x' }), code('operator_last'))
    addOperator(set, 'bob')
    operators.remove('operator', { at: set.now, by: 'bob' })
    assert.equal(operators.adoptFirst('operator', 'b'.repeat(64)), false, 'a removed one does not come back with its file')

    const older = openRecords({ path: ':memory:' })
    older.operators.adoptFirst('operator', 'a'.repeat(64))
    older.operators.adopt(operators.remembered())
    assert.deepEqual(older.operators.list(), operators.list())
    assert.equal(older.operators.named('a'.repeat(64)), undefined, 'a restore does not bring back who was removed')
    older.close()
  }))

test('who proposed with a credential made a moment ago is no other person either', () =>
  stage(async (set) => {
    const { approvals } = set
    addOperator(set, 'mask')
    const { id } = await approvals.propose({ kind: 'k', what: 't', by: 'mask', reason: 'r' })
    assert.equal(approvals.stateOf(await approvals.approve(id, 'operator', 'r')), 'approved')
    set.now += DAY - 1
    await assert.rejects(approvals.require('k', 't'), code('approval_needed'))
    set.now += 1
    assert.equal((await approvals.require('k', 't')).proposedBy, 'mask')
    // Whoever leaves once it counts has approved it.
    set.records.operators.remove('operator', { at: set.now, by: 'mask' })
    assert.equal(approvals.stateOf(approvals.get(id)), 'counts')
  }))

test('of two who say something at once the first counts: nothing is decided twice, nothing proposed twice', () =>
  stage(async (set) => {
    const { approvals } = set
    addOperator(set, 'ann')
    addOperator(set, 'bob')
    set.now += 2 * DAY
    const propose = (what: string, by = 'operator') => approvals.propose({ kind: 'k', what, by, reason: 'r' })
    const said = async (...calls: Promise<unknown>[]) =>
      (await Promise.allSettled(calls)).map((each) => (each.status === 'fulfilled' ? 'taken' : (each.reason as BulkheadError).code))
    const first = await propose('one')
    assert.deepEqual(await said(approvals.reject(first.id, 'bob', 'no'), approvals.approve(first.id, 'ann', 'r')), [
      'taken',
      'approval_closed',
    ])
    assert.deepEqual([approvals.get(first.id).approvedBy, approvals.stateOf(approvals.get(first.id))], [null, 'rejected'])
    const second = await propose('two')
    assert.deepEqual(await said(approvals.reject(second.id, 'bob', 'no'), approvals.reject(second.id, 'ann', 'no')), [
      'taken',
      'approval_closed',
    ])
    assert.equal(approvals.get(second.id).rejectedBy, 'bob')
    assert.deepEqual(await said(propose('three', 'ann'), propose('three', 'bob')), ['taken', 'taken'])
    assert.deepEqual(
      approvals.list().flatMap(({ what, proposedBy }) => (what === 'three' ? [proposedBy] : [])),
      ['ann'],
    )
  }))

test('what is taken back as time would stand for a second person does not count', () =>
  stage(async (set) => {
    const { approvals } = set
    const { id } = await approvals.propose({ kind: 'k', what: 't', by: 'operator', reason: 'r' })
    set.now += DAY
    const [, settled] = await Promise.all([approvals.reject(id, 'operator', 'taken back'), approvals.settle()])
    assert.deepEqual(settled, [])
    assert.deepEqual([approvals.get(id).approvedBy, approvals.stateOf(approvals.get(id))], [null, 'rejected'])
  }))

test('nothing waits for longer than thirty days, whatever end was asked for', () =>
  stage(async (set) => {
    const asked = { kind: 'k', what: 't', by: 'operator', reason: 'r' }
    const { expiresAt } = await set.approvals.propose({ ...asked, expiresAt: START + 400 * DAY })
    assert.equal(expiresAt, START + 30 * DAY)
  }))

type Step = { do: 'propose' | 'approve' | 'reject' | 'add' | 'remove' | 'wait'; who: number; id: number; ms: number }
const NAMES = ['operator', 'ann', 'bob', 'cem', 'bulkhead.yaml']
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('propose', 'approve', 'reject', 'add', 'remove', 'wait', 'approve', 'wait'),
  who: fc.nat({ max: 4 }),
  id: fc.integer({ min: 1, max: 3 }),
  ms: fc.constantFrom(1, HOUR, DAY - 1, DAY, 31 * DAY),
})

test('whatever people do in whatever order, nothing counts that one of them did alone', () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) =>
      stage(async (set) => {
        const { approvals, records } = set
        for (const { do: what, who, id, ms } of steps) {
          const name = NAMES[who] as string
          const isLive = records.operators.list().some((each) => each.name === name && each.removedAt === null)
          const tolerate = (thrown: unknown): undefined => assert.ok(thrown instanceof BulkheadError) as undefined
          if (what === 'wait') set.now += ms
          else if (what === 'propose' && (isLive || who === 4))
            await approvals.propose({ kind: 'k', what: String(id), by: name, reason: 'r' }).catch(tolerate)
          else if ((what === 'approve' || what === 'reject') && isLive) await approvals[what](id, name, 'r').catch(tolerate)
          else if (what === 'add' && who > 0 && who < 4) await Promise.try(() => addOperator(set, name)).catch(tolerate)
          else if (what === 'remove' && who < 4)
            await Promise.try(() => records.operators.remove(name, { at: set.now, by: 'operator' })).catch(tolerate)
          for (const each of await approvals.settle()) {
            const [one, other] = [each.proposedBy, each.approvedBy]
            assert.ok(other !== null && one !== other && other !== 'bulkhead.yaml' && each.rejectedAt === null && each.expiresAt > set.now)
            if (other === SINGLE_OPERATOR) assert.ok(set.now - each.proposedAt >= DAY)
            else {
              assert.notEqual(one, 'bulkhead.yaml')
              for (const { name: known, addedAt } of records.operators.list())
                if (known === one || known === other) assert.ok(addedAt === 0 || set.now - addedAt >= DAY)
              const second = records.operators.list().find((known) => known.name === other)
              assert.ok(second?.removedAt === null || (second?.removedAt ?? 0) >= (each.countsFrom ?? 0))
            }
          }
        }
      }),
    ),
    { numRuns: 200 },
  ))

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BulkheadError } from '#base/errors.ts'
import { approvalHash, type Approvals, createApprovals } from '#records/approvals.ts'
import type { Approval, Records } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import { withVault } from '#vault/testing.ts'
import type { Vault } from '#vault/vault.ts'
import { approvalRecord, closeUnknown } from './approval-record.ts'

const START = 1_800_000_000_000

interface Stage {
  records: Records
  vault: Vault
  said: string[]
  /** As a start of `staff` does. */
  open(): Promise<Approvals>
}

function stage(run: (stage: Stage) => Promise<void>): Promise<void> {
  return withVault(async (vault) => {
    const records = openRecords({ path: ':memory:' })
    records.operators.replace(
      ['ann', 'bob'].map((name) => ({ name, credentialSha256: null, addedAt: 0, addedBy: '', removedAt: null, removedBy: null })),
    )
    const said: string[] = []
    const open = async (): Promise<Approvals> => {
      const known = await approvalRecord(records.approvals, vault.keeping.approvals, (text) => void said.push(text))
      return createApprovals({ records, known, now: () => START, singleOperatorDelayHours: 24 })
    }
    await run({ records, vault, said, open })
    records.close()
  })
}

const propose = (approvals: Approvals, what: string): Promise<Approval> => approvals.propose({ kind: 'k', what, by: 'ann', reason: 'r' })

test('whoever writes into the records makes no second person: a row that is not as on record counts for nothing, and is named', () =>
  stage(async ({ records, vault, open }) => {
    const approvals = await open()
    const [one, two, three] = [await propose(approvals, 'one'), await propose(approvals, 'two'), await propose(approvals, 'three')]
    await approvals.approve(two.id, 'bob', 'agreed')
    await approvals.use(two.id)
    await approvals.approve(three.id, 'bob', 'agreed')
    const asWas = new Map(records.approvals.list().map((row) => [row.id, row]))
    const approved = { approvedBy: 'bob', approvedAt: START, approvedReason: 'r', countsFrom: START }
    const forgeries: [id: number, change: Partial<Approval>][] = [
      [one.id, approved],
      [one.id, { proposedBy: 'bob' }],
      [two.id, { usedAt: null }],
      [three.id, { countsFrom: 0 }],
      [three.id, { expiresAt: START * 2 }],
      [three.id, { reason: 'another' }],
    ]
    for (const [id, change] of forgeries) {
      records.approvals.update(id, change)
      for (const each of [approvals, await open()]) {
        assert.equal(each.stateOf(each.get(id)), 'altered', JSON.stringify(change))
        assert.deepEqual(each.problems(), { altered: [id], missing: [] })
        assert.ok(!(await each.settle()).some((row) => row.id === id))
        await assert.rejects(each.use(id), { code: 'approval_closed' })
        await assert.rejects(each.approve(id, 'bob', 'r'), { code: 'approval_closed' })
      }
      records.approvals.update(id, asWas.get(id) as Approval)
      assert.deepEqual(approvals.problems(), { altered: [], missing: [] })
    }
    const { what, sha256 } = two
    records.approvals.add({ ...one, id: 90, what, sha256, ...approved })
    await assert.rejects(approvals.require('k', 'two'), { code: 'approval_needed' })
    assert.deepEqual((await open()).problems(), { altered: [90], missing: [] })
    // And it hides nothing of what is on record.
    records.approvals.add({ ...three, id: 91, rejectedAt: 1 })
    assert.equal((await approvals.require('k', 'three')).id, three.id)
    const anew = await propose(approvals, 'two')
    assert.equal(approvals.stateOf(anew), 'pending')
    const actions = vault.readLooks().map(({ entry }) => `${entry?.actor} ${entry?.action.split(' ').slice(0, 2).join(' ')}`)
    assert.deepEqual(actions, [
      ...['ann approval propose', 'ann approval propose', 'ann approval propose'],
      ...['bob approval approve', 'bob approval use', 'bob approval approve', 'ann approval propose'],
    ])
  }))

test('cut off between vault and records, a step has happened or not, and no other state of the row counts', () =>
  stage(async ({ records, vault, open }) => {
    const first = await open()
    const { id } = await propose(first, 'one')
    const before = records.approvals.get(id) as Approval
    const after = { ...before, approvedBy: 'bob', approvedAt: START, approvedReason: 'r', countsFrom: START }
    const look = { actor: 'bob', action: 'approval approve', reason: 'r' }
    // Killed before the row was written.
    await vault.keeping.approvals.recordApproval({ id, sha256: approvalHash(after) }, look)
    assert.equal((await open()).stateOf(before), 'pending')
    records.approvals.update(id, after)
    assert.equal((await open()).stateOf(after), 'altered', 'and what is written later is nobody’s')
    // Killed behind it.
    records.approvals.update(id, before)
    await vault.keeping.approvals.recordApproval({ id, sha256: approvalHash(after) }, look)
    records.approvals.update(id, after)
    assert.equal((await open()).stateOf(after), 'counts')
    // A proposal of which nothing was written leaves nothing.
    await vault.keeping.approvals.recordApproval({ id: 7, sha256: approvalHash({ ...before, id: 7 }) }, look)
    assert.deepEqual((await open()).problems(), { altered: [], missing: [] })
    await assert.rejects(vault.keeping.approvals.settleApproval({ id, sha256: approvalHash(before) }), { code: 'vault_refused' })
    await assert.rejects(vault.keeping.approvals.settleApproval({ id: 99, sha256: approvalHash(before) }), { code: 'vault_refused' })
  }))

test('what an earlier version left holds, once, and is said; a row that comes later by another way does not', () =>
  stage(async ({ records, vault, said, open }) => {
    const row = { id: 3, kind: 'k', what: 'w', sha256: 's', origin: 'operator', proposedBy: 'ann', proposedAt: 1, reason: 'r' } as const
    const undecided = { approvedBy: null, approvedAt: null, approvedReason: null, countsFrom: null, rejectedBy: null, rejectedAt: null }
    const whole: Approval = { ...row, ...undecided, rejectedReason: null, expiresAt: START * 2, usedAt: null }
    records.approvals.add(whole)
    const approvals = await open()
    assert.equal(approvals.stateOf(approvals.get(3)), 'pending')
    assert.match(said.join(), /^1 proposals and approvals of an earlier version/)
    records.approvals.add({ ...whole, id: 4 })
    const again = await open()
    assert.deepEqual([again.stateOf(again.get(3)), again.stateOf(again.get(4)), said.length], ['pending', 'altered', 1])
    const look = { actor: 'a', action: 'b', reason: 'c' }
    await assert.rejects(vault.keeping.approvals.adoptApprovals([], look), { code: 'vault_refused' })
  }))

test('after a restore of an older copy nothing counts that was used, rejected or approved since, or that somebody put into the copy', () =>
  stage(async ({ records, vault, open }) => {
    const approvals = await open()
    for (const what of ['used', 'rejected', 'same']) await approvals.approve((await propose(approvals, what)).id, 'bob', 'r')
    const copy = records.approvals.list()
    await approvals.use(1)
    await approvals.reject(2, 'ann', 'no')
    await propose(approvals, 'later')
    const restored = openRecords({ path: ':memory:' })
    for (const row of [...copy, { ...(copy[0] as Approval), id: 9 }]) restored.approvals.add(row)
    const marks = await vault.keeping.approvals.approvalMarks()
    const result = closeUnknown(restored.approvals, marks, START)
    assert.equal(result.closed, 3)
    vault.keeping.approvals.replaceApprovals(result.marks ?? [])
    const known = await approvalRecord(restored.approvals, vault.keeping.approvals, () => undefined)
    const after = createApprovals({
      records: { ...restored, operators: records.operators },
      known,
      now: () => START,
      singleOperatorDelayHours: 24,
    })
    const states = Object.fromEntries(after.list().map((row) => [row.id, after.stateOf(row)]))
    assert.deepEqual(states, { 1: 'rejected', 2: 'rejected', 3: 'counts', 9: 'rejected' })
    assert.deepEqual(after.problems(), { altered: [], missing: [] })
    assert.deepEqual(closeUnknown(restored.approvals, null, START), { closed: 0, marks: undefined })
    restored.close()
  }))

test('a number that was given since an older copy is given to no other proposal after its restore, nor after the next', () =>
  stage(async ({ records, vault, open }) => {
    const approvals = await open()
    await propose(approvals, 'first')
    const copy = records.approvals.list()
    for (const what of ['second', 'third']) await propose(approvals, what)
    let restored = records
    for (let time = 0; time < 2; time++) {
      restored = openRecords({ path: ':memory:' })
      for (const row of copy) restored.approvals.add(row)
      const { marks = [] } = closeUnknown(restored.approvals, await vault.keeping.approvals.approvalMarks(), START)
      vault.keeping.approvals.replaceApprovals(marks)
    }
    const known = await approvalRecord(restored.approvals, vault.keeping.approvals, () => undefined)
    const after = createApprovals({ records: restored, known, now: () => START, singleOperatorDelayHours: 24 })
    assert.deepEqual(after.problems(), { altered: [], missing: [] })
    assert.equal((await propose(after, 'another')).id, 4)
    restored.approvals.add({ ...(copy[0] as Approval), id: 3 })
    assert.equal(after.stateOf(after.get(3)), 'altered', 'and no row takes its place')
  }))

test('over random edits of random columns: only the very row on record has a state', () =>
  stage(async ({ records, open }) => {
    const approvals = await open()
    const { id } = await propose(approvals, 'one')
    const row = await approvals.approve(id, 'bob', 'agreed')
    const texts = [
      'kind',
      'what',
      'sha256',
      'origin',
      'proposedBy',
      'reason',
      'approvedBy',
      'approvedReason',
      'rejectedBy',
      'rejectedReason',
    ]
    const times = ['proposedAt', 'approvedAt', 'countsFrom', 'rejectedAt', 'expiresAt', 'usedAt']
    const edit = fc.oneof(
      fc.tuple(fc.constantFrom(...texts), fc.oneof(fc.string(), fc.constant(null))),
      fc.tuple(fc.constantFrom(...times), fc.oneof(fc.nat(), fc.constant(null))),
    )
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 3 }), (edits) => {
        const edited = { ...row, ...Object.fromEntries(edits) } as Approval
        const isSame = Object.entries(row).every(([name, value]) => edited[name as keyof Approval] === value)
        assert.equal(approvals.stateOf(edited) !== 'altered', isSame)
      }),
      { numRuns: 300 },
    )
    assert.equal(records.approvals.list().length, 1)
    await assert.rejects(approvals.approve(99, 'bob', 'r'), (thrown) => thrown instanceof BulkheadError)
  }))

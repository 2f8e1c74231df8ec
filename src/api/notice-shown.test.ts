/** What is said of a version while it waits for a second person. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApprovals } from '#records/approvals.ts'
import { testApprovalRecord } from '#records/approvals-fixture.ts'
import type { NoticeVersion } from '#records/notice-rows.ts'
import { openRecords } from '#records/records.ts'
import { NOTICE, shown } from './notice-shown.ts'

test('the proposal that is shown is the one that can be approved: a rejected one is not, and a newer one takes its place', async () => {
  const records = openRecords({ path: ':memory:' })
  records.operators.adoptFirst('ann', 'a'.repeat(64))
  const known = testApprovalRecord()
  const approvals = createApprovals({ records, known, now: () => 1_800_000_000_000, singleOperatorDelayHours: 24 })
  const none = { recipients: 1, sent: 0, skipped: 0, failed: 0, unknown: 0, waiting: 1, filed: 0 }
  const notices = { counts: () => ({ ...none, organisations: none, why: {} }), fault: () => undefined, trouble: () => null }
  const version = { incident: 1, version: 1, id: 'b'.repeat(32), state: 'proposed', content: '', startedAt: null, endedAt: null }
  const now = () => shown(version as NoticeVersion, { notices, approvals } as unknown as Parameters<typeof shown>[1])
  const propose = () => approvals.propose({ kind: NOTICE, what: `notices, id ${version.id}`, by: 'ann', reason: 'r' })
  assert.equal(now().approval, null)
  const first = await propose()
  assert.deepEqual([now().approval, now().countsFrom !== null], [first.id, true])
  await approvals.reject(first.id, 'ann', 'a word is wrong')
  assert.deepEqual([now().approval, now().countsFrom], [null, null])
  const second = await propose()
  assert.equal(now().approval, second.id)
  await approvals.propose({ kind: NOTICE, what: 'notices, id of another', by: 'ann', reason: 'r' })
  assert.equal(now().approval, second.id)
  records.close()
})

/** What a person's word changes, and of whom; and how a version is counted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewRecipient, RecipientChange } from '#records/notice-rows.ts'
import { openRecords } from '#records/records.ts'
import { countOf } from './counts.ts'
import { settlableCount, type Settled, settleRecipients } from './settling.ts'

const OF = { incident: 1, version: 1 }

function recordsWith(changes: readonly Omit<RecipientChange, 'number'>[]) {
  const records = openRecords({ path: ':memory:' })
  const row: NewRecipient = { person: 1, organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [], tag: 't' }
  records.addRecipients(
    OF,
    1,
    changes.map((_, index) => ({ ...row, person: index + 1 })),
    0,
  )
  records.changeRecipients(
    OF,
    changes.map((change, index) => ({ ...change, number: index + 1 })),
    1,
  )
  return records
}

const ROWS: Omit<RecipientChange, 'number'>[] = [
  { state: 'unknown', messageId: '<1>', why: 'crash', attempts: 1, nextAt: 9 },
  { state: 'unknown', messageId: '<2>', why: 'crash', attempts: 1 },
  { state: 'failed', messageId: '<3>', why: 'refused', attempts: 4, reply: 550, nextAt: 9 },
  { state: 'waiting', messageId: '<4>', attempts: 1, reply: 550 },
  { state: 'waiting', messageId: '<5>', attempts: 1, reply: 450 },
  { state: 'waiting' },
  { state: 'sent', messageId: '<7>', attempts: 1, reply: 250 },
  // Answered before it was tried: of an earlier try that was settled.
  { state: 'waiting', reply: 550 },
]

/** How many there were, and what became of each row that is otherwise by now. */
function settled(which: Settled): [count: number, rows: unknown[]] {
  const records = recordsWith(ROWS)
  const could = settlableCount(OF, which, records)
  const count = settleRecipients(OF, which, records, 5)
  assert.equal(count, could)
  const states = ['unknown', 'failed', 'waiting', 'sent'] as const
  const rows = states.flatMap((state) => records.recipientsIn(OF, state, { after: 0, limit: 100 })).filter(({ at }) => at === 5)
  return [count, rows.map(({ number, state, why, reply, attempts, nextAt }) => [number, state, why, reply, attempts, nextAt])]
}

test('of open ones one or all were sent, or go again; by the name of another nothing is settled', () => {
  assert.deepEqual(settled({ was: 'sent', of: '<1>' }), [1, [[1, 'sent', 'settled', null, 1, 9]]])
  assert.deepEqual(settled({ was: 'again', of: 'all' }), [
    2,
    [
      [1, 'waiting', null, null, 1, 0],
      [2, 'waiting', null, null, 1, 0],
    ],
  ])
  for (const name of ['<7>', '<3>', '<none>']) assert.deepEqual(settled({ was: 'sent', of: name }), [0, []], name)
})

test('all that failed go again as if they were new; who was refused for good and waits has failed, and nobody else', () => {
  assert.deepEqual(settled({ was: 'failed-again' }), [1, [[3, 'waiting', null, null, 0, 0]]])
  assert.deepEqual(settled({ was: 'refused' }), [1, [[4, 'failed', 'refused', 550, 1, 0]]])
})

test('more than are read at a time are all settled', () => {
  const records = recordsWith(Array.from({ length: 2001 }, () => ({ state: 'unknown' as const })))
  assert.equal(settleRecipients(OF, { was: 'sent', of: 'all' }, records, 5), 2001)
  assert.deepEqual(
    records.recipientCounts(OF).map(({ state, count }) => [state, count]),
    [['sent', 2001]],
  )
})

test('a version is counted by states, administrators apart, and whoever has no address is in no number', () => {
  const row = (
    state: 'waiting' | 'sending' | 'sent' | 'filed' | 'failed' | 'unknown' | 'skipped',
    why: string | null = null,
    isOrganisation = false,
  ) => ({
    ...{ isOrganisation, state, why, count: 2 },
  })
  const { organisations, why, ...people } = countOf([
    ...[row('waiting'), row('sending'), row('sent', 'settled'), row('filed'), row('failed', 'refused'), row('unknown', 'crash')],
    ...[row('skipped', 'same_address'), row('skipped', 'unreachable'), row('failed', 'refused', true)],
  ])
  assert.deepEqual(people, { recipients: 14, sent: 2, skipped: 2, failed: 2, unknown: 2, waiting: 4, filed: 2 })
  assert.deepEqual([organisations.recipients, organisations.failed], [2, 2])
  assert.deepEqual(why, { refused: 4, same_address: 2 })
})

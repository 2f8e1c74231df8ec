/** Nobody is told by two versions, and nobody by none, whatever numbers people had when the versions were fixed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewRecipient, NoticeVersion } from './notice-rows.ts'
import { openRecords } from './records.ts'

const ROW = { organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [] }
const VERSION = {
  ...{ incident: 1, scopeVersion: 1, way: null, dir: null, content: '{}', sha256: '', noAddress: 0, erased: 0, madeAt: 0, madeBy: 'ann' },
  ...{ startedAt: null, approval: null, endedAt: null },
} satisfies Omit<NoticeVersion, 'version' | 'id' | 'state'>
const FIRST = { incident: 1, version: 1 }
const NEXT = { incident: 1, version: 2 }

function row(person: number, more: Partial<NewRecipient> = {}): NewRecipient {
  return { ...ROW, person, tag: `t${person}`, ...more }
}

/** Who waits in the first version when the next one has taken over whom it tells. */
function left(state: NoticeVersion['state'], first: NewRecipient[], next: NewRecipient[], joined: readonly number[]): string[] {
  const records = openRecords({ path: ':memory:' })
  records.addRecipients(FIRST, 1, first, 0)
  records.addNoticeVersion({ ...VERSION, ...FIRST, id: 'a', state })
  records.addRecipients(NEXT, 1, next, 0)
  records.addNoticeVersion({ ...VERSION, ...NEXT, id: 'b', state: 'sending' })
  records.takeOver(NEXT, { at: 5, personOf: (person) => (joined.includes(person) ? Math.max(...joined) : person) })
  const waits = records.recipientsDue(NEXT, { now: 9, after: 0, limit: 99 })
  const mailed = next.filter(({ tag, joined: head }) => tag !== '' && head === 0)
  assert.equal(waits.length, mailed.length, 'nobody of the later version is taken out')
  return records.recipientsDue(FIRST, { now: 9, after: 0, limit: 99 }).map(({ person, organisation }) => `${person} ${organisation}`)
}

test('two numbers that were joined to one person since are one, on both sides, and each organisation is by itself', () => {
  const first = [1, 2, 3].flatMap((person) => [row(person), row(person, { organisation: 70, members: 1 })])
  const next = [row(8), row(3, { organisation: 70, members: 1 })]
  assert.deepEqual(left('stopped', first, next, [1, 8, 9]), ['1 70', '2 0', '2 70', '3 0'])
  assert.deepEqual(left('stopped', first, next, []), ['1 0', '1 70', '2 0', '2 70', '3 0'])
  // One that is being sent is not touched.
  assert.equal(left('sending', first, next, [1, 8, 9]).length, 6)
})

test('who has an address is told where they wait when the next version has them by a number without one alone', () => {
  assert.deepEqual(left('stopped', [row(1), row(2)], [row(8, { tag: '' })], [1, 8]), ['1 0', '2 0'])
  assert.deepEqual(left('stopped', [row(1), row(2)], [row(8, { tag: '' }), row(9)], [1, 8, 9]), ['2 0'])
  // In the mail of somebody else they are told, and by their own number they wait for nothing here.
  assert.deepEqual(left('stopped', [row(1), row(2)], [row(3), row(8, { tag: 't3', joined: 1 })], [1, 8]), ['2 0'])
  assert.deepEqual(left('stopped', [row(1), row(2)], [row(2, { tag: '' })], []), ['1 0'])
})

test('whoever was to be told in the mail of somebody who is told by the next version gets a mail of their own, unless they are told too', () => {
  const first = [row(1), row(9, { tag: 't1', joined: 1 }), row(5, { tag: 't1', joined: 1 }), row(6, { tag: 't1', joined: 1 })]
  assert.deepEqual(left('stopped', first, [row(8), row(6)], [1, 8, 9]), ['5 0'])
  assert.deepEqual(left('stopped', first, [row(7)], [1, 8, 9]), ['1 0'])
})

test('whoever is told by the next version is in the mail of nobody who still waits: that one may be erased, and the mail be theirs', () => {
  const records = openRecords({ path: ':memory:' })
  records.addRecipients(FIRST, 1, [row(1), row(9, { tag: 't1', joined: 1 }), row(5, { tag: 't1', joined: 1 })], 0)
  records.addNoticeVersion({ ...VERSION, ...FIRST, id: 'a', state: 'stopped' })
  records.addRecipients(NEXT, 1, [row(8)], 0)
  records.addNoticeVersion({ ...VERSION, ...NEXT, id: 'b', state: 'sending' })
  records.takeOver(NEXT, { at: 5, personOf: (person) => (person === 9 ? 8 : person) })
  assert.deepEqual(
    records.recipientsJoined(FIRST, [1]).map(({ person }) => person),
    [5],
  )
  assert.deepEqual(
    records.recipientsTagged(FIRST, ['t1']).map(({ person, state, why }) => [person, state, why]),
    [
      [1, 'waiting', null],
      [9, 'skipped', 'later_version'],
      [5, 'skipped', 'same_address'],
    ],
  )
  records.close()
})

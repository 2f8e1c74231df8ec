/** What is asked of recipients of notices, each on a few rows: who waits, who was told, what a drop and a restore leave. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewRecipient, NoticeRecords, NoticeVersion, RecipientChange } from './notice-rows.ts'
import { openRecords } from './records.ts'

const FIRST = { incident: 1, version: 1 }
const NEXT = { incident: 1, version: 2 }
const OTHER = { incident: 2, version: 1 }
const VERSION = {
  ...{ scopeVersion: 1, way: null, dir: null, content: '{}', sha256: '', noAddress: 0, erased: 0, madeAt: 0, madeBy: 'ann' },
  ...{ startedAt: null, approval: null, endedAt: null },
} satisfies Omit<NoticeVersion, 'incident' | 'version' | 'id' | 'state'>

const row = (person: number, more: Partial<NewRecipient> = {}): NewRecipient => ({
  ...{ organisation: 0, members: 0, shape: 0, language: 'en', joined: 0, list: [], person, tag: `t${person}` },
  ...more,
})

function begin(): NoticeRecords & {
  put(of: typeof FIRST, state: NoticeVersion['state'], rows: NewRecipient[], changes?: RecipientChange[]): void
} {
  const records = openRecords({ path: ':memory:' })
  return Object.assign(records, {
    put: (of: typeof FIRST, state: NoticeVersion['state'], rows: NewRecipient[], changes: RecipientChange[] = []) => {
      records.addRecipients(of, 1, rows, 3)
      records.addNoticeVersion({ ...VERSION, ...of, id: `${of.incident}-${of.version}`, state })
      records.changeRecipients(of, changes, 4)
    },
  })
}

test('who is due waits in that version, has reached their time, and comes in order behind the last', () => {
  const records = begin()
  records.put(
    FIRST,
    'sending',
    [1, 2, 3, 4, 5].map((person) => row(person)),
    [
      { number: 1, state: 'sent' },
      { number: 3, state: 'waiting', nextAt: 50 },
      { number: 4, state: 'waiting', nextAt: 20 },
      { number: 5, state: 'sending' },
    ],
  )
  records.put(NEXT, 'sending', [row(9)])
  records.put(OTHER, 'sending', [row(8)], [{ number: 1, state: 'sent' }])
  const due = (now: number, after = 0, limit = 9): number[] =>
    records.recipientsDue(FIRST, { now, after, limit }).map(({ number }) => number)
  assert.deepEqual([due(0), due(19), due(20), due(50)], [[2], [2], [2, 4], [2, 3, 4]])
  assert.deepEqual(
    [due(50, 2), due(50, 0, 2)],
    [
      [3, 4],
      [2, 3],
    ],
  )
  assert.equal(records.nextDue(FIRST), 0)
  records.changeRecipients(FIRST, [{ number: 2, state: 'failed', nextAt: 1 }], 5)
  assert.equal(records.nextDue(FIRST), 20)
  assert.equal(records.nextDue(OTHER), undefined)
  const sending = records.recipientsIn(FIRST, 'sending', { after: 0, limit: 9 })
  assert.deepEqual(
    sending.map(({ number, at }) => [number, at]),
    [[5, 4]],
  )
})

test('a message is looked for in its own version', () => {
  const records = begin()
  for (const each of [FIRST, NEXT]) records.put(each, 'sending', [row(each.version)], [{ number: 1, state: 'sent', messageId: '<m>' }])
  assert.deepEqual([records.recipientBy(FIRST, '<m>')?.person, records.recipientBy(NEXT, '<m>')?.person], [1, 2])
  assert.equal(records.recipientBy(OTHER, '<m>'), undefined)
  assert.equal(records.recipientBy(FIRST, '<n>'), undefined)
})

test('somebody without an address is skipped, as is whoever has the address of another', () => {
  const records = begin()
  records.put(FIRST, 'proposed', [row(1), row(2, { tag: 't1', joined: 1 }), row(3, { tag: '' }), row(4, { tag: '', joined: 1 })])
  const skipped = records.recipientsIn(FIRST, 'skipped', { after: 0, limit: 9 })
  assert.deepEqual(
    skipped.map(({ person, why }) => [person, why]),
    [
      [2, 'same_address'],
      [3, 'unreachable'],
      [4, 'unreachable'],
    ],
  )
})

/** By person: told in that version, of itself or by the mail of another. */
const told = (records: NoticeRecords): [number[], number[], number[]] => {
  const { reached, counted, countedIn } = records.peopleTold(1)
  const sorted = (list: Float64Array): number[] => [...list].sort((a, b) => a - b)
  return [sorted(reached), sorted(counted), [...countedIn].sort((a, b) => a - b)]
}

test('told counts who has a mail or waits for one that goes on; not who was left by a stopped version, or is told by a later one', () => {
  const rows = [
    ...[row(1), row(2), row(3), row(4, { tag: 't3', joined: 3 }), row(5, { tag: 't1', joined: 1 }), row(6, { tag: '' })],
    ...[row(7), row(8), row(90, { organisation: 70, members: 2 }), row(91, { organisation: 70, members: 2 })],
  ]
  const changes: RecipientChange[] = [
    { number: 1, state: 'sent' },
    { number: 2, state: 'failed' },
    { number: 7, state: 'skipped', why: 'later_version' },
    { number: 8, state: 'skipped', why: 'next_version' },
    { number: 9, state: 'sent' },
  ]
  const records = begin()
  records.put(FIRST, 'sending', rows, changes)
  records.put(NEXT, 'proposed', [row(50)])
  records.put(OTHER, 'done', [row(60)], [{ number: 1, state: 'sent' }])
  const administrators = () => records.peopleTold(1).administrators.map(({ person, isLeft, version }) => [version, person, isLeft])
  // 3 waits, and 4 with it.
  assert.deepEqual(told(records), [
    [1, 2, 3, 4, 5],
    [1, 2, 3, 4, 5, 6],
    [1, 1, 1, 1, 1, 1],
  ])
  assert.deepEqual(administrators(), [
    [1, 90, false],
    [1, 91, false],
  ])
  records.changeNoticeVersion(FIRST, { state: 'stopped' })
  assert.deepEqual(told(records), [
    [1, 2, 5],
    [1, 2, 5, 6],
    [1, 1, 1, 1],
  ])
  assert.deepEqual(administrators(), [
    [1, 90, false],
    [1, 91, true],
  ])
  records.changeNoticeVersion(NEXT, { state: 'sending' })
  assert.deepEqual(told(records), [
    [1, 2, 5, 50],
    [1, 2, 5, 6, 50],
    [1, 1, 1, 1, 2],
  ])
})

test('notified is whose mail, or the mail that tells them, was taken or lies in a folder; so many rows at a time', () => {
  const records = begin()
  const rows = [
    row(1),
    row(2),
    row(3, { tag: 't2', joined: 2 }),
    row(4),
    row(5),
    row(6, { tag: 't5', joined: 5 }),
    row(90, { organisation: 7 }),
  ]
  records.put(FIRST, 'done', rows, [
    { number: 1, state: 'sent' },
    { number: 2, state: 'filed' },
    { number: 4, state: 'unknown' },
    { number: 5, state: 'failed' },
    { number: 7, state: 'sent' },
  ])
  records.put(NEXT, 'done', [row(40)], [{ number: 1, state: 'sent' }])
  const notified = (after: number, limit: number) => records.peopleNotified(FIRST, { after, limit }).sort((a, b) => a - b)
  assert.deepEqual(notified(0, 9), [1, 2, 3])
  assert.deepEqual([notified(0, 1), notified(1, 1), notified(2, 5), notified(3, 9)], [[1], [2], [3], []])
})

test('what was begun stays; what was only proposed goes with its recipients, also when its version never came', () => {
  const records = begin()
  records.put(FIRST, 'sending', [row(1)])
  assert.throws(() => records.dropNotices(FIRST), TypeError)
  assert.equal(records.recipientsDue(FIRST, { now: 1, after: 0, limit: 9 }).length, 1)
  records.put(NEXT, 'proposed', [row(1), row(2)])
  records.addRecipients(OTHER, 1, [row(3)], 0)
  for (const each of [NEXT, OTHER]) {
    records.dropNotices(each)
    assert.deepEqual([records.noticeVersion(each.incident, each.version), records.recipientCounts(each)], [undefined, []])
  }
  records.put(NEXT, 'proposed', [row(1)])
  assert.deepEqual(records.begunNotices(), [{ ...FIRST, id: '1-1' }])
})

test('after a restore all that was begun stands still, and of what these records lost nobody is thought to be told', () => {
  const records = begin()
  records.put(FIRST, 'sending', [row(1)])
  records.put(NEXT, 'proposed', [row(2)])
  records.put(OTHER, 'proposed', [row(3)])
  records.put({ incident: 3, version: 1 }, 'done', [row(4)], [{ number: 1, state: 'sent' }])
  records.put({ incident: 3, version: 2 }, 'proposed', [row(5)])
  const known = [
    { ...FIRST, id: '1-1' },
    { ...NEXT, id: '1-2' },
    { ...OTHER, id: 'another text' },
    { incident: 3, version: 1, id: 'another text' },
    { incident: 4, version: 1, id: 'lost' },
  ]
  assert.equal(records.stopNotices(known, 77), 4)
  const states = records.noticeVersions().map(({ incident, version, id, state, startedAt, content }) => {
    return [incident, version, id, state, startedAt, content]
  })
  assert.deepEqual(states, [
    [1, 1, '1-1', 'stopped', null, '{}'],
    [1, 2, '1-2', 'stopped', 77, '{}'],
    [2, 1, 'another text', 'stopped', 77, ''],
    // What these records began themselves is theirs.
    [3, 1, '3-1', 'done', null, '{}'],
    [3, 2, '3-2', 'proposed', null, '{}'],
    [4, 1, 'lost', 'stopped', 77, ''],
  ])
  assert.deepEqual(records.recipientCounts(OTHER), [], 'they were recipients of the other text')
  assert.equal(records.recipientCounts(NEXT).length, 1)
  assert.equal(records.stopNotices(known, 78), 4)
  assert.deepEqual(records.noticeVersion(4, 1)?.startedAt, 77)
})

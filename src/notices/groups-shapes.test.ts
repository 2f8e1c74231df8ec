/** Who is told in whose mail, case by case: what was sent of each, of whom it is only possible, and what stands on their rows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NoticeShape } from '#model/notice-text.ts'
import type { NoticeRecipient } from '#records/notice-rows.ts'
import { type Addressed, groupByAddress } from './groups.ts'

type More = Partial<Pick<NoticeShape, 'kind' | 'possibleOnly' | 'memberList'>>
const shape = (sent: string, { kind = 'person', possibleOnly = false, ...more }: More = {}): NoticeShape => ({
  ...{ key: sent, kind, surfaces: [], possibleOnly, ...more },
  sent: sent.split(' ').map((pair) => {
    const [field = '', form = 'clear'] = pair.split(':')
    return { field, form: form as 'clear' }
  }),
})
const one = (number: number, at: number, more: Partial<NoticeRecipient> = {}, tag = 't'): Addressed => ({
  row: {
    ...{ number, person: number, organisation: 0, members: 0, shape: at, language: 'en', state: 'waiting', messageId: null, attempts: 0 },
    ...{ at: 0, nextAt: 0, reply: null, why: null, joined: 0, list: [], tag, ...more },
  },
  tag,
})

function grouped(people: Addressed[], shapes: NoticeShape[], holder?: NoticeRecipient) {
  const holders = new Map(holder === undefined ? [] : [['0 t', holder]])
  const { groups, changes } = groupByAddress(people, holders, shapes)
  return { mails: groups.map(({ head, told, shape: at }) => [head.row.number, told.map(({ row }) => row.number), at]), changes }
}

test('the text is the one of all that was sent of them, in whatever order, in the same form, of the same kind', () => {
  const [a, b] = [shape('name'), shape('email')]
  const told = (...others: NoticeShape[]) => grouped([one(1, 0), one(2, 1)], [a, b, ...others]).mails
  assert.deepEqual(told(shape('email name')), [[1, [1, 2], 2]])
  for (const other of [
    shape('email:pseudonym name'),
    shape('email name', { possibleOnly: true }),
    shape('email name', { kind: 'organisation' }),
    shape('email name', { memberList: true }),
    shape('email name country'),
  ])
    assert.deepEqual(told(other), [[1, [1], 0]], JSON.stringify(other))
})

test('only possible is what is so of both, whoever was first', () => {
  const shapes = [shape('name', { possibleOnly: true }), shape('email'), shape('email', { possibleOnly: true }), shape('email name')]
  assert.deepEqual(grouped([one(1, 0), one(2, 1)], shapes).mails, [[1, [1, 2], 3]])
  assert.deepEqual(grouped([one(1, 1), one(2, 0)], shapes).mails, [[1, [1, 2], 3]])
  // Of all of them it is only possible, and that text is not there.
  assert.deepEqual(grouped([one(1, 0), one(2, 2)], shapes).mails, [[1, [1], 0]])
})

test('where there is no text of all, as many are told as there is one for, and the others by the next version', () => {
  const shapes = [shape('name'), shape('email'), shape('country'), shape('country name'), shape('user_id'), shape('country name user_id')]
  const { mails, changes } = grouped([one(1, 0), one(2, 1), one(3, 2), one(4, 4)], shapes)
  assert.deepEqual(mails, [[1, [1, 3, 4], 5]])
  assert.deepEqual(changes, [
    { number: 2, state: 'skipped', why: 'next_version', joined: 0, tag: 't' },
    { number: 3, state: 'skipped', why: 'same_address', joined: 1, tag: 't' },
    { number: 4, state: 'skipped', why: 'same_address', joined: 1, tag: 't' },
  ])
})

test('a row is written only where something on it is otherwise', () => {
  const shapes = [shape('name')]
  const changed = (...people: Addressed[]) => grouped(people, shapes).changes.map(({ number, state, joined }) => [number, state, joined])
  const joined = { joined: 1, state: 'skipped', why: 'same_address' } as const
  assert.deepEqual(changed(one(1, 0), one(2, 0, joined)), [])
  assert.deepEqual(changed(one(1, 0), one(2, 0, { ...joined, joined: 7 })), [[2, 'skipped', 1]])
  assert.deepEqual(changed(one(1, 0), one(2, 0, { ...joined, tag: 'before' })), [[2, 'skipped', 1]])
  assert.deepEqual(changed(one(1, 0, { tag: 'before' })), [[1, 'waiting', 0]])
  // Who was told by another's mail, and is the first of an address now.
  assert.deepEqual(grouped([one(2, 0, joined)], shapes).changes, [{ number: 2, state: 'waiting', why: null, joined: 0, tag: 't' }])
})

test('whoever has the mail of that place tells who is owed no more than it says', () => {
  const shapes = [shape('name'), shape('email name'), shape('name', { possibleOnly: true })]
  const by = (held: number, owed: number) =>
    grouped([one(5, owed)], shapes, one(1, held, { state: 'sent' }).row).changes.map(({ why, joined }) => [why, joined])
  assert.deepEqual(by(1, 0), [['same_address', 1]])
  assert.deepEqual(by(0, 1), [['next_version', 0]])
  assert.deepEqual(by(0, 2), [['same_address', 1]])
  // "We cannot rule it out" is less than "it was sent".
  assert.deepEqual(by(2, 0), [['next_version', 0]])
  // At another place it is nothing.
  assert.deepEqual(grouped([one(5, 0, { organisation: 70 })], shapes, one(1, 0).row).mails, [[5, [5], 0]])
})

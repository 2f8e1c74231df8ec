/** The count of networks by itself, under a clock that is moved: what a day ends, what is kept, and what nobody can join. */
import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { DAY_MS } from '#base/clock.ts'
import { NOTICE_TABLES, NoticeRows } from './notice-rows.ts'
import { NoticeUses, REPLAY_NETWORKS } from './notice-uses.ts'

const NOTICE = { incident: 3, version: 1 }
const START = 1_800_000_000_000

function begin() {
  const db = new DatabaseSync(':memory:')
  db.exec(NOTICE_TABLES)
  const rows = new NoticeRows(db)
  const time = { now: START }
  const key = createSecretKey(Buffer.alloc(32, 1))
  const open = () => new NoticeUses({ key, rows, transact: (write) => write(), now: () => time.now })
  return { rows, time, open, uses: () => db.prepare('SELECT code, network FROM notice_uses').all() }
}

const code = (letter: string): Buffer => Buffer.from(letter.repeat(16))
const ask = (counter: NoticeUses, from: number, to: number, of = code('a')): void => {
  for (let network = from; network <= to; network++) counter.count(of, NOTICE, `4/24/${network}`)
}

test('networks of more than a day ago count no more, before a new start and after it', () => {
  const { rows, time, open } = begin()
  const uses = open()
  ask(uses, 1, REPLAY_NETWORKS - 1)
  time.now += DAY_MS
  ask(uses, 10, 10)
  uses.write()
  assert.deepEqual(rows.alerts(), [])
  time.now += DAY_MS - 1
  const later = open()
  ask(later, 20, 20 + REPLAY_NETWORKS - 3)
  later.write()
  assert.deepEqual(rows.alerts(), [], 'one of a day ago and the new ones are too few')
  ask(later, 30, 30)
  later.write()
  assert.deepEqual(
    rows.alerts().map((each) => ({ ...each })),
    [{ ...NOTICE, at: time.now, networks: REPLAY_NETWORKS }],
  )
})

test('what was counted survives an end, and is dropped from the rows after a day', () => {
  const { rows, time, open, uses } = begin()
  const first = open()
  ask(first, 1, REPLAY_NETWORKS - 1)
  first.write()
  time.now += 1000
  const second = open()
  ask(second, 9, 9)
  second.write()
  assert.equal(rows.alerts().length, 1)
  time.now += DAY_MS
  ask(second, 50, 50, code('b'))
  second.write()
  assert.equal(uses().length, 1)
})

test('no more networks of one code are kept than are needed to know', () => {
  const { rows, open, uses } = begin()
  const counter = open()
  ask(counter, 1, 100)
  ask(counter, 1, 100)
  counter.write()
  assert.equal(uses().length, REPLAY_NETWORKS)
  assert.equal(rows.alerts().length, 1)
})

test('one network has another tag under each code', () => {
  const { open, uses } = begin()
  const counter = open()
  ask(counter, 1, 1, code('a'))
  ask(counter, 1, 1, code('b'))
  counter.write()
  const tags = uses().map(({ network }) => Buffer.from(network as Uint8Array).toString('hex'))
  assert.equal(new Set(tags).size, 2)
})

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
  const disk = { isFull: false, commits: 0 }
  const transact = (write: () => void): void => {
    if (disk.isFull) throw new Error('disk full')
    disk.commits += 1
    write()
  }
  const open = () => new NoticeUses({ key, rows, transact, now: () => time.now })
  const clear = (): void => db.exec('DELETE FROM notice_uses; DELETE FROM notice_alerts')
  return { rows, time, open, disk, clear, uses: () => db.prepare('SELECT code, network, at FROM notice_uses').all() }
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

test('what was counted is written by itself a little later, once for all of it, and again after a disk that was full', (t) => {
  const { open, disk, uses, rows, time } = begin()
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const counter = open()
  ask(counter, 1, 3)
  assert.deepEqual([uses().length, disk.commits], [0, 0], 'no answer waits for a write')
  t.mock.timers.tick(60_000)
  assert.deepEqual([uses().length, disk.commits], [3, 1])
  disk.isFull = true
  ask(counter, 4, 4)
  t.mock.timers.tick(60_000)
  assert.equal(uses().length, 3)
  disk.isFull = false
  time.now += 5
  ask(counter, 5, 5)
  t.mock.timers.tick(60_000)
  assert.deepEqual([uses().length, disk.commits, rows.alerts().length], [5, 2, 1])
  t.mock.timers.tick(600_000)
  assert.equal(disk.commits, 2)
})

test('what was written once is not written again, but for the last time of a network', () => {
  const { rows, time, open, clear, uses } = begin()
  const counter = open()
  ask(counter, 1, REPLAY_NETWORKS)
  counter.write()
  assert.equal(rows.alerts().length, 1)
  clear()
  counter.write()
  ask(counter, 1, 1, code('b'))
  counter.write()
  assert.deepEqual([uses().length, rows.alerts().length], [1, 0])
  time.now += 7
  ask(counter, 1, 1, code('b'))
  counter.write()
  assert.deepEqual(
    uses().map(({ at }) => at),
    [START + 7],
  )
})

test('alerts stand in the order of their times, and one of a code is not told anew by what is tried on other days', () => {
  const { rows, time, open } = begin()
  const counter = open()
  ask(counter, 1, REPLAY_NETWORKS, code('b'))
  time.now += 10
  for (let network = 1; network <= REPLAY_NETWORKS; network++) counter.count(code('a'), { incident: 1, version: 2 }, `4/24/${network}`)
  counter.write()
  const alerts = rows.alerts().map(({ incident, at }) => [incident, at - START])
  assert.deepEqual(alerts, [
    [3, 0],
    [1, 10],
  ])
  time.now += 2 * DAY_MS
  ask(counter, 50, 50 + REPLAY_NETWORKS, code('b'))
  counter.write()
  assert.deepEqual(
    rows.alerts().map(({ incident, at }) => [incident, at - START]),
    alerts,
  )
})

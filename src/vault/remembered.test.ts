import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyStore } from './key-store.ts'
import { Remembered } from './remembered.ts'

/** A key store of one row, on a disk that may be full. */
function testKeys() {
  const state = { isFull: false, isBroken: false, text: undefined as string | undefined }
  const meta = (): string | undefined => state.text
  const setMeta = (_name: string, text: string): void => {
    if (state.isBroken) throw new Error('it is not to be written')
    if (state.isFull) throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
    state.text = text
  }
  return { state, keys: { meta, setMeta } as unknown as KeyStore }
}

test('on a full disk numbers lag, and what must be durable is refused', () => {
  const { state, keys } = testKeys()
  let now = 10_000
  const remembered = new Remembered(keys, () => now)
  remembered.remember({ log: 5, ledger: 1 })
  state.isFull = true
  now += 10_000
  remembered.remember({ log: 9 })
  assert.equal(remembered.newest.log, 9)
  assert.equal(JSON.parse(state.text ?? '').log, 5)
  const cut = { flows: [] }
  assert.throws(() => remembered.remember(cut), { message: 'database or disk is full' })
  assert.throws(() => {
    remembered.remember({ log: 9, final: true })
    remembered.remember({ ledger: 1, final: true })
  }, /disk is full/)
  state.isFull = false
  now += 10_000
  remembered.remember({ log: 9 })
  assert.equal(JSON.parse(state.text ?? '').log, 9)
  assert.equal(JSON.parse(state.text ?? '').exact, false)
})

const MINUTE = 60_000

function begin() {
  const { state, keys } = testKeys()
  const time = { now: 10 * MINUTE }
  return { state, time, open: () => new Remembered(keys, () => time.now), stored: () => JSON.parse(state.text ?? '{}') }
}

test('numbers go up and never down, and what a call leaves out stays as it was', () => {
  const { time, open, stored } = begin()
  const first = open()
  const flows = [{ destination: 'mixpanel', cut: true }] as never
  first.remember({ log: 9, ledger: 7, flows, operators: ['ann'] as never, notices: [{ incident: 1 }] as never })
  time.now += MINUTE
  first.remember({ log: 3, ledger: 2 })
  const expected = { log: 9, ledger: 7, flows, operators: ['ann'], notices: [{ incident: 1 }], at: time.now, exact: false }
  assert.deepEqual(stored(), expected)
  assert.deepEqual(open().newest, expected)
})

test('numbers are written every two seconds, also when the clock is set back, and a cut at once', () => {
  const { time, open, stored } = begin()
  const remembered = open()
  remembered.remember({ log: 1, ledger: 1 })
  time.now += 1999
  remembered.remember({ log: 2 })
  assert.equal(stored().log, 1)
  time.now += 1
  remembered.remember({ log: 3 })
  assert.equal(stored().log, 3)
  time.now -= 5 * MINUTE
  remembered.remember({ log: 4 })
  assert.equal(stored().log, 4)
  remembered.remember({ log: 5, flows: [] })
  assert.equal(stored().log, 5)
})

test('they are exact when both ended, after a start too, and not any more with the first that goes on', () => {
  const { open, stored } = begin()
  const first = open()
  first.remember({ log: 5, final: true })
  assert.equal(first.newest.exact, false)
  first.remember({ ledger: 5, final: true })
  assert.equal(stored().exact, true)
  const second = open()
  second.remember({ log: 5, final: true })
  assert.equal(second.newest.exact, true)
  second.remember({ log: 6 })
  assert.equal(stored().exact, false)
})

test('what failed otherwise than for a full disk is said, and what was not written is written by the next call', () => {
  const { state, time, open, stored } = begin()
  const remembered = open()
  remembered.remember({ log: 1, ledger: 1 })
  time.now += MINUTE
  state.isBroken = true
  assert.throws(() => remembered.remember({ log: 2 }), /not to be written/)
  state.isBroken = false
  remembered.write()
  assert.equal(stored().log, 2)
})

test('an operator who could not be remembered is not remembered later by somebody else’s call', () => {
  for (const before of [undefined, ['ann']]) {
    const { state, time, open, stored } = begin()
    const remembered = open()
    remembered.remember({ log: 1, ledger: 1, ...(before && { operators: before as never }) })
    state.isFull = true
    assert.throws(() => remembered.remember({ operators: ['ann', 'eve'] as never }), /disk is full/)
    state.isFull = false
    time.now += MINUTE
    remembered.remember({ log: 2 })
    assert.deepEqual([stored().log, stored().operators], [2, before])
    assert.deepEqual(open().newest.operators, before)
  }
})

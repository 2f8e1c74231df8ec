import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyStore } from './key-store.ts'
import { Remembered } from './remembered.ts'

/** A key store of one row, on a disk that may be full. */
function testKeys() {
  const state = { isFull: false, text: undefined as string | undefined }
  const meta = (): string | undefined => state.text
  const setMeta = (_name: string, text: string): void => {
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

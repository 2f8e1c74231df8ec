import assert from 'node:assert/strict'
import test from 'node:test'
import { ThreadReader } from './reader.ts'

test('the start of the thread is not counted against the mail that is read first', async (t) => {
  const reader = new ThreadReader({ script: new URL('./testing-slow-thread.ts', import.meta.url), timeMs: 2000 })
  t.after(() => reader.close())
  assert.deepEqual(await reader.readForm({ type: 'x', body: new Uint8Array() }), { code: 'c', address: 'a' })
})

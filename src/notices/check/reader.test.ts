import assert from 'node:assert/strict'
import test from 'node:test'
import { ThreadReader } from './reader.ts'

test('the start of the thread is not counted against the mail that is read first', async (t) => {
  const reader = new ThreadReader({ script: new URL('./testing-slow-thread.ts', import.meta.url), timeMs: 2000 })
  t.after(() => reader.close())
  assert.deepEqual(await reader.readForm({ type: 'x', body: new Uint8Array() }), { code: 'c', address: 'a' })
})

test('few wait for the thread, the next is told that it is busy, and an end leaves nobody without an answer', async () => {
  const reader = new ThreadReader({ script: new URL('./testing-slow-thread.ts', import.meta.url) })
  const read = () => reader.readForm({ type: 'x', body: new Uint8Array() })
  // One is being read, sixteen wait.
  const all = Array.from({ length: 17 }, read)
  assert.equal(await read(), 'busy')
  await reader.close()
  assert.deepEqual(await Promise.all(all), ['unreadable', ...Array.from({ length: 16 }, () => 'busy')])
  assert.equal(await read(), 'busy')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from './turns.ts'

const ticks = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}
const never = (thrown: unknown): void => assert.fail(String(thrown))

test('one after the other, and each as often as it says that there is more', async () => {
  const turns = new Turns()
  const calls: string[] = []
  const act = (name: string, times: number) => async (): Promise<boolean> => {
    await ticks()
    calls.push(name)
    return --times > 0
  }
  assert.equal(turns.start('a', act('a', 2), never), true)
  assert.equal(turns.start('b', act('b', 1), never), true)
  assert.equal(turns.isRunning('b'), true)
  await ticks()
  await ticks()
  await ticks()
  await ticks()
  assert.deepEqual([calls, turns.isRunning('a'), turns.isRunning('b')], [['a', 'a', 'b'], false, false])
})

test('who asks while it runs has it run once more, in the last moment too', async () => {
  const turns = new Turns()
  let runs = 0
  const act = async (): Promise<boolean> => {
    runs += 1
    // Behind its last look, before anybody can see that it has ended.
    if (runs === 1) queueMicrotask(() => void turns.start('a', act, never))
    return false
  }
  turns.start('a', act, never)
  await ticks()
  assert.deepEqual([runs, turns.isRunning('a')], [2, false])
})

test('who asks again for one that is being ended has it begin anew; who asked before has not', async () => {
  const turns = new Turns()
  const gate = Promise.withResolvers<void>()
  const begun: string[] = []
  turns.start(
    'a',
    async () => {
      begun.push('first')
      await gate.promise
      return true
    },
    never,
  )
  const again = async (): Promise<boolean> => begun.push('again') === 0
  await ticks()
  turns.start('a', again, never)
  const ending = turns.end('a')
  gate.resolve()
  await ending
  await ticks()
  assert.deepEqual([begun, turns.isRunning('a')], [['first'], false])
  const held = Promise.withResolvers<void>()
  turns.start('a', () => held.promise.then(() => begun.push('second') === 0), never)
  await ticks()
  const stopping = turns.end('a')
  assert.equal(turns.start('a', again, never), false)
  held.resolve()
  await stopping
  await ticks()
  assert.deepEqual([begun, turns.isRunning('a')], [['first', 'second', 'second'], false])
})

test('one whose turn has not come ends at once, and who asks for it again has it wait for its turn anew', async () => {
  const turns = new Turns()
  const gate = Promise.withResolvers<void>()
  const calls: string[] = []
  turns.start('a', () => gate.promise.then(() => calls.push('a') === 0), never)
  const act = (name: string) => async (): Promise<boolean> => calls.push(name) === 0
  turns.start('b', act('b, ended'), never)
  turns.start('c', act('c'), never)
  await ticks()
  void turns.end('b').then(() => calls.push('ended'))
  await ticks()
  assert.deepEqual([calls, turns.isRunning('a'), turns.isRunning('b')], [['ended'], true, false])
  assert.equal(turns.start('b', act('b'), never), true)
  gate.resolve()
  await ticks()
  await ticks()
  assert.deepEqual([calls, turns.isRunning('b')], [['ended', 'a', 'c', 'b'], false])
})

test('an error is told while it still counts as running, and keeps no other from its turn; nothing begins once it is closed', async () => {
  const turns = new Turns()
  const told: unknown[] = []
  const fail = async (): Promise<boolean> => {
    throw new Error('no')
  }
  turns.start('a', fail, (thrown) => told.push([(thrown as Error).message, turns.isRunning('a')]))
  let others = 0
  turns.start('b', async () => ++others === 0, never)
  await ticks()
  assert.deepEqual([told, others, turns.isRunning('a')], [[['no', true]], 1, false])
  await turns.close()
  assert.equal(
    turns.start('b', async () => ++others === 0, never),
    false,
  )
  await ticks()
  assert.equal(others, 1)
})

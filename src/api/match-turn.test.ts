import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MatchVault } from '#vault/match-port.ts'
import { inTurn } from './match-turn.ts'

test('whoever looks up a file waits for the one before, also when that one fails, and not for another vault', async () => {
  const [vault, other] = [{}, {}] as MatchVault[] as [MatchVault, MatchVault]
  const done: string[] = []
  const first = Promise.withResolvers<void>()
  const acts = [
    inTurn(vault, async () => {
      await first.promise
      done.push('first')
      throw new Error('it broke off')
    }),
    inTurn(vault, async () => {
      done.push('second')
      return 2
    }),
  ]
  assert.equal(await inTurn(other, async () => done.push('another vault')), 1)
  first.resolve()
  const [one, two] = await Promise.allSettled(acts)
  assert.deepEqual([one?.status, two?.status, done], ['rejected', 'fulfilled', ['another vault', 'first', 'second']])
})

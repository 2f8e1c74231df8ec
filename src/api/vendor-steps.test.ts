import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepsAt } from './vendor-steps.ts'

type Deps = Parameters<typeof stepsAt>[2]

const rotation = (at: number) => ({ name: `main.secret${at}`, fence: 1, at, actor: 'a', reason: 'revoked' })
const asking = (state: string, count: number, more: object = {}) => ({ vendor: 'v', state, at: 50, count, ...more })

function deps(leaving: object[], isAway = false): Deps {
  const deletions = async () => {
    if (isAway) throw new Error('away')
    return { erasures: [], leaving }
  }
  return { records: { rotations: () => [rotation(5), rotation(10)] }, leaving: { vault: { deletions } } } as unknown as Deps
}

test('credentials replaced since we were told, and what a vendor was asked to delete, by the first time and the last', async () => {
  const parts = [
    asking('done', 3, { at: 90, askedAt: 20, dueAt: 1000 }),
    asking('asked', 2, { askedAt: 30, dueAt: 2000 }),
    asking('due', 5),
  ]
  const steps = await stepsAt('v', 10, deps(parts))
  assert.deepEqual(
    steps.map(({ at, what }) => [at, what]),
    [
      [10, 'credential_replaced'],
      [20, 'deletion_asked'],
      [90, 'deletion_said_done'],
    ],
  )
  assert.match(steps[1]?.detail ?? '', /under 5 of 10 identifiers, due 1970-01-01T00:00:02/)
  assert.match(steps[2]?.detail ?? '', /under 3 of 10 identifiers/)
  assert.deepEqual((await stepsAt('v', 10, deps([asking('due', 5)]))).length, 1, 'nobody was asked yet')
  assert.deepEqual((await stepsAt('v', 10, deps([], true))).length, 1, 'a vault that is away hides no incident')
})

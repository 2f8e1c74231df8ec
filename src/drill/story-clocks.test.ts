/** What a step about clocks says to Bulkhead: the command with the very words of the story. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { markClock } from './story-clocks.ts'
import type { StepOf } from './story-format.ts'
import type { StoryWorld } from './story-world.ts'

const AT = '2025-01-02T00:00:00Z'
const HAPPENED = '2025-01-01T12:00:00Z'

test('each step is the command of its kind, with the time that it happened and the reason', async () => {
  const said: string[] = []
  const command = async (args: readonly string[]): Promise<object> => {
    said.push(args.join(' '))
    return {}
  }
  const world = { command, incident: () => ({ id: '7' }) } as unknown as StoryWorld
  const play = (step: Partial<StepOf<'clock'>>) => markClock({ at: AT, do: 'clock', incident: 'i', reason: 'r', ...step } as never, world)
  await play({ mark: 'determined' })
  await play({ mark: 'confirmed', happened: HAPPENED })
  await play({ assess: 'eu', applies: true })
  await play({ assess: 'eu', rule: 'eu-sa', applies: false })
  await play({ done: 'eu-sa' })
  await play({ done: 'eu-sa', happened: HAPPENED })
  await play({ signOff: 'A Lawyer' })
  assert.deepEqual(said, [
    `incident clock 7 mark --event determined --at ${AT} --reason r`,
    `incident clock 7 mark --event confirmed --at ${HAPPENED} --reason r`,
    'incident clock 7 assess --regime eu --applies yes --reason r',
    'incident clock 7 assess --regime eu --rule eu-sa --applies no --reason r',
    `incident clock 7 done --rule eu-sa --at ${AT} --reason r`,
    `incident clock 7 done --rule eu-sa --at ${HAPPENED} --reason r`,
    'incident clock 7 sign-off --as counsel --name A Lawyer --reason r',
  ])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SeenClock, SteadyClock } from './steady-clock.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

function setUp(): { looks: () => SteadyClock; move: (day: number, mine?: number) => void } {
  let now = 1_700_000_000_000
  let mine = 0
  let seen: SeenClock | undefined
  const store = {
    read: () => seen,
    write: (next: SeenClock) => {
      seen = next
    },
  }
  const clock = { now: () => now, sleep: () => Promise.resolve() }
  return {
    looks: () => new SteadyClock(store, clock, () => mine),
    move: (byDay, byMine = byDay) => {
      now += byDay
      mine += byMine
    },
  }
}

test('time that passes counts, over restarts and short absences too', () => {
  const { looks, move } = setUp()
  let steady = looks()
  assert.equal(steady.look(), 0)
  for (let hour = 1; hour <= 30; hour++) {
    move(HOUR_MS)
    if (hour % 7 === 0) steady = looks()
    assert.equal(steady.look(), hour * HOUR_MS)
  }
  move(20 * HOUR_MS, 0)
  assert.equal(looks().look(), 50 * HOUR_MS)
})

for (const [name, jump] of [
  ['forward', 40 * DAY_MS],
  ['back', -DAY_MS],
  ['forward by some hours', 5 * HOUR_MS],
] as const) {
  test(`a clock that jumps ${name} under a running vault begins anew`, () => {
    const { looks, move } = setUp()
    const steady = looks()
    steady.look()
    move(2 * DAY_MS)
    assert.equal(steady.look(), 2 * DAY_MS)
    move(jump + HOUR_MS, HOUR_MS)
    assert.equal(steady.look(), 0)
    move(HOUR_MS)
    assert.equal(steady.look(), HOUR_MS)
  })
}

test('a long absence cannot be told from a jump', () => {
  const { looks, move } = setUp()
  looks().look()
  move(40 * DAY_MS, 0)
  assert.equal(looks().look(), 0)
})

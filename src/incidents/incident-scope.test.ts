/** What an amendment makes of a scope, and when it may leave somebody out and so needs a reason. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ScopeBody } from './incident-bodies.ts'
import { amendScope, isShownBy, narrows, narrowsData, type ScopeChange, windowsOf } from './incident-scope.ts'

const EVERYTHING: ScopeBody = { destinations: null, surfaces: null, accessFrom: null, accessTo: null, from: null, to: null }
/** In the place of the former. */
const ALONE = true
const scopeOf = (change: Partial<ScopeBody>): ScopeBody => ({ ...EVERYTHING, ...change })

test('names are added or put in the place of the former; all of them hold any', () => {
  const some = scopeOf({ surfaces: ['b'] })
  assert.deepEqual(amendScope(some, { surfaces: ['c', 'a', 'b'] }).surfaces, ['a', 'b', 'c'])
  assert.deepEqual(amendScope(some, { surfaces: ['a'], only: ALONE }).surfaces, ['a'])
  assert.equal(amendScope(EVERYTHING, { surfaces: ['a'] }).surfaces, null)
  assert.deepEqual(amendScope(EVERYTHING, { destinations: ['main'], only: ALONE }), scopeOf({ destinations: ['main'] }))
  assert.deepEqual(amendScope(some, { accessTo: 5 }), scopeOf({ surfaces: ['b'], accessTo: 5 }))
  assert.deepEqual(amendScope(scopeOf({ accessTo: 5 }), { accessTo: null }), EVERYTHING)
  assert.deepEqual(windowsOf(scopeOf({ from: 0, to: 5 })), { accessFrom: undefined, accessTo: undefined, from: 0, to: 5 })
})

test('a window that would end where it begins is refused, and so is what changes nothing', () => {
  for (const [change, code] of [
    [{ accessFrom: 5, accessTo: 5 }, 'window_invalid'],
    [{ from: 5, to: 5 }, 'window_invalid'],
    [{ from: 6, to: 5 }, 'window_invalid'],
    [{}, 'incident_invalid'],
    [{ surfaces: [] }, 'incident_invalid'],
    [{ only: ALONE, accessTo: 5 }, 'incident_invalid'],
    [{ wholeLedger: true }, 'incident_invalid'],
    [{ wholeLedger: true, accessTo: 5 }, 'incident_invalid'],
  ] as const)
    assert.throws(() => amendScope(EVERYTHING, change as ScopeChange), { code }, JSON.stringify(change))
  assert.deepEqual(amendScope(EVERYTHING, { from: 4, to: 5 }), scopeOf({ from: 4, to: 5 }))
})

test('a narrowing to a file is in no later version', () => {
  const file = { id: 'f', sha256: '', bytes: 1 }
  const narrowed = { file, people: file, stay: 1, leftOut: 1, approval: 1, proposedBy: 'a', approvedBy: 'b' }
  const scope = scopeOf({ surfaces: ['a'], narrowed })
  assert.deepEqual(amendScope(scope, { wholeLedger: true }), scopeOf({ surfaces: ['a'] }))
  assert.deepEqual(amendScope(scope, { surfaces: ['b'] }), scopeOf({ surfaces: ['a', 'b'] }))
})

const instant = fc.option(fc.integer({ min: 0, max: 4 }), { nil: null })
const names = fc.option(fc.subarray(['a', 'b', 'c']), { nil: null })
const anyScope = fc.record({
  ...{ destinations: names, surfaces: names, accessFrom: fc.constant(null), accessTo: instant, from: instant, to: instant },
})

test('a reason is needed exactly when somebody may be missing, whatever was sent', () => {
  /** One row on each destination, surface, instant of sending and of the event. */
  const rows = ['a', 'b', 'c', 'd'].flatMap((destination) =>
    ['a', 'b', 'c', 'd'].flatMap((surface) =>
      [-1, 0, 1, 2, 3, 4, 5].flatMap((sentAt) => [-1, 0, 1, 2, 3, 4, 5].map((at) => ({ destination, surface, sentAt, at }))),
    ),
  )
  const isIn = (row: (typeof rows)[number], scope: ScopeBody): boolean =>
    (scope.destinations?.includes(row.destination) ?? true) &&
    (scope.surfaces?.includes(row.surface) ?? true) &&
    row.sentAt < (scope.accessTo ?? Infinity) &&
    row.at >= (scope.from ?? -Infinity) &&
    row.at <= (scope.to ?? Infinity)
  fc.assert(
    fc.property(anyScope, anyScope, (before, next) => {
      const isMissing = rows.some((row) => isIn(row, before) && !isIn(row, next))
      if (isMissing) assert.ok(narrows(before, next))
      const isData = rows.some(
        ({ at }) =>
          at >= (before.from ?? -Infinity) &&
          at <= (before.to ?? Infinity) &&
          (at < (next.from ?? -Infinity) || at > (next.to ?? Infinity)),
      )
      if (isData) assert.ok(narrowsData(before, next))
      assert.equal(narrows(before, before) || narrowsData(before, before), false)
      // A statement shows a window when it claims none that is wider.
      const instants = [-1, 0, 1, 2, 3, 4, 5]
      const holds = ({ from, to }: Pick<ScopeBody, 'from' | 'to'>, at: number): boolean =>
        at >= (from ?? -Infinity) && at <= (to ?? Infinity)
      const claimed = instants.filter((at) => holds(next, at))
      if (claimed.length > 0)
        assert.equal(
          isShownBy(before, next),
          claimed.every((at) => holds(before, at)),
        )
    }),
    { numRuns: 300 },
  )
  for (const [before, next, is] of [
    [EVERYTHING, scopeOf({ surfaces: ['a'] }), true],
    [scopeOf({ surfaces: ['a'] }), EVERYTHING, false],
    [scopeOf({ surfaces: ['a'] }), scopeOf({ surfaces: ['a', 'b'] }), false],
    [scopeOf({ destinations: ['a', 'b'] }), scopeOf({ destinations: ['a'] }), true],
    [scopeOf({ accessTo: 5 }), scopeOf({ accessTo: 4 }), true],
    [scopeOf({ accessTo: 5 }), scopeOf({ accessTo: 6 }), false],
    [EVERYTHING, scopeOf({ from: 1 }), true],
    [scopeOf({ to: 5 }), EVERYTHING, false],
  ] as const)
    assert.equal(narrows(before, next), is, JSON.stringify([before, next]))
})

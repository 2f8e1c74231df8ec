/** Rows of a request, compared with a naive reading of its records. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { LogRecord } from '#model/log-entry.ts'
import { manifestRows, subjectsIn } from './manifest.ts'
import type { Member } from './placed-record.ts'

const record: fc.Arbitrary<LogRecord> = fc.record(
  {
    type: fc.constantFrom('event' as const, 'event' as const, 'group' as const),
    time: fc.integer({ min: 0, max: 20 }),
    user: fc.integer({ min: 1, max: 3 }),
    device: fc.integer({ min: 11, max: 12 }),
    linked: fc.array(fc.record({ role: fc.constantFrom('user' as const, 'device' as const), ordinal: fc.integer({ min: 1, max: 12 }) }), {
      maxLength: 3,
    }),
    groups: fc.array(fc.record({ key: fc.constant('k'), ordinal: fc.integer({ min: 21, max: 23 }) }), { maxLength: 3 }),
  },
  { requiredKeys: ['type', 'time'] },
)

const memberOf = fc.record({
  record,
  surface: fc.constantFrom('web', 'api'),
  shape: fc.constantFrom('a', 'b'),
  linked: fc.boolean(),
  groups: fc.boolean(),
})

/** Everybody whose identifiers or whose own events leave, once. A device beside a user is the user's. */
function subjectsOf({ type, user, device, groups = [], linked: all = [] }: LogRecord, isLinked: boolean): string[] {
  const linked = isLinked ? all : []
  const users = linked.filter(({ role }) => role === 'user').map(({ ordinal }) => `user ${ordinal}`)
  const devices = linked.filter(({ role }) => role === 'device').map(({ ordinal }) => `device ${ordinal}`)
  const namesUser = user !== undefined || users.length > 0
  const own =
    type === 'group'
      ? groups.slice(0, 1).map(({ ordinal }) => `group ${ordinal}`)
      : user !== undefined
        ? [`user ${user}`]
        : device !== undefined && !namesUser
          ? [`device ${device}`]
          : []
  return [...new Set([...own, ...users, ...(namesUser ? [] : devices)])]
}

test('every subject has one row a surface and shape, with all of its events, times and groups', () => {
  fc.assert(
    fc.property(fc.array(memberOf, { minLength: 1, maxLength: 25 }), (given) => {
      const members = given.map(({ record: one, surface, shape, linked, groups }): Member => {
        const placed = { record: one, seq: 1, index: 0, policy: 1, surface }
        return { from: 0, to: 0, insertId: '', placed, decision: { shape, linked, groups } as Member['decision'] }
      })
      const expected = new Map<string, { events: number; times: number[]; groups: Set<number> }>()
      for (const { record: one, surface, shape, linked, groups } of given) {
        for (const subject of subjectsOf(one, linked)) {
          const name = `${subject} ${surface} ${shape}`
          const row = expected.get(name) ?? { events: 0, times: [], groups: new Set() }
          expected.set(name, row)
          row.events += 1
          row.times.push(one.time)
          if (groups && !subject.startsWith('group')) for (const { ordinal } of one.groups ?? []) row.groups.add(ordinal)
        }
      }
      const rows = manifestRows(members)
      const ascending = (a: number, b: number): number => a - b
      assert.deepEqual(
        Object.fromEntries(rows.map(({ kind, subject, surface, shape, ...row }) => [`${kind} ${subject} ${surface} ${shape}`, row])),
        Object.fromEntries(
          [...expected].map(([name, { events, times, groups }]) => [
            name,
            { events, first: Math.min(...times), last: Math.max(...times), groups: [...groups].sort(ascending) },
          ]),
        ),
      )
      assert.equal(rows.length, expected.size)
      assert.equal(subjectsIn(rows), new Set([...expected.keys()].map((name) => name.split(' ').slice(0, 2).join(' '))).size)
    }),
    { numRuns: 300 },
  )
})

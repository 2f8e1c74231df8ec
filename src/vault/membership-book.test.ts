/** What is kept in memory of memberships answers as a walk over the rows would, whatever was said, taken out and said again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MembershipBook } from './membership-book.ts'
import { pagesOf } from './ordinal-pages.ts'
import type { MembershipRow } from './rows.ts'

const KEYS = ['company', 'team', '']
const keyOf = (group: number): string => KEYS[group % KEYS.length] as string

const row: fc.Arbitrary<MembershipRow> = fc.record({
  // Beyond what the book has room for at first.
  id: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1020, max: 5000 })),
  person: fc.integer({ min: 1, max: 8 }),
  target: fc.integer({ min: 100, max: 106 }),
  trust: fc.integer({ min: 0, max: 2 }),
  admin: fc.boolean(),
})
const step = fc.oneof(
  { weight: 8, arbitrary: row.map((put) => ({ put, gone: undefined })) },
  {
    weight: 2,
    arbitrary: fc
      .uniqueArray(fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 100, max: 106 })), { maxLength: 2 })
      .map((gone) => ({ put: undefined, gone })),
  },
  { weight: 1, arbitrary: fc.constant({ put: undefined, gone: undefined }) },
)
const byNumber = (a: number, b: number): number => a - b

test('members, groups and administrators are those of the rows', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 20, size: 'max' }),
      fc.uniqueArray(fc.integer({ min: 1, max: 8 })),
      fc.uniqueArray(fc.integer({ min: 100, max: 108 })),
      (steps, users, named) => {
        const book = new MembershipBook()
        const rows = new Map<number, MembershipRow>()
        for (const { put, gone } of steps) {
          if (put !== undefined) {
            book.put(put)
            rows.set(put.id, put)
          } else if (gone !== undefined) {
            book.remove(new Set(gone))
            for (const [id, { person, target }] of rows) if (gone.includes(person) || gone.includes(target)) rows.delete(id)
          } else {
            book.clear()
            rows.clear()
          }
        }
        const trusted = [...rows.values()].filter(({ trust, person }) => trust >= 1 && users.includes(person))
        const groups = [...new Set([...named, ...trusted.map(({ target }) => target)])].sort(byNumber)
        const found = book.survey({ users: pagesOf(users), named: Float64Array.from(named) }, keyOf)
        const answer = Array.from(found.groups, (group, at) => ({
          ...{ group, key: found.keys[found.key[at] as number], hasMembers: found.hasMembers[at] },
          administrators: [...found.administrators].filter((_, nth) => found.administered[nth] === at).sort(byNumber),
        }))
        assert.deepEqual(
          answer.sort((a, b) => a.group - b.group),
          groups.map((group) => ({
            ...{ group, key: keyOf(group), hasMembers: trusted.some(({ target }) => target === group) ? 1 : 0 },
            // Whoever the directory names, asked about or not.
            administrators: [...rows.values()]
              .filter(({ target, trust, admin }) => target === group && trust === 2 && admin)
              .map(({ person }) => person)
              .sort(byNumber),
          })),
        )
        const members = book.members(pagesOf(users))
        const pairs = Array.from(members.users, (one, at) => `${one} ${members.groups[at]}`)
        assert.deepEqual(pairs.sort(), trusted.map(({ person, target }) => `${person} ${target}`).sort())
      },
    ),
    { numRuns: 500 },
  )
})

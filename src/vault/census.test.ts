/** What is counted of people stays what their rows say, whoever says what in whatever order, through restarts and erasures. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import { TRUSTS } from '#model/field.ts'
import { countryOf, stateOf } from './residence.ts'
import { encodingsOf, filesBelow, group, LOOK, user, windowOf, withVault } from './testing.ts'
import { pagesOf } from './ordinal-pages.ts'
import { MARKS, type Survey } from './survey.ts'
import type { Vault } from './vault.ts'

async function seen(vault: Vault, ordinals: readonly number[]): Promise<{ place: string; marks: number }[]> {
  const { places, residence, marks }: Survey = await vault.census.survey({ single: Float64Array.from(ordinals), joined: [] })
  return Array.from(marks, (mark, at) => ({ place: places[residence[at] as number] as string, marks: mark }))
}

const said = fc.record({
  who: fc.integer({ min: 0, max: 3 }),
  what: fc.constantFrom(
    { kind: 'country' as const, value: 'DE' },
    { kind: 'country' as const, value: 'united states' },
    { kind: 'country' as const, value: 'nowhere' },
    { kind: 'email' as const, value: 'a@example.com' },
    { kind: 'erase' as const, value: '' },
    { kind: 'reopen' as const, value: '' },
    { kind: 'ask' as const, value: '' },
  ),
  trust: fc.constantFrom(...TRUSTS),
})

test('a survey is what the rows say, in whatever order it was said', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(said, { maxLength: 14, size: 'max' }), async (steps) => {
      await withVault(async (first, _place, reopen) => {
        let vault = first
        const { ordinals } = await vault.commitWindow(windowOf({ identifiers: ['a', 'b', 'c', 'd'].map(user) }))
        const expected = ordinals.map(() => ({ place: '', rank: 0, address: false, erased: false }))
        for (const [at, { who, what, trust }] of steps.entries()) {
          const of = ordinals[who] as number
          const own = expected[who] as (typeof expected)[number]
          if (what.kind === 'reopen') vault = await reopen()
          else if (what.kind === 'ask') await vault.census.survey({ single: new Float64Array(0), joined: [] })
          else if (own.erased) continue
          else if (what.kind === 'erase') {
            await vault.erase([of])
            Object.assign(own, { place: '', rank: 0, address: false, erased: true })
          } else {
            await vault.commitWindow(windowOf({ facts: [{ of, field: what.kind, value: what.value, once: false, trust, at: at + 1 }] }))
            const rank = TRUSTS.indexOf(trust)
            if (rank === 0) continue
            if (what.kind === 'email') own.address = true
            else if (rank >= own.rank) Object.assign(own, { place: countryOf(what.value) ?? '', rank })
          }
        }
        const marks = (own: (typeof expected)[number]): number =>
          (own.address ? MARKS.address : 0) | (own.erased ? MARKS.erased : 0) | ([0, MARKS.byServer, MARKS.byDirectory][own.rank] as number)
        const wanted = expected.map((own) => ({ place: own.place, marks: marks(own) }))
        assert.deepEqual(await seen(vault, ordinals), wanted)
        assert.deepEqual(await seen(await reopen(), ordinals), wanted)
      })
    }),
    { numRuns: 15 },
  )
})

test('the directory says countries and states; a person of several identifiers lives where the best of them says', async () => {
  await withVault(async (vault, place, reopen) => {
    const rows = [
      { id: 'a', email: 'a@example.com', country: 'US', region: 'California', groups: [] },
      { id: 'b', country: 'Germany', region: 'Bavaria', groups: [] },
      { id: 'c', country: 'Narnia', groups: [] },
    ]
    await vault.importDirectory(rows, 'default', LOOK)
    const { ordinals } = await vault.commitWindow(
      windowOf({
        identifiers: ['a', 'b', 'c', 'd'].map(user),
        facts: [{ of: -4, field: 'country', value: 'FR', once: false, trust: 'server', at: 1 }],
      }),
    )
    const of = (person: number, mark: number) => ({ place: ['US-CA', 'DE', '', 'FR'][person], marks: mark })
    const expected = [of(0, MARKS.address | MARKS.byDirectory), of(1, MARKS.byDirectory), of(2, MARKS.byDirectory), of(3, MARKS.byServer)]
    assert.deepEqual(await seen(vault, ordinals), expected)
    const [a, b, , d] = ordinals as [number, number, number, number]
    const joined = await vault.census.survey({ single: new Float64Array(0), joined: [[d, b], [d, a], [d]] })
    assert.deepEqual(
      Array.from(joined.residence, (number) => joined.places[number]),
      ['DE', 'US-CA', 'FR'],
    )
    assert.equal(joined.marks[1], MARKS.address | MARKS.byDirectory)
    const again = await reopen()
    assert.deepEqual(await seen(again, ordinals), expected)
    for (const { file, bytes } of filesBelow(place.root)) {
      for (const text of encodingsOf('US-CA')) assert.ok(!bytes.includes(text), file)
    }
  })
})

test('countries that were said before there were blocks are counted too, once', async () => {
  await withVault(async (vault, place, reopen) => {
    await vault.importDirectory([{ id: 'a', country: 'DE', groups: [] }], 'default', LOOK)
    const { ordinals } = await vault.commitWindow(windowOf({ identifiers: [user('a')] }))
    await vault.close()
    const rows = new DatabaseSync(path.join(place.dataDir, 'vault.db'))
    rows.exec("DROP TABLE residences; DELETE FROM meta WHERE name = 'residences'")
    rows.close()
    for (let turn = 0; turn < 2; turn++) assert.deepEqual(await seen(await reopen(), ordinals), [{ place: 'DE', marks: MARKS.byDirectory }])
  })
})

test('memberships follow what is said and who is erased; what a browser says names nobody', async () => {
  await withVault(async (vault, _place, reopen) => {
    const rows = ['a', 'b'].map((id) => ({ id, groups: [{ key: 'company', value: 'Acme', admin: id === 'a' }] }))
    await vault.importDirectory(rows, 'default', LOOK)
    const { ordinals } = await vault.commitWindow(
      windowOf({ identifiers: [user('a'), user('b'), user('c'), group('Acme'), group('Other')] }),
    )
    const [a, b, c, acme, other] = ordinals as [number, number, number, number, number]
    const found = async (of: Vault, users: number[], named: number[] = []): Promise<unknown> => {
      const { keys, groups, key, hasMembers, administrators, administered } = await of.census.groups({
        users: pagesOf(users),
        named: Float64Array.from(named),
      })
      const members = await of.census.members(pagesOf(users))
      return {
        groups: Array.from(groups, (one, at) => ({ group: one, key: keys[key[at] as number], members: hasMembers[at] === 1 })),
        administrators: Array.from(administrators, (one, at) => [one, groups[administered[at] as number]]).sort(),
        members: Array.from(members.users, (one, at) => [one, members.groups[at]]).sort(),
      }
    }
    const ofAcme = (members: number[], administrators: number[]): unknown => ({
      groups: [{ group: acme, key: 'company', members: members.length > 0 }],
      administrators: administrators.map((one) => [one, acme]),
      members: members.map((one) => [one, acme]),
    })
    assert.deepEqual(await found(vault, [c]), { groups: [], administrators: [], members: [] })
    assert.deepEqual(await found(vault, [b]), ofAcme([b], [a]))
    assert.deepEqual(await found(vault, [], [acme]), ofAcme([], [a]))
    await vault.importDirectory([{ id: 'b', groups: [{ key: 'company', value: 'Acme', admin: true }] }], 'default', LOOK)
    assert.deepEqual(await found(vault, [a, b, c]), ofAcme([a, b], [a, b]))
    await vault.commitWindow(
      windowOf({
        memberships: [
          { person: c, group: acme, trust: 'browser', at: 1 },
          { person: c, group: other, trust: 'server', at: 1 },
        ],
      }),
    )
    assert.deepEqual(await found(vault, [a, b], []), ofAcme([a, b], [a, b]))
    const ofOther = { groups: [{ group: other, key: 'company', members: true }], administrators: [], members: [[c, other]] }
    assert.deepEqual(await found(vault, [c]), ofOther)
    await vault.erase([a])
    assert.deepEqual(await found(vault, [a, b]), ofAcme([b], [b]))
    const again = await reopen()
    assert.deepEqual(await found(again, [a, b]), ofAcme([b], [b]))
    assert.deepEqual(await found(again, [c]), ofOther)
  })
})

test('countries by code and English name, states by code and name', () => {
  for (const [text, code] of [
    ['de', 'DE'],
    ['Germany', 'DE'],
    [' united states ', 'US'],
    ['USA', 'US'],
    ['UK', 'GB'],
    ['XX', undefined],
    ['', undefined],
  ])
    assert.equal(countryOf(text as string), code)
  for (const [text, code] of [
    ['ca', 'CA'],
    ['US-NY', 'NY'],
    ['District of Columbia', 'DC'],
    ['Bavaria', undefined],
  ])
    assert.equal(stateOf(text as string), code)
})

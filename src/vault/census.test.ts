/** What is counted of people stays what their rows say, whoever says what in whatever order, through restarts and erasures. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import { TRUSTS } from '#model/field.ts'
import { countryOf, stateOf } from './residence.ts'
import { encodingsOf, filesBelow, group, LOOK, user, windowOf, withVault } from './testing.ts'
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

test('memberships follow what is said and who is erased', async () => {
  await withVault(async (vault, _place, reopen) => {
    const rows = ['a', 'b'].map((id) => ({ id, groups: [{ key: 'company', value: 'Acme', admin: id === 'a' }] }))
    const count = async (of: Vault): Promise<[number, number]> => {
      const { users, admin } = await of.census.memberships()
      return [users.length, admin.reduce((sum, one) => sum + one, 0)]
    }
    assert.deepEqual(await count(vault), [0, 0])
    await vault.importDirectory(rows, 'default', LOOK)
    assert.deepEqual(await count(vault), [2, 1])
    await vault.importDirectory([{ id: 'b', groups: [{ key: 'company', value: 'Acme', admin: true }] }], 'default', LOOK)
    assert.deepEqual(await count(vault), [2, 2])
    const { ordinals } = await vault.commitWindow(
      windowOf({ identifiers: [user('a'), group('Acme')], memberships: [{ person: -1, group: -2, trust: 'browser', at: 1 }] }),
    )
    assert.deepEqual(await count(vault), [3, 2])
    await vault.erase([ordinals[0] as number])
    assert.deepEqual(await count(vault), [1, 1])
    assert.deepEqual(await count(await reopen()), [1, 1])
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

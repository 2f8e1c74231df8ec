/** Who is to be told what, on the real engine: each person's fields, what may never have arrived, and whose administrators are told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DisclosureRow } from '#warehouse/port.ts'
import { warehouseOfFile } from '#warehouse/testing-warehouse.ts'
import { affected } from './affected.ts'
import type { Exposed } from './exposures.ts'
import { PersonSet } from './person-set.ts'
import { type Case, heldRows, inScope, KNOWN_NOTHING, ownerOf, pairsIn, pairText, prepare, testCase } from './testing-affected.ts'

const LIST = { id: 'list', sha256: '', bytes: 0 }
const SENT = Date.UTC(2026, 1, 3, 12)
const OPEN_ENDED = { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined }

const engine = warehouseOfFile()

/** By person: what it is, as text. */
function readExposed({ of, exposures }: Exposed): Map<number, string> {
  return new Map(
    [...of].map(([person, number]) => {
      const exposure = exposures[number] ?? assert.fail()
      return [person, `${exposure.possibleOnly} ${exposure.sent.map(pairText).join()}`]
    }),
  )
}

const sortedBy = <Value>(map: ReadonlyMap<number, Value>): [number, Value][] => [...map].sort(([a], [b]) => a - b)

test('each person has what was sent or held of them, nobody else has any, and each difference is an exposure of its own', async () => {
  const listed = fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(testCase, listed, async (given, list) => {
      const kept = new PersonSet()
      for (const person of list ?? []) kept.add(person)
      const { vendor, ports, counted } = await prepare({ ...given, kept }, engine)
      const { windows, destination, surfaces, graph, known } = given
      const personOf = new Map(graph.merged)
      const personNow = (user: number): number => personOf.get(user) ?? user
      const isKept = (person: number): boolean => list === undefined || list.some((one) => personNow(one) === person)
      const scoped = inScope(given, counted)
      // A device in whose hands nobody knows is nobody's.
      const owned = scoped.filter((one) => one.kind !== 'group' && ownerOf(one, graph) !== undefined)
      const sent = Map.groupBy(
        owned.filter((one) => isKept(ownerOf(one, graph) as number)),
        (one) => ownerOf(one, graph) as number,
      )
      const held = Map.groupBy(
        heldRows(given).filter(({ owner }) => owner !== undefined),
        ({ owner }) => owner as number,
      )
      const expected = new Map(
        [...new Set([...sent.keys(), ...held.keys()])].map((person) => {
          const rows = sent.get(person) ?? []
          const earlier = (held.get(person) ?? []).flatMap(({ shape }) => shape.split(','))
          const pairs = [...new Set([...pairsIn(rows), ...earlier])].sort()
          const possibleOnly = !held.has(person) && rows.every(({ state }) => state === 'possible')
          return [person, `${possibleOnly} ${pairs.join()}`]
        }),
      )
      const keptIn = list === undefined ? undefined : LIST
      const exposed = await (await affected({ vendor, destination, surfaces, windows, keptIn }, ports)).exposed()
      assert.deepEqual(sortedBy(readExposed(exposed)), sortedBy(expected))
      assert.equal(exposed.exposures.length, new Set(expected.values()).size, 'people of whom the same is to be said have one number')

      const named = scoped.flatMap((one) => (one.kind === 'group' ? [one.subject, ...one.groups] : one.groups))
      const trusted = known.memberships.filter(({ trust, user }) => trust >= 1 && expected.has(personNow(user)))
      const groups = new Set([...named, ...trusted.map(({ group }) => group)])
      const people = (some: { user: number }[]): number[] => [...new Set(some.map(({ user }) => personNow(user)))].sort((a, b) => a - b)
      const organisations = new Map(
        [...groups].map((group) => {
          const members = people(trusted.filter((one) => one.group === group))
          const administrators = people(known.memberships.filter((one) => one.group === group && one.trust === 2 && one.admin))
          return [group, { administrators, members }]
        }),
      )
      assert.deepEqual(sortedBy(exposed.organisations), sortedBy(organisations))
    }),
    { numRuns: Number(process.env.FC_RUNS ?? 12), endOnFailure: true },
  )
})

test('with more shapes than bits of one number each person has their own, whether it arrived or not', async () => {
  const fieldOf = (subject: number): string => `property.p${String(subject).padStart(2, '0')}:clear`
  const rows = Array.from({ length: 70 }, (_, index): DisclosureRow => {
    const subject = index + 1
    const fixed = { vendor: '', destination: 'main', epoch: 1, route: '/import', purpose: 'analytics', policy: 1, surface: 'site' }
    const times = { first: SENT, last: SENT, sentAt: SENT }
    const state = subject % 3 === 0 ? 'possible' : 'delivered'
    return { ...fixed, ...times, entry: subject * 2, subject, kind: 'user', groups: [], events: 1, shape: fieldOf(subject), state }
  })
  const place = rows.map(() => 'loaded' as const)
  const graph = { merged: [], devices: [] }
  const given: Case = { rows, place, graph, windows: OPEN_ENDED, destination: undefined, surfaces: undefined, known: KNOWN_NOTHING }
  const { vendor, ports } = await prepare(given, engine)
  const exposed = await (await affected({ vendor, destination: undefined, windows: OPEN_ENDED }, ports)).exposed()
  const expected = rows.map(({ subject, state }): [number, string] => [subject, `${state === 'possible'} ${fieldOf(subject)}`])
  assert.deepEqual(sortedBy(readExposed(exposed)), expected)
})

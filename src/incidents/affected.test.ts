/** Both questions against the real engine, compared with a recomputation that reads every raw row and knows no index. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FIELDS } from '#model/field.ts'
import { MARKS } from '#vault/survey.ts'
import type { Look } from '#vault/port.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { warehouseOfFile } from '#warehouse/testing-warehouse.ts'
import { type Affected, type AffectedPerson, affected } from './affected.ts'
import { PersonSet } from './person-set.ts'
import { who } from './who.ts'
import {
  type Case,
  cyclic,
  heldRows,
  inScope,
  KNOWN_NOTHING,
  ownerOf,
  pairsIn,
  pairText,
  prepare,
  subjectText,
  testCase,
} from './testing-affected.ts'
import { decodeWindows } from './windows.ts'

const LOOK: Look = { actor: 'operator', action: 'test', reason: 'test' }

const engine = warehouseOfFile()

const iso = (value: number): string => new Date(value).toISOString()

test('affected, its list and its windows equal a naive recomputation', async () => {
  await fc.assert(
    fc.asyncProperty(testCase, async (given) => {
      const { vendor, ports, counted, looks } = await prepare(given, engine)
      const { windows, destination, surfaces, graph } = given
      const scoped = inScope(given, counted)
      const byPerson = Map.groupBy(
        scoped.filter((one) => one.kind !== 'group' && ownerOf(one, graph) !== undefined),
        (one) => ownerOf(one, graph) as number,
      )
      const answer = await affected({ vendor, destination, surfaces, windows }, ports)
      const { summary } = answer
      const held = heldRows(given)
      const heldPeople = new Set(held.flatMap(({ owner }) => owner ?? []))
      const everybody = new Set([...byPerson.keys(), ...heldPeople])
      const set = await answer.people()
      assert.deepEqual(
        [...set.values()],
        [...everybody].sort((a, b) => a - b),
      )
      const delivered = [...byPerson.values()].filter((rows) => rows.some((one) => one.state === 'delivered')).length
      assert.equal(summary.subjects, byPerson.size)
      assert.equal(summary.delivered, delivered)
      assert.equal(summary.possible, byPerson.size - delivered)
      const ambiguous = scoped.filter((one) => one.kind === 'device' && ownerOf(one, graph) === undefined)
      assert.equal(summary.ambiguousDevices, new Set(ambiguous.map((one) => one.subject)).size)
      assert.equal(
        summary.groups,
        new Set(scoped.flatMap((one) => (one.kind === 'group' ? [one.subject, ...one.groups] : one.groups))).size,
      )
      const expectedFields = pairsIn(scoped).map((pair) => [
        pair,
        [...byPerson.values()].filter((rows) => pairsIn(rows).includes(pair)).length,
      ])
      assert.deepEqual(summary.fields.map((field) => [pairText(field), field.subjects]).sort(), expectedFields.sort())
      const arrived = (rows: DisclosureRow[]): DisclosureRow[] => rows.filter((one) => one.state === 'delivered')
      for (const field of summary.fields) {
        const reached = [...byPerson.values()].filter((rows) => pairsIn(arrived(rows)).includes(pairText(field)))
        assert.equal(field.delivered, reached.length)
      }
      const expectedSurfaces = [...new Set(scoped.map((one) => one.surface))].sort().map((surface) => {
        const has = (rows: DisclosureRow[]): boolean => rows.some((one) => one.surface === surface)
        const all = [...byPerson.values()]
        return { surface, subjects: all.filter(has).length, delivered: all.filter((rows) => has(arrived(rows))).length }
      })
      assert.deepEqual(summary.surfaces, expectedSurfaces)
      checkKnown(given, summary, { sent: new Set(byPerson.keys()), everybody, held, scoped })
      const sentFields = new Set(pairsIn(scoped).map((pair) => pair.split(':')[0]))
      const expectNotSent = Object.entries(FIELDS).filter(
        ([field, category]) => ['identity', 'identifier', 'context'].includes(category) && !sentFields.has(field) && field !== 'insert_id',
      )
      assert.deepEqual(summary.notSent, expectNotSent.map(([field]) => field).sort())
      const firstSent = counted
        .filter((one) => (destination === undefined || one.destination === destination) && (surfaces?.includes(one.surface) ?? true))
        .map((one) => one.sentAt)
      const isCertain = given.known.baseline === 'none' || given.known.baseline === 'imported'
      const isBehindFirst = windows.from !== undefined && firstSent.length > 0 && windows.from >= Math.min(...firstSent)
      assert.equal(summary.upperBound, isCertain || isBehindFirst)
      assert.equal(summary.upperBound, summary.upperBoundReason === null)
      const policies = scoped.map((one) => one.policy)
      const range = policies.length === 0 ? [3, 3] : [Math.min(...policies), Math.max(...policies)]
      const granted = [1, 2, 3].filter((version) => version >= (range[0] as number) && version <= (range[1] as number))
      assert.deepEqual(
        summary.checked.freeText.map(({ field }) => field),
        granted.map((version) => `property.p${version}`),
      )
      assert.deepEqual(summary.checked.grantedNotSent, sentFields.has('browser') ? [] : ['browser'])
      assert.deepEqual(summary.checked.policies, policies.length === 0 ? null : { from: Math.min(...policies), to: Math.max(...policies) })

      const lines: AffectedPerson[] = []
      for await (const chunk of answer.lines({ look: LOOK, identities: true })) {
        assert.deepEqual(looks, [String(everybody.size)], 'the look is on record before the first line')
        for (const line of chunk.toString().trimEnd().split('\n')) lines.push(JSON.parse(line) as AffectedPerson)
      }
      const ofBaseline = lines.filter(({ state }) => state === 'baseline')
      const expectedHeld = [...heldPeople].map((owner) => {
        const shapes = held.filter((one) => one.owner === owner).flatMap(({ shape }) => shape.split(','))
        return `${subjectText(owner)} ${[...new Set(shapes)].sort().join()}`
      })
      assert.deepEqual(ofBaseline.map(({ subject, fields }) => `${subject} ${fields.map(pairText).join()}`).sort(), expectedHeld.sort())
      const keyOf = (group: number): string => (given.known.memberships.some((one) => one.group === group) ? 'org' : '')
      const expectedLines = [...byPerson].map(([person, rows]) => ({
        subject: subjectText(person),
        groups: [...new Set(rows.flatMap((one) => one.groups))].sort().map((group) => ({ key: keyOf(group), group: `group-${group}` })),
        fields: pairsIn(rows),
        first: iso(Math.min(...rows.map((one) => one.first))),
        last: iso(Math.max(...rows.map((one) => one.last))),
        sentFirst: iso(Math.min(...rows.map((one) => one.sentAt))),
        sentLast: iso(Math.max(...rows.map((one) => one.sentAt))),
        events: rows.reduce((sum, one) => sum + one.events, 0),
        state: rows.some((one) => one.state === 'delivered') ? 'delivered' : 'possible',
        ids: [person, ...graph.merged.filter(([, to]) => to === person).map(([from]) => from)].map(String).sort(),
        emails: [],
        names: [],
        trust: { emails: null, names: null },
      }))
      const order = (a: { subject: string }, b: { subject: string }): number => (a.subject < b.subject ? -1 : 1)
      const byGroup = (a: { group: string }, b: { group: string }): number => (a.group < b.group ? -1 : 1)
      const shown = lines
        .filter(({ state }) => state !== 'baseline')
        .map((line) => ({
          ...line,
          fields: line.fields.map(pairText),
          ids: [...(line.ids ?? [])].sort(),
          groups: [...line.groups].sort(byGroup),
        }))
      assert.deepEqual(shown.sort(order), expectedLines.sort(order))

      const without = new PersonSet()
      for (const person of everybody) if (person % 2 === 0) without.add(person)
      const left: string[] = []
      for await (const chunk of answer.lines({ look: LOOK, identities: false, without }))
        left.push(...chunk.toString().trimEnd().split('\n'))
      const isLeft = (text: string): string => (JSON.parse(text) as AffectedPerson).subject
      const odd = [...byPerson.keys(), ...heldPeople].filter((person) => person % 2 === 1)
      assert.deepEqual(
        left
          .filter((line) => line !== '')
          .map(isLeft)
          .sort(),
        odd.map(subjectText).sort(),
      )
      assert.equal(looks.at(-1), String(new Set(odd).size))

      // By whatever number of theirs they are named.
      const some = new PersonSet()
      for (const number of [2, 4, 5, 6]) some.add(number)
      const others = [...byPerson.keys()].filter(
        (person) => ![2, 4, 5, 6].some((one) => (new Map(graph.merged).get(one) ?? one) === person),
      )
      const gone = others.filter((person) => (cyclic(given.known.marks, person) & MARKS.erased) !== 0).length
      const { erased, jurisdictions } = await answer.without(some)
      assert.deepEqual([erased, jurisdictions.reduce((sum, row) => sum + row.subjects, 0)], [gone, others.length - gone])
      const count = looks.length
      let organisations = ''
      for await (const chunk of answer.organisations({ look: LOOK, identities: false })) {
        assert.deepEqual([looks.length, looks.at(-1)], [count + 1, String(summary.organisations.total)], 'on record before the first line')
        organisations += chunk.toString()
      }
      assert.equal(organisations.split('\n').length - 1, summary.organisations.total)
    }),
    { numRuns: Number(process.env.FC_RUNS ?? 25), endOnFailure: true },
  )
})

interface Naive {
  sent: ReadonlySet<number>
  everybody: ReadonlySet<number>
  held: ReturnType<typeof heldRows>
  scoped: readonly DisclosureRow[]
}

function checkKnown({ known: { residence, marks, coarse, memberships, baseline }, graph }: Case, summary: Affected, naive: Naive): void {
  const { sent, everybody, held, scoped } = naive
  const markOf = (person: number): number => cyclic(marks, person)
  const erased = [...sent].filter((person) => (markOf(person) & MARKS.erased) !== 0)
  assert.equal(summary.erased, erased.length)
  const unaddressed = [...sent].filter((person) => (markOf(person) & (MARKS.erased | MARKS.address)) === 0)
  assert.equal(summary.withoutAddress, unaddressed.length)
  const placeOf = (person: number): string => cyclic(residence, person) || (erased.includes(person) ? '' : cyclic(coarse, person))
  const places = Map.groupBy([...sent], (person) => {
    const ids = [person, ...graph.merged.filter(([, to]) => to === person).map(([from]) => from)]
    return placeOf(person) || (erased.includes(person) ? '' : (ids.map((id) => cyclic(coarse, id)).find((place) => place !== '') ?? ''))
  })
  assert.deepEqual(
    Object.fromEntries(summary.jurisdictions.map((row) => [row.jurisdiction, row.subjects])),
    Object.fromEntries([...places].map(([place, persons]) => [place || 'unknown', persons.length])),
  )
  const who = { directory: 0, server: 0, place: 0 }
  for (const row of summary.jurisdictions) {
    const persons = places.get(row.jurisdiction === 'unknown' ? '' : row.jurisdiction) ?? []
    const basisOf = (person: number): keyof typeof who => {
      if (cyclic(residence, person) === '') return 'place'
      return (markOf(person) & MARKS.byDirectory) !== 0 ? 'directory' : 'server'
    }
    const basis = Object.entries(Object.groupBy(persons, basisOf)).map(([by, some]) => [by, some.length])
    assert.deepEqual(row.basis, row.jurisdiction === 'unknown' ? who : { ...who, ...Object.fromEntries(basis) })
    const [country = null, region = null] = row.jurisdiction === 'unknown' ? [] : row.jurisdiction.split('-')
    assert.deepEqual([row.country, row.region, row.eu], [country, region, country === 'DE' || country === 'FR'])
  }
  const byNumber = summary.jurisdictions.toSorted((a, b) => b.subjects - a.subjects || (a.jurisdiction < b.jurisdiction ? -1 : 1))
  assert.deepEqual(summary.jurisdictions, byNumber)
  const personOf = new Map(graph.merged)
  const named = new Set(scoped.flatMap((one) => (one.kind === 'group' ? [one.subject, ...one.groups] : one.groups)))
  const trusted = memberships.filter(({ user, trust }) => trust >= 1 && everybody.has(personOf.get(user) ?? user))
  const all = new Set([...named, ...trusted.map(({ group }) => group)])
  const administrating = memberships.filter(({ group, trust, admin }) => trust === 2 && admin && all.has(group))
  assert.equal(summary.organisations.total, all.size)
  assert.equal(summary.organisations.withMembers, new Set(trusted.map(({ group }) => group)).size)
  assert.equal(summary.organisations.withAdministrators, new Set(administrating.map(({ group }) => group)).size)
  const administrators = new Set(administrating.map(({ user }) => personOf.get(user) ?? user))
  assert.equal(summary.organisations.administrators, administrators.size)
  const isReached = (person: number): boolean => (markOf(person) & (MARKS.address | MARKS.erased)) === MARKS.address
  assert.equal(summary.organisations.reachableAdministrators, [...administrators].filter(isReached).length)
  assert.equal(summary.organisations.named, named.size)
  assert.equal(summary.baseline, baseline)
  const before = summary.beforeBulkhead
  if (baseline === 'unknown' || baseline === 'none') return assert.equal(before, null)
  assert.equal(before?.declaredPeople, baseline === 'declared' ? 12 : null)
  if (baseline === 'declared') return assert.deepEqual(before?.fields, [{ field: 'email', form: 'clear', subjects: null }])
  const owners = new Set(held.flatMap(({ owner }) => owner ?? []))
  assert.equal(before?.subjects, owners.size)
  assert.equal(before?.onlyBaseline, owners.difference(sent).size)
  assert.equal(before?.ambiguousDevices, new Set(held.filter(({ owner }) => owner === undefined).map(({ device }) => device)).size)
  for (const { field, form, subjects } of before?.fields ?? []) {
    const having = held.filter(({ shape }) => shape.split(',').includes(`${field}:${form}`)).flatMap(({ owner }) => owner ?? [])
    assert.equal(subjects, new Set(having).size)
  }
}

test('who equals a naive recomputation, over all vendors of the person', async () => {
  await fc.assert(
    fc.asyncProperty(testCase, fc.integer({ min: 1, max: 3 }), async (given, person) => {
      const { vendor, ports, counted } = await prepare(given, engine)
      const answer = await who(String(person), LOOK, { ...ports, namespaces: ['default'] })
      const own = counted.filter((one) => one.kind !== 'group' && ownerOf(one, given.graph) === person)
      const groups = Map.groupBy(own, (one) => `${one.destination} ${one.surface}`)
      const expected = [...groups].map(([key, rows]) => {
        const sum = (state: string): number => rows.filter((one) => one.state === state).reduce((total, one) => total + one.events, 0)
        return {
          key,
          events: sum('delivered') + sum('possible'),
          states: { delivered: sum('delivered'), possible: sum('possible') },
          fields: pairsIn(rows),
        }
      })
      const found = answer.disclosures
        .filter((disclosure) => disclosure.vendor === vendor)
        .map((one) => ({
          key: `${one.destination} ${one.surface}`,
          events: one.events,
          states: one.states,
          fields: one.fields.map(pairText),
        }))
      const order = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1)
      assert.deepEqual(found.sort(order), expected.sort(order))
      assert.equal(answer.subject, `user-${person}`)
      for (const { fields } of answer.disclosures) for (const { field } of fields) assert.ok(!(answer.notSent as string[]).includes(field))
    }),
    { numRuns: Number(process.env.FC_RUNS ?? 60), endOnFailure: true },
  )
  const { ports } = await prepare(
    {
      rows: [],
      place: [],
      graph: { merged: [], devices: [] },
      windows: decodeWindows({}),
      destination: undefined,
      surfaces: undefined,
      known: KNOWN_NOTHING,
    },
    engine,
  )
  await assert.rejects(who('99', LOOK, { ...ports, namespaces: [] }), { code: 'not_found', exit: 1 })
})

test('windows need a zone and an order', () => {
  assert.equal(decodeWindows({ accessTo: '2025-11-09T01:00:00+01:00' }).accessTo, Date.UTC(2025, 10, 9))
  for (const wrong of [
    { from: '2025-11-09' },
    { to: '2025-11-09T00:00:00' },
    { accessFrom: 'yesterday' },
    { from: '2025-13-40T00:00:00Z' },
    // No day of the calendar, which the engine would take for the one after.
    { accessTo: '2025-11-31T00:00:00Z' },
    { to: '2025-02-29T00:00:00+01:00' },
    { from: '2025-11-09T00:00:00Z', to: '2025-11-09T00:00:00Z' },
    { accessFrom: '2025-11-10T00:00:00Z', accessTo: '2025-11-09T00:00:00Z' },
  ]) {
    assert.throws(() => decodeWindows(wrong), { code: 'window_invalid', exit: 2 })
  }
})

/** Both questions against the real engine, compared with a recomputation that reads every raw row and knows no index. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { DAY_MS, dayOf } from '#base/clock.ts'
import { FIELDS } from '#model/field.ts'
import type { DeviceInterval, Look, PeopleGraph } from '#vault/port.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow, Warehouse } from '#warehouse/port.ts'
import { startWarehouse, type WarehouseProcess } from '#warehouse/warehouse-process.ts'
import { type AffectedPerson, affected, type IncidentPorts } from './affected.ts'
import { PersonSet } from './person-set.ts'
import { who } from './who.ts'
import { decodeWindows, type Windows } from './windows.ts'

const BASE = Date.UTC(2026, 1, 3)
const HEAD = 1000
const LOOK: Look = { actor: 'operator', action: 'test', reason: 'test' }
const SHAPES = [
  'user_id:pseudonym',
  'country:coarse,user_id:pseudonym',
  'property.a%002Cb:clear,user_id:pseudonym',
  'email:clear,os:coarse',
]

let folder: string
let running: WarehouseProcess
let worker: Warehouse
let staff: Warehouse

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bh-'))
  running = await startWarehouse(folder)
  worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
  staff = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
})

after(async () => {
  await worker?.close()
  await staff?.close()
  await running?.kill()
  rmSync(folder, { recursive: true, force: true })
})

interface Case {
  rows: DisclosureRow[]
  /** Where each row is: loaded, open, both (its outcome was loaded after the snapshot), or newer than the head. */
  place: ('loaded' | 'open' | 'both' | 'newer')[]
  graph: PeopleGraph
  windows: Windows
  destination: string | undefined
  surfaces: string[] | undefined
}

/** So that events lie on several days, on either side of them, and some rows span midnight. */
const STEP = 6 * 3_600_000 + 1
const instant = fc.integer({ min: 0, max: 16 }).map((t) => BASE - 2 * DAY_MS + t * STEP)
/** One insert holds what was sent on one day. */
const sentInstant = fc.integer({ min: 0, max: 16 }).map((t) => BASE + t * 1000)

const row: fc.Arbitrary<DisclosureRow> = fc
  .record({
    entry: fc.integer({ min: 1, max: 400 }),
    destination: fc.constantFrom('main', 'eu'),
    surface: fc.constantFrom('site', 'api'),
    shape: fc.constantFrom(...SHAPES),
    kindAndSubject: fc.oneof(
      fc.tuple(fc.constant('user' as const), fc.integer({ min: 1, max: 6 })),
      fc.tuple(fc.constant('device' as const), fc.integer({ min: 11, max: 14 })),
      fc.tuple(fc.constant('group' as const), fc.integer({ min: 21, max: 23 })),
    ),
    groups: fc.uniqueArray(fc.integer({ min: 21, max: 24 }), { maxLength: 2, size: 'max' }),
    events: fc.integer({ min: 1, max: 9 }),
    first: instant,
    length: fc.integer({ min: 0, max: 6 }),
    sentAt: sentInstant,
    policy: fc.integer({ min: 1, max: 3 }),
    state: fc.constantFrom('delivered' as const, 'possible' as const),
  })
  .map(({ kindAndSubject: [kind, subject], length, ...rest }) => ({
    ...rest,
    kind,
    subject,
    last: rest.first + length * STEP,
    vendor: '',
    epoch: 1,
    route: '/import',
    purpose: 'analytics',
  }))

/** Disjoint intervals on each device: sign-ins in order, the last one open-ended for half of them. */
const intervals: fc.Arbitrary<DeviceInterval[]> = fc
  .tuple(
    ...[11, 12, 13, 14].map((device) =>
      fc
        .tuple(
          fc.uniqueArray(instant, { maxLength: 3, size: 'max' }),
          fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 3, maxLength: 3 }),
          fc.boolean(),
        )
        .map(([starts, persons, isOpen]) => {
          const sorted = [...starts].sort((a, b) => a - b)
          return sorted.map((from, index) => {
            const to = sorted[index + 1] ?? (isOpen ? Number.MAX_SAFE_INTEGER : BASE - 2 * DAY_MS + 18 * STEP)
            return { device, person: persons[index] as number, from, to }
          })
        }),
    ),
  )
  .map((lists) => lists.flat())

const testCase: fc.Arbitrary<Case> = fc
  .record({
    rows: fc.array(row, { minLength: 8, maxLength: 40, size: 'max' }),
    place: fc.array(fc.constantFrom('loaded' as const, 'loaded' as const, 'open' as const, 'both' as const, 'newer' as const), {
      minLength: 40,
      maxLength: 40,
    }),
    merged: fc.array(fc.tuple(fc.integer({ min: 4, max: 6 }), fc.integer({ min: 1, max: 3 })), { maxLength: 2, size: 'max' }),
    devices: intervals,
    accessTo: fc.option(sentInstant, { nil: undefined }),
    span: fc.option(fc.tuple(instant, fc.integer({ min: 1, max: 10 })), { nil: undefined }),
    destination: fc.constantFrom(undefined, undefined, 'main'),
    surfaces: fc.constantFrom<string[] | undefined>(undefined, undefined, ['api'], ['api', 'site'], ['none']),
  })
  .map(({ merged, devices, accessTo, span, ...rest }) => ({
    ...rest,
    graph: { merged: [...new Map(merged)], devices },
    windows: { accessFrom: undefined, accessTo, from: span?.[0], to: span === undefined ? undefined : span[0] + span[1] * STEP },
    // Entry numbers tell where a row is, and differ between places as they do in a ledger.
    rows: rest.rows.map((one, index) => ({
      ...one,
      entry: one.entry * 2 + (rest.place[index] === 'loaded' ? 0 : 1) + (rest.place[index] === 'newer' ? HEAD : 0),
    })),
  }))

let vendors = 0

/** Loads a case under a vendor name of its own and gives the ports and the rows that count. */
async function prepare(given: Case): Promise<{ vendor: string; ports: IncidentPorts; counted: DisclosureRow[]; looks: string[] }> {
  const vendor = `vendor-${++vendors}`
  const rows = given.rows.map((one) => ({ ...one, vendor }))
  const isLoaded = (index: number): boolean => given.place[index] !== 'open'
  const isOpen = (index: number): boolean => given.place[index] === 'open' || given.place[index] === 'both'
  // An entry is open as a whole, so every row of it is in the snapshot.
  const openRows = rows.filter((_, index) => isOpen(index)).map((one) => ({ ...one, state: 'possible' as const }))
  const loaded = rows.filter((_, index) => isLoaded(index))
  assert.ok(loaded.every((one) => dayOf(one.sentAt) === dayOf(BASE)))
  await worker.insertDisclosures(loaded, `${vendor}-token`)
  const counted = [...rows.filter((_, index) => given.place[index] === 'loaded'), ...openRows]
  const looks: string[] = []
  const vault: IncidentPorts['vault'] = {
    graph: async () => given.graph,
    memberships: async () => [[1, 21, 'org', 'server']],
    staffPseudonyms: async (subjects) => subjects.map(({ kind, ordinal }) => `${kind}-${ordinal}`),
    identities: async (people) =>
      people.map((ids) => ({ ids: ids.map(String), emails: [], names: [], trust: { emails: null, names: null } })),
    recordLook: async (look) => void looks.push(`${look.subjects}`),
    resolve: async (query) => {
      const person = Number(query)
      const users = [person, ...given.graph.merged.filter(([, to]) => to === person).map(([from]) => from)]
      const personOf = new Map(given.graph.merged)
      const devices = given.graph.devices.filter((interval) => (personOf.get(interval.person) ?? interval.person) === person)
      return person === 99 ? [] : [{ person, users, devices }]
    },
  }
  return { vendor, counted, looks, ports: { warehouse: staff, vault, snapshot: async () => ({ head: HEAD, open: openRows }) } }
}

function ownerOf(one: DisclosureRow, graph: PeopleGraph): number | undefined {
  const personOf = new Map(graph.merged)
  if (one.kind === 'user') return personOf.get(one.subject) ?? one.subject
  const held = graph.devices.find((i) => i.device === one.subject && i.from <= one.first && one.last < i.to)
  return held === undefined ? undefined : (personOf.get(held.person) ?? held.person)
}

function pairsIn(rows: DisclosureRow[]): string[] {
  const pairs = rows.flatMap((one) => one.shape.split(',').map((pair) => pair.replace('%002C', ',')))
  return [...new Set(pairs)].sort()
}

const pairText = ({ field, form }: { field: string; form: string }): string => `${field}:${form}`
const iso = (value: number): string => new Date(value).toISOString()

test('affected, its list and its windows equal a naive recomputation', async () => {
  await fc.assert(
    fc.asyncProperty(testCase, async (given) => {
      const { vendor, ports, counted, looks } = await prepare(given)
      const { windows, destination, surfaces, graph } = given
      const scoped = counted.filter(
        (one) =>
          (destination === undefined || one.destination === destination) &&
          (surfaces?.includes(one.surface) ?? true) &&
          one.sentAt < (windows.accessTo ?? Infinity) &&
          one.last >= (windows.from ?? -Infinity) &&
          one.first <= (windows.to ?? Infinity),
      )
      const byPerson = Map.groupBy(
        scoped.filter((one) => one.kind !== 'group' && ownerOf(one, graph) !== undefined),
        (one) => ownerOf(one, graph) as number,
      )
      const answer = await affected({ vendor, destination, surfaces, windows }, ports)
      const { summary } = answer
      const set = await answer.people()
      assert.equal(set.size, byPerson.size)
      assert.ok([...byPerson.keys()].every((person) => set.has(person)))
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
      const sentFields = new Set(pairsIn(scoped).map((pair) => pair.split(':')[0]))
      const expectNotSent = Object.entries(FIELDS).filter(
        ([field, category]) => ['identity', 'identifier', 'context'].includes(category) && !sentFields.has(field) && field !== 'insert_id',
      )
      assert.deepEqual(summary.notSent, expectNotSent.map(([field]) => field).sort())
      const firstSent = counted
        .filter((one) => (destination === undefined || one.destination === destination) && (surfaces?.includes(one.surface) ?? true))
        .map((one) => one.sentAt)
      assert.equal(summary.upperBound, windows.from !== undefined && firstSent.length > 0 && windows.from >= Math.min(...firstSent))
      assert.equal(summary.upperBound, summary.upperBoundReason === null)
      const policies = scoped.map((one) => one.policy)
      assert.deepEqual(summary.checked.policies, policies.length === 0 ? null : { from: Math.min(...policies), to: Math.max(...policies) })

      const lines: AffectedPerson[] = []
      for await (const chunk of answer.lines({ look: LOOK, identities: true })) {
        assert.deepEqual(looks, [String(byPerson.size)], 'the look is on record before the first line')
        for (const line of chunk.toString().trimEnd().split('\n')) lines.push(JSON.parse(line) as AffectedPerson)
      }
      const expectedLines = [...byPerson].map(([person, rows]) => ({
        subject: `user-${person}`,
        groups: [...new Set(rows.flatMap((one) => one.groups))]
          .sort()
          .map((group) => ({ key: group === 21 ? 'org' : '', group: `group-${group}` })),
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
      const shown = lines.map((line) => ({
        ...line,
        fields: line.fields.map(pairText),
        ids: [...(line.ids ?? [])].sort(),
        groups: [...line.groups].sort(byGroup),
      }))
      assert.deepEqual(shown.sort(order), expectedLines.sort(order))

      const without = new PersonSet()
      for (const person of byPerson.keys()) if (person % 2 === 0) without.add(person)
      const left: string[] = []
      for await (const chunk of answer.lines({ look: LOOK, identities: false, without }))
        left.push(...chunk.toString().trimEnd().split('\n'))
      const isLeft = (text: string): string => (JSON.parse(text) as AffectedPerson).subject
      const odd = [...byPerson.keys()].filter((person) => person % 2 === 1)
      assert.deepEqual(left.map(isLeft).sort(), odd.map((person) => `user-${person}`).sort())
      assert.equal(looks.at(-1), String(odd.length))
    }),
    { numRuns: Number(process.env.FC_RUNS ?? 25), endOnFailure: true },
  )
})

test('who equals a naive recomputation, over all vendors of the person', async () => {
  await fc.assert(
    fc.asyncProperty(testCase, fc.integer({ min: 1, max: 3 }), async (given, person) => {
      const { vendor, ports, counted } = await prepare(given)
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
  const { ports } = await prepare({
    rows: [],
    place: [],
    graph: { merged: [], devices: [] },
    windows: decodeWindows({}),
    destination: undefined,
    surfaces: undefined,
  })
  await assert.rejects(who('99', LOOK, { ...ports, namespaces: [] }), { code: 'not_found', exit: 1 })
})

test('windows need a zone and an order', () => {
  assert.equal(decodeWindows({ accessTo: '2025-11-09T01:00:00+01:00' }).accessTo, Date.UTC(2025, 10, 9))
  for (const wrong of [
    { from: '2025-11-09' },
    { to: '2025-11-09T00:00:00' },
    { accessFrom: 'yesterday' },
    { from: '2025-13-40T00:00:00Z' },
    { from: '2025-11-09T00:00:00Z', to: '2025-11-09T00:00:00Z' },
    { accessFrom: '2025-11-10T00:00:00Z', accessTo: '2025-11-09T00:00:00Z' },
  ]) {
    assert.throws(() => decodeWindows(wrong), { code: 'window_invalid', exit: 2 })
  }
})

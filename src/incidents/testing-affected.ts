/** Test support: random cases of what was sent and what is known, the ports over them, and the naive recomputation's helpers. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { DAY_MS, dayOf } from '#base/clock.ts'
import { type BaselinePeople, NO_BASELINE, type RecordedBaseline } from '#model/baseline.ts'
import type { Grant, PolicyVersion } from '#model/policy.ts'
import type { DeviceInterval, PeopleGraph } from '#vault/port.ts'
import { MembershipBook } from '#vault/membership-book.ts'
import { MARKS } from '#vault/survey.ts'
import type { DisclosureRow, Warehouse } from '#warehouse/port.ts'
import type { IncidentPorts } from './affected.ts'
import { PersonSet } from './person-set.ts'
import type { Snapshot } from './rows.ts'
import type { Windows } from './windows.ts'

const BASE = Date.UTC(2026, 1, 3)
const HEAD = 1000
const SHAPES = [
  'user_id:pseudonym',
  'country:coarse,user_id:pseudonym',
  'property.a%002Cb:clear,user_id:pseudonym',
  'email:clear,os:coarse',
]

export interface Case {
  rows: DisclosureRow[]
  /** Where each row is: loaded, open, both (its outcome was loaded after the snapshot), or newer than the head. */
  place: ('loaded' | 'open' | 'both' | 'newer')[]
  graph: PeopleGraph
  windows: Windows
  destination: string | undefined
  surfaces: string[] | undefined
  known: Known
  /** Whom a file keeps; only where the question says that one does. */
  kept?: PersonSet
}

/** What is known of people apart from what was sent. */
interface Known {
  /** By ordinal modulo its length. */
  residence: string[]
  marks: number[]
  coarse: string[]
  memberships: { user: number; group: number; trust: number; admin: boolean }[]
  baseline: 'unknown' | 'none' | 'declared' | 'imported'
  held: { subject: number; isDevice: boolean; shape: number; first: number; length: number }[]
}

export const KNOWN_NOTHING: Known = { residence: [''], marks: [0], coarse: [''], memberships: [], baseline: 'unknown', held: [] }
const HELD_SHAPES = ['email:clear,name:clear', 'country:clear']

const known: fc.Arbitrary<Known> = fc.record({
  residence: fc.array(fc.constantFrom('', 'DE', 'US-CA', 'IN'), { minLength: 5, maxLength: 5 }),
  marks: fc.array(fc.constantFrom(0, MARKS.address, MARKS.erased, MARKS.byDirectory, MARKS.address | MARKS.byServer), {
    minLength: 7,
    maxLength: 7,
  }),
  coarse: fc.array(fc.constantFrom('', 'FR', 'DE'), { minLength: 3, maxLength: 3 }),
  memberships: fc.array(
    fc.record({
      user: fc.integer({ min: 1, max: 8 }),
      group: fc.integer({ min: 20, max: 26 }),
      trust: fc.integer({ min: 0, max: 2 }),
      admin: fc.boolean(),
    }),
    { maxLength: 10, size: 'max' },
  ),
  baseline: fc.constantFrom('unknown' as const, 'none' as const, 'declared' as const, 'imported' as const),
  held: fc.array(
    fc.record({
      subject: fc.integer({ min: 1, max: 9 }),
      isDevice: fc.boolean(),
      shape: fc.integer({ min: 0, max: 1 }),
      first: fc.integer({ min: 0, max: 16 }),
      length: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 8, size: 'max' },
  ),
})

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

export const testCase: fc.Arbitrary<Case> = fc
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
    known,
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
export async function prepare(
  given: Case,
  { worker, staff }: { worker: Warehouse; staff: Warehouse },
): Promise<{ vendor: string; ports: IncidentPorts; counted: DisclosureRow[]; looks: string[] }> {
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
    groups: async (question) => bookOf(given.known).survey(question, keyOf(given.known)),
    members: async (users) => bookOf(given.known).members(users),
    survey: async ({ single, joined }) => {
      const firsts = [...single, ...joined.map((ids) => Math.min(...ids))]
      const places = ['', 'DE', 'US-CA', 'IN']
      return {
        places,
        residence: Uint16Array.from(firsts, (person) => places.indexOf(cyclic(given.known.residence, person))),
        marks: Uint8Array.from(firsts, (person) => cyclic(given.known.marks, person)),
      }
    },
    staffUserIds: async (users) => Buffer.concat(Array.from(users, (user) => Buffer.from(subjectText(user).replaceAll('-', ''), 'hex'))),
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
  const records: IncidentPorts['records'] = {
    policy: (version) => policyOf(vendor, version),
    currentPolicy: () => policyOf(vendor, 3),
    baselines: () => (given.known.baseline === 'unknown' ? [] : [baselineOf(vendor, given.known)]),
    baselinePeople: () => [heldOf(given.known)],
  }
  let isFresh = false
  const places = {
    refresh: async () => {
      isFresh = true
    },
    countryOf: (user: number) => (isFresh ? cyclic(given.known.coarse, user) : ''),
  }
  const snapshot = async (): Promise<Snapshot> => ({ head: HEAD, open: openRows })
  return {
    vendor,
    counted,
    looks,
    ports: { warehouse: staff, vault, snapshot, records, places, kept: async () => given.kept ?? new PersonSet() },
  }
}

/** The vault's own, over what a case knows. */
function bookOf({ memberships }: Known): MembershipBook {
  const book = new MembershipBook()
  for (const [index, { user, group, trust, admin }] of memberships.entries())
    book.put({ id: index + 1, person: user, target: group, trust, admin })
  return book
}

/** Of the others it is told by events. */
function keyOf({ memberships }: Known): (group: number) => string {
  return (group) => (memberships.some((one) => one.group === group) ? 'org' : '')
}

/** Of a user, as lines show it. */
export function subjectText(user: number): string {
  return `00000000-0000-4000-8000-${user.toString(16).padStart(12, '0')}`
}

export function cyclic<Value>(values: readonly Value[], ordinal: number): Value {
  return values[ordinal % values.length] as Value
}

/** Version n grants the property pN. */
function policyOf(vendor: string, version: number): PolicyVersion {
  const grant = (field: Grant['field']): Grant => ({ field, form: 'clear', purpose: 'analytics', until: null, rule: 'grant:1' })
  const grants = [grant('property.*'), { ...grant('browser'), form: 'coarse' as const }]
  const destination = { vendor, destination: 'main', protocol: 'mixpanel', grants, events: [], properties: [`p${version}`] }
  return { version, appliedAt: 0, policy: { store: { events: [], properties: [], paths: [], referrers: [] }, destinations: [destination] } }
}

function baselineOf(vendor: string, given: Known): RecordedBaseline {
  const statement = { ...NO_BASELINE, id: 1, vendor, kind: given.baseline, saidBy: 'the owner', people: 12 }
  if (given.baseline === 'declared') return { ...statement, fields: [{ field: 'email', form: 'clear' }] }
  const imported = { sha256: '', rows: 9, unmatchedRows: 0, brokenRows: 0, throughBulkhead: 0, otherColumns: 0, complete: true }
  return given.baseline === 'imported' ? { ...statement, import: imported, shapes: HELD_SHAPES } : statement
}

/** Event times in whole seconds; an odd first has none. */
const heldFirst = (first: number): number => (first % 2 === 1 ? 0 : Math.floor((BASE - 2 * DAY_MS + first * STEP) / 1000))
const heldLast = (first: number, length: number): number => (heldFirst(first) === 0 ? 0 : heldFirst(first) + length * 40_000)

function heldOf({ held }: Known): BaselinePeople {
  return {
    subjects: Float64Array.from(held, ({ subject, isDevice }) => (isDevice ? 10 + (subject % 5) : subject)),
    devices: Uint8Array.from(held, ({ isDevice }) => (isDevice ? 1 : 0)),
    shapes: Uint16Array.from(held, ({ shape }) => shape),
    firsts: Uint32Array.from(held, ({ first }) => heldFirst(first)),
    lasts: Uint32Array.from(held, ({ first, length }) => heldLast(first, length)),
  }
}

/** Whose each held row is that lies in the window; undefined: an ambiguous device's. */
export function heldRows(given: Case): { owner: number | undefined; device: number; shape: string }[] {
  if (given.known.baseline !== 'imported') return []
  const { from = -Infinity, to = Infinity } = given.windows
  const { subjects, devices, shapes, firsts, lasts } = heldOf(given.known)
  return Array.from(subjects, (subject, at) => {
    const isTimed = firsts[at] !== 0
    const [first, last] = [(firsts[at] as number) * 1000, (lasts[at] as number) * 1000 + 999]
    const isHeld = (i: DeviceInterval): boolean => isTimed && i.device === subject && i.from <= first && last < i.to
    const person = devices[at] === 0 ? subject : given.graph.devices.find(isHeld)?.person
    const owner = person === undefined ? undefined : (new Map(given.graph.merged).get(person) ?? person)
    return { owner, device: subject, shape: HELD_SHAPES[shapes[at] as number] as string, isIn: !isTimed || (last >= from && first <= to) }
  }).filter(({ isIn }) => isIn)
}

/** What a question is about, told without the engine: what left before the access window ended, and whose span meets the data window. */
export function inScope({ windows, destination, surfaces }: Case, counted: readonly DisclosureRow[]): DisclosureRow[] {
  return counted.filter(
    (one) =>
      (destination === undefined || one.destination === destination) &&
      (surfaces?.includes(one.surface) ?? true) &&
      one.sentAt < (windows.accessTo ?? Infinity) &&
      one.last >= (windows.from ?? -Infinity) &&
      one.first <= (windows.to ?? Infinity),
  )
}

export function ownerOf(one: DisclosureRow, graph: PeopleGraph): number | undefined {
  const personOf = new Map(graph.merged)
  if (one.kind === 'user') return personOf.get(one.subject) ?? one.subject
  const held = graph.devices.find((i) => i.device === one.subject && i.from <= one.first && one.last < i.to)
  return held === undefined ? undefined : (personOf.get(held.person) ?? held.person)
}

export function pairsIn(rows: DisclosureRow[]): string[] {
  const pairs = rows.flatMap((one) => one.shape.split(',').map((pair) => pair.replace('%002C', ',')))
  return [...new Set(pairs)].sort()
}

export const pairText = ({ field, form }: { field: string; form: string }): string => `${field}:${form}`

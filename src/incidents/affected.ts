/**
 * Who may be affected: people about whom data was sent to a vendor through us, in which fields and forms, and which
 * fields stood in nothing that was sent. "May be": that a vendor was breached does not say that every row was read.
 */
import { DAY_MS } from '#base/clock.ts'
import type { KnownField } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { Identity, Look, StaffVault } from '#vault/port.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { findGroupKeys } from './groups.ts'
import { People } from './people.ts'
import { findPeople, type ListScope, listPeople } from './person-list.ts'
import type { PersonSet } from './person-set.ts'
import {
  FIRST_DAY_SQL,
  firstSentQuestion,
  isInScope,
  type PairRow,
  pairsQuestion,
  type Question,
  type Scope,
  type Snapshot,
  type Tally,
} from './rows.ts'
import { type Gathered, gather } from './scan.ts'
import { type FieldForm, fieldsNotSent, type PairKey, Shapes } from './shapes.ts'
import { type PrintedWindows, printWindows, type Windows } from './windows.ts'

export interface AffectedQuery {
  vendor: string
  /** undefined = all destinations of the vendor. */
  destination: string | undefined
  /** Only these destinations, only what came from these surfaces; undefined = all. */
  destinations?: readonly string[] | undefined
  surfaces?: readonly string[] | undefined
  windows: Windows
}

export interface IncidentPorts {
  warehouse: Warehouse
  vault: Pick<StaffVault, 'graph' | 'memberships' | 'staffPseudonyms' | 'identities' | 'recordLook' | 'resolve'>
  /** Waits until the warehouse holds all that is closed, and gives what is still open. */
  snapshot: () => Promise<Snapshot>
}

export interface Affected {
  vendor: string
  destination: string | null
  /** People in scope; delivered + possible. */
  subjects: number
  /** People with at least one row that the vendor answered to. */
  delivered: number
  /** People with only rows of which nobody knows whether they arrived. */
  possible: number
  /** Devices with rows that belong to no single person; they are in no personal list. */
  ambiguousDevices: number
  groups: number
  /** `subjects`: people; 0 where only groups or ambiguous devices had the field. */
  fields: (FieldForm & { subjects: number })[]
  /** Fields about people that were not among the fields sent in this scope. */
  notSent: KnownField[]
  windows: PrintedWindows
  /** What the vendor held before us: nothing is declared yet. */
  baseline: 'unknown'
  /** Whether nobody else can be affected by what this vendor held. */
  upperBound: boolean
  upperBoundReason: string | null
  /** What the answer rests on: ledger entries 1..entries, policy versions of the rows in scope (null: there were none). */
  checked: { entries: number; policies: { from: number; to: number } | null }
}

export interface AffectedPerson {
  /** Staff-view pseudonym: equal in all commands of one instance, unrelated to what any vendor got. */
  subject: string
  groups: { key: string; group: string }[]
  fields: FieldForm[]
  /** Event time of the first and last event, ISO 8601 UTC. */
  first: string
  last: string
  sentFirst: string
  sentLast: string
  events: number
  state: 'delivered' | 'possible'
  ids?: string[]
  emails?: string[]
  names?: string[]
  trust?: Identity['trust']
}

export interface AffectedAnswer {
  summary: Affected
  /**
   * The people behind the summary, as of the same ledger entry: NDJSON of `AffectedPerson`, in chunks of whole lines. The
   * look is on record before the first is given. People in `without` are left out.
   */
  lines(options: { look: Look; identities: boolean; without?: PersonSet }): AsyncGenerator<Buffer, void>
  /** The people of the summary by number, to compare scopes; numbers stay inside. */
  people(): Promise<PersonSet>
}

export async function affected(query: AffectedQuery, ports: IncidentPorts): Promise<AffectedAnswer> {
  const snapshot = await ports.snapshot()
  const scope: Scope = { ...query, snapshot }
  // After the snapshot: an edge that is newer than the rows only joins people who are the same.
  const people = new People(await ports.vault.graph())
  const gathered = await gather(scope, people, ports.warehouse)
  const shapes = new Shapes()
  const counts = await countPeople(scope, gathered, shapes, ports.warehouse)
  const fields = shapes.sorted(counts.subjectsOf.keys()).map((key) => ({ ...shapes.pair(key), subjects: counts.subjectsOf.get(key) ?? 0 }))
  const groups = new Set([...counts.groups, ...gathered.aside.groups])
  const summary: Affected = {
    vendor: query.vendor,
    destination: query.destination ?? null,
    subjects: counts.subjects,
    delivered: counts.delivered,
    possible: counts.subjects - counts.delivered,
    ambiguousDevices: gathered.aside.ambiguousDevices.size,
    groups: groups.size,
    fields,
    notSent: fieldsNotSent(fields),
    windows: printWindows(query.windows),
    baseline: 'unknown',
    ...(await boundOf(scope, ports.warehouse)),
    checked: { entries: snapshot.head, policies: policiesOf(scope, [...counts.policies, ...gathered.policies]) },
  }
  const listed: ListScope = {
    scope,
    people,
    gathered,
    shapes,
    shapesInScope: counts.shapes,
    users: counts.users,
    hasGroups: counts.groups.length > 0,
  }
  return {
    summary,
    lines: async function* (options) {
      const subjects = options.without === undefined ? counts.subjects : (await findPeople(listed, ports)).countWithout(options.without)
      await ports.vault.recordLook({ ...options.look, subjects })
      yield* listPeople(listed, await nameGroups(groups, ports), ports, options)
    },
    people: () => findPeople(listed, ports),
  }
}

interface Counts {
  subjects: number
  delivered: number
  subjectsOf: Map<PairKey, number>
  /** Users that have rows, before any are put together. */
  users: number
  shapes: string[]
  groups: Ordinal[]
  policies: number[]
}

/** What the engine counted, less the users that belong to gathered people, plus these people. */
async function countPeople(scope: Scope, gathered: Gathered, shapes: Shapes, warehouse: Warehouse): Promise<Counts> {
  const rows = await askRows<PairRow>(pairsQuestion(scope), warehouse)
  const all = rows.find((row) => row.pair === '')
  const counts: Counts = {
    subjects: Number(all?.subjects ?? 0),
    delivered: Number(all?.delivered ?? 0),
    subjectsOf: new Map(),
    users: Number(all?.subjects ?? 0),
    shapes: [...(all?.shapeTexts ?? [])].sort(),
    groups: (all?.groupOrdinals ?? []).map(Number),
    policies: all === undefined ? [] : [Number(all.policyFirst), Number(all.policyLast)],
  }
  const count = (keys: Iterable<PairKey>, by: number): void => {
    for (const key of keys) counts.subjectsOf.set(key, (counts.subjectsOf.get(key) ?? 0) + by)
  }
  // A pair's text is a shape of one pair.
  for (const { pair, subjects } of rows) if (pair !== '') count(shapes.pairsOf(pair), Number(subjects))
  const add = (tally: Tally, by: number): void => {
    counts.subjects += by
    if (tally.delivered.size > 0) counts.delivered += by
    count(pairsOf(tally, shapes), by)
  }
  for (const row of gathered.counted) add(row, -1)
  for (const tally of gathered.people.values()) add(tally, 1)
  count(shapes.union(gathered.aside.shapes), 0)
  return counts
}

function askRows<Row>({ sql, parameters }: Question, warehouse: Warehouse): Promise<Row[]> {
  return warehouse.query<Row>(sql, parameters, 'badday')
}

async function nameGroups(groups: ReadonlySet<Ordinal>, ports: IncidentPorts): Promise<Map<Ordinal, { key: string; group: string }>> {
  const keys = await findGroupKeys(groups, ports.vault, ports.warehouse)
  const ordinals = [...groups]
  const pseudonyms = ordinals.length === 0 ? [] : await ports.vault.staffPseudonyms(ordinals.map((ordinal) => ({ kind: 'group', ordinal })))
  return new Map(ordinals.map((ordinal, index) => [ordinal, { key: keys.get(ordinal) ?? '', group: pseudonyms[index] ?? '' }]))
}

function pairsOf(tally: Tally, shapes: Shapes): Set<PairKey> {
  return shapes.union([...tally.delivered, ...tally.possible])
}

/** With nothing known of what the vendor held before us, only events since our first entry are surely all in the ledger. */
async function boundOf(scope: Scope, warehouse: Warehouse): Promise<{ upperBound: boolean; upperBoundReason: string | null }> {
  const firstSent = await findFirstSent(scope, warehouse)
  const sent = firstSent === undefined ? [] : [firstSent]
  const openAnywhere = { ...scope, windows: { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined } }
  for (const open of scope.snapshot.open) if (isInScope(open, openAnywhere)) sent.push(open.sentAt)
  const refuse = (reason: string) => ({ upperBound: false, upperBoundReason: reason })
  const unknown = 'what this vendor held before Bulkhead (its baseline) is unknown'
  if (sent.length === 0) return refuse(`${unknown}, and nothing was sent to it through Bulkhead`)
  const first = sent.reduce((a, b) => Math.min(a, b))
  const { from } = scope.windows
  if (from !== undefined && from >= first) return { upperBound: true, upperBoundReason: null }
  const start = from === undefined ? 'without end' : `to ${new Date(from).toISOString()}`
  const entry = new Date(first).toISOString()
  return refuse(`${unknown}, and the data window reaches back ${start}, behind the first ledger entry for it, of ${entry}`)
}

/** Among the rows of the first day and month of all vendors, where it mostly is, and only then among all. */
async function findFirstSent(scope: Scope, warehouse: Warehouse): Promise<number | undefined> {
  const [first] = await warehouse.query<{ rows: number | string; firstDay: number }>(FIRST_DAY_SQL, {}, 'badday')
  if (first === undefined || Number(first.rows) === 0) return undefined
  for (const days of [1, 31, undefined]) {
    const before = days === undefined ? undefined : (Number(first.firstDay) + days) * DAY_MS
    const [sent] = await askRows<{ rows: number | string; firstSent: number | string }>(firstSentQuestion(scope, before), warehouse)
    if (Number(sent?.rows ?? 0) > 0) return Number(sent?.firstSent)
  }
  return undefined
}

function policiesOf(scope: Scope, ofRows: readonly number[]): { from: number; to: number } | null {
  const versions = [...ofRows, ...scope.snapshot.open.filter((row) => isInScope(row, scope)).map((row) => row.policy)]
  if (versions.length === 0) return null
  return { from: versions.reduce((a, b) => Math.min(a, b)), to: versions.reduce((a, b) => Math.max(a, b)) }
}

/**
 * Who may be affected: people about whom data was sent to a vendor through us, in which fields and forms, and which
 * fields stood in nothing that was sent. "May be": that a vendor was breached does not say that every row was read.
 */
import type { KnownField } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { Identity, Look, StaffVault } from '#vault/port.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { findGroupKeys } from './groups.ts'
import { People } from './people.ts'
import { firstSentQuestion, isInScope, type Scope, type ScopeFacts, scopeFactsQuestion, type Snapshot, type Tally } from './rows.ts'
import { type Aside, emptyAside, type PersonTally, scanPeople } from './scan.ts'
import { type FieldForm, fieldsNotSent, type PairKey, Shapes } from './shapes.ts'
import { type PrintedWindows, printWindows, type Windows } from './windows.ts'

/** People whose identities and pseudonyms are asked for in one call of the vault. */
const PEOPLE_A_CALL = 1000

export interface AffectedQuery {
  vendor: string
  /** undefined = all destinations of the vendor. */
  destination: string | undefined
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
  /** The people behind the summary, as of the same ledger entry. The look is on record before the first is given. */
  list(options: { look: Look; identities: boolean }): AsyncGenerator<AffectedPerson, void>
}

export async function affected(query: AffectedQuery, ports: IncidentPorts): Promise<AffectedAnswer> {
  const snapshot = await ports.snapshot()
  const scope: Scope = { ...query, snapshot }
  // After the snapshot: an edge that is newer than the rows only joins people who are the same.
  const people = new People(await ports.vault.graph())
  const shapes = new Shapes()
  const aside = emptyAside()
  const counts = { subjects: 0, delivered: 0 }
  const subjectsOf = new Map<PairKey, number>()
  for await (const { tally } of scanPeople(scope, people, ports.warehouse, aside)) {
    counts.subjects++
    if (tally.delivered.size > 0) counts.delivered++
    for (const key of pairsOf(tally, shapes)) subjectsOf.set(key, (subjectsOf.get(key) ?? 0) + 1)
  }
  for (const key of shapes.union(aside.shapes)) if (!subjectsOf.has(key)) subjectsOf.set(key, 0)
  const fields = shapes.sorted(subjectsOf.keys()).map((key) => ({ ...shapes.pair(key), subjects: subjectsOf.get(key) ?? 0 }))
  const summary: Affected = {
    vendor: query.vendor,
    destination: query.destination ?? null,
    subjects: counts.subjects,
    delivered: counts.delivered,
    possible: counts.subjects - counts.delivered,
    ambiguousDevices: aside.ambiguousDevices.size,
    groups: aside.groups.size,
    fields,
    notSent: fieldsNotSent(fields),
    windows: printWindows(query.windows),
    baseline: 'unknown',
    ...(await boundOf(scope, ports.warehouse)),
    checked: { entries: snapshot.head, policies: await policiesOf(scope, ports.warehouse) },
  }
  return {
    summary,
    list: (options) => listPeople({ scope, people, shapes, groups: aside.groups, subjects: counts.subjects, ports, ...options }),
  }
}

async function* listPeople(options: {
  scope: Scope
  people: People
  shapes: Shapes
  groups: ReadonlySet<Ordinal>
  subjects: number
  ports: IncidentPorts
  look: Look
  identities: boolean
}): AsyncGenerator<AffectedPerson, void> {
  const { scope, people, shapes, ports, look } = options
  await ports.vault.recordLook({ ...look, subjects: options.subjects })
  const groups = await nameGroups(options.groups, ports)
  const aside: Aside = emptyAside()
  let batch: PersonTally[] = []
  const finish = async (): Promise<AffectedPerson[]> => {
    const subjects = await ports.vault.staffPseudonyms(batch.map(({ person }) => ({ kind: 'user', ordinal: person })))
    const lookup = (): Promise<Identity[]> =>
      ports.vault.identities(
        batch.map(({ person }) => [...people.identifiersOf(person)]),
        look,
      )
    const identities = options.identities ? await lookup() : undefined
    return batch.map(({ tally }, index) => ({ ...printPerson(subjects[index] ?? '', tally, shapes, groups), ...identities?.[index] }))
  }
  for await (const person of scanPeople(scope, people, ports.warehouse, aside)) {
    batch.push(person)
    if (batch.length < PEOPLE_A_CALL) continue
    yield* await finish()
    batch = []
  }
  if (batch.length > 0) yield* await finish()
}

async function nameGroups(groups: ReadonlySet<Ordinal>, ports: IncidentPorts): Promise<Map<Ordinal, { key: string; group: string }>> {
  const keys = await findGroupKeys(groups, ports.vault, ports.warehouse)
  const ordinals = [...groups]
  const pseudonyms = ordinals.length === 0 ? [] : await ports.vault.staffPseudonyms(ordinals.map((ordinal) => ({ kind: 'group', ordinal })))
  return new Map(ordinals.map((ordinal, index) => [ordinal, { key: keys.get(ordinal) ?? '', group: pseudonyms[index] ?? '' }]))
}

function printPerson(
  subject: string,
  tally: Tally,
  shapes: Shapes,
  groups: ReadonlyMap<Ordinal, { key: string; group: string }>,
): AffectedPerson {
  return {
    subject,
    groups: [...tally.groups].flatMap((ordinal) => groups.get(ordinal) ?? []).sort(byKeyAndGroup),
    fields: shapes.sorted(pairsOf(tally, shapes)).map((key) => shapes.pair(key)),
    first: new Date(tally.first).toISOString(),
    last: new Date(tally.last).toISOString(),
    sentFirst: new Date(tally.sentFirst).toISOString(),
    sentLast: new Date(tally.sentLast).toISOString(),
    events: tally.events,
    state: tally.delivered.size > 0 ? 'delivered' : 'possible',
  }
}

function byKeyAndGroup(a: { key: string; group: string }, b: { key: string; group: string }): number {
  return `${a.key}\0${a.group}` < `${b.key}\0${b.group}` ? -1 : 1
}

function pairsOf(tally: Tally, shapes: Shapes): Set<PairKey> {
  const keys = shapes.union(tally.delivered)
  for (const shape of tally.possible) for (const key of shapes.pairsOf(shape)) keys.add(key)
  return keys
}

/** With nothing known of what the vendor held before, only events since our first entry are surely all in the ledger. */
async function boundOf(scope: Scope, warehouse: Warehouse): Promise<{ upperBound: boolean; upperBoundReason: string | null }> {
  const { sql, parameters } = firstSentQuestion(scope)
  const [row] = await warehouse.query<{ rows: number | string; firstSent: number | string }>(sql, parameters, 'badday')
  const sent = Number(row?.rows ?? 0) > 0 ? [Number(row?.firstSent)] : []
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

async function policiesOf(scope: Scope, warehouse: Warehouse): Promise<{ from: number; to: number } | null> {
  const { sql, parameters } = scopeFactsQuestion(scope)
  const [facts] = await warehouse.query<ScopeFacts>(sql, parameters, 'badday')
  const versions = scope.snapshot.open.filter((row) => isInScope(row, scope)).map((row) => row.policy)
  if (Number(facts?.rows ?? 0) > 0) versions.push(Number(facts?.policyFirst), Number(facts?.policyLast))
  if (versions.length === 0) return null
  return { from: versions.reduce((a, b) => Math.min(a, b)), to: versions.reduce((a, b) => Math.max(a, b)) }
}

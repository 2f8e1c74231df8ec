/**
 * Who may be affected: people about whom data was sent to a vendor through us, in which fields and forms, and which
 * fields stood in nothing that was sent. "May be": that a vendor was breached does not say that every row was read.
 */
import type { BaselineKind } from '#model/baseline.ts'
import type { KnownField } from '#model/field.ts'
import type { Identity, StaffVault } from '#vault/port.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { type BaselineReader, type BaselineSummary, gatherBaseline, summarizeBaseline } from './baseline-scope.ts'
import { boundOf, narrowedBound } from './bound.ts'
import { type Checked, type PolicyReader, whatWasChecked } from './checked.ts'
import type { Places } from './coarse-places.ts'
import { askRows, type Count, countPeople, peopleInScope } from './counts.ts'
import { type Exposed, exposedIn } from './exposures.ts'
import { countOrganisations, findGroupKeys, gatherMembers, gatherOrganisations, type OrganisationCounts } from './groups.ts'
import type { KeptFile } from './kept-people.ts'
import { type Jurisdiction, type Surveyed, surveyPeople } from './jurisdictions.ts'
import { organisationLines } from './organisation-list.ts'
import { People } from './people.ts'
import { type ListOptions, type ListScope, listPeople } from './person-list.ts'
import { PersonSet } from './person-set.ts'
import { isInScope, recordsQuestion, type Scope, type Snapshot } from './rows.ts'
import { gather } from './scan.ts'
import { type FieldForm, fieldsNotSent, Shapes } from './shapes.ts'
import { type PrintedWindows, printWindows, type Windows } from './windows.ts'

export interface AffectedQuery {
  vendor: string
  /** undefined = all destinations of the vendor. */
  destination: string | undefined
  /** Only these destinations, only what came from these surfaces; undefined = all. */
  destinations?: readonly string[] | undefined
  surfaces?: readonly string[] | undefined
  windows: Windows
  /** The sealed list of the people whom a file keeps, in a scope that was narrowed below the ledger. */
  keptIn?: KeptFile | undefined
}

/** What questions about disclosures stand on. */
export interface DisclosurePorts {
  warehouse: Warehouse
  vault: Pick<StaffVault, 'staffPseudonyms' | 'resolve'>
  /** Waits until the warehouse holds all that is closed, and gives what is still open. */
  snapshot: () => Promise<Snapshot>
}

export interface IncidentPorts extends DisclosurePorts {
  vault: Pick<StaffVault, 'graph' | 'groups' | 'members' | 'survey' | 'staffPseudonyms' | 'staffUserIds' | 'identities'> &
    Pick<StaffVault, 'recordLook' | 'resolve'>
  records: PolicyReader & BaselineReader
  /** One for all questions of a process. */
  places: Places
  /** The people of such a list, by the numbers that they had when it was written. */
  kept: (file: KeptFile) => Promise<PersonSet>
}

export interface Affected {
  vendor: string
  destination: string | null
  /** What the question was narrowed to; null: nothing. */
  onlySurfaces: string[] | null
  /** People in scope; delivered + possible. */
  subjects: number
  /** People with at least one row that the vendor answered to. */
  delivered: number
  /** People with only rows of which nobody knows whether they arrived. */
  possible: number
  /** People whom the ledger has in this scope besides, and whom a file took out; absent where none did. */
  leftOut?: number
  /** Devices with rows that belong to no single person; they are in no personal list. */
  ambiguousDevices: number
  /** Groups named in what was sent. */
  groups: number
  organisations: OrganisationCounts
  /** `subjects`: people; 0 where only groups or ambiguous devices had the field. */
  fields: (FieldForm & Count)[]
  surfaces: ({ surface: string } & Count)[]
  /** Of `subjects`, by where they live. */
  jurisdictions: Jurisdiction[]
  /** Of `subjects`, erased since: nobody can notify them. */
  erased: number
  /** Of `subjects`, those without an address from a server or the directory; erased people are not among them. */
  withoutAddress: number
  /** Fields about people that were not among the fields sent in this scope. */
  notSent: KnownField[]
  windows: PrintedWindows
  /** What is known of what the vendor held before us. */
  baseline: BaselineKind
  /** The same, with its people, who are not in the figures above; null: nothing is known or there was nothing. */
  beforeBulkhead: BaselineSummary | null
  /** Whether nobody else can be affected by what this vendor held. */
  upperBound: boolean
  upperBoundReason: string | null
  /** What the answer rests on. */
  checked: Checked
}

export interface AffectedPerson {
  /** Staff-view pseudonym: equal in all commands of one instance, unrelated to what any vendor got. */
  subject: string
  groups: { key: string; group: string }[]
  fields: FieldForm[]
  /** Event time of the first and last event, ISO 8601 UTC; null in a baseline where nobody knows. */
  first: string | null
  last: string | null
  /** null in a baseline: it was not sent through us. */
  sentFirst: string | null
  sentLast: string | null
  events: number
  state: 'delivered' | 'possible' | 'baseline'
  ids?: string[]
  emails?: string[]
  names?: string[]
  trust?: Identity['trust']
}

export interface AffectedAnswer {
  summary: Affected
  /**
   * The people behind the summary, as of the same ledger entry: NDJSON of `AffectedPerson`, in chunks of whole lines. Whoever is
   * in the baseline too has a second line for it. The look is on record before the first is given.
   */
  lines(options: ListOptions): AsyncGenerator<Buffer, void>
  /** Everybody in scope by number, sent through us or in the baseline: to compare scopes. Numbers stay inside. */
  people(): Promise<PersonSet>
  /** Of `subjects`, those who are not among these, by where they live; without people who were erased since, who are counted. */
  without(some: PersonSet): Promise<Surveyed>
  /** About how many events and profile updates were sent in this scope; null: not counted where a file narrows it. */
  records(): Promise<number | null>
  /** Who is to be told what; numbers stay inside. */
  exposed(): Promise<Exposed>
  /** NDJSON of `OrganisationLine`. The look is on record before the first is given. */
  organisations(options: Pick<ListOptions, 'look' | 'identities'>): AsyncGenerator<Buffer, void>
}

/** As the ledger has it. */
function scopeOf({ vendor, destination, destinations, surfaces, windows }: AffectedQuery, snapshot: Snapshot): Scope {
  return { vendor, destination, destinations, surfaces, windows, snapshot }
}

async function keptNow({ keptIn }: AffectedQuery, people: People, ports: IncidentPorts): Promise<PersonSet | undefined> {
  return keptIn === undefined ? undefined : people.asNow(await ports.kept(keptIn))
}

async function sentIn(scope: Scope, people: People, { warehouse }: Pick<IncidentPorts, 'warehouse'>): Promise<PersonSet> {
  return peopleInScope(scope, await gather(scope, people, warehouse), warehouse)
}

/** A file keeps some of the people of a scope; how many, and how many it would take out. All as of one ledger entry. */
export async function countNarrowed(
  query: AffectedQuery,
  named: PersonSet,
  ports: IncidentPorts,
): Promise<{ stay: number; leftOut: number }> {
  const scope = scopeOf(query, await ports.snapshot())
  const people = new People(await ports.vault.graph())
  const sent = await sentIn(scope, people, ports)
  const leftOut = sent.countWithout(people.asNow(named))
  return { stay: sent.size - leftOut, leftOut }
}

async function countRecords(scope: Scope, warehouse: IncidentPorts['warehouse']): Promise<number> {
  const [row] = await askRows<{ records: number | string }>(recordsQuestion(scope), warehouse)
  const open = scope.snapshot.open.filter((each) => isInScope(each, scope)).reduce((sum, { events }) => sum + events, 0)
  return Number(row?.records ?? 0) + open
}

/** Only who they are, by number: to compare scopes. */
export async function peopleAffected(query: AffectedQuery, ports: IncidentPorts): Promise<PersonSet> {
  const snapshot = await ports.snapshot()
  const people = new People(await ports.vault.graph())
  const scope: Scope = { ...scopeOf(query, snapshot), kept: await keptNow(query, people, ports) }
  const sent = await sentIn(scope, people, ports)
  const before = summarizeBaseline(gatherBaseline(scope, ports.records), { people, sent, shapes: new Shapes() })
  const everybody = new PersonSet()
  for (const part of [sent, before.people]) everybody.addAll(part)
  return everybody
}

export async function affected(query: AffectedQuery, ports: IncidentPorts): Promise<AffectedAnswer> {
  const snapshot = await ports.snapshot()
  const whole = scopeOf(query, snapshot)
  const held = gatherBaseline(whole, ports.records)
  // After the snapshot: an edge that is newer than the rows only joins people who are the same.
  const people = new People(await ports.vault.graph())
  const scope: Scope = { ...whole, kept: await keptNow(query, people, ports) }
  const gathered = await gather(scope, people, ports.warehouse)
  const shapes = new Shapes()
  const counts = await countPeople(scope, gathered, shapes, ports.warehouse)
  const sent = counts.people
  // Whom the ledger has as of the same entry, whatever a file keeps.
  const inLedger = scope.kept === undefined ? sent : await sentIn(whole, people, ports)
  const leftOut = scope.kept === undefined ? undefined : inLedger.countWithout(sent)
  const before = summarizeBaseline(held, { people, sent: inLedger, shapes })
  const everybody = new PersonSet()
  for (const part of [sent, before.people]) everybody.addAll(part)
  const named = new Set([...counts.groups, ...gathered.aside.groups])
  const organisations = await gatherOrganisations(ports.vault, { named, people, scope: everybody })
  const fields = shapes.sorted(counts.ofPair.keys()).map((key) => ({ ...shapes.pair(key), ...(counts.ofPair.get(key) as Count) }))
  const notSent = fieldsNotSent(fields)
  const surfaces = [...counts.ofSurface].sort(([a], [b]) => (a < b ? -1 : 1)).map(([surface, count]) => ({ surface, ...count }))
  const summary: Affected = {
    vendor: query.vendor,
    destination: query.destination ?? null,
    onlySurfaces: query.surfaces === undefined ? null : [...query.surfaces],
    subjects: counts.subjects,
    delivered: counts.delivered,
    possible: counts.subjects - counts.delivered,
    ...(leftOut === undefined ? {} : { leftOut }),
    ambiguousDevices: gathered.aside.ambiguousDevices.size,
    groups: named.size,
    organisations: await countOrganisations(organisations, people, ports.vault),
    fields,
    surfaces,
    ...(await surveyPeople(sent, { people, vault: ports.vault, places: ports.places })),
    notSent,
    windows: printWindows(query.windows),
    baseline: held.baseline.kind,
    beforeBulkhead: before.summary,
    ...(leftOut === undefined ? await boundOf(scope, held.baseline, ports.warehouse) : narrowedBound(leftOut)),
    checked: whatWasChecked(scope, { ofRows: [...counts.policies, ...gathered.policies], notSent, records: ports.records }),
  }
  const listed: ListScope = {
    scope,
    people,
    gathered,
    shapes,
    shapesInScope: counts.shapes,
    users: counts.users,
    single: counts.single,
    hasGroups: counts.groups.length > 0,
    before,
    organisations,
  }
  return {
    summary,
    people: async () => everybody,
    without: async (some) => {
      const left = new PersonSet()
      left.addAll(sent)
      for (const person of some.values()) left.remove(people.personOf(person))
      return await surveyPeople(left, { people, vault: ports.vault, places: ports.places, withoutErased: true })
    },
    records: async () => (scope.kept === undefined ? await countRecords(scope, ports.warehouse) : null),
    exposed: async () => exposedIn({ ...listed, members: await gatherMembers(ports.vault, { people, scope: everybody }) }, ports),
    lines: async function* (options) {
      const { look, without } = options
      await ports.vault.recordLook({ ...look, subjects: without === undefined ? everybody.size : everybody.countWithout(without) })
      await findGroupKeys(organisations, ports.warehouse)
      yield* listPeople(listed, ports, options)
    },
    organisations: async function* (options) {
      await ports.vault.recordLook({ ...options.look, subjects: organisations.size })
      await findGroupKeys(organisations, ports.warehouse)
      const members = await gatherMembers(ports.vault, { people, scope: everybody })
      yield* organisationLines(organisations, { people, members }, ports.vault, options)
    },
  }
}

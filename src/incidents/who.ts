/** What was disclosed about one person, to whom, when and in which form: an accounting of disclosures (45 CFR 164.528). */
import { BulkheadError } from '#base/errors.ts'
import type { KnownField } from '#model/field.ts'
import type { Look, Person } from '#vault/port.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { FIRST_MS, LAST_MS } from '#warehouse/schema.ts'
import type { DisclosurePorts } from './affected.ts'
import { addTally, AGGREGATES, decodeRow, type EngineRow, type Question, rowOfOpen, type Snapshot, type Tally } from './rows.ts'
import { type FieldForm, fieldsNotSent, Shapes } from './shapes.ts'

export interface Disclosure {
  vendor: string
  destination: string
  epoch: number
  surface: string
  purpose: string
  fields: FieldForm[]
  /** Event time of the first and last event, ISO 8601 UTC. */
  first: string
  last: string
  sentFirst: string
  sentLast: string
  events: number
  /** Events by what is known of their arrival; together `events`. */
  states: { delivered: number; possible: number }
}

export interface PersonDisclosures {
  subject: string
  disclosures: Disclosure[]
  /** Fields about people that are in none of these disclosures. */
  notSent: KnownField[]
}

export interface Who extends PersonDisclosures {
  /** Where the person was looked for, and what the answer rests on, in words. */
  searched: string[]
  /** Further people who match the same address or id; absent when there is one. */
  others?: PersonDisclosures[]
}

interface Accounted {
  vendor: string
  destination: string
  epoch: number
  surface: string
  purpose: string
  tally: Tally
  delivered: number
}

type WhoRow = Omit<EngineRow, 'subject' | 'groupOrdinals'> & {
  vendor: string
  destination: string
  epoch: number
  surface: string
  purpose: string
  deliveredCount: number | string
}

/** A public token may claim one address for any number of people: the best founded ones are asked about, the rest is counted. */
const PEOPLE_MAX = 100

/** Throws `not_found` when nobody matches; the look is on record in either case, before anything is answered. */
export async function who(query: string, look: Look, ports: DisclosurePorts & { namespaces: readonly string[] }): Promise<Who> {
  const matches = await ports.vault.resolve(query, look)
  const found = matches.slice(0, PEOPLE_MAX)
  if (found.length === 0) throw new BulkheadError('not_found', 'nobody with this address or id is known')
  const snapshot = await ports.snapshot()
  const subjects = await ports.vault.staffPseudonyms(found.map(({ person }) => ({ kind: 'user', ordinal: person })))
  const answers: PersonDisclosures[] = []
  for (const [index, person] of found.entries()) answers.push(await account(person, subjects[index] ?? '', snapshot, ports))
  const [first, ...others] = answers as [PersonDisclosures, ...PersonDisclosures[]]
  const searched = [
    'email addresses',
    ...[...new Set(ports.namespaces)].sort().map((namespace) => `ids in the namespace ${namespace}`),
    `ledger entries 1 to ${snapshot.head}`,
    `open intents (${new Set(snapshot.open.map((row) => row.entry)).size})`,
    ...(matches.length > found.length ? [`${matches.length - found.length} further people with a weaker claim to it were left out`] : []),
  ]
  return { ...first, searched, ...(others.length > 0 ? { others } : {}) }
}

async function account(person: Person, subject: string, snapshot: Snapshot, ports: DisclosurePorts): Promise<PersonDisclosures> {
  const accounts = new Map<string, Accounted>()
  const add = (key: Omit<Accounted, 'tally' | 'delivered'>, tally: Tally, delivered: number): void => {
    const text = JSON.stringify([key.vendor, key.destination, key.epoch, key.surface, key.purpose])
    const known = accounts.get(text)
    if (known === undefined) accounts.set(text, { ...key, tally, delivered })
    else {
      addTally(known.tally, tally)
      known.delivered += delivered
    }
  }
  const { sql, parameters } = whoQuestion(person, snapshot)
  for (const row of await ports.warehouse.query<WhoRow>(sql, parameters, 'badday')) {
    const { vendor, destination, epoch, surface, purpose } = row
    add(
      { vendor, destination, epoch: Number(epoch), surface, purpose },
      decodeRow({ ...row, subject: person.person, groupOrdinals: [] }, 'user'),
      Number(row.deliveredCount),
    )
  }
  for (const row of snapshot.open) {
    const { vendor, destination, epoch, surface, purpose } = row
    if (isAbout(row, person)) add({ vendor, destination, epoch, surface, purpose }, rowOfOpen(row), 0)
  }
  const shapes = new Shapes()
  const disclosures = [...accounts.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => printAccount(entry, shapes))
  return { subject, disclosures, notSent: fieldsNotSent(disclosures.flatMap((disclosure) => disclosure.fields)) }
}

function whoQuestion(person: Person, snapshot: Snapshot): Question {
  const { where, parameters } = aboutPerson(person, snapshot)
  return {
    sql: `SELECT vendor, destination, epoch, surface, purpose, ${AGGREGATES}, sumIf(events, state = 'delivered') AS deliveredCount
      FROM disclosures WHERE ${where} GROUP BY vendor, destination, epoch, surface, purpose`,
    parameters,
  }
}

/** Reads only columns of the projection by subject; one of another column would scan the table. */
export function aboutPerson({ users, devices }: Person, snapshot: Snapshot): { where: string; parameters: Record<string, unknown> } {
  const parts = ['subject IN {subjects:Array(UInt64)}', 'entry <= {head:UInt64}']
  const parameters: Record<string, unknown> = { head: snapshot.head, users }
  const open = [...new Set(snapshot.open.map((row) => row.entry))]
  if (open.length > 0) {
    parts.push('NOT has({open:Array(UInt64)}, entry)')
    parameters.open = open
  }
  const ofUsers = "kind = 'user' AND subject IN {users:Array(UInt64)}"
  if (devices.length === 0) parts.push(ofUsers)
  else {
    parts.push(`((${ofUsers}) OR
      (kind = 'device' AND subject IN {devices:Array(UInt64)} AND arrayExists(
        (device, since, until) -> device = subject AND ${FIRST_MS} >= since AND ${LAST_MS} < until,
        {devices:Array(UInt64)}, {froms:Array(Int64)}, {tos:Array(Int64)})))`)
    parameters.devices = devices.map((interval) => interval.device)
    parameters.froms = devices.map((interval) => interval.from)
    parameters.tos = devices.map((interval) => interval.to)
  }
  parameters.subjects = [...new Set([...users, ...devices.map((interval) => interval.device)])]
  return { where: parts.join(' AND '), parameters }
}

export function isAbout(row: Pick<DisclosureRow, 'kind' | 'subject' | 'first' | 'last'>, person: Person): boolean {
  if (row.kind === 'user') return person.users.includes(row.subject)
  if (row.kind !== 'device') return false
  return person.devices.some(({ device, from, to }) => device === row.subject && row.first >= from && row.last < to)
}

function printAccount(entry: Accounted, shapes: Shapes): Disclosure {
  const { tally } = entry
  return {
    vendor: entry.vendor,
    destination: entry.destination,
    epoch: entry.epoch,
    surface: entry.surface,
    fields: shapes.fieldForms([...tally.delivered, ...tally.possible]),
    first: new Date(tally.first).toISOString(),
    last: new Date(tally.last).toISOString(),
    sentFirst: new Date(tally.sentFirst).toISOString(),
    sentLast: new Date(tally.sentLast).toISOString(),
    events: tally.events,
    purpose: entry.purpose,
    states: { delivered: entry.delivered, possible: tally.events - entry.delivered },
  }
}

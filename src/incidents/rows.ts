/**
 * What the warehouse is asked, and what comes back: aggregates by subject, never raw rows, so that a scope of a hundred
 * million rows costs the engine a scan and us one small row a subject. Values are always bound, never spliced.
 *
 * A question is answered as of one ledger entry: everything up to `head` whose outcome was loaded, and the open intents
 * as the worker listed them at that head. Their entries are left out here, so that none is counted twice when an outcome
 * is loaded meanwhile.
 */
import type { SubjectKind } from '#model/disclosure.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import type { Windows } from './windows.ts'

export interface Snapshot {
  /** Last ledger entry that the answer rests on. */
  head: number
  /** Rows of intents without an outcome: possible. */
  open: readonly DisclosureRow[]
}

export interface Scope {
  vendor: string
  destination: string | undefined
  windows: Windows
  snapshot: Snapshot
}

/** Disclosures of one subject, or of several together. Instants are UTC ms. */
export interface Tally {
  delivered: Set<string>
  possible: Set<string>
  first: number
  last: number
  sentFirst: number
  sentLast: number
  events: number
  groups: Set<Ordinal>
}

export interface SubjectRow extends Tally {
  kind: SubjectKind
  subject: Ordinal
}

/** As the engine sends it; 64-bit numbers may come as text. */
export interface EngineRow {
  subject: number | string
  deliveredShapes: string[]
  possibleShapes: string[]
  firstAt: number | string
  lastAt: number | string
  sentFirstAt: number | string
  sentLastAt: number | string
  eventCount: number | string
  groupOrdinals: (number | string)[]
}

export const AGGREGATES = `groupUniqArrayIf(shape, state = 'delivered') AS deliveredShapes,
  groupUniqArrayIf(shape, state = 'possible') AS possibleShapes,
  toUnixTimestamp64Milli(min("first")) AS firstAt, toUnixTimestamp64Milli(max("last")) AS lastAt,
  toUnixTimestamp64Milli(min(sentAt)) AS sentFirstAt, toUnixTimestamp64Milli(max(sentAt)) AS sentLastAt,
  sum(events) AS eventCount, groupUniqArrayArray("groups") AS groupOrdinals`

export interface Question {
  sql: string
  parameters: Record<string, unknown>
}

/** Condition that a row is in scope, built of our own words only. */
function condition(scope: Scope): { where: string; parameters: Record<string, unknown> } {
  const parts = ['vendor = {vendor:String}', 'entry <= {head:UInt64}']
  const parameters: Record<string, unknown> = { vendor: scope.vendor, head: scope.snapshot.head }
  const openEntries = [...new Set(scope.snapshot.open.map((row) => row.entry))]
  if (openEntries.length > 0) {
    parts.push('NOT has({open:Array(UInt64)}, entry)')
    parameters.open = openEntries
  }
  if (scope.destination !== undefined) {
    parts.push('destination = {destination:String}')
    parameters.destination = scope.destination
  }
  const { accessTo, from, to } = scope.windows
  const limit = (text: string, name: string, value: number | undefined): void => {
    if (value === undefined) return
    parts.push(`${text} fromUnixTimestamp64Milli({${name}:Int64}, 'UTC')`)
    parameters[name] = value
  }
  limit('sentAt <', 'accessTo', accessTo)
  limit('"last" >=', 'from', from)
  limit('"first" <=', 'to', to)
  return { where: parts.join(' AND '), parameters }
}

/** The same condition on a row that is in memory. */
export function isInScope(row: DisclosureRow, scope: Scope): boolean {
  const { accessTo, from, to } = scope.windows
  return (
    row.vendor === scope.vendor &&
    (scope.destination === undefined || row.destination === scope.destination) &&
    (accessTo === undefined || row.sentAt < accessTo) &&
    (from === undefined || row.last >= from) &&
    (to === undefined || row.first <= to)
  )
}

/** One row a subject of a kind. */
export function subjectsQuestion(scope: Scope, kind: SubjectKind): Question {
  const { where, parameters } = condition(scope)
  return {
    sql: `SELECT subject, ${AGGREGATES} FROM disclosures WHERE ${where} AND kind = {kind:String} GROUP BY subject`,
    parameters: { ...parameters, kind },
  }
}

/** One row a device and span of event time, for devices whose rows may belong to different people. */
export function deviceSpansQuestion(scope: Scope, devices: readonly Ordinal[]): Question {
  const { where, parameters } = condition(scope)
  return {
    sql: `SELECT subject, ${AGGREGATES} FROM disclosures
      WHERE ${where} AND kind = 'device' AND subject IN {devices:Array(UInt64)} GROUP BY subject, "first", "last"`,
    parameters: { ...parameters, devices },
  }
}

export interface ScopeFacts {
  rows: number
  policyFirst: number
  policyLast: number
}

export function scopeFactsQuestion(scope: Scope): Question {
  const { where, parameters } = condition(scope)
  return {
    sql: `SELECT count() AS rows, min(policy) AS policyFirst, max(policy) AS policyLast FROM disclosures WHERE ${where}`,
    parameters,
  }
}

/** When anything was first sent to the vendor through us, whatever the windows; 0 = never. */
export function firstSentQuestion(scope: Scope): Question {
  const everything = { ...scope, windows: { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined } }
  const { where, parameters } = condition(everything)
  return { sql: `SELECT count() AS rows, toUnixTimestamp64Milli(min(sentAt)) AS firstSent FROM disclosures WHERE ${where}`, parameters }
}

export function decodeRow(row: EngineRow, kind: SubjectKind): SubjectRow {
  return {
    kind,
    subject: Number(row.subject),
    delivered: new Set(row.deliveredShapes),
    possible: new Set(row.possibleShapes),
    first: Number(row.firstAt),
    last: Number(row.lastAt),
    sentFirst: Number(row.sentFirstAt),
    sentLast: Number(row.sentLastAt),
    events: Number(row.eventCount),
    groups: new Set(row.groupOrdinals.map(Number)),
  }
}

export function rowOfOpen(row: DisclosureRow): SubjectRow {
  return {
    kind: row.kind,
    subject: row.subject,
    delivered: new Set(),
    possible: new Set([row.shape]),
    first: row.first,
    last: row.last,
    sentFirst: row.sentAt,
    sentLast: row.sentAt,
    events: row.events,
    groups: new Set(row.groups),
  }
}

export function addTally(into: Tally, more: Tally): void {
  for (const shape of more.delivered) into.delivered.add(shape)
  for (const shape of more.possible) into.possible.add(shape)
  for (const group of more.groups) into.groups.add(group)
  into.first = Math.min(into.first, more.first)
  into.last = Math.max(into.last, more.last)
  into.sentFirst = Math.min(into.sentFirst, more.sentFirst)
  into.sentLast = Math.max(into.sentLast, more.sentLast)
  into.events += more.events
}

/**
 * What the warehouse is asked, and what comes back: aggregates, never raw rows. Values are always bound, never spliced.
 * The questions with a row per person are in `person-columns.ts`.
 *
 * A question is answered as of one ledger entry: everything up to `head` whose outcome was loaded, and the open intents
 * as the worker listed them at that head. Their entries are left out here, so that none is counted twice when an outcome
 * is loaded meanwhile.
 */
import type { SubjectKind } from '#model/disclosure.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { DAY_MS, formatDay, dayOf } from '#base/clock.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { FIRST_MS, LAST_MS } from '#warehouse/schema.ts'
import type { PersonSet } from './person-set.ts'
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
  /** Only these of the vendor; undefined = all. */
  destinations?: readonly string[] | undefined
  /** Only what came from these surfaces; undefined = all. */
  surfaces?: readonly string[] | undefined
  /** Only these people, by their numbers as of now; undefined = all. Devices of no single person, groups and a baseline stay. */
  kept?: PersonSet | undefined
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
  /** Surfaces of rows by state, as `delivered` and `possible` are of shapes. */
  deliveredAt: Set<string>
  possibleAt: Set<string>
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
  /** Absent where nobody asked for them. */
  deliveredSurfaces?: string[]
  possibleSurfaces?: string[]
}

export const AGGREGATES = `groupUniqArrayIf(shape, state = 'delivered') AS deliveredShapes,
  groupUniqArrayIf(shape, state = 'possible') AS possibleShapes,
  min(${FIRST_MS}) AS firstAt, max(${LAST_MS}) AS lastAt,
  toUnixTimestamp64Milli(min(sentAt)) AS sentFirstAt, toUnixTimestamp64Milli(max(sentAt)) AS sentLastAt,
  sum(events) AS eventCount`

const WITH_GROUPS = `${AGGREGATES}, groupUniqArrayArray("groups") AS groupOrdinals,
  groupUniqArrayIf(surface, state = 'delivered') AS deliveredSurfaces, groupUniqArrayIf(surface, state = 'possible') AS possibleSurfaces`

export interface Question {
  sql: string
  parameters: Record<string, unknown>
}

/** The warehouse stores times beyond as the nearest end. */
const INSTANT_MIN = Date.UTC(1900, 0, 1)
const INSTANT_MAX = Date.UTC(2300, 0, 1) - 1
const within = (instant: number): number => Math.min(INSTANT_MAX, Math.max(INSTANT_MIN, instant))

/**
 * Condition that a row is in scope, built of our own words only. The days say the same as the instants, in terms of the
 * order in which the rows lie: a row whose events span midnight may begin in the window and end behind it.
 */
export function condition(scope: Scope): { where: string; parameters: Record<string, unknown> } {
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
  for (const name of ['destination', 'surface'] as const) {
    const names = scope[`${name}s`]
    if (names === undefined) continue
    parts.push(`${name} IN {${name}s:Array(String)}`)
    parameters[`${name}s`] = names
  }
  const { accessTo, from, to } = scope.windows
  if (accessTo !== undefined) {
    parts.push("sentAt < fromUnixTimestamp64Milli({accessTo:Int64}, 'UTC')")
    parameters.accessTo = within(accessTo)
  }
  if (from !== undefined) {
    parts.push(`eventDay >= {fromDay:Date32} AND ${LAST_MS} >= {from:Int64}`)
    parameters.from = within(from)
    parameters.fromDay = formatDay(dayOf(within(from)))
  }
  if (to !== undefined) {
    parts.push(`(spans OR eventDay <= {toDay:Date32}) AND ${FIRST_MS} <= {to:Int64}`)
    parameters.to = within(to)
    parameters.toDay = formatDay(dayOf(within(to)))
  }
  return { where: parts.join(' AND '), parameters }
}

/** The same condition on a row that is in memory. */
export function isInScope(row: DisclosureRow, scope: Scope): boolean {
  const { accessTo, from, to } = scope.windows
  return (
    row.vendor === scope.vendor &&
    (scope.destination === undefined || row.destination === scope.destination) &&
    (scope.destinations?.includes(row.destination) ?? true) &&
    (scope.surfaces?.includes(row.surface) ?? true) &&
    (accessTo === undefined || row.sentAt < accessTo) &&
    (from === undefined || row.last >= from) &&
    (to === undefined || row.first <= to)
  )
}

/** One row a subject of a kind; of users only those named. */
export function subjectsQuestion(scope: Scope, kind: SubjectKind, subjects?: readonly Ordinal[]): Question {
  const { where, parameters } = condition(scope)
  const named = subjects === undefined ? '' : ' AND subject IN {subjects:Array(UInt64)}'
  return {
    sql: `SELECT subject, ${WITH_GROUPS} FROM disclosures WHERE ${where} AND kind = {kind:String}${named} GROUP BY subject`,
    parameters: { ...parameters, kind, ...(subjects === undefined ? {} : { subjects }) },
  }
}

/** One row a device and span of event time, for devices whose rows may belong to different people. */
export function deviceSpansQuestion(scope: Scope, devices: readonly Ordinal[]): Question {
  const { where, parameters } = condition(scope)
  return {
    sql: `SELECT subject, ${WITH_GROUPS} FROM disclosures
      WHERE ${where} AND kind = 'device' AND subject IN {devices:Array(UInt64)} GROUP BY subject, ${FIRST_MS}, ${LAST_MS}`,
    parameters: { ...parameters, devices },
  }
}

/**
 * Rows about users in scope, as a table of `columns`. A row that lies within one day, and that day within the data window, needs
 * no look at its times, which are half of what there is to read; only days that the window cuts and rows that span midnight do.
 */
function usersInScope(scope: Scope, columns: string): Question {
  const { where, parameters } = condition(scope)
  const { from, to } = scope.windows
  const select = (rows: string): string => `SELECT ${columns} FROM disclosures WHERE ${rows} AND kind = 'user'`
  if (from === undefined && to === undefined) return { sql: select(where), parameters }
  const whole = ['NOT spans']
  const cut = ['spans']
  if (from !== undefined) {
    const first = Math.ceil(within(from) / DAY_MS)
    whole.push('eventDay >= {firstWhole:Date32}')
    cut.push('eventDay < {firstWhole:Date32}')
    parameters.firstWhole = formatDay(first)
  }
  if (to !== undefined) {
    const last = Math.floor((within(to) + 1) / DAY_MS) - 1
    whole.push('eventDay <= {lastWhole:Date32}')
    cut.push('eventDay > {lastWhole:Date32}')
    parameters.lastWhole = formatDay(last)
  }
  const { where: ofAnyDay } = condition({ ...scope, windows: { ...scope.windows, from: undefined, to: undefined } })
  return { sql: `${select([ofAnyDay, ...whole].join(' AND '))} UNION ALL ${select(`${where} AND (${cut.join(' OR ')})`)}`, parameters }
}

/** Up to here sets of ordinals are made in 32 bits, which takes the engine half of the time. */
export const SMALL_ORDINALS = 2 ** 32

const ordinals = (bits: 32 | 64): string => (bits === 32 ? 'toUInt32(subject)' : 'subject')

/**
 * Users in scope by shape, surface and state, in one scan. Not grouped by the state too: the engine then takes half as long again.
 * `highest`: when it is beyond 32 bits, sets of so many bits are not to be used.
 */
export function sentQuestion(scope: Scope, bits: 32 | 64): Question {
  const { sql, parameters } = usersInScope(scope, 'shape, surface, state, subject, "groups", policy')
  return {
    sql: `SELECT CAST(shape, 'String') AS shapeText, CAST(surface, 'String') AS surfaceText, toFloat64(max(subject)) AS highest,
        groupBitmapStateIf(${ordinals(bits)}, state = 'delivered') AS arrived,
        groupBitmapStateIf(${ordinals(bits)}, state = 'possible') AS perhaps,
        groupUniqArrayArray("groups") AS named, toUInt32(min(policy)) AS policyFirst, toUInt32(max(policy)) AS policyLast
      FROM (${sql}) GROUP BY shape, surface`,
    parameters,
  }
}

/** The same users as one set. */
export function usersQuestion(scope: Scope, bits: 32 | 64): Question {
  const { sql, parameters } = usersInScope(scope, 'subject')
  return {
    sql: `SELECT groupBitmapState(${ordinals(bits)}) AS users, toFloat64(max(subject)) AS highest FROM (${sql})`,
    parameters,
  }
}

export interface OtherRows {
  rows: number | string
  policyFirst: number
  policyLast: number
}

/** How many rows in scope are not about users, and their policy versions. */
export function otherRowsQuestion(scope: Scope): Question {
  const { where, parameters } = condition(scope)
  return {
    sql: `SELECT count() AS rows, min(policy) AS policyFirst, max(policy) AS policyLast
      FROM disclosures WHERE ${where} AND kind IN ('device', 'group')`,
    parameters,
  }
}

/** How many events and profile updates the rows in scope stand for; of a row that a window cuts, all of it. */
export function recordsQuestion(scope: Scope): Question {
  const { where, parameters } = condition(scope)
  return { sql: `SELECT sum(events) AS records FROM disclosures WHERE ${where}`, parameters }
}

function ofAnyTime(scope: Scope): Scope {
  return { ...scope, windows: { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined } }
}

/** When anything was first sent to the vendor through us, whatever the windows. `before`: look only at what was sent by then. */
export function firstSentQuestion(scope: Scope, before?: number): Question {
  const { where, parameters } = condition({ ...ofAnyTime(scope), windows: { ...ofAnyTime(scope).windows, accessTo: before } })
  return { sql: `SELECT count() AS rows, toUnixTimestamp64Milli(min(sentAt)) AS firstSent FROM disclosures WHERE ${where}`, parameters }
}

/** The first day with rows for anybody: the engine knows it without reading. */
export const FIRST_DAY_SQL = 'SELECT count() AS rows, toInt32(min(day)) AS firstDay FROM disclosures'

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
    deliveredAt: new Set(row.deliveredSurfaces),
    possibleAt: new Set(row.possibleSurfaces),
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
    deliveredAt: new Set(),
    possibleAt: new Set([row.surface]),
  }
}

export function addTally(into: Tally, more: Tally): void {
  for (const shape of more.delivered) into.delivered.add(shape)
  for (const shape of more.possible) into.possible.add(shape)
  for (const group of more.groups) into.groups.add(group)
  for (const surface of more.deliveredAt) into.deliveredAt.add(surface)
  for (const surface of more.possibleAt) into.possibleAt.add(surface)
  into.first = Math.min(into.first, more.first)
  into.last = Math.max(into.last, more.last)
  into.sentFirst = Math.min(into.sentFirst, more.sentFirst)
  into.sentLast = Math.max(into.sentLast, more.sentLast)
  into.events += more.events
}

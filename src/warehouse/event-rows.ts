/** Rows of the warehouse's `events` back to the log entries that they were made of; the inverse of its encoder. */
import { BulkheadError } from '#base/errors.ts'
import type { CoarseContext, LogEntry, LogRecord, PlainValue } from '#model/log-entry.ts'

export interface EventRow {
  seq: number
  recordIndex: number
  atMs: number
  source: string
  protocol: string
  surface: string
  trust: LogEntry['trust']
  policy: number
  timeMs: number
  event: string
  reserved: number
  type: LogRecord['type']
  op: string
  user: number
  device: number
  linkedRoles: ('user' | 'device')[]
  linkedOrdinals: number[]
  groupKeys: string[]
  groupOrdinals: number[]
  country: string
  region: string
  city: string
  os: string
  browser: string
  browserVersion: number
  referrerDomain: string
  referrerMedium: string
  path: string
  screenWidth: number
  screenHeight: number
  properties: string
  unset: string[]
  withheld: string[]
  waitingCount: number
  destroyedCount: number
  gpc: number
  dnt: number
  consent: string
  erased: number
}

/** What a question for these rows selects. */
export const EVENT_COLUMNS = `seq, recordIndex, toUnixTimestamp64Milli(receivedAt) AS atMs, source, protocol, surface, trust, policy,
  toUnixTimestamp64Milli(time) AS timeMs, event, reserved, type, op, user, device, linkedRoles, linkedOrdinals, groupKeys, groupOrdinals,
  country, region, city, os, browser, browserVersion, referrerDomain, referrerMedium, path, screenWidth, screenHeight, properties, unset,
  withheld, waitingCount, destroyedCount, gpc, dnt, consent, erased`

/** Rows by (seq, recordIndex). Throws `log_corrupt` when an entry lacks a record. */
export function entriesOf(rows: readonly EventRow[]): LogEntry[] {
  const entries: LogEntry[] = []
  for (const row of rows) {
    let entry = entries.at(-1)
    if (entry?.seq !== row.seq) {
      const { seq, atMs: at, source, protocol, surface, trust, policy } = row
      entry = { seq, at, source, protocol, surface, trust, policy, records: [] }
      entries.push(entry)
    }
    if (row.recordIndex !== entry.records.length) {
      throw new BulkheadError('log_corrupt', `log entry ${row.seq}: the warehouse lacks record ${entry.records.length}`)
    }
    entry.records.push(recordOf(row))
  }
  return entries
}

function recordOf(row: EventRow): LogRecord {
  const record: LogRecord = { type: row.type, time: row.timeMs }
  if (row.erased === 1) record.erased = true
  // An event without a name is one whose name nobody has approved.
  if (row.event !== '') record.name = row.event
  else if (row.type === 'event') record.name = null
  if (row.reserved === 1) record.reserved = true
  if (row.op !== '') record.op = row.op as NonNullable<LogRecord['op']>
  if (row.user > 0) record.user = row.user
  if (row.device > 0) record.device = row.device
  if (row.linkedRoles.length > 0) {
    record.linked = row.linkedRoles.map((role, index) => ({ role, ordinal: row.linkedOrdinals[index] as number }))
  }
  if (row.groupKeys.length > 0) record.groups = row.groupKeys.map((key, index) => ({ key, ordinal: row.groupOrdinals[index] as number }))
  const context = contextOf(row)
  if (context !== undefined) record.context = context
  if (row.properties !== '') record.properties = JSON.parse(row.properties) as Record<string, PlainValue>
  if (row.unset.length > 0) record.unset = row.unset
  if (row.withheld.length > 0) record.withheld = row.withheld
  if (row.waitingCount > 0) record.waitingCount = row.waitingCount
  if (row.destroyedCount > 0) record.destroyedCount = row.destroyedCount
  const consent = consentOf(row)
  if (consent !== undefined) record.consent = consent
  return record
}

/** Undefined where nothing was known. */
export function consentOf({ gpc, dnt, consent }: Pick<EventRow, 'gpc' | 'dnt' | 'consent'>): LogRecord['consent'] | undefined {
  if (gpc < 0 && dnt < 0 && consent === '') return undefined
  return {
    ...(gpc >= 0 ? { gpc: gpc === 1 } : {}),
    ...(dnt >= 0 ? { dnt: dnt === 1 } : {}),
    ...(consent === '' ? {} : (JSON.parse(consent) as LogRecord['consent'])),
  }
}

function contextOf(row: EventRow): CoarseContext | undefined {
  const context: CoarseContext = {}
  if (row.country !== '') context.country = row.country
  if (row.region !== '') context.region = row.region
  if (row.city !== '') context.city = row.city
  if (row.os !== '') context.os = row.os
  if (row.browser !== '') context.browser = row.browser
  if (row.browserVersion > 0) context.browserVersion = row.browserVersion
  if (row.referrerDomain !== '') context.referrerDomain = row.referrerDomain
  if (row.referrerMedium !== '') context.referrerMedium = row.referrerMedium as NonNullable<CoarseContext['referrerMedium']>
  if (row.path !== '') context.path = row.path
  if (row.screenWidth > 0) context.screenWidth = row.screenWidth
  if (row.screenHeight > 0) context.screenHeight = row.screenHeight
  return Object.keys(context).length > 0 ? context : undefined
}

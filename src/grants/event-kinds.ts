/**
 * Which kinds of records came in the last days, and how many. What a policy decides about a record depends on its kind alone
 * (src/policy/kinds.ts), so a plan decides once a kind and leaves the counting of millions of records to the engine.
 */
import { DAY_MS, dayOf, formatDay } from '#base/clock.ts'
import { CLEAR_FIELDS } from '#model/field.ts'
import type { CoarseContext, LogRecord } from '#model/log-entry.ts'
import { consentOf } from '#warehouse/event-rows.ts'
import type { Warehouse } from '#warehouse/port.ts'

export interface EventKind {
  /** Of the engine's hash over all that tells kinds apart; decimal text of 64 bits. */
  id: string
  /** A record of this kind: what is there is true to the records, values are not. */
  record: LogRecord
  events: number
}

/** Identity that came and may be granted in the clear. */
const CLEAR = `arraySort(arrayIntersect(withheld, [${CLEAR_FIELDS.map((field) => `'${field}'`).join(', ')}]))`

/** All that a decision may look at. The consent bits and the country count with their values, the rest by being there. */
const KIND = `cityHash64(event, reserved, type, op, user > 0, device > 0, arraySort(arrayDistinct(linkedRoles)),
  arraySort(arrayDistinct(groupKeys)), country, region != '', city != '', os != '', browser != '', browserVersion > 0,
  referrerDomain != '', referrerMedium != '',
  path != '', screenWidth > 0, screenHeight > 0, arraySort(JSONExtractKeys(properties)), arraySort(unset), ${CLEAR}, gpc, dnt, consent)`

const KINDS = `SELECT toString(${KIND}) AS id, count() AS events, any(event) AS name, any(reserved) AS isReserved, any(type) AS recordType,
    any(op) AS operation, any(user > 0) AS hasUser, any(device > 0) AS hasDevice, any(arraySort(arrayDistinct(linkedRoles))) AS roles,
    any(arraySort(arrayDistinct(groupKeys))) AS groupNames, any(country) AS countryCode, any(region != '') AS hasRegion,
    any(city != '') AS hasCity, any(os != '') AS hasOs,
    any(browser != '') AS hasBrowser, any(browserVersion > 0) AS hasBrowserVersion, any(referrerDomain != '') AS hasReferrerDomain,
    any(referrerMedium != '') AS hasReferrerMedium, any(path != '') AS hasPath, any(screenWidth > 0) AS hasWidth,
    any(screenHeight > 0) AS hasHeight, any(arraySort(JSONExtractKeys(properties))) AS keys, any(arraySort(unset)) AS unsetKeys,
    any(${CLEAR}) AS clearFields,
    any(gpc) AS gpcBit, any(dnt) AS dntBit, any(consent) AS otherConsent
  FROM events WHERE arrival >= {from:Date} AND erased = 0 GROUP BY ${KIND}`

/** Users and devices share one space of ordinals; groups are no people. */
const PERSON = 'if(user > 0, user, device)'
/** One pass over the events for so many sets of kinds. */
const SETS_AT_ONCE = 24

interface KindRow {
  id: string
  events: number
  name: string
  isReserved: number
  recordType: LogRecord['type']
  operation: string
  hasUser: number
  hasDevice: number
  roles: ('user' | 'device')[]
  groupNames: string[]
  countryCode: string
  hasRegion: number
  hasCity: number
  hasOs: number
  hasBrowser: number
  hasBrowserVersion: number
  hasReferrerDomain: number
  hasReferrerMedium: number
  hasPath: number
  hasWidth: number
  hasHeight: number
  keys: string[]
  unsetKeys: string[]
  clearFields: string[]
  gpcBit: number
  dntBit: number
  otherConsent: string
}

/** First arrival day that counts, as the engine writes days. */
export function firstDay(days: number, now: number): string {
  return formatDay(dayOf(now - days * DAY_MS))
}

export async function eventKinds(from: string, warehouse: Pick<Warehouse, 'query'>, signal?: AbortSignal): Promise<EventKind[]> {
  const rows = await warehouse.query<KindRow>(KINDS, { from }, 'analytics', signal)
  return rows.map((row) => ({ id: row.id, record: recordOf(row), events: Number(row.events) }))
}

/** Distinct people in the records of each set of kinds. */
export async function countPeople(
  sets: readonly (readonly string[])[],
  from: string,
  warehouse: Pick<Warehouse, 'query'>,
  signal?: AbortSignal,
): Promise<number[]> {
  const counts: number[] = []
  for (let start = 0; start < sets.length; start += SETS_AT_ONCE) {
    const some = sets.slice(start, start + SETS_AT_ONCE)
    const columns = some.map(
      (_, at) => `groupBitmapIf(${PERSON}, ${PERSON} > 0 AND has({kinds${at}:Array(UInt64)}, ${KIND})) AS people${at}`,
    )
    const parameters = Object.fromEntries(some.map((kinds, at) => [`kinds${at}`, kinds.map(BigInt)]))
    const sql = `SELECT ${columns.join(', ')} FROM events WHERE arrival >= {from:Date} AND erased = 0`
    const [row] = await warehouse.query<Record<string, number>>(sql, { from, ...parameters }, 'analytics', signal)
    counts.push(...some.map((_, at) => Number(row?.[`people${at}`] ?? 0)))
  }
  return counts
}

function recordOf(row: KindRow): LogRecord {
  const record: LogRecord = { type: row.recordType, time: 0 }
  if (row.name !== '') record.name = row.name
  else if (row.recordType === 'event') record.name = null
  if (row.isReserved === 1) record.reserved = true
  if (row.operation !== '') record.op = row.operation as NonNullable<LogRecord['op']>
  if (row.hasUser) record.user = 1
  if (row.hasDevice) record.device = 2
  if (row.roles.length > 0) record.linked = row.roles.map((role) => ({ role, ordinal: 3 }))
  if (row.groupNames.length > 0) record.groups = row.groupNames.map((key) => ({ key, ordinal: 4 }))
  const context = contextOf(row)
  if (Object.keys(context).length > 0) record.context = context
  if (row.keys.length > 0) record.properties = Object.fromEntries(row.keys.map((key) => [key, 0]))
  if (row.unsetKeys.length > 0) record.unset = row.unsetKeys
  if (row.clearFields.length > 0) record.withheld = row.clearFields
  const consent = consentOf({ gpc: row.gpcBit, dnt: row.dntBit, consent: row.otherConsent })
  if (consent !== undefined) record.consent = consent
  return record
}

function contextOf(row: KindRow): CoarseContext {
  return {
    ...(row.countryCode !== '' && { country: row.countryCode }),
    ...(row.hasRegion && { region: 'x' }),
    ...(row.hasCity && { city: 'x' }),
    ...(row.hasOs && { os: 'x' }),
    ...(row.hasBrowser && { browser: 'x' }),
    ...(row.hasBrowserVersion && { browserVersion: 1 }),
    ...(row.hasReferrerDomain && { referrerDomain: 'x' }),
    ...(row.hasReferrerMedium && { referrerMedium: 'direct' as const }),
    ...(row.hasPath && { path: '/' }),
    ...(row.hasWidth && { screenWidth: 1 }),
    ...(row.hasHeight && { screenHeight: 1 }),
  }
}

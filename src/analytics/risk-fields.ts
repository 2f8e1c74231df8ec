/** Which columns of the warehouse a destination's data shows, as expressions over the table `events`; '' is nothing. */
import { DAY_MS, dayOf, formatDay } from '#base/clock.ts'
import type { CompiledDestination } from '#policy/policy.ts'

type Active = ReturnType<CompiledDestination['activeAt']>

export interface QuasiIdentifier {
  field: string
  /** Text of the value; `{key}` stands for the parameter that holds `key`. */
  sql: string
  key?: string
}

/** What names people there: the ordinal behind the pseudonym, and its kind in the disclosures. */
export interface Identifier {
  subject: string
  kind: string
}

/** What names people at all of them. Undefined: what is there is about nobody. */
export function identifiersOf(...actives: readonly Active[]): Identifier | undefined {
  const [user, device] = (['user_id', 'device_id'] as const).map((field) => actives.every(({ known }) => known.has(field)))
  // Disclosures stand under the user where a record has one, whichever identifier leaves.
  const kind = "if(user != 0, 'user', 'device')"
  if (user && device) return { subject: 'if(user != 0, user, device)', kind }
  if (user) return { subject: 'user', kind: "'user'" }
  return device ? { subject: 'if(user != 0, 0, device)', kind } : undefined
}

const CONTEXT: readonly (readonly [
  field: 'country' | 'region' | 'city' | 'os' | 'browser' | 'browser_version' | 'referrer' | 'url' | 'screen',
  sql: string,
])[] = [
  ['country', 'toString(country)'],
  ['region', 'toString(region)'],
  ['city', 'toString(city)'],
  ['os', 'toString(os)'],
  ['browser', 'toString(browser)'],
  ['browser_version', "if(browserVersion = 0, '', toString(browserVersion))"],
  ['referrer', "if(referrerMedium = '' AND referrerDomain = '', '', concat(referrerMedium, '/', referrerDomain))"],
  ['url', 'toString(path)'],
  ['screen', "if(screenWidth = 0 OR screenHeight = 0, '', concat(toString(screenWidth), 'x', toString(screenHeight)))"],
]

/** Whatever is sent beside identifiers, event names and times. A group's pseudonym says who belongs together. */
export function quasiIdentifiersOf(destination: CompiledDestination, active: Active): QuasiIdentifier[] {
  const fields: QuasiIdentifier[] = CONTEXT.filter(([field]) => active.known.has(field)).map(([field, sql]) => ({ field, sql }))
  if (active.known.has('group_id'))
    fields.push({ field: 'group_id', sql: "if(empty(groupOrdinals), '', toString(arraySort(groupOrdinals)))" })
  for (const key of [...destination.properties].sort()) {
    const form = active.property(key)?.form
    if (form === undefined) continue
    fields.push({ field: `property.${key}`, key, sql: form === 'coarse' ? BUCKET : 'JSONExtractRaw(properties, {key})' })
  }
  return fields.slice(0, FIELDS_MAX)
}

/** As `bucketOf` of `policy/` makes it, but for a number at the very bound of a bucket and for lists, which count as they are. */
const SIZE = 'abs(JSONExtractFloat(properties, {key}))'
const POWER = `pow(10, floor(log10(${SIZE})))`
const BUCKET = `multiIf(JSONType(properties, {key}) = 'String', '*',
    JSONType(properties, {key}) NOT IN ('Int64', 'UInt64', 'Double') OR ${SIZE} < 1e-6, JSONExtractRaw(properties, {key}),
    toString(sign(JSONExtractFloat(properties, {key})) * ${POWER} * multiIf(${SIZE} / ${POWER} >= 5, 5, ${SIZE} / ${POWER} >= 2, 2, 1)))`

/** Fields that are looked at: each costs two numbers a person. */
export const FIELDS_MAX = 120

export interface Bounds {
  days: number
  now: number
  signal?: AbortSignal | undefined
}

export interface Scope {
  sql: string
  parameters: Record<string, unknown>
}

/**
 * Rows that make up what the destination has of people: approved events and profile writes, each under the identifier that
 * leaves, of those about whom something was sent. `columns` are expressions over the table `events`.
 */
export function scopeOf(destination: CompiledDestination, identifiers: Identifier, { days, now }: Bounds, columns = '*'): Scope {
  const from = now - days * DAY_MS
  const { subject, kind } = identifiers
  const sql = `SELECT ${subject} AS subject, ${columns} FROM events
    WHERE (type = 'event' AND (reserved = 1 OR event IN {events:Array(String)}) OR type = 'profile' AND op IN ('set', 'set_once'))
      AND arrival >= {arrival:Date}
      AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
      AND ${subject} != 0 AND (${kind}, ${subject}) IN (
        SELECT toString(kind), subject FROM disclosures WHERE destination = {destination:String} AND day >= {arrival:Date})`
  const parameters = {
    events: [...destination.events],
    destination: destination.destination,
    // What arrives late, or from a clock that runs ahead, is not lost by a day.
    arrival: formatDay(dayOf(from) - 1),
    from,
    to: now + DAY_MS,
  }
  return { sql, parameters }
}

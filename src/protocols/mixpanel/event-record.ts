/** One record of `/track` or `/import` (developer.mixpanel.com/reference/track-event, /import-events). */
import { isJsonObject } from '#model/json.ts'
import type { JsonObject, JsonValue } from '#model/json.ts'
import type { RecordFault, RecordType, WireRecord, WireValue } from '#model/wire-record.ts'
import { fieldOfKey, RESERVED_EVENTS } from './catalogue.ts'
import { hasLongId, ID_TOO_LONG, idText, isReservedId, resolveIdentity } from './identity.ts'
import type { RawIdentity } from './identity.ts'
import { INSERT_ID_PATTERN, PROPERTIES_KEPT_MAX, PROPERTIES_MAX } from './limits.ts'

export type RecordDecoding =
  | { kind: 'records'; records: WireRecord[] }
  | { kind: 'fault'; fault: RecordFault }
  /** The sender asked for it to be dropped (`$ignore`). */
  | { kind: 'ignored' }

export interface EventOptions {
  /** `/import?strict=1`: the vendor validates each record. */
  strict: boolean
  /** Routes records that carry no token of their own. */
  fallbackToken: string | undefined
}

export function faultOf(index: number, field: string, message: string, insertId?: string): RecordDecoding {
  return { kind: 'fault', fault: insertId === undefined ? { index, field, message } : { index, field, message, insertId } }
}

/** Truth as Mixpanel's servers and SDKs use it: true, 1, "1", "true". */
export function isSet(value: JsonValue | undefined): boolean {
  return value === true || value === 1 || value === '1' || value === 'true'
}

/** UTC ms of a time in seconds (float) or milliseconds; numeric text counts. Undefined when it is neither. */
export function timeMs(value: JsonValue | undefined): number | undefined {
  const number = typeof value === 'number' ? value : typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN
  // 10^11 s lies in the year 5138 and 10^11 ms in 1973, so one line divides the two.
  if (!(number >= 0 && number < 1e14)) return undefined
  return Math.round(number < 1e11 ? number * 1000 : number)
}

/** By this property of events and profiles a server says that somebody has opted out, or in again. */
export const OPT_OUT_KEY = '$opt_out'

/** Undefined for what is neither yes nor no. */
export function optOutOf(value: JsonValue | undefined): boolean | undefined {
  if (isSet(value)) return true
  return value === false || value === 0 || value === '0' || value === 'false' ? false : undefined
}

interface ReadEvent {
  token: JsonValue | undefined
  time: JsonValue | undefined
  insertId: JsonValue | undefined
  ignored: boolean
  identity: RawIdentity
  optOut: JsonValue | undefined
  values: WireValue[]
}

function readProperties(properties: JsonObject, isAlias: boolean): ReadEvent {
  const identity: RawIdentity = {}
  const read: ReadEvent = {
    token: undefined,
    time: undefined,
    insertId: undefined,
    ignored: false,
    identity,
    optOut: undefined,
    values: [],
  }
  // Parsed JSON has no inherited keys, and nothing else reads an object's values as fast.
  for (const key in properties) {
    const value = properties[key] as JsonValue
    switch (key) {
      case 'token':
        read.token = value
        break
      case 'time':
        read.time = value
        break
      case '$insert_id':
        read.insertId = value
        break
      case '$ignore':
        read.ignored = isTruthy(value)
        break
      case 'distinct_id':
        identity.distinctId = value
        break
      case '$distinct_id':
        identity.distinctId ??= value
        break
      case '$user_id':
        identity.userId = value
        break
      case '$device_id':
        identity.deviceId = value
        break
      case '$identified_id':
        identity.identifiedId = value
        break
      case '$distinct_ids':
        identity.distinctIds = value
        break
      case '$anon_distinct_id':
      case '$anon_id':
        identity.anonIds = [...(identity.anonIds ?? []), value]
        break
      case OPT_OUT_KEY:
        read.optOut = value
        break
      default:
        if (isAlias && key === 'alias') identity.alias = value
        else if (!isSwitchedOff(key, value)) read.values.push({ field: fieldOfKey(key, 'event'), key, value: finite(value) })
    }
  }
  return read
}

/** `1e999` is JSON and becomes Infinity, which is not: nothing behind this could write it down again. */
export function finite(value: JsonValue): JsonValue {
  return typeof value === 'number' && !Number.isFinite(value) ? null : value
}

/** Mixpanel drops an event whose `$ignore` is truthy in the sense of a scripting language. */
function isTruthy(value: JsonValue): boolean {
  return value !== null && value !== false && value !== 0 && value !== ''
}

/** `ip: 0` says "no address": it is a switch, not an address. */
export function isSwitchedOff(key: string, value: JsonValue): boolean {
  return (key === 'ip' || key === '$ip') && (value === 0 || value === '0' || value === false || value === null || value === '')
}

export function decodeEvent(value: JsonValue, index: number, options: EventOptions): RecordDecoding {
  if (!isJsonObject(value)) return faultOf(index, '', 'record must be a JSON object')
  const name = value['event']
  const properties = value['properties']
  if (!isJsonObject(properties)) return faultOf(index, 'properties', "'properties' is missing or is not an object")
  const read = readProperties(properties, name === '$create_alias')
  const insertId = idText(read.insertId)
  if (read.ignored) return { kind: 'ignored' }
  if (typeof name !== 'string' || name === '') return faultOf(index, 'event', "'event' is missing or is not a string", insertId)
  const token = typeof read.token === 'string' && read.token !== '' ? read.token : options.fallbackToken
  if (token === undefined) return faultOf(index, 'properties.token', 'token, missing or empty', insertId)
  if (read.values.length > (options.strict ? PROPERTIES_MAX : PROPERTIES_KEPT_MAX)) {
    return faultOf(index, 'properties', "'properties' is invalid: must have fewer than 255 keys", insertId)
  }
  const time = timeMs(read.time)
  if (options.strict) {
    const complaint = strictComplaint(name, read, time)
    if (complaint !== undefined) return faultOf(index, complaint[0], complaint[1], insertId)
  }
  const optOut = name === '$opt_in' ? (optOutOf(read.optOut) ?? false) : optOutOf(read.optOut)
  const identity = resolveIdentity(read.identity)
  if (hasLongId(identity)) return faultOf(index, 'properties.distinct_id', `'properties.distinct_id' ${ID_TOO_LONG}`, insertId)
  const { user, device, linked } = identity
  const record: WireRecord = { type: typeOf(name), token, name, values: read.values }
  if (RESERVED_EVENTS.has(name)) record.reserved = true
  // Mixpanel has `$merge` on `/import` alone (developer.mixpanel.com/reference/identity-merge); we send with the project's login.
  if (name === '$merge') record.serverOnly = true
  if (optOut !== undefined) record.consent = { optOut }
  if (time !== undefined) record.time = time
  if (insertId !== undefined && !isReservedId(insertId)) record.insertId = insertId
  if (user !== undefined) record.user = user
  if (device !== undefined) record.device = device
  if (linked.length > 0) record.linked = linked
  return { kind: 'records', records: [record] }
}

function typeOf(name: string): RecordType {
  return name === '$identify' ? 'identify' : name === '$create_alias' || name === '$merge' ? 'merge' : 'event'
}

/** The checks of `/import` in strict mode. The identity calls need neither time nor insert id there. */
function strictComplaint(name: string, read: ReadEvent, time: number | undefined): [field: string, message: string] | undefined {
  if (typeOf(name) !== 'event') return undefined
  if (time === undefined || time < 31_536_000_000) {
    return ['properties.time', "'properties.time' is invalid: must be specified as seconds since epoch"]
  }
  const insertId = idText(read.insertId)
  if (insertId === undefined) return ['properties.$insert_id', "'properties.$insert_id' is invalid: must not be missing or empty"]
  if (!INSERT_ID_PATTERN.test(insertId) || isReservedId(insertId)) {
    return ['properties.$insert_id', "'properties.$insert_id' is invalid: must be at most 36 letters, digits or '-'"]
  }
  const distinctId = read.identity.distinctId
  if (distinctId === undefined || (distinctId !== '' && idText(distinctId) === undefined)) {
    return ['properties.distinct_id', "'properties.distinct_id' is invalid: must not be missing"]
  }
  if (isReservedId(idText(distinctId) ?? '')) {
    return ['properties.distinct_id', "'properties.distinct_id' is invalid: must not be a placeholder"]
  }
  return undefined
}

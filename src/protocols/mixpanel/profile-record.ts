/** One record of `/engage` or `/groups` (developer.mixpanel.com/reference/profile-set and its siblings). */
import { isJsonObject } from '#model/json.ts'
import type { JsonObject, JsonValue } from '#model/json.ts'
import type { ProfileOp, WireRecord, WireValue } from '#model/wire-record.ts'
import { fieldOfKey } from './catalogue.ts'
import type { KeyBearer } from './catalogue.ts'
import { faultOf, finite, isSet, isSwitchedOff, OPT_OUT_KEY, optOutOf, timeMs } from './event-record.ts'
import type { RecordDecoding } from './event-record.ts'
import { hasLongId, ID_TOO_LONG, idText, isTooLong, resolveIdentity } from './identity.ts'
import { PROPERTIES_KEPT_MAX } from './limits.ts'

export const OP_OF_KEY: ReadonlyMap<string, ProfileOp> = new Map([
  ['$set', 'set'],
  ['$set_once', 'set_once'],
  ['$add', 'add'],
  ['$append', 'append'],
  ['$union', 'union'],
  ['$remove', 'remove'],
  ['$unset', 'unset'],
  ['$delete', 'delete'],
])

/** Stand beside the operation and say something about the person. */
const MODIFIERS: readonly string[] = ['$ip', '$latitude', '$longitude']

/**
 * A record with several operations becomes one record an operation, in the order sent; modifiers go with the first. For
 * `unset` each value names a property (`value` is null): what is to be removed is text from outside like any key.
 */
export function decodeProfile(value: JsonValue, index: number, bearer: 'profile' | 'group'): RecordDecoding {
  if (!isJsonObject(value)) return faultOf(index, '', 'record must be a JSON object')
  if (isSet(value['$ignore'])) return { kind: 'ignored' }
  const token = value['$token']
  if (typeof token !== 'string' || token === '') return faultOf(index, '$token', '$token, missing or empty')
  const base: WireRecord = { type: bearer, token, values: [] }
  const time = timeMs(value['$time'])
  if (time !== undefined) base.time = time
  const missing = bearer === 'group' ? nameGroup(base, value) : namePerson(base, value)
  if (missing !== undefined) return faultOf(index, missing, `${missing === '$distinct_id' ? 'distinct_id' : missing}, missing or empty`)
  const { user, device, linked = [], group } = base
  if (hasLongId({ user, device, linked })) return faultOf(index, '$distinct_id', `'$distinct_id' ${ID_TOO_LONG}`)
  if (group !== undefined && isTooLong(group.value)) return faultOf(index, '$group_id', `'$group_id' ${ID_TOO_LONG}`)

  const records: WireRecord[] = []
  for (const [key, argument] of Object.entries(value)) {
    const op = OP_OF_KEY.get(key)
    if (op === undefined) continue
    const values = valuesOf(op, argument, bearer)
    if (values === undefined) return faultOf(index, key, `'${key}' is invalid: must be ${op === 'unset' ? 'an array' : 'an object'}`)
    if (values.length > PROPERTIES_KEPT_MAX) return faultOf(index, key, `'${key}' is invalid: has too many keys`)
    const record: WireRecord = { ...base, op, values }
    // All that `opt_out_tracking` of the browser SDK ever says is that it deletes the profile.
    if (op === 'delete' && bearer === 'profile') record.consent = { optOutInBrowser: true }
    records.push(record)
  }
  const optOut = bearer === 'profile' ? statedOptOut(records) : undefined
  if (optOut !== undefined) for (const record of records) record.consent = { optOut }
  const first = records[0]
  if (first === undefined) return faultOf(index, '$set', 'no operation in the record')
  first.values.push(...modifiersOf(value))
  return { kind: 'records', records }
}

function statedOptOut(records: WireRecord[]): boolean | undefined {
  if (!records.some(({ values }) => values.some(({ key }) => key === OPT_OUT_KEY))) return undefined
  const stated = records.flatMap(({ values }) => values.filter(({ key }) => key === OPT_OUT_KEY).map(({ value }) => optOutOf(value)))
  for (const record of records) record.values = record.values.filter(({ key }) => key !== OPT_OUT_KEY)
  return stated.includes(true) ? true : stated.includes(false) ? false : undefined
}

function nameGroup(record: WireRecord, value: JsonObject): string | undefined {
  const key = value['$group_key']
  if (typeof key !== 'string' || key === '') return '$group_key'
  const id = idText(value['$group_id'])
  if (id === undefined) return '$group_id'
  record.group = { key, value: id }
  return undefined
}

function namePerson(record: WireRecord, value: JsonObject): string | undefined {
  const { user, device, linked } = resolveIdentity({
    distinctId: value['$distinct_id'],
    userId: value['$user_id'],
    deviceId: value['$device_id'],
  })
  if (user === undefined && device === undefined) return '$distinct_id'
  if (user !== undefined) record.user = user
  if (device !== undefined) record.device = device
  if (linked.length > 0) record.linked = linked
  return undefined
}

function valuesOf(op: ProfileOp, argument: JsonValue, bearer: KeyBearer): WireValue[] | undefined {
  if (op === 'delete') return []
  if (op === 'unset') {
    const names = typeof argument === 'string' ? [argument] : argument
    if (!Array.isArray(names)) return undefined
    return names.flatMap((key) => (typeof key === 'string' ? [{ field: fieldOfKey(key, bearer), key, value: null }] : []))
  }
  if (!isJsonObject(argument)) return undefined
  return Object.entries(argument)
    .filter(([key, value]) => !isSwitchedOff(key, value))
    .map(([key, value]) => ({ field: fieldOfKey(key, bearer), key, value: finite(value) }))
}

function modifiersOf(value: JsonObject): WireValue[] {
  return MODIFIERS.flatMap((key) => {
    const given = value[key]
    if (given === undefined || given === null || isSwitchedOff(key, given)) return []
    return [{ field: fieldOfKey(key, 'profile'), key, value: given }]
  })
}

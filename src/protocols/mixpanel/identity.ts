/**
 * Who a Mixpanel record is about. Mixpanel's two identity models spell the same things in several ways
 * (docs.mixpanel.com, "Identifying users"); every spelling is read here, so that none is left among the free properties.
 */
import type { JsonValue } from '#model/json.ts'
import type { IdentifierRole, WireIdentifier } from '#model/wire-record.ts'
import { ID_BYTES_MAX } from './limits.ts'

const DEVICE_PREFIX = '$device:'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * Ids that stand for nobody: Mixpanel rejects them (developer.mixpanel.com/reference/import-events). It does not say
 * whether case counts; taking them in any case keeps a broken integration from making one person out of thousands.
 */
const RESERVED_IDS: ReadonlySet<string> = new Set([
  '00000000-0000-0000-0000-000000000000',
  'anon',
  'anonymous',
  'nil',
  'none',
  'null',
  'n/a',
  'na',
  'undefined',
  'unknown',
  '<nil>',
  '0',
  '-1',
  'true',
  'false',
  '[]',
  '{}',
])

export function isReservedId(value: string): boolean {
  // None but the zero UUID is long: most ids are told by their length.
  if (value.length > 16 && !value.startsWith('0000')) return false
  return RESERVED_IDS.has(value.trim().toLowerCase())
}

/** Text of an id as sent; numbers become text. Undefined for what cannot be an id, the empty string included. */
export function idText(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return undefined
}

export const ID_TOO_LONG = `is invalid: must be at most ${ID_BYTES_MAX} bytes`

/** Only what could be too long is measured: no character takes more than three bytes a code unit. */
export function isTooLong(id: string): boolean {
  return id.length * 3 > ID_BYTES_MAX && Buffer.byteLength(id) > ID_BYTES_MAX
}

export function hasLongId({ user = '', device = '', linked }: Identity): boolean {
  return isTooLong(user) || isTooLong(device) || linked.some(({ value }) => isTooLong(value))
}

/** The identity keys of one record, raw. */
export interface RawIdentity {
  distinctId?: JsonValue | undefined
  userId?: JsonValue | undefined
  deviceId?: JsonValue | undefined
  identifiedId?: JsonValue | undefined
  /** `$anon_distinct_id` of the SDKs, `$anon_id` of the HTTP interface. */
  anonIds?: JsonValue[]
  alias?: JsonValue | undefined
  distinctIds?: JsonValue | undefined
}

export interface Identity {
  user: string | undefined
  device: string | undefined
  linked: WireIdentifier[]
}

function readIdentifier(value: JsonValue | undefined, otherwise: IdentifierRole): WireIdentifier | undefined {
  const text = idText(value)
  if (text === undefined) return undefined
  const isDevice = text.startsWith(DEVICE_PREFIX)
  const bare = isDevice ? text.slice(DEVICE_PREFIX.length) : text
  if (bare === '' || isReservedId(bare)) return undefined
  return { role: isDevice ? 'device' : otherwise, value: bare }
}

/**
 * Resolves the keys to a subject and to what the record links to it. Rules: the prefix makes a device; so does equality
 * with `$device_id`; an anonymous id without either is a device when it has the shape of one and no `$device_id` stands
 * beside it (else it is the user who was signed in before). Reserved ids are nobody.
 */
export function resolveIdentity(raw: RawIdentity): Identity {
  return isPlain(raw) ? resolvePlain(raw) : resolveStated(raw)
}

/** Nearly every event: a `distinct_id`, perhaps beside the same user and a device. */
function isPlain(raw: RawIdentity): boolean {
  return (
    raw.identifiedId === undefined &&
    raw.anonIds === undefined &&
    raw.alias === undefined &&
    raw.distinctIds === undefined &&
    (raw.userId === undefined || raw.userId === raw.distinctId)
  )
}

function resolvePlain(raw: RawIdentity): Identity {
  const deviceId = readIdentifier(raw.deviceId, 'device')?.value
  const stated = readIdentifier(raw.distinctId, 'user')
  if (stated === undefined || stated.value === deviceId) return { user: undefined, device: deviceId, linked: [] }
  if (stated.role === 'user') return { user: stated.value, device: deviceId, linked: [] }
  return { user: undefined, device: deviceId ?? stated.value, linked: deviceId === undefined ? [] : [stated] }
}

/** Mixpanel merges two at a time. A list without end would be compared with itself, each with each. */
const MERGED_MAX = 50

/** The general way; the test holds the short one against it. */
export function resolveStated(raw: RawIdentity): Identity {
  const deviceId = readIdentifier(raw.deviceId, 'device')?.value
  const roleOf = (found: WireIdentifier | undefined): WireIdentifier | undefined =>
    found !== undefined && found.value === deviceId ? { role: 'device', value: found.value } : found

  const stated = [raw.identifiedId, raw.distinctId, raw.userId].map((value) => roleOf(readIdentifier(value, 'user')))
  const merged = (Array.isArray(raw.distinctIds) ? raw.distinctIds.slice(0, MERGED_MAX) : []).map((value) =>
    roleOf(readIdentifier(value, 'user')),
  )
  const user = [...stated, ...merged].find((found) => found?.role === 'user')?.value
  const device =
    deviceId ??
    stated.find((found) => found?.role === 'device')?.value ??
    (user === undefined ? merged.find((found) => found?.role === 'device')?.value : undefined)

  const linked: WireIdentifier[] = []
  const link = (found: WireIdentifier | undefined): void => {
    if (found === undefined) return
    if (found.value === (found.role === 'user' ? user : device)) return
    if (!linked.some((known) => known.role === found.role && known.value === found.value)) linked.push(found)
  }
  for (const value of raw.anonIds ?? []) link(anonymousIdentifier(value, deviceId))
  link(roleOf(readIdentifier(raw.alias, 'user')))
  for (const found of [...stated, ...merged]) link(found)
  return { user, device, linked }
}

function anonymousIdentifier(value: JsonValue, deviceId: string | undefined): WireIdentifier | undefined {
  const found = readIdentifier(value, 'user')
  if (found === undefined || found.role === 'device') return found
  if (found.value === deviceId || (deviceId === undefined && UUID.test(found.value))) return { role: 'device', value: found.value }
  return found
}

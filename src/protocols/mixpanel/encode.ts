/**
 * One outgoing record as JSON, built up from granted values alone (law 2). Equal input gives equal bytes: keys stand
 * in a fixed head and then sorted. The text is put together by hand, so that a key such as `__proto__` is only a key.
 *
 * Keys of ours, where Mixpanel has none: `page_path` (path with unapproved segments as `*`), `referrer_medium` (direct,
 * internal, search, social, email, referral).
 */
import type { JsonWriter } from '#base/json-writer.ts'
import type { KnownField } from '#model/field.ts'
import type { EgressContext, OutgoingField, OutgoingRecord } from '#model/protocol.ts'
import { fieldOfKey } from './catalogue.ts'
import type { KeyBearer } from './catalogue.ts'
import { PROPERTIES_MAX } from './limits.ts'
import { OP_OF_KEY } from './profile-record.ts'

const KEY_OF_OP = new Map([...OP_OF_KEY].map(([key, op]) => [op, key]))

/** Fields with one key. `country` differs between events and profiles; `url`, `referrer` and `screen` have several keys. */
const KEY_OF_FIELD: Partial<Record<KnownField, string>> = {
  email: '$email',
  name: '$name',
  first_name: '$first_name',
  last_name: '$last_name',
  phone: '$phone',
  avatar: '$avatar',
  address: 'address',
  birth_date: 'birth_date',
  username: 'username',
  postal_code: 'postal_code',
  // Plain identifiers stand beside the pseudonyms, which stay what Mixpanel knows people and groups by: deletion goes by them.
  user_id: 'user_id',
  group_id: 'group_id',
  city: '$city',
  region: '$region',
  timezone: '$timezone',
  os: '$os',
  browser: '$browser',
  browser_version: '$browser_version',
  device: '$device',
  user_agent: '$user_agent',
  session_id: '$session_id',
  page_title: 'current_page_title',
  search_keyword: 'mp_keyword',
}

/** Keys of a known field; more than one when its value is a list that is taken apart. */
function keysOfField({ field, form, part }: OutgoingField, bearer: KeyBearer): string[] {
  switch (field) {
    case 'country':
      return [bearer === 'event' ? 'mp_country_code' : '$country_code']
    case 'url':
      return [form === 'clear' ? '$current_url' : 'page_path']
    case 'referrer':
      return [form === 'clear' ? '$referrer' : part === 'domain' ? '$referring_domain' : 'referrer_medium']
    case 'screen':
      return ['$screen_width', '$screen_height']
    default: {
      const key = KEY_OF_FIELD[field as KnownField]
      return key === undefined ? [] : [key]
    }
  }
}

/** Keys that steer Mixpanel itself. No approved property may take their place. */
const STEERING_KEYS: ReadonlySet<string> = new Set([
  'alias',
  '$ignore',
  '$ignore_time',
  '$ignore_alias',
  '$group_key',
  '$group_id',
  'event',
  'properties',
  '__proto__',
  'page_path',
  'referrer_medium',
])

function isFreeKey(key: string, bearer: KeyBearer): boolean {
  return !STEERING_KEYS.has(key) && !OP_OF_KEY.has(key) && fieldOfKey(key, bearer) === undefined
}

/** Where a value of a record leaves. */
interface Slot {
  key: string
  /** `"key":` as bytes. */
  prefix: Buffer
  /** Index into the record's values, and into that value when it is taken apart. */
  at: number
  inner: number | undefined
  isProperty: boolean
}

const layouts: Record<KeyBearer, WeakMap<readonly OutgoingField[], readonly Slot[]>> = {
  event: new WeakMap(),
  profile: new WeakMap(),
  group: new WeakMap(),
}

/** Sorted and unique; what has a known meaning leaves under that field or not at all, never as a free property. */
function layoutOf(fields: readonly OutgoingField[], bearer: KeyBearer): readonly Slot[] {
  const known = layouts[bearer].get(fields)
  if (known !== undefined) return known
  const slots = new Map<string, Slot>()
  for (const [at, outgoing] of fields.entries()) {
    const isProperty = outgoing.field.startsWith('property.')
    const keys = isProperty ? [outgoing.field.slice('property.'.length)] : keysOfField(outgoing, bearer)
    for (const [index, key] of keys.entries()) {
      if (isProperty && !isFreeKey(key, bearer)) continue
      slots.set(key, { key, prefix: Buffer.from(`${JSON.stringify(key)}:`), at, inner: keys.length > 1 ? index : undefined, isProperty })
    }
  }
  const layout = [...slots.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  layouts[bearer].set(fields, layout)
  return layout
}

/** Writes `"key":value` pairs, each behind a comma but the first, and counts them. */
class PairWriter {
  readonly #to: JsonWriter
  count = 0

  constructor(to: JsonWriter) {
    this.#to = to
  }

  pair(key: string, value: unknown): void {
    this.#begin()
    this.#to.string(key)
    this.#to.byte(COLON)
    this.#to.value(value)
  }

  slot({ prefix }: Slot, value: unknown): void {
    this.#begin()
    this.#to.copy(prefix)
    this.#to.value(value)
  }

  #begin(): void {
    if (this.count > 0) this.#to.byte(COMMA)
    this.count += 1
  }
}

const COMMA = 0x2c
const COLON = 0x3a

/** The prefix stays outside the pseudonym, so that `$device:` + `$device_id` is the anonymous `distinct_id`, as Mixpanel expects. */
function wireId(role: 'user' | 'device', pseudonym: string): string {
  return role === 'user' ? pseudonym : `$device:${pseudonym}`
}

function subjectId(record: OutgoingRecord): string | undefined {
  if (record.user !== undefined) return record.user
  return record.device === undefined ? undefined : wireId('device', record.device)
}

export function writeRecord(record: OutgoingRecord, context: EgressContext, to: JsonWriter): boolean {
  const start = to.size
  const isValid =
    record.type === 'profile'
      ? writeProfile(record, context, to)
      : record.type === 'group'
        ? writeGroup(record, context, to)
        : writeEvent(record, context, to)
  if (!isValid) to.rewind(start)
  return isValid
}

function writeEvent(record: OutgoingRecord, context: EgressContext, to: JsonWriter): boolean {
  const name = eventName(record)
  if (name === undefined || name === '' || !Number.isFinite(record.time)) return false
  to.raw('{"event":')
  to.string(name)
  to.raw(',"properties":{')
  const pairs = new PairWriter(to)
  pairs.pair('token', context.token)
  pairs.pair('time', Math.round(record.time))
  // An event about nobody has an empty id (docs.mixpanel.com, "Events with no user").
  pairs.pair('distinct_id', subjectId(record) ?? '')
  pairs.pair('$insert_id', record.insertId)
  if (!writeIdentity(record, name, pairs)) return false
  pairs.pair('ip', 0)
  for (const [key, pseudonyms] of groupsOf(record)) pairs.pair(key, pseudonyms)
  for (const slot of layoutOf(record.fields, 'event')) {
    // A group's key is taken, whatever is approved under it.
    if (!slot.isProperty || !record.groups.some(({ key }) => key === slot.key)) pairs.slot(slot, valueAt(record, slot))
  }
  to.raw('}}')
  return pairs.count <= PROPERTIES_MAX
}

function valueAt({ values }: OutgoingRecord, { at, inner }: Slot): unknown {
  const value = values[at]
  return inner === undefined ? value : (value as readonly unknown[])[inner]
}

const IDENTITY_CALLS: ReadonlySet<string> = new Set(['$identify', '$create_alias', '$merge'])

function eventName(record: OutgoingRecord): string | undefined {
  if (record.type === 'identify') return '$identify'
  if (record.type === 'merge') return record.name === '$create_alias' ? '$create_alias' : '$merge'
  // The identity calls act on people: an ordinary event never turns into one by its name.
  return record.name === undefined || IDENTITY_CALLS.has(record.name) ? undefined : record.name
}

/** By key, sorted; each group once. */
function groupsOf({ groups }: OutgoingRecord): (readonly [key: string, pseudonyms: readonly string[]])[] {
  const [first] = groups
  if (first === undefined) return []
  if (groups.length === 1) return isFreeKey(first.key, 'event') ? [[first.key, [first.pseudonym]]] : []
  const pseudonyms = new Map<string, string[]>()
  for (const { key, pseudonym } of groups) {
    if (!isFreeKey(key, 'event')) continue
    const known = pseudonyms.get(key)
    if (known === undefined) pseudonyms.set(key, [pseudonym])
    else if (!known.includes(pseudonym)) known.push(pseudonym)
  }
  return [...pseudonyms].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** False when the identity call cannot say what it is for. */
function writeIdentity(record: OutgoingRecord, name: string, pairs: PairWriter): boolean {
  if (record.user !== undefined) pairs.pair('$user_id', record.user)
  if (record.device !== undefined) pairs.pair('$device_id', record.device)
  if (record.type === 'event') return true
  const subject = subjectId(record)
  if (name === '$identify') {
    const other =
      record.linked.find((found) => found.role === 'device') ??
      record.linked[0] ??
      (record.device === undefined ? undefined : { role: 'device' as const, pseudonym: record.device })
    if (record.user === undefined || other === undefined) return false
    const anonymous = wireId(other.role, other.pseudonym)
    // Both spellings: the SDKs' and the one of the HTTP reference.
    pairs.pair('$anon_distinct_id', anonymous)
    pairs.pair('$anon_id', anonymous)
    pairs.pair('$identified_id', record.user)
  } else if (name === '$create_alias') {
    const alias = record.linked[0]
    if (subject === undefined || alias === undefined) return false
    pairs.pair('alias', wireId(alias.role, alias.pseudonym))
  } else {
    const ids = record.linked.map((found) => wireId(found.role, found.pseudonym))
    if (subject === undefined || ids.length === 0) return false
    pairs.pair('$distinct_ids', [subject, ...ids])
  }
  return true
}

function writeProfile(record: OutgoingRecord, context: EgressContext, to: JsonWriter): boolean {
  const subject = subjectId(record)
  if (subject === undefined) return false
  to.raw('{')
  const pairs = new PairWriter(to)
  pairs.pair('$token', context.token)
  pairs.pair('$distinct_id', subject)
  return writeOperation(record, 'profile', pairs, to)
}

function writeGroup(record: OutgoingRecord, context: EgressContext, to: JsonWriter): boolean {
  const group = record.groups[0]
  if (group === undefined) return false
  to.raw('{')
  const pairs = new PairWriter(to)
  pairs.pair('$token', context.token)
  pairs.pair('$group_key', group.key)
  pairs.pair('$group_id', group.pseudonym)
  return writeOperation(record, 'group', pairs, to)
}

/** The rest of a profile or group record; false when there is nothing to do. */
function writeOperation(record: OutgoingRecord, bearer: 'profile' | 'group', pairs: PairWriter, to: JsonWriter): boolean {
  const key = record.op === undefined ? undefined : KEY_OF_OP.get(record.op)
  if (key === undefined) return false
  // No address, and no `$last_seen` from the moment at which our queue happened to be sent.
  pairs.pair('$ip', '0')
  pairs.pair('$ignore_time', true)
  if (record.op === 'delete') pairs.pair(key, null)
  else if (record.op === 'unset') {
    const names = [...new Set(record.unset)].filter((name) => isFreeKey(name, bearer)).sort()
    if (names.length === 0) return false
    pairs.pair(key, names)
  } else {
    to.raw(`,${JSON.stringify(key)}:{`)
    const written = new PairWriter(to)
    for (const slot of layoutOf(record.fields, bearer)) {
      const value = valueAt(record, slot)
      if (record.op === 'add' && !(typeof value === 'number' && Number.isFinite(value))) continue
      if (bearer === 'profile' && slot.isProperty && record.groups.some((group) => group.key === slot.key)) continue
      written.slot(slot, record.op === 'union' && !Array.isArray(value) ? [value] : value)
    }
    if (written.count === 0) return false
    to.raw('}')
  }
  to.raw('}')
  return true
}

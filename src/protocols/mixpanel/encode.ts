/**
 * One outgoing record as JSON text, built up from granted values alone (law 2). Equal input gives equal bytes: keys stand
 * in a fixed head and then sorted. The text is put together by hand, so that a key such as `__proto__` is only a key.
 *
 * Keys of ours, where Mixpanel has none: `page_path` (path with unapproved segments as `*`), `referrer_medium` (direct,
 * internal, search, social, email, referral).
 */
import type { KnownField } from '#model/field.ts'
import type { EgressContext, OutgoingRecord, OutgoingValue } from '#model/protocol.ts'
import { fieldOfKey } from './catalogue.ts'
import type { KeyBearer } from './catalogue.ts'
import { PROPERTIES_MAX } from './limits.ts'
import { OP_OF_KEY } from './profile-record.ts'

type Pair = [key: string, value: unknown]

/** JSON text that stands inside other JSON as it is. */
class EncodedJson {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

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

function pairsOfField(field: KnownField, value: OutgoingValue['value'], bearer: KeyBearer): Pair[] {
  switch (field) {
    case 'country':
      return [[bearer === 'event' ? 'mp_country_code' : '$country_code', value]]
    case 'url':
      return [[typeof value === 'string' && value.includes('://') ? '$current_url' : 'page_path', value]]
    case 'referrer':
      return [[referrerKey(String(value)), value]]
    case 'screen':
      return Array.isArray(value) && value.length === 2
        ? [
            ['$screen_width', value[0]],
            ['$screen_height', value[1]],
          ]
        : []
    default: {
      const key = KEY_OF_FIELD[field]
      return key === undefined ? [] : [[key, value]]
    }
  }
}

/** A medium is one of our words and has no dot; a registrable domain has one; a whole address has a scheme. */
function referrerKey(value: string): string {
  return value.includes('://') ? '$referrer' : value.includes('.') ? '$referring_domain' : 'referrer_medium'
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

/** Sorted and unique; what has a known meaning leaves under that field or not at all, never as a free property. */
function propertyPairs(record: OutgoingRecord, bearer: KeyBearer): Pair[] {
  const pairs = new Map<string, unknown>()
  const groupKeys = new Set(record.groups.map((group) => group.key))
  for (const { field, value } of record.values) {
    if (!field.startsWith('property.')) {
      for (const [key, part] of pairsOfField(field as KnownField, value, bearer)) pairs.set(key, part)
      continue
    }
    const key = field.slice('property.'.length)
    if (isFreeKey(key, bearer) && !groupKeys.has(key)) pairs.set(key, value)
  }
  return [...pairs].sort(byKey)
}

function isFreeKey(key: string, bearer: KeyBearer): boolean {
  return !STEERING_KEYS.has(key) && !OP_OF_KEY.has(key) && fieldOfKey(key, bearer) === undefined
}

function byKey(a: Pair, b: Pair): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0
}

function objectText(pairs: readonly Pair[]): string {
  let text = '{'
  for (const [key, value] of pairs) {
    const encoded = value instanceof EncodedJson ? value.text : JSON.stringify(value)
    if (encoded === undefined) continue
    text += `${text.length > 1 ? ',' : ''}${JSON.stringify(key)}:${encoded}`
  }
  return `${text}}`
}

/** The prefix stays outside the pseudonym, so that `$device:` + `$device_id` is the anonymous `distinct_id`, as Mixpanel expects. */
function wireId(role: 'user' | 'device', pseudonym: string): string {
  return role === 'user' ? pseudonym : `$device:${pseudonym}`
}

function subjectId(record: OutgoingRecord): string | undefined {
  if (record.user !== undefined) return record.user
  return record.device === undefined ? undefined : wireId('device', record.device)
}

export function encodeRecord(record: OutgoingRecord, context: EgressContext): string | undefined {
  switch (record.type) {
    case 'profile':
      return encodeProfile(record, context)
    case 'group':
      return encodeGroup(record, context)
    default:
      return encodeEvent(record, context)
  }
}

function encodeEvent(record: OutgoingRecord, context: EgressContext): string | undefined {
  const name = eventName(record)
  const identity = identityPairs(record, name)
  if (name === undefined || name === '' || identity === undefined || !Number.isFinite(record.time)) return undefined
  const head: Pair[] = [
    ['token', context.token],
    ['time', Math.round(record.time)],
    // An event about nobody has an empty id (docs.mixpanel.com, "Events with no user").
    ['distinct_id', subjectId(record) ?? ''],
    ['$insert_id', record.insertId],
    ...identity,
    ['ip', 0],
  ]
  const pairs = [...head, ...groupPairs(record), ...propertyPairs(record, 'event')]
  if (pairs.length > PROPERTIES_MAX) return undefined
  return `{"event":${JSON.stringify(name)},"properties":${objectText(pairs)}}`
}

const IDENTITY_CALLS: ReadonlySet<string> = new Set(['$identify', '$create_alias', '$merge'])

function eventName(record: OutgoingRecord): string | undefined {
  if (record.type === 'identify') return '$identify'
  if (record.type === 'merge') return record.name === '$create_alias' ? '$create_alias' : '$merge'
  // The identity calls act on people: an ordinary event never turns into one by its name.
  return record.name === undefined || IDENTITY_CALLS.has(record.name) ? undefined : record.name
}

function groupPairs(record: OutgoingRecord): Pair[] {
  const pseudonyms = new Map<string, string[]>()
  for (const { key, pseudonym } of record.groups) {
    if (!isFreeKey(key, 'event')) continue
    const known = pseudonyms.get(key)
    if (known === undefined) pseudonyms.set(key, [pseudonym])
    else if (!known.includes(pseudonym)) known.push(pseudonym)
  }
  return [...pseudonyms].sort(byKey)
}

/** Undefined when the identity call cannot say what it is for. */
function identityPairs(record: OutgoingRecord, name: string | undefined): Pair[] | undefined {
  const pairs: Pair[] = []
  if (record.user !== undefined) pairs.push(['$user_id', record.user])
  if (record.device !== undefined) pairs.push(['$device_id', record.device])
  const subject = subjectId(record)
  if (name === '$identify') {
    const other =
      record.linked.find((found) => found.role === 'device') ??
      record.linked[0] ??
      (record.device === undefined ? undefined : { role: 'device' as const, pseudonym: record.device })
    if (record.user === undefined || other === undefined) return undefined
    const anonymous = wireId(other.role, other.pseudonym)
    // Both spellings: the SDKs' and the one of the HTTP reference.
    pairs.push(['$anon_distinct_id', anonymous], ['$anon_id', anonymous], ['$identified_id', record.user])
  } else if (name === '$create_alias') {
    const alias = record.linked[0]
    if (subject === undefined || alias === undefined) return undefined
    pairs.push(['alias', wireId(alias.role, alias.pseudonym)])
  } else if (record.type === 'merge') {
    const ids = record.linked.map((found) => wireId(found.role, found.pseudonym))
    if (subject === undefined || ids.length === 0) return undefined
    pairs.push(['$distinct_ids', [subject, ...ids]])
  }
  return pairs
}

function encodeProfile(record: OutgoingRecord, context: EgressContext): string | undefined {
  const subject = subjectId(record)
  const operation = operationPair(record, 'profile')
  if (subject === undefined || operation === undefined) return undefined
  return objectText([['$token', context.token], ['$distinct_id', subject], ...privacySwitches(), operation])
}

function encodeGroup(record: OutgoingRecord, context: EgressContext): string | undefined {
  const group = record.groups[0]
  const operation = operationPair(record, 'group')
  if (group === undefined || operation === undefined) return undefined
  return objectText([['$token', context.token], ['$group_key', group.key], ['$group_id', group.pseudonym], ...privacySwitches(), operation])
}

/** No address, and no `$last_seen` from the moment at which our queue happened to be sent. */
function privacySwitches(): Pair[] {
  return [
    ['$ip', '0'],
    ['$ignore_time', true],
  ]
}

function operationPair(record: OutgoingRecord, bearer: 'profile' | 'group'): Pair | undefined {
  const key = record.op === undefined ? undefined : KEY_OF_OP.get(record.op)
  if (key === undefined) return undefined
  if (record.op === 'delete') return [key, null]
  if (record.op === 'unset') {
    const names = [...new Set(record.unset)].filter((name) => isFreeKey(name, bearer)).sort()
    return names.length === 0 ? undefined : [key, names]
  }
  const pairs = propertyPairs({ ...record, groups: bearer === 'group' ? [] : record.groups }, bearer)
    .filter(([, value]) => record.op !== 'add' || (typeof value === 'number' && Number.isFinite(value)))
    .map(([name, value]): Pair => [name, record.op === 'union' && !Array.isArray(value) ? [value] : value])
  return pairs.length === 0 ? undefined : [key, new EncodedJson(objectText(pairs))]
}

/**
 * What a protocol's decoder makes of one record of a request: the same nouns for every protocol, still with the plain
 * values. Lives only in the gateway's memory, between decode and split.
 */
import type { KnownField } from '#model/field.ts'
import type { JsonValue } from '#model/json.ts'

/** `event`: something happened. `identify`/`merge`: the protocol's own identity calls (also events at the vendor). */
export type RecordType = 'event' | 'identify' | 'merge' | 'profile' | 'group'

/** Operation on a profile or group, named as the protocol-neutral verb. */
export type ProfileOp = 'set' | 'set_once' | 'add' | 'append' | 'union' | 'remove' | 'unset' | 'delete'

/** Operations whose repetition changes the result: sent at most once. */
export const ONCE_ONLY_OPS: ReadonlySet<ProfileOp> = new Set(['add', 'append', 'remove'])

export type IdentifierRole = 'user' | 'device'

export interface WireIdentifier {
  role: IdentifierRole
  /** As sent, with protocol prefixes (`$device:`) taken off. */
  value: string
}

export interface WireValue {
  /** Field by meaning, or undefined for a free property (then `property.<key>`). */
  field: KnownField | undefined
  /** Key as sent. Text from outside: unapproved until policy says otherwise. */
  key: string
  value: JsonValue
}

export interface WireConsent {
  /** The protocol's own switch: true = out, false = in. */
  optOut?: boolean
  /** The SDK's own way to opt out looks like this record, when it comes from a browser; from a server it says nothing. */
  optOutInBrowser?: true
  /** Of a consent object, by its own names of categories (Segment's `categoryPreferences`, TCF purposes). Text from outside. */
  categories?: Readonly<Record<string, boolean>>
}

export interface WireRecord {
  type: RecordType
  /** The public project token or write key that the record carries; routes it to a source. */
  token: string
  /** Event name as sent. For the protocol's own events (`$identify`, page view, …) `reserved` is true. */
  name?: string
  /** The name belongs to the protocol's fixed vocabulary: it is not text that a person typed. */
  reserved?: boolean
  /** The vendor takes this call only with the project's secret: from a public token it links nobody. */
  serverOnly?: boolean
  /** Event time, UTC ms. Absent when the SDK sent none: split stamps the arrival time, once. */
  time?: number
  /** SDK's own id for de-duplication, as sent. */
  insertId?: string
  /** Whom the record is about. Absent on group records. A record may carry both; the user then is the subject. */
  user?: string
  device?: string
  /** Other identifiers that the record links to its subject (`$anon_distinct_id`, `alias`, `$distinct_ids`). */
  linked?: WireIdentifier[]
  /** Group profiles: exactly one. Events: filled by split from the values under configured group keys. */
  group?: { key: string; value: string }
  op?: ProfileOp
  /** What the record itself says of consent. */
  consent?: WireConsent
  values: WireValue[]
}

/** Why one record of a request was not taken. `index` counts within the request. `message` is the vendor's wording. */
export interface RecordFault {
  index: number
  field: string
  message: string
  insertId?: string
}

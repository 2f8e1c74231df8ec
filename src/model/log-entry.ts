/**
 * What stands in the log: one entry for each accepted request, holding its records after the split. Law 1: everything
 * here is a number, boolean, time, closed vocabulary, or approved text. Stored as UTF-8 JSON behind a version byte.
 */
import type { Trust } from '#model/field.ts'
import type { PersonalKind } from '#model/personal-kind.ts'
import type { ProfileOp, RecordType } from '#model/wire-record.ts'

export const LOG_ENTRY_VERSION = 1

/** 64-bit number of an identifier in the vault; below 2^53, so a JS number. Never shown to anyone. */
export type Ordinal = number

export interface LogEntry {
  /** Position in the log, from 1, without gaps. */
  seq: number
  /** Arrival, UTC ms. */
  at: number
  source: string
  protocol: string
  surface: string
  trust: Trust
  /** Version of the policy under which the split decided what opened. */
  policy: number
  /** Where the unapproved text of this request lies sealed; absent when there was none. */
  waiting?: WaitingRef
  /** What people said of their consent in this request; the worker keeps it for each of them (`forward/consents.ts`). */
  consents?: ConsentStatement[]
  records: LogRecord[]
  /** Keyed hashes (16 bytes each, base64, concatenated in record order, zeros where the SDK sent no insert id). */
  dedup?: string
}

/** Days for which unapproved text waits for an approval; then its key is destroyed, and its bytes are deleted. */
export const WAITING_DAYS = 30

export interface WaitingRef {
  /** Day number of the key under which it is sealed. */
  day: number
  /** File of the log folder, byte offset and length. */
  folder: number
  offset: number
  length: number
  /** Which text of the blob is this request's: a blob is a JSON list. Absent: the whole blob is (written before lists). */
  part?: number
  /**
   * Indexes, in the sealed text's own numbering, of records that were dropped as repeats and so are not in `records`;
   * sorted. Absent when none was: then both numberings are the same.
   */
  skipped?: number[]
}

export interface LogRecord {
  type: RecordType
  /** Event name; null when nobody has approved it (the text waits sealed). Absent on profiles and groups. */
  name?: string | null
  /** The name belongs to a protocol's fixed vocabulary: it needs no approval. */
  reserved?: true
  /** Event time, UTC ms. For profiles and groups: arrival. */
  time: number
  user?: Ordinal
  device?: Ordinal
  linked?: { role: 'user' | 'device'; ordinal: Ordinal }[]
  /** Groups under configured keys: on events the memberships stated, on group records the subject. */
  groups?: { key: string; ordinal: Ordinal }[]
  op?: ProfileOp
  context?: CoarseContext
  /** Approved keys only; values are numbers, booleans, or approved text. */
  properties?: Record<string, PlainValue>
  /** Keys of `unset`: approved keys only. */
  unset?: string[]
  /** Known fields that came with the record and were withheld into vault or waiting room, by name. Sorted. */
  withheld?: string[]
  /** How many unapproved pairs wait; how many recognised secrets were destroyed. */
  waitingCount?: number
  destroyedCount?: number
  /**
   * Approved keys (of an object the path of the leaf, `cart.note`) whose value waits, or was destroyed, because of what the
   * detectors found in it: the kind, never the text.
   */
  detected?: Record<string, PersonalKind>
  /** What was known of consent on arrival. */
  consent?: ConsentBits
  /** Never in the log: of a record read from the warehouse, that its person was erased and only a count of it is left. */
  erased?: true
}

export type PlainValue = number | boolean | string | PlainValue[]

/** Closed vocabularies only (see policy/forms): no text from outside reaches these. */
export interface CoarseContext {
  /** ISO 3166-1 alpha-2, upper case. */
  country?: string
  /** Names that the shipped database of places gives: only where `gateway.places` asks for them. */
  region?: string
  city?: string
  os?: string
  browser?: string
  /** Major version. */
  browserVersion?: number
  /** Registrable domain, only of known sites or approved ones. */
  referrerDomain?: string
  referrerMedium?: ReferrerMedium
  /** Path with unapproved segments as `*`; no query, no fragment. */
  path?: string
  screenWidth?: number
  screenHeight?: number
}

export type ReferrerMedium = 'direct' | 'internal' | 'search' | 'social' | 'email' | 'referral'

/** What is said of consent: by the browser's headers, by the SDK's own switch, by a consent object. */
export interface ConsentSignals {
  gpc?: boolean
  dnt?: boolean
  /** The SDK's own switch: true = out, false = in. */
  optOut?: boolean
  /** Purposes of the policy that a consent object names; sorted. */
  allows?: readonly string[]
  denies?: readonly string[]
}

export interface ConsentBits extends ConsentSignals {
  /** Country of the connection, where the record's context does not say one. */
  country?: string
  /** The source sends only what people have agreed to. */
  collected?: true
  /** The own store had no consent: of the record only its kind, its approved name and its day are kept, and nobody gets it. */
  withoutPerson?: 'denied' | 'missing'
}

export interface ConsentStatement extends ConsentSignals {
  /** Identifiers for which it was said. */
  of: readonly Ordinal[]
}

/**
 * What split makes of the records of one request and one source, before the vault has given ordinals. In `records` every
 * ordinal is an index into `identifiers`; ingest replaces them once the vault has answered.
 */
import type { Trust } from '#model/field.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { SourceConfig } from '#model/config.ts'
import type { ConsentSignals, ConsentStatement } from '#model/log-entry.ts'
import type { WireRecord } from '#model/wire-record.ts'

/** What the edge knows of the request besides its records. Held in memory only. */
export interface RequestContext {
  receivedAt: number
  source: SourceConfig
  /** Address of the client where it may be believed (browser source, direct or behind a trusted proxy). */
  clientAddress: string | undefined
  userAgent: string | undefined
  /** What the headers say. */
  consent: ConsentSignals
}

/** `id`: users and devices share one space of values. `group:<key>`: groups under a key. */
export type IdentifierKind = 'id' | `group:${string}`

export interface IdentifierRequest {
  namespace: string
  kind: IdentifierKind
  value: string
  role: 'user' | 'device' | 'group'
}

/** Something identifying that was said of an identifier; sealed by the vault. */
export interface FactRequest {
  /** Index into `identifiers`. */
  identifier: number
  /** Identity field (`email`, `name`, …). */
  field: string
  value: string
  /** `set_once` never replaces a fact of equal trust. */
  once: boolean
}

/** `device`: from = device, to = the user who signed in on it. `merge`: two ids of one person (never from `browser`). */
export interface EdgeRequest {
  kind: 'device' | 'merge'
  from: number
  to: number
  /** Event time, not after arrival; UTC ms. */
  at: number
}

export interface MembershipRequest {
  person: number
  group: number
  at: number
}

/** Unapproved text of one record, as it will be sealed: kept to be opened by a later approval. */
export interface WaitingText {
  /** Index of the record in the draft. */
  record: number
  /** Event name, when that is what waits. */
  name?: string
  /** Key and value of each pair, with recognised secrets already destroyed. */
  pairs?: [key: string, value: unknown][]
}

export interface SplitDraft {
  trust: Trust
  records: LogRecord[]
  identifiers: IdentifierRequest[]
  facts: FactRequest[]
  edges: EdgeRequest[]
  memberships: MembershipRequest[]
  waiting: WaitingText[]
  /** `of`: indexes into `identifiers`. */
  consents: ConsentStatement[]
  /** One per record; undefined where the SDK sent none. */
  insertIds: (string | undefined)[]
  /** Recognised secrets destroyed at the door, by kind. */
  destroyed: Record<string, number>
}

export type Split = (records: readonly WireRecord[], context: RequestContext) => SplitDraft

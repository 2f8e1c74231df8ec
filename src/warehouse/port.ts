/**
 * The warehouse behind its socket. Sessions never wait for each other: `loader` writes, `badday` answers who/affected,
 * `analytics` is bounded. An error carries the engine's code, never row text.
 */
import type { LogEntry } from '#model/log-entry.ts'
import type { OutcomeState, SubjectKind } from '#model/disclosure.ts'
import type { ColumnBlock } from '#warehouse/native.ts'

export type WarehouseSession = 'loader' | 'badday' | 'analytics'

export interface DisclosureRow {
  /** Number of the intent in the ledger. */
  entry: number
  vendor: string
  destination: string
  epoch: number
  route: string
  purpose: string
  policy: number
  surface: string
  shape: string
  subject: number
  kind: SubjectKind
  groups: number[]
  events: number
  first: number
  last: number
  sentAt: number
  /** `not_sent` is never loaded. */
  state: Exclude<OutcomeState, 'not_sent'>
}

/** What opened of one record, as JSON where it is properties. */
export interface OpeningRow {
  seq: number
  index: number
  event: string
  properties: string
  opened: number
}

export interface WarehouseFiller {
  /** Rows for a fill, in parts as large as an insert; equal tokens insert once. */
  insertOpenings(fill: number, rows: readonly OpeningRow[], token: string): Promise<void>
  /** Fills the day with them, whole or not at all; returns how many rows were found. Throws `backup_failed` while a backup copies. */
  fillDay(day: string, fill: number): Promise<number>
}

export interface Warehouse {
  /** Makes what is absent; refuses a newer format. Idempotent. */
  migrate(): Promise<void>
  /**
   * One block, one partition (all entries of one arrival day), flushed on return. Equal tokens within the window insert
   * once, so a plan that was cut short is simply repeated.
   */
  insertEvents(entries: readonly LogEntry[], token: string): Promise<{ rows: number }>
  /** One block, one partition (all rows sent on one day), flushed on return; same token rule. */
  insertDisclosures(rows: readonly DisclosureRow[], token: string): Promise<{ rows: number }>
  /** Parameters are bound by the engine (`{name:Type}`), never spliced. A question whose signal is aborted is ended in the engine. */
  query<Row>(sql: string, parameters: Record<string, unknown>, session: WarehouseSession, signal?: AbortSignal): Promise<Row[]>
  /** Columns of numbers, as `Float64` or `UInt32`, for questions with a row per person. */
  columns(sql: string, parameters: Record<string, unknown>, session: WarehouseSession): Promise<ColumnBlock[]>
  /** Rows one by one, for lists that must not be held whole. */
  stream<Row>(sql: string, parameters: Record<string, unknown>, session: WarehouseSession): AsyncIterable<Row>
  close(): Promise<void>
}

/** Whose events are taken out: all that name an identifier, and what was seen of nobody on a device in a person's hands. */
export interface ErasedPeople {
  ordinals: readonly number[]
  shared: readonly { device: number; from: number; to: number }[]
}

export interface WarehouseEraser {
  /** Leaves of each row a count. Repeating it changes nothing. */
  eraseEvents(people: ErasedPeople): Promise<{ rows: number }>
}

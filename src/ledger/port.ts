/**
 * The ledger of disclosures, and the cursors of everything that reads log and ledger. One writer: the worker. Every
 * method that writes returns after the flush.
 */
import type { Gap, Intent, LedgerEntry, LogPosition, Outcome } from '#model/disclosure.ts'

export type IntentDraft = Omit<Intent, 'type' | 'version' | 'entry' | 'at' | 'salt' | 'manifest'>
export type OutcomeDraft = Omit<Outcome, 'type' | 'version' | 'entry' | 'at'>

/** A load that was decided on and perhaps begun: recovery repeats it with the same token. [from, to) of log or ledger. */
export interface LoadPlan {
  table: 'events' | 'disclosures'
  from: number
  to: number
  token: string
}

/**
 * Log entries [from, to) that a destination has still to get although the log has given them up: they are sent from the
 * warehouse. Ascending and without overlap; a restored log may have left gaps between them.
 */
export interface HeldRange {
  from: number
  to: number
  /** Records in it. */
  records: number
  /** Arrival days in it, so that the warehouse need not look elsewhere. */
  firstDay: number
  lastDay: number
  /** Policy that was in force when the log gave them up, at `at` (UTC ms). */
  policy: number
  at: number
}

export interface Ledger {
  /** Number of the last entry. */
  readonly head: number
  /** The number that the next entry will get, unless somebody else appends first. */
  nextEntry(): number
  /** All or nothing, flushed. `manifest` comes sealed. Numbers must be as `nextEntry` said, in order. */
  appendIntents(drafts: readonly (IntentDraft & { entry: number; manifest: string })[]): Promise<Intent[]>
  /**
   * The same for a writer among several: `seal` gets the numbers that the drafts will have and returns their sealed
   * manifests, and nobody else takes a number meanwhile. When it throws, no number is used.
   */
  appendSealed(drafts: readonly IntentDraft[], seal: (entries: readonly number[]) => Promise<readonly string[]>): Promise<Intent[]>
  /** Closes intents and, in the same commit, moves the destination's cursor and adds its counts when given. */
  appendOutcomes(
    drafts: readonly OutcomeDraft[],
    cursor?: { destination: string; position: LogPosition },
    counts?: Record<string, number>,
  ): Promise<Outcome[]>
  /** Never backwards; `counts` are added in the same commit. */
  moveCursor(destination: string, position: LogPosition, counts?: Record<string, number>): Promise<void>
  /** Sets the cursor of a destination that has none yet; changes nothing else. */
  beginCursor(destination: string, position: LogPosition): Promise<void>
  /** { seq: 1, index: 0 } for a destination that has none. */
  cursor(destination: string): LogPosition
  /** Ranges that are not wholly behind the cursor. */
  held(destination: string): HeldRange[]
  /** Takes the place of all ranges of that destination. */
  hold(destination: string, ranges: readonly HeldRange[]): Promise<void>
  /** Furthest end of any intent's range: up to there the destination may have been sent records already. */
  reached(destination: string): LogPosition
  /** Intents without an outcome, in order. */
  openIntents(destination?: string): Intent[]
  read(from: number, limit: number): LedgerEntry[]
  entry(number: number): LedgerEntry | undefined
  /** What an identifier's person has said of consent, as it was saved; undefined for nothing. */
  consent(ordinal: number): unknown
  /** Whether anything was saved of anybody. */
  hasConsents(): boolean
  /** First log entry that has not been read for consent. */
  consentCursor(): number
  /** One commit; the cursor never goes back. Undefined takes away what was saved of an identifier. */
  saveConsents(said: readonly (readonly [ordinal: number, packed: unknown])[], cursor: number): Promise<void>
  loadCursor(table: LoadPlan['table']): number
  plan(table: LoadPlan['table']): LoadPlan | undefined
  savePlan(plan: LoadPlan): Promise<void>
  /** Forgets the plan and moves the load cursor to its end, one commit. */
  finishPlan(plan: LoadPlan): Promise<void>
  /** Moves the load cursor back and forgets the plan, one commit: for a warehouse that has lost what was loaded. */
  reload(table: LoadPlan['table'], from: number): Promise<void>
  /** Counters by destination and reason of what was not sent or refused; kept for reports. */
  count(destination: string, counts: Record<string, number>): Promise<void>
  counts(destination: string): Record<string, number>
  /** What restores from older backups have lost. */
  gaps(): Gap[]
  /** Intents of which no byte left: they are in the tree, and not in the warehouse. One commit. */
  saveUnsent(intents: readonly number[]): Promise<void>
  /** As they were saved, in order. */
  unsent(): number[]
  close(): Promise<void>
}

/** What other processes may do with the ledger's file, also when no worker runs. */
export interface LedgerReader {
  head(): number
  cursor(destination: string): LogPosition
  held(destination: string): HeldRange[]
  openIntents(destination?: string): Intent[]
  /** What restores from older backups have lost; every report names them. */
  gaps(): Gap[]
  loadCursor(table: LoadPlan['table']): number
  /** Undefined where there is none; throws `ledger_corrupt`. */
  entry(number: number): LedgerEntry | undefined
  close(): void
}

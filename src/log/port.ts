/**
 * The durable, ordered truth between the gateway and everything behind it. One writer (the gateway), any number of
 * readers in other processes.
 */
import type { LogEntry, LogRecord, Ordinal } from '#model/log-entry.ts'

export type LogDraft = Omit<LogEntry, 'seq' | 'dedup'> & {
  /** 16 bytes for each record, zeros where there is nothing to compare; length = 16 × records. */
  dedup: Buffer
}

export interface AppendResult {
  /** 0 when every record was a repeat and nothing was written. */
  seq: number
  kept: number
  repeats: number
}

export interface LogWriter {
  /** Last sequence number that is durable. */
  readonly head: number
  readonly folder: number
  /**
   * Drops records whose hash was appended in the last 7 days (or earlier in this call), gives the rest numbers and
   * writes them in one commit. On return they are flushed to disk; on a throw none of them is ever read by anyone.
   */
  append(drafts: readonly LogDraft[]): Promise<AppendResult[]>
  /** Appends sealed blobs to the waiting file of the current folder, flushed on return; gives folder and offset of each. */
  appendWaiting(blobs: readonly Buffer[]): Promise<{ folder: number; offset: number; length: number }[]>
  /** Deletes folders that hold nothing at or above `seq`. */
  dropBelow(seq: number): Promise<number>
  /** Deletes waiting files to which nothing was added since before `day`: what they hold cannot be opened any more. */
  dropWaiting(day: number): Promise<number>
  /** What the log's folders take on the disk. */
  bytes(): number
  close(): Promise<void>
}

export interface WaitingEraser {
  /** Puts blobs of the same lengths in the places of others, durable on return. */
  replaceWaiting(replacements: readonly { folder: number; offset: number; blob: Buffer }[]): Promise<void>
}

export interface ReadLimits {
  entries: number
  bytes: number
  /** The entry that reaches it is the last. What is not wanted is not decoded, and decoding is most of the cost. */
  records?: number
}

/** A folder to which nothing is added any more, holding entries [first, end). */
export interface FinishedFolder {
  first: number
  end: number
  bytes: number
  /** When it was begun and last written to, UTC ms. */
  begunAt: number
  writtenAt: number
}

export interface LogReader {
  /** Last durable sequence number; 0 when empty. Cheap: readers poll it. */
  head(): number
  /** First sequence number still held. */
  tail(): number
  /** Oldest first. */
  finished(): FinishedFolder[]
  /**
   * Entries from `seq` on, in order, until one of the limits is reached (at least one when there is any). Their numbers
   * follow each other. When a restore has lost what stood at `seq`, the first is the one behind that gap. Callers share
   * entries, so nobody changes them.
   */
  read(seq: number, limits: ReadLimits): LogEntry[]
  /**
   * Of the next `entriesMax` entries from `seq` on those whose text holds `mark`; the others are not decoded. `next` is the
   * number to go on from; the same as `seq` when there is nothing more.
   */
  find(seq: number, mark: string, entriesMax: number): { entries: LogEntry[]; next: number }
  close(): void
}

export type { LogRecord, Ordinal }

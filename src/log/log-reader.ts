/**
 * Reads the log from another process while it is written. `head` costs two file look-ups and one LMDB cursor; what it
 * names is durable, because the writer's commits are flushed before they become visible.
 */
import { BulkheadError } from '#base/errors.ts'
import type { LogEntry } from '#model/log-entry.ts'
import { decodeLogEntry } from './entry-codec.ts'
import { lastKey } from './folders.ts'
import { lmdbReadStore } from './lmdb-store.ts'
import type { FinishedFolder, LogReader, ReadLimits } from './port.ts'
import { RecentEntries } from './recent-entries.ts'
import type { Folder, LogReadStore } from './store.ts'

const OPEN_FOLDERS_MAX = 3
const RECENT_BYTES_MAX = 16 * 1024 * 1024

/** The folder may not exist yet; the log then is empty. */
export function openLogReader(options: { dir: string }): LogReader {
  return openLogReaderOn(lmdbReadStore(options.dir))
}

export function openLogReaderOn(store: LogReadStore): LogReader {
  return new StoredLogReader(store)
}

interface KnownFolder {
  number: number
  first: number
  /** Set when numbers before `first` are gone by a restore: the last that is there. */
  after: number | undefined
}

class StoredLogReader implements LogReader {
  readonly #store: LogReadStore
  /** Ascending. Whole at the upper end after `#look`; the lower end may name folders that were dropped since. */
  #folders: KnownFolder[] = []
  #environments = new Map<number, Folder>()
  readonly #recent = new RecentEntries(RECENT_BYTES_MAX)
  #closed = false

  constructor(store: LogReadStore) {
    this.#store = store
  }

  head(): number {
    this.#look()
    const newest = this.#folders.at(-1)
    if (newest === undefined) return 0
    const last = lastKey(this.#environment(newest.number))
    return last === 0 ? (newest.after ?? newest.first - 1) : last
  }

  tail(): number {
    this.#list()
    return this.#folders[0]?.first ?? 1
  }

  finished(): FinishedFolder[] {
    this.#list()
    return this.#folders.slice(0, -1).flatMap(({ number, first }, at) => {
      const next = this.#folders[at + 1] as KnownFolder
      const measured = this.#store.measure?.(number)
      if (measured === undefined) return []
      return [{ first, end: next.after === undefined ? next.first : next.after + 1, ...measured }]
    })
  }

  read(seq: number, limits: ReadLimits): LogEntry[] {
    this.#look()
    const entries: LogEntry[] = []
    let bytes = 0
    let records = 0
    let expected = Math.max(1, seq)
    let at = this.#folders.findLastIndex((folder) => folder.first <= expected)
    const oldest = this.#folders[0]
    if (at < 0 && oldest !== undefined) {
      throw new BulkheadError('log_corrupt', `entry ${expected} is asked for, but the log begins at ${oldest.first}`)
    }
    for (; at >= 0 && at < this.#folders.length && entries.length < limits.entries; at++) {
      const { number } = this.#folders[at] as KnownFolder
      const environment = this.#environment(number)
      environment.resetReadTxn()
      for (const { key, value } of environment.getRange({ start: expected, limit: limits.entries - entries.length })) {
        if (key !== expected) throw new BulkheadError('log_corrupt', `log folder ${number}: entry ${expected} is missing`)
        if (entries.length > 0 && bytes + value.length > limits.bytes) return entries
        const entry = this.#recent.get(key, value.length) ?? this.#decode(value, { folder: number, seq: key })
        entries.push(entry)
        bytes += value.length
        records += entry.records.length
        if (records >= (limits.records ?? Number.POSITIVE_INFINITY)) return entries
        expected++
      }
      const next = this.#folders[at + 1]
      if (next?.after !== undefined && expected > next.after) {
        // What a restore lost: one answer does not reach across it, and who asks within it goes on behind it.
        if (entries.length > 0) return entries
        expected = next.first
        continue
      }
      // Full by count is no gap; otherwise the next folder must begin where this one ends.
      if (next !== undefined && entries.length < limits.entries && next.first !== expected) {
        throw new BulkheadError('log_corrupt', `log folder ${number}: entry ${expected} is missing`)
      }
    }
    return entries
  }

  find(seq: number, mark: string, entriesMax: number): { entries: LogEntry[]; next: number } {
    this.#look()
    const entries: LogEntry[] = []
    let left = entriesMax
    let next = seq
    for (
      let at = Math.max(
        0,
        this.#folders.findLastIndex((folder) => folder.first <= seq),
      );
      at < this.#folders.length && left > 0;
      at++
    ) {
      const { number, first } = this.#folders[at] as KnownFolder
      next = Math.max(next, first)
      const environment = this.#environment(number)
      environment.resetReadTxn()
      for (const { key, value } of environment.getRange({ start: next, limit: left })) {
        if (value.includes(mark)) entries.push(this.#recent.get(key, value.length) ?? this.#decode(value, { folder: number, seq: key }))
        left--
        next = key + 1
      }
    }
    return { entries, next }
  }

  #decode(value: Uint8Array, place: { folder: number; seq: number }): LogEntry {
    const entry = decodeLogEntry(value, place)
    this.#recent.add(entry, value.length)
    return entry
  }

  close(): void {
    this.#closed = true
    for (const environment of this.#environments.values()) void environment.close()
    this.#environments.clear()
  }

  /** Notices new folders; lists anew when the newest known one was dropped while nobody looked. */
  #look(): void {
    if (this.#closed) throw new BulkheadError('internal', 'the log reader is closed')
    const newest = this.#folders.at(-1)
    if (newest === undefined || !this.#store.exists(newest.number)) return this.#list()
    for (let number = newest.number + 1; this.#store.exists(number); number++) {
      this.#folders.push(knowFolder(this.#store, number))
    }
  }

  #list(): void {
    const known = new Map(this.#folders.map((folder) => [folder.number, folder]))
    const numbers = this.#store.list()
    this.#folders = numbers.map((number) => known.get(number) ?? knowFolder(this.#store, number))
    numbers.forEach((number, at) => {
      if (at > 0 && number !== (numbers[at - 1] as number) + 1) {
        throw new BulkheadError('log_corrupt', `log folder ${number - 1} is missing`)
      }
    })
    for (const [number, environment] of this.#environments) {
      if (numbers.includes(number)) continue
      this.#environments.delete(number)
      void environment.close()
    }
  }

  #environment(number: number): Folder {
    let environment = this.#environments.get(number)
    if (environment === undefined) environment = this.#store.open(number, { readOnly: true })
    // Kept in order of use; the one used longest ago is closed.
    this.#environments.delete(number)
    this.#environments.set(number, environment)
    for (const [oldest, unused] of this.#environments) {
      if (this.#environments.size <= OPEN_FOLDERS_MAX) break
      this.#environments.delete(oldest)
      void unused.close()
    }
    return environment
  }
}

function knowFolder(store: LogReadStore, number: number): KnownFolder {
  return { number, first: store.first(number), after: store.after?.(number) }
}

/**
 * The one writer of the log. Appends run one after another: each is one LMDB transaction with one flush, and a repeat is
 * judged only when everything before it is known to be kept or known not to be.
 */
import { type Clock, dayOf } from '#base/clock.ts'
import { assert, BulkheadError } from '#base/errors.ts'
import { countOf } from '#base/table.ts'
import { DedupIndex, HASH_BYTES } from './dedup-index.ts'
import { bytesInFolder, entryOf, hashesOf, NO_HASH } from './draft-entry.ts'
import { decodeLogEntry, encodeLogEntry } from './entry-codec.ts'
import { lastKey } from './folders.ts'
import { lmdbLogStore } from './lmdb-store.ts'
import type { AppendResult, LogDraft, LogWriter, WaitingEraser } from './port.ts'
import type { Folder, LogStore, WaitingStore } from './store.ts'
import type { WaitingPlace } from './waiting-file.ts'

export interface LogWriterOptions {
  store: LogStore
  clock: Clock
  /** A folder that has reached this size is followed by a new one; so is one of an earlier day, since days expire. */
  folderBytesMax?: number
}

const FOLDER_BYTES_MAX = 1024 ** 3
/** The index is a tree of random keys: the more hashes a flush has, the fewer pages it writes for each. */
const INDEX_EVERY_MS = 15_000
const INDEX_HASHES_MAX = 200_000

export function openLogWriter(
  options: Omit<LogWriterOptions, 'store'> & { dir: string; waitingDir: string },
): Promise<LogWriter & WaitingEraser> {
  return openLogWriterOn({ ...options, store: lmdbLogStore(options) })
}

export async function openLogWriterOn(options: LogWriterOptions): Promise<LogWriter & WaitingEraser> {
  const { store } = options
  store.prepare()
  if (store.list().length === 0) await store.create(1, 1)
  const numbers = store.list()
  const current = numbers.at(-1) as number
  if (current - (numbers[0] as number) !== numbers.length - 1) {
    throw new BulkheadError('log_corrupt', `a log folder between ${numbers[0]} and ${current} is missing`)
  }
  const first = store.first(current)
  const environment = store.open(current, { readOnly: false })
  const last = lastKey(environment)
  const count = countOf(environment)
  const head = last === 0 ? first - 1 : last
  if (count !== head - first + 1)
    throw new BulkheadError('log_corrupt', `log folder ${current} holds ${count} entries between ${first} and ${head}`)
  const index = new DedupIndex(store.openIndex())
  if (index.recorded > head) {
    throw new BulkheadError(
      'log_corrupt',
      `the log ends at ${head}, but entry ${index.recorded} was written once: a folder is missing or old`,
    )
  }
  const writer = new StoredLogWriter({ ...options, environment, index, folder: current, first, head })
  await writer.readIndexAnew(numbers)
  return writer
}

/** The log takes no more until it is opened again, by a new start of the gateway. */
export class LogStopped extends BulkheadError {}

interface WriterState extends LogWriterOptions {
  environment: Folder
  index: DedupIndex
  folder: number
  first: number
  head: number
}

interface Prepared {
  blob: Buffer
  seq: number
  hashes: string[]
  day: number
}

class StoredLogWriter implements LogWriter, WaitingEraser {
  readonly #store: LogStore
  readonly #clock: Clock
  readonly #folderBytesMax: number
  readonly #index: DedupIndex
  readonly #waiting: WaitingStore
  #environment: Folder
  #folder: number
  #first: number
  #head: number
  #folderBytes: number
  /** Day on which it was begun, UTC. */
  #folderDay: number
  #turn: Promise<unknown> = Promise.resolve()
  #waitingTurn: Promise<unknown> = Promise.resolve()
  #indexing: Promise<void> | undefined
  #indexedAt: number
  #closed = false
  #broken = false

  constructor(state: WriterState) {
    this.#store = state.store
    this.#clock = state.clock
    this.#folderBytesMax = state.folderBytesMax ?? FOLDER_BYTES_MAX
    this.#index = state.index
    this.#waiting = state.store.waiting()
    this.#environment = state.environment
    this.#folder = state.folder
    this.#first = state.first
    this.#head = state.head
    this.#folderDay = this.#dayBegun()
    this.#folderBytes = this.#store.bytes(this.#folder)
    this.#indexedAt = this.#clock.now()
  }

  get head(): number {
    return this.#head
  }

  get folder(): number {
    return this.#folder
  }

  append(drafts: readonly LogDraft[]): Promise<AppendResult[]> {
    const result = this.#turn.then(() => this.#append(drafts))
    this.#turn = result.catch(() => undefined)
    return result
  }

  appendWaiting(blobs: readonly Buffer[]): Promise<WaitingPlace[]> {
    if (blobs.length === 0) return Promise.resolve([])
    const result = this.#waitingTurn.then(() => {
      this.#refuseWhenClosed()
      return this.#waiting.append(this.#folder, blobs).catch((thrown) => {
        throw unwritable('the waiting file', thrown)
      })
    })
    this.#waitingTurn = result.catch(() => undefined)
    return result
  }

  replaceWaiting(replacements: Parameters<WaitingEraser['replaceWaiting']>[0]): Promise<void> {
    const result = this.#waitingTurn.then(() => {
      this.#refuseWhenClosed()
      this.#waiting.replace?.(replacements)
    })
    this.#waitingTurn = result.catch(() => undefined)
    return result
  }

  dropBelow(seq: number): Promise<number> {
    const result = this.#turn.then(async () => {
      this.#refuseWhenClosed()
      let dropped = 0
      for (const number of this.#store.list()) {
        if (number === this.#folder || this.#store.first(number + 1) > seq) break
        // The index is rebuilt from entries after what it has recorded; those must not go before it has them.
        if (this.#index.recorded < this.#store.first(number + 1) - 1) await this.#flushIndex()
        this.#store.drop(number)
        dropped++
      }
      return dropped
    })
    this.#turn = result.catch(() => undefined)
    return result
  }

  dropWaiting(day: number): Promise<number> {
    const result = this.#waitingTurn.then(() => {
      this.#refuseWhenClosed()
      return this.#waiting.dropOlder?.(day, this.#folder) ?? 0
    })
    this.#waitingTurn = result.catch(() => undefined)
    return result
  }

  bytes(): number {
    return this.#store.list().reduce((sum, number) => sum + this.#store.bytes(number), 0)
  }

  async close(): Promise<void> {
    await Promise.all([this.#turn, this.#waitingTurn])
    if (this.#closed) return
    this.#closed = true
    await this.#flushIndex().catch(() => undefined)
    await this.#waiting.close()
    await this.#index.close()
    await this.#environment.close()
  }

  /** After a crash, or when the index was lost, reads what it lacks from the log. */
  async readIndexAnew(folders: readonly number[]): Promise<void> {
    const today = dayOf(this.#clock.now())
    const from = this.#index.recorded + 1
    for (const number of folders) {
      const next = number === this.#folder ? this.#head + 1 : this.#store.first(number + 1)
      if (next <= from) continue
      const environment = number === this.#folder ? this.#environment : this.#store.open(number, { readOnly: true })
      for (const { key, value } of environment.getRange({ start: Math.max(from, this.#store.first(number)) })) {
        const entry = decodeLogEntry(value, { folder: number, seq: key })
        for (const hash of hashesOf(entry)) this.#index.add(hash, dayOf(entry.at))
        this.#index.advance(key)
        if (this.#index.pending >= INDEX_HASHES_MAX) await this.#index.flush(today)
      }
      if (environment !== this.#environment) await environment.close()
    }
  }

  async #append(drafts: readonly LogDraft[]): Promise<AppendResult[]> {
    this.#refuseWhenClosed()
    const { results, prepared } = this.#prepare(drafts)
    if (prepared.length === 0) return results
    const bytes = prepared.reduce((sum, { blob }) => sum + bytesInFolder(blob.length), 0)
    await this.#write(prepared, bytes)
    this.#folderBytes += bytes
    for (const { seq, hashes, day } of prepared) {
      this.#head = seq
      for (const hash of hashes) this.#index.add(hash, day)
    }
    this.#index.advance(this.#head)
    this.#indexWhenDue()
    return results
  }

  /** Drops repeats and numbers the rest. Changes nothing: a failed commit leaves no trace of this call. */
  #prepare(drafts: readonly LogDraft[]): { results: AppendResult[]; prepared: Prepared[] } {
    const results: AppendResult[] = []
    const prepared: Prepared[] = []
    const here = new Set<string>()
    let seq = this.#head
    for (const draft of drafts) {
      const { dedup, ...rest } = draft
      assert(dedup.length === HASH_BYTES * draft.records.length, 'one repeat hash for each record')
      const day = dayOf(draft.at)
      const hashes: string[] = []
      const kept: number[] = []
      const text = dedup.toString('latin1')
      for (let record = 0; record < draft.records.length; record++) {
        const from = record * HASH_BYTES
        const hash = text.slice(from, from + HASH_BYTES)
        if (hash !== NO_HASH) {
          if (here.has(hash) || this.#index.has(hash, dedup.subarray(from, from + HASH_BYTES), day)) continue
          here.add(hash)
          hashes.push(hash)
        }
        kept.push(record)
      }
      const repeats = draft.records.length - kept.length
      if (kept.length === 0) {
        results.push({ seq: 0, kept: 0, repeats })
        continue
      }
      const entry = entryOf(rest, { seq: ++seq, kept, dedup, hashed: hashes.length > 0 })
      prepared.push({ blob: encodeLogEntry(entry), seq, hashes, day })
      results.push({ seq, kept: kept.length, repeats })
    }
    return { results, prepared }
  }

  async #write(prepared: readonly Prepared[], bytes: number): Promise<void> {
    try {
      const isFull = this.#folderBytes + bytes > this.#folderBytesMax
      if ((isFull || dayOf(this.#clock.now()) > this.#folderDay) && this.#head >= this.#first) await this.#rotate()
      const environment = this.#environment
      await this.#store.commit(environment, () => {
        for (const { seq, blob } of prepared) void environment.put(seq, blob)
      })
      // Paired with the commit's own word: what a fresh reader would see is exactly what was written.
      const last = lastKey(environment)
      const count = countOf(environment)
      assert(last === this.#head + prepared.length && count === last - this.#first + 1, 'the commit is whole')
    } catch (thrown) {
      this.#checkNothingKept()
      if (this.#broken) throw stopped(thrown)
      throw unwritable('the log', thrown)
    }
  }

  /** A commit that failed must have left nothing; when that cannot be shown the writer takes nothing more. */
  #checkNothingKept(): void {
    try {
      const last = lastKey(this.#environment)
      if ((last === 0 ? this.#first - 1 : last) !== this.#head) this.#broken = true
    } catch {
      this.#broken = true
    }
  }

  async #rotate(): Promise<void> {
    const next = this.#folder + 1
    const first = this.#head + 1
    await this.#store.create(next, first)
    const finished = this.#environment
    this.#environment = this.#store.open(next, { readOnly: false })
    this.#folder = next
    this.#first = first
    this.#folderDay = this.#dayBegun()
    this.#folderBytes = this.#store.bytes(next)
    await finished.close()
  }

  #indexWhenDue(): void {
    const now = this.#clock.now()
    if (this.#indexing !== undefined) return
    // A clock that was set back is not waited for.
    const isRecent = now >= this.#indexedAt && now - this.#indexedAt < INDEX_EVERY_MS
    if (isRecent && this.#index.pending < INDEX_HASHES_MAX) return
    // A failure is not the appender's: memory keeps the hashes and the log has them too.
    void this.#flushIndex().catch(() => undefined)
  }

  async #flushIndex(): Promise<void> {
    await this.#indexing?.catch(() => undefined)
    this.#indexedAt = this.#clock.now()
    this.#indexing = this.#index.flush(dayOf(this.#indexedAt))
    try {
      await this.#indexing
    } finally {
      this.#indexing = undefined
    }
  }

  #dayBegun(): number {
    const measured = this.#store.measure?.(this.#folder)
    return measured === undefined ? Number.POSITIVE_INFINITY : dayOf(measured.begunAt)
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new BulkheadError('log_unwritable', 'the log is closed')
    if (this.#broken) throw stopped(undefined)
  }
}

function stopped(cause: unknown): LogStopped {
  return new LogStopped('log_unwritable', 'a write to the log failed in a way that leaves its end unknown', { cause })
}

function unwritable(what: string, thrown: unknown): BulkheadError {
  if (thrown instanceof BulkheadError) return thrown
  return new BulkheadError('log_unwritable', `${what} could not be written`, { cause: thrown })
}

/**
 * Which repeat hashes were appended in the last 7 days. The log is the truth and carries every hash itself; this index
 * only makes the question cheap. So it may lag: it is written some seconds behind the log, memory bridges the gap,
 * and on open whatever the log holds after `recorded` is read again.
 *
 * One tree answers with one look-up (hash → day). Beside it stand lists of the hashes of each day, so that expiry reads
 * those lists instead of searching the tree.
 */
import type { IndexTables } from './store.ts'

export const HASH_BYTES = 16
export const KEPT_DAYS = 7
const SLICE_HASHES = 4000
const EXPIRED_LISTS_MAX = 50

/**
 * In the order of the tree, so that hashes that share a page are written together: in the order of their arrival each of them
 * costs a page of its own. Sorted piece by piece, since to sort all at once would hold up the loop.
 */
function* slicesInOrder(hashes: readonly string[]): Generator<string[]> {
  const byFirstByte: string[][] = Array.from({ length: 256 }, () => [])
  for (const hash of hashes) byFirstByte[hash.charCodeAt(0)]?.push(hash)
  let slice: string[] = []
  for (const bucket of byFirstByte) {
    // Latin1: the order of the characters is that of the bytes.
    for (const hash of bucket.sort()) {
      slice.push(hash)
      if (slice.length < SLICE_HASHES) continue
      yield slice
      slice = []
    }
  }
  if (slice.length > 0) yield slice
}

export class DedupIndex {
  readonly #tables: IndexTables
  #pending = new Map<string, number>()
  #flushing = new Map<string, number>()
  #reached: number
  #recorded: number
  #serial: number

  constructor(tables: IndexTables) {
    this.#tables = tables
    const recorded = tables.root.get('recorded')
    this.#recorded = recorded === undefined ? 0 : Number(recorded.toString('latin1'))
    this.#reached = this.#recorded
    this.#serial = Number(tables.root.get('serial')?.toString('latin1') ?? 0)
  }

  /** Entries up to this number are in the index durably. */
  get recorded(): number {
    return this.#recorded
  }

  get pending(): number {
    return this.#pending.size + this.#flushing.size
  }

  /** Whether the hash (16 bytes, as latin1 text) was appended on `day` or in the 7 days before. */
  has(hash: string, bytes: Buffer, day: number): boolean {
    const seen = this.#pending.get(hash) ?? this.#flushing.get(hash) ?? this.#stored(bytes)
    return seen !== undefined && day - seen <= KEPT_DAYS
  }

  add(hash: string, day: number): void {
    this.#pending.set(hash, day)
  }

  /** Every hash of the entries up to `seq` has been given to `add`. */
  advance(seq: number): void {
    this.#reached = seq
  }

  /** Writes what is pending, in slices so that no single commit holds up the loop, and expires whole lists. */
  async flush(today: number): Promise<void> {
    const reached = this.#reached
    this.#flushing = this.#pending
    this.#pending = new Map()
    try {
      const byDay = new Map<number, string[]>()
      for (const [hash, day] of this.#flushing) {
        const list = byDay.get(day)
        if (list === undefined) byDay.set(day, [hash])
        else list.push(hash)
      }
      for (const [day, hashes] of byDay) {
        for (const slice of slicesInOrder(hashes)) await this.#write(day, slice)
      }
      await this.#expire(today)
      if (reached > this.#recorded) {
        await this.#tables.commit(() => void this.#tables.root.put('recorded', Buffer.from(String(reached), 'latin1')))
      }
      this.#recorded = Math.max(this.#recorded, reached)
      this.#flushing = new Map()
    } catch (thrown) {
      // Kept in memory for the next try; newer days win.
      for (const [hash, day] of this.#pending) this.#flushing.set(hash, day)
      this.#pending = this.#flushing
      this.#flushing = new Map()
      throw thrown
    }
  }

  async close(): Promise<void> {
    await this.#tables.close()
  }

  #stored(bytes: Buffer): number | undefined {
    const value = this.#tables.days.getBinaryFast(bytes)
    return value === undefined ? undefined : value.readUInt32BE(0)
  }

  async #write(day: number, hashes: string[]): Promise<void> {
    const serial = ++this.#serial
    const value = Buffer.alloc(4)
    value.writeUInt32BE(day)
    const list = Buffer.from(hashes.join(''), 'latin1')
    await this.#tables.commit(() => {
      for (let at = 0; at < list.length; at += HASH_BYTES) void this.#tables.days.put(list.subarray(at, at + HASH_BYTES), value)
      void this.#tables.lists.put([day, serial], list)
      void this.#tables.root.put('serial', Buffer.from(String(serial), 'latin1'))
    })
  }

  async #expire(today: number): Promise<void> {
    for (let lists = 0; lists < EXPIRED_LISTS_MAX; lists++) {
      const oldest = [...this.#tables.lists.getRange({ limit: 1 })][0]
      if (oldest === undefined || today - oldest.key[0] <= KEPT_DAYS) return
      const [day] = oldest.key
      await this.#tables.commit(() => {
        for (let at = 0; at < oldest.value.length; at += HASH_BYTES) {
          const hash = oldest.value.subarray(at, at + HASH_BYTES)
          // A hash that was seen again later belongs to the later day's list.
          if (this.#stored(hash) === day) void this.#tables.days.remove(hash)
        }
        void this.#tables.lists.remove(oldest.key)
      })
    }
  }
}

/**
 * Simulated LMDB environments and what can go wrong with them: commits are whole or not there, end in the order of the calls,
 * are seen by nobody before they are durable, fail on a full disk, and sometimes fail although they are kept.
 */
import { BulkheadError } from '#base/errors.ts'
import type { Table } from '#base/table.ts'
import type { Random } from './random.ts'
import type { Life, Scheduler } from './scheduler.ts'

export interface DiskFaults {
  /** Every write fails and keeps nothing, but for those that find space that was given back. */
  full: boolean
  room: number
  /** Flushes take so many times as long. */
  slowness: number
  /** Share of commits that fail with nothing kept, and of those that fail although they are on disk. */
  failing: number
  unclear: number
}

export const SOUND: Readonly<DiskFaults> = { full: false, room: 0, slowness: 1, failing: 0, unclear: 0 }

export class DiskError extends Error {
  readonly code: 'ENOSPC' | 'EIO'

  constructor(code: 'ENOSPC' | 'EIO') {
    super(`${code}: simulated`)
    this.code = code
    this.name = 'DiskError'
  }
}

type Key = number | string | Buffer | readonly number[]

function compareKeys(a: Key, b: Key): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return Buffer.compare(a, b)
  if (Array.isArray(a) && Array.isArray(b)) return a[0] - b[0] || a[1] - b[1]
  return a < b ? -1 : a > b ? 1 : 0
}

interface Row<Value, RowKey> {
  key: RowKey
  value: Value
}

/** What one commit does to the tables. */
type Change = () => void

export class SimTable<Value, RowKey extends Key> implements Table<Value, RowKey> {
  readonly #rows: Row<Value, RowKey>[] = []
  readonly #changes: () => Change[]

  constructor(changes: () => Change[]) {
    this.#changes = changes
  }

  get(key: RowKey): Value | undefined {
    const { at, found } = this.#find(key)
    return found ? this.#rows[at]?.value : undefined
  }

  getBinaryFast(key: RowKey): Value | undefined {
    return this.get(key)
  }

  getRange({ start, limit, reverse }: { start?: RowKey; limit?: number; reverse?: boolean }): Row<Value, RowKey>[] {
    if (reverse) return this.#rows.slice(limit === undefined ? 0 : -limit).reverse()
    const from = start === undefined ? 0 : this.#find(start).at
    return this.#rows.slice(from, limit === undefined ? undefined : from + limit)
  }

  getKeys(options: { limit?: number; reverse?: boolean } = {}): RowKey[] {
    return this.getRange(options).map(({ key }) => key)
  }

  getStats(): { entryCount: number } {
    return { entryCount: this.#rows.length }
  }

  put(key: RowKey, value: Value): void {
    const kept = Buffer.isBuffer(value) ? (Buffer.from(value) as Value) : structuredClone(value)
    const keptKey = Buffer.isBuffer(key) ? (Buffer.from(key) as RowKey) : key
    this.#changes().push(() => {
      const { at, found } = this.#find(keptKey)
      this.#rows.splice(at, found ? 1 : 0, { key: keptKey, value: kept })
    })
  }

  remove(key: RowKey): void {
    const keptKey = Buffer.isBuffer(key) ? (Buffer.from(key) as RowKey) : key
    this.#changes().push(() => {
      const { at, found } = this.#find(keptKey)
      if (found) this.#rows.splice(at, 1)
    })
  }

  #find(key: RowKey): { at: number; found: boolean } {
    let low = 0
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >> 1
      const order = compareKeys((this.#rows[middle] as Row<Value, RowKey>).key, key)
      if (order === 0) return { at: middle, found: true }
      if (order < 0) low = middle + 1
      else high = middle
    }
    return { at: low, found: false }
  }
}

interface PendingCommit {
  life: Life
  changes: Change[]
  settle: () => void
  fail: (error: Error) => void
}

/** One environment: it outlives those who write it. */
export class SimEnvironment {
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #name: string
  readonly #faults: () => DiskFaults
  #collecting: Change[] | undefined
  #pending: PendingCommit[] = []
  /** Called after each commit that is durable. */
  onDurable: () => void = () => undefined

  constructor(options: { scheduler: Scheduler; random: Random; name: string; faults: () => DiskFaults }) {
    this.#scheduler = options.scheduler
    this.#random = options.random
    this.#name = options.name
    this.#faults = options.faults
  }

  table<Value, RowKey extends Key>(): SimTable<Value, RowKey> {
    return new SimTable(() => {
      if (this.#collecting === undefined) throw new Error('a write outside of a commit')
      return this.#collecting
    })
  }

  commit(life: Life, write: () => void): Promise<void> {
    const changes: Change[] = []
    this.#collecting = changes
    try {
      write()
    } finally {
      this.#collecting = undefined
    }
    return new Promise((settle, fail) => {
      if (!life.alive) return
      this.#pending.push({ life, changes, settle, fail })
      // As LMDB gathers: what is called while a flush runs waits for the next one.
      if (this.#pending.length === 1) this.#flushNext()
    })
  }

  /** A crash or a power cut: commits under way are there, up to some point, or not. */
  crash(life: Life): void {
    const lost = this.#pending.filter((commit) => commit.life === life)
    this.#pending = this.#pending.filter((commit) => commit.life !== life)
    const kept = this.#random.whole(0, lost.length)
    for (const commit of lost.slice(0, kept)) this.#apply(commit)
    if (lost.length > 0) this.#scheduler.note(`${this.#name}: crash keeps ${kept} of ${lost.length} commits under way`)
    if (this.#pending.length > 0) this.#flushNext()
  }

  #flushNext(): void {
    const first = this.#pending[0]
    if (first === undefined) return
    const delay = this.#random.delay(0.4) * this.#faults().slowness
    this.#scheduler.at(first.life, delay, `${this.#name} flushes`, () => this.#flush())
  }

  #flush(): void {
    const commit = this.#pending.shift()
    if (commit === undefined) return
    const faults = this.#faults()
    const isFull = faults.full && faults.room-- <= 0
    if (isFull || this.#random.chance(faults.failing)) {
      this.#scheduler.note(`${this.#name}: commit fails`)
      commit.fail(new DiskError(isFull ? 'ENOSPC' : 'EIO'))
    } else {
      this.#apply(commit)
      if (this.#random.chance(faults.unclear)) {
        this.#scheduler.note(`${this.#name}: commit is kept and fails`)
        commit.fail(new DiskError('EIO'))
      } else commit.settle()
    }
    this.#flushNext()
  }

  #apply(commit: PendingCommit): void {
    for (const change of commit.changes) change()
    this.onDurable()
  }
}

/** As the driver would: a closed or full place is an error of the disk, not of the program. */
export function refuseWhenFull(faults: DiskFaults): void {
  if (faults.full) throw new DiskError('ENOSPC')
}

export function corruptFolder(number: number): BulkheadError {
  return new BulkheadError('log_corrupt', `log folder ${number}: it is not there`)
}

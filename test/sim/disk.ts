/** The simulated disk: drivers for the storage ports of log and ledger. What is durable outlives every process. */
import type { Reserve } from '#base/reserve.ts'
import type { LedgerStore } from '#ledger/store.ts'
import type { Folder, LogReadStore, LogStore, WaitingStore } from '#log/store.ts'
import type { WaitingPlace } from '#log/waiting-file.ts'
import type { Random } from './random.ts'
import type { Life, Scheduler } from './scheduler.ts'
import { corruptFolder, DiskError, type DiskFaults, refuseWhenFull, SimEnvironment, type SimTable, SOUND } from './tables.ts'

interface LogFolder {
  first: number
  begunAt: number
  environment: SimEnvironment
  entries: SimTable<Buffer, number>
  bytes: number
}

/** An empty environment has two meta pages. */
const EMPTY_BYTES = 8192
const RESERVE_PARTS = 8
const REFILL_MS = 1000

export class SimDisk {
  readonly #scheduler: Scheduler
  readonly #random: Random
  /** Of log and waiting files, and of the ledger: they may lie on different disks. */
  readonly logFaults: DiskFaults = { ...SOUND }
  readonly ledgerFaults: DiskFaults = { ...SOUND }
  readonly #folders = new Map<number, LogFolder>()
  readonly #index: SimEnvironment
  readonly #indexRoot: SimTable<Buffer, string>
  readonly #indexDays: SimTable<Buffer, Buffer>
  readonly #indexLists: SimTable<Buffer, [day: number, serial: number]>
  readonly #ledger: SimEnvironment
  readonly #entries: SimTable<Buffer, number>
  readonly #open: SimTable<boolean, number>
  readonly #state: SimTable<unknown, string>
  /** Waiting files by folder: bytes that are durable, and where blobs begin. */
  readonly #waiting = new Map<number, { bytes: number; blobs: Map<number, Buffer> }>()

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler
    this.#random = random
    this.#index = this.#environment('index', this.logFaults)
    this.#indexRoot = this.#index.table()
    this.#indexDays = this.#index.table()
    this.#indexLists = this.#index.table()
    this.#ledger = this.#environment('ledger', this.ledgerFaults)
    this.#entries = this.#ledger.table()
    this.#open = this.#ledger.table()
    this.#state = this.#ledger.table()
  }

  /** What is durable in the ledger, for those who check it. */
  get ledger(): Pick<LedgerStore, 'entries' | 'open' | 'state'> {
    return { entries: this.#entries, open: this.#open, state: this.#state }
  }

  onLedgerDurable(check: () => void): void {
    this.#ledger.onDurable = check
  }

  readWaiting({ folder, offset, length }: WaitingPlace): Buffer | undefined {
    const blob = this.#waiting.get(folder)?.blobs.get(offset)
    return blob?.length === length ? blob : undefined
  }

  crash(life: Life): void {
    for (const folder of this.#folders.values()) folder.environment.crash(life)
    this.#index.crash(life)
    this.#ledger.crash(life)
  }

  ledgerStore(life: Life): LedgerStore {
    return {
      commit: (write) => this.#ledger.commit(life, write),
      entries: this.#entries,
      open: this.#open,
      state: this.#state,
      refresh: () => undefined,
      close: async () => undefined,
    }
  }

  /** Space of the ledger's disk that is set aside, as `openReserve` keeps it. */
  reserve(life: Life): Reserve {
    const faults = this.ledgerFaults
    let parts = RESERVE_PARTS
    const refill = (): boolean => {
      if (!faults.full) parts = RESERVE_PARTS
      return parts === RESERVE_PARTS
    }
    return {
      get whole() {
        return refill()
      },
      room: (write) => write(),
      release: () => {
        if (parts === 0) return false
        parts--
        // Others take of it what they can.
        faults.room = this.#random.whole(0, 3)
        return true
      },
      refilled: async () => {
        while (!refill()) await this.#scheduler.wait(life, REFILL_MS, 'the reserve is looked at')
      },
      close: () => undefined,
    }
  }

  logReadStore(): LogReadStore {
    return {
      list: () => [...this.#folders.keys()].sort((a, b) => a - b),
      exists: (number) => this.#folders.has(number),
      first: (number) => this.#folder(number).first,
      open: (number) => this.#openFolder(number),
    }
  }

  logStore(life: Life): LogStore {
    return {
      ...this.logReadStore(),
      prepare: () => undefined,
      create: async (number, first) => {
        refuseWhenFull(this.logFaults)
        await this.#scheduler.wait(life, this.#random.delay(1), `log folder ${number} is made`)
        refuseWhenFull(this.logFaults)
        const begunAt = this.#scheduler.wallClock()
        const environment = this.#environment(`log ${number}`, this.logFaults)
        this.#folders.set(number, { first, begunAt, environment, entries: environment.table(), bytes: EMPTY_BYTES })
        // Renamed, and perhaps not yet known to be: a crash here leaves it.
        await this.#scheduler.wait(life, this.#random.delay(0.5), `log folder ${number} is synced`)
      },
      drop: (number) => {
        this.#scheduler.note(`log folder ${number} is dropped`)
        this.#folders.delete(number)
      },
      bytes: (number) => this.#folders.get(number)?.bytes ?? 0,
      // For the writer alone: no folder is given up to the simulated warehouse, which keeps counts and not rows.
      measure: (number) => {
        const { begunAt, bytes } = this.#folder(number)
        return { bytes, begunAt, writtenAt: begunAt }
      },
      commit: (folder, write) => (folder as SimFolder).environment.commit(life, write),
      openIndex: () => ({
        root: this.#indexRoot,
        days: this.#indexDays,
        lists: this.#indexLists,
        commit: (write) => this.#index.commit(life, write),
        close: async () => undefined,
      }),
      waiting: () => this.#waitingStore(life),
    }
  }

  #waitingStore(life: Life): WaitingStore {
    return {
      append: async (folder, blobs) => {
        const file = this.#waiting.get(folder) ?? { bytes: 0, blobs: new Map<number, Buffer>() }
        this.#waiting.set(folder, file)
        const places: WaitingPlace[] = []
        const begin = file.bytes
        let end = begin
        for (const blob of blobs) {
          places.push({ folder, offset: end, length: blob.length })
          end += blob.length
        }
        // Not synced yet: whatever ends the call here leaves any number of the bytes, and no whole blob counts.
        file.bytes = begin + this.#random.whole(0, end - begin)
        await this.#scheduler.wait(life, this.#random.delay(0.3) * this.logFaults.slowness, 'waiting file is synced')
        refuseWhenFull(this.logFaults)
        if (this.#random.chance(this.logFaults.failing)) throw new DiskError('EIO')
        file.bytes = end
        blobs.forEach((blob, at) => void file.blobs.set((places[at] as WaitingPlace).offset, Buffer.from(blob)))
        return places
      },
      close: async () => undefined,
    }
  }

  #openFolder(number: number): SimFolder {
    const { environment, entries } = this.#folder(number)
    return {
      environment,
      get: (key) => entries.get(key),
      getRange: (range) => entries.getRange(range),
      getKeys: (range) => entries.getKeys(range),
      getStats: () => entries.getStats(),
      put: (key, value) => {
        this.#folder(number).bytes += value.length
        entries.put(key, value)
      },
      remove: (key) => entries.remove(key),
      resetReadTxn: () => undefined,
      close: async () => undefined,
    }
  }

  #folder(number: number): LogFolder {
    const folder = this.#folders.get(number)
    if (folder === undefined) throw corruptFolder(number)
    return folder
  }

  #environment(name: string, faults: DiskFaults): SimEnvironment {
    return new SimEnvironment({ scheduler: this.#scheduler, random: this.#random, name, faults: () => faults })
  }
}

type SimFolder = Folder & { environment: SimEnvironment }

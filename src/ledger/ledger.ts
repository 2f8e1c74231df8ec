/**
 * The one writer of the ledger. Numbers are given in the order of calls, without gaps; calls of one turn of the event
 * loop share a commit, and each returns after its commit is on disk. A failed write leaves numbers that others may
 * have counted on, so after one the ledger refuses every further write: the process must start again from the file. A
 * disk that is full is no failure but a wait (`full-disk.ts`).
 */
import type { Clock } from '#base/clock.ts'
import { assert, BulkheadError } from '#base/errors.ts'
import type { Reserve } from '#base/reserve.ts'
import { LEDGER_ENTRY_VERSION } from '#model/disclosure.ts'
import type { Gap, Intent, LedgerEntry, LogPosition, Outcome } from '#model/disclosure.ts'
import { corrupt } from './entry-codec.ts'
import { encodeChecked, intentOf } from './new-entry.ts'
import type { HeldRange, IntentDraft, Ledger, LoadPlan, OutcomeDraft } from './port.ts'
import { comparePositions } from './position.ts'
import { withReserve } from './full-disk.ts'
import {
  LEDGER_FORMAT,
  type LedgerStore,
  lastEntry,
  openStore,
  readEntry,
  readGaps,
  readHeld,
  readLoadCursor,
  readOpenIntents,
  readPosition,
  readUnsent,
  unsentKey,
} from './store.ts'

export async function openLedger(options: { dir: string; clock: Clock; reserve?: Reserve }): Promise<Ledger> {
  const { dir, clock, reserve } = options
  const store = openStore(dir, false)
  return openLedgerOn({ store: reserve === undefined ? store : withReserve(store, reserve, clock), clock, reserve })
}

export async function openLedgerOn(options: { store: LedgerStore; clock: Clock; reserve?: Reserve | undefined }): Promise<Ledger> {
  const { store, clock, reserve } = options
  const ledger = new StoredLedger(store, clock, reserve)
  // Not written anew each time: a start must not need space.
  if (store.state.get('format') !== LEDGER_FORMAT) await store.commit(() => void store.state.put('format', LEDGER_FORMAT))
  return ledger
}

/** A write failed, or the ledger is closed: nothing more is taken until it is opened again. */
export class LedgerStopped extends BulkheadError {}

class StoredLedger implements Ledger {
  readonly #store: LedgerStore
  readonly #clock: Clock
  readonly #reserve: Reserve | undefined
  /** Last number on disk, and last number given to a write that may still be under way. */
  #head: number
  #given: number
  /** Intents without an outcome, by number; an intent stays here until its outcome is on disk. */
  readonly #open = new Map<number, Intent>()
  /** Intents whose outcome is being written: a second outcome for one is a broken promise. */
  readonly #closing = new Set<number>()
  /** What has been handed to a write; what others may act on is read from the file, so it is on disk. */
  readonly #cursors = new Map<string, LogPosition>()
  readonly #reached = new Map<string, LogPosition>()
  readonly #counts = new Map<string, Record<string, number>>()
  #turn: Promise<void> = Promise.resolve()
  #failure: LedgerStopped | undefined

  constructor(store: LedgerStore, clock: Clock, reserve: Reserve | undefined) {
    this.#store = store
    this.#clock = clock
    this.#reserve = reserve
    this.#head = lastEntry(store)
    this.#given = this.#head
    for (const intent of readOpenIntents(store)) this.#open.set(intent.entry, intent)
  }

  get head(): number {
    return this.#head
  }

  nextEntry(): number {
    return this.#given + 1
  }

  async appendIntents(drafts: readonly (IntentDraft & { entry: number; manifest: string })[]): Promise<Intent[]> {
    await this.#reserve?.refilled()
    const { committed } = await this.#exclusive(() => {
      for (const [index, draft] of drafts.entries()) {
        assert(draft.entry === this.#given + 1 + index, 'an intent has another number than its manifest was sealed under')
      }
      return this.#writeIntents(
        drafts,
        drafts.map((draft) => draft.manifest),
      )
    })
    return committed
  }

  async appendSealed(drafts: readonly IntentDraft[], seal: (entries: readonly number[]) => Promise<readonly string[]>): Promise<Intent[]> {
    // What begins something new leaves the reserve to what ends what was begun.
    await this.#reserve?.refilled()
    const { committed } = await this.#exclusive(async () => {
      const manifests = await seal(drafts.map((_, index) => this.#given + 1 + index))
      assert(manifests.length === drafts.length, 'every intent needs a sealed manifest')
      return this.#writeIntents(drafts, manifests)
    })
    return committed
  }

  async appendOutcomes(
    drafts: readonly OutcomeDraft[],
    cursor?: { destination: string; position: LogPosition },
    counts: Record<string, number> = {},
  ): Promise<Outcome[]> {
    const destination = cursor?.destination ?? this.#open.get(drafts[0]?.intent ?? 0)?.destination
    const { committed } = await this.#exclusive(() => {
      const named = new Set(drafts.map((draft) => draft.intent))
      assert(named.size === drafts.length, 'an intent is closed twice in one call')
      for (const intent of named) {
        assert(this.#open.has(intent) && !this.#closing.has(intent), `intent ${intent} is not open`)
      }
      if (cursor !== undefined) this.#assertForward(cursor.destination, cursor.position)
      const at = this.#clock.now()
      const outcomes = drafts.map(
        (draft, index): Outcome => ({
          type: 'outcome',
          version: LEDGER_ENTRY_VERSION,
          entry: this.#given + 1 + index,
          at,
          intent: draft.intent,
          state: draft.state,
          attempts: draft.attempts,
          status: draft.status,
          refused: draft.refused.map(({ reason, count }) => ({ reason, count })),
        }),
      )
      const encoded = outcomes.map(encodeChecked)
      this.#given += outcomes.length
      for (const intent of named) this.#closing.add(intent)
      const sum = destination === undefined ? undefined : this.#sumOf(destination, counts)
      return {
        committed: this.#write(() => {
          for (const [index, outcome] of outcomes.entries()) {
            void this.#store.entries.put(outcome.entry, encoded[index] as Buffer)
            void this.#store.open.remove(outcome.intent)
          }
          if (cursor !== undefined) this.#putPosition('cursor', cursor.destination, cursor.position)
          if (destination !== undefined) this.#putCounts(destination, sum)
        }).then(() => {
          for (const intent of named) {
            this.#open.delete(intent)
            this.#closing.delete(intent)
          }
          this.#head = outcomes.at(-1)?.entry ?? this.#head
          return outcomes
        }),
      }
    })
    return committed
  }

  async moveCursor(destination: string, position: LogPosition, counts: Record<string, number> = {}): Promise<void> {
    const { committed } = await this.#exclusive(() => {
      this.#assertForward(destination, position)
      const sum = this.#sumOf(destination, counts)
      return {
        committed: this.#write(() => {
          this.#putPosition('cursor', destination, position)
          this.#putCounts(destination, sum)
        }),
      }
    })
    await committed
  }

  async beginCursor(destination: string, position: LogPosition): Promise<void> {
    if (this.#store.state.get(`cursor/${destination}`) === undefined) await this.moveCursor(destination, position)
  }

  cursor(destination: string): LogPosition {
    return readPosition(this.#store, `cursor/${destination}`)
  }

  held(destination: string): HeldRange[] {
    return readHeld(this.#store, destination)
  }

  async hold(destination: string, ranges: readonly HeldRange[]): Promise<void> {
    for (const [index, { from, to }] of ranges.entries()) {
      assert(from < to && from >= (ranges[index - 1]?.to ?? 1), 'held ranges ascend and do not overlap')
    }
    await this.#write(() => void this.#store.state.put(`held/${destination}`, ranges))
  }

  reached(destination: string): LogPosition {
    return readPosition(this.#store, `reached/${destination}`)
  }

  openIntents(destination?: string): Intent[] {
    const intents = [...this.#open.values()]
    return destination === undefined ? intents : intents.filter((intent) => intent.destination === destination)
  }

  read(from: number, limit: number): LedgerEntry[] {
    const entries: LedgerEntry[] = []
    for (let number = Math.max(from, 1); number <= this.#head && entries.length < limit; number++) {
      const entry = this.entry(number)
      if (entry === undefined) throw corrupt(number, 'is missing')
      entries.push(entry)
    }
    return entries
  }

  entry(number: number): LedgerEntry | undefined {
    return number > this.#head ? undefined : readEntry(this.#store, number)
  }

  consent(ordinal: number): unknown {
    return this.#store.state.get(`consent/${ordinal}`)
  }

  hasConsents(): boolean {
    for (const { key } of this.#store.state.getRange({ start: 'consent/', limit: 1 })) return key.startsWith('consent/')
    return false
  }

  consentCursor(): number {
    const value = this.#store.state.get('consents') ?? 1
    if (!Number.isSafeInteger(value)) throw new BulkheadError('ledger_corrupt', 'the cursor of consent in the ledger is malformed')
    return value as number
  }

  async saveConsents(said: readonly (readonly [ordinal: number, packed: unknown])[], cursor: number): Promise<void> {
    assert(cursor >= this.consentCursor(), 'the cursor of consent never moves backwards')
    await this.#write(() => {
      for (const [ordinal, packed] of said) {
        if (packed === undefined) void this.#store.state.remove(`consent/${ordinal}`)
        else void this.#store.state.put(`consent/${ordinal}`, packed)
      }
      void this.#store.state.put('consents', cursor)
    })
  }

  loadCursor(table: LoadPlan['table']): number {
    return readLoadCursor(this.#store, table)
  }

  plan(table: LoadPlan['table']): LoadPlan | undefined {
    return this.#store.state.get(`plan/${table}`) as LoadPlan | undefined
  }

  async savePlan(plan: LoadPlan): Promise<void> {
    assert(plan.from >= this.loadCursor(plan.table) && plan.to >= plan.from, 'a plan starts at the load cursor or behind it')
    const { table, from, to, token } = plan
    await this.#reserve?.refilled()
    await this.#write(() => void this.#store.state.put(`plan/${table}`, { table, from, to, token }))
  }

  async finishPlan(plan: LoadPlan): Promise<void> {
    assert(plan.to >= this.loadCursor(plan.table), 'a load cursor never moves backwards')
    await this.#write(() => {
      void this.#store.state.remove(`plan/${plan.table}`)
      void this.#store.state.put(`load/${plan.table}`, plan.to)
    })
  }

  async reload(table: LoadPlan['table'], from: number): Promise<void> {
    assert(from >= 1 && from <= this.loadCursor(table), 'only what was loaded is loaded again')
    await this.#write(() => {
      void this.#store.state.remove(`plan/${table}`)
      void this.#store.state.put(`load/${table}`, from)
    })
  }

  async count(destination: string, counts: Record<string, number>): Promise<void> {
    const sum = this.#sumOf(destination, counts)
    await this.#write(() => this.#putCounts(destination, sum))
  }

  counts(destination: string): Record<string, number> {
    return { ...(this.#store.state.get(`counts/${destination}`) as Record<string, number> | undefined) }
  }

  gaps(): Gap[] {
    return readGaps(this.#store)
  }

  async saveUnsent(intents: readonly number[]): Promise<void> {
    await this.#write(() => {
      for (const intent of intents) void this.#store.state.put(unsentKey(intent), true)
    })
  }

  unsent(): number[] {
    return readUnsent(this.#store)
  }

  async close(): Promise<void> {
    await this.#turn
    this.#failure ??= new LedgerStopped('not_running', 'the ledger is closed')
    await this.#store.close()
  }

  /** One caller at a time between taking a number and handing the write over; not until the write is on disk. */
  async #exclusive<T>(section: () => T | Promise<T>): Promise<T> {
    const before = this.#turn
    let release: () => void = () => undefined
    this.#turn = new Promise((resolve) => {
      release = resolve
    })
    await before
    try {
      return await section()
    } finally {
      release()
    }
  }

  /** All puts of `puts` in one commit. `puts` must not throw (LMDB would commit what came before it), and it may run again. */
  async #write(puts: () => void): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      await this.#store.commit(puts)
    } catch (cause) {
      this.#failure ??= new LedgerStopped('internal', 'a write to the ledger failed; it takes no more until it is opened again', { cause })
      throw this.#failure
    }
  }

  #writeIntents(drafts: readonly IntentDraft[], manifests: readonly string[]): { committed: Promise<Intent[]> } {
    const at = this.#clock.now()
    const intents = drafts.map((draft, index) => intentOf(draft, this.#given + 1 + index, at, manifests[index] as string))
    const encoded = intents.map(encodeChecked)
    this.#given += intents.length
    for (const { destination, to } of intents) {
      const reached = this.#reached.get(destination) ?? this.reached(destination)
      this.#reached.set(destination, comparePositions(to, reached) > 0 ? to : reached)
    }
    const reached = [...new Set(intents.map(({ destination }) => destination))].map(
      (destination) => [destination, this.#reached.get(destination) as LogPosition] as const,
    )
    const committed = this.#write(() => {
      for (const [index, intent] of intents.entries()) {
        void this.#store.entries.put(intent.entry, encoded[index] as Buffer)
        void this.#store.open.put(intent.entry, true)
      }
      for (const [destination, position] of reached) this.#putPosition('reached', destination, position)
    }).then(() => {
      for (const intent of intents) this.#open.set(intent.entry, intent)
      this.#head = intents.at(-1)?.entry ?? this.#head
      return intents
    })
    return { committed }
  }

  #putPosition(kind: 'cursor' | 'reached', destination: string, { seq, index }: LogPosition): void {
    ;(kind === 'cursor' ? this.#cursors : this.#reached).set(destination, { seq, index })
    void this.#store.state.put(`${kind}/${destination}`, [seq, index])
  }

  /** What the counts come to with these added; undefined when they add nothing. */
  #sumOf(destination: string, counts: Record<string, number>): Record<string, number> | undefined {
    const added = Object.entries(counts).filter(([, count]) => count !== 0)
    if (added.length === 0) return undefined
    const sum = { ...(this.#counts.get(destination) ?? this.counts(destination)) }
    for (const [reason, count] of added) sum[reason] = (sum[reason] ?? 0) + count
    this.#counts.set(destination, sum)
    return sum
  }

  #putCounts(destination: string, sum: Record<string, number> | undefined): void {
    if (sum !== undefined) void this.#store.state.put(`counts/${destination}`, sum)
  }

  #assertForward(destination: string, position: LogPosition): void {
    const now = this.#cursors.get(destination) ?? this.cursor(destination)
    assert(comparePositions(position, now) >= 0, `the cursor of ${destination} never moves backwards`)
  }
}

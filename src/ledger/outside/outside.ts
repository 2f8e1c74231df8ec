/**
 * Holds the ledger's checkpoints in places outside: once a day, and when asked, each place is shown that our tree goes on from
 * what it holds, and gets the newest checkpoint. A place that fails is tried again, less and less often; the others go on.
 */
import { type Clock, DAY_MS } from '#base/clock.ts'
import { openCheckpoint } from '#ledger/checkpoint.ts'
import { assertExtends, assertGoesOnFrom, ForkFound, named, type OwnTree, type Place, PlaceRefused } from './place.ts'
import { type PlaceState, readState, writeState } from './state.ts'

const RETRY_FIRST_MS = 60_000
const RETRY_LAST_MS = 6 * 3_600_000
const LOOK_EVERY_MS = 5_000

export interface OutsidePorts {
  /** Undefined while the ledger has no checkpoint yet. */
  ownTree(): Promise<OwnTree | undefined>
  clock: Clock
  /** In [0, 1). */
  random(): number
  /** A failure that is none of a place's. */
  onFailure(place: string, thrown: unknown): void
}

export interface OutsideOptions extends OutsidePorts {
  places: readonly Place[]
  /** Folder of the states. */
  dir: string
}

export class Outside {
  readonly #options: OutsideOptions
  readonly #states: Map<string, PlaceState>
  /** Rounds of one place never overlap. */
  readonly #running = new Map<string, Promise<PlaceState>>()

  constructor(options: OutsideOptions) {
    this.#options = options
    this.#states = new Map(options.places.map((place) => [place.id, readState(options.dir, place, options.clock.now())]))
  }

  status(): PlaceState[] {
    return [...this.#states.values()]
  }

  async run(signal: AbortSignal): Promise<void> {
    const { places, clock } = this.#options
    while (places.length > 0 && !signal.aborted) {
      // Nobody waits for a place that is slow to answer.
      for (const place of places.filter((each) => this.#isDue(each))) void this.#round(place, signal)
      await clock.sleep(LOOK_EVERY_MS, signal)
    }
    await Promise.all(this.#running.values())
  }

  /** One round with every place now, whatever the time. */
  async send(signal: AbortSignal): Promise<PlaceState[]> {
    await Promise.all(this.#options.places.map((place) => this.#round(place, signal)))
    return this.status()
  }

  #isDue({ id }: Place): boolean {
    const state = this.#stateOf(id)
    const now = this.#options.clock.now()
    // A clock that was set back must not keep a place waiting for longer than a day.
    return now >= state.nextAt || state.nextAt - now > DAY_MS
  }

  #stateOf(id: string): PlaceState {
    const state = this.#states.get(id)
    if (state === undefined) throw new Error(`no place ${id}`)
    return state
  }

  #round(place: Place, signal: AbortSignal): Promise<PlaceState> {
    const running = this.#running.get(place.id)
    if (running !== undefined) return running
    const round = this.#roundOnce(place, signal).finally(() => this.#running.delete(place.id))
    this.#running.set(place.id, round)
    return round
  }

  async #roundOnce(place: Place, signal: AbortSignal): Promise<PlaceState> {
    const before = this.#stateOf(place.id)
    try {
      const own = await this.#options.ownTree()
      if (own === undefined) return before
      return this.#keep(await this.#deliver(place, own, signal))
    } catch (thrown) {
      if (signal.aborted) return before
      return this.#keep(this.#failed(before, thrown))
    }
  }

  async #deliver(place: Place, own: OwnTree, signal: AbortSignal): Promise<PlaceState> {
    const { clock } = this.#options
    const before = this.#stateOf(place.id)
    // What we know it to have taken counts as much as what it shows: it may have lost it.
    if (before.taken !== undefined) assertExtends(before.taken.note, own)
    const held = await place.held?.(own.newest.origin, signal)
    const shown = held === undefined ? undefined : assertExtends(held, own)
    const isThere = held !== undefined && shown?.origin === own.newest.origin && shown.size === own.newest.size
    const size = before.taken?.origin === own.newest.origin ? before.taken.size : 0
    const note = isThere ? held : await place.put(own, { size: place.held === undefined ? size : Math.max(size, shown?.size ?? 0) }, signal)
    // Paired with what was put: the place gives back our checkpoint, whatever it has added.
    assertGoesOnFrom(openCheckpoint(note, own.verifiers), own)
    const at = clock.now()
    const taken = { ...named(own.newest), note }
    return { ...before, takenAt: at, taken, failures: 0, fault: undefined, fork: undefined, nextAt: at + DAY_MS }
  }

  #failed(before: PlaceState, thrown: unknown): PlaceState {
    const { clock, random, onFailure } = this.#options
    const at = clock.now()
    const failures = before.failures + 1
    const delay = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(20, failures - 1))
    const nextAt = Math.ceil(at + delay * (0.75 + random() / 2))
    if (thrown instanceof ForkFound) {
      const { what, theirs, ours } = thrown
      // The first time is the one that matters.
      const since = before.fork?.what === what ? before.fork.at : at
      return { ...before, failures, nextAt, fork: { what, theirs, ours, at: since } }
    }
    if (thrown instanceof PlaceRefused) return { ...before, failures, nextAt, fault: { code: thrown.code, message: thrown.message, at } }
    onFailure(before.id, thrown)
    return { ...before, failures, nextAt, fault: { code: 'internal', message: 'a defect of this program: see its diagnostics', at } }
  }

  #keep(state: PlaceState): PlaceState {
    this.#states.set(state.id, state)
    try {
      writeState(this.#options.dir, state)
    } catch (thrown) {
      // A full disk, say: the next start asks the place anew.
      this.#options.onFailure(state.id, thrown)
    }
    return state
  }
}

/**
 * How long the time of day has run as time does. What is destroyed by date must not be destroyed because somebody set the
 * clock: a date counts once it has been reached by waiting, and for a day after the clock was last seen to jump.
 */
import type { Clock } from '#base/clock.ts'

export interface SeenClock {
  /** Time of day at the last look. */
  at: number
  /** Time of day since which no jump was seen. */
  since: number
}

/** Between two looks of one process, the two clocks may part by so much: looks are an hour apart. */
const DRIFT_MS_MAX = 600_000
/** A Bulkhead that was off for longer than this cannot tell its absence from a jump. */
const ABSENCE_MS_MAX = 86_400_000

export class SteadyClock {
  readonly #store: { read(): SeenClock | undefined; write(seen: SeenClock): void }
  readonly #clock: Clock
  readonly #monotonic: () => number
  #lastLook: number | undefined

  /** `monotonic`: milliseconds of a clock that nobody sets. */
  constructor(
    store: { read(): SeenClock | undefined; write(seen: SeenClock): void },
    clock: Clock,
    monotonic: () => number = () => performance.now(),
  ) {
    this.#store = store
    this.#clock = clock
    this.#monotonic = monotonic
  }

  /** Milliseconds for which the time of day has run steadily, as far as looks have shown; durable before it returns. */
  look(): number {
    const at = this.#clock.now()
    const mine = this.#monotonic()
    const seen = this.#store.read()
    let since = at
    if (seen !== undefined) {
      const passed = at - seen.at
      const isSteady =
        this.#lastLook === undefined
          ? passed >= -DRIFT_MS_MAX && passed <= ABSENCE_MS_MAX
          : Math.abs(passed - (mine - this.#lastLook)) <= DRIFT_MS_MAX
      if (isSteady) since = seen.since
    }
    this.#lastLook = mine
    this.#store.write({ at, since })
    return at - since
  }
}

/** How long to wait before the same request goes out again, and when to stop hoping for the next one. */
export interface PaceOptions {
  baseMs: number
  capMs: number
  /** Failures in a row after which every wait is the longest one. */
  breakerFailures: number
}

/** Mixpanel asks for 2 s growing to 60 s with jitter; nobody else asks for more. */
export const DEFAULT_PACE: PaceOptions = { baseMs: 2_000, capMs: 60_000, breakerFailures: 6 }

/** A vendor that asks for more than this is asked again all the same. */
const RETRY_AFTER_MS_MAX = 3_600_000

export class Pace {
  readonly #options: PaceOptions
  readonly #random: () => number
  #failures = 0

  constructor(options: PaceOptions, random: () => number) {
    this.#options = options
    this.#random = random
  }

  get breaker(): 'closed' | 'open' {
    return this.#failures >= this.#options.breakerFailures ? 'open' : 'closed'
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** Counts a failure; returns the wait in ms: never below what the vendor asked for, with jitter on top. */
  failed(retryAfterMs: number | undefined): number {
    const { baseMs, capMs } = this.#options
    this.#failures += 1
    const step = this.breaker === 'open' ? capMs : Math.min(capMs, baseMs * 2 ** (this.#failures - 1))
    if (retryAfterMs !== undefined && retryAfterMs > 0) {
      return Math.min(retryAfterMs, RETRY_AFTER_MS_MAX) + Math.floor(this.#random() * Math.min(step, 5_000))
    }
    return Math.floor(step / 2 + (this.#random() * step) / 2)
  }
}

/**
 * Limits of a rate with a burst: the generic cell rate algorithm (ITU-T I.371) in its virtual scheduling form. A meter is
 * one number, the instant at which everything taken so far is paid for; there are no timers and no windows whose edges
 * could be played. Pure: the owner keeps the numbers and brings the time.
 */
export interface Rate {
  /** How long one unit takes to be paid for. */
  readonly unitMs: number
  /** How far a meter may run ahead of its time: the burst, in ms. */
  readonly aheadMs: number
}

export function rateOf(given: { units: number; perMs: number; burst: number }): Rate {
  const unitMs = given.perMs / given.units
  return { unitMs, aheadMs: given.burst * unitMs }
}

/**
 * How long until `cost` may be taken from a meter that is paid at `paidAt`; 0: now. What is larger than the whole burst
 * is taken by a meter that is wholly paid, which then waits the longer: so no setting makes a request impossible.
 */
export function waitFor(rate: Rate, paidAt: number, now: number, cost: number): number {
  const debtMs = paidAt - now
  if (debtMs <= 0) return 0
  return Math.max(0, Math.min(debtMs, debtMs + cost * rate.unitMs - rate.aheadMs))
}

/** The new instant at which the meter is paid. */
export function take(rate: Rate, paidAt: number, now: number, cost: number): number {
  return Math.max(paidAt, now) + cost * rate.unitMs
}

/** A clock that only goes forward: were it to go back, a meter would stay in debt for as long as it had jumped. */
export class SteadyTime {
  #last = Number.NEGATIVE_INFINITY
  #skewMs = 0

  at(now: number): number {
    if (now + this.#skewMs < this.#last) this.#skewMs = this.#last - now
    this.#last = now + this.#skewMs
    return this.#last
  }
}

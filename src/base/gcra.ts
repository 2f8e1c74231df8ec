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

/** A bounded map that forgets only what is paid; when nothing is, it takes nobody new. */
export class PaidMap<Value> {
  readonly #max: number
  readonly #isPaid: (value: Value, now: number) => boolean
  readonly #onForget: (key: string) => void
  readonly #values = new Map<string, Value>()
  #sweep: MapIterator<[string, Value]>

  constructor(max: number, isPaid: (value: Value, now: number) => boolean, onForget: (key: string) => void = () => undefined) {
    this.#max = max
    this.#isPaid = isPaid
    this.#onForget = onForget
    this.#sweep = this.#values.entries()
  }

  get size(): number {
    return this.#values.size
  }

  find(key: string): Value | undefined {
    return this.#values.get(key)
  }

  /** Undefined: there is no room. */
  findOrAdd(key: string, make: () => Value, now: number): Value | undefined {
    const known = this.#values.get(key)
    if (known !== undefined) return known
    // Two looked at for each one added: the map is gone through faster than it grows.
    this.#sweepOne(now)
    this.#sweepOne(now)
    if (this.#values.size >= this.#max) return undefined
    const value = make()
    this.#values.set(key, value)
    return value
  }

  clear(): void {
    this.#values.clear()
  }

  #sweepOne(now: number): void {
    let next = this.#sweep.next()
    if (next.done === true) {
      this.#sweep = this.#values.entries()
      next = this.#sweep.next()
      if (next.done === true) return
    }
    const [key, value] = next.value
    if (!this.#isPaid(value, now)) return
    this.#values.delete(key)
    this.#onForget(key)
  }
}

/** Calls between roles: they take time, and the one that is called may die before it hears, or before it has answered. */
import { BulkheadError, type ErrorCode } from '#base/errors.ts'
import type { Random } from './random.ts'
import type { Life, Scheduler } from './scheduler.ts'

export interface CallOptions<Reply> {
  label: string
  from: Life
  /** Who serves now; undefined while nobody does. */
  to: () => Life | undefined
  unavailable: ErrorCode
  delayMs: number
  serve: () => Reply | Promise<Reply>
}

export class Network {
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #watchers = new Map<Life, (() => void)[]>()

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler
    this.#random = random
  }

  call<Reply>(options: CallOptions<Reply>): Promise<Reply> {
    const server = options.to()
    return new Promise((resolve, reject) => {
      const arrive = (): void => this.#arrive(options, server, resolve, reject)
      // What was sent arrives, also when its sender is dead by then, but only at the one that it was sent to.
      this.#scheduler.at(undefined, this.#random.delay(options.delayMs), options.label, arrive)
    })
  }

  ended(life: Life): void {
    for (const onEnd of this.#watchers.get(life) ?? []) onEnd()
    this.#watchers.delete(life)
  }

  #arrive<Reply>(
    options: CallOptions<Reply>,
    server: Life | undefined,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ): void {
    const { label, from, unavailable, delayMs, serve } = options
    const gone = (): void => reject(new BulkheadError(unavailable, `simulated: ${label} is not answered`))
    if (server === undefined || !server.alive) return void this.#scheduler.at(from, this.#random.delay(0.1), `${label}: nobody there`, gone)
    const pausedMs = server.pausedUntil - this.#scheduler.now
    if (pausedMs > 0) return void this.#scheduler.at(undefined, pausedMs, label, () => this.#arrive(options, server, resolve, reject))
    let isOver = false
    const answer = (settle: () => void): void => {
      if (isOver) return
      isOver = true
      this.#scheduler.at(from, this.#random.delay(delayMs), `${label}: answered`, settle)
    }
    // A server that dies before its answer is through: the end of the socket is what the caller sees.
    const known = this.#watchers.get(server)
    if (known === undefined) this.#watchers.set(server, [() => answer(gone)])
    else known.push(() => answer(gone))
    const reply = (settle: () => void): void =>
      void this.#scheduler.at(server, this.#random.delay(0.1), `${label}: carried out`, () => answer(settle))
    try {
      const result = serve()
      if (result instanceof Promise)
        result.then(
          (value) => reply(() => resolve(value)),
          (thrown: unknown) => reply(() => reject(thrown)),
        )
      else reply(() => resolve(result))
    } catch (thrown) {
      reply(() => reject(thrown))
    }
  }
}

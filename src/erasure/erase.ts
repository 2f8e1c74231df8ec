/**
 * `bulkhead erase`: one durable job for one person. The vault keeps it and says what comes next; each step here is done, and
 * only then the next is written down, so whoever is killed repeats a step that changes nothing the second time:
 *
 *   unlink → settle → waiting → events → secret, and vendors are asked until they have answered
 *
 * The secret goes last: until then a crash loses nothing but time. Vendors may take longer; nothing waits for them.
 */
import type { Clock } from '#base/clock.ts'
import { type BulkheadError, toBulkheadError } from '#base/errors.ts'
import type { Deletion, ErasureJob } from '#vault/erasure-port.ts'
import { askOnce, lookAfter } from './asking.ts'
import type { ErasurePorts } from './ports.ts'
import { planDeletions } from './deletions.ts'
import { takeOutWaiting } from './waiting-text.ts'

const AGAIN_MS = 30_000
const DUE_MS = 5000
/** After a failure, and twice as long each time: at a start the processes that it needs are not up yet. */
const AGAIN_MS_MIN = 500

export class Erasures {
  readonly #ports: ErasurePorts
  readonly #clock: Clock
  readonly #onFailure: (error: BulkheadError) => void
  #turn: Promise<unknown> = Promise.resolve()

  constructor(ports: ErasurePorts, options: { clock: Clock; onFailure: (error: BulkheadError) => void }) {
    this.#ports = ports
    this.#clock = options.clock
    this.#onFailure = options.onFailure
  }

  /** Goes on with a job as far as it can. Throws what stopped it; the job stays and is gone on with later. */
  finish(id: number): Promise<ErasureJob> {
    return this.#inTurn(() => this.#finish(id))
  }

  /** Goes on with all that is not done, now and again. */
  async run(signal: AbortSignal): Promise<void> {
    let waitMs = AGAIN_MS_MIN
    while (!signal.aborted) {
      const left = await this.#finishAll()
      waitMs = left === 'failed' ? Math.min(AGAIN_MS, waitMs * 2) : AGAIN_MS_MIN
      await this.#clock.sleep(left === 'failed' ? waitMs : left === 'due' ? DUE_MS : AGAIN_MS, signal)
    }
  }

  async #finishAll(): Promise<'failed' | 'due' | 'nothing'> {
    let left: 'failed' | 'due' | 'nothing' = 'nothing'
    const failed = (thrown: unknown): void => {
      const error = toBulkheadError(thrown)
      if (error.code === 'erase_deferred') return
      left = 'failed'
      this.#onFailure(error)
    }
    const jobs = (await this.#ports.vault.openErasures().catch((thrown: unknown) => failed(thrown))) ?? []
    if (jobs.length > 0) left = 'due'
    for (const { id } of jobs) await this.finish(id).catch(failed)
    return left
  }

  async #finish(id: number): Promise<ErasureJob> {
    const { vault } = this.#ports
    let job = await vault.erasure(id)
    while (job.step !== 'done') job = await this.#step(job)
    return this.#askVendors(job)
  }

  async #step(job: ErasureJob): Promise<ErasureJob> {
    const { vault, gateway, worker, warehouse } = this.#ports
    switch (job.step) {
      case 'unlink':
        return vault.unlinkErased(job.id)
      case 'settle': {
        // In this order: after the first nothing new names the person, after the second nothing more is sent of them.
        await gateway.forget()
        await worker.refuse(job)
        await worker.eventsLoaded()
        const deletions = await planDeletions(job, { barrier: () => worker.barrier(), warehouse, now: this.#clock.now() })
        return vault.advanceErasure(job.id, { step: 'waiting', deletions })
      }
      case 'waiting':
        await takeOutWaiting(job, this.#ports)
        return vault.advanceErasure(job.id, { step: 'events' })
      case 'events': {
        // A day is written anew as a whole, so whoever waits for the same is taken out with them.
        const ready = [job, ...(await vault.openErasures()).filter((each) => each.step === 'events' && each.id !== job.id)]
        await worker.eraseEvents({ ordinals: ready.flatMap((each) => each.ordinals), shared: ready.flatMap((each) => each.shared) })
        const [next] = await Promise.all(ready.map((each) => vault.advanceErasure(each.id, { step: 'secret' })))
        return next as ErasureJob
      }
      default:
        // The last thing that needs the secret; nothing that is not in the tree names the person any more.
        await worker.keepRows(job.ordinals)
        return vault.destroyErased(job.id)
    }
  }

  async #askVendors(job: ErasureJob): Promise<ErasureJob> {
    const given = { calls: this.#ports.calls, now: (): number => this.#clock.now() }
    return this.#changed(job, (deletion) => {
      const { users, devices } = deletion
      return askOnce(deletion, { ...given, subjects: async () => ({ users, devices }) })
    })
  }

  /** Asks vendors how far they are with what they said they would delete. */
  async lookAfter(vendor?: string): Promise<void> {
    const { vault, calls } = this.#ports
    const given = { calls, now: (): number => this.#clock.now(), silent: new Set<string>() }
    for (const { id } of await vault.awaitedErasures()) {
      await this.#inTurn(async () =>
        this.#changed(await vault.erasure(id), async (deletion) =>
          vendor === undefined || deletion.vendor === vendor ? lookAfter(deletion, given) : deletion,
        ),
      )
    }
  }

  async #changed(job: ErasureJob, change: (deletion: Deletion) => Promise<Deletion>): Promise<ErasureJob> {
    const deletions: Deletion[] = []
    for (const deletion of job.deletions) deletions.push(await change(deletion))
    if (deletions.every((deletion, index) => deletion === job.deletions[index])) return job
    return this.#ports.vault.advanceErasure(job.id, { deletions })
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(act)
    this.#turn = done.catch(() => undefined)
    return done
  }
}

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
import type { ErasurePorts } from './ports.ts'
import { planDeletions } from './deletions.ts'
import { takeOutWaiting } from './waiting-text.ts'

const AGAIN_MS = 30_000
const DUE_MS = 5000
/** After a failure, and twice as long each time: at a start the processes that it needs are not up yet. */
const AGAIN_MS_MIN = 500
/** A vendor that has answered "no" is asked again, each time after twice as long. */
const ASK_AGAIN_MS = 5000
const ASK_AGAIN_MS_MAX = 86_400_000

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
    const done = this.#turn.then(() => this.#finish(id))
    this.#turn = done.catch(() => undefined)
    return done
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
    const { vault, worker } = this.#ports
    const deletions: Deletion[] = []
    for (const deletion of job.deletions) deletions.push(await this.#ask(deletion, worker))
    if (deletions.every((deletion, index) => deletion === job.deletions[index])) return job
    return vault.advanceErasure(job.id, { deletions })
  }

  async #ask(deletion: Deletion, worker: ErasurePorts['worker']): Promise<Deletion> {
    const { state, at, attempts = 0, destination, epoch, users, devices } = deletion
    const now = this.#clock.now()
    const isEarly = attempts > 0 && Math.abs(now - at) < Math.min(ASK_AGAIN_MS * 2 ** (attempts - 1), ASK_AGAIN_MS_MAX)
    if (state === 'asked' || isEarly) return deletion
    const answer = await worker.askDeletion(destination, { epoch, users, devices })
    if (answer.state === 'asked') {
      const { why: _, ...rest } = deletion
      return { ...rest, state: 'asked', at: now, entry: answer.entry, attempts: attempts + 1 }
    }
    // What was not even tried is tried again as soon as it can be.
    if (answer.entry === undefined) return answer.why === deletion.why ? deletion : { ...deletion, at: now, why: answer.why }
    return { ...deletion, at: now, why: answer.why, entry: answer.entry, attempts: attempts + 1 }
  }
}

/** Jobs that go one after the other, each of them once at a time. Whoever asks for one that runs has it run once more. */
interface Job {
  ends: AbortController
  /** Never fails. */
  done: Promise<void>
  /** Its turn has come. */
  hasBegun: boolean
  /** It may have been at its end already. */
  isAskedAgain: boolean
}

type Act = (signal: AbortSignal) => Promise<boolean>

export class Turns {
  readonly #jobs = new Map<string, Job>()
  #last: Promise<void> = Promise.resolve()
  #isClosed = false

  isRunning(name: string): boolean {
    return this.#jobs.has(name)
  }

  /** `act` says whether there is more to do. True: it did not run. */
  start(name: string, act: Act, onError: (thrown: unknown) => void): boolean {
    const running = this.#jobs.get(name)
    if (running !== undefined) running.isAskedAgain = true
    if (this.#isClosed || running !== undefined) return false
    const job: Job = { ends: new AbortController(), done: Promise.resolve(), hasBegun: false, isAskedAgain: false }
    job.done = this.#last.then(() => this.#run(name, job, act, onError))
    this.#last = job.done
    this.#jobs.set(name, job)
    return true
  }

  /** Whoever asks for it from here on has it begin anew. One whose turn has not come ends at once: those before it may take hours. */
  async end(name: string): Promise<void> {
    const job = this.#jobs.get(name)
    if (job === undefined) return
    job.isAskedAgain = false
    job.ends.abort()
    if (!job.hasBegun) this.#jobs.delete(name)
    else await job.done
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#jobs.keys()].map((name) => this.end(name)))
  }

  /** Between its last look at whether there is more and its end nobody else has a turn. */
  async #run(name: string, job: Job, act: Act, onError: (thrown: unknown) => void): Promise<void> {
    const { signal } = job.ends
    if (signal.aborted) return
    job.hasBegun = true
    try {
      for (let isMore = true; isMore && !signal.aborted; isMore = isMore || job.isAskedAgain) {
        job.isAskedAgain = false
        isMore = await act(signal)
      }
    } catch (thrown) {
      onError(thrown)
    }
    this.#jobs.delete(name)
    if (signal.aborted && job.isAskedAgain) this.start(name, act, onError)
  }
}

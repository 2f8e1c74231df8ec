/** Hands what strangers send to a thread of its own, one after another, each within a time. */
import { Worker } from 'node:worker_threads'
import type { CheckForm, FormBody } from './form.ts'
import type { ReadNotice } from './read-notice.ts'
import type { ToRead } from './reading.ts'
import type { ReadingAnswer, ReadingTask } from './reading-thread.ts'

const TIME_MS = 4000
const WAITING_MAX = 16
const IDLE_MS = 120_000
const MEMORY = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 }

type Result = NonNullable<ReadingAnswer['result']> | 'busy' | 'unreadable'

interface Job {
  task: ReadingTask
  done(result: Result): void
}

export interface NoticeReader {
  /** `unreadable`: it took too long, too much memory, or is nothing at all. `busy`: too many wait already. */
  read(asked: ToRead): Promise<ReadNotice | 'busy' | 'unreadable'>
  readForm(form: FormBody): Promise<CheckForm | 'busy' | 'unreadable'>
  close(): Promise<void>
}

export class ThreadReader implements NoticeReader {
  readonly #waiting: Job[] = []
  #worker: Worker | undefined
  #job: Job | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false

  read(notice: ToRead): Promise<ReadNotice | 'busy' | 'unreadable'> {
    return this.#queue({ notice }) as Promise<ReadNotice | 'busy' | 'unreadable'>
  }

  readForm(form: FormBody): Promise<CheckForm | 'busy' | 'unreadable'> {
    return this.#queue({ form }) as Promise<CheckForm | 'busy' | 'unreadable'>
  }

  #queue(task: ReadingTask): Promise<Result> {
    if (this.#closed || this.#waiting.length >= WAITING_MAX) return Promise.resolve('busy')
    return new Promise((done) => {
      this.#waiting.push({ task, done })
      this.#next()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const job of this.#waiting.splice(0)) job.done('busy')
    await this.#end()
  }

  #next(): void {
    if (this.#job !== undefined) return
    const job = this.#waiting.shift()
    clearTimeout(this.#timer)
    if (job === undefined) {
      // Its libraries take some 40 MB: on most days nobody asks.
      this.#timer = setTimeout(() => void this.#end(), IDLE_MS)
      this.#timer.unref()
      return
    }
    this.#job = job
    const worker = this.#worker ?? this.#start()
    this.#timer = setTimeout(() => void this.#end(), TIME_MS)
    worker.postMessage(job.task)
  }

  #start(): Worker {
    const worker = new Worker(new URL('./reading-thread.ts', import.meta.url), { resourceLimits: MEMORY, stdout: false, stderr: false })
    worker.unref()
    worker.on('message', ({ result }: ReadingAnswer) => this.#finish(worker, result ?? 'unreadable'))
    worker.on('error', () => this.#lose(worker))
    worker.on('exit', () => this.#lose(worker))
    this.#worker = worker
    return worker
  }

  /** Ends the thread; what it was at is unreadable. */
  async #end(): Promise<void> {
    const worker = this.#worker
    clearTimeout(this.#timer)
    if (worker === undefined) return
    this.#lose(worker)
    await worker.terminate()
  }

  #lose(worker: Worker): void {
    if (this.#worker === worker) {
      this.#worker = undefined
      this.#settle('unreadable')
    }
  }

  #finish(worker: Worker, answer: Result): void {
    if (this.#worker === worker) this.#settle(answer)
  }

  #settle(answer: Result): void {
    const job = this.#job
    this.#job = undefined
    job?.done(answer)
    this.#next()
  }
}

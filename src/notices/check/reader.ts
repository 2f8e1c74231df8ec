/** Hands what strangers send to a thread of its own, one after another, each within a time. */
import { Worker } from 'node:worker_threads'
import type { CheckForm, FormBody } from './form.ts'
import type { ReadNotice } from './read-notice.ts'
import type { ToRead } from './reading.ts'
import { READY } from './reading-ready.ts'
import type { ReadingAnswer, ReadingTask } from './reading-thread.ts'

const TIME_MS = 4000
/** Until the thread is there with its libraries: on a busy machine that takes longer than any reading, and is nobody's mail's fault. */
const START_MS = 30_000
/** Times are counted in so many parts: a machine that stood still in between was not slow, and no mail is lost by it. */
const PARTS = 8
const WAITING_MAX = 16
const IDLE_MS = 120_000
const MEMORY = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 }

type Result = NonNullable<ReadingAnswer['result']> | 'busy' | 'unreadable'

interface Job {
  task: ReadingTask
  done(result: Result): void
  /** Told how long the reading took: neither waiting for others nor the thread's start. */
  spent: (ms: number) => void
  startedAt: number | undefined
}

export interface NoticeReader {
  /** `unreadable`: it took too long, too much memory, or is nothing at all. `busy`: too many wait already. */
  read(asked: ToRead, spent?: (ms: number) => void): Promise<ReadNotice | 'busy' | 'unreadable'>
  readForm(form: FormBody, spent?: (ms: number) => void): Promise<CheckForm | 'busy' | 'unreadable'>
  close(): Promise<void>
}

export class ThreadReader implements NoticeReader {
  readonly #waiting: Job[] = []
  #worker: Worker | undefined
  #job: Job | undefined
  #timer: NodeJS.Timeout | undefined
  #isReady = false
  #closed = false
  readonly #script: URL
  readonly #timeMs: number

  constructor({ script = new URL('./reading-thread.ts', import.meta.url), timeMs = TIME_MS }: { script?: URL; timeMs?: number } = {}) {
    this.#script = script
    this.#timeMs = timeMs
  }

  read(notice: ToRead, spent?: (ms: number) => void): Promise<ReadNotice | 'busy' | 'unreadable'> {
    return this.#queue({ notice }, spent) as Promise<ReadNotice | 'busy' | 'unreadable'>
  }

  readForm(form: FormBody, spent?: (ms: number) => void): Promise<CheckForm | 'busy' | 'unreadable'> {
    return this.#queue({ form }, spent) as Promise<CheckForm | 'busy' | 'unreadable'>
  }

  #queue(task: ReadingTask, spent: (ms: number) => void = () => undefined): Promise<Result> {
    if (this.#closed || this.#waiting.length >= WAITING_MAX) return Promise.resolve('busy')
    return new Promise((done) => {
      this.#waiting.push({ task, done, spent, startedAt: undefined })
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
    if (this.#isReady) job.startedAt = performance.now()
    this.#endAfter(this.#isReady ? this.#timeMs : START_MS)
    worker.postMessage(job.task)
  }

  #start(): Worker {
    const worker = new Worker(this.#script, { resourceLimits: MEMORY, stdout: false, stderr: false })
    worker.unref()
    worker.on('message', (said: ReadingAnswer | typeof READY) => {
      if (said === READY) this.#begin(worker)
      else this.#finish(worker, said.result ?? 'unreadable')
    })
    worker.on('error', () => this.#lose(worker))
    worker.on('exit', () => this.#lose(worker))
    this.#worker = worker
    return worker
  }

  /** From here on the time of the first reading counts. */
  #begin(worker: Worker): void {
    if (this.#worker !== worker) return
    this.#isReady = true
    if (this.#job === undefined) return
    this.#job.startedAt = performance.now()
    this.#endAfter(this.#timeMs)
  }

  #endAfter(ms: number): void {
    let parts = 0
    clearTimeout(this.#timer)
    this.#timer = setInterval(() => {
      parts += 1
      if (parts === PARTS) void this.#end()
    }, ms / PARTS)
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
      this.#isReady = false
      this.#settle('unreadable')
    }
  }

  #finish(worker: Worker, answer: Result): void {
    if (this.#worker === worker) this.#settle(answer)
  }

  #settle(answer: Result): void {
    const job = this.#job
    this.#job = undefined
    if (job?.startedAt !== undefined) job.spent(performance.now() - job.startedAt)
    job?.done(answer)
    this.#next()
  }
}

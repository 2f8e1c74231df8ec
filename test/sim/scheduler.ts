/**
 * Virtual time and the order of everything. Whatever a simulated run waits for is a task here: the next one is the earliest,
 * and among those of one instant the seed decides. Between two tasks all promises that can run have run, so a process
 * that crashes between two tasks stops at an await, any await, and its tasks never come.
 */
import type { Clock } from '#base/clock.ts'
import type { Random } from './random.ts'

/** One run of one role from its start to its end. What is dead does nothing and is told nothing any more. */
export interface Life {
  readonly role: string
  alive: boolean
  /** Stopped until then, as by SIGSTOP: nothing of it runs, and timers that were due run late. */
  pausedUntil: number
}

export function newLife(role: string): Life {
  return { role, alive: true, pausedUntil: 0 }
}

interface Task {
  due: number
  order: number
  life: Life | undefined
  label: string
  run: (() => void) | undefined
}

export interface TimerHandle {
  cancel(): void
}

/** 2026-03-14 20:00 UTC: runs cross midnight when their clock is set forward a little. */
const START = Date.UTC(2026, 2, 14, 20)

// The real one, whatever a run puts in its place.
const nextTurn = setImmediate

export class Scheduler {
  readonly random: Random
  now = 0
  steps = 0
  /** Wall clock minus time since the start: clocks can be set, timers do not care. */
  skew = 0
  readonly #heap: Task[] = []
  readonly #tail: string[] = []
  #hash = 0x811c9dc5
  #hash2 = 0x1234567

  readonly #traceLines: number

  /** `traceLines`: how many lines of the trace, idle wakings apart, are kept to be shown. */
  constructor(random: Random, traceLines: number) {
    this.random = random
    this.#traceLines = traceLines
  }

  /** Runs once after the delay unless its life has ended by then. */
  at(life: Life | undefined, delayMs: number, label: string, run: () => void): TimerHandle {
    const task: Task = { due: this.now + Math.max(0, delayMs), order: this.random.next(), life, label, run }
    this.#push(task)
    const cancel = (): void => {
      task.run = undefined
    }
    return { cancel }
  }

  /** A promise that never settles when the life ends first. */
  wait(life: Life | undefined, delayMs: number, label: string): Promise<void> {
    return new Promise((resolve) => void this.at(life, delayMs, label, resolve))
  }

  wallClock(): number {
    return Math.floor(START + this.now + this.skew)
  }

  clockOf(life: Life): Clock {
    return {
      now: () => this.wallClock(),
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve()
          const onAbort = (): void => {
            timer.cancel()
            resolve()
          }
          const timer = this.at(life, ms, `${life.role} wakes`, () => {
            signal?.removeEventListener('abort', onAbort)
            resolve()
          })
          signal?.addEventListener('abort', onAbort, { once: true })
        }),
    }
  }

  /** False when nothing is left to do. */
  async step(): Promise<boolean> {
    for (;;) {
      const task = this.#pop()
      if (task === undefined) return false
      if (task.run === undefined || task.life?.alive === false) continue
      if (task.life !== undefined && task.life.pausedUntil > Math.max(this.now, task.due)) {
        task.due = task.life.pausedUntil
        this.#push(task)
        continue
      }
      this.now = Math.max(this.now, task.due)
      this.steps++
      this.note(task.label)
      task.run()
      await new Promise<void>((resolve) => nextTurn(resolve))
      return true
    }
  }

  /** A line of the trace; the hash over all lines is what two runs of one seed must share. */
  note(line: string): void {
    const text = `${this.now.toFixed(2)} ${line}`
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      this.#hash = Math.imul(this.#hash ^ code, 0x01000193)
      this.#hash2 = Math.imul(this.#hash2 + code, 0x5bd1e995) ^ (this.#hash2 >>> 13)
    }
    if (line.endsWith(' wakes')) return
    this.#tail.push(text)
    if (this.#tail.length > 2 * this.#traceLines) this.#tail.splice(0, this.#traceLines)
  }

  get traceHash(): string {
    return [this.#hash, this.#hash2].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }

  get tail(): string[] {
    return this.#tail.slice(-this.#traceLines)
  }

  #push(task: Task): void {
    const heap = this.#heap
    let at = heap.push(task) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(task, heap[parent] as Task)) break
      heap[at] = heap[parent] as Task
      at = parent
    }
    heap[at] = task
  }

  #pop(): Task | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Task, heap[child] as Task)) child++
      if (!isBefore(heap[child] as Task, last)) break
      heap[at] = heap[child] as Task
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order)
}

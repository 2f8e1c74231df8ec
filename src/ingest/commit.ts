/**
 * Makes requests durable in windows: (1) at most one vault call, and beside it the waiting text, sealed and flushed, (2) the
 * log, flushed, (3) the answers. Never the log before the two. The vault is not called for a window that says nothing new.
 * While one window is on its way to the disk the next is with the vault; their order is kept.
 */
import { type Clock, dayOf } from '#base/clock.ts'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import type { AppendResult, LogWriter } from '#log/port.ts'
import type { Door, GatewayVault, WindowReply } from '#vault/port.ts'
import { buildWindow, isKnownToVault, learnOrdinals, logDrafts, type Window, type WindowPart } from './window.ts'
import { VaultMemory } from './vault-memory.ts'

const REQUESTS_MAX = 64
/** A window of more events blocks the loop for longer than others should wait. One request is never cut. */
const EVENTS_MAX = 500
/** Windows on their way at one time. What comes meanwhile makes the next one: the slower the disk, the larger it is. */
const IN_FLIGHT_MAX = 3

export type CommitStage = 'vault' | 'waiting' | 'log'

export interface CommitOptions {
  vault: GatewayVault
  log: LogWriter
  vaultTimeoutMs: number
  clock: Clock
  onFailure: (stage: CommitStage, error: BulkheadError) => void
}

/** Of one request: what became of each part; or nothing of it was kept. */
export type CommitOutcome = { kind: 'kept'; results: AppendResult[] } | { kind: 'failed' }

interface Submission {
  parts: readonly WindowPart[]
  settle: (outcome: CommitOutcome) => void
}

type Places = Awaited<ReturnType<LogWriter['appendWaiting']>>

interface Sealed {
  submissions: Submission[]
  window: Window
  reply: WindowReply
  door: Door
  /** Where the waiting text lies, once it is on disk. */
  places: Promise<Places>
}

export class CommitQueue {
  readonly #options: CommitOptions
  readonly #memory = new VaultMemory()
  #pending: Submission[] = []
  #door: { day: number; opened: Promise<Door> } | undefined
  #windows = 0
  #refusedNewcomers = 0
  #inFlight = 0
  #withVault = false
  #gathering = false
  #due = false
  #lastAppend: Promise<void> = Promise.resolve()
  #idle: (() => void)[] = []

  constructor(options: CommitOptions) {
    this.#options = options
  }

  get windows(): number {
    return this.#windows
  }

  /** Identifiers that were one too many of their source or network: their records are kept and are about nobody. */
  get refusedNewcomers(): number {
    return this.#refusedNewcomers
  }

  submit(parts: readonly WindowPart[]): Promise<CommitOutcome> {
    return new Promise((settle) => {
      this.#pending.push({ parts, settle })
      this.#next()
    })
  }

  /** Resolves when everything submitted has been settled. */
  async drain(): Promise<void> {
    if (this.#inFlight === 0 && this.#pending.length === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /**
   * For when identifiers were erased elsewhere: the next window asks the vault for everything anew. Returns when no window
   * is under way that was made of what was known before.
   */
  async forget(): Promise<void> {
    this.#memory.clear()
    await this.#lastAppend
  }

  #next(): void {
    if (this.#pending.length === 0) {
      if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
      return
    }
    if (this.#withVault || this.#inFlight >= IN_FLIGHT_MAX) return
    if (this.#pending.length < REQUESTS_MAX && !this.#due) {
      // Until the requests that arrived in the same turn of the loop are in.
      if (this.#gathering) return
      this.#gathering = true
      void this.#options.clock.sleep(0).then(() => this.#gathered())
      return
    }
    this.#due = false
    const submissions = this.#takePending()
    this.#windows++
    void this.#commit(submissions)
  }

  #takePending(): Submission[] {
    let count = 0
    let events = 0
    while (count < Math.min(this.#pending.length, REQUESTS_MAX) && events < EVENTS_MAX) {
      for (const { draft } of this.#pending[count]?.parts ?? []) events += draft.records.length
      count++
    }
    return this.#pending.splice(0, count)
  }

  #gathered(): void {
    this.#gathering = false
    this.#due = true
    this.#next()
  }

  async #commit(submissions: Submission[]): Promise<void> {
    this.#inFlight++
    this.#withVault = true
    const before = this.#lastAppend
    let appended = (): void => undefined
    this.#lastAppend = new Promise((resolve) => {
      appended = resolve
    })
    const sealed = await this.#seal(submissions)
    this.#withVault = false
    this.#next()
    for (const one of sealed) await this.#append(one, before)
    appended()
    this.#inFlight--
    this.#due = this.#pending.length > 0
    this.#next()
  }

  /**
   * The vault's part. When it refuses the window for what stands in it, the requests are tried one by one, so that one
   * of them cannot fail the others; a vault that does not answer or has no space fails all at once.
   */
  async #seal(submissions: Submission[]): Promise<Sealed[]> {
    try {
      const parts = submissions.flatMap((submission) => submission.parts)
      const door = await this.#doorFor(parts)
      const window = buildWindow(parts, this.#memory)
      const places = this.#options.log.appendWaiting(window.waiting.map((text) => door.seal(text)))
      // Whoever awaits it takes the failure; until then nobody has to.
      places.catch(() => undefined)
      const reply = isKnownToVault(window) ? { ordinals: [] } : await this.#callVault(window)
      this.#refusedNewcomers += learnOrdinals(window, reply, this.#memory)
      return [{ submissions, window, reply, door, places }]
    } catch (thrown) {
      this.#memory.clear()
      const error = toBulkheadError(thrown)
      if (submissions.length > 1 && error.code !== 'vault_unavailable' && error.code !== 'disk_full') {
        const sealed: Sealed[] = []
        for (const submission of submissions) sealed.push(...(await this.#seal([submission])))
        return sealed
      }
      this.#fail('vault', error, submissions)
      return []
    }
  }

  /** The day's door: asked for once, and again when that failed. */
  async #doorFor(parts: readonly WindowPart[]): Promise<Door> {
    const day = dayOf(parts.reduce((least, part) => Math.min(least, part.receivedAt), Number.MAX_SAFE_INTEGER))
    if (this.#door?.day !== day) this.#door = { day, opened: this.#inTime(this.#options.vault.door(day)) }
    const { opened } = this.#door
    try {
      return await opened
    } catch (thrown) {
      if (this.#door?.opened === opened) this.#door = undefined
      throw thrown
    }
  }

  #callVault(window: Window): Promise<WindowReply> {
    return this.#inTime(this.#options.vault.commitWindow(window.request))
  }

  async #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const { clock, vaultTimeoutMs } = this.#options
    const answered = new AbortController()
    const timeout = new Promise<never>((_, reject) => {
      void clock.sleep(vaultTimeoutMs, answered.signal).then(() => {
        if (!answered.signal.aborted) reject(new BulkheadError('vault_unavailable', 'the vault does not answer'))
      })
    })
    try {
      return await Promise.race([answer, timeout])
    } finally {
      answered.abort()
    }
  }

  async #append({ submissions, window, reply, door, places }: Sealed, before: Promise<void>): Promise<void> {
    const { log } = this.#options
    let stage: CommitStage = 'waiting'
    try {
      const drafts = logDrafts(window, reply, { day: door.day, hashes: door.dedup(window.dedup), places: await places })
      await before
      stage = 'log'
      const results = await log.append(drafts)
      let from = 0
      for (const { parts, settle } of submissions) {
        settle({ kind: 'kept', results: results.slice(from, from + parts.length) })
        from += parts.length
      }
    } catch (thrown) {
      await before
      this.#fail(stage, toBulkheadError(thrown), submissions)
    }
  }

  #fail(stage: CommitStage, error: BulkheadError, submissions: readonly Submission[]): void {
    this.#options.onFailure(stage, error)
    for (const { settle } of submissions) settle({ kind: 'failed' })
  }
}

/**
 * Makes requests durable in windows: (1) one vault call, (2) waiting text, then log, flushed, (3) the answers. Never the
 * log before the vault. While one window is in the log the next is with the vault; their order is kept.
 */
import type { Clock } from '#base/clock.ts'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import type { AppendResult, LogWriter } from '#log/port.ts'
import type { GatewayVault, WindowReply } from '#vault/port.ts'
import { buildWindow, learnOrdinals, logDrafts, type Window, type WindowPart } from './window.ts'
import { VaultMemory } from './vault-memory.ts'

const REQUESTS_MAX = 64
const GATHER_MS = 2
const IN_FLIGHT_MAX = 2

export type CommitStage = 'vault' | 'waiting' | 'log'

export interface CommitOptions {
  vault: GatewayVault
  log: LogWriter
  policyVersion: number
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

interface Sealed {
  submissions: Submission[]
  window: Window
  reply: WindowReply
}

export class CommitQueue {
  readonly #options: CommitOptions
  readonly #memory = new VaultMemory()
  #pending: Submission[] = []
  #windows = 0
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

  /** For when identifiers were erased or merged elsewhere: the next window asks the vault for everything anew. */
  forget(): void {
    this.#memory.clear()
  }

  #next(): void {
    if (this.#pending.length === 0) {
      if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
      return
    }
    if (this.#withVault || this.#inFlight >= IN_FLIGHT_MAX) return
    if (this.#pending.length < REQUESTS_MAX && !this.#due) {
      // Idle: only until the requests that arrived in the same turn of the loop are in. Else a little longer.
      if (this.#gathering) return
      this.#gathering = true
      void this.#options.clock.sleep(this.#inFlight === 0 ? 0 : GATHER_MS).then(() => this.#gathered())
      return
    }
    this.#due = false
    const submissions = this.#pending.splice(0, REQUESTS_MAX)
    this.#windows++
    void this.#commit(submissions)
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
   * of them cannot fail the others; a vault that does not answer fails all at once.
   */
  async #seal(submissions: Submission[]): Promise<Sealed[]> {
    try {
      const window = buildWindow(
        submissions.flatMap(({ parts }) => parts),
        this.#memory,
      )
      const reply = await this.#callVault(window)
      learnOrdinals(window, reply, this.#memory)
      return [{ submissions, window, reply }]
    } catch (thrown) {
      this.#memory.clear()
      const error = toBulkheadError(thrown)
      if (submissions.length > 1 && error.code !== 'vault_unavailable') {
        const sealed: Sealed[] = []
        for (const submission of submissions) sealed.push(...(await this.#seal([submission])))
        return sealed
      }
      this.#fail('vault', error, submissions)
      return []
    }
  }

  async #callVault(window: Window): Promise<WindowReply> {
    const { clock, vault, vaultTimeoutMs } = this.#options
    const answered = new AbortController()
    const timeout = new Promise<never>((_, reject) => {
      void clock.sleep(vaultTimeoutMs, answered.signal).then(() => {
        if (!answered.signal.aborted) reject(new BulkheadError('vault_unavailable', 'the vault does not answer'))
      })
    })
    try {
      return await Promise.race([vault.commitWindow(window.request), timeout])
    } finally {
      answered.abort()
    }
  }

  async #append({ submissions, window, reply }: Sealed, before: Promise<void>): Promise<void> {
    const { log, policyVersion } = this.#options
    let stage: CommitStage = 'waiting'
    try {
      const places = await log.appendWaiting(reply.waiting)
      const drafts = logDrafts(window, reply, { places, policy: policyVersion })
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

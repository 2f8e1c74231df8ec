/**
 * Keeps what each source has used of its disk budget, so that a restart does not give it a new one. Numbers under
 * configured ids, nothing else. What a kill loses is the use of the last second.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { BulkheadError } from '#base/errors.ts'
import type { Quotas } from './quota.ts'

const SAVE_EVERY_MS = 1000

export class QuotaFile {
  readonly #file: string
  readonly #quotas: Quotas
  readonly #onFailure: (error: BulkheadError) => void
  readonly #timer: NodeJS.Timeout
  #saved = ''

  /** `onFailure` once for each save that fails: traffic goes on, the budget is then only kept in memory. */
  constructor(options: { file: string; quotas: Quotas; now: number; onFailure: (error: BulkheadError) => void }) {
    this.#file = options.file
    this.#quotas = options.quotas
    this.#quotas.restoreDisk(this.#read(), options.now)
    this.#onFailure = options.onFailure
    this.#timer = setInterval(() => this.#save(), SAVE_EVERY_MS)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#save()
  }

  #save(): void {
    try {
      this.#write()
    } catch (thrown) {
      this.#onFailure(new BulkheadError('log_unwritable', 'the use of the disk budgets could not be saved', { cause: thrown }))
    }
  }

  #write(): void {
    const text = JSON.stringify(this.#quotas.diskPaidAt())
    if (text === this.#saved) return
    writeFileSync(`${this.#file}.new`, text, { mode: 0o600 })
    renameSync(`${this.#file}.new`, this.#file)
    this.#saved = text
  }

  /** A file that is not there or was torn by a power cut is an unused budget. */
  #read(): Record<string, unknown> {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#file, 'utf8'))
      return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
    } catch {
      return {}
    }
  }
}

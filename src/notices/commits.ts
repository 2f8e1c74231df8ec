/**
 * States of recipients, committed in groups: what several connections have to say becomes durable together, in the order in which it was
 * said. A connection says how a mail ended before it says that it begins the next one, so no more mails are under way on the disk than
 * there are connections. A flush holds up all of them, and a mail is several steps of talk: if each said its part alone, the others would
 * get one step further with each flush. So a group waits as long as the last flush took, or until every connection begins a mail.
 */
import type { NoticeRecords, RecipientChange } from '#records/notice-rows.ts'

const WAIT_MS_MAX = 20

export class Commits {
  readonly #of: { incident: number; version: number }
  readonly #records: Pick<NoticeRecords, 'changeRecipients'>
  readonly #now: () => number
  readonly #connections: number
  #lastMs = 0
  #beginning = 0
  #timer: NodeJS.Timeout | undefined
  #act: () => void = () => undefined
  #waiting: RecipientChange[] = []
  #flush: Promise<void> | undefined
  #failure: Error | undefined

  constructor(
    of: { incident: number; version: number; connections: number },
    records: Pick<NoticeRecords, 'changeRecipients'>,
    now: () => number,
  ) {
    this.#of = of
    this.#records = records
    this.#now = now
    this.#connections = of.connections
  }

  /** Durable when it resolves. After one that failed none is taken: what became of somebody stands nowhere, and that is no end. */
  write(...changes: RecipientChange[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    this.#waiting.push(...changes)
    this.#beginning += changes.filter(({ state }) => state === 'sending').length
    if (this.#flush === undefined) {
      this.#flush = new Promise((resolve, reject) => {
        this.#act = () => {
          try {
            this.#commit()
            resolve()
          } catch (thrown) {
            this.#failure = thrown as Error
            reject(this.#failure)
          }
        }
      })
      if (this.#lastMs >= 1) this.#timer = setTimeout(this.#act, Math.min(this.#lastMs, WAIT_MS_MAX))
      else setImmediate(this.#act)
    }
    const flush = this.#flush
    if (this.#timer !== undefined && this.#beginning >= this.#connections) {
      clearTimeout(this.#timer)
      this.#timer = undefined
      setImmediate(this.#act)
    }
    return flush
  }

  #commit(): void {
    const batch = this.#waiting
    this.#waiting = []
    this.#flush = undefined
    this.#timer = undefined
    this.#beginning = 0
    if (batch.length === 0) return
    const startedAt = performance.now()
    this.#records.changeRecipients(this.#of, batch, this.#now())
    this.#lastMs = performance.now() - startedAt
  }
}

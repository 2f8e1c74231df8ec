/**
 * States of recipients, committed in groups: what several connections have to say at one moment becomes durable together, in the
 * order in which it was said. A connection says how a mail ended before it says that it begins the next one, so no more mails are
 * under way on the disk than there are connections.
 */
import type { NoticeRecords, RecipientChange } from '#records/notice-rows.ts'

export class Commits {
  readonly #of: { incident: number; version: number }
  readonly #records: Pick<NoticeRecords, 'changeRecipients'>
  readonly #now: () => number
  #waiting: RecipientChange[] = []
  #flush: Promise<void> | undefined

  constructor(of: { incident: number; version: number }, records: Pick<NoticeRecords, 'changeRecipients'>, now: () => number) {
    this.#of = of
    this.#records = records
    this.#now = now
  }

  /** Durable when it resolves. */
  write(...changes: RecipientChange[]): Promise<void> {
    this.#waiting.push(...changes)
    this.#flush ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const batch = this.#waiting
        this.#waiting = []
        this.#flush = undefined
        try {
          if (batch.length > 0) this.#records.changeRecipients(this.#of, batch, this.#now())
          resolve()
        } catch (thrown) {
          reject(thrown as Error)
        }
      })
    })
    return this.#flush
  }
}

/** What the key store remembers of erasures: whose secrets are gone, the jobs under way, who must not come back, and what is held. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { BulkheadError } from '#base/errors.ts'
import { checkpoint, transact } from './database.ts'
import type { ErasureJob } from './erasure-port.ts'

/**
 * Made when a store that lacks them is opened. What stands in `erasures` stays out of every restored copy of the rows.
 * `kept_rows`: commitments to rows of the erased in the ledger, which nobody can make again; they are here and not beside the
 * ledger, so that an older copy of the data finds them too.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS erasures (serial INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL UNIQUE, erased_at INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS erasure_jobs (id INTEGER PRIMARY KEY, job TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS suppressed (tag BLOB PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS holds (id INTEGER PRIMARY KEY, opened_at INTEGER NOT NULL, closed_at INTEGER, vendor TEXT,
    sealed BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS kept_rows (entry INTEGER NOT NULL, subject INTEGER NOT NULL, nth INTEGER NOT NULL,
    commitment BLOB NOT NULL, PRIMARY KEY (entry, subject, nth)) WITHOUT ROWID`

export interface HoldRow {
  id: number
  openedAt: number
  closedAt: number | null
  vendor: string | null
  sealed: Uint8Array
}

export class ErasureBook {
  readonly #db: DatabaseSync
  readonly #readKept: StatementSync
  #suppressed: boolean

  constructor(db: DatabaseSync) {
    this.#db = db
    db.exec(SCHEMA)
    this.#readKept = db.prepare('SELECT commitment FROM kept_rows WHERE entry = ? AND subject = ? AND nth = ?')
    this.#suppressed = this.#hasSuppressed()
  }

  // ------------------------------------------------------------------------------------------------- secrets

  /** Destroys secrets for ever and writes down whose, in one commit that leaves no byte of them in the file or its journal. */
  destroyPersons(ordinals: readonly number[], at: number, job?: ErasureJob): void {
    transact(this.#db, () => {
      for (const ordinal of ordinals) {
        this.#db.prepare('DELETE FROM person_secrets WHERE ordinal = ?').run(ordinal)
        this.#db.prepare('INSERT OR IGNORE INTO erasures (ordinal, erased_at) VALUES (?, ?)').run(ordinal, at)
      }
      if (job !== undefined) this.#put(job)
    })
    checkpoint(this.#db)
  }

  /** Ordinals that were erased after the erasure of that number, and the number of the last. */
  erasedSince(serial: number): { ordinals: number[]; last: number } {
    const rows = this.#db.prepare('SELECT serial, ordinal FROM erasures WHERE serial > ? ORDER BY serial').all(serial)
    return { ordinals: rows.map((row) => row.ordinal as number), last: (rows.at(-1)?.serial as number | undefined) ?? serial }
  }

  // --------------------------------------------------------------------------------------- rows of the ledger

  keepRows(rows: readonly { entry: number; subject: number; nth: number; commitment: Uint8Array }[]): void {
    const insert = this.#db.prepare('INSERT OR REPLACE INTO kept_rows (entry, subject, nth, commitment) VALUES (?, ?, ?, ?)')
    transact(this.#db, () => {
      for (const { entry, subject, nth, commitment } of rows) insert.run(entry, subject, nth, commitment)
    })
  }

  keptRow(entry: number, subject: number, nth: number): Uint8Array | undefined {
    return this.#readKept.get(entry, subject, nth)?.commitment as Uint8Array | undefined
  }

  // ---------------------------------------------------------------------------------------------------- jobs

  jobs(): ErasureJob[] {
    return this.#db.prepare('SELECT job FROM erasure_jobs ORDER BY id').all().map(decode)
  }

  job(id: number): ErasureJob {
    const row = this.#db.prepare('SELECT job FROM erasure_jobs WHERE id = ?').get(id)
    if (row === undefined) throw new BulkheadError('not_found', `there is no erasure ${id}`)
    return decode(row)
  }

  add(draft: Omit<ErasureJob, 'id'>): ErasureJob {
    return transact(this.#db, () => {
      const id = ((this.#db.prepare('SELECT max(id) AS id FROM erasure_jobs').get()?.id as number | null) ?? 0) + 1
      const job = { ...draft, id }
      this.#put(job)
      return job
    })
  }

  put(job: ErasureJob, tags: readonly Uint8Array[] = []): ErasureJob {
    transact(this.#db, () => {
      this.#put(job)
      for (const tag of tags) this.#db.prepare('INSERT OR IGNORE INTO suppressed (tag) VALUES (?)').run(tag)
    })
    if (tags.length > 0) this.#suppressed = true
    return job
  }

  #put(job: ErasureJob): void {
    this.#db
      .prepare('INSERT INTO erasure_jobs (id, job) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET job = excluded.job')
      .run(job.id, JSON.stringify(job))
  }

  // --------------------------------------------------------------------------------------------- suppression

  /** `tag` is asked for only when anybody is suppressed: making it costs a hash. */
  isSuppressed(tag: () => Uint8Array): boolean {
    return this.#suppressed && this.#db.prepare('SELECT 1 FROM suppressed WHERE tag = ?').get(tag()) !== undefined
  }

  #hasSuppressed(): boolean {
    return this.#db.prepare('SELECT 1 FROM suppressed LIMIT 1').get() !== undefined
  }

  // --------------------------------------------------------------------------------------------------- holds

  holds(): HoldRow[] {
    const rows = this.#db.prepare('SELECT id, opened_at AS openedAt, closed_at AS closedAt, vendor, sealed FROM holds ORDER BY id').all()
    return rows as unknown as HoldRow[]
  }

  openHold(hold: { at: number; vendor: string | null; seal: (id: number) => Uint8Array }): number {
    return transact(this.#db, () => {
      const id = ((this.#db.prepare('SELECT max(id) AS id FROM holds').get()?.id as number | null) ?? 0) + 1
      this.#db.prepare('INSERT INTO holds (id, opened_at, vendor, sealed) VALUES (?, ?, ?, ?)').run(id, hold.at, hold.vendor, hold.seal(id))
      return id
    })
  }

  /** False when there is no such hold or it was closed before. */
  closeHold(id: number, at: number): boolean {
    return this.#db.prepare('UPDATE holds SET closed_at = ? WHERE id = ? AND closed_at IS NULL').run(at, id).changes === 1
  }
}

function decode(row: Record<string, unknown>): ErasureJob {
  return JSON.parse(row.job as string) as ErasureJob
}

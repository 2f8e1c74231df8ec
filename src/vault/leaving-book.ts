/**
 * What the key store remembers of deletions that vendors owe when they are left. It lies beside the erasures, since a restore
 * from an older copy of the data must not forget what was asked. Numbers, times and configured names only.
 */
import type { DatabaseSync } from 'node:sqlite'
import { transact } from './database.ts'
import type { LeavingDeletion } from './erasure-port.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS leaving_deletions (id INTEGER PRIMARY KEY, vendor TEXT NOT NULL, state TEXT NOT NULL, deletion TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS leaving_state ON leaving_deletions (state);
  CREATE TABLE IF NOT EXISTS leaving_plans (vendor TEXT PRIMARY KEY, deletions INTEGER) WITHOUT ROWID`

export class LeavingBook {
  readonly #db: DatabaseSync

  constructor(db: DatabaseSync) {
    this.#db = db
    db.exec(SCHEMA)
  }

  wish(vendor: string): void {
    this.#db.prepare('INSERT OR IGNORE INTO leaving_plans (vendor, deletions) VALUES (?, NULL)').run(vendor)
  }

  wished(): string[] {
    const rows = this.#db.prepare('SELECT vendor FROM leaving_plans WHERE deletions IS NULL ORDER BY vendor').all()
    return rows.map(({ vendor }) => vendor as string)
  }

  plan(vendor: string, plan: readonly Omit<LeavingDeletion, 'id'>[]): void {
    transact(this.#db, () => {
      if (!this.wished().includes(vendor)) return
      this.#db.prepare('UPDATE leaving_plans SET deletions = ? WHERE vendor = ?').run(plan.length, vendor)
      const last = (this.#db.prepare('SELECT max(id) AS id FROM leaving_deletions').get()?.id as number | null) ?? 0
      for (const [index, deletion] of plan.entries()) this.put({ ...deletion, id: last + 1 + index })
    })
  }

  put(deletion: LeavingDeletion): void {
    const { id, vendor, state } = deletion
    this.#db
      .prepare(
        `INSERT INTO leaving_deletions (id, vendor, state, deletion) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, deletion = excluded.deletion`,
      )
      .run(id, vendor, state, JSON.stringify(deletion))
  }

  of(vendor?: string): LeavingDeletion[] {
    const where = vendor === undefined ? '' : 'WHERE vendor = ?'
    const statement = this.#db.prepare(`SELECT deletion FROM leaving_deletions ${where} ORDER BY id`)
    return (vendor === undefined ? statement.all() : statement.all(vendor)).map(decode)
  }

  in(state: LeavingDeletion['state']): LeavingDeletion[] {
    return this.#db.prepare('SELECT deletion FROM leaving_deletions WHERE state = ? ORDER BY id').all(state).map(decode)
  }
}

function decode(row: Record<string, unknown>): LeavingDeletion {
  return JSON.parse(row.deletion as string) as LeavingDeletion
}

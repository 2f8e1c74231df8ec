/** How the vault opens SQLite: one writer, every commit on the platter before it returns, freed pages overwritten. */
import { chmodSync, closeSync, existsSync, fsyncSync, openSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import { syncDatabase } from '#base/files.ts'
import { diskFull, isDiskFull } from '#base/reserve.ts'

/**
 * `secure_delete` overwrites what a delete frees; EXCLUSIVE keeps a second process out (kill -9 frees it) and needs no
 * shared-memory file; temporary tables stay in memory, so that no sort spills rows into a file.
 */
export function openDatabase(file: string): DatabaseSync {
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
  chmodSync(file, 0o600)
  const database = new DatabaseSync(file, { timeout: 2000 })
  try {
    database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;
      BEGIN IMMEDIATE; COMMIT`)
  } catch (thrown) {
    database.close()
    throw thrown
  }
  syncDatabase(file)
  return database
}

/** All or nothing. `write` is synchronous, so nothing else runs between. Throws `disk_full` when there is no room for it. */
export function transact<Result>(database: DatabaseSync, write: () => Result): Result {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = write()
    database.exec('COMMIT')
    return result
  } catch (thrown) {
    // A failed COMMIT (disk full) may have ended the transaction already.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw isDiskFull(thrown) ? diskFull(thrown) : thrown
  }
}

/** Moves everything into the main file and empties the write-ahead log: what was destroyed stands in neither afterwards. */
export function checkpoint(database: DatabaseSync): void {
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
}

const PAGES_A_STEP = 1000

/**
 * A copy as of the moment at which it is finished: what this connection writes meanwhile is in it (SQLite's online backup).
 * On disk when it returns.
 */
export async function copyDatabase(database: DatabaseSync, file: string): Promise<void> {
  closeSync(openSync(file, 'wx', 0o600))
  await backup(database, file, { rate: PAGES_A_STEP })
  const handle = openSync(file, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

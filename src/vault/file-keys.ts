/**
 * Keys of sealed files, one each: made before the file is, given out to whoever reads it once the look is on record, and
 * destroyed with what it sealed, in every copy of the file. They stand in the key store, so a copy of the data opens none.
 */
import type { DatabaseSync } from 'node:sqlite'
import { BulkheadError } from '#base/errors.ts'
import { checkpoint, transact } from './database.ts'
import { LABELS } from './labels.ts'
import { checkLook } from './looks.ts'
import type { Look } from './port.ts'
import type { RootKeys } from './root-keys.ts'
import { bind, newKeyBytes } from './seal.ts'

/** What the staff role asks of the vault about sealed files. The bytes are the caller's to wipe. */
export interface FileVault {
  /** Durable before it is returned. Throws `vault_refused` when the file has one already. */
  newFileKey(id: string): Promise<Buffer>
  /** The look is durable before. Throws `not_found` when there is none, or it was destroyed. */
  openFileKey(id: string, look: Look): Promise<Buffer>
  /** What it sealed is unreadable from then on. False: there was none, or it was destroyed before. */
  destroyFileKey(id: string, look: Look): Promise<boolean>
}

/** Rows stay when their key is gone: that something was there and was destroyed is no secret. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS file_keys (id TEXT PRIMARY KEY, destroyed_at INTEGER, wrapped BLOB) WITHOUT ROWID`

/** Since this format the store holds such keys, which an older program would not wrap anew with the others. */
export const FILE_KEYS_FORMAT = 2

const ID = /^[0-9a-f-]{36}$/

export class FileKeys {
  readonly #db: DatabaseSync
  readonly #roots: RootKeys

  constructor(db: DatabaseSync, roots: RootKeys) {
    this.#db = db
    this.#roots = roots
    transact(db, () => {
      db.exec(SCHEMA)
      db.prepare("UPDATE meta SET value = ? WHERE name = 'format' AND value < ?").run(FILE_KEYS_FORMAT, FILE_KEYS_FORMAT)
    })
  }

  create(id: string): Buffer {
    if (typeof id !== 'string' || !ID.test(id)) throw new BulkheadError('vault_refused', 'a file is named by a UUID')
    const secret = newKeyBytes()
    const wrapped = this.#roots.wrap(LABELS.wrapFile, bind('file', id), secret)
    const added = this.#db.prepare('INSERT OR IGNORE INTO file_keys (id, wrapped) VALUES (?, ?)').run(id, wrapped)
    if (added.changes === 1) return secret
    secret.fill(0)
    throw new BulkheadError('vault_refused', 'that file has a key')
  }

  read(id: string): Buffer | undefined {
    const wrapped = this.#db.prepare('SELECT wrapped FROM file_keys WHERE id = ?').get(id)?.wrapped as Uint8Array | null | undefined
    if (wrapped === undefined || wrapped === null) return undefined
    const secret = this.#roots.open(LABELS.wrapFile, bind('file', id), wrapped)
    if (secret === undefined) throw new BulkheadError('key_wrong', 'the key of a file does not open')
    return secret
  }

  destroy(id: string, at: number): boolean {
    const statement = 'UPDATE file_keys SET wrapped = NULL, destroyed_at = ? WHERE id = ? AND wrapped IS NOT NULL'
    const isThere = this.#db.prepare(statement).run(at, id).changes === 1
    if (isThere) checkpoint(this.#db)
    return isThere
  }
}

export class FileKeeping implements FileVault {
  readonly #keys: FileKeys
  readonly #now: () => number
  readonly #record: (look: Look, counts: Record<string, number>) => void

  constructor(parts: { keys: FileKeys; now: () => number; record: (look: Look, counts: Record<string, number>) => void }) {
    this.#keys = parts.keys
    this.#now = parts.now
    this.#record = parts.record
  }

  async newFileKey(id: string): Promise<Buffer> {
    return this.#keys.create(id)
  }

  async openFileKey(id: string, look: Look): Promise<Buffer> {
    checkLook(look)
    this.#record(look, { files: 1 })
    const key = this.#keys.read(id)
    if (key === undefined) throw new BulkheadError('not_found', 'there is no key for that file, or it was destroyed')
    return key
  }

  async destroyFileKey(id: string, look: Look): Promise<boolean> {
    checkLook(look)
    this.#record(look, { files: 1 })
    return this.#keys.destroy(id, this.#now())
  }
}

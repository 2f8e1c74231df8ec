/**
 * Giving the key store a new root key without stopping: the next root is wrapped and written down first, from then on both
 * open what is read; then everything is wrapped anew, a slice of people a turn, each slice one commit with its place; then the
 * next root takes the place of the former, which is gone. A kill at any point goes on at the next opening.
 */
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { BulkheadError } from '#base/errors.ts'
import { checkpoint, transact } from './database.ts'
import type { KeyWrap } from './key-wrap.ts'
import { LABELS } from './labels.ts'
import type { RootKeys } from './root-keys.ts'
import { bind, newKeyBytes, takeKey } from './seal.ts'

/** Within this the root key is changed by itself; a copy of the key folder is kept as long. */
export const ROOT_DAYS_MAX = 30
const SLICE = 500

type Column = string | number | Uint8Array

export interface RotationState {
  /** UTC ms; undefined: nobody knows, so it is due. */
  rotatedAt: number | undefined
  rotating: boolean
}

export class RootRotation {
  readonly #db: DatabaseSync
  readonly #roots: RootKeys
  readonly #instance: string
  readonly #wrap: KeyWrap
  readonly #now: () => number
  #running: Promise<number> | undefined
  #stopped = false

  constructor(parts: { db: DatabaseSync; roots: RootKeys; instance: string; wrap: KeyWrap; now: () => number }) {
    this.#db = parts.db
    this.#roots = parts.roots
    this.#instance = parts.instance
    this.#wrap = parts.wrap
    this.#now = parts.now
  }

  state(): RotationState {
    return { rotatedAt: this.#meta('root_rotated_at') as number | undefined, rotating: this.#roots.rotating }
  }

  /** How many keys were wrapped anew. One that is under way is joined. */
  rotate(): Promise<number> {
    this.#running ??= this.#rotate().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** The store is about to be closed; the next opening goes on. */
  stop(): void {
    this.#stopped = true
  }

  #checkOpen(): void {
    if (this.#stopped) throw new BulkheadError('vault_unavailable', 'the vault is stopping')
  }

  async #rotate(): Promise<number> {
    if (!this.#roots.rotating) {
      const bytes = newKeyBytes()
      const wrapped = await this.#wrap.wrap(bytes, bind('root', this.#instance))
      this.#checkOpen()
      this.#setMeta('root_next', wrapped)
      this.#roots.begin(takeKey(bytes))
    }
    let count = 0
    for (let more = true; more; ) {
      const slice = this.#slice()
      count += slice.wrapped
      more = slice.more
      await turn()
      this.#checkOpen()
    }
    return count + this.#finish()
  }

  /** People whose secret came after the beginning stand under the next root already, and above every number that was there. */
  #slice(): { wrapped: number; more: boolean } {
    return transact(this.#db, () => {
      const from = (this.#meta('root_next_at') as number | undefined) ?? 0
      const sql = `SELECT ordinal, wrapped FROM person_secrets WHERE ordinal > ? ORDER BY ordinal LIMIT ${SLICE}`
      const rows = this.#db.prepare(sql).all(from)
      const write = this.#db.prepare('UPDATE person_secrets SET wrapped = ? WHERE ordinal = ?')
      let wrapped = 0
      for (const { ordinal, wrapped: before } of rows) {
        const again = this.#roots.again(LABELS.wrapPerson, bind('person', ordinal as number), before as Uint8Array)
        if (again === undefined) continue
        write.run(again, ordinal as number)
        wrapped += 1
      }
      const last = rows.at(-1)?.ordinal as number | undefined
      if (last !== undefined) this.#setMeta('root_next_at', last)
      return { wrapped, more: last !== undefined }
    })
  }

  #finish(): number {
    const wrapped = transact(this.#db, () => {
      const count =
        this.#again('named_keys', ['name'], ([name]) => bind('named', name as string)) +
        this.#again('scopes', ['id', 'version'], ([id, version]) => bind('index', id as number, version as number)) +
        this.#again('epochs', ['destination', 'epoch'], ([destination, epoch]) => bind('epoch', destination as string, epoch as number)) +
        this.#again('waiting_keys', ['day'], ([day]) => bind('waiting', day as number)) +
        this.#again('file_keys', ['id'], ([id]) => bind('file', id as string), LABELS.wrapFile)
      this.#setMeta('root', this.#meta('root_next') as Uint8Array)
      this.#setMeta('root_rotated_at', this.#now())
      this.#db.prepare("DELETE FROM meta WHERE name IN ('root_next', 'root_next_at')").run()
      return count
    })
    this.#roots.finish()
    // Nothing that stood under the former root is left in the file or its journal.
    checkpoint(this.#db)
    return wrapped
  }

  #again(
    table: string,
    key: readonly string[],
    boundOf: (key: Column[]) => string,
    use: typeof LABELS.wrapKey | typeof LABELS.wrapFile = LABELS.wrapKey,
  ): number {
    const rows = this.#db.prepare(`SELECT ${key.join(', ')}, wrapped FROM ${table} WHERE wrapped IS NOT NULL`).all()
    const write = this.#db.prepare(`UPDATE ${table} SET wrapped = ? WHERE ${key.map((name) => `${name} = ?`).join(' AND ')}`)
    let count = 0
    for (const row of rows) {
      const values = key.map((name) => row[name] as Column)
      const again = this.#roots.again(use, boundOf(values), row.wrapped as Uint8Array)
      if (again === undefined) continue
      write.run(again, ...values)
      count += 1
    }
    return count
  }

  #meta(name: string): unknown {
    return this.#db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.value
  }

  #setMeta(name: string, value: Column): void {
    this.#db
      .prepare('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
      .run(name, value)
  }
}

/**
 * `keys.db`: every secret of an instance, wrapped. The vault process is its only reader and writer. Created by
 * `keys.ts`; this file only works on one that exists.
 */
import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { BulkheadError } from '#base/errors.ts'
import { checkpoint, copyDatabase, transact } from './database.ts'
import { Epochs } from './epochs.ts'
import { ErasureBook } from './erasure-book.ts'
import { FILE_KEYS_FORMAT, FileKeys } from './file-keys.ts'
import { deriveKeyPair, type KeyPair } from './hpke.ts'
import { LABELS } from './labels.ts'
import { LeavingBook } from './leaving-book.ts'
import type { RootKeys } from './root-keys.ts'
import type { SeenClock } from './steady-clock.ts'
import { bind, deriveBytes, deriveKey, hmac, newKeyBytes, open, seal, takeKey } from './seal.ts'

export const KEYS_FORMAT = FILE_KEYS_FORMAT
/** Keys of one instance that belong to no person and no destination. */
export const NAMED_KEYS = ['ledger', 'looks', 'staff-view', 'dedup', 'scope'] as const
const SIGNING_KEY = 'ledger-signing'
export type NamedKey = (typeof NAMED_KEYS)[number]

export const KEYS_SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE named_keys (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE scopes (id INTEGER PRIMARY KEY, tag BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL, version INTEGER NOT NULL,
    wrapped BLOB NOT NULL);
  CREATE TABLE person_secrets (ordinal INTEGER PRIMARY KEY, wrapped BLOB NOT NULL);
  CREATE TABLE epochs (destination TEXT NOT NULL, epoch INTEGER NOT NULL, state TEXT NOT NULL, started_at INTEGER NOT NULL,
    wrapped BLOB, PRIMARY KEY (destination, epoch)) WITHOUT ROWID;
  CREATE TABLE waiting_keys (day INTEGER PRIMARY KEY, wrapped BLOB NOT NULL);`

/** A namespace and a kind of value: what one blind-index key is for. Names stand sealed, since a kind may be a group's name. */
export interface Scope {
  id: number
  namespace: string
  kind: string
  version: number
  index: KeyObject
}

export interface WaitingKeys {
  /** Opens blobs of format 1; nothing is sealed with it any more. */
  sealing: KeyObject
  pair: KeyPair
}

export class KeyStore {
  readonly #db: DatabaseSync
  readonly epochs: Epochs
  readonly erasures: ErasureBook
  readonly files: FileKeys
  readonly leaving: LeavingBook
  readonly #roots: RootKeys
  readonly #named = new Map<NamedKey, KeyObject>()
  readonly #scopesByName = new Map<string, Scope>()
  readonly #scopesById = new Map<number, Scope>()
  readonly #waitingKeys = new Map<number, WaitingKeys>()
  readonly #readSecret: StatementSync
  readonly #writeSecret: StatementSync
  readonly #writeMeta: StatementSync
  #batch: number

  /** `roots` unwrapped; throws `key_wrong` when a key in the store does not open under them. */
  constructor(db: DatabaseSync, roots: RootKeys) {
    this.#db = db
    this.#roots = roots
    this.epochs = new Epochs(db, {
      wrap: (secret, bound) => this.#wrap(secret, bound),
      unwrap: (wrapped, bound) => this.#unwrap(wrapped, bound),
    })
    this.erasures = new ErasureBook(db)
    this.files = new FileKeys(db, roots)
    this.leaving = new LeavingBook(db)
    this.#readSecret = db.prepare('SELECT wrapped FROM person_secrets WHERE ordinal = ?')
    this.#writeSecret = db.prepare('INSERT INTO person_secrets (ordinal, wrapped) VALUES (?, ?)')
    this.#writeMeta = db.prepare('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
    this.#batch = (this.meta('batch') as number | undefined) ?? 0
    for (const name of NAMED_KEYS) {
      const row = db.prepare('SELECT wrapped FROM named_keys WHERE name = ?').get(name)
      if (row === undefined) throw new BulkheadError('key_wrong', `the key store holds no key "${name}"`)
      this.#named.set(name, this.#unwrap(row.wrapped as Uint8Array, bind('named', name)))
    }
    for (const row of db.prepare('SELECT id, sealed, version, wrapped FROM scopes').all()) this.#loadScope(row)
  }

  named(name: NamedKey): KeyObject {
    return this.#named.get(name) as KeyObject
  }

  meta(name: string): unknown {
    return this.#db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.value
  }

  setMeta(name: string, value: string | number): void {
    this.#writeMeta.run(name, value)
  }

  copyTo(file: string): Promise<void> {
    return copyDatabase(this.#db, file)
  }

  /** Ed25519; made at the first signature and kept. Undefined when there is none and `create` is not set. */
  signingKey(create: boolean): KeyObject | undefined {
    const bound = bind('named', SIGNING_KEY)
    const row = this.#db.prepare('SELECT wrapped FROM named_keys WHERE name = ?').get(SIGNING_KEY)
    if (row === undefined) {
      if (!create) return undefined
      const { privateKey } = generateKeyPairSync('ed25519')
      const bytes = privateKey.export({ format: 'der', type: 'pkcs8' })
      this.#db.prepare('INSERT INTO named_keys (name, wrapped) VALUES (?, ?)').run(SIGNING_KEY, this.#wrap(bytes, bound))
      bytes.fill(0)
      return privateKey
    }
    const bytes = this.#roots.open(LABELS.wrapKey, bound, row.wrapped as Uint8Array)
    if (bytes === undefined) throw new BulkheadError('key_wrong', 'the signing key does not open under the root key')
    const key = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
    bytes.fill(0)
    return key
  }

  // ------------------------------------------------------------------------------------------------ scopes

  /** The scope of a namespace and kind; made durable before it is returned when it is new. */
  scope(namespace: string, kind: string): Scope {
    return this.findScope(namespace, kind) ?? this.#addScope(namespace, kind)
  }

  findScope(namespace: string, kind: string): Scope | undefined {
    return this.#scopesByName.get(bind(namespace, kind))
  }

  scopeById(id: number): Scope | undefined {
    return this.#scopesById.get(id)
  }

  scopes(): Scope[] {
    return [...this.#scopesById.values()]
  }

  #addScope(namespace: string, kind: string): Scope {
    const name = bind(namespace, kind)
    const scopeKey = this.named('scope')
    const id = Math.max(0, ...this.#scopesById.keys()) + 1
    const secret = newKeyBytes()
    const row = {
      id,
      sealed: seal(deriveKey(scopeKey, LABELS.scope), bind('scope', id), name),
      version: 1,
      wrapped: this.#wrap(secret, bind('index', id, 1)),
    }
    secret.fill(0)
    this.#db
      .prepare('INSERT INTO scopes (id, tag, sealed, version, wrapped) VALUES (?, ?, ?, ?, ?)')
      .run(id, hmac(deriveKey(scopeKey, LABELS.scopeTag), name), row.sealed, row.version, row.wrapped)
    return this.#loadScope(row)
  }

  #loadScope(row: Record<string, unknown>): Scope {
    const id = row.id as number
    const version = row.version as number
    const name = open(deriveKey(this.named('scope'), LABELS.scope), bind('scope', id), row.sealed as Uint8Array)
    if (name === undefined) throw new BulkheadError('key_wrong', 'a name in the key store does not open')
    const [namespace, kind] = JSON.parse(name.toString('utf8')) as [string, string]
    const secret = this.#unwrap(row.wrapped as Uint8Array, bind('index', id, version))
    const scope = { id, namespace, kind, version, index: deriveKey(secret, LABELS.index) }
    this.#scopesById.set(id, scope)
    this.#scopesByName.set(bind(namespace, kind), scope)
    return scope
  }

  // ---------------------------------------------------------------------------------------- person secrets

  /** Highest ordinal that ever got a secret: never given again, even when the vault's rows are an older copy. */
  get ordinalHigh(): number {
    return (this.meta('ordinal_high') as number | undefined) ?? 0
  }

  /** Number of the last commit that added secrets; the vault's rows repeat it. */
  get batch(): number {
    return this.#batch
  }

  /** Adds secrets for new ordinals, ascending, in one durable commit. Gives the sealing key of each. */
  addPersons(ordinals: readonly number[]): { batch: number; sealKeys: KeyObject[] } {
    const batch = this.#batch + 1
    const sealKeys: KeyObject[] = []
    transact(this.#db, () => {
      for (const ordinal of ordinals) {
        const secret = newKeyBytes()
        this.#writeSecret.run(ordinal, this.#roots.wrap(LABELS.wrapPerson, bind('person', ordinal), secret))
        sealKeys.push(deriveKey(takeKey(secret), LABELS.seal))
      }
      this.#writeMeta.run('ordinal_high', ordinals.at(-1) as number)
      this.#writeMeta.run('batch_from', ordinals[0] as number)
      this.#writeMeta.run('batch', batch)
    })
    this.#batch = batch
    return { batch, sealKeys }
  }

  /** Key under which a person's values are sealed; undefined when the secret was destroyed or never was. */
  sealKey(ordinal: number): KeyObject | undefined {
    return this.#personKey(ordinal, LABELS.seal)
  }

  /** Key of the commitments to a person's rows in the ledger; undefined as `sealKey`. */
  commitKey(ordinal: number): KeyObject | undefined {
    return this.#personKey(ordinal, LABELS.commit)
  }

  #personKey(ordinal: number, label: 'seal' | 'commit'): KeyObject | undefined {
    const row = this.#readSecret.get(ordinal)
    if (row === undefined) return undefined
    const secret = this.#roots.open(LABELS.wrapPerson, bind('person', ordinal), row.wrapped as Uint8Array)
    if (secret === undefined) throw new BulkheadError('key_wrong', 'the secret of a person does not open')
    return deriveKey(takeKey(secret), label)
  }

  /**
   * Removes the secrets of a last batch whose rows never reached the vault (a crash between the two commits). Nobody was
   * told those ordinals. Only that one batch: with an older copy of the rows, everything else must stay.
   */
  sweep(rowsBatch: number, rowsHigh: number): number {
    if (this.batch !== rowsBatch + 1) return 0
    const from = this.meta('batch_from') as number
    if (rowsHigh >= from) return 0
    const removed = Number(this.#db.prepare('DELETE FROM person_secrets WHERE ordinal >= ?').run(from).changes)
    if (removed > 0) checkpoint(this.#db)
    return removed
  }

  hasSecret(ordinal: number): boolean {
    return this.#readSecret.get(ordinal) !== undefined
  }

  // ------------------------------------------------------------------------------------------ waiting room

  /** Keys of an arrival day; `create` makes them, durable before they are returned. */
  waitingKeys(day: number, create: boolean): WaitingKeys | undefined {
    const known = this.#waitingKeys.get(day)
    if (known !== undefined) return known
    let wrapped = this.#db.prepare('SELECT wrapped FROM waiting_keys WHERE day = ?').get(day)?.wrapped as Uint8Array | undefined
    if (wrapped === undefined) {
      if (!create) return undefined
      const secret = newKeyBytes()
      wrapped = this.#wrap(secret, bind('waiting', day))
      secret.fill(0)
      this.#db.prepare('INSERT INTO waiting_keys (day, wrapped) VALUES (?, ?)').run(day, wrapped)
    }
    const secret = this.#unwrap(wrapped, bind('waiting', day))
    const keys = { sealing: deriveKey(secret, LABELS.waiting), pair: deriveKeyPair(deriveBytes(secret, LABELS.waitingPair)) }
    this.#waitingKeys.set(day, keys)
    return keys
  }

  /** Keys of all days before this one are destroyed: what was sealed under them is rubbish. */
  get waitingSwept(): number {
    return (this.meta('waiting_swept') as number | undefined) ?? 0
  }

  destroyWaitingKeys(beforeDay: number): number {
    const removed = transact(this.#db, () => {
      if (beforeDay > this.waitingSwept) this.#writeMeta.run('waiting_swept', beforeDay)
      return Number(this.#db.prepare('DELETE FROM waiting_keys WHERE day < ?').run(beforeDay).changes)
    })
    for (const day of this.#waitingKeys.keys()) if (day < beforeDay) this.#waitingKeys.delete(day)
    if (removed > 0) checkpoint(this.#db)
    return removed
  }

  // ---------------------------------------------------------------------------------------- anchor of looks

  looksAnchor(): { count: number; head: string } {
    const text = this.meta('looks') as string | undefined
    return text === undefined ? { count: 0, head: '' } : (JSON.parse(text) as { count: number; head: string })
  }

  setLooksAnchor(anchor: { count: number; head: string }): void {
    this.#writeMeta.run('looks', JSON.stringify(anchor))
  }

  // ---------------------------------------------------------------------------------------- clock, as it was seen

  seenClock(): SeenClock | undefined {
    const text = this.meta('clock') as string | undefined
    return text === undefined ? undefined : (JSON.parse(text) as SeenClock)
  }

  setSeenClock(seen: SeenClock): void {
    this.#writeMeta.run('clock', JSON.stringify(seen))
  }

  /** Name for a field outside the known vocabulary, so that text from outside never stands plain. */
  fieldTag(field: string): string {
    const key = deriveKey(this.named('scope'), LABELS.fieldTag)
    return `~${createHmac('sha256', key).update(field).digest('hex').slice(0, 32)}`
  }

  close(): void {
    checkpoint(this.#db)
    this.#db.close()
  }

  #wrap(secret: Uint8Array, bound: string): Buffer {
    return this.#roots.wrap(LABELS.wrapKey, bound, secret)
  }

  #unwrap(wrapped: Uint8Array, bound: string): KeyObject {
    return this.#roots.unwrap(bound, wrapped)
  }
}

/** Fills a fresh `keys.db`. */
export function fillKeyStore(db: DatabaseSync, root: KeyObject, meta: Record<string, string | number | Buffer>): void {
  const wrapKey = deriveKey(root, LABELS.wrapKey)
  transact(db, () => {
    db.exec(KEYS_SCHEMA)
    for (const [name, value] of Object.entries(meta)) db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)').run(name, value)
    for (const name of NAMED_KEYS) {
      const secret = newKeyBytes()
      db.prepare('INSERT INTO named_keys (name, wrapped) VALUES (?, ?)').run(name, seal(wrapKey, bind('named', name), secret))
      secret.fill(0)
    }
  })
}

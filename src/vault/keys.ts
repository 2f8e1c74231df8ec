/**
 * The key folder: `kek` (the key-encryption key, 32 random bytes) and `keys.db`. Creating and opening are different code,
 * so that no mistake of a path can ever put new keys beside old data.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BulkheadError } from '#base/errors.ts'
import { makeFolderDurably, syncFolder } from '#base/files.ts'
import { checkpoint, openDatabase, transact } from './database.ts'
import { fillKeyStore, KEYS_FORMAT, KeyStore } from './key-store.ts'
import { type KeyWrap, localKeyWrap } from './key-wrap.ts'
import { RootKeys } from './root-keys.ts'
import { RootRotation } from './root-rotation.ts'
import { bind, KEY_BYTES, newKeyBytes, takeKey } from './seal.ts'

const KEK = 'kek'
const STORE = 'keys.db'

/**
 * Makes the keys of a new instance. `keys.db` appears whole or not at all: it is renamed into place last. A
 * key-encryption key that a crashed first start left is used again, never replaced. Throws `key_exists`.
 */
export async function createKeys(options: { keysDir: string; instance: string; wrap?: KeyWrap }): Promise<void> {
  const { keysDir, instance } = options
  const store = path.join(keysDir, STORE)
  if (existsSync(store)) throw new BulkheadError('key_exists', `${keysDir} holds keys already`)
  makeFolderDurably(keysDir)
  chmodSync(keysDir, 0o700)
  if (options.wrap === undefined && !existsSync(path.join(keysDir, KEK))) writeKek(keysDir)
  const wrap = options.wrap ?? localKeyWrap(readKek(keysDir))
  const draft = `${store}.new`
  for (const file of [draft, `${draft}-journal`]) rmSync(file, { force: true })
  closeSync(openSync(draft, 'wx', 0o600))
  const bytes = newKeyBytes()
  const wrapped = await wrap.wrap(bytes, bind('root', instance))
  const root = takeKey(bytes)
  const db = new DatabaseSync(draft)
  try {
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
    fillKeyStore(db, root, { format: KEYS_FORMAT, instance, root: wrapped, root_rotated_at: Date.now() })
  } finally {
    db.close()
  }
  renameSync(draft, store)
  syncFolder(keysDir)
}

/** The store with what wraps its root key, for rotations. */
export interface OpenKeys {
  keys: KeyStore
  rotation: RootRotation
  /** Wraps the root key under another key-encryption key. Throws `key_service_unavailable`; `vault_refused` while the root rotates. */
  rotateKek(): Promise<void>
  wrap: KeyWrap['kind']
}

export interface KeysPlace {
  keysDir: string
  instance: string
  wrap?: KeyWrap
  now?: () => number
}

/** Opens the keys of an instance. Throws `key_missing`, `key_wrong` or `key_service_unavailable`; makes nothing. */
export async function openKeys(options: KeysPlace): Promise<KeyStore> {
  return (await openKeysToRotate(options)).keys
}

export async function openKeysToRotate(options: KeysPlace): Promise<OpenKeys> {
  const { keysDir, instance, now = Date.now } = options
  const store = path.join(keysDir, STORE)
  if (!existsSync(store)) throw new BulkheadError('key_missing', `there is no key store in ${keysDir}`)
  const wrap = options.wrap ?? localKeyWrap(readKek(keysDir))
  chmodSync(keysDir, 0o700)
  // Whoever made the keys may have been killed before their folder had its name.
  makeFolderDurably(keysDir)
  const db = openStore(store)
  try {
    const meta = new Map(
      db
        .prepare('SELECT name, value FROM meta')
        .all()
        .map((row) => [row.name as string, row.value]),
    )
    if ((meta.get('format') as number) > KEYS_FORMAT) {
      throw new BulkheadError(
        'data_format_newer',
        `the key store has format ${meta.get('format')}, this program knows up to ${KEYS_FORMAT}`,
      )
    }
    if (meta.get('instance') !== instance) throw new BulkheadError('key_wrong', `the keys in ${keysDir} belong to another instance`)
    if (options.wrap === undefined) await settleKek(db, keysDir, { wrap, instance, meta })
    const unwrap = async (name: string): Promise<Buffer | undefined> => {
      const wrapped = meta.get(name) as Uint8Array | undefined
      return wrapped && (await wrap.unwrap(wrapped, bind('root', instance)))
    }
    const root = await unwrap('root')
    const next = await unwrap('root_next')
    if (root === undefined || (next === undefined && meta.get('root_next') !== undefined)) {
      throw new BulkheadError('key_wrong', `the key-encryption key does not open the key store in ${keysDir}`)
    }
    const roots = new RootKeys(takeKey(root), next && takeKey(next))
    const rotation = new RootRotation({ db, roots, instance, wrap: currentWrap(options, wrap), now })
    const rotateKek = (): Promise<void> =>
      wrap.rewrap === undefined ? rotateKekFile(db, keysDir, roots, instance) : rewrapRoots(db, wrap, instance)
    return { keys: new KeyStore(db, roots), rotation, rotateKek, wrap: wrap.kind }
  } catch (thrown) {
    db.close()
    if (thrown instanceof BulkheadError) throw thrown
    throw new BulkheadError('key_wrong', `the key store in ${keysDir} is damaged`, { cause: thrown })
  }
}

/** The file may be another one by the time that a root key is wrapped. */
function currentWrap({ wrap, keysDir }: KeysPlace, opened: KeyWrap): KeyWrap {
  if (wrap !== undefined) return opened
  return { ...opened, wrap: (plain, bound) => localKeyWrap(readKek(keysDir)).wrap(plain, bound) }
}

const OTHER_KEK = 'kek.next'
const ROOTS = ['root', 'root_next'] as const

/**
 * Another key-encryption key, so that a crash leaves one that opens the store: the next file is written beside the former; the
 * roots stand under both; the next file takes the name; what stands under the former goes.
 */
async function rotateKekFile(db: DatabaseSync, keysDir: string, roots: RootKeys, instance: string): Promise<void> {
  if (roots.rotating) throw new BulkheadError('vault_refused', 'the root key is being rotated: ask again when that is over')
  writeKek(keysDir, OTHER_KEK)
  const next = localKeyWrap(readKek(keysDir, OTHER_KEK))
  const { root } = roots.exported()
  putMeta(db, { root_other: await next.wrap(root, bind('root', instance)) })
  root.fill(0)
  renameSync(path.join(keysDir, OTHER_KEK), path.join(keysDir, KEK))
  syncFolder(keysDir)
  takeOver(db)
}

function takeOver(db: DatabaseSync): void {
  transact(db, () => {
    db.prepare("UPDATE meta SET value = (SELECT value FROM meta WHERE name = 'root_other') WHERE name = 'root'").run()
    db.prepare("DELETE FROM meta WHERE name = 'root_other'").run()
    putMeta(db, { kek_rotated_at: Date.now() })
  })
  checkpoint(db)
}

/** Finishes or undoes what a crash left of `rotateKekFile`. */
async function settleKek(
  db: DatabaseSync,
  keysDir: string,
  { wrap, instance, meta }: { wrap: KeyWrap; instance: string; meta: Map<string, unknown> },
): Promise<void> {
  const other = meta.get('root_other') as Uint8Array | undefined
  if (other !== undefined && (await wrap.unwrap(other, bind('root', instance))) !== undefined) {
    takeOver(db)
    meta.set('root', other)
  } else if (other !== undefined) {
    db.prepare("DELETE FROM meta WHERE name = 'root_other'").run()
    checkpoint(db)
  }
  rmSync(path.join(keysDir, OTHER_KEK), { force: true })
}

async function rewrapRoots(db: DatabaseSync, wrap: KeyWrap, instance: string): Promise<void> {
  for (const name of ROOTS) {
    const wrapped = db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.value as Uint8Array | undefined
    const again = wrapped && (await wrap.rewrap?.(wrapped, bind('root', instance)))
    if (again !== undefined) putMeta(db, { [name]: again })
  }
  putMeta(db, { kek_rotated_at: Date.now() })
  checkpoint(db)
}

function putMeta(db: DatabaseSync, values: Record<string, string | number | Uint8Array>): void {
  for (const [name, value] of Object.entries(values)) {
    db.prepare('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value').run(name, value)
  }
}

function openStore(store: string): DatabaseSync {
  try {
    return openDatabase(store)
  } catch (cause) {
    const isBusy = cause instanceof Error && 'errcode' in cause && cause.errcode === 5
    if (isBusy) throw new BulkheadError('already_running', `another process holds ${store}`, { cause })
    throw new BulkheadError('key_wrong', `${store} is not a key store`, { cause })
  }
}

function writeKek(keysDir: string, name: typeof KEK | typeof OTHER_KEK = KEK): void {
  const draft = path.join(keysDir, `${name}.new`)
  rmSync(draft, { force: true })
  const handle = openSync(draft, 'wx', 0o600)
  const bytes = newKeyBytes()
  try {
    writeFileSync(handle, bytes)
    fsyncSync(handle)
  } finally {
    bytes.fill(0)
    closeSync(handle)
  }
  renameSync(draft, path.join(keysDir, name))
  syncFolder(keysDir)
}

function readKek(keysDir: string, name: typeof KEK | typeof OTHER_KEK = KEK): KeyObject {
  const file = path.join(keysDir, name)
  if (!existsSync(file)) throw new BulkheadError('key_missing', `there is no key-encryption key in ${keysDir}`)
  const bytes = readFileSync(file)
  if (bytes.length !== KEY_BYTES) throw new BulkheadError('key_wrong', `${file} is not a key of ${KEY_BYTES} bytes`)
  chmodSync(file, 0o600)
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

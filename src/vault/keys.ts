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
import { openDatabase } from './database.ts'
import { fillKeyStore, KEYS_FORMAT, KeyStore } from './key-store.ts'
import { type KeyWrap, localKeyWrap } from './key-wrap.ts'
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
    fillKeyStore(db, root, { format: KEYS_FORMAT, instance, root: wrapped })
  } finally {
    db.close()
  }
  renameSync(draft, store)
  syncFolder(keysDir)
}

/** Opens the keys of an instance. Throws `key_missing` or `key_wrong`; makes nothing. */
export async function openKeys(options: { keysDir: string; instance: string; wrap?: KeyWrap }): Promise<KeyStore> {
  const { keysDir, instance } = options
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
    const root = await wrap.unwrap(meta.get('root') as Uint8Array, bind('root', instance))
    if (root === undefined) throw new BulkheadError('key_wrong', `the key-encryption key does not open the key store in ${keysDir}`)
    return new KeyStore(db, takeKey(root))
  } catch (thrown) {
    db.close()
    if (thrown instanceof BulkheadError) throw thrown
    throw new BulkheadError('key_wrong', `the key store in ${keysDir} is damaged`, { cause: thrown })
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

function writeKek(keysDir: string): void {
  const draft = path.join(keysDir, `${KEK}.new`)
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
  renameSync(draft, path.join(keysDir, KEK))
  syncFolder(keysDir)
}

function readKek(keysDir: string): KeyObject {
  const file = path.join(keysDir, KEK)
  if (!existsSync(file)) throw new BulkheadError('key_missing', `there is no key-encryption key in ${keysDir}`)
  const bytes = readFileSync(file)
  if (bytes.length !== KEY_BYTES) throw new BulkheadError('key_wrong', `${file} is not a key of ${KEY_BYTES} bytes`)
  chmodSync(file, 0o600)
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

/**
 * Refuses data that a newer program has written, before any role opens a store: an older one could overlook a cut, a gap or a
 * kind of entry that it does not know. Each store refuses by itself too; this look comes first and changes nothing.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import { openLedgerReader } from '#ledger/ledger-reader.ts'
import { openLogReader } from '#log/log-reader.ts'
import { refuseNewer } from '#records/migrations.ts'
import { readPlainMeta } from '#vault/key-meta.ts'
import { KEYS_FORMAT } from '#vault/key-store.ts'
import { ROWS_FORMAT } from '#vault/rows.ts'
import { refuseNewerFolder } from '#warehouse/format.ts'
import type { Instance } from './instance.ts'

/** Throws `data_format_newer`, naming the store. */
export function refuseNewerFormats(instance: Instance): void {
  refuseMeta('the key store', path.join(instance.keysDir, 'keys.db'), KEYS_FORMAT)
  refuseMeta('the vault', path.join(instance.dataDir, 'vault.db'), ROWS_FORMAT)
  if (existsSync(instance.recordsPath)) refuseNewer(userVersionOf(instance.recordsPath))
  refuseNewerFolder(instance.warehouseDir)
  const ledger = openLedgerReader({ dir: instance.ledgerDir })
  try {
    ledger.head()
  } finally {
    ledger.close()
  }
  const log = openLogReader({ dir: instance.logDir })
  try {
    const head = log.head()
    if (head >= log.tail()) log.read(head, { entries: 1, bytes: 1 })
  } catch (thrown) {
    // What is damaged is named by its owner, in its own words.
    if (thrown instanceof BulkheadError && thrown.code === 'data_format_newer') throw thrown
  } finally {
    log.close()
  }
}

function refuseMeta(store: string, file: string, known: number): void {
  const format = existsSync(file) ? readPlainMeta(file).get('format') : undefined
  if (typeof format !== 'number' || format <= known) return
  throw new BulkheadError('data_format_newer', `${store} has format ${format}, this program knows up to ${known}`)
}

/** `PRAGMA user_version` as it stands in the file's header (https://www.sqlite.org/fileformat.html#user_version_number). */
function userVersionOf(file: string): number {
  const handle = openSync(file, 'r')
  try {
    const head = Buffer.alloc(64)
    // What is no such file has no version: its owner names the damage, in its own words.
    if (readSync(handle, head, 0, 64, 0) !== 64 || head.toString('latin1', 0, 16) !== 'SQLite format 3\0') return 0
    return head.readUInt32BE(60)
  } finally {
    closeSync(handle)
  }
}

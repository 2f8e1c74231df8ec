/**
 * The ledger's file: one LMDB environment with three tables. Entries by number; numbers of intents that are open; and
 * state (cursors, plans, counts). A commit is visible to readers only once it is on disk (`overlappingSync: false`), so
 * nobody ever acts on an outcome or a cursor that a power cut could take back. `LedgerStore` is a port: test/sim puts a
 * simulated disk in the place of LMDB.
 */
import { existsSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { BulkheadError } from '#base/errors.ts'
import { makeFolderDurably, syncFile, syncFolder } from '#base/files.ts'
import { extendToLastPage, lmdbFault, PAGE_BYTES } from '#base/lmdb-file.ts'
import { countOf, type Table } from '#base/table.ts'
import { commit } from '#log/folders.ts'
import type { Gap, Intent, LedgerEntry, LogPosition } from '#model/disclosure.ts'
import { corrupt, decodeEntry } from './entry-codec.ts'
import type { HeldRange, LoadPlan } from './port.ts'
import { FIRST_POSITION } from './position.ts'

/**
 * 2: entries may be gaps, and manifests are packed as columns. 3: entries are added to a tree (`tiles/`), and whoever erases has
 * to keep what its proofs need, which an earlier program does not.
 */
export const LEDGER_FORMAT = 3

export interface LedgerStore {
  /**
   * All puts and removes of `write` in one commit, which is on disk when it returns; commits end in the order of the calls.
   * `write` may run again when there was no space for the commit.
   * After a throw the commit may be there or not. A crash leaves each commit whole or not at all, and none without
   * those before it.
   */
  commit(write: () => void): Promise<unknown>
  entries: Table<Buffer, number>
  open: Table<boolean, number>
  state: Table<unknown, string>
  /** For readers in other processes: what is read from now on is the newest commit. */
  refresh(): void
  close(): Promise<void>
}

function fileOf(dir: string): string {
  return path.join(dir, 'ledger.mdb')
}

export function storeExists(dir: string): boolean {
  return existsSync(fileOf(dir))
}

/**
 * Opens the file, made when absent unless `readOnly`. It is made under another name and renamed whole, so that it is there
 * with both its heads or not at all. Throws `ledger_corrupt` rather than let LMDB map what would end the process.
 */
export function openStore(dir: string, readOnly: boolean): LedgerStore {
  const file = fileOf(dir)
  if (!readOnly) {
    makeFolderDurably(dir)
    if (!existsSync(file)) createFile(file)
    syncFile(file)
    syncFolder(dir)
  }
  const fault = lmdbFault(file)
  if (fault !== undefined) throw new BulkheadError('ledger_corrupt', `the ledger cannot be opened: ${fault}`)
  if (!readOnly) extendToLastPage(file)
  const root = openLmdb(file, readOnly)
  const store: LedgerStore = {
    commit: (write) => commit(root, write),
    refresh: () => root.resetReadTxn(),
    close: () => root.close(),
    entries: root.openDB<Buffer, number>({ name: 'entries', encoding: 'binary' }),
    open: root.openDB<boolean, number>({ name: 'open', encoding: 'json' }),
    state: root.openDB<unknown, string>({ name: 'state', encoding: 'json' }),
  }
  checkFormat(store)
  return store
}

function createFile(file: string): void {
  const draft = `${file}.new`
  for (const part of [draft, `${draft}-lock`]) rmSync(part, { force: true })
  // Opening makes the heads; nothing is written to it under this name.
  void openLmdb(draft, false).close()
  syncFile(draft)
  renameSync(draft, file)
  rmSync(`${draft}-lock`, { force: true })
}

/** `noMemInit` stays off: it would leave memory of the process in the file. */
function openLmdb(path: string, readOnly: boolean): RootDatabase<Buffer, string> {
  return open<Buffer, string>({ path, encoding: 'binary', maxDbs: 8, overlappingSync: false, readOnly, pageSize: PAGE_BYTES })
}

export function checkFormat(store: LedgerStore): void {
  const format = store.state?.get('format')
  if (typeof format === 'number' && format > LEDGER_FORMAT) {
    throw new BulkheadError('data_format_newer', `the ledger has format ${format}, this program knows ${LEDGER_FORMAT}`)
  }
}

/** Number of the last entry; throws `ledger_corrupt` when numbers are missing before it. */
export function lastEntry(store: LedgerStore): number {
  const [last = 0] = store.entries.getKeys({ reverse: true, limit: 1 })
  const entryCount = countOf(store.entries)
  if (entryCount !== last) throw corrupt(last, `is the last, but the ledger holds ${entryCount} entries`)
  return last
}

export function readEntry(store: LedgerStore, number: number): LedgerEntry | undefined {
  const bytes = store.entries.get(number)
  return bytes === undefined ? undefined : decodeEntry(number, bytes)
}

export function readOpenIntents(store: LedgerStore): Intent[] {
  const intents: Intent[] = []
  for (const number of store.open.getKeys()) {
    const entry = readEntry(store, number)
    if (entry?.type !== 'intent') throw corrupt(number, 'is marked as an open intent but is none')
    intents.push(entry)
  }
  return intents
}

/** Gaps that restores have left, in order. */
export function readGaps(store: LedgerStore): Gap[] {
  const numbers = store.state.get('gaps')
  return (Array.isArray(numbers) ? (numbers as number[]) : []).map((number) => {
    const entry = readEntry(store, number)
    if (entry?.type !== 'gap') throw corrupt(number, 'is marked as a gap but is none')
    return entry
  })
}

export function readPosition(store: LedgerStore, key: `cursor/${string}` | `reached/${string}`): LogPosition {
  const value = store.state.get(key)
  if (value === undefined) return FIRST_POSITION
  const [seq, index] = Array.isArray(value) ? value : []
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(index)) {
    throw new BulkheadError('ledger_corrupt', 'a cursor in the ledger is malformed')
  }
  return { seq, index }
}

/** First entry of log or ledger that its loader has not finished. */
export function readLoadCursor(store: LedgerStore, table: LoadPlan['table']): number {
  const value = store.state.get(`load/${table}`) ?? 1
  if (!Number.isSafeInteger(value)) throw new BulkheadError('ledger_corrupt', 'a load cursor in the ledger is malformed')
  return value as number
}

const UNSENT = 'unsent/'

export function unsentKey(intent: number): string {
  return `${UNSENT}${String(intent).padStart(16, '0')}`
}

export function readUnsent(store: LedgerStore): number[] {
  const intents: number[] = []
  for (const { key } of store.state.getRange({ start: UNSENT })) {
    if (!key.startsWith(UNSENT)) break
    intents.push(Number(key.slice(UNSENT.length)))
  }
  return intents
}

export function readHeld(store: LedgerStore, destination: string): HeldRange[] {
  const ranges = store.state.get(`held/${destination}`) as HeldRange[] | undefined
  const { seq } = readPosition(store, `cursor/${destination}`)
  return (ranges ?? []).filter((range) => range.to > seq)
}

/**
 * The folders of the log: `000001/`, `000002/`, … each an LMDB environment whose keys are sequence numbers, and beside it
 * a small file `first` with the number that its first entry has or will have. A folder is made under another name and
 * renamed whole, so a reader sees it complete or not at all.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { BulkheadError } from '#base/errors.ts'
import { syncFile, syncFolder } from '#base/files.ts'
import { extendToLastPage, lmdbFault, PAGE_BYTES } from '#base/lmdb-file.ts'
import type { Folder } from './store.ts'

export type Environment = RootDatabase<Buffer, number>

const FOLDER_NAME = /^\d{6,9}$/
const UNFINISHED_NAME = /^\d{6,9}\.(new|dropped)$/
/** Address space, not memory or disk. The same in every process, so that no reader meets a map larger than its own. */
const MAP_BYTES = 16 * 1024 ** 3

export function folderPath(dir: string, number: number): string {
  return path.join(dir, String(number).padStart(6, '0'))
}

/** Numbers of the folders, ascending. Empty when there is no log yet. */
export function listFolders(dir: string): number[] {
  if (!existsSync(dir)) return []
  const numbers = readdirSync(dir)
    .filter((name) => FOLDER_NAME.test(name))
    .map(Number)
  return numbers.sort((a, b) => a - b)
}

/** Removes what a crash left of a folder that was being made or dropped. */
export function removeUnfinished(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (UNFINISHED_NAME.test(name)) rmSync(path.join(dir, name), { recursive: true, force: true })
  }
}

export function readFirst(dir: string, number: number): number {
  let text = ''
  try {
    text = readFileSync(path.join(folderPath(dir, number), 'first'), 'latin1')
  } catch {
    throw corrupt(number, 'its file `first` cannot be read')
  }
  if (!/^[1-9]\d{0,15}\n$/.test(text)) throw corrupt(number, 'its file `first` holds no number')
  return Number(text)
}

/** What it takes on the disk; 0 when it was dropped just now. */
export function folderBytes(dir: string, number: number): number {
  return statSync(path.join(folderPath(dir, number), 'data.mdb'), { throwIfNoEntry: false })?.size ?? 0
}

export function folderTimes(dir: string, number: number): { begunAt: number; writtenAt: number } {
  const timeOf = (name: string): number => statSync(path.join(folderPath(dir, number), name)).mtimeMs
  return { begunAt: timeOf('first'), writtenAt: timeOf('data.mdb') }
}

/**
 * Last number before this folder's first when the numbers between are gone: a restored log goes on above everything that may
 * have been given out (`restored-log.ts`). Undefined for a folder that simply follows the one before.
 */
export function readAfter(dir: string, number: number): number | undefined {
  const file = path.join(folderPath(dir, number), 'after')
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'latin1')
  if (!/^\d{1,16}\n$/.test(text)) throw corrupt(number, 'its file `after` holds no number')
  return Number(text)
}

/** `after`: see `readAfter`. */
export async function createFolder(dir: string, number: number, first: number, after?: number): Promise<void> {
  const finished = folderPath(dir, number)
  const unfinished = `${finished}.new`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true, mode: 0o700 })
  await openLmdb(unfinished, { readOnly: false }).close()
  writeFileSync(path.join(unfinished, 'first'), `${first}\n`, { mode: 0o600 })
  if (after !== undefined) writeFileSync(path.join(unfinished, 'after'), `${after}\n`, { mode: 0o600 })
  for (const name of ['data.mdb', 'first', ...(after === undefined ? [] : ['after'])]) syncFile(path.join(unfinished, name))
  syncFolder(unfinished)
  renameSync(unfinished, finished)
  syncFolder(dir)
}

/** Gone at once for every reader that looks from now on; those who have it open keep what they mapped. */
export function dropFolder(dir: string, number: number): void {
  const dropped = `${folderPath(dir, number)}.dropped`
  renameSync(folderPath(dir, number), dropped)
  syncFolder(dir)
  rmSync(dropped, { recursive: true, force: true })
}

/** Throws `log_corrupt` rather than let LMDB map a file that would end the process on the first read. */
export function openFolder(dir: string, number: number, options: { readOnly: boolean }): Environment {
  const place = folderPath(dir, number)
  const file = path.join(place, 'data.mdb')
  const fault = existsSync(file) ? lmdbFault(file) : 'its file cannot be opened'
  if (fault !== undefined) throw corrupt(number, fault)
  try {
    if (!options.readOnly) {
      extendToLastPage(file)
      syncFile(file)
    }
    return openLmdb(place, options)
  } catch (thrown) {
    throw corrupt(number, thrown instanceof Error ? thrown.message : 'it cannot be opened')
  }
}

/** Number of the last entry in the newest snapshot; 0 when there is none. */
export function lastKey(environment: Folder): number {
  try {
    environment.resetReadTxn()
    for (const key of environment.getKeys({ reverse: true, limit: 1 })) return key
    return 0
  } catch (thrown) {
    throw new BulkheadError('log_corrupt', `a log folder cannot be read: ${thrown instanceof Error ? thrown.message : 'no reason given'}`)
  }
}

/**
 * One transaction, on disk when it returns (`overlappingSync` is off). Writes inside are `put` and `remove`. When a commit
 * fails the binding also rejects a promise of its own, made in the next turn of the loop; nobody taking that one would
 * end the process. (Its `transaction()` was tried instead and left: it was seen to wait for ever on an idle loop.)
 */
export async function commit(environment: Pick<RootDatabase, 'batch' | 'committed'>, write: () => void): Promise<void> {
  const written = environment.batch(write)
  setImmediate(() => void environment.committed.then(undefined, () => undefined))
  try {
    await written
  } catch (thrown) {
    const { commitError } = thrown as { commitError?: Promise<unknown> }
    commitError?.catch(() => undefined)
    throw thrown
  }
}

/** `overlappingSync` is off: a commit then is on disk before any reader can see it, and nothing is seen that may vanish. */
function openLmdb(place: string, options: { readOnly: boolean }): Environment {
  return open<Buffer, number>(place, {
    readOnly: options.readOnly,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'ordered-binary',
    overlappingSync: false,
    noMemInit: false,
    pageSize: PAGE_BYTES,
    mapSize: MAP_BYTES,
  })
}

function corrupt(folder: number, what: string): BulkheadError {
  return new BulkheadError('log_corrupt', `log folder ${folder}: ${what}`)
}

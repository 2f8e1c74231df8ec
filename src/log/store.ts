/**
 * What the log stands on, so that a simulated disk can take the place of LMDB and files (test/sim). Two drivers:
 * `lmdb-store.ts` and the simulated one. All numbering, repeat, rotation and recovery is above this port.
 *
 * A table is read in its newest commit; what a commit puts is seen by nobody, not even the writer, before it is on disk.
 * After a crash or a power cut a commit under way is there whole or not at all, and those before it are there.
 */
import type { Table } from '#base/table.ts'
import type { WaitingPlace, WaitingReplacement } from './waiting-file.ts'

/** Entries by sequence number. */
export interface Folder extends Table<Buffer, number> {
  /** What is read from now on is the newest commit. */
  resetReadTxn(): void
  close(): Promise<void>
}

export interface IndexTables {
  root: Table<Buffer, string>
  days: Table<Buffer, Buffer> & { getBinaryFast(key: Buffer): Buffer | undefined }
  lists: Table<Buffer, [day: number, serial: number]>
  /** On disk when it returns. When it throws nothing of it is kept, or nobody can tell. */
  commit(write: () => void): Promise<void>
  close(): Promise<void>
}

/** Sealed blobs, appended to one file a folder. */
export interface WaitingStore {
  /** On disk on return. After a throw the bytes that were written, if any, are never referred to. */
  append(folder: number, blobs: readonly Buffer[]): Promise<WaitingPlace[]>
  /** See `WaitingFiles.replace`. A store that nobody is erased from has none. */
  replace?(replacements: readonly WaitingReplacement[]): void
  /** Deletes the files of folders before `current` to which nothing was added on `day` or later; how many there were. */
  dropOlder?(day: number, current: number): number
  close(): Promise<void>
}

export interface LogReadStore {
  /** Numbers of the folders, ascending. A folder is there whole or not at all. */
  list(): number[]
  exists(number: number): boolean
  /** Number that the folder's first entry has or will have. */
  first(number: number): number
  /** See `readAfter` in `folders.ts`. A store that is never restored from a copy has none. */
  after?(number: number): number | undefined
  /** Its size, and when it was made and last written to, UTC ms. Without it a day's end ends no folder, and none gets old. */
  measure?(number: number): { bytes: number; begunAt: number; writtenAt: number }
  /** Throws `log_corrupt` for a folder that cannot be read without harm. */
  open(number: number, options: { readOnly: boolean }): Folder
}

export interface LogStore extends LogReadStore {
  /** Makes what a fresh log needs and removes what a crash left of a folder that was being made or dropped. */
  prepare(): void
  /** Survives a power cut on return. */
  create(number: number, first: number): Promise<void>
  /** Gone at once for every reader that looks from now on. */
  drop(number: number): void
  /** What a folder takes on the disk; 0 when it is gone. */
  bytes(number: number): number
  /** As in `IndexTables`. */
  commit(folder: Folder, write: () => void): Promise<void>
  /** An index that is not whole is begun again, empty. */
  openIndex(): IndexTables
  waiting(): WaitingStore
}

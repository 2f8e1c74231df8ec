/** The log on real disks: folders that are LMDB environments, an LMDB index of repeats, and plain waiting files. */
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { open } from 'lmdb'
import { makeFolderDurably, syncFolder } from '#base/files.ts'
import { lmdbFault, PAGE_BYTES } from '#base/lmdb-file.ts'
import {
  commit,
  createFolder,
  dropFolder,
  type Environment,
  folderBytes,
  folderPath,
  folderTimes,
  listFolders,
  openFolder,
  readAfter,
  readFirst,
  removeUnfinished,
} from './folders.ts'
import type { IndexTables, LogReadStore, LogStore } from './store.ts'
import { WaitingFiles } from './waiting-file.ts'

const INDEX_MAP_BYTES = 64 * 1024 ** 3

export function lmdbReadStore(dir: string): LogReadStore {
  return {
    list: () => listFolders(dir),
    exists: (number) => existsSync(folderPath(dir, number)),
    first: (number) => readFirst(dir, number),
    after: (number) => readAfter(dir, number),
    measure: (number) => ({ bytes: folderBytes(dir, number), ...folderTimes(dir, number) }),
    open: (number, options) => openFolder(dir, number, options),
  }
}

export function lmdbLogStore({ dir, waitingDir }: { dir: string; waitingDir: string }): LogStore {
  return {
    ...lmdbReadStore(dir),
    prepare: () => {
      for (const folder of [dir, waitingDir]) makeFolderDurably(folder)
      removeUnfinished(dir)
      new WaitingFiles(waitingDir).redo()
      // A folder of the log may have got its name right before a kill.
      syncFolder(dir)
    },
    create: (number, first) => createFolder(dir, number, first),
    drop: (number) => dropFolder(dir, number),
    bytes: (number) => folderBytes(dir, number),
    commit: (folder, write) => commit(folder as Environment, write),
    openIndex: () => openIndex(path.join(dir, 'dedup')),
    waiting: () => new WaitingFiles(waitingDir),
  }
}

/** An index that is not whole is begun again: its owner then reads it anew from the log. */
function openIndex(place: string): IndexTables {
  if (lmdbFault(path.join(place, 'data.mdb')) !== undefined) rmSync(place, { recursive: true, force: true })
  makeFolderDurably(place)
  const root = open<Buffer, string>(place, {
    noSubdir: false,
    encoding: 'binary',
    overlappingSync: false,
    noMemInit: false,
    pageSize: PAGE_BYTES,
    mapSize: INDEX_MAP_BYTES,
    maxDbs: 4,
  })
  return {
    root,
    days: root.openDB<Buffer, Buffer>({ name: 'days', encoding: 'binary', keyEncoding: 'binary' }),
    lists: root.openDB<Buffer, [day: number, serial: number]>({ name: 'lists', encoding: 'binary' }),
    commit: (write) => commit(root, write),
    close: () => root.close(),
  }
}

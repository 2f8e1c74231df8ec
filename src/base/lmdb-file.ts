/**
 * What can be said of an LMDB file before LMDB maps it: LMDB itself ends the process on one that is foreign, empty or cut.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync, truncateSync } from 'node:fs'

export const PAGE_BYTES = 4096
const LMDB_MAGIC = 0xbeefc0de
/** Byte offsets in a meta page of the LMDB that npm `lmdb` carries: a page header of 24 bytes, then `MDB_meta`. */
const META = { magic: 24, pageBytes: 48, lastPage: 144, transaction: 152 } as const
/** Pages at the end of the map that LMDB may have given out and freed again without ever writing them. */
const UNWRITTEN_PAGES_MAX = 4

/** What makes the file unsafe to open; undefined when it can be opened, and when there is none. */
export function lmdbFault(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  const size = sizesOf(file)
  if (typeof size === 'string') return size
  return size.missing > UNWRITTEN_PAGES_MAX * PAGE_BYTES ? 'its file is shorter than its contents' : undefined
}

/** A page that is beyond the end of the file ends the process when it is touched; zeros are found to be corrupt instead. */
export function extendToLastPage(file: string): void {
  const size = sizesOf(file)
  if (typeof size !== 'string' && size.missing > 0) truncateSync(file, size.file + size.missing)
}

function sizesOf(file: string): { file: number; missing: number } | string {
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch {
    return 'its file cannot be opened'
  }
  try {
    // Two meta pages; the one of the later transaction counts, and LMDB itself wants both to be readable.
    const head = Buffer.alloc(2 * PAGE_BYTES)
    if (readSync(handle, head, 0, head.length, 0) !== head.length) return 'its file is cut short'
    for (const page of [0, PAGE_BYTES]) {
      if (head.readUInt32LE(page + META.magic) !== LMDB_MAGIC) return 'its file has no LMDB header'
      if (head.readUInt32LE(page + META.pageBytes) !== PAGE_BYTES) return 'its file has pages of another size'
    }
    const [first, second] = [head.readBigUInt64LE(META.transaction), head.readBigUInt64LE(PAGE_BYTES + META.transaction)]
    const lastPage = Number(head.readBigUInt64LE((first >= second ? 0 : PAGE_BYTES) + META.lastPage))
    const bytes = fstatSync(handle).size
    return { file: bytes, missing: Math.max(0, (lastPage + 1) * PAGE_BYTES - bytes) }
  } finally {
    closeSync(handle)
  }
}

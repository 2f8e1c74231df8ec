/**
 * Sealed blobs of unapproved text, one file for each log folder, appended. They live longer or shorter than their folder
 * (`holdDays`), so dropping a folder does not drop its waiting file. Only an erasure changes what was written: a blob is
 * replaced by one of the same length, without the erased person's text.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  futimesSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { type FileHandle, open as openFile } from 'node:fs/promises'
import path from 'node:path'
import { dayOf } from '#base/clock.ts'
import { syncFolder, writeFileDurably } from '#base/files.ts'
import type { WaitingRef } from '#model/log-entry.ts'

export interface WaitingPlace {
  folder: number
  offset: number
  length: number
}

/** A blob that takes the place of the one that lies there. */
export interface WaitingReplacement extends Omit<WaitingPlace, 'length'> {
  blob: Buffer
}

const FILE_NAME = /^(\d{6,9})\.dat$/
/** What is about to be written over blobs: a kill in the middle of it would leave blobs of which nothing opens. */
const REDO = 'redo'

export class WaitingFiles {
  readonly #dir: string
  #folder = 0
  #handle: FileHandle | undefined
  #end = 0

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Durable on return. After a throw the bytes that were written, if any, are never referred to. */
  async append(folder: number, blobs: readonly Buffer[]): Promise<WaitingPlace[]> {
    const places: WaitingPlace[] = []
    try {
      const handle = await this.#open(folder)
      let offset = this.#end
      for (const blob of blobs) {
        places.push({ folder, offset, length: blob.length })
        offset += blob.length
      }
      await writeWhole(handle, Buffer.concat(blobs), this.#end)
      await handle.datasync()
      this.#end = offset
      return places
    } catch (thrown) {
      // On a full disk the half that was written would only take space.
      await this.#handle?.truncate(this.#end).catch(() => undefined)
      await this.close()
      throw thrown
    }
  }

  /** Durable on return; after a kill all of it is done or none. A file that is gone needs nothing. */
  replace(replacements: readonly WaitingReplacement[]): void {
    if (replacements.length === 0) return
    const lines = replacements.map(({ folder, offset, blob }) => JSON.stringify([folder, offset, blob.toString('base64')]))
    writeFileDurably(path.join(this.#dir, REDO), `${lines.join('\n')}\n`)
    this.redo()
  }

  /** Finishes what was begun. */
  redo(): void {
    const file = path.join(this.#dir, REDO)
    if (!existsSync(file)) return
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const [folder, offset, blob] = JSON.parse(line) as [number, number, string]
      overwrite(waitingPath(this.#dir, folder), offset, Buffer.from(blob, 'base64'))
    }
    rmSync(file)
    syncFolder(this.#dir)
  }

  /**
   * Deletes files to which nothing was added on `day` or later. The file's own time is the day of its last blob or later,
   * and the keys that open them go by the same clock. A file of `current` is still being written.
   */
  dropOlder(day: number, current: number): number {
    let dropped = 0
    for (const name of readdirSync(this.#dir)) {
      const number = FILE_NAME.exec(name)?.[1]
      if (number === undefined || Number(number) >= current) continue
      const file = path.join(this.#dir, name)
      if (dayOf(statSync(file).mtimeMs) >= day) continue
      rmSync(file)
      dropped++
    }
    if (dropped > 0) syncFolder(this.#dir)
    return dropped
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close().catch(() => undefined)
  }

  async #open(folder: number): Promise<FileHandle> {
    if (this.#handle !== undefined && this.#folder === folder) return this.#handle
    await this.close()
    const file = waitingPath(this.#dir, folder)
    const isNew = !existsSync(file)
    const handle = await openFile(file, isNew ? 'wx' : 'r+', 0o600)
    // Whoever made it may have been killed before its name was safe.
    syncFolder(this.#dir)
    this.#end = (await handle.stat()).size
    this.#folder = folder
    this.#handle = handle
    return handle
  }
}

function overwrite(file: string, offset: number, bytes: Buffer): void {
  if (!existsSync(file)) return
  const { atime, mtime } = statSync(file)
  const handle = openSync(file, 'r+')
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at, bytes.length - at, offset + at)
    // Its time says when the last blob was added, and with that when nothing in it opens any more.
    futimesSync(handle, atime, mtime)
    fdatasyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

async function writeWhole(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written)
    written += bytesWritten
  }
}

export function waitingPath(dir: string, folder: number): string {
  return path.join(dir, `${String(folder).padStart(6, '0')}.dat`)
}

/** The sealed blob; undefined when its file was dropped or does not reach so far. */
export function readWaiting(dir: string, ref: Pick<WaitingRef, 'folder' | 'offset' | 'length'>): Buffer | undefined {
  const file = waitingPath(dir, ref.folder)
  if (!existsSync(file)) return undefined
  const handle = openSync(file, 'r')
  try {
    const blob = Buffer.alloc(ref.length)
    return readSync(handle, blob, 0, ref.length, ref.offset) === ref.length ? blob : undefined
  } finally {
    closeSync(handle)
  }
}

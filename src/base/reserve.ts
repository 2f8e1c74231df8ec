/**
 * Disk space that is set aside for what must still be written when the disk is full: cuts, outcomes, looks. It is a file
 * of real blocks. A write that finds no room gives part of it back to the disk and is repeated; once there is space
 * again the file is filled anew. Everything is read from the file's size, so another process may give back as well.
 */
import { closeSync, fdatasyncSync, fsyncSync, mkdirSync, openSync, statfsSync, statSync, truncateSync, writeSync } from 'node:fs'
import { randomFillSync } from 'node:crypto'
import path from 'node:path'
import { BulkheadError } from './errors.ts'
import { syncFolder } from './files.ts'

/** Given back and filled in parts of this size: whoever else fills the disk gets little of what was meant for us. */
const PART_BYTES = 1024 ** 2
const LOOK_EVERY_MS = 1000

/** Runs a write again and again after space was given back, while there is some to give; then throws `disk_full`. */
export type Room = <Result>(write: () => Result) => Result

export interface Reserve {
  /** False while part of it is given back: what can wait, waits. */
  readonly whole: boolean
  room: Room
  /** Gives a part back; false when nothing is left. */
  release(): boolean
  /** Returns once it is whole; throws `disk_full` when it is closed before. */
  refilled(): Promise<void>
  /** The file stays for the next start. */
  close(): void
}

/** Fills the file as far as the disk has room. Throws only when the place cannot be written for another reason. */
export function openReserve(options: { file: string; bytes: number }): Reserve {
  mkdirSync(path.dirname(options.file), { recursive: true, mode: 0o700 })
  return new FileReserve(options.file, options.bytes)
}

/** For a process that only wants room for a moment: gives back what another one set aside. */
export function roomOf(file: string): Room {
  return (write) => writeWithRoom(() => releasePart(file), write)
}

class FileReserve implements Reserve {
  readonly #file: string
  readonly #bytes: number
  readonly #timer: NodeJS.Timeout
  #waiting: { resolve: () => void; reject: (error: BulkheadError) => void }[] = []
  #whole = false
  #closed = false

  constructor(file: string, bytes: number) {
    this.#file = file
    this.#bytes = bytes
    while (this.#fill()) {
      // One part a call.
    }
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  get whole(): boolean {
    return this.#whole
  }

  room: Room = (write) => writeWithRoom(() => this.release(), write)

  release(): boolean {
    this.#whole = false
    return releasePart(this.#file)
  }

  refilled(): Promise<void> {
    if (this.#whole) return Promise.resolve()
    if (this.#closed) return Promise.reject(diskFull())
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }))
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    for (const { reject } of this.#waiting.splice(0)) reject(diskFull())
  }

  /** A part each second: the disk is slow just now, and this process has other things to do. */
  #look(): void {
    try {
      this.#fill()
    } catch {
      this.#whole = false
    }
    if (this.#whole) for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  /** True when it wrote a part and more is missing. */
  #fill(): boolean {
    const size = sizeOf(this.#file)
    const missing = this.#bytes - size
    this.#whole = missing <= 0
    if (this.#whole) return false
    // Only from plenty: a reserve that takes the last space of the disk would bring about what it is for.
    if (freeBytes(path.dirname(this.#file)) < 2 * missing) return false
    try {
      appendPart(this.#file, size, Math.min(PART_BYTES, missing))
    } catch (thrown) {
      if (!isDiskFull(thrown)) throw thrown
      truncateSync(this.#file, size)
      return false
    }
    this.#whole = missing <= PART_BYTES
    return !this.#whole
  }
}

/** Whether a store failed for want of space. LMDB says EIO for a write that was cut short. */
export function isDiskFull(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false
  const { code, errcode, cause } = thrown as { code?: unknown; errcode?: unknown; cause?: unknown }
  if (code === 'disk_full' || code === 'ENOSPC' || code === 'EDQUOT' || code === LMDB.noSpace || code === LMDB.shortWrite) return true
  if (errcode === SQLITE.full || errcode === SQLITE.noSharedMemory) return true
  return cause !== undefined && isDiskFull(cause)
}

/** Numbers of errno(3), as npm `lmdb` hands them on. */
const LMDB = { noSpace: 28, shortWrite: 5 } as const
/** https://www.sqlite.org/rescode.html: SQLITE_FULL, SQLITE_IOERR_SHMSIZE. */
const SQLITE = { full: 13, noSharedMemory: 4874 } as const

export function diskFull(cause?: unknown): BulkheadError {
  return new BulkheadError('disk_full', 'there is no space left on the disk', cause === undefined ? {} : { cause })
}

function writeWithRoom<Result>(release: () => boolean, write: () => Result): Result {
  for (;;) {
    try {
      return write()
    } catch (thrown) {
      if (!isDiskFull(thrown)) throw thrown
      if (!release()) throw diskFull(thrown)
    }
  }
}

function releasePart(file: string): boolean {
  const size = sizeOf(file)
  if (size === 0) return false
  const handle = openSync(file, 'r+')
  try {
    truncateSync(file, Math.max(0, size - PART_BYTES))
    // A journalling file system hands freed blocks out again only when it has written down that they are free.
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  return true
}

/** Bytes that no file system can make smaller; zeros would be left out by some. */
function appendPart(file: string, at: number, bytes: number): void {
  const isNew = at === 0
  const handle = openSync(file, isNew ? 'w' : 'r+', 0o600)
  try {
    const part = randomFillSync(Buffer.allocUnsafe(bytes))
    for (let written = 0; written < bytes; ) written += writeSync(handle, part, written, bytes - written, at + written)
    fdatasyncSync(handle)
  } finally {
    closeSync(handle)
  }
  if (isNew) syncFolder(path.dirname(file))
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function freeBytes(place: string): number {
  const { bavail, bsize } = statfsSync(place)
  return bavail * bsize
}

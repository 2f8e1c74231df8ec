/** What `shim.c` wrote: changes of files in the order in which they were made, each with its end; and marks of the test. */

export const WRITE = 1
export const SIZE = 2
export const DONE = 3
export const FLUSH = 4
export const CREATE = 5
export const MKDIR = 6
export const RENAME = 7
export const UNLINK = 8
export const RMDIR = 9
export const LINK = 10
export const MARK = 11
export const SYMLINK = 12
export const SETTLED = 13

const HEAD_BYTES = 40

export interface Change {
  kind: number
  /** WRITE: 1 = on disk when it returns. FLUSH: 1 = of a folder. */
  flags: number
  pid: number
  /** With the pid, names a change and its DONE. */
  id: bigint
  inode: bigint
  /** Of WRITE; new size of SIZE; result of DONE. */
  offset: number
  path: string
  second: string
  data: Buffer
}

/** A record that was cut short by a kill in the middle ends it. */
export function* readRecording(bytes: Buffer): Generator<Change, void> {
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    if (length < HEAD_BYTES || at + length > bytes.length) return
    const pathEnd = at + HEAD_BYTES + bytes.readUInt16LE(at + 6)
    const secondEnd = pathEnd + bytes.readUInt16LE(at + 8)
    yield {
      kind: bytes.readUInt8(at + 4),
      flags: bytes.readUInt8(at + 5),
      pid: bytes.readUInt32LE(at + 12),
      id: bytes.readBigUInt64LE(at + 16),
      inode: bytes.readBigUInt64LE(at + 24),
      offset: Number(bytes.readBigInt64LE(at + 32)),
      path: bytes.toString('utf8', at + HEAD_BYTES, pathEnd),
      second: bytes.toString('utf8', pathEnd, secondEnd),
      data: bytes.subarray(secondEnd, at + length),
    }
    at += length
  }
}

export function markRecord(what: object): Buffer {
  const data = Buffer.from(JSON.stringify(what))
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32LE(HEAD_BYTES + data.length, 0)
  head.writeUInt8(MARK, 4)
  return Buffer.concat([head, data])
}

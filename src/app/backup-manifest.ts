/**
 * The list of a backup's files with the hash of each: written last and flushed, so that a backup without one was never
 * finished, and checked whole before anything is restored.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import { syncFolder, writeFileDurably } from '#base/files.ts'

const MANIFEST = 'MANIFEST.json'
export const MANIFEST_FORMAT = 1
const CHUNK_BYTES = 4 << 20

export type Member = { path: string; bytes: number; sha256: string } | { path: string; link: string }

export interface Manifest {
  format: number
  kind: 'data' | 'keys'
  instance: string
  /** UTC ms. */
  takenAt: number
  version: string
  /** Last entry of the ledger, of the log. */
  ledger: number
  log: number
  members: Member[]
}

export type Progress = (text: string) => void

/** Copies and writes down what it copied. Every file is on disk before its hash is. */
export class MemberWriter {
  readonly #dir: string
  readonly #progress: Progress
  readonly members: Member[] = []
  bytes = 0
  #said = Date.now()

  constructor(dir: string, progress: Progress) {
    this.#dir = dir
    this.#progress = progress
  }

  /** From a path or an open file; `length`: only so much of a file that grows. */
  copy(from: string | number, own: string, length = Number.POSITIVE_INFINITY): void {
    const target = this.#place(own)
    const source = typeof from === 'number' ? from : openSync(from, 'r')
    const out = openSync(target, 'wx', 0o600)
    const hash = createHash('sha256')
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    let bytes = 0
    try {
      while (bytes < length) {
        const read = readSync(source, chunk, 0, Math.min(chunk.length, length - bytes), bytes)
        if (read === 0) break
        hash.update(chunk.subarray(0, read))
        for (let at = 0; at < read; ) at += writeSync(out, chunk, at, read - at)
        bytes += read
        this.#count(read, own)
      }
      fsyncSync(out)
    } finally {
      closeSync(out)
      if (typeof from === 'string') closeSync(source)
    }
    this.members.push({ path: own, bytes, sha256: hash.digest('hex') })
  }

  /** A file or link as it stands; others have made sure that it does not change. */
  take(from: string, own: string): void {
    if (!lstatSync(from).isSymbolicLink()) return this.copy(from, own)
    const link = readlinkSync(from)
    symlinkSync(link, this.#place(own))
    this.members.push({ path: own, link })
  }

  /** Text that is known already. */
  write(text: string, own: string): void {
    writeFileDurably(this.#place(own), text)
    this.members.push({ path: own, bytes: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') })
  }

  /** A file that its owner has written into the backup's folder itself. */
  async found(own: string): Promise<void> {
    const file = path.join(this.#dir, own)
    const { sha256, bytes } = await hashOf(file)
    this.#count(bytes, own)
    this.members.push({ path: own, bytes, sha256 })
  }

  #place(own: string): string {
    const target = path.join(this.#dir, own)
    mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 })
    return target
  }

  #count(bytes: number, own: string): void {
    this.bytes += bytes
    if (Date.now() - this.#said < 3000) return
    this.#said = Date.now()
    this.#progress(`${(this.bytes / 1e6).toFixed(0)} MB copied, at ${own}`)
  }
}

/** Reads everything again from the disk before it vouches for it. */
export async function sealManifest(dir: string, manifest: Manifest): Promise<void> {
  await assertMembers(dir, manifest.members)
  for (const folder of foldersIn(dir)) syncFolder(folder)
  writeFileDurably(path.join(dir, MANIFEST), `${JSON.stringify(manifest)}\n`)
}

export function hasManifest(dir: string): boolean {
  return existsSync(path.join(dir, MANIFEST))
}

/** Throws `backup_invalid` when anything is missing, changed or too new. */
export async function readManifest(dir: string, kind: Manifest['kind']): Promise<Manifest> {
  if (!hasManifest(dir)) throw invalid(`${dir} holds no finished backup`)
  const manifest = JSON.parse(readFileSync(path.join(dir, MANIFEST), 'utf8')) as Manifest
  if (manifest.format > MANIFEST_FORMAT) {
    throw new BulkheadError(
      'data_format_newer',
      `the backup in ${dir} has format ${manifest.format}, this program knows ${MANIFEST_FORMAT}`,
    )
  }
  if (manifest.kind !== kind) throw invalid(`${dir} is a backup of ${manifest.kind}, not of ${kind}`)
  await assertMembers(dir, manifest.members)
  return manifest
}

async function assertMembers(dir: string, members: readonly Member[]): Promise<void> {
  for (const member of members) {
    if (!isInside(member.path)) throw invalid('the list of the backup names a file outside of it')
    const file = path.join(dir, member.path)
    const status = lstatSync(file, { throwIfNoEntry: false })
    if (status === undefined) throw invalid(`${member.path} is missing in ${dir}`)
    if ('link' in member) {
      const isLink = status.isSymbolicLink() && readlinkSync(file) === member.link
      if (!isLink || !isInside(path.join(path.dirname(member.path), member.link)))
        throw invalid(`${member.path} is not the link that it was`)
    } else if (!status.isFile() || status.size !== member.bytes || (await hashOf(file)).sha256 !== member.sha256) {
      throw invalid(`${member.path} is not the file that it was`)
    }
  }
}

/** A list that somebody changed must not make us write elsewhere. */
function isInside(own: string): boolean {
  const plain = path.posix.normalize(own)
  return plain !== '' && !path.posix.isAbsolute(plain) && plain !== '..' && !plain.startsWith('../')
}

async function hashOf(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { sha256: hash.digest('hex'), bytes }
}

export function foldersIn(dir: string): string[] {
  const inner = readdirSync(dir, { withFileTypes: true }).filter((each) => each.isDirectory())
  return [...inner.flatMap((each) => foldersIn(path.join(dir, each.name))), dir]
}

function invalid(what: string): BulkheadError {
  return new BulkheadError('backup_invalid', what)
}

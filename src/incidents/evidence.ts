/**
 * Sealed evidence: files of any size that people or commands brought, in the folder `evidence`. One writer, the staff role.
 * A file is
 *
 *     bulkhead evidence 1 <newline> [length, 2 bytes][its name, sealed] [its content as a sealed stream]
 *
 * under a key of its own, which the vault makes and keeps. It gets its name when all of it is on the disk, and is acknowledged
 * when the records name it: what a kill leaves before that is removed at the next start.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, rmSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import { makeFolderDurably, syncFolder } from '#base/files.ts'
import { isDiskFull } from '#base/reserve.ts'
import type { EvidenceKind, EvidenceRecords, EvidenceRow } from '#records/evidence-records.ts'
import type { FileVault } from '#vault/file-keys.ts'
import { openFileName, openSealedFile, sealFileName, sealFileContent } from '#vault/sealed-file.ts'
import type { Look } from '#vault/port.ts'

const HEAD = Buffer.from('bulkhead evidence 1\n')
const NAME_BYTES_MAX = 1024
const PART = '.part'
const ROOM_EVERY_BYTES = 64 << 20

export interface EvidencePorts {
  dir: string
  vault: FileVault
  records: EvidenceRecords
  now: () => number
  /** What there is too little of to take more; undefined when all is well. */
  room?: () => Promise<string | undefined>
}

export interface NewEvidence {
  /** `incident:3` or `vendor:acme`. */
  owner: string
  kind: EvidenceKind
  /** Of the file where it came from; '' when it has none. It is sealed with the content. */
  name: string
  actor: string
}

export interface OpenedEvidence {
  row: EvidenceRow
  name: string
  /** Once. Each piece is as it was sealed; that nothing is missing is known at the end. Throws `evidence_corrupt`. */
  content: AsyncGenerator<Buffer, void>
}

export interface EvidenceStore {
  /** Durable on return. Nothing of it is kept when it throws, or when the content does. Throws `disk_full`, `vault_unavailable`. */
  put(content: AsyncIterable<Uint8Array>, of: NewEvidence): Promise<EvidenceRow>
  /** The look, with the file's hash, is durable before. Throws `not_found`, `evidence_corrupt`. */
  open(id: string, look: Look): Promise<OpenedEvidence>
  row(id: string): EvidenceRow | undefined
  of(owner: string): EvidenceRow[]
  /** Nobody can read it any more, in any copy; the record that it was there stays. */
  destroy(id: string, look: Look): Promise<EvidenceRow>
}

/** Removes what a kill left. `missing`: files that the records name and that are not there. */
export function openEvidence(ports: EvidencePorts): EvidenceStore & { missing: number } {
  makeFolderDurably(ports.dir)
  const missing = sweep(ports)
  const fileOf = (id: string): string => path.join(ports.dir, id)
  const found = (id: string): EvidenceRow => {
    const row = ports.records.evidence(id)
    if (row === undefined) throw new BulkheadError('not_found', 'there is no evidence of that id')
    if (row.destroyedAt !== null) throw new BulkheadError('not_found', 'that evidence was destroyed')
    return row
  }
  return {
    missing,
    put: (content, of) => put(content, of, ports),
    open: async (id, look) => {
      const row = found(id)
      if (!existsSync(fileOf(id))) throw new BulkheadError('evidence_corrupt', 'the sealed file is not there')
      const key = await ports.vault.openFileKey(id, namedLook(look, row))
      return openFile(fileOf(id), key, row)
    },
    row: (id) => ports.records.evidence(id),
    of: (owner) => ports.records.evidenceOf(owner),
    destroy: async (id, look) => {
      const row = found(id)
      await ports.vault.destroyFileKey(id, namedLook(look, row))
      ports.records.destroyEvidence(id, ports.now())
      await rm(fileOf(id), { force: true })
      syncFolder(ports.dir)
      return ports.records.evidence(id) ?? row
    },
  }
}

/** Which file was looked at stands beside who and why. */
function namedLook(look: Look, { id, sha256 }: EvidenceRow): Look {
  return { ...look, action: `${look.action}, evidence ${id}, sha256 ${sha256}` }
}

function sweep({ dir, records }: EvidencePorts): number {
  const known = new Set(records.evidenceIds())
  const strangers = readdirSync(dir).filter((name) => !known.delete(name))
  for (const name of strangers) rmSync(path.join(dir, name), { recursive: true, force: true })
  if (strangers.length > 0) syncFolder(dir)
  return known.size
}

async function put(content: AsyncIterable<Uint8Array>, of: NewEvidence, ports: EvidencePorts): Promise<EvidenceRow> {
  const id = randomUUID()
  const file = path.join(ports.dir, id)
  const key = await ports.vault.newFileKey(id)
  try {
    const { bytes, sha256 } = await writeSealed(`${file}${PART}`, { content, key, id, name: of.name, room: ports.room })
    await rename(`${file}${PART}`, file)
    syncFolder(ports.dir)
    const row = { id, owner: of.owner, kind: of.kind, at: ports.now(), actor: of.actor, bytes, sha256 }
    ports.records.addEvidence(row)
    return { ...row, destroyedAt: null }
  } catch (thrown) {
    for (const left of [`${file}${PART}`, file]) await rm(left, { force: true })
    if (isDiskFull(thrown))
      throw new BulkheadError('disk_full', 'there is no room for the evidence; nothing of it was kept', { cause: thrown })
    throw thrown
  } finally {
    key.fill(0)
  }
}

interface Writing {
  content: AsyncIterable<Uint8Array>
  key: Buffer
  id: string
  name: string
  room: EvidencePorts['room']
}

async function writeSealed(place: string, { content, key, id, name, room }: Writing): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  let asked = -ROOM_EVERY_BYTES
  const counted = async function* (): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of content) {
      if (bytes - asked >= ROOM_EVERY_BYTES) {
        asked = bytes
        const short = await room?.()
        if (short !== undefined) throw new BulkheadError('disk_full', `no evidence is taken while the disk is nearly full (${short})`)
      }
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
  }
  const handle = await open(place, 'wx', 0o600)
  try {
    const sealedName = sealFileName(key, id, name.slice(0, NAME_BYTES_MAX / 4))
    const length = Buffer.alloc(2)
    length.writeUInt16BE(sealedName.length)
    await handle.writeFile(Buffer.concat([HEAD, length, sealedName]))
    for await (const piece of sealFileContent(key, id, counted())) await handle.writeFile(piece)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function openFile(file: string, key: Buffer, row: EvidenceRow): Promise<OpenedEvidence> {
  const { name, from } = await readName(file, key, row.id)
  const content = async function* (): AsyncGenerator<Buffer, void> {
    const hash = createHash('sha256')
    let bytes = 0
    try {
      for await (const piece of openSealedFile(key, row.id, createReadStream(file, { start: from, highWaterMark: 1 << 20 }))) {
        hash.update(piece)
        bytes += piece.length
        yield piece
      }
    } finally {
      key.fill(0)
    }
    if (bytes !== row.bytes || hash.digest('hex') !== row.sha256) throw corrupt()
  }
  return { row, name, content: content() }
}

async function readName(file: string, key: Buffer, id: string): Promise<{ name: string; from: number }> {
  const handle = await open(file, 'r')
  try {
    const head = Buffer.alloc(HEAD.length + 2 + NAME_BYTES_MAX + 64)
    const { bytesRead } = await handle.read(head, 0, head.length, 0)
    const at = HEAD.length + 2
    if (bytesRead < at || !head.subarray(0, HEAD.length).equals(HEAD)) throw corrupt()
    const from = at + head.readUInt16BE(HEAD.length)
    const name = from <= bytesRead ? openFileName(key, id, head.subarray(at, from)) : undefined
    if (name === undefined) throw corrupt()
    return { name, from }
  } finally {
    await handle.close()
  }
}

function corrupt(): BulkheadError {
  return new BulkheadError('evidence_corrupt', 'a sealed file was changed, is not whole, or belongs elsewhere')
}

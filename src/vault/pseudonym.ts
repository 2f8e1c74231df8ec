/**
 * Identifiers that leave Bulkhead: one AES-256 block each, under the epoch's key for that use, written as UUID v4.
 *
 * A block cipher is a keyed permutation, so distinct inputs never collide before the UUID bits are set and the owner of
 * the key can go back. The mode is ECB because every block is one whole, distinct input; there is no message whose
 * pattern could show. Plain block of a subject: ordinal (8 bytes, big endian), kind (1), seven zero bytes, which are the
 * check when it is reversed. Plain block of a record: sequence (8), index (4), four zero bytes.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { assert } from '#base/errors.ts'

export const KIND_CODES = { user: 1, device: 2, group: 3, alias: 4, canary: 5, staff: 6 } as const
export type PseudonymKind = keyof typeof KIND_CODES

const KINDS = new Map<number, PseudonymKind>(Object.entries(KIND_CODES).map(([kind, code]) => [code, kind as PseudonymKind]))
const BLOCK = 16
const CANDIDATES = 64

export interface PseudonymSubject {
  kind: PseudonymKind
  ordinal: number
}

/** All blocks in one cipher call. */
export function encryptBlocks(key: KeyObject, blocks: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null)
  cipher.setAutoPadding(false)
  const out = cipher.update(blocks)
  cipher.final()
  return out
}

export function decryptBlocks(key: KeyObject, blocks: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-ecb', key, null)
  decipher.setAutoPadding(false)
  const out = decipher.update(blocks)
  decipher.final()
  return out
}

function writeNumber(block: Buffer, value: number, offset: number): void {
  block.writeUInt32BE(Math.floor(value / 0x1_0000_0000), offset)
  block.writeUInt32BE(value >>> 0, offset + 4)
}

export function subjectBlocks(subjects: readonly PseudonymSubject[]): Buffer {
  const blocks = Buffer.alloc(subjects.length * BLOCK)
  let offset = 0
  for (const { kind, ordinal } of subjects) {
    assert(Number.isSafeInteger(ordinal) && ordinal > 0, 'an ordinal is a positive integer below 2^53')
    const code = KIND_CODES[kind]
    assert(code !== undefined, 'a subject has a known kind')
    writeNumber(blocks, ordinal, offset)
    blocks[offset + 8] = code
    offset += BLOCK
  }
  return blocks
}

export function positionBlocks(positions: readonly (readonly [seq: number, index: number])[]): Buffer {
  const blocks = Buffer.alloc(positions.length * BLOCK)
  let offset = 0
  for (const [seq, index] of positions) {
    assert(Number.isSafeInteger(seq) && seq > 0, 'a sequence number is a positive integer below 2^53')
    assert(Number.isInteger(index) && index >= 0 && index <= 0xffff_ffff, 'an index within an entry has 32 bits')
    writeNumber(blocks, seq, offset)
    blocks.writeUInt32BE(index, offset + 8)
    offset += BLOCK
  }
  return blocks
}

/**
 * Sets the version and variant bits of UUID v4 (RFC 9562, section 5.4) in place: some vendors demand them. They also rule
 * out every value on Mixpanel's list of refused ids (all zero, `null`, `undefined`, …), none of which is a UUID v4.
 */
export function setUuidBits(blocks: Buffer): Buffer {
  for (let offset = 0; offset < blocks.length; offset += BLOCK) {
    blocks[offset + 6] = ((blocks[offset + 6] as number) & 0x0f) | 0x40
    blocks[offset + 8] = ((blocks[offset + 8] as number) & 0x3f) | 0x80
  }
  return blocks
}

export function makePseudonyms(key: KeyObject, subjects: readonly PseudonymSubject[]): Buffer {
  return setUuidBits(encryptBlocks(key, subjectBlocks(subjects)))
}

export function makeInsertIds(key: KeyObject, positions: readonly (readonly [number, number])[]): Buffer {
  return setUuidBits(encryptBlocks(key, positionBlocks(positions)))
}

/** First four bytes of one block for each subject, as an unsigned number. */
export function makePhases(key: KeyObject, subjects: readonly PseudonymSubject[]): number[] {
  const blocks = encryptBlocks(key, subjectBlocks(subjects))
  return subjects.map((_, at) => blocks.readUInt32BE(at * BLOCK))
}

/** UUID text of 16-byte blocks; lower case. */
export function formatUuids(blocks: Buffer): string[] {
  const hex = blocks.toString('hex')
  const uuids: string[] = []
  for (let at = 0; at < hex.length; at += 32) {
    assert(hex[at + 12] === '4', 'what leaves is a UUID v4')
    const [start, end] = [
      `${hex.slice(at, at + 8)}-${hex.slice(at + 8, at + 12)}`,
      `${hex.slice(at + 16, at + 20)}-${hex.slice(at + 20, at + 32)}`,
    ]
    uuids.push(`${start}-${hex.slice(at + 12, at + 16)}-${end}`)
  }
  return uuids
}

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i

/**
 * Whom pseudonyms name, undefined where this key never made them. The six bits that UUID v4 took give 64 candidates each;
 * only the right one decrypts to a known kind and zeros (a stranger's UUID does so with a chance below 2^-60).
 */
export function reversePseudonyms(key: KeyObject, uuids: readonly string[]): (PseudonymSubject | undefined)[] {
  const blocks = reverseBlocks(key, uuids)
  return uuids.map((_, at) => {
    for (let candidate = 0; candidate < CANDIDATES; candidate += 1) {
      const offset = (at * CANDIDATES + candidate) * BLOCK
      const kind = KINDS.get(blocks[offset + 8] as number)
      if (kind === undefined || !isZero(blocks, offset + 9, offset + BLOCK)) continue
      const ordinal = readNumber(blocks, offset)
      if (ordinal > 0 && Number.isSafeInteger(ordinal) && UUID_V4.test(uuids[at] as string)) return { kind, ordinal }
    }
    return undefined
  })
}

/** Which record an insert id names, undefined where this key never made it. The check is four zero bytes and a small sequence. */
export function reverseInsertIds(key: KeyObject, uuids: readonly string[]): ([seq: number, index: number] | undefined)[] {
  const blocks = reverseBlocks(key, uuids)
  return uuids.map((_, at) => {
    for (let candidate = 0; candidate < CANDIDATES; candidate += 1) {
      const offset = (at * CANDIDATES + candidate) * BLOCK
      if (!isZero(blocks, offset + 12, offset + BLOCK)) continue
      const seq = readNumber(blocks, offset)
      if (seq > 0 && seq < 2 ** 44 && UUID_V4.test(uuids[at] as string)) return [seq, blocks.readUInt32BE(offset + 8)]
    }
    return undefined
  })
}

function reverseBlocks(key: KeyObject, uuids: readonly string[]): Buffer {
  const candidates = Buffer.alloc(uuids.length * CANDIDATES * BLOCK)
  uuids.forEach((uuid, at) => {
    if (!UUID_V4.test(uuid)) return
    const given = Buffer.from(uuid.replaceAll('-', ''), 'hex')
    for (let candidate = 0; candidate < CANDIDATES; candidate += 1) {
      const offset = (at * CANDIDATES + candidate) * BLOCK
      given.copy(candidates, offset)
      candidates[offset + 6] = ((given[6] as number) & 0x0f) | ((candidate >> 2) << 4)
      candidates[offset + 8] = ((given[8] as number) & 0x3f) | ((candidate & 3) << 6)
    }
  })
  return decryptBlocks(key, candidates)
}

function readNumber(block: Buffer, offset: number): number {
  return block.readUInt32BE(offset) * 0x1_0000_0000 + block.readUInt32BE(offset + 4)
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (bytes[at] !== 0) return false
  return true
}

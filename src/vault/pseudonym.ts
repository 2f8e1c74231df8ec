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
import { Uuids } from './uuids.ts'

export const KIND_CODES = { user: 1, device: 2, group: 3, alias: 4, canary: 5, staff: 6 } as const
export type PseudonymKind = keyof typeof KIND_CODES

const KINDS = new Map<number, PseudonymKind>(Object.entries(KIND_CODES).map(([kind, code]) => [code, kind as PseudonymKind]))
const BLOCK = 16
const CANDIDATES = 64

export interface PseudonymSubject {
  kind: PseudonymKind
  ordinal: number
}

/** Two numbers for each subject, the code of its kind and its ordinal: lists of many thousands travel and are worked on like this. */
export function packSubjects(subjects: readonly PseudonymSubject[]): Float64Array {
  const packed = new Float64Array(subjects.length * 2)
  for (const [at, { kind, ordinal }] of subjects.entries()) {
    packed[at * 2] = KIND_CODES[kind]
    packed[at * 2 + 1] = ordinal
  }
  return packed
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

function writeUint32(blocks: Uint8Array, value: number, at: number): void {
  blocks[at] = value >>> 24
  blocks[at + 1] = value >>> 16
  blocks[at + 2] = value >>> 8
  blocks[at + 3] = value
}

function writeNumber(blocks: Uint8Array, value: number, at: number): void {
  writeUint32(blocks, Math.floor(value / 0x1_0000_0000), at)
  writeUint32(blocks, value >>> 0, at + 4)
}

/** Plain blocks of packed subjects. */
export function subjectBlocks(packed: Float64Array): Buffer {
  const blocks = Buffer.alloc((packed.length / 2) * BLOCK)
  for (let at = 0, offset = 0; at < packed.length; at += 2, offset += BLOCK) {
    const [code, ordinal] = [packed[at] as number, packed[at + 1] as number]
    assert(Number.isSafeInteger(ordinal) && ordinal > 0, 'an ordinal is a positive integer below 2^53')
    assert(KINDS.has(code), 'a subject has a known kind')
    writeNumber(blocks, ordinal, offset)
    blocks[offset + 8] = code
  }
  return blocks
}

/** Plain blocks of records: two numbers each, sequence and index. */
export function positionBlocks(packed: Float64Array): Buffer {
  const blocks = Buffer.alloc((packed.length / 2) * BLOCK)
  for (let at = 0, offset = 0; at < packed.length; at += 2, offset += BLOCK) {
    const [seq, index] = [packed[at] as number, packed[at + 1] as number]
    assert(Number.isSafeInteger(seq) && seq > 0, 'a sequence number is a positive integer below 2^53')
    assert(Number.isInteger(index) && index >= 0 && index <= 0xffff_ffff, 'an index within an entry has 32 bits')
    writeNumber(blocks, seq, offset)
    writeUint32(blocks, index, offset + 8)
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

/** Of plain blocks, whether of subjects (pseudonyms) or of records (insert ids); each use has a key of its own. */
export function makeIds(key: KeyObject, plain: Uint8Array): Buffer {
  return setUuidBits(encryptBlocks(key, plain))
}

/** First four bytes of one block for each subject, as an unsigned number. */
export function makePhases(key: KeyObject, plain: Uint8Array): Uint32Array {
  const blocks = encryptBlocks(key, plain)
  const phases = new Uint32Array(blocks.length / BLOCK)
  for (let at = 0; at < phases.length; at++) phases[at] = blocks.readUInt32BE(at * BLOCK)
  return phases
}

export function makePseudonyms(key: KeyObject, subjects: readonly PseudonymSubject[]): string[] {
  return new Uuids(makeIds(key, subjectBlocks(packSubjects(subjects)))).texts()
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

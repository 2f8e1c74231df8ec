/**
 * Sealing of what is too long for one piece: Tink's streaming AEAD with the parameters AES256_GCM_HKDF_1MB
 * (https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming), which is the STREAM construction of Hoang,
 * Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (CRYPTO 2015), for
 * nonces. A key of its own comes for each stream by HKDF-SHA-256 from a random salt; each segment is sealed by AES-256-GCM
 * under a nonce of random prefix (7 bytes), number of the segment (4) and whether it is the last (1). So a segment that
 * was changed, moved, left out or added does not open, and neither does a stream whose end is missing.
 *
 *     [40][salt, 32 bytes][prefix, 7 bytes] then segments of 1 MiB with their tags; the first is shorter by those 40 bytes.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'

const SEGMENT_BYTES = 1 << 20
const SALT_BYTES = 32
const PREFIX_BYTES = 7
export const HEADER_BYTES = 1 + SALT_BYTES + PREFIX_BYTES
const TAG_BYTES = 16
const SEGMENTS_MAX = 0xffff_ffff

export interface StreamKey {
  /** 32 random bytes. */
  key: Uint8Array
  /** What the stream is: it opens as nothing else. */
  bound: string
}

/** `segmentBytes`: of a sealed segment, another than 1 MiB for tests alone. */
export async function* sealStream(
  plain: AsyncIterable<Uint8Array>,
  { key, bound }: StreamKey,
  segmentBytes = SEGMENT_BYTES,
): AsyncGenerator<Buffer, void> {
  const header = Buffer.concat([Buffer.of(HEADER_BYTES), randomBytes(SALT_BYTES + PREFIX_BYTES)])
  yield header
  const segments = segmentsOf(header, { key, bound })
  const cut = new Cutter(segmentBytes - TAG_BYTES, HEADER_BYTES)
  for await (const chunk of plain) {
    cut.add(chunk)
    // A whole segment is sealed once more follows it: until then it may be the last.
    for (let next = cut.whole(); next !== undefined; next = cut.whole()) yield segments.seal(next, false)
  }
  yield segments.seal(cut.rest(), true)
}

/**
 * Each piece that is given out is as it was sealed; that the stream is whole is known when the generator ends. Throws
 * `evidence_corrupt`.
 */
export async function* openStream(
  sealed: AsyncIterable<Uint8Array>,
  { key, bound }: StreamKey,
  segmentBytes = SEGMENT_BYTES,
): AsyncGenerator<Buffer, void> {
  let segments: Segments | undefined
  let head: Buffer = Buffer.alloc(0)
  const cut = new Cutter(segmentBytes, HEADER_BYTES)
  for await (const chunk of sealed) {
    let rest = chunk
    if (segments === undefined) {
      head = Buffer.concat([head, chunk])
      if (head.length < HEADER_BYTES) continue
      if (head[0] !== HEADER_BYTES) throw corrupt()
      segments = segmentsOf(head.subarray(0, HEADER_BYTES), { key, bound })
      rest = head.subarray(HEADER_BYTES)
    }
    cut.add(rest)
    for (let next = cut.whole(); next !== undefined; next = cut.whole()) yield segments.open(next, false)
  }
  if (segments === undefined) throw corrupt()
  yield segments.open(cut.rest(), true)
}

/** Cuts what comes into pieces of one size, the first shorter, and holds the last one back. */
class Cutter {
  readonly #size: number
  #wanted: number
  #chunks: Uint8Array[] = []
  #held = 0

  constructor(size: number, shorter: number) {
    this.#size = size
    this.#wanted = size - shorter
  }

  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#held += chunk.length
  }

  whole(): Buffer | undefined {
    if (this.#held <= this.#wanted) return undefined
    const all = this.#join()
    const piece = all.subarray(0, this.#wanted)
    this.#chunks = [all.subarray(this.#wanted)]
    this.#held -= this.#wanted
    this.#wanted = this.#size
    return piece
  }

  rest(): Buffer {
    return this.#join()
  }

  #join(): Buffer {
    const [only] = this.#chunks
    if (this.#chunks.length === 1 && only !== undefined) return Buffer.from(only.buffer, only.byteOffset, only.byteLength)
    return Buffer.concat(this.#chunks)
  }
}

interface Segments {
  seal(plain: Uint8Array, isLast: boolean): Buffer
  open(sealed: Uint8Array, isLast: boolean): Buffer
}

function segmentsOf(header: Buffer, { key, bound }: StreamKey): Segments {
  const streamKey = deriveStreamKey(key, header.subarray(1, 1 + SALT_BYTES), bound)
  const prefix = header.subarray(1 + SALT_BYTES)
  let number = 0
  const nonce = (isLast: boolean): Buffer => {
    if (number > SEGMENTS_MAX) throw corrupt()
    const bytes = Buffer.alloc(PREFIX_BYTES + 5)
    prefix.copy(bytes)
    bytes.writeUInt32BE(number, PREFIX_BYTES)
    bytes[PREFIX_BYTES + 4] = isLast ? 1 : 0
    number += 1
    return bytes
  }
  return {
    seal: (plain, isLast) => {
      const cipher = createCipheriv('aes-256-gcm', streamKey, nonce(isLast))
      const text = cipher.update(plain)
      cipher.final()
      return Buffer.concat([text, cipher.getAuthTag()])
    },
    open: (sealed, isLast) => {
      if (sealed.length < TAG_BYTES) throw corrupt()
      const decipher = createDecipheriv('aes-256-gcm', streamKey, nonce(isLast))
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
      const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES))
      try {
        decipher.final()
      } catch {
        plain.fill(0)
        throw corrupt()
      }
      return plain
    },
  }
}

function deriveStreamKey(key: Uint8Array, salt: Uint8Array, bound: string): KeyObject {
  const bytes = Buffer.from(hkdfSync('sha256', key, salt, bound, 32))
  const streamKey = createSecretKey(bytes)
  bytes.fill(0)
  return streamKey
}

function corrupt(): BulkheadError {
  return new BulkheadError('evidence_corrupt', 'a sealed file was changed, is not whole, or belongs elsewhere')
}

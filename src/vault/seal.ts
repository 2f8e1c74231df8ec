/**
 * The few standard constructions that everything in the vault is made of: HKDF-SHA-256 (RFC 5869), HMAC-SHA-256
 * (RFC 2104) and AES-256-GCM (NIST SP 800-38D) with a random nonce, all from node:crypto.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  randomFillSync,
} from 'node:crypto'
import { type Label, labelText } from './labels.ts'

const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
export const SEAL_OVERHEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES
export const KEY_BYTES = 32

/** Takes the bytes over: they are wiped, so that key material lives only inside the returned object. */
export function takeKey(bytes: Buffer): KeyObject {
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

export function newKeyBytes(): Buffer {
  return randomBytes(KEY_BYTES)
}

/** A sub-key for one use. No salt: the secrets are 32 uniform bytes already (RFC 5869, section 3.1). */
export function deriveKey(secret: KeyObject, label: Label): KeyObject {
  return takeKey(deriveBytes(secret, label))
}

/** The bytes of a sub-key, for what takes no KeyObject. */
export function deriveBytes(secret: KeyObject, label: Label): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', labelText(label), KEY_BYTES))
}

/** Whole 32 bytes. A KeyObject is four times as fast here as raw bytes. */
export function hmac(key: KeyObject, content: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(content).digest()
}

const nonces = Buffer.alloc(NONCE_BYTES * 512)
let noncesUsed = nonces.length

/** Nonces are public, so they may be drawn in bulk: one call for each costs as much as the cipher. Each is given once. */
function newNonce(): Buffer {
  if (noncesUsed === nonces.length) {
    randomFillSync(nonces)
    noncesUsed = 0
  }
  noncesUsed += NONCE_BYTES
  return Buffer.from(nonces.subarray(noncesUsed - NONCE_BYTES, noncesUsed))
}

/** [version][nonce][ciphertext][tag]. `bound` must be given again to open: what is sealed for one place opens in no other. */
export function seal(key: KeyObject, bound: Uint8Array | string, plain: Uint8Array | string): Buffer {
  const nonce = newNonce()
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(bound))
  const text = cipher.update(plain as Uint8Array)
  cipher.final()
  const sealed = Buffer.allocUnsafe(SEAL_OVERHEAD_BYTES + text.length)
  sealed[0] = VERSION
  nonce.copy(sealed, 1)
  text.copy(sealed, 1 + NONCE_BYTES)
  cipher.getAuthTag().copy(sealed, sealed.length - TAG_BYTES)
  return sealed
}

/** Undefined when the key, the binding or a single bit is not the one that sealed. */
export function open(key: KeyObject, bound: Uint8Array | string, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < SEAL_OVERHEAD_BYTES || sealed[0] !== VERSION) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + NONCE_BYTES))
  decipher.setAAD(Buffer.from(bound))
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  const plain = decipher.update(sealed.subarray(1 + NONCE_BYTES, sealed.length - TAG_BYTES))
  try {
    decipher.final()
  } catch {
    plain.fill(0)
    return undefined
  }
  return plain
}

/** Text of parts that cannot be read as other parts: what `bound` names. */
export function bind(...parts: (string | number)[]): string {
  return JSON.stringify(parts)
}

/**
 * Hybrid public key encryption (RFC 9180), base mode, from node:crypto alone: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
 * AES-GCM. Whoever has the public key can seal and nobody without the private key can open, the sealer included once it has
 * let the context go: so the public edge seals the text that waits without holding a key that opens it.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { takeKey } from './seal.ts'

/** `aead_id` of the RFC's table 5. The vectors of its appendix A.1 are those of AES-128-GCM; Bulkhead seals with AES-256-GCM. */
export type Aead = keyof typeof AEADS
const AEADS = { 1: { name: 'aes-128-gcm', keyBytes: 16 }, 2: { name: 'aes-256-gcm', keyBytes: 32 } } as const

export const ENC_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const MODE_BASE = 0
const KEM_ID = 0x0020
const KDF_ID = 0x0001

/** The fixed parts before the 32 bytes of a key in DER (RFC 8410, section 4 and 7). */
const SPKI = Buffer.from('302a300506032b656e032100', 'hex')
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])
const VERSION = Buffer.from('HPKE-v1')
const KEM_SUITE = Buffer.concat([Buffer.from('KEM'), uint16(KEM_ID)])
const EMPTY = Buffer.alloc(0)

function hmacBytes(key: Uint8Array, ...parts: Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** RFC 9180, section 4; HKDF-Extract is one HMAC. */
function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Buffer {
  return hmacBytes(salt, VERSION, suite, Buffer.from(label), ikm)
}

/** As there, for at most 32 bytes: HKDF-Expand then is one HMAC, over the counter 1. */
function labeledExpand(suite: Uint8Array, prk: Uint8Array, label: string, given: { info: Uint8Array; bytes: number }): Buffer {
  const { info, bytes } = given
  return hmacBytes(prk, uint16(bytes), VERSION, suite, Buffer.from(label), info, Buffer.from([1])).subarray(0, bytes)
}

export interface KeyPair {
  privateKey: KeyObject
  publicKey: Buffer
}

/** RFC 9180, section 7.1.3. The same 32 secret bytes always make the same pair. */
export function deriveKeyPair(ikm: Uint8Array): KeyPair {
  const prk = labeledExtract(KEM_SUITE, EMPTY, 'dkp_prk', ikm)
  const bytes = labeledExpand(KEM_SUITE, prk, 'sk', { info: EMPTY, bytes: 32 })
  const der = Buffer.concat([PKCS8, bytes])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  for (const secret of [prk, bytes, der]) secret.fill(0)
  return { privateKey, publicKey: rawPublicKey(createPublicKey(privateKey)) }
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI.length)
}

function takePublicKey(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' })
}

/** Key and base nonce of one context: who has it seals and opens what was sealed in it, and nothing else. */
export interface Context {
  aead: Aead
  key: KeyObject
  baseNonce: Buffer
}

/** Section 4.1, `ExtractAndExpand`, and 5.1, `KeySchedule`, for base mode. */
function contextOf(aead: Aead, dh: Buffer, kemContext: Uint8Array, info: Uint8Array): Context {
  const prk = labeledExtract(KEM_SUITE, EMPTY, 'eae_prk', dh)
  const shared = labeledExpand(KEM_SUITE, prk, 'shared_secret', { info: kemContext, bytes: 32 })
  const suite = Buffer.concat([Buffer.from('HPKE'), uint16(KEM_ID), uint16(KDF_ID), uint16(aead)])
  const schedule = Buffer.concat([
    Buffer.from([MODE_BASE]),
    labeledExtract(suite, EMPTY, 'psk_id_hash', EMPTY),
    labeledExtract(suite, EMPTY, 'info_hash', info),
  ])
  const secret = labeledExtract(suite, shared, 'secret', EMPTY)
  const key = takeKey(Buffer.from(labeledExpand(suite, secret, 'key', { info: schedule, bytes: AEADS[aead].keyBytes })))
  const baseNonce = labeledExpand(suite, secret, 'base_nonce', { info: schedule, bytes: NONCE_BYTES })
  for (const bytes of [dh, prk, shared, secret]) bytes.fill(0)
  return { aead, key, baseNonce }
}

/** A context to `publicKey`, and the bytes by which its owner finds the same one. `ephemeral` is given by tests alone. */
export function setupSender(
  publicKey: Uint8Array,
  info: Uint8Array,
  aead: Aead = 2,
  ephemeral: { privateKey: KeyObject; publicKey: KeyObject } = generateKeyPairSync('x25519'),
): { enc: Buffer; context: Context } {
  const dh = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: takePublicKey(publicKey) })
  const enc = rawPublicKey(ephemeral.publicKey)
  return { enc, context: contextOf(aead, dh, Buffer.concat([enc, publicKey]), info) }
}

/** Undefined when `enc` is no point from which a secret can be made (RFC 7748, section 6.1). */
export function setupReceiver(enc: Uint8Array, own: KeyPair, info: Uint8Array, aead: Aead = 2): Context | undefined {
  let dh: Buffer
  try {
    dh = diffieHellman({ privateKey: own.privateKey, publicKey: takePublicKey(enc) })
  } catch {
    return undefined
  }
  return contextOf(aead, dh, Buffer.concat([enc, own.publicKey]), info)
}

/** Section 5.2: the base nonce, its last bytes changed by the number of the message. */
function nonceOf(context: Context, sequence: number): Buffer {
  const nonce = Buffer.from(context.baseNonce)
  nonce.writeUInt32BE((nonce.readUInt32BE(NONCE_BYTES - 4) ^ sequence) >>> 0, NONCE_BYTES - 4)
  return nonce
}

/** [ciphertext][tag]. No two messages of one context may have one `sequence` (32 bit). */
export function sealMessage(context: Context, sequence: number, plain: Uint8Array | string, aad: Uint8Array = EMPTY): Buffer[] {
  const cipher = createCipheriv(AEADS[context.aead].name, context.key, nonceOf(context, sequence))
  cipher.setAAD(aad)
  const text = typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain)
  cipher.final()
  return [text, cipher.getAuthTag()]
}

/** Undefined unless every bit is as it was sealed, in this context and under this number. */
export function openMessage(context: Context, sequence: number, sealed: Uint8Array, aad: Uint8Array = EMPTY): Buffer | undefined {
  if (sealed.length < TAG_BYTES) return undefined
  const decipher = createDecipheriv(AEADS[context.aead].name, context.key, nonceOf(context, sequence))
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES))
  try {
    decipher.final()
  } catch {
    plain.fill(0)
    return undefined
  }
  return plain
}

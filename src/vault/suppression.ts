/**
 * Names under which it stands that somebody must not come back: a keyed hash of the keyed hash by which they were found, so
 * that it is found only by asking for the same value, and is equal to nothing that stood in a row.
 */
import type { KeyStore } from './key-store.ts'
import { LABELS } from './labels.ts'
import { bind, deriveKey, hmac } from './seal.ts'

export function identifierTag(keys: KeyStore, scope: number, hash: Uint8Array): Buffer {
  return hmac(keyOf(keys), bind('identifier', scope, Buffer.from(hash).toString('base64')))
}

export function factTag(keys: KeyStore, field: string, lookup: Uint8Array): Buffer {
  return hmac(keyOf(keys), bind('fact', field, Buffer.from(lookup).toString('base64')))
}

function keyOf(keys: KeyStore): ReturnType<typeof deriveKey> {
  return deriveKey(keys.named('scope'), LABELS.suppressed)
}

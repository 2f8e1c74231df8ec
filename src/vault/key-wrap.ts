/**
 * Port for the one thing that a key management service can do for us later: wrap and unwrap the root key. Everything else
 * is wrapped by keys that are derived from the root key in the vault's memory.
 */
import type { KeyObject } from 'node:crypto'
import { open, seal } from './seal.ts'

export interface KeyWrap {
  wrap(plain: Buffer, bound: string): Promise<Buffer>
  /** Undefined when it was wrapped under another key or for another place. */
  unwrap(wrapped: Uint8Array, bound: string): Promise<Buffer | undefined>
}

/**
 * Wraps under the key-encryption key in the key folder. AES-256-GCM rather than AES key wrap (RFC 3394): that one binds no
 * context, and a person who can write the key store could give one destination the epoch secret of another unseen.
 */
export function localKeyWrap(kek: KeyObject): KeyWrap {
  return {
    wrap: async (plain, bound) => seal(kek, bound, plain),
    unwrap: async (wrapped, bound) => open(kek, bound, wrapped),
  }
}

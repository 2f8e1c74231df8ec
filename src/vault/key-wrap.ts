/**
 * Port for the one thing that a key management service does for us: wrap and unwrap the root key. Everything else is wrapped
 * by keys that are derived from the root key in the vault's memory. `local` is the key-encryption key in the key folder;
 * `transit-wrap.ts` is a service that speaks HashiCorp Vault's Transit API.
 */
import type { KeyObject } from 'node:crypto'
import { open, seal } from './seal.ts'

/** Throws `key_service_unavailable` when a service does not answer; whoever calls tries again. */
export interface KeyWrap {
  readonly kind: 'file' | 'transit'
  wrap(plain: Buffer, bound: string): Promise<Buffer>
  /** Undefined when it was wrapped under another key or for another place. */
  unwrap(wrapped: Uint8Array, bound: string): Promise<Buffer | undefined>
  /** The same under the newest version of the service's key. Absent: the key is a file, see `keys.ts`. */
  rewrap?(wrapped: Uint8Array, bound: string): Promise<Buffer>
}

/**
 * Wraps under the key-encryption key in the key folder. AES-256-GCM rather than AES key wrap (RFC 3394): that one binds no
 * context, and a person who can write the key store could give one destination the epoch secret of another unseen.
 */
export function localKeyWrap(kek: KeyObject): KeyWrap {
  return {
    kind: 'file',
    wrap: async (plain, bound) => seal(kek, bound, plain),
    unwrap: async (wrapped, bound) => open(kek, bound, wrapped),
  }
}

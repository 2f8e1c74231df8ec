/**
 * The root key, and the one that takes its place while it is rotated: from the first step on everything new is wrapped under
 * the next one, and what is read is tried under both.
 */
import type { KeyObject } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import { LABELS } from './labels.ts'
import { deriveKey, open, seal, takeKey } from './seal.ts'

const USES = [LABELS.wrapPerson, LABELS.wrapKey, LABELS.wrapFile] as const
type Use = (typeof USES)[number]

class Root {
  readonly key: KeyObject
  readonly #uses: Record<Use, KeyObject>

  constructor(key: KeyObject) {
    this.key = key
    this.#uses = Object.fromEntries(USES.map((use) => [use, deriveKey(key, use)])) as Record<Use, KeyObject>
  }

  of(use: Use): KeyObject {
    return this.#uses[use]
  }
}

export class RootKeys {
  #current: Root
  #former: Root | undefined

  /** `next`: a rotation was begun and is not over. */
  constructor(root: KeyObject, next?: KeyObject) {
    this.#current = new Root(next ?? root)
    this.#former = next === undefined ? undefined : new Root(root)
  }

  get rotating(): boolean {
    return this.#former !== undefined
  }

  /** What a key-encryption key wraps: the root, and during a rotation the next one. */
  exported(): { root: Buffer; next: Buffer | undefined } {
    const current = this.#current.key.export()
    return this.#former === undefined ? { root: current, next: undefined } : { root: this.#former.key.export(), next: current }
  }

  begin(next: KeyObject): void {
    this.#former = this.#current
    this.#current = new Root(next)
  }

  finish(): void {
    this.#former = undefined
  }

  wrap(use: Use, bound: string, secret: Uint8Array): Buffer {
    return seal(this.#current.of(use), bound, secret)
  }

  open(use: Use, bound: string, wrapped: Uint8Array): Buffer | undefined {
    return open(this.#current.of(use), bound, wrapped) ?? (this.#former && open(this.#former.of(use), bound, wrapped))
  }

  /** Undefined when it stands under the current one already. */
  again(use: Use, bound: string, wrapped: Uint8Array): Buffer | undefined {
    if (this.#former === undefined) return undefined
    const secret = open(this.#former.of(use), bound, wrapped)
    if (secret === undefined) {
      if (open(this.#current.of(use), bound, wrapped) === undefined) throw damaged()
      return undefined
    }
    const again = this.wrap(use, bound, secret)
    secret.fill(0)
    return again
  }

  unwrap(bound: string, wrapped: Uint8Array): KeyObject {
    const secret = this.open(LABELS.wrapKey, bound, wrapped)
    if (secret === undefined) throw damaged()
    return takeKey(secret)
  }
}

function damaged(): BulkheadError {
  return new BulkheadError('key_wrong', 'a key in the key store does not open under its root key')
}

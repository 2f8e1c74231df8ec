/**
 * Signs the tree over the ledger's entries, and only a tree that begins with the one signed before: what was signed stands in
 * the key store, away from the data. So not even who can write the whole data folder and speaks for the worker gets a
 * signature under another history of one origin.
 */
import { sign } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import { isTreeOrigin, type TreeHead, treeHeadText, treeOrigin } from '#model/tree-head.ts'
import type { KeyStore } from './key-store.ts'
import { publicText } from './keeping.ts'
import type { IsExtension, TreeSignature, TreeVault } from './tree-port.ts'

const HEAD = 'tree'
/** The origin that a restore has opened last. */
const OPENED = 'tree_origin'

export class TreeSigning implements Pick<TreeVault, 'signTree' | 'signedTree'> {
  readonly #keys: KeyStore
  readonly #instance: string
  readonly #isExtension: IsExtension | undefined

  /** Without `isExtension` nothing is signed but what was signed last. */
  constructor(parts: { keys: KeyStore; instance: string; isExtension?: IsExtension }) {
    this.#keys = parts.keys
    this.#instance = parts.instance
    this.#isExtension = parts.isExtension
  }

  async signedTree(): Promise<TreeHead | undefined> {
    return this.#signed()
  }

  async signTree(head: TreeHead, proof: readonly Uint8Array[]): Promise<TreeSignature> {
    this.#check(head, proof)
    const { origin, size, root } = head
    this.#keys.setMeta(HEAD, JSON.stringify({ origin, size, root: root.toString('base64') }))
    const key = this.#keys.signingKey(true)
    if (key === undefined) throw new BulkheadError('key_wrong', 'there is no key that signs')
    return { signature: sign(null, Buffer.from(treeHeadText(head)), key), key: publicText(key) }
  }

  /** A restore that lost entries goes on under this name: what was signed before binds the former origin alone. */
  openOrigin(restored: string): void {
    this.#keys.setMeta(OPENED, treeOrigin(this.#instance, restored))
  }

  #signed(): TreeHead | undefined {
    const text = this.#keys.meta(HEAD) as string | undefined
    if (text === undefined) return undefined
    const { origin, size, root } = JSON.parse(text) as { origin: string; size: number; root: string }
    return { origin, size, root: Buffer.from(root, 'base64') }
  }

  #check(head: TreeHead, proof: readonly Uint8Array[]): void {
    const signed = this.#signed()
    const opened = this.#keys.meta(OPENED) as string | undefined
    if (!isTreeOrigin(head.origin, this.#instance) || !Number.isSafeInteger(head.size) || head.size < 0 || head.root.length !== 32)
      throw broken('it is no tree of this instance')
    if (signed === undefined) return
    if (head.origin !== signed.origin) {
      if (head.origin !== opened) throw broken('its origin is neither the last one signed nor one that a restore has opened')
      return
    }
    if (head.size === signed.size ? head.root.equals(signed.root) : this.#extends(signed, head, proof)) return
    throw broken(`it does not begin with the tree of ${signed.size} entries that was signed before`)
  }

  #extends(signed: TreeHead, head: TreeHead, proof: readonly Uint8Array[]): boolean {
    if (head.size < signed.size) return false
    return signed.size === 0 || this.#isExtension?.(signed, head, proof) === true
  }
}

function broken(why: string): BulkheadError {
  return new BulkheadError('ledger_tree_broken', `the vault does not sign the tree over the ledger: ${why}`)
}

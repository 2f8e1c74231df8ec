/** All that the vault does for the tree over the ledger's entries, in one place. */
import type { TreeHead } from '#model/tree-head.ts'
import type { Committer } from './commit.ts'
import { Commitments } from './commitments.ts'
import type { KeyStore } from './key-store.ts'
import type { IsExtension, RowColumns, TreeSignature, TreeVault } from './tree-port.ts'
import { TreeSigning } from './tree-signing.ts'

export class TreeKeeping implements TreeVault {
  readonly #commitments: Commitments
  readonly #signing: TreeSigning

  constructor(parts: { keys: KeyStore; committer: Committer; instance: string; isExtension?: IsExtension }) {
    const { erasures } = parts.keys
    this.#commitments = new Commitments({
      commitKey: (subject) => parts.committer.commitKey(subject),
      kept: (entry, subject, nth) => erasures.keptRow(entry, subject, nth),
      keep: (rows) => erasures.keepRows(rows),
    })
    this.#signing = new TreeSigning(parts)
  }

  commitRows(rows: RowColumns): Promise<Buffer> {
    return this.#commitments.commitRows(rows)
  }

  keepRows(rows: RowColumns): Promise<void> {
    return this.#commitments.keepRows(rows)
  }

  /** What shows these rows to whom they are about; undefined for rows of the erased. The caller has the look. */
  rowKeys(rows: RowColumns): Promise<(Buffer | undefined)[]> {
    return this.#commitments.rowKeys(rows)
  }

  signTree(head: TreeHead, proof: readonly Uint8Array[]): Promise<TreeSignature> {
    return this.#signing.signTree(head, proof)
  }

  signedTree(): Promise<TreeHead | undefined> {
    return this.#signing.signedTree()
  }

  openOrigin(restored: string): void {
    this.#signing.openOrigin(restored)
  }
}

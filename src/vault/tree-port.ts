/** What the vault does for the tree over the ledger's entries: commitments of rows under keys of their subjects, and signatures. */
import type { TreeHead } from '#model/tree-head.ts'

/** Rows of ledger entries, as columns; `bytes` holds the canonical rows one behind another. */
export interface RowColumns {
  entries: Float64Array
  subjects: Float64Array
  /** Which of the subject's rows in that entry. */
  nths: Float64Array
  lengths: Float64Array
  bytes: Uint8Array
}

export const COMMITMENT_BYTES = 32

/** Whether the tree `to` begins with the tree `from`; `proof` as RFC 6962 makes it. */
export type IsExtension = (from: TreeHead, to: TreeHead, proof: readonly Uint8Array[]) => boolean

export interface TreeSignature {
  /** Ed25519 over `treeHeadText`. */
  signature: Buffer
  /** SPKI, base64. */
  key: string
}

export interface CommittingVault {
  /** 32 bytes a row, in order; zeros where the subject's secret is gone and no commitment was kept. */
  commitRows(rows: RowColumns): Promise<Buffer>
}

export interface TreeVault extends CommittingVault {
  /** Keeps the commitments of rows whose subjects are about to be erased; durable on return. May be repeated. */
  keepRows(rows: RowColumns): Promise<void>
  /**
   * Signs a tree that begins with the last one signed: the vault never signs two trees of one origin of which neither
   * begins with the other. Throws `ledger_tree_broken`. The head is durable before the signature leaves.
   */
  signTree(head: TreeHead, proof: readonly Uint8Array[]): Promise<TreeSignature>
  /** The last tree that was signed; undefined when none was. */
  signedTree(): Promise<TreeHead | undefined>
}

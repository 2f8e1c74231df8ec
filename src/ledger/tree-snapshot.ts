/** The tree as of its newest checkpoint, with the signature checked, for whoever makes proofs from it while it grows. */
import { createPublicKey } from 'node:crypto'
import type { Gap } from '#model/disclosure.ts'
import { treeOrigin } from '#model/tree-head.ts'
import { openCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { type NoteVerifier, noteVerifier } from './note.ts'
import { PinnedTiles } from './pinned-tiles.ts'
import type { SubtreeHashes } from './tree.ts'

export interface TreeSnapshot {
  newest: SignedCheckpoint
  /** Throw `ledger_tree_broken` where a tile cannot be read. */
  hashes: SubtreeHashes
}

/** Undefined when there is no checkpoint yet. Throws `checkpoint_invalid`. */
export function readTree(dir: string, verifiers: readonly NoteVerifier[]): TreeSnapshot | undefined {
  const tiles = PinnedTiles.read(dir)
  if (tiles.note === undefined) return undefined
  const newest = openCheckpoint(tiles.note, verifiers)
  return { newest, hashes: tiles.hashes(newest.size) }
}

/** Keys under the names that this ledger's tree has had: the first, and one after each restore that lost entries. */
export function treeVerifiers(key: string, instance: string, gaps: readonly Gap[]): NoteVerifier[] {
  const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' })
  return [undefined, ...gaps.map(({ origin }) => origin)].map((restored) => noteVerifier(treeOrigin(instance, restored), publicKey))
}

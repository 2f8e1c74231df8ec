/**
 * The tree as of its newest checkpoint, for reading while it grows: full tiles never change, and partial ones, which give way
 * to wider ones, are taken into memory at once.
 */
import { createPublicKey } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import type { Gap } from '#model/disclosure.ts'
import { treeOrigin } from '#model/tree-head.ts'
import { openCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { type NoteVerifier, noteVerifier } from './note.ts'
import { subtreeOfTile, type TileFiles } from './tile-files.ts'
import { partialTiles, TILE_WIDTH, tileOf, tilePath } from './tile-paths.ts'
import type { SubtreeHashes } from './tree.ts'

const ATTEMPTS = 5
const LEVELS_A_TILE = 8

export interface TreeSnapshot {
  newest: SignedCheckpoint
  hashes: SubtreeHashes
}

/** Undefined when there is no checkpoint yet. Throws `checkpoint_invalid` or `ledger_tree_broken`. */
export function readTree(files: TileFiles, verifiers: readonly NoteVerifier[]): TreeSnapshot | undefined {
  for (let attempt = 1; ; attempt++) {
    const note = files.checkpoint()
    if (note === undefined) return undefined
    const newest = openCheckpoint(note, verifiers)
    const edge = readEdge(files, newest.size)
    if (edge !== undefined) return { newest, hashes: hashesOf(files, newest.size, edge) }
    // A wider tile has taken the place of one meanwhile, and a newer checkpoint covers that.
    if (attempt === ATTEMPTS)
      throw new BulkheadError('ledger_tree_broken', `tiles of the tree of ${newest.size} entries are absent or damaged`)
  }
}

/** Keys under the names that this ledger's tree has had: the first, and one after each restore that lost entries. */
export function treeVerifiers(key: string, instance: string, gaps: readonly Gap[]): NoteVerifier[] {
  const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' })
  return [undefined, ...gaps.map(({ origin }) => origin)].map((restored) => noteVerifier(treeOrigin(instance, restored), publicKey))
}

function readEdge(files: TileFiles, size: number): Map<string, Buffer[]> | undefined {
  const edge = new Map<string, Buffer[]>()
  for (const name of partialTiles(size)) {
    if (name.kind === 'entries') continue
    const hashes = files.tile(name)
    if (hashes === undefined) return undefined
    edge.set(tilePath(name), hashes)
  }
  return edge
}

function hashesOf(files: TileFiles, size: number, edge: ReadonlyMap<string, Buffer[]>): SubtreeHashes {
  return (level, index) => {
    const span = 2 ** (level % LEVELS_A_TILE)
    const name = tileOf(Math.floor(level / LEVELS_A_TILE), index * span, size)
    const hashes = edge.get(tilePath(name)) ?? files.tile(name)
    if (hashes === undefined) throw new BulkheadError('ledger_tree_broken', `${tilePath(name)} is absent or damaged`)
    return subtreeOfTile(hashes, level % LEVELS_A_TILE, index % (TILE_WIDTH / span))
  }
}

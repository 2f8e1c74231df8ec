/** Proof that an entry stands in the tree, and what of it the proof opens: the header, nothing of its rows. */
import { BulkheadError } from '#base/errors.ts'
import type { Intent, LedgerEntry } from '#model/disclosure.ts'
import { decodeEntry } from './entry-codec.ts'
import { EntryKeys, headerCommitment, LEAF_BYTES, leafOf } from './leaf.ts'
import type { PinnedTiles } from './pinned-tiles.ts'
import type { EntryBytes } from './stored-entries.ts'
import { decodeBundle, TILE_WIDTH, tileOf, tilePath } from './tile-paths.ts'
import { HASH_BYTES, inclusionProof, isIncluded, leafHash } from './tree.ts'

export interface IndexProof {
  index: number
  /** Its number in the ledger, from 1. */
  entry: number
  /** Of the checkpoint that it is proved to. */
  size: number
  root: string
  origin: string
  note: string
  /** The 66 bytes of the leaf, base64. */
  leaf: string
  /** From the leaf upwards, base64. */
  proof: string[]
  /** What the leaf commits to, without the salt, the sealed rows, and a gap's own signature. */
  header: Record<string, unknown>
  /** Opens the header and nothing else, hex. */
  headerKey: string
  /** Root over the commitments to the rows, base64. */
  rowsRoot: string
}

/** Throws `not_found` for an index that no checkpoint covers, `ledger_tree_broken` when entry and tree do not fit. */
export function proveIndex(index: number, tiles: PinnedTiles, bytes: Pick<EntryBytes, 'get'>): IndexProof {
  const { head, note } = tiles
  if (head === undefined || note === undefined) throw new BulkheadError('not_found', 'there is no checkpoint that can be read')
  const { size, root, origin } = head
  if (index >= size) {
    const hint = 'An entry is in the tree a second after it was written; `bulkhead ledger checkpoint` says how far it has come.'
    throw new BulkheadError('not_found', `the tree has ${size} entries, numbered from 0`, { hint })
  }
  const leaf = leafAt(index, size, tiles)
  const proof = inclusionProof(index, size, tiles.hashes(size))
  const entry = entryAt(index + 1, bytes)
  const keys = new EntryKeys(entry, entry.type === 'outcome' ? intentOf(entry.intent, bytes) : undefined)
  const rowsRoot = leaf.subarray(2 + HASH_BYTES)
  const isEntry = leafOf(entry.type, headerCommitment(entry, keys.headerKey()), rowsRoot).equals(leaf)
  if (!isEntry || !isIncluded({ index, size, leaf: leafHash(leaf), proof, root }))
    throw new BulkheadError('ledger_tree_broken', `entry ${index + 1} is not the one that the tree has`)
  return {
    index,
    entry: index + 1,
    size,
    root: root.toString('base64'),
    origin,
    note,
    leaf: leaf.toString('base64'),
    proof: proof.map((hash) => hash.toString('base64')),
    header: headerOf(entry),
    headerKey: keys.headerKey().toString('hex'),
    rowsRoot: rowsRoot.toString('base64'),
  }
}

function leafAt(index: number, size: number, tiles: PinnedTiles): Buffer {
  const name = { ...tileOf(0, index, size), kind: 'entries' as const }
  const bytes = tiles.bytes(name)
  const leaf = bytes && decodeBundle(bytes)?.[index % TILE_WIDTH]
  if (leaf?.length !== LEAF_BYTES) throw new BulkheadError('ledger_tree_broken', `${tilePath(name)} is absent or damaged`)
  return leaf
}

function entryAt(number: number, bytes: Pick<EntryBytes, 'get'>): LedgerEntry {
  const stored = bytes.get(number)
  if (stored === undefined) throw new BulkheadError('ledger_corrupt', `ledger entry ${number}: is missing`)
  return decodeEntry(number, stored)
}

function intentOf(number: number, bytes: Pick<EntryBytes, 'get'>): Intent {
  const entry = entryAt(number, bytes)
  if (entry.type !== 'intent') throw new BulkheadError('ledger_corrupt', `ledger entry ${number}: is no intent, and an outcome closes it`)
  return entry
}

function headerOf(entry: LedgerEntry): Record<string, unknown> {
  const hidden = ['salt', 'manifest', 'key', 'signature']
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !hidden.includes(name)))
}

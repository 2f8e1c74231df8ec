/**
 * Entries that the vault has signed and the checkpoint does not cover: as a kill leaves them between the two, or somebody who has
 * put an older checkpoint with its tiles there to change what came after it. The vault's memory tells these apart.
 */
import { BulkheadError } from '#base/errors.ts'
import type { Gap } from '#model/disclosure.ts'
import type { TreeHead } from '#model/tree-head.ts'
import type { PinnedTiles } from './pinned-tiles.ts'
import type { Problems } from './problem.ts'
import type { StoredEntries } from './stored-entries.ts'
import { EMPTY_ROOT, nodeHash } from './tree.ts'

const ENTRIES_A_STEP = 256

/**
 * `head`: of the checkpoint, whose tiles were held against it already. `opensAnother`: whether a gap is one of a restore that has
 * said what is lost, and goes on under a name that was not signed yet.
 */
export async function checkBeyond(
  of: { head: TreeHead; signed: TreeHead; tiles: PinnedTiles; stored: StoredEntries; opensAnother: (gap: Gap) => boolean },
  problems: Problems,
): Promise<void> {
  const { head, signed, tiles, stored, opensAnother } = of
  const root = rootUpTo(head.size, tiles)
  // A tile that cannot be read has its own problem.
  if (root === undefined) return
  let size = head.size
  for (let from = head.size; from < signed.size; from += ENTRIES_A_STEP) {
    const { hashes, read } = await stored.range(from + 1, Math.min(from + ENTRIES_A_STEP, signed.size))
    if (read.some(({ entry }) => entry.type === 'gap' && opensAnother(entry))) return
    for (const hash of hashes) root.add(hash, 1)
    size += hashes.length
  }
  if (size === signed.size && root.hash().equals(signed.root)) return
  const what = `entries ${head.size + 1} to ${signed.size} are not those of the tree that the vault has signed last`
  problems.add({ index: head.size, kind: 'changed', what })
}

function rootUpTo(size: number, tiles: PinnedTiles): GrowingRoot | undefined {
  const root = new GrowingRoot()
  const hashes = tiles.hashes(size)
  try {
    for (let from = 0; from < size; ) {
      const level = Math.floor(Math.log2(size - from))
      root.add(hashes(level, from / 2 ** level), 2 ** level)
      from += 2 ** level
    }
    return root
  } catch (thrown) {
    if (thrown instanceof BulkheadError && thrown.code === 'ledger_tree_broken') return undefined
    throw thrown
  }
}

interface Subtree {
  hash: Buffer
  width: number
}

/** The whole subtrees that a tree is made of, greatest first. */
class GrowingRoot {
  readonly #parts: Subtree[] = []

  add(hash: Uint8Array, width: number): void {
    let part: Subtree = { hash: Buffer.from(hash), width }
    for (let left = this.#parts.at(-1); left?.width === part.width; left = this.#parts.at(-1)) {
      this.#parts.pop()
      part = { hash: nodeHash(left.hash, part.hash), width: part.width * 2 }
    }
    this.#parts.push(part)
  }

  hash(): Buffer {
    const [last, ...others] = this.#parts.map(({ hash }) => hash).reverse()
    let root: Buffer = last ?? EMPTY_ROOT
    for (const left of others) root = nodeHash(left, root)
    return root
  }
}

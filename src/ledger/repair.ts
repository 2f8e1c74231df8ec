/**
 * The tree's files made again where they are not those of the tree that was signed. Leaves come from the bundles where tiles and
 * signature bear them out, else from the ledger's entries; nothing is written unless all of it together has the signed root, so
 * that this heals what a disk has lost and covers up no change.
 */
import { BulkheadError } from '#base/errors.ts'
import type { TreeHead } from '#model/tree-head.ts'
import type { PinnedTiles } from './pinned-tiles.ts'
import { Problems } from './problem.ts'
import { decodeBundle, TILE_WIDTH, type TileName, tilePath } from './tile-paths.ts'
import { TreeEdge, type TileFile } from './tree-edge.ts'
import { type LeafRun, leafRuns } from './verify-tiles.ts'

const FILES_MAX = 4_096

/** Leaves of entries `from` up to `to` inclusive, as the ledger has them. */
export type LeavesFrom = (from: number, to: number) => Promise<Buffer[]>

/** What has to be written. Throws `ledger_tree_broken` when entries and files do not make what was signed. */
export async function filesToRepair(of: { tiles: PinnedTiles; head: TreeHead; leaves: LeavesFrom }): Promise<TileFile[]> {
  const { head } = of
  // A bundle and its tile that were forged to fit each other stand out by the root alone: then nothing but the entries counts.
  const found = (await madeAgain({ ...of, isTrusting: true })) ?? (await madeAgain({ ...of, isTrusting: false }))
  if (found !== undefined) return found
  const what = `the ledger's entries do not make the tree of ${head.size} entries that was signed: nothing is made again`
  throw new BulkheadError('ledger_tree_broken', what)
}

async function madeAgain(of: {
  tiles: PinnedTiles
  head: TreeHead
  leaves: LeavesFrom
  isTrusting: boolean
}): Promise<TileFile[] | undefined> {
  const { tiles, head, leaves, isTrusting } = of
  const wrong: TileFile[] = []
  const keepWrong = (file: TileFile): void => {
    if (tiles.bytes(file.name)?.equals(file.bytes) !== true) wrong.push(file)
    if (wrong.length > FILES_MAX)
      throw new BulkheadError('ledger_tree_broken', `more than ${FILES_MAX} files of the tree are not as they were signed`, {
        hint: 'Stop Bulkhead, move `ledger/tiles` away and start it: the tree is made again from the first entry on.',
      })
  }
  let edge = new TreeEdge(0)
  for (const run of runsOf(tiles, head)) {
    const own = isTrusting && run.isAsSigned ? bundleOf(tiles, run) : undefined
    const grown = edge.append(own ?? (await leaves(run.index + 1, run.index + run.width)))
    for (const file of grown.files) if (file.name.width === TILE_WIDTH) keepWrong(file)
    edge = grown.edge
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (const file of edge.partialFiles()) keepWrong(file)
  return edge.size === head.size && edge.root().equals(head.root) ? wrong : undefined
}

/** Of each run, whether nothing was found wrong with it or with what stands above it. */
function* runsOf(tiles: PinnedTiles, head: TreeHead): Generator<LeafRun & { isAsSigned: boolean }> {
  const problems = new Problems()
  const counted = (): number => problems.list.length + problems.more
  let before = counted()
  for (const run of leafRuns(tiles, head, problems)) {
    const { wanted, found } = run
    const isEqual = wanted?.length === found?.length && wanted?.every((hash, at) => hash.equals(found?.[at] as Buffer)) === true
    yield { ...run, isAsSigned: isEqual && counted() === before }
    before = counted()
  }
}

function bundleOf(tiles: PinnedTiles, { index, width }: LeafRun): Buffer[] | undefined {
  const bytes = tiles.bytes({ kind: 'entries', index: index / TILE_WIDTH, width })
  return bytes && decodeBundle(bytes)
}

export function placesOf(files: readonly { name: TileName }[]): string[] {
  return files.map(({ name }) => tilePath(name))
}

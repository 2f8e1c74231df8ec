/** The right edge of a tree: what stands in its partial tiles, from which it grows. Values do not change; growing makes another. */
import { assert } from '#base/errors.ts'
import { subtreeOfTile, type TileFiles } from './tile-files.ts'
import {
  decodeBundle,
  decodeTile,
  encodeBundle,
  encodeTile,
  hashesOnLevel,
  partialTile,
  partialTiles,
  TILE_LEVELS,
  TILE_WIDTH,
  type TileName,
} from './tile-paths.ts'
import { leafHash, treeRoot } from './tree.ts'

export interface TileFile {
  name: TileName
  bytes: Buffer
}

export class TreeEdge {
  readonly size: number
  /** Leaves of the last bundle, and hashes of the last tile on each level. */
  readonly #bundle: readonly Buffer[]
  readonly #levels: readonly (readonly Buffer[])[]

  constructor(size: 0)
  constructor(size: number, bundle: readonly Buffer[], levels: readonly (readonly Buffer[])[])
  constructor(size: number, bundle: readonly Buffer[] = [], levels: readonly (readonly Buffer[])[] = []) {
    this.size = size
    this.#bundle = bundle
    this.#levels = levels
    const widths = [bundle.length, ...Array.from({ length: TILE_LEVELS }, (_, level) => (levels[level] ?? []).length)]
    const wanted = [size, ...Array.from({ length: TILE_LEVELS }, (_, level) => hashesOnLevel(level, size))]
    assert(
      widths.every((width, at) => width === (wanted[at] as number) % TILE_WIDTH),
      'the edge of a tree is as wide as its size says',
    )
  }

  /** Undefined when a partial tile is absent or of another width. */
  static read(files: TileFiles, size: number): TreeEdge | undefined {
    const bundleName = partialTile('entries', size)
    const bundleBytes = bundleName && files.bytes(bundleName)
    const bundle = bundleName === undefined ? [] : bundleBytes && decodeBundle(bundleBytes)
    if (bundle?.length !== (bundleName?.width ?? 0)) return undefined
    const levels: Buffer[][] = []
    for (let level = 0; level < TILE_LEVELS; level++) {
      const name = partialTile(level, size)
      const bytes = name && files.bytes(name)
      const hashes = name === undefined ? [] : bytes && decodeTile(bytes, name.width)
      if (hashes === undefined) return undefined
      levels.push(hashes)
    }
    // Leaves that are not those of the tile would be written on into the next bundle.
    if (!bundle.every((leaf, at) => levels[0]?.[at]?.equals(leafHash(leaf)))) return undefined
    return new TreeEdge(size, bundle, levels)
  }

  /** The tree with these leaves behind, and the files that are new in it: full ones in their order, then partial ones. */
  append(leaves: readonly Buffer[]): { edge: TreeEdge; files: TileFile[] } {
    const files: TileFile[] = []
    const levels = Array.from({ length: TILE_LEVELS }, (_, level) => [...(this.#levels[level] ?? [])])
    let bundle = [...this.#bundle]
    let { size } = this
    const push = (level: number, hash: Buffer): void => {
      const hashes = levels[level] as Buffer[]
      hashes.push(hash)
      if (hashes.length < TILE_WIDTH) return
      const index = hashesOnLevel(level + 1, size) - 1
      files.push({ name: { kind: level, index, width: TILE_WIDTH }, bytes: encodeTile(hashes) })
      levels[level] = []
      push(level + 1, subtreeOfTile(hashes, 8, 0))
    }
    for (const leaf of leaves) {
      bundle.push(leaf)
      size += 1
      if (bundle.length === TILE_WIDTH) {
        files.push({ name: { kind: 'entries', index: size / TILE_WIDTH - 1, width: TILE_WIDTH }, bytes: encodeBundle(bundle) })
        bundle = []
      }
      push(0, leafHash(leaf))
    }
    const edge = new TreeEdge(size, bundle, levels)
    const before = this.size
    const partial = partialTiles(size).filter(({ kind, index, width }) => {
      const former = partialTile(kind, before)
      return former?.index !== index || former.width !== width
    })
    return { edge, files: [...files, ...partial.map((name) => ({ name, bytes: edge.#bytesOf(name) }))] }
  }

  partialFiles(): TileFile[] {
    return partialTiles(this.size).map((name) => ({ name, bytes: this.#bytesOf(name) }))
  }

  /** Whole subtrees on the way to it stand in the last tile of their level. */
  root(): Buffer {
    return treeRoot(this.size, (level, index) => {
      const hashes = this.#levels[Math.floor(level / 8)] ?? []
      return subtreeOfTile(hashes, level % 8, index % (TILE_WIDTH / 2 ** (level % 8)))
    })
  }

  #bytesOf({ kind }: TileName): Buffer {
    return kind === 'entries' ? encodeBundle(this.#bundle) : encodeTile(this.#levels[kind] ?? [])
  }
}

/**
 * Checks a copy of the tree's files against its checkpoint with the public key alone. From the root down every tile is held
 * against the hash above it; one that does not fit is made again from what lies below, and where that fits, it is the tile that is
 * damaged. So the hashes of all leaves are known before the bundles are held against them.
 */
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import type { TreeHead } from '#model/tree-head.ts'
import { openCheckpoint } from './checkpoint.ts'
import { NoteRefused, type NoteVerifier } from './note.ts'
import type { PinnedTiles } from './pinned-tiles.ts'
import type { Problems } from './problem.ts'
import { subtreeOfTile } from './tile-files.ts'
import { decodeBundle, decodeTile, partialTile, TILE_LEVELS, TILE_WIDTH, type TileName, tileOf } from './tile-paths.ts'
import { leafHash, treeRoot } from './tree.ts'

/** Leaves of one tile of level 0. */
export interface LeafRun {
  index: number
  width: number
  /** Hashes as the tree has them; of the bundle where the tile could not be had, undefined where neither could. */
  wanted: Buffer[] | undefined
  /** Hashes of the bundle's leaves; undefined when it is absent or cannot be read. */
  found: Buffer[] | undefined
}

/** The checkpoint, when its signature is one by a given key. What is wrong with it is added to `problems`. */
export function checkHead(
  tiles: PinnedTiles,
  verifiers: readonly NoteVerifier[],
  problems: Problems,
  hashing: TileHashing = tileHashing,
): TreeHead | undefined {
  if (tiles.note === undefined) {
    problems.add({ index: null, kind: 'checkpoint', what: 'there is no checkpoint' })
    return undefined
  }
  try {
    return hashing.head(tiles.note, verifiers)
  } catch (thrown) {
    if (!(thrown instanceof BulkheadError)) throw thrown
    const isSignature = thrown instanceof NoteRefused && thrown.problem !== 'malformed'
    problems.add({ index: null, kind: isSignature ? 'signature' : 'checkpoint', what: toBulkheadError(thrown).message })
    return undefined
  }
}

/** What is made of a file's bytes. Pure, so that who checks the same bytes a million times may remember it. */
export interface TileHashing {
  /** What a checkpoint says; throws when nobody known has signed it. */
  head(note: string, verifiers: readonly NoteVerifier[]): TreeHead
  /** Undefined when it does not hold exactly so many hashes. */
  tile(bytes: Buffer, width: number): Buffer[] | undefined
  /** Of the leaves, whatever their number; undefined when it cannot be read. */
  bundle(bytes: Buffer): Buffer[] | undefined
  /** Over a full tile. */
  root(hashes: readonly Buffer[]): Buffer
}

export const tileHashing: TileHashing = {
  head: (note, verifiers) => {
    const { origin, size, root } = openCheckpoint(note, verifiers)
    return { origin, size, root }
  },
  tile: decodeTile,
  bundle: (bytes) => decodeBundle(bytes)?.map(leafHash),
  root: (hashes) => subtreeOfTile(hashes, 8, 0),
}

/** All leaves in their order; what does not fit is added to `problems`. Without a signed head the tiles are held against themselves. */
export function* leafRuns(
  tiles: PinnedTiles,
  head: TreeHead | undefined,
  problems: Problems,
  hashing: TileHashing = tileHashing,
): Generator<LeafRun> {
  // A size that nobody has signed may be any: no more is looked for than there can be.
  const size = head?.size ?? Math.min(tiles.head?.size ?? 0, tiles.files.leavesAtMost())
  yield* new TileCheck(tiles, size, problems, hashing).all(head?.root)
}

class TileCheck {
  readonly #tiles: PinnedTiles
  readonly #size: number
  readonly #problems: Problems
  readonly #hashing: TileHashing

  constructor(tiles: PinnedTiles, size: number, problems: Problems, hashing: TileHashing) {
    this.#tiles = tiles
    this.#size = size
    this.#problems = problems
    this.#hashing = hashing
  }

  *all(root: Buffer | undefined): Generator<LeafRun> {
    const edge = this.#edge(root)
    // The highest tile covers the first leaves.
    for (let level = TILE_LEVELS - 1; level >= 0; level--) {
      const name = partialTile(level, this.#size)
      if (name === undefined) continue
      const hashes = edge.get(level)
      yield* this.#below(name, hashes?.hashes, hashes?.isTrusted === true)
    }
  }

  /** The partial tiles together make the root, so they are judged together. */
  #edge(root: Buffer | undefined): Map<number, { hashes: Buffer[]; isTrusted: boolean }> {
    const names = Array.from({ length: TILE_LEVELS }, (_, level) => partialTile(level, this.#size)).filter((name) => name !== undefined)
    const read = new Map(names.map((name) => [name.kind as number, this.#read(name)]))
    const makesRoot = (of: ReadonlyMap<number, Buffer[] | undefined>): boolean => {
      if (root === undefined || [...of.values()].includes(undefined)) return false
      const hashes = (level: number, index: number): Buffer =>
        subtreeOfTile(of.get(Math.floor(level / 8)) as Buffer[], level % 8, index % (TILE_WIDTH / 2 ** (level % 8)))
      return treeRoot(this.#size, hashes).equals(root)
    }
    const trust = (of: ReadonlyMap<number, Buffer[] | undefined>, isTrusted: boolean) =>
      new Map([...of].flatMap(([level, hashes]) => (hashes === undefined ? [] : [[level, { hashes, isTrusted }] as const])))
    if (makesRoot(read)) return trust(read, true)
    const derived = new Map(names.map((name) => [name.kind as number, this.#derive(name)]))
    const replaced = [...read.keys()].map((level) => new Map(read).set(level, derived.get(level)))
    const fitting = [...replaced, new Map(derived)].find(makesRoot)
    const best = fitting ?? new Map([...read].map(([level, hashes]) => [level, hashes ?? derived.get(level)]))
    for (const name of names) {
      const level = name.kind as number
      const isDamaged = fitting === undefined ? !isSame(read.get(level), derived.get(level)) : !isSame(read.get(level), best.get(level))
      if (isDamaged) this.#damaged(name)
    }
    if (
      fitting === undefined &&
      root !== undefined &&
      names.every(({ kind }) => isSame(read.get(kind as number), derived.get(kind as number)))
    ) {
      const index = partialTile(0, this.#size)?.index ?? 0
      const what = 'the last tiles and their leaves fit together, but not the root that was signed'
      this.#problems.add({ index: index * TILE_WIDTH, kind: 'tile', what })
    }
    return trust(best, fitting !== undefined)
  }

  /** Full tiles, each held against the hash that the tile above has of it. */
  *#full(name: TileName, wanted: Buffer | undefined, isTrusted: boolean): Generator<LeafRun> {
    const read = this.#read(name)
    const fits = (hashes: Buffer[] | undefined): boolean =>
      wanted !== undefined && hashes !== undefined && this.#hashing.root(hashes).equals(wanted)
    if (fits(read)) return yield* this.#below(name, read, isTrusted)
    const derived = this.#derive(name)
    if (wanted !== undefined || read === undefined) this.#damaged(name)
    yield* this.#below(name, fits(derived) ? derived : (read ?? derived), isTrusted && fits(derived))
  }

  *#below(name: TileName, hashes: Buffer[] | undefined, isTrusted: boolean): Generator<LeafRun> {
    const level = name.kind as number
    if (level > 0) {
      for (let at = 0; at < name.width; at++) {
        const child = { kind: level - 1, index: name.index * TILE_WIDTH + at, width: TILE_WIDTH }
        yield* this.#full(child, hashes?.[at], isTrusted)
      }
      return
    }
    const index = name.index * TILE_WIDTH
    const bundle: TileName = { ...name, kind: 'entries' }
    const found = this.#bundle(bundle)
    if (found === undefined)
      this.#problems.add({ index, kind: 'bundle', what: `${this.#tiles.placeOf(bundle)} is absent or cannot be read` })
    yield { index, width: name.width, wanted: hashes ?? found, found }
  }

  #damaged(name: TileName): void {
    const index = name.index * TILE_WIDTH ** ((name.kind as number) + 1)
    this.#problems.add({ index, kind: 'tile', what: `${this.#tiles.placeOf(name)} is absent or damaged` })
  }

  #read(name: TileName): Buffer[] | undefined {
    const bytes = this.#tiles.bytes(name)
    return bytes && this.#hashing.tile(bytes, name.width)
  }

  /** A tile as what lies below it says. */
  #derive({ kind, index, width }: TileName): Buffer[] | undefined {
    const level = kind as number
    if (level === 0) {
      const found = this.#bundle({ kind: 'entries', index, width })
      return found?.length === width ? found : undefined
    }
    const hashes: Buffer[] = []
    for (let at = 0; at < width; at++) {
      const child = tileOf(level - 1, (index * TILE_WIDTH + at) * TILE_WIDTH, this.#size)
      const below = this.#read({ ...child, width: TILE_WIDTH })
      if (below === undefined) return undefined
      hashes.push(this.#hashing.root(below))
    }
    return hashes
  }

  #bundle(name: TileName): Buffer[] | undefined {
    const bytes = this.#tiles.bytes(name)
    return bytes && this.#hashing.bundle(bytes)
  }
}

function isSame(a: readonly Buffer[] | undefined, b: readonly Buffer[] | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((hash, at) => hash.equals(b[at] as Buffer))
}

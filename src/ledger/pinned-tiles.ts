/**
 * The tree's files as of one checkpoint, also while the tree grows: the checkpoint and its partial tiles are read at once, and
 * full ones never change. Of a copy whose tiles are of a later tree than its checkpoint, a wider tile or the full one, cut to the
 * width, is as good as a partial one that is not there (c2sp.org/tlog-tiles).
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import type { TreeHead } from '#model/tree-head.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { parseNote } from './note.ts'
import { subtreeOfTile, TileFiles } from './tile-files.ts'
import { beginningOf, CHECKPOINT_FILE, decodeTile, partialTiles, TILE_WIDTH, type TileName, tileOf, tilePath } from './tile-paths.ts'
import type { SubtreeHashes } from './tree.ts'

const ATTEMPTS = 20
const LEVELS_A_TILE = 8

export class PinnedTiles {
  readonly files: TileFiles
  /** Undefined when there is none. */
  readonly note: string | undefined
  /** What the checkpoint says, unjudged; undefined when it cannot be read. */
  readonly head: TreeHead | undefined
  readonly #partial: Map<string, Buffer>
  /** Partial tiles that were cut out of another file, and its place. */
  readonly #cutFrom = new Map<string, string>()

  private constructor(files: TileFiles, note: string | undefined, head: TreeHead | undefined, partial: Map<string, Buffer>) {
    this.files = files
    this.note = note
    this.head = head
    this.#partial = partial
  }

  static read(dir: string | TileFiles): PinnedTiles {
    const files = typeof dir === 'string' ? new TileFiles(dir) : dir
    for (let attempt = 1; ; attempt++) {
      const note = files.checkpoint()
      const head = note === undefined ? undefined : headOf(note)
      const partial = new Map<string, Buffer>()
      let isWhole = true
      for (const name of head === undefined ? [] : partialTiles(head.size)) {
        const bytes = files.bytes(name)
        if (bytes === undefined) isWhole = false
        else partial.set(tilePath(name), bytes)
      }
      // A partial tile that is gone may have given way to a wider one since the look at the checkpoint.
      if (isWhole || attempt === ATTEMPTS || files.checkpoint() === note) return new PinnedTiles(files, note, head, partial)
    }
  }

  /** Of files that may be of a later tree than their checkpoint. */
  static readCopy(dir: string | TileFiles): PinnedTiles {
    const tiles = PinnedTiles.read(dir)
    const { head, files } = tiles
    for (const name of head === undefined ? [] : partialTiles(head.size)) {
      if (!tiles.#partial.has(tilePath(name))) tiles.#cut(name, files)
    }
    return tiles
  }

  #cut(name: TileName, files: TileFiles): void {
    for (let width = TILE_WIDTH; width > name.width; width--) {
      const wider = { ...name, width }
      const bytes = files.bytes(wider)
      const beginning = bytes && beginningOf(bytes, name)
      if (beginning === undefined) continue
      this.#partial.set(tilePath(name), beginning)
      this.#cutFrom.set(tilePath(name), tilePath(wider))
      return
    }
  }

  /** Of the file that holds it. */
  placeOf(name: TileName): string {
    const place = tilePath(name)
    return this.#cutFrom.get(place) ?? place
  }

  bytes(name: TileName): Buffer | undefined {
    return (name.width < TILE_WIDTH ? this.#partial.get(tilePath(name)) : undefined) ?? this.files.bytes(name)
  }

  /** Of the tree of that size, which is the checkpoint's; throws `ledger_tree_broken` where a tile cannot be read. */
  hashes(size: number): SubtreeHashes {
    return (level, index) => {
      const span = 2 ** (level % LEVELS_A_TILE)
      const name = tileOf(Math.floor(level / LEVELS_A_TILE), index * span, size)
      const hashes = this.#tile(name)
      if (hashes === undefined) throw new BulkheadError('ledger_tree_broken', `${tilePath(name)} is absent or damaged`)
      return subtreeOfTile(hashes, level % LEVELS_A_TILE, index % (TILE_WIDTH / span))
    }
  }

  #tile(name: TileName): Buffer[] | undefined {
    if (name.width === TILE_WIDTH) return this.files.tile(name)
    const bytes = this.#partial.get(tilePath(name))
    return bytes && decodeTile(bytes, name.width)
  }
}

function headOf(note: string): TreeHead | undefined {
  try {
    return parseCheckpoint(parseNote(note).text)
  } catch {
    // It is said by whoever checks its signature.
    return undefined
  }
}

/** The folder of the tree in what was copied: the tiles themselves, a ledger's folder, or a data folder. */
export function tilesIn(dir: string): string {
  const found = [dir, path.join(dir, 'tiles'), path.join(dir, 'ledger', 'tiles')].find(
    (place) => existsSync(path.join(place, CHECKPOINT_FILE)) || existsSync(path.join(place, 'tile')),
  )
  if (found === undefined) {
    const hint = 'Give a copy of `ledger/tiles`, of `ledger`, or of the data folder.'
    throw new BulkheadError('not_found', `${dir} holds no checkpoint and no tiles`, { hint })
  }
  return found
}

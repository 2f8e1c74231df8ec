/** The tree's files on disk: `checkpoint` and `tile/…` (tile-paths.ts), each written whole and durably before what names it. */
import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import { CHECKPOINT_FILE, decodeTile, partialTiles, TILE_LEVELS, TILE_WIDTH, type TileName, tileOf, tilePath } from './tile-paths.ts'
import { nodeHash, type SubtreeHashes } from './tree.ts'

const TILES_KEPT = 64
/** A bundle of leaves, each as long as its two bytes of length can say. */
const FILE_BYTES_MAX = TILE_WIDTH * (2 + 0xffff)
/** A socket is opened by nobody who reads files. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENODEV'])

/** Undefined when there is nothing. */
export type ReadPlace = (place: string) => Buffer | undefined

export class TileFiles {
  readonly dir: string
  /** Folders whose names this process knows to be on disk, those above them included. */
  readonly #flushed = new Set<string>()
  /** Lately read full tiles; they never change. */
  readonly #kept = new Map<string, Buffer[]>()
  readonly #read: ReadPlace

  /** `read`: what stands at a place below the folder, for whoever has it elsewhere than on disk. */
  constructor(dir: string, read: ReadPlace = (place) => readIfThere(path.join(dir, place))) {
    this.dir = dir
    this.#read = read
  }

  /** Undefined when there is none. */
  checkpoint(): string | undefined {
    return this.#read(CHECKPOINT_FILE)?.toString('utf8')
  }

  bytes(name: TileName): Buffer | undefined {
    return this.#read(tilePath(name))
  }

  /** Hashes of a tile; undefined when it is absent or not of its width. */
  tile(name: TileName): Buffer[] | undefined {
    const place = tilePath(name)
    const known = this.#kept.get(place)
    if (known !== undefined) return known
    const bytes = this.#read(place)
    const hashes = bytes && decodeTile(bytes, name.width)
    if (hashes !== undefined && name.width === TILE_WIDTH) this.#keep(place, hashes)
    return hashes
  }

  /** No more than the bundles that are there can hold. */
  leavesAtMost(): number {
    const top = path.join(this.dir, 'tile', 'entries')
    const entries = existsSync(top) ? readdirSync(top, { recursive: true, withFileTypes: true }) : []
    return entries.filter((entry) => entry.isFile()).length * TILE_WIDTH
  }

  /** Of a tree of that size; throws `ledger_tree_broken` where a tile cannot be read. */
  hashes(size: number): SubtreeHashes {
    return (level, index) => {
      const tileLevel = Math.floor(level / 8)
      const span = 2 ** (level % 8)
      const name = tileOf(tileLevel, index * span, size)
      const hashes = this.tile(name)
      if (hashes === undefined) throw new BulkheadError('ledger_tree_broken', `${tilePath(name)} is absent or damaged`)
      return subtreeOfTile(hashes, level % 8, index % (TILE_WIDTH / span))
    }
  }

  /** All of them are on disk when it returns. */
  async write(files: readonly { name: TileName; bytes: Uint8Array }[]): Promise<void> {
    const folders = new Set<string>()
    for (const { name, bytes } of files) {
      this.#kept.delete(tilePath(name))
      const file = path.join(this.dir, tilePath(name))
      const folder = path.dirname(file)
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await writeWhole(file, bytes)
      folders.add(folder)
      // A folder's name stands in the one above; somebody may have made it who was killed before that was flushed.
      for (let at = folder; at.startsWith(this.dir) && !this.#flushed.has(at); at = path.dirname(at)) folders.add(path.dirname(at))
    }
    for (const folder of folders) await flushFolder(folder)
    for (const folder of folders) this.#flushed.add(folder)
  }

  async writeCheckpoint(note: string): Promise<void> {
    const file = path.join(this.dir, CHECKPOINT_FILE)
    await mkdir(this.dir, { recursive: true, mode: 0o700 })
    await writeWhole(file, Buffer.from(note))
    await flushFolder(this.dir)
    await flushFolder(path.dirname(this.dir))
  }

  /** Partial tiles that a tree of that size does not need: wider ones or full ones have taken their place. */
  dropPartials(names: readonly TileName[], size: number): void {
    const needed = new Set(partialTiles(size).map(tilePath))
    for (const place of names.map(tilePath)) {
      if (needed.has(place)) continue
      const file = path.join(this.dir, place)
      rmSync(file, { force: true })
      this.#dropEmpty(path.dirname(file))
    }
  }

  /** Whatever an earlier run has left of partial tiles and half-written files. */
  sweep(size: number): void {
    const needed = new Set(partialTiles(size).map((name) => path.join(this.dir, tilePath(name))))
    for (const kind of ['entries', ...Array.from({ length: TILE_LEVELS }, (_, level) => String(level))]) {
      const top = path.join(this.dir, 'tile', kind)
      for (const entry of existsSync(top) ? readdirSync(top, { recursive: true, withFileTypes: true }) : []) {
        const file = path.join(entry.parentPath, entry.name)
        const isPartial = entry.isFile() && path.basename(entry.parentPath).endsWith('.p')
        if (!(isPartial && !needed.has(file)) && !entry.name.endsWith('.new')) continue
        rmSync(file, { force: true })
        this.#dropEmpty(entry.parentPath)
      }
    }
  }

  #dropEmpty(folder: string): void {
    if (!folder.endsWith('.p') || (existsSync(folder) && readdirSync(folder).length > 0)) return
    rmSync(folder, { recursive: true, force: true })
    this.#flushed.delete(folder)
  }

  #keep(place: string, hashes: Buffer[]): void {
    this.#kept.set(place, hashes)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > TILES_KEPT && oldest !== undefined) this.#kept.delete(oldest)
  }
}

/** Hash of a subtree of that many levels within one tile. */
export function subtreeOfTile(hashes: readonly Buffer[], level: number, index: number): Buffer {
  if (level === 0) return hashes[index] as Buffer
  return nodeHash(subtreeOfTile(hashes, level - 1, index * 2), subtreeOfTile(hashes, level - 1, index * 2 + 1))
}

/**
 * A copy comes from others: in the place of a file may stand one without an end, or one that waits for a writer. What is no file
 * that a tile could be is as good as absent.
 */
function readIfThere(file: string): Buffer | undefined {
  let handle: number
  try {
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (thrown) {
    if (ABSENT.has((thrown as NodeJS.ErrnoException).code ?? '')) return undefined
    throw thrown
  }
  try {
    const stat = fstatSync(handle)
    return stat.isFile() && stat.size <= FILE_BYTES_MAX ? readFileSync(handle) : undefined
  } finally {
    closeSync(handle)
  }
}

async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const draft = `${file}.new`
  const handle = await open(draft, 'w', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Names and shapes of the tree's files (c2sp.org/tlog-tiles). A tile of level L holds up to 256 hashes of subtrees of 256^L
 * leaves; a bundle holds the leaves of a tile of level 0, each behind its length in two bytes. Both are written once: the last
 * ones of a tree are partial, carry their width in their names, and give way to wider ones.
 */
import { assert } from '#base/errors.ts'
import { HASH_BYTES } from './tree.ts'

export const TILE_WIDTH = 256
/** Tiles of 8 levels of the tree each: enough for any safe integer of leaves. */
export const TILE_LEVELS = 7
export const CHECKPOINT_FILE = 'checkpoint'

/** A level, or `entries` for bundles. */
export type TileKind = number | 'entries'

/** A tile or bundle: its number on its level, and how many it holds. */
export interface TileName {
  kind: TileKind
  index: number
  width: number
}

/** Below the folder of the tree; numbers in groups of three digits, so that no folder gets more than a thousand names. */
export function tilePath({ kind, index, width }: TileName): string {
  assert(width > 0 && width <= TILE_WIDTH, 'a tile has a width')
  return `tile/${kind}/${groupsOf(index)}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

function groupsOf(index: number): string {
  const digits = String(index)
  if (digits.length <= 3) return digits.padStart(3, '0')
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/\d{3}/g) ?? []
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
}

/** How many hashes a level holds in a tree of that size. */
export function hashesOnLevel(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level)
}

/** The last tile of a level, when it is partial. */
export function partialTile(kind: TileKind, size: number): TileName | undefined {
  const count = hashesOnLevel(kind === 'entries' ? 0 : kind, size)
  const width = count % TILE_WIDTH
  return width === 0 ? undefined : { kind, index: Math.floor(count / TILE_WIDTH), width }
}

/** All partial tiles of a tree: what its checkpoint needs besides full ones. */
export function partialTiles(size: number): TileName[] {
  const kinds: TileKind[] = ['entries', ...Array.from({ length: TILE_LEVELS }, (_, level) => level)]
  return kinds.flatMap((kind) => partialTile(kind, size) ?? [])
}

/** All full tiles and bundles of a tree, those of a level in their order. */
export function* fullTiles(size: number): Generator<TileName> {
  const kinds: TileKind[] = ['entries', ...Array.from({ length: TILE_LEVELS }, (_, level) => level)]
  for (const kind of kinds) {
    const count = hashesOnLevel(kind === 'entries' ? 1 : kind + 1, size)
    for (let index = 0; index < count; index++) yield { kind, index, width: TILE_WIDTH }
  }
}

/** The tile that holds the hash of a level, as wide as it is in a tree of that size. */
export function tileOf(level: number, hashIndex: number, size: number): TileName {
  const index = Math.floor(hashIndex / TILE_WIDTH)
  const width = Math.min(TILE_WIDTH, hashesOnLevel(level, size) - index * TILE_WIDTH)
  return { kind: level, index, width }
}

export function encodeTile(hashes: readonly Uint8Array[]): Buffer {
  return Buffer.concat(hashes)
}

/** Undefined when it does not hold exactly so many hashes. */
export function decodeTile(bytes: Buffer, width: number): Buffer[] | undefined {
  if (bytes.length !== width * HASH_BYTES) return undefined
  return Array.from({ length: width }, (_, at) => bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES))
}

/** The first hashes or leaves of a wider tile, so many as that name has; undefined when there are fewer. */
export function beginningOf(bytes: Buffer, { kind, width }: TileName): Buffer | undefined {
  if (kind !== 'entries') return bytes.length < width * HASH_BYTES ? undefined : bytes.subarray(0, width * HASH_BYTES)
  let end = 0
  for (let leaf = 0; leaf < width; leaf++) {
    if (end + 2 > bytes.length) return undefined
    end += 2 + bytes.readUInt16BE(end)
  }
  return end > bytes.length ? undefined : bytes.subarray(0, end)
}

export function encodeBundle(leaves: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    leaves.flatMap((leaf) => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(leaf.length)
      return [length, leaf]
    }),
  )
}

/** Whatever number of leaves; undefined when the bytes do not end with one. */
export function decodeBundle(bytes: Buffer): Buffer[] | undefined {
  const leaves: Buffer[] = []
  let at = 0
  while (at < bytes.length) {
    if (at + 2 > bytes.length) return undefined
    const end = at + 2 + bytes.readUInt16BE(at)
    if (end > bytes.length) return undefined
    leaves.push(bytes.subarray(at + 2, end))
    at = end
  }
  return leaves
}

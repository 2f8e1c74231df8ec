/**
 * Every way in which one byte of a ledger can be another, be missing, be too many or stand in another place, and what a check has
 * to call it. A check of ten thousand entries for each of millions of bytes is made cheap in two ways, neither of which knows
 * anything of tampering: what is made of the bytes of one tile or bundle is remembered by those bytes, and of the ledger's entries
 * only those are read anew that read the changed one. tamper.test.ts holds both against the check as it is.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { TreeHead } from '#model/tree-head.ts'
import { commitRowsOf } from './tree-writer.ts'
import type { NoteVerifier } from './note.ts'
import type { ProblemKind } from './problem.ts'
import { type EntryBytes, StoredEntries } from './stored-entries.ts'
import { TileFiles } from './tile-files.ts'
import { CHECKPOINT_FILE, TILE_WIDTH } from './tile-paths.ts'
import { type Verified, verifyFiles, type VerifyParts } from './verify.ts'
import { type TileHashing, tileHashing } from './verify-tiles.ts'

export const WAYS = ['changed', 'dropped', 'inserted', 'swapped'] as const
export type Way = (typeof WAYS)[number]

/** Undefined where it would be the same bytes: two equal neighbours. */
export function tampered(bytes: Buffer, at: number, way: Way): Buffer | undefined {
  const byte = bytes[at] as number
  if (way === 'dropped') return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
  if (way === 'inserted') return Buffer.concat([bytes.subarray(0, at), Buffer.of((byte + 1 + at) & 255), bytes.subarray(at)])
  const next = bytes[at + 1]
  if (way === 'swapped' && (next === undefined || next === byte)) return undefined
  const changed = Buffer.from(bytes)
  if (way === 'changed') changed[at] = byte ^ (1 << (at % 8))
  else changed.set([next as number, byte], at)
  return changed
}

export type Named = readonly [index: number | null, kind: ProblemKind]

export function named({ problems }: Verified): Named[] {
  return problems.map(({ index, kind }) => [index, kind])
}

/** The tree's files in memory, one of them in another state at a time. */
export class TamperedTiles {
  readonly #dir: string
  readonly #files: ReadonlyMap<string, Buffer>
  readonly #verifiers: readonly NoteVerifier[]
  readonly #hashing = rememberingHashing()

  constructor(dir: string, verifiers: readonly NoteVerifier[]) {
    this.#dir = dir
    this.#verifiers = verifiers
    const entries = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const places = entries.map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name))).sort()
    this.#files = new Map(places.map((place) => [place, readFileSync(path.join(dir, place))]))
    assert.deepEqual(this.verify().problems, [], 'nothing was tampered with yet')
    this.#hashing.isPrimed = true
  }

  places(): string[] {
    return [...this.#files.keys()]
  }

  bytes(place: string): Buffer {
    const bytes = this.#files.get(place)
    assert.ok(bytes !== undefined, place)
    return bytes
  }

  verify(changed: ReadonlyMap<string, Buffer | undefined> = new Map()): Verified {
    const read = (place: string): Buffer | undefined => (changed.has(place) ? changed.get(place) : this.#files.get(place))
    return verifyFiles(new TileFiles(this.#dir, read), this.#verifiers, () => undefined, this.#hashing)
  }
}

interface RememberingHashing extends TileHashing {
  /** What comes from now on is remembered as long as its bytes are. */
  isPrimed: boolean
}

/**
 * By the bytes themselves, which nobody changes in place. Until it is primed hashes that are equal become one object, so that the
 * files as they are compare at a glance.
 */
function rememberingHashing(): RememberingHashing {
  const first = new Map<string, Buffer>()
  const unique = (hash: Buffer): Buffer => {
    if (hashing.isPrimed) return hash
    const key = hash.toString('latin1')
    const known = first.get(key) ?? Buffer.from(hash)
    first.set(key, known)
    return known
  }
  const remembered = <Of extends object, Made>(make: (of: Of) => Made): ((of: Of) => Made) => {
    const known = new WeakMap<Of, { made: Made }>()
    return (of) => {
      const found = known.get(of) ?? { made: make(of) }
      known.set(of, found)
      return found.made
    }
  }
  const ofWidth = Array.from({ length: TILE_WIDTH + 1 }, (_, width) =>
    remembered((bytes: Buffer) => tileHashing.tile(bytes, width)?.map(unique)),
  )
  let opened: { note: string; verifiers: readonly NoteVerifier[]; head: TreeHead } | undefined
  const hashing: RememberingHashing = {
    isPrimed: false,
    head: (note, verifiers) => {
      if (opened === undefined || opened.note !== note || opened.verifiers !== verifiers)
        opened = { note, verifiers, head: tileHashing.head(note, verifiers) }
      return opened.head
    },
    tile: (bytes, width) => ofWidth[width]?.(bytes),
    bundle: remembered((bytes: Buffer) => tileHashing.bundle(bytes)?.map(unique)),
    root: remembered(tileHashing.root),
  }
  return hashing
}

/** Holds what was found of a changed file against what it has to be called, and at which entry. */
export function assertTileNamed(found: readonly Named[], of: { place: string; at: number; way: Way }): void {
  const { place, at, way } = of
  const text = `${place}, byte ${at} ${way}: ${JSON.stringify(found.slice(0, 5))}`
  const [first] = found
  assert.ok(first !== undefined, `${text} is not found`)
  if (place === CHECKPOINT_FILE) {
    assert.ok(first[0] === null && (first[1] === 'checkpoint' || first[1] === 'signature'), text)
    return
  }
  const [, kind = '', ...rest] = place.split('/')
  const number = Number(rest.join('').replaceAll('x', '').replace(/\.p.*/, ''))
  if (kind !== 'entries') {
    assert.deepEqual(found, [[number * 256 ** (Number(kind) + 1), 'tile']], text)
    return
  }
  const begin = number * 256
  // 66 bytes behind a length of two. Where bytes have only changed in a leaf, it is this leaf and nothing else.
  const entry = begin + Math.floor(at / 68)
  const isInside = at % 68 >= 2 && (way === 'changed' || (way === 'swapped' && at % 68 < 67))
  if (isInside) assert.deepEqual(found, [[entry, 'changed']], text)
  // Else what follows is cut in other places: the bundle cannot be read, or nothing of it fits from here on.
  else if (first[1] === 'bundle') assert.equal(first[0], begin, text)
  else {
    assert.ok(first[0] === entry && (first[1] === 'changed' || first[1] === 'dropped'), text)
    assert.ok(
      found.every(([index]) => index !== null && index >= entry && index < begin + 256),
      text,
    )
  }
}

interface TamperedEntriesParts {
  bytes: EntryBytes
  vault: VerifyParts['vault']
  wanted: readonly Buffer[]
  /** Who reads an entry: it itself, and the outcomes that name it. */
  readers: ReadonlyMap<number, readonly number[]>
}

/** The ledger's entries, one of them in another state at a time: only what reads it is made anew. */
export class TamperedEntries {
  readonly #bytes: EntryBytes
  readonly #vault: VerifyParts['vault']
  readonly #wanted: readonly Buffer[]
  readonly #readers: ReadonlyMap<number, readonly number[]>

  private constructor(parts: TamperedEntriesParts) {
    this.#bytes = parts.bytes
    this.#vault = parts.vault
    this.#wanted = parts.wanted
    this.#readers = parts.readers
  }

  /** `wanted`: hashes of all leaves as the tree has them. */
  static async read(bytes: EntryBytes, vault: VerifyParts['vault'], wanted: readonly Buffer[]): Promise<TamperedEntries> {
    const readers = new Map<number, number[]>()
    for (let number = 1; number <= bytes.last(); number++) {
      const read = new Set<number>()
      const [hash] = await hashesOf(vault, number, (asked) => {
        read.add(asked)
        return bytes.get(asked)
      })
      assert.ok(hash?.equals(wanted[number - 1] as Buffer), `entry ${number} is as it was signed`)
      for (const one of read) readers.set(one, [...(readers.get(one) ?? []), number])
    }
    return new TamperedEntries({ bytes, vault, wanted, readers })
  }

  readersOf(number: number): readonly number[] {
    return this.#readers.get(number) ?? []
  }

  /** What a check of the whole ledger has to say when these bytes stand under that number. */
  async named(number: number, bytes: Buffer): Promise<Named[]> {
    const problems: Named[] = []
    for (const reader of this.readersOf(number)) {
      const [hash] = await hashesOf(this.#vault, reader, (asked) => (asked === number ? bytes : this.#bytes.get(asked)))
      if (hash?.equals(this.#wanted[reader - 1] as Buffer) !== true) problems.push([reader - 1, 'changed'])
    }
    return problems
  }
}

async function hashesOf(vault: VerifyParts['vault'], number: number, get: EntryBytes['get']): Promise<Buffer[]> {
  const stored = new StoredEntries({ bytes: { get }, openManifests: (of) => vault.openManifests(of), commit: commitRowsOf(vault) })
  return (await stored.range(number, number)).hashes
}

/** The entry itself is named first; beside it only those whose proofs hang on it. */
export function assertEntryNamed(found: readonly Named[], of: { number: number; at: number; way: Way }, readers: readonly number[]): void {
  const { number, at, way } = of
  const text = `entry ${number}, byte ${at} ${way}: ${JSON.stringify(found.slice(0, 5))}`
  assert.deepEqual(found[0], [number - 1, 'changed'], text)
  assert.ok(
    found.every(([index, kind]) => index !== null && kind === 'changed' && readers.includes(index + 1)),
    text,
  )
}

/** The ways of testing-tamper.ts over a whole ledger, or over a sample of its bytes: see tamper.test.ts and test/tamper-campaign.ts. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { assertEntryNamed, assertTileNamed, named, TamperedEntries, TamperedTiles, tampered, type Way, WAYS } from './testing-tamper.ts'
import type { TreePlace } from './testing-tree.ts'
import { quiet, vaultOf, verifierOf, withLedger } from './testing-verified.ts'
import { TileFiles } from './tile-files.ts'
import { decodeBundle, encodeBundle } from './tile-paths.ts'
import { verifyFiles } from './verify.ts'

export interface Tampering {
  /** Bytes of each family and way; all of them when there are fewer. */
  each: number
  seed: number
  /** How many of each are held against the check as it is, from disk and with nothing remembered. */
  wholes: number
  say: (told: Tampered) => void
  /** These kinds of files alone. */
  families?: readonly string[]
  /** All of them when left out. */
  ways?: readonly Way[]
}

/** All of these were found and named. */
export interface Tampered {
  family: string
  way: Way
  done: number
  /** Bytes that there are. */
  of: number
  /** Swapped with an equal neighbour, which is no change. */
  same: number
}

/** Positions in pieces that lie one behind another. */
class Positions {
  readonly #ends: number[] = []
  readonly of: number

  constructor(lengths: readonly number[]) {
    let end = 0
    for (const length of lengths) {
      end += length
      this.#ends.push(end)
    }
    this.of = end
  }

  at(position: number): { piece: number; at: number } {
    let [low, high] = [0, this.#ends.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ends[middle] as number) > position) high = middle
      else low = middle + 1
    }
    return { piece: low, at: position - (low === 0 ? 0 : (this.#ends[low - 1] as number)) }
  }
}

/** What all ways have in common: positions, counts, and which ones are checked as a whole too. `body` gives false for no change. */
async function eachByte(
  of: { family: string; lengths: readonly number[] } & Tampering,
  body: (position: { piece: number; at: number; way: Way }, isWhole: boolean) => Promise<boolean> | boolean,
): Promise<void> {
  const { family, lengths, each, seed, wholes, say } = of
  const positions = new Positions(lengths)
  const count = Math.min(positions.of, each)
  const whole = new Set(Array.from({ length: wholes }, (_, index) => Math.floor(((index + 0.5) * count) / wholes)))
  for (const way of of.ways ?? WAYS) {
    let [done, same] = [0, 0]
    for (const position of sample(positions.of, each, seed)) {
      const answer = body({ ...positions.at(position), way }, whole.has(done))
      if (!(typeof answer === 'boolean' ? answer : await answer)) same += 1
      done += 1
    }
    say({ family, way, done, of: positions.of, same })
  }
}

/** All, or as many as wanted, spread over all of them. */
export function* sample(of: number, each: number, seed: number): Generator<number> {
  const count = Math.min(of, each)
  const step = of / count
  for (let index = 0; index < count; index++) yield Math.floor(index * step + (step === 1 ? 0 : (seed * 7_919 + index * 104_729) % step))
}

/** Checkpoint, tiles of each level, bundles. */
function families(tiles: TamperedTiles): Map<string, string[]> {
  return Map.groupBy(tiles.places(), (place) => place.split('/').slice(0, 2).join('/'))
}

/** Every byte of tiles, bundles and checkpoint. */
export async function tamperFiles(place: TreePlace, tampering: Tampering): Promise<void> {
  const verifiers = [await verifierOf(place)]
  const tiles = new TamperedTiles(place.tilesDir, verifiers)
  for (const [family, places] of families(tiles)) {
    if (tampering.families?.includes(family) === false) continue
    const lengths = places.map((one) => tiles.bytes(one).length)
    await eachByte({ family, lengths, ...tampering }, ({ piece, at, way }, isWhole) => {
      const file = places[piece] as string
      const bytes = tampered(tiles.bytes(file), at, way)
      if (bytes === undefined) return false
      const found = tiles.verify(new Map([[file, bytes]]))
      assertTileNamed(named(found), { place: file, at, way })
      if (!isWhole) return true
      writeFileSync(path.join(place.tilesDir, file), bytes)
      assert.deepEqual(verifyFiles(place.tilesDir, verifiers, quiet), found, `${file}, byte ${at} ${way}`)
      writeFileSync(path.join(place.tilesDir, file), tiles.bytes(file))
      return true
    })
  }
  assert.ok(verifyFiles(place.tilesDir, verifiers, quiet).ok, 'everything stands as before')
}

/** Every byte of every stored intent, its sealed manifest included, and of every outcome. */
export async function tamperEntries(place: TreePlace, tampering: Tampering): Promise<void> {
  const tiles = new TileFiles(place.tilesDir)
  const { head } = place.ledger
  const wanted = Array.from({ length: head }, (_, index) => tiles.hashes(head)(0, index) as Buffer)
  await withLedger(place, async ({ bytes, verify }) => {
    const entries = await TamperedEntries.read(bytes, vaultOf(place), wanted)
    const numbers = Array.from({ length: head }, (_, index) => index + 1)
    for (const [family, own] of Map.groupBy(numbers, (number) => place.ledger.entry(number)?.type ?? 'nothing')) {
      const lengths = own.map((number) => bytes.get(number)?.length ?? 0)
      await eachByte({ family, lengths, ...tampering }, async ({ piece, at, way }, isWhole) => {
        const number = own[piece] as number
        const changed = tampered(bytes.get(number) as Buffer, at, way)
        if (changed === undefined) return false
        const found = await entries.named(number, changed)
        assertEntryNamed(found, { number, at, way }, entries.readersOf(number))
        if (!isWhole) return true
        const all = named(await verify({ get: (asked) => (asked === number ? changed : bytes.get(asked)) }))
        assert.deepEqual(all, found, `the check of all says of entry ${number}, byte ${at} ${way}, what the one of a part says`)
        return true
      })
    }
  })
}

/** Leaves dropped, put in and exchanged in bundles, and whole files that are absent or stand in the place of another. */
export async function tamperLeaves(place: TreePlace, { each, seed }: Pick<Tampering, 'each' | 'seed'>): Promise<number> {
  const tiles = new TamperedTiles(place.tilesDir, [await verifierOf(place)])
  const kinds = families(tiles)
  const bundles = kinds.get('tile/entries') ?? []
  const leaves = bundles.map((bundle) => decodeBundle(tiles.bytes(bundle)) ?? [])
  const foundOf = (bundle: number, changed: Buffer[]) => named(tiles.verify(new Map([[bundles[bundle] as string, encodeBundle(changed)]])))
  for (const entry of sample(place.ledger.head, each, seed)) {
    const [bundle, at] = [Math.floor(entry / 256), entry % 256]
    const own = leaves[bundle] as Buffer[]
    const other = (at + 100) % own.length
    const [low, high] = [Math.min(at, other), Math.max(at, other)]
    const neighbour = at === own.length - 1 ? at - 1 : at
    const reordered = (index: number) => [bundle * 256 + index, 'reordered']
    const exchanged = (a: number, b: number): Buffer[] => own.with(a, own[b] as Buffer).with(b, own[a] as Buffer)
    assert.deepEqual(foundOf(bundle, own.toSpliced(at, 1)), [[entry, 'dropped']])
    assert.deepEqual(foundOf(bundle, own.toSpliced(at, 0, own[other] as Buffer)), [[entry, 'inserted']])
    assert.deepEqual(foundOf(bundle, own.toSpliced(at, 0, Buffer.alloc(66))), [[entry, 'inserted']])
    assert.deepEqual(foundOf(bundle, exchanged(neighbour, neighbour + 1)), [neighbour, neighbour + 1].map(reordered))
    assert.deepEqual(foundOf(bundle, exchanged(low, high)), [low, high].map(reordered))
  }
  assert.deepEqual(
    foundOf(17, []),
    (leaves[17] ?? []).map((_, index) => [17 * 256 + index, 'dropped']),
  )
  for (const [family, places] of kinds) {
    for (const [index, one] of places.entries()) {
      assert.ok(!tiles.verify(new Map([[one, undefined]])).ok, `${one} is absent`)
      const next = places[index + 1]
      if (next === undefined || family === 'checkpoint') continue
      const found = tiles.verify(new Map([[one, tiles.bytes(next)], [next, tiles.bytes(one)]])).problems // biome-ignore format: pairs
      assert.ok(found.length > 0 && found.every((problem) => problem.index !== null && problem.index >= index * 256), `${one}, ${next}`)
    }
  }
  return Math.min(each, place.ledger.head)
}

/** An auditor keeps a checkpoint, and gets a newer copy of the tiles: partial tiles of then have given way to wider ones. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { type TreePlace, withTreePlace } from './testing-tree.ts'
import { fill, quiet, verifierOf } from './testing-verified.ts'
import { partialTiles, tilePath } from './tile-paths.ts'
import { type Verified, verifyFiles } from './verify.ts'

const told = ({ problems }: Verified): [number | null, string, string?][] =>
  problems.map(({ index, kind, what }) => [index, kind, /tile\/\S+/.exec(what)?.[0]].filter((one) => one !== undefined) as [number, string])

/** What a file says while `body` runs; undefined: it is gone. */
function withFile(file: string, change: (bytes: Buffer) => Buffer | undefined, body: () => void): void {
  const bytes = readFileSync(file)
  const changed = change(Buffer.from(bytes))
  if (changed === undefined) rmSync(file)
  else writeFileSync(file, changed)
  body()
  writeFileSync(file, bytes)
}

const flipped = (at: number) => (bytes: Buffer) => bytes.fill((bytes[at] as number) ^ 1, at, at + 1)

interface Old {
  note: string
  size: number
}

async function fillAndKeep(place: TreePlace, entries: number): Promise<Old> {
  await fill(place, entries)
  return { note: readFileSync(path.join(place.tilesDir, 'checkpoint'), 'utf8'), size: place.ledger.head }
}

test('an older checkpoint is checked against tiles of a later tree: full ones and wider ones, cut to their width', async () => {
  await withTreePlace(async (place) => {
    const olds = [await fillAndKeep(place, 7), await fillAndKeep(place, 260), await fillAndKeep(place, 300)]
    await fill(place, 600)
    const verifiers = [await verifierOf(place)]
    const newest = readFileSync(path.join(place.tilesDir, 'checkpoint'), 'utf8')
    for (const { note, size } of olds) {
      writeFileSync(path.join(place.tilesDir, 'checkpoint'), note)
      assert.ok(partialTiles(size).every((name) => !existsSync(path.join(place.tilesDir, tilePath(name)))))
      const found = verifyFiles(place.tilesDir, verifiers, quiet)
      assert.deepEqual([found.problems, found.entries, found.checkpoint?.size], [[], size, size])
    }
    // Between two widths: the level above has a tile that is wider, and not full.
    const wider = path.join(place.tilesDir, 'tile/1/000.p/2')
    assert.ok(existsSync(wider))
    withFile(wider, flipped(0), () =>
      assert.deepEqual(told(verifyFiles(place.tilesDir, verifiers, quiet)), [[0, 'tile', 'tile/1/000.p/2']]),
    )
    withFile(wider, flipped(32), () => assert.deepEqual(told(verifyFiles(place.tilesDir, verifiers, quiet)), []))
    writeFileSync(path.join(place.tilesDir, 'checkpoint'), newest)
    assert.ok(verifyFiles(place.tilesDir, verifiers, quiet).ok)
  })
})

test('what was tampered with below the size of then is found and named; what is behind it that checkpoint does not cover', async () => {
  await withTreePlace(async (place) => {
    const { note, size } = await fillAndKeep(place, 300)
    await fill(place, 600)
    const verifiers = [await verifierOf(place)]
    writeFileSync(path.join(place.tilesDir, 'checkpoint'), note)
    const [bundle, tile] = ['tile/entries/001', 'tile/0/001'].map((name) => path.join(place.tilesDir, name)) as [string, string]
    const check = () => told(verifyFiles(place.tilesDir, verifiers, quiet))
    for (const index of [256, 280, size - 1]) {
      const at = index - 256
      withFile(bundle, flipped(at * 68 + 30), () => assert.deepEqual(check(), [[index, 'changed']]))
      withFile(tile, flipped(at * 32 + 5), () => assert.deepEqual(check(), [[256, 'tile', 'tile/0/001']]))
    }
    for (const index of [size, 511]) {
      const at = index - 256
      withFile(bundle, flipped(at * 68 + 30), () => assert.deepEqual(check(), []))
      withFile(bundle, flipped(at * 68), () => assert.deepEqual(check(), [], 'the length of a leaf'))
      withFile(tile, flipped(at * 32 + 5), () => assert.deepEqual(check(), []))
    }
    // A leaf less, and files that are too short or gone.
    withFile(
      bundle,
      (bytes) => Buffer.concat([bytes.subarray(0, 680), bytes.subarray(748)]),
      () => assert.deepEqual(check()[0], [266, 'dropped']),
    )
    withFile(
      tile,
      (bytes) => bytes.subarray(0, 43 * 32),
      () => assert.deepEqual(check(), [[256, 'tile', `tile/0/001.p/${size - 256}`]]),
    )
    const ends = [10 * 68, 10 * 68 + 1, (size - 257) * 68 + 30].map((end) => (bytes: Buffer) => bytes.subarray(0, end))
    for (const change of [...ends, () => undefined])
      withFile(bundle, change, () => assert.deepEqual(check(), [[256, 'bundle', `tile/entries/001.p/${size - 256}`]]))
    // The one that is as wide as it has to be goes before a wider one.
    mkdirSync(path.join(place.tilesDir, 'tile/0/001.p'))
    writeFileSync(path.join(place.tilesDir, `tile/0/001.p/${size - 256}`), readFileSync(tile).subarray(0, (size - 256) * 32))
    withFile(tile, flipped(5), () => assert.deepEqual(check(), []))
    // Wider ones that are not full, where neither is there.
    mkdirSync(`${bundle}.p`)
    writeFileSync(`${bundle}.p/200`, readFileSync(bundle).subarray(0, 200 * 68))
    withFile(
      bundle,
      () => undefined,
      () => assert.deepEqual(check(), []),
    )
  })
})

test('where tile and bundle are gone the entries behind are named by their own index, in the order of the entries', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 600)
    const verifiers = [await verifierOf(place)]
    const file = (name: string): string => path.join(place.tilesDir, name)
    const check = () => verifyFiles(place.tilesDir, verifiers, quiet).problems.map(({ index, kind }) => [index, kind])
    withFile(file('tile/entries/000'), flipped(3 * 68 + 9), () =>
      withFile(file('tile/0/001'), flipped(9), () =>
        assert.deepEqual(check(), [
          [3, 'changed'],
          [256, 'tile'],
        ]),
      ),
    )
    const gone = (): undefined => undefined
    withFile(file('tile/entries/000'), gone, () =>
      withFile(file('tile/0/000'), gone, () =>
        withFile(file('tile/entries/001'), flipped(4 * 68 + 9), () =>
          assert.deepEqual(check(), [
            [0, 'tile'],
            [0, 'bundle'],
            [260, 'changed'],
          ]),
        ),
      ),
    )
  })
})

test('two bundles that stand in the place of each other: each entry of both is named, and by its own index', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 2_600)
    const verifiers = [await verifierOf(place)]
    for (const [a, b] of [
      [0, 1],
      [2, 4],
      [0, 9],
    ] as const) {
      const [one, two] = [a, b].map((index) => path.join(place.tilesDir, `tile/entries/00${index}`)) as [string, string]
      const [first, second] = [readFileSync(one), readFileSync(two)]
      writeFileSync(one, second)
      writeFileSync(two, first)
      const found = verifyFiles(place.tilesDir, verifiers, quiet).problems.map(({ index, kind }) => [index, kind])
      writeFileSync(one, first)
      writeFileSync(two, second)
      const entries = [a, b].flatMap((bundle) => Array.from({ length: 256 }, (_, at) => bundle * 256 + at))
      assert.deepEqual(
        found,
        entries.map((index) => [index, 'reordered']),
      )
    }
  })
})

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { keepErasedRows } from './erased-rows.ts'
import { TamperedTiles } from './testing-tamper.ts'
import { type TreePlace, withTreePlace } from './testing-tree.ts'
import { discloseUpTo, fill, quiet, verifierOf } from './testing-verified.ts'
import { subtreeOfTile } from './tile-files.ts'
import { decodeBundle, decodeTile, encodeBundle, encodeTile } from './tile-paths.ts'
import { leafHash } from './tree.ts'
import type { TreeWriter } from './tree-writer.ts'
import { verifyFiles } from './verify.ts'

const ENTRIES = 1_100

async function withWriter(place: TreePlace, body: (writer: TreeWriter) => Promise<void>): Promise<void> {
  const writer = place.writer()
  const stop = new AbortController()
  const running = writer.run(stop.signal)
  try {
    await writer.reached(place.ledger.head)
    await body(writer)
  } finally {
    stop.abort()
    await running
  }
}

/** Files, and what becomes of their bytes; undefined: they are gone. */
type Damage = Record<string, (bytes: Buffer, read: (name: string) => Buffer) => Buffer | undefined>

const flipped = (at: number) => (bytes: Buffer) => {
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] as number) ^ 1
  return changed
}

/** A leaf in the bundle and its hash in the tile, so that they fit each other. */
const forgedLeaf = Buffer.alloc(66, 7)
const forged: Damage = {
  'tile/entries/002': (bytes) => encodeBundle((decodeBundle(bytes) ?? []).with(9, forgedLeaf)),
  'tile/0/002': (bytes) =>
    encodeTile(Array.from({ length: 256 }, (_, at) => (at === 9 ? leafHash(forgedLeaf) : bytes.subarray(at * 32, at * 32 + 32)))),
}

/** And the tile above, so that the root alone says otherwise. */
const forgedUpwards: Damage = {
  ...forged,
  'tile/1/000.p/4': (bytes, read) => {
    const below = decodeTile(read('tile/0/002'), 256) ?? []
    return Buffer.concat([bytes.subarray(0, 64), subtreeOfTile(below, 8, 0), bytes.subarray(96)])
  },
}

const damages: Record<string, Damage> = {
  'a byte of a tile': { 'tile/0/001': flipped(40) },
  'a byte of a bundle': { 'tile/entries/003': flipped(40) },
  'the length of a leaf': { 'tile/entries/003': flipped(68) },
  'a tile and its bundle': { 'tile/0/001': flipped(40), 'tile/entries/001': flipped(4_000) },
  'a tile and its bundle, made to fit each other': forged,
  'a tile, its bundle and the tile above, made to fit each other': forgedUpwards,
  'files that are gone': { 'tile/0/000': () => undefined, 'tile/entries/000': () => undefined, 'tile/1/000.p/4': () => undefined },
  'a file cut short': { 'tile/entries/001': (bytes) => bytes.subarray(0, 700), 'tile/0/002': () => Buffer.alloc(0) },
  'the tile above, and forged ones below': { ...forged, 'tile/1/000.p/4': flipped(70) },
  'the checkpoint': { checkpoint: flipped(60) },
  everything: {
    ...{ 'tile/0/000': flipped(1), 'tile/0/001': flipped(1), 'tile/0/002': flipped(1), 'tile/0/003': flipped(1) },
    ...{ 'tile/entries/000': flipped(9), 'tile/entries/001': flipped(9), 'tile/entries/002': flipped(9), 'tile/entries/003': flipped(9) },
    ...{ 'tile/1/000.p/4': flipped(0), checkpoint: flipped(70) },
  },
}

function damage(place: TreePlace, files: Damage): void {
  for (const [name, change] of Object.entries(files)) {
    const file = path.join(place.tilesDir, name)
    const bytes = change(readFileSync(file), (other) => readFileSync(path.join(place.tilesDir, other)))
    if (bytes === undefined) rmSync(file)
    else writeFileSync(file, bytes)
  }
}

test('whatever is damaged of the files is made again, byte for byte, and nothing else is written', async () => {
  await withTreePlace(async (place) => {
    await fill(place, ENTRIES)
    const verifiers = [await verifierOf(place)]
    // Who is erased is in the entries for ever, by what was kept of their rows.
    const gone = place.people.slice(3, 6)
    const entries = Array.from({ length: place.ledger.head }, (_, index) => index + 1)
    await keepErasedRows({ subjects: gone, entries }, { ledger: place.ledger, rows: place.openRows, vault: place.vault.tree })
    await place.vault.erase(gone)
    const before = new TamperedTiles(place.tilesDir, verifiers)
    await withWriter(place, async (writer) => {
      assert.deepEqual((await writer.repair()).repaired, [])
      for (const [what, files] of Object.entries(damages)) {
        damage(place, files)
        assert.ok(!verifyFiles(place.tilesDir, verifiers, quiet).ok, what)
        const { repaired, size } = await writer.repair()
        assert.deepEqual([size, repaired.toSorted()], [place.ledger.head, Object.keys(files).toSorted()], what)
        assert.deepEqual(verifyFiles(place.tilesDir, verifiers, quiet).problems, [], what)
        for (const one of before.places())
          assert.deepEqual(readFileSync(path.join(place.tilesDir, one)), before.bytes(one), `${what}: ${one}`)
      }
      // And the tree goes on.
      await discloseUpTo(place, ENTRIES + 300)
      await writer.reached(place.ledger.head)
      assert.deepEqual((await writer.repair()).repaired, [])
    })
    assert.deepEqual(verifyFiles(place.tilesDir, verifiers, quiet).problems, [])
  })
})

test('where the entries are not what was signed nothing is made again', async () => {
  await withTreePlace(async (place) => {
    await fill(place, ENTRIES)
    const real = place.ledger.entry.bind(place.ledger)
    const changed = { ...(real(301) ?? assert.fail()), at: 5 } as ReturnType<typeof real>
    const ledger = {
      head: place.ledger.head,
      entry: (number: number) => (number === 301 ? changed : real(number)),
      gaps: () => place.ledger.gaps(),
      saveUnsent: (intents: readonly number[]) => place.ledger.saveUnsent(intents),
    }
    await withWriter({ ...place, writer: () => place.writer({ ledger }) }, async (writer) => {
      damage(place, { 'tile/entries/001': flipped(4_000) })
      const damaged = readFileSync(path.join(place.tilesDir, 'tile/entries/001'))
      await assert.rejects(writer.repair(), { code: 'ledger_tree_broken' })
      assert.deepEqual(readFileSync(path.join(place.tilesDir, 'tile/entries/001')), damaged)
      assert.equal(writer.status().state, 'current')
    })
  })
})

test('who asks when the tree is written no more is told so', async () => {
  await withTreePlace(async (place) => {
    const writer = await place.grow()
    await assert.rejects(writer.repair(), { code: 'not_running' })
  })
})

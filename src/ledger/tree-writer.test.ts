import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { createPublicKey } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import type { Intent } from '#model/disclosure.ts'
import { treeOrigin } from '#model/tree-head.ts'
import { INSTANCE } from '#vault/testing.ts'
import { openCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { commitRowsOf } from './tree-writer.ts'
import { headerCommitment, LEAF_BYTES, leafOf, leavesOf } from './leaf.ts'
import { noteVerifier } from './note.ts'
import { PinnedTiles } from './pinned-tiles.ts'
import { type IndexProof, proveIndex } from './prove.ts'
import { appendGap } from './restored-ledger.ts'
import { openEntryBytes } from './stored-entries.ts'
import { disclose, failingVault, rowsOf, type TreePlace, withTreePlace } from './testing-tree.ts'
import { quiet, verifierOf } from './testing-verified.ts'
import { TileFiles } from './tile-files.ts'
import { decodeBundle, hashesOnLevel, partialTiles, tilePath } from './tile-paths.ts'
import { isIncluded, leafHash, nodeHash, treeRoot } from './tree.ts'
import { verifyFiles } from './verify.ts'

async function checkpointOf(place: TreePlace, origin = treeOrigin(INSTANCE)): Promise<SignedCheckpoint> {
  const { ledgerKey } = await place.vault.describe()
  const key = createPublicKey({ key: Buffer.from(ledgerKey ?? '', 'base64'), format: 'der', type: 'spki' })
  return openCheckpoint(readFileSync(path.join(place.tilesDir, 'checkpoint')), [noteVerifier(origin, key)])
}

/** The root over all entries, without any file. */
async function expectedRoot(place: TreePlace, size = place.ledger.head): Promise<Buffer> {
  const materials = []
  for (let number = 1; number <= size; number++) {
    const entry = place.ledger.entry(number)
    assert.ok(entry !== undefined)
    const intent = entry.type === 'outcome' ? place.ledger.entry(entry.intent) : undefined
    const rows = entry.type === 'intent' ? (await place.openRows([entry]))[0] : undefined
    materials.push({ entry, rows, intent: intent?.type === 'intent' ? intent : undefined })
  }
  const hashes = (await leavesOf(materials, commitRowsOf(place.vault.tree))).map(leafHash)
  const root = (level: number, index: number): Buffer =>
    level === 0 ? (hashes[index] as Buffer) : nodeHash(root(level - 1, index * 2), root(level - 1, index * 2 + 1))
  return treeRoot(size, root)
}

async function discloseMany(place: TreePlace, entries: number): Promise<void> {
  const states = ['delivered', 'possible', 'not_sent', undefined] as const
  for (let made = 0; made < entries; made += 100) {
    await disclose(
      place,
      Array.from({ length: Math.min(100, entries - made) }, (_, index) => {
        const [one = 0, two = 0] = [place.people[index % 20], place.people[(index * 7 + 3) % 20]]
        return { rows: one === two ? rowsOf([one], 2) : rowsOf([one, two]), state: states[index % 4] }
      }),
    )
  }
}

function flip(file: string): void {
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
  writeFileSync(file, bytes)
}

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)))
    .sort()
}

test('an empty ledger has a signed tree without leaves', async () => {
  await withTreePlace(async (place) => {
    await place.grow()
    const { size, root, origin } = await checkpointOf(place)
    assert.deepEqual(
      { size, root: root.toString('hex'), origin },
      {
        size: 0,
        root: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
        origin: `bulkhead/ledger/${INSTANCE}`,
      },
    )
    assert.deepEqual(filesIn(place.tilesDir), ['checkpoint'])
  })
})

test('the tree grows to what the definition gives, and its files are those of its checkpoint and no more', async () => {
  await withTreePlace(async (place) => {
    for (const more of [1, 30, 200, 300]) {
      await discloseMany(place, more)
      const writer = await place.grow()
      const { head } = place.ledger
      assert.deepEqual(writer.status(), { size: head, state: 'current' })
      const { size, root } = await checkpointOf(place)
      assert.deepEqual([size, root], [head, await expectedRoot(place)])
      const full = Array.from({ length: Math.floor(size / 256) }, (_, index) => [`entries/00${index}`, `0/00${index}`]).flat()
      assert.deepEqual(
        filesIn(place.tilesDir),
        ['checkpoint', ...full.map((name) => `tile/${name}`), ...partialTiles(size).map(tilePath)].sort(),
      )
      const files = new TileFiles(place.tilesDir)
      for (const name of partialTiles(size)) {
        if (name.kind === 'entries') {
          const leaves = decodeBundle(files.bytes(name) ?? Buffer.alloc(0))
          assert.equal(leaves?.length, name.width)
          assert.ok(leaves?.every((leaf) => leaf.length === LEAF_BYTES))
        } else assert.equal(files.tile(name)?.length, hashesOnLevel(name.kind, size) % 256)
      }
    }
    // What a kill has left of narrower tiles and of files half written goes at the next start.
    const strays = ['tile/0/002.p/1', 'tile/entries/001.p/255', 'tile/0/009.p/3', 'tile/0/000.new'].map((name) =>
      path.join(place.tilesDir, name),
    )
    const before = filesIn(place.tilesDir)
    for (const stray of strays) {
      mkdirSync(path.dirname(stray), { recursive: true })
      writeFileSync(stray, 'x')
    }
    await disclose(place, [{ rows: rowsOf([place.people[0] as number]) }])
    await place.grow()
    assert.ok(strays.every((stray) => !existsSync(stray)))
    assert.equal(filesIn(place.tilesDir).length, before.length)
    // The same tree whoever makes it, from the first entry on.
    rmSync(place.tilesDir, { recursive: true })
    await place.reopen()
    await place.grow()
    assert.deepEqual((await checkpointOf(place)).root, await expectedRoot(place))
  })
})

test('whatever is damaged or missing of the last files is made again to the same tree', async () => {
  await withTreePlace(async (place) => {
    await discloseMany(place, 200)
    await place.grow()
    const whole = await checkpointOf(place)
    const verifiers = [await verifierOf(place)]
    const damages = [(file: string) => rmSync(file), (file: string) => writeFileSync(file, ''), (file: string) => flip(file)]
    for (const kind of ['checkpoint', 'entries', 0, 1] as const) {
      for (const damage of damages) {
        const partial = partialTiles(place.ledger.head).find((name) => name.kind === kind)
        damage(path.join(place.tilesDir, partial === undefined ? 'checkpoint' : tilePath(partial)))
        await disclose(place, [{ rows: rowsOf([place.people[0] as number]) }])
        await place.grow()
        assert.equal((await checkpointOf(place)).size, place.ledger.head)
        assert.deepEqual(verifyFiles(place.tilesDir, verifiers, quiet).problems, [], `${kind}: leaves that are not those of the tile`)
      }
    }
    assert.ok(whole.size < place.ledger.head)
    assert.deepEqual((await checkpointOf(place)).root, await expectedRoot(place))
  })
})

test('a failure at any call leaves a tree that goes on to the same root', async () => {
  await withTreePlace(async (place) => {
    const vault = failingVault(place.vault.tree)
    for (const at of ['signedTree', 'commitRows', 'signTree'] as const) {
      await discloseMany(place, 20)
      vault.failure = { at, error: new BulkheadError('vault_unavailable', 'a test') }
      const writer = place.writer({ vault })
      const stop = new AbortController()
      const running = writer.run(stop.signal)
      while (writer.status().state !== 'waiting') await new Promise((resolve) => setTimeout(resolve, 20))
      await assert.rejects(writer.reached(place.ledger.head), { code: 'vault_unavailable' })
      vault.failure = undefined
      while (writer.status().size < place.ledger.head) await new Promise((resolve) => setTimeout(resolve, 20))
      stop.abort()
      await running
      assert.deepEqual((await checkpointOf(place)).root, await expectedRoot(place))
    }
  })
})

test('a crash between signature and checkpoint: the vault is ahead, and nothing smaller is signed', async () => {
  await withTreePlace(async (place) => {
    await discloseMany(place, 30)
    await place.grow()
    const before = readFileSync(path.join(place.tilesDir, 'checkpoint'))
    const partials = partialTiles(place.ledger.head).map(tilePath)
    const kept = partials.map((name) => readFileSync(path.join(place.tilesDir, name)))
    await discloseMany(place, 30)
    await place.grow()
    writeFileSync(path.join(place.tilesDir, 'checkpoint'), before)
    for (const [index, name] of partials.entries()) writeFileSync(path.join(place.tilesDir, name), kept[index] as Buffer)
    await place.grow()
    const { size, root } = await checkpointOf(place)
    assert.deepEqual([size, root], [place.ledger.head, await expectedRoot(place)])
    assert.deepEqual(
      filesIn(path.join(place.tilesDir, 'tile')).map((name) => `tile/${name}`),
      partialTiles(size).map(tilePath).sort(),
    )
  })
})

test('entries that were changed after they were signed are not signed again, and the tree stops', { timeout: 240_000 }, async () => {
  await withTreePlace(async (place) => {
    await discloseMany(place, 10)
    await place.grow()
    const signed = await checkpointOf(place)
    rmSync(place.tilesDir, { recursive: true })
    const { ledger } = place
    const forged = {
      get head() {
        return ledger.head
      },
      gaps: () => [],
      saveUnsent: (intents: readonly number[]) => ledger.saveUnsent(intents),
      entry: (number: number) => {
        const entry = ledger.entry(number)
        return number === 3 && entry !== undefined ? { ...entry, at: entry.at + 1 } : entry
      },
    }
    await assert.rejects(place.grow({ ledger: forged }), { code: 'ledger_tree_broken' })
    // Nobody has to end it: trying again would change nothing.
    const writer = place.writer({ ledger: forged })
    await writer.run(new AbortController().signal)
    assert.deepEqual([writer.status().state, writer.status().reason], ['broken', 'ledger_tree_broken'])
    assert.ok(!existsSync(path.join(place.tilesDir, 'checkpoint')))
    await place.grow()
    assert.deepEqual((await checkpointOf(place)).note, signed.note)
  })
})

test('a restore that lost entries goes on under another origin, once the vault knows of it', async () => {
  await withTreePlace(async (place) => {
    await discloseMany(place, 20)
    await place.grow()
    const former = await checkpointOf(place)
    await place.ledger.close()
    const lost = { known: place.ledger.head + 5, exact: false, backupAt: 1, at: 2 }
    const gap = await appendGap(place.ledgerDir, lost, (header) => place.vault.keeping.signLedger(header))
    await place.reopen()
    await assert.rejects(place.grow(), { code: 'ledger_tree_broken' })
    place.vault.tree.openOrigin(gap.origin)
    await discloseMany(place, 10)
    await place.grow()
    const { size, root, origin } = await checkpointOf(place, treeOrigin(INSTANCE, gap.origin))
    assert.deepEqual([size, root], [place.ledger.head, await expectedRoot(place)])
    assert.notEqual(origin, former.origin)
    // The entries before it are the same leaves under the new name.
    assert.deepEqual(await expectedRoot(place, former.size), former.root)
  })
})

test('tiles over entries that the ledger has lost are no beginning: the tree ends where the ledger does', async () => {
  await withTreePlace(async (place) => {
    const file = path.join(place.ledgerDir, 'ledger.mdb')
    await discloseMany(place, 20)
    await place.grow()
    await place.ledger.close()
    const old = readFileSync(file)
    await place.reopen()
    await discloseMany(place, 40)
    await place.grow()
    await place.ledger.close()
    const lost = { known: place.ledger.head, exact: true, backupAt: 1, at: 2 }
    writeFileSync(file, old)
    rmSync(`${file}-lock`, { force: true })
    const gap = await appendGap(place.ledgerDir, lost, (header) => place.vault.keeping.signLedger(header))
    await place.reopen()
    assert.ok(place.ledger.head < lost.known)
    place.vault.tree.openOrigin(gap.origin)
    await place.grow()
    const { size, root } = await checkpointOf(place, treeOrigin(INSTANCE, gap.origin))
    assert.deepEqual([size, root], [place.ledger.head, await expectedRoot(place)])
  })
})

test('every entry is proved by what the command prints, and nobody needs the ledger to check it', async () => {
  await withTreePlace(async (place) => {
    await discloseMany(place, 170)
    await place.grow()
    const tiles = PinnedTiles.read(place.tilesDir)
    const bytes = openEntryBytes(place.ledgerDir)
    try {
      for (let index = 0; index < place.ledger.head; index++) {
        const printed = JSON.parse(JSON.stringify(proveIndex(index, tiles, bytes))) as IndexProof
        const { header, headerKey, rowsRoot, leaf, proof, root, size } = printed
        const own = leafOf(
          header.type as 'intent',
          headerCommitment(header as unknown as Intent, Buffer.from(headerKey, 'hex')),
          Buffer.from(rowsRoot, 'base64'),
        )
        assert.deepEqual(own.toString('base64'), leaf)
        const steps = proof.map((hash) => Buffer.from(hash, 'base64'))
        assert.ok(isIncluded({ index, size, leaf: leafHash(own), proof: steps, root: Buffer.from(root, 'base64') }))
        assert.ok(!('salt' in header) && !('manifest' in header))
      }
      assert.throws(() => proveIndex(place.ledger.head, tiles, bytes), { code: 'not_found' })
      const other = { get: (number: number) => bytes.get(number === 3 ? 4 : number) }
      assert.throws(() => proveIndex(2, tiles, other), { code: 'ledger_corrupt' })
    } finally {
      await bytes.close()
    }
  })
})

test('intents of which nothing was sent are on record for whoever erases', async () => {
  await withTreePlace(async (place) => {
    await disclose(place, [
      { rows: rowsOf([place.people[0] as number]), state: 'not_sent' },
      { rows: rowsOf([place.people[1] as number]), state: 'delivered' },
      { rows: rowsOf([place.people[2] as number]), state: 'not_sent' },
    ])
    assert.deepEqual(place.ledger.unsent(), [])
    await place.grow()
    assert.deepEqual(place.ledger.unsent(), [1, 3])
    await place.reopen()
    assert.deepEqual(place.ledger.unsent(), [1, 3])
  })
})

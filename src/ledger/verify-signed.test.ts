import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { INSTANCE } from '#vault/testing.ts'
import { appendGap } from './restored-ledger.ts'
import { openEntryBytes } from './stored-entries.ts'
import { disclose, openTreePlace, rowsOf, type TreePlace, withTreePlace } from './testing-tree.ts'
import { discloseUpTo, fill } from './testing-verified.ts'
import { partialTile, tilePath } from './tile-paths.ts'
import { type Verified, verifyLedger } from './verify.ts'

async function verify(place: TreePlace, changed?: number): Promise<Verified> {
  const bytes = openEntryBytes(place.ledgerDir)
  const { ledgerKey } = await place.vault.describe()
  const vault = {
    openManifests: (manifests: readonly { entry: number; sealed: string }[]) => place.vault.openManifests(manifests),
    commitRows: (rows: Parameters<typeof place.vault.tree.commitRows>[0]) => place.vault.tree.commitRows(rows),
    signedTree: () => place.vault.tree.signedTree(),
  }
  const get = (number: number): Buffer | undefined => bytes.get(number === changed ? number - 1 : number)
  const parts = { tilesDir: place.tilesDir, instance: INSTANCE, bytes: { ...bytes, get }, vault, ledgerKey, warehouseTotals: undefined }
  try {
    return await verifyLedger({ ...parts, onProgress: () => undefined })
  } finally {
    await bytes.close()
  }
}

test('an older ledger that goes on elsewhere is no extension of what was signed, unless a signed gap says what is lost', async (t) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-tree-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const [dir, old] = [path.join(root, 'ledger'), path.join(root, 'old')]
  let place = await openTreePlace(root)
  const { people } = place
  const some = (count: number) => Array.from({ length: count }, () => ({ rows: rowsOf(people.slice(0, 2)), state: 'delivered' as const }))
  await disclose(place, some(5))
  await place.grow()
  await place.close()
  cpSync(dir, old, { recursive: true })
  place = await openTreePlace(root, 0)
  await disclose(place, some(2))
  await place.grow()
  await place.close()
  for (const isSigned of [undefined, true, false]) {
    rmSync(dir, { recursive: true })
    cpSync(old, dir, { recursive: true })
    place = await openTreePlace(root, 0)
    const lost = { known: 14, exact: true, backupAt: 1, at: 2 }
    const { keeping } = place.vault
    if (isSigned !== undefined)
      await appendGap(dir, lost, (header) => keeping.signLedger(isSigned ? header : Buffer.concat([header, header])))
    await place.reopen()
    // As many as were signed, and others.
    await disclose(place, some(4))
    const { problems, pending } = await verify(place)
    assert.deepEqual(
      problems.map(({ index, kind }) => [index, kind]),
      isSigned === true ? [] : [[10, 'changed']],
    )
    assert.ok(pending >= 8)
    await place.close()
  }
})

const named = ({ problems }: Verified): [number | null, string][] => problems.map(({ index, kind }) => [index, kind])

test('hundreds of signed entries behind an old checkpoint, and more that nobody has signed: clean, or named', async () => {
  await withTreePlace(async (place) => {
    const old = path.join(place.root, 'old')
    await fill(place, 40)
    const before = place.ledger.head
    cpSync(place.tilesDir, old, { recursive: true })
    await fill(place, 700)
    const signed = place.ledger.head
    await discloseUpTo(place, signed + 30)
    rmSync(place.tilesDir, { recursive: true })
    cpSync(old, place.tilesDir, { recursive: true })
    const clean = await verify(place)
    assert.deepEqual([named(clean), clean.pending], [[], place.ledger.head - before])
    for (const number of [before + 257, before + 513, signed]) assert.deepEqual(named(await verify(place, number)), [[before, 'changed']])
    // What nobody has signed is held against nothing.
    assert.deepEqual(named(await verify(place, signed + 1)), [])
    // A tile that cannot be read has its own problem, and ends nothing.
    const tile = partialTile(0, before) ?? assert.fail()
    rmSync(path.join(place.tilesDir, tilePath(tile)))
    assert.deepEqual(named(await verify(place)), [[0, 'tile']])
  })
})

test('a gap under whose name the tree was signed already hides no change behind it', async () => {
  await withTreePlace(async (place) => {
    await fill(place, 20)
    await place.ledger.close()
    const lost = { known: place.ledger.head + 2, exact: true, backupAt: 1, at: 2 }
    const gap = await appendGap(place.ledgerDir, lost, (header) => place.vault.keeping.signLedger(header))
    await place.reopen()
    place.vault.tree.openOrigin(gap.origin)
    // The tree is made again from the first entry on, and was ended before it came to the gap.
    rmSync(place.tilesDir, { recursive: true })
    const { ledger, tilesDir } = place
    const begun = 10
    const part = {
      ...{ head: begun, gaps: () => ledger.gaps(), entry: (number: number) => ledger.entry(number) },
      saveUnsent: (intents: readonly number[]) => ledger.saveUnsent(intents),
    }
    const stop = new AbortController()
    const writer = place.writer({ ledger: part })
    const running = writer.run(stop.signal)
    await writer.reached(begun)
    stop.abort()
    await running
    const old = path.join(place.root, 'old')
    cpSync(tilesDir, old, { recursive: true })
    await discloseUpTo(place, ledger.head + 10)
    await place.grow()
    rmSync(tilesDir, { recursive: true })
    cpSync(old, tilesDir, { recursive: true })
    assert.ok(gap.entry > begun + 1)
    const clean = await verify(place)
    assert.deepEqual([named(clean), clean.checkpoint?.size], [[], begun])
    for (const number of [begun + 1, gap.entry + 1, place.ledger.head])
      assert.deepEqual(named(await verify(place, number)), [[begun, 'changed']])
  })
})

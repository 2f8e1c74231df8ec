import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { INSTANCE } from '#vault/testing.ts'
import { appendGap } from './restored-ledger.ts'
import { openEntryBytes } from './stored-entries.ts'
import { disclose, openTreePlace, rowsOf, type TreePlace } from './testing-tree.ts'
import { type Verified, verifyLedger } from './verify.ts'

async function verify(place: TreePlace): Promise<Verified> {
  const bytes = openEntryBytes(place.ledgerDir)
  const { ledgerKey } = await place.vault.describe()
  const vault = {
    openManifests: (manifests: readonly { entry: number; sealed: string }[]) => place.vault.openManifests(manifests),
    commitRows: (rows: Parameters<typeof place.vault.tree.commitRows>[0]) => place.vault.tree.commitRows(rows),
    signedTree: () => place.vault.tree.signedTree(),
  }
  const parts = { tilesDir: place.tilesDir, instance: INSTANCE, bytes, vault, ledgerKey, warehouseTotals: undefined }
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

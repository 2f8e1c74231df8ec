import assert from 'node:assert/strict'
import { createHmac, createPublicKey, hkdfSync, verify } from 'node:crypto'
import { test } from 'node:test'
import { systemClock } from '#base/clock.ts'
import { type TreeHead, treeHeadText, treeOrigin } from '#model/tree-head.ts'
import { decodeColumns, encodeColumns, packRows, type Row, unpackCommitments } from './row-columns.ts'
import { INSTANCE, makePlace, removePlace, user, windowOf, withVault } from './testing.ts'
import { createKeys, openVault, type Vault } from './vault.ts'

const ORIGIN = treeOrigin(INSTANCE)

function head(size: number, fill: number, origin = ORIGIN): TreeHead {
  return { origin, size, root: Buffer.alloc(32, fill) }
}

async function people(vault: Vault, names: readonly string[]): Promise<number[]> {
  return (await vault.commitWindow(windowOf({ identifiers: names.map(user) }))).ordinals
}

function row(subject: number, nth = 0, text = 'row', entry = 7): Row {
  return { entry, subject, nth, bytes: Buffer.from(text) }
}

const commit = async (vault: Vault, rows: readonly Row[]): Promise<(string | undefined)[]> =>
  unpackCommitments(await vault.tree.commitRows(packRows(rows))).map((one) => one?.toString('hex'))

test('a commitment is the stated construction, and differs by subject, entry, number and row', async () => {
  // Known answer, by HKDF and HMAC alone.
  const secret = Buffer.alloc(32, 5)
  const numbers = Buffer.from('00000000000000070000000000000001', 'hex')
  const commitKey = Buffer.from(hkdfSync('sha256', secret, '', 'bulkhead/1/commit', 32))
  const rowKey = createHmac('sha256', commitKey).update('bulkhead/ledger/row-key/v1\n').update(numbers).digest()
  const { Commitments } = await import('./commitments.ts')
  const { createSecretKey } = await import('node:crypto')
  const commitments = new Commitments({ commitKey: () => createSecretKey(commitKey), kept: () => undefined, keep: () => undefined })
  const rows = packRows([row(3, 1, 'a row')])
  assert.deepEqual(await commitments.commitRows(rows), createHmac('sha256', rowKey).update('a row').digest())
  assert.deepEqual(await commitments.rowKeys(rows), [rowKey])

  await withVault(async (vault) => {
    const [one, two] = (await people(vault, ['u1', 'u2'])) as [number, number]
    const all = await commit(vault, [row(one), row(two), row(one, 1), row(one, 0, 'other'), row(one, 0, 'row', 8)])
    assert.equal(new Set(all).size, 5)
    assert.ok(!all.includes(undefined))
    assert.deepEqual(await commit(vault, [row(one)]), all.slice(0, 1))
    assert.deepEqual(await commit(vault, [row(999_999)]), [undefined])
  })
})

test('many rows are committed to in slices, each to the one it stands for', async () => {
  await withVault(async (vault) => {
    const ordinals = await people(vault, ['a', 'b', 'c'])
    const rows = Array.from({ length: 1_001 }, (_, index) => row(ordinals[index % 3] as number, index, `${index}`))
    const together = await commit(vault, rows)
    for (const index of [0, 199, 200, 201, 1_000]) assert.deepEqual(await commit(vault, [rows[index] as Row]), [together[index]])
  })
})

test('what is kept before an erasure is answered after it, also for an older copy of the rows; no key is left', async () => {
  await withVault(async (vault, _place, reopen) => {
    const [one, two] = (await people(vault, ['u1', 'u2'])) as [number, number]
    const rows = [row(one), row(one, 1, 'second'), row(two)]
    const before = await commit(vault, rows)
    await vault.tree.keepRows(packRows(rows.slice(0, 2)))
    await vault.erase([one])
    assert.deepEqual(await commit(vault, rows), before)
    assert.deepEqual(await vault.tree.rowKeys(packRows(rows.slice(0, 1))), [undefined])
    // Kept under its entry and number: a row that was not kept is unknown.
    assert.deepEqual(await commit(vault, [row(one, 2)]), [undefined])
    const again = await reopen()
    // A repeated step has nothing to add, and takes nothing away.
    await again.tree.keepRows(packRows(rows))
    assert.deepEqual(await commit(again, rows), before)
  })
})

test('the vault signs what extends the last tree it signed, and nothing else', async () => {
  const place = makePlace()
  const asked: [number, number][] = []
  const open = (): Promise<Vault> =>
    openVault({
      ...place,
      clock: systemClock,
      isExtension: (from, to, proof) => {
        asked.push([from.size, to.size])
        return proof.length === 1
      },
    })
  const proof = [Buffer.alloc(32)]
  try {
    await createKeys(place)
    let vault = await open()
    assert.equal(await vault.tree.signedTree(), undefined)
    const { signature, key } = await vault.tree.signTree(head(0, 1), [])
    const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' })
    assert.ok(verify(null, Buffer.from(treeHeadText(head(0, 1))), publicKey, signature))
    await vault.tree.signTree(head(3, 2), [])
    assert.deepEqual((await vault.tree.signTree(head(3, 2), [])).signature, (await vault.tree.signTree(head(3, 2), [])).signature)
    await vault.tree.signTree(head(5, 3), proof)
    assert.deepEqual(asked, [[3, 5]])
    const refused = (of: TreeHead, by: readonly Buffer[] = proof): Promise<void> =>
      assert.rejects(vault.tree.signTree(of, by), { code: 'ledger_tree_broken' })
    await refused(head(5, 4))
    await refused(head(4, 3))
    await refused(head(6, 3), [])
    await refused(head(6, 3, 'bulkhead/ledger/other'))
    await refused(head(6, 3, `${ORIGIN}/x`))
    await refused(head(6, 3, treeOrigin(INSTANCE, INSTANCE)))
    await refused({ ...head(6, 3), root: Buffer.alloc(31) })
    await refused({ ...head(6, 3), size: 6.5 })
    await vault.close()

    vault = await open()
    assert.deepEqual(await vault.tree.signedTree(), head(5, 3))
    vault.tree.openOrigin(INSTANCE)
    const restored = treeOrigin(INSTANCE, INSTANCE)
    await vault.tree.signTree(head(2, 9, restored), [])
    await refused(head(9, 3))
    await vault.tree.signTree(head(4, 9, restored), proof)
    await vault.close()

    // Without the means to check, only what was signed is signed again.
    vault = await openVault({ ...place, clock: systemClock })
    await vault.tree.signTree(head(4, 9, restored), [])
    await refused(head(5, 9, restored))
    await vault.close()
  } finally {
    removePlace(place)
  }
})

test('columns that are none are refused', () => {
  const good = encodeColumns(packRows([row(1), row(2, 1, 'x')]))
  assert.deepEqual(decodeColumns(good).subjects, Float64Array.of(1, 2))
  const refused = (columns: Uint8Array[]): void => assert.throws(() => decodeColumns(columns), { code: 'vault_refused' })
  refused(good.slice(0, 4))
  refused([(good[0] as Uint8Array).subarray(1), ...good.slice(1)])
  refused([(good[0] as Uint8Array).subarray(8), ...good.slice(1)])
  refused([...good.slice(0, 4), Buffer.from('rowxy')])
  refused([new Uint8Array(Float64Array.of(1, Number.NaN).buffer), ...good.slice(1)])
  refused([new Uint8Array(Float64Array.of(1, -1).buffer), ...good.slice(1)])
})

import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { systemClock } from '#base/clock.ts'
import type { Gap } from '#model/disclosure.ts'
import { openLedger } from './ledger.ts'
import { openLedgerReader } from './ledger-reader.ts'
import { appendGap, distrustUpTo, isSignedBy, ledgerHead } from './restored-ledger.ts'

test('a gap is an entry like any other, signed, and the ledger goes on behind it', async (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-gap-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  let ledger = await openLedger({ dir, clock: systemClock })
  await ledger.moveCursor('eu', { seq: 3, index: 1 })
  await ledger.close()

  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  const signer = (header: Buffer): { signature: string; key: string } => ({
    signature: sign(null, header, privateKey).toString('base64'),
    key,
  })
  const gap = await appendGap(dir, { known: 40, exact: false, backupAt: 5, at: 9 }, signer)
  assert.deepEqual([gap.entry, gap.from, gap.to, gap.exact, gap.backupAt], [1, 1, 40, false, 5])
  assert.equal(await ledgerHead(dir), 1)
  const second = await appendGap(dir, { known: 0, exact: true, backupAt: 6, at: 10 }, signer)
  assert.deepEqual([second.from, second.to], [2, 1], 'nothing is known to be lost')
  assert.notEqual(second.origin, gap.origin)

  assert.ok(isSignedBy(gap, key))
  const changes: Partial<Gap>[] = [
    { to: 39 },
    { exact: true },
    { at: 10 },
    { backupAt: 6 },
    { origin: second.origin },
    { entry: 2, from: 2 },
  ]
  for (const change of changes) assert.ok(!isSignedBy({ ...gap, ...change }, key), `${JSON.stringify(change)} is found`)
  const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  assert.ok(!isSignedBy(gap, other), 'signed by somebody, but not by this key store')
  assert.ok(!isSignedBy(gap, null))
  assert.ok(!isSignedBy({ ...gap, key: other }, key), 'it says that somebody else has signed it')

  const reader = openLedgerReader({ dir })
  assert.deepEqual(reader.gaps(), [gap, second])
  reader.close()
  await distrustUpTo(dir, 70)
  // What is doubted once is not trusted again because less is known to be lost.
  await distrustUpTo(dir, 30)
  ledger = await openLedger({ dir, clock: systemClock })
  assert.deepEqual(ledger.reached('eu'), { seq: 71, index: 0 })
  assert.deepEqual(ledger.cursor('eu'), { seq: 3, index: 1 })
  assert.equal(ledger.nextEntry(), 3)
  assert.deepEqual(ledger.read(1, 10), [gap, second])
  await ledger.close()
})

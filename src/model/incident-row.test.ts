/** Rows that somebody who has no key, or another one, might put in the place of those that were signed. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import {
  brokenRows,
  brokenSignature,
  type IncidentRow,
  type IncidentRowHead,
  incidentRowBytes,
  incidentRowHash,
  sealedHash,
} from './incident-row.ts'

function signer(): { key: string; signed: (head: IncidentRowHead, sealed: string | null) => IncidentRow } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  return {
    key,
    signed: (head, sealed) => ({ ...head, sealed, key, signature: sign(null, incidentRowBytes(head), privateKey).toString('base64') }),
  }
}

const OURS = signer()
const TEXTS = Buffer.from('sealed texts').toString('base64')

/** `changed`: what a row says instead, before it is signed. */
function chain(by = OURS, changed: (row: number) => Partial<IncidentRowHead> = () => ({})): IncidentRow[] {
  const rows: IncidentRow[] = []
  for (const row of [1, 2, 3]) {
    const last = rows.at(-1)
    const sealed = row === 2 ? TEXTS : null
    const before = last === undefined ? '' : incidentRowHash(last)
    const what = { instance: 'i', incident: 4, row, at: 1000 + row, actor: 'ann', body: '{}' }
    const head: IncidentRowHead = { ...what, kind: 'note', textsSha256: sealedHash(sealed), before, ...changed(row) }
    rows.push(by.signed(head, sealed))
  }
  return rows
}

test('rows are whole when each is signed by that key, has the next number and names the hash of the one before', () => {
  assert.deepEqual(brokenRows(chain(), OURS.key), [])
  assert.deepEqual(brokenRows([], OURS.key), [])
  const at = (row: number, change: Partial<IncidentRowHead>) => chain(OURS, (each) => (each === row ? change : {}))
  // Signed by the right key, and wrong all the same: what was signed for another place.
  assert.deepEqual(brokenRows(at(2, { row: 5 }), OURS.key), [5], 'a number that does not follow')
  assert.deepEqual(brokenRows(at(1, { row: 0 }), OURS.key), [0], 'the first is 1')
  assert.deepEqual(brokenRows(at(2, { before: '' }), OURS.key), [2], 'a chain that does not follow')
  assert.deepEqual(brokenRows(at(1, { before: 'f'.repeat(64) }), OURS.key), [1], 'nothing is before the first')
  assert.deepEqual(brokenRows(at(2, { textsSha256: '' }), OURS.key), [2], 'texts that the row does not name')
  assert.deepEqual(brokenRows(at(3, { textsSha256: 'f'.repeat(64) }), OURS.key), [3], 'texts that are not there')
  assert.deepEqual(brokenRows(chain().slice(1), OURS.key), [2, 3], 'without the first')
  const [first, second, third] = chain() as [IncidentRow, IncidentRow, IncidentRow]
  assert.deepEqual(brokenRows([first, third], OURS.key), [3])
  assert.deepEqual(brokenRows([first, { ...second, sealed: null }, third], OURS.key), [2])
  assert.deepEqual(brokenRows([first, { ...second, actor: 'bob' }, third], OURS.key), [2, 3])
})

test('rows that another key signed are broken, each, also where they name that key themselves', () => {
  const others = signer()
  assert.deepEqual(brokenRows(chain(others), OURS.key), [1, 2, 3])
  assert.deepEqual(brokenRows(chain(others), others.key), [])
  assert.deepEqual(
    brokenRows(
      chain(others).map((row) => ({ ...row, key: OURS.key })),
      OURS.key,
    ),
    [1, 2, 3],
  )
  assert.deepEqual(brokenRows(chain(), null), [1, 2, 3], 'without a key nothing is known to be whole')
  const renamed = chain().map((row) => (row.row === 2 ? { ...row, key: others.key } : row))
  assert.deepEqual(brokenRows(renamed, OURS.key), [2], 'signed by ours, and naming another')
})

test('of one row by itself its signature and the hash of its texts are asked, and nothing of its neighbours', () => {
  const [, second] = chain() as [IncidentRow, IncidentRow, IncidentRow]
  assert.equal(brokenSignature(second, OURS.key), false)
  assert.equal(brokenSignature({ ...second, sealed: null }, OURS.key), true)
  assert.equal(brokenSignature({ ...second, sealed: Buffer.from('other').toString('base64') }, OURS.key), true)
  assert.equal(brokenSignature({ ...second, at: 1 }, OURS.key), true)
  assert.equal(brokenSignature(second, signer().key), true)
  assert.equal(brokenSignature(second, null), true)
})

/** Leaves as docs/ledger.md defines them, made here a second time from node:crypto alone. */
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import type { Intent, ManifestRow, Outcome } from '#model/disclosure.ts'
import { canonicalHeader, canonicalRowBytes } from './canonical.ts'
import { EntryKeys, leavesOf, type RowToCommit, rowsToCommit, rowTreeOf } from './leaf.ts'

const SALT = '5a'.repeat(32)
const hmac = (key: Buffer, ...parts: (string | Buffer)[]): Buffer => {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}
const sha256 = (...parts: Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()

const intent: Intent = {
  ...{ type: 'intent', version: 1, entry: 7, at: 5, vendor: 'v', destination: 'a', route: '/import', epoch: 1, policy: 2, encoder: 3 },
  ...{ purpose: 'analytics', from: { seq: 1, index: 0 }, to: { seq: 2, index: 0 }, bodySha256: 'ab'.repeat(32), records: 4, subjects: 2 },
  ...{ first: 10, last: 20, fence: 0, salt: SALT, manifest: 'AAAA' },
}
const outcome: Outcome = {
  type: 'outcome',
  version: 1,
  entry: 9,
  at: 6,
  intent: 7,
  state: 'delivered',
  attempts: 1,
  status: 200,
  refused: [],
}

function rowOf(subject: number, surface: string, groups: number[] = []): ManifestRow {
  return { subject, kind: 'user', surface, shape: 'country:coarse', events: 1, first: 10, last: 20, groups }
}

const rows = [rowOf(3, 'a', [40]), rowOf(3, 'b'), rowOf(3, 'c'), rowOf(8, 'a', [40, 41]), rowOf(8, 'b')]

/** Keys of people; a real vault keeps them, and hands out what they commit to. */
const rowKeyOf = (subject: number, nth: number): Buffer => hmac(Buffer.alloc(32, subject), `bulkhead/ledger/row-key/v1\n7\n${nth}`)
const commit = async (toCommit: readonly RowToCommit[]): Promise<Buffer[]> =>
  toCommit.map(({ entry, subject, nth, bytes }) =>
    hmac(hmac(Buffer.alloc(32, subject), `bulkhead/ledger/row-key/v1\n${entry}\n${nth}`), bytes),
  )

function headerPart(key: Buffer, header: Buffer): Buffer {
  return hmac(hmac(key, 'bulkhead/ledger/header-key/v1'), header)
}

/** RFC 6962 over a power of two. */
function rootOf(leaves: readonly Buffer[]): Buffer {
  let level = leaves.map((leaf) => sha256(Buffer.of(0), leaf))
  while (level.length > 1) level = level.flatMap((left, at) => (at % 2 === 0 ? [sha256(Buffer.of(1), left, level[at + 1] as Buffer)] : []))
  return level[0] as Buffer
}

const salt = Buffer.from(SALT, 'hex')
const tagKey = hmac(salt, 'bulkhead/ledger/group-key/v1')
const tagOf = (group: number): Buffer => hmac(tagKey, String(group))

test('the leaf of an intent is what the definition says, row by row', async () => {
  const texts = canonicalRowBytes(7, rows, tagOf)
  const own = texts.map((bytes, at) => hmac(rowKeyOf(rows[at]?.subject as number, [0, 1, 2, 0, 1][at] as number), bytes))
  const fillingKey = hmac(salt, 'bulkhead/ledger/filling-key/v1')
  const filling = [0, 1, 2].map((at) => hmac(fillingKey, String(at)))
  const root = rootOf([...own, ...filling].sort(Buffer.compare))
  const expected = Buffer.concat([Buffer.of(1, 1), headerPart(salt, canonicalHeader(intent)), root])
  assert.deepEqual(await leavesOf([{ entry: intent, rows }], commit), [expected])
})

test('the leaf of an outcome hangs on its own intent and number, and has no rows', async () => {
  const key = hmac(salt, 'bulkhead/ledger/outcome-salt/v1\n9')
  const expected = Buffer.concat([Buffer.of(1, 2), headerPart(key, canonicalHeader(outcome)), sha256()])
  assert.deepEqual(await leavesOf([{ entry: outcome, intent }], commit), [expected])
  await assert.rejects(leavesOf([{ entry: outcome, intent: { ...intent, entry: 6 } }], commit), /its own intent/)
})

test('where a row stands tells nothing of whose it is, and how many there are is known within a factor of two', () => {
  const keys = new EntryKeys(intent)
  for (let count = 1; count <= 9; count++) {
    const own = Array.from({ length: count }, (_, at) => sha256(Buffer.of(at)))
    const { leaves } = rowTreeOf(own, keys) ?? assert.fail()
    assert.equal(leaves.length, [1, 2, 4, 4, 8, 8, 8, 8, 16][count - 1])
    assert.deepEqual(leaves, leaves.toSorted(Buffer.compare))
    assert.ok(own.every((commitment) => leaves.some((leaf) => leaf.equals(commitment))))
  }
  // The filling of another entry is another.
  const [one, other] = [keys, new EntryKeys({ ...intent, salt: 'a5'.repeat(32) })].map((each) => each.filling(4).map(String))
  assert.equal(new Set([...(one ?? []), ...(other ?? [])]).size, 8)
})

test('of whom no key is left the row is bound all the same: whose, which and what', () => {
  const keys = new EntryKeys(intent)
  const [row] = rowsToCommit(7, rows, keys)
  assert.ok(row !== undefined)
  const expected = hmac(hmac(salt, 'bulkhead/ledger/erased-key/v1'), '3\n0\n', row.bytes)
  assert.deepEqual(keys.erasedCommitment(row), expected)
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Intent, ManifestRow, Outcome } from '#model/disclosure.ts'
import { canonicalHeader, canonicalRowBytes, canonicalRows } from './canonical.ts'

const INTENT: Intent = {
  type: 'intent',
  version: 1,
  entry: 258,
  at: 1763000000000,
  vendor: 'mixpanel',
  destination: 'mixpanel-main',
  route: '/import',
  epoch: 3,
  policy: 4,
  encoder: 5,
  purpose: 'analytics',
  from: { seq: 10, index: 2 },
  to: { seq: 12, index: 0 },
  bodySha256: 'cd'.repeat(32),
  records: 7,
  subjects: 6,
  first: -1,
  last: 1762999999999,
  fence: 8,
  salt: 'ef'.repeat(32),
  manifest: 'AAAA',
}
const OUTCOME: Outcome = {
  type: 'outcome',
  version: 1,
  entry: 259,
  at: 1763000000001,
  intent: 258,
  state: 'possible',
  attempts: 2,
  status: 503,
  refused: [{ reason: 'bad_time', count: 1 }],
}
const ROW: ManifestRow = { subject: 9, kind: 'device', surface: 'प', shape: 'country:coarse', events: 2, first: 1, last: 2, groups: [4, 5] }

// Computed by an independent program from the description in canonical.ts.
const OUTCOME_HEX =
  '0000001a62756c6b686561642f6c65646765722f6f7574636f6d652f7631000000000000000100000000000001030000019a7afd1e01000000000000' +
  '010200000008706f737369626c65000000000000000200000000000001f700000001000000086261645f74696d650000000000000001'
const ROW_HEX =
  '0000001662756c6b686561642f6c65646765722f726f772f7631000000000000010200000006646576696365' +
  '00000003e0a4aa0000000e636f756e7472793a636f617273650000000000000002000000000000000100000000000000020000000200000002abcd00000001ef'
const INTENT_SHA256 = 'faa51d81eda42f9017f0279e3d684a3e8e90c4097421ce9c0de72d290a31319d'

const TAGS = new Map([
  [4, Buffer.of(0xab, 0xcd)],
  [5, Buffer.of(0xef)],
])
const rowBytes = (entry: number, row: ManifestRow): Buffer =>
  canonicalRowBytes(entry, [row], (group) => TAGS.get(group) as Buffer)[0] as Buffer

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

// Pinned: a change here would make every leaf of existing entries another one.
test('the canonical bytes are the pinned ones', () => {
  assert.equal(canonicalHeader(OUTCOME).toString('hex'), OUTCOME_HEX)
  assert.equal(rowBytes(258, ROW).toString('hex'), ROW_HEX)
  assert.equal(sha256(canonicalHeader(INTENT)), INTENT_SHA256)
})

test('salt and manifest are outside the header; every other field changes it', () => {
  const header = canonicalHeader(INTENT).toString('hex')
  assert.equal(canonicalHeader({ ...INTENT, salt: '00'.repeat(32), manifest: 'BBBB' }).toString('hex'), header)
  for (const [name, value] of Object.entries(INTENT)) {
    if (['type', 'salt', 'manifest'].includes(name)) continue
    const other = typeof value === 'number' ? value + 1 : typeof value === 'string' ? `${value}x` : { ...value, index: value.index + 1 }
    assert.notEqual(canonicalHeader({ ...INTENT, [name]: other } as Intent).toString('hex'), header, name)
  }
})

test('text that moves from one field into the next never gives equal bytes', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (a, b, c, d) => {
      const equal = rowBytes(1, { ...ROW, surface: a, shape: b }).equals(rowBytes(1, { ...ROW, surface: c, shape: d }))
      assert.equal(equal, a === c && b === d)
    }),
  )
})

test('a row says what it is about and not who; every other field changes it', () => {
  const bytes = rowBytes(1, ROW)
  assert.deepEqual(rowBytes(1, { ...ROW, subject: 10 }), bytes)
  const changed = [{ kind: 'user' as const }, { events: 3 }, { first: 0 }, { last: 3 }, { groups: [4] }, { groups: [5, 4] }, { groups: [] }]
  for (const change of changed) assert.notDeepEqual(rowBytes(1, { ...ROW, ...change }), bytes)
  assert.notDeepEqual(rowBytes(2, ROW), bytes)
  assert.throws(() => rowBytes(1, { ...ROW, first: 0.5 }))
})

test('the order of rows is total and does not depend on the order they came in', () => {
  const row = fc.record({
    subject: fc.nat(3),
    kind: fc.constantFrom('user', 'device', 'group'),
    surface: fc.constantFrom('', 'a', 'ab', '\u{1f600}', '\uffff'),
    shape: fc.constantFrom('', 'x', 'y'),
  })
  const rows = fc.uniqueArray(row, { selector: (one) => JSON.stringify([one.kind, one.subject, one.surface, one.shape]) })
  fc.assert(
    fc.property(rows, fc.infiniteStream(fc.nat()), (parts, keys) => {
      const all = parts.map((part): ManifestRow => ({ ...ROW, ...(part as Pick<ManifestRow, 'subject' | 'kind' | 'surface' | 'shape'>) }))
      const shuffled = all
        .map((one) => ({ one, key: keys.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ one }) => one)
      assert.deepEqual(canonicalRows(shuffled), canonicalRows(all))
    }),
  )
  const order = canonicalRows([
    { ...ROW, surface: '\u{1f600}' },
    { ...ROW, surface: '\uffff' },
    { ...ROW, kind: 'group' },
    { ...ROW, kind: 'user', subject: 99 },
  ])
  assert.deepEqual(
    order.map((one) => [one.kind, one.surface]),
    [
      ['user', 'प'],
      ['device', '\uffff'],
      ['device', '\u{1f600}'],
      ['group', 'प'],
    ],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { type ManifestRow, SUBJECT_KINDS } from '#model/disclosure.ts'
import { packManifest, unpackManifest } from './manifest.ts'

const ordinal = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.maxSafeInteger().map((number) => Math.max(1, Math.abs(number))),
)
const instant = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -4e15, max: 4e15 }))
const row: fc.Arbitrary<ManifestRow> = fc
  .record({
    subject: ordinal,
    kind: fc.constantFrom(...SUBJECT_KINDS),
    surface: fc.constantFrom('app', '', 'Ärger'),
    shape: fc.constantFrom('user_id:pseudonym', 'country:coarse'),
    events: fc.nat(),
    times: fc.tuple(instant, instant),
    groups: fc.array(ordinal, { maxLength: 3 }),
  })
  .map(({ times, ...rest }) => ({ ...rest, first: Math.min(...times), last: Math.max(...times) }))

test('rows come back as they were, in their order', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
      assert.deepEqual(unpackManifest(packManifest(rows)), rows)
    }),
    { numRuns: 500 },
  )
})

test('a manifest of version 1 is still read', () => {
  const sealedByTheFirst =
    'AWWMsQ7DIAwF/8Xzq4QJFDm/YllVlDBkaEAQhvx91SwdeuudTpWWWgm0lnGc7ZrXsrSeMXpur32ba89jK8f1JlDfz0ygf2VQZTg4MCZECDTgaQYV5xKL+BhScCIMhscExiOCk/sB/eYJ/vb+nqmZ2Qc='
  assert.deepEqual(unpackManifest(Buffer.from(sealedByTheFirst, 'base64')), [
    { subject: 1, kind: 'user', surface: 'app', shape: 'country:coarse,user_id:pseudonym', events: 3, first: 5, last: 9, groups: [4, 6] },
    {
      subject: Number.MAX_SAFE_INTEGER,
      kind: 'device',
      surface: 'site',
      shape: 'user_id:pseudonym',
      events: 1,
      first: -5,
      last: 1_700_000_000_000,
      groups: [],
    },
    { subject: 7, kind: 'group', surface: 'site', shape: 'user_id:pseudonym', events: 2, first: 0, last: 0, groups: [] },
  ])
})

test('what no version makes is refused, never guessed', () => {
  const packed = packManifest([{ subject: 1, kind: 'user', surface: 'a', shape: 'b', events: 1, first: 1, last: 1, groups: [2] }])
  const version2 = (...bytes: number[]): Buffer => Buffer.concat([Buffer.of(2), deflateRawSync(Buffer.from(bytes))])
  const wrong = [
    Buffer.alloc(0),
    Buffer.of(3),
    packed.subarray(0, packed.length - 1),
    version2(),
    version2(0, 0, 0, 7),
    version2(0, 0, 200, 1),
    version2(0, 0, 1, 3, 1, 0, 0, 0, 0, 0, 0),
    version2(0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0),
    version2(255, 255, 255, 255, 255, 255, 255, 255, 255, 255),
  ]
  for (const [index, bytes] of wrong.entries()) assert.throws(() => unpackManifest(bytes), { code: 'ledger_corrupt' }, String(index))
})

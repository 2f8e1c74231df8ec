import assert from 'node:assert/strict'
import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { LABELS } from './labels.ts'
import {
  encryptBlocks,
  decryptBlocks,
  makeIds,
  makePhases,
  makePseudonyms,
  packSubjects,
  positionBlocks,
  type PseudonymKind,
  reverseInsertIds,
  reversePseudonyms,
  subjectBlocks,
} from './pseudonym.ts'
import { bind, deriveKey, hmac, open, seal } from './seal.ts'
import { Uuids } from './uuids.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const key = (text: string) => createSecretKey(hex(text))
const COUNTING = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'

test('the block cipher is AES-256: FIPS-197 C.3 and SP 800-38A F.1.5', () => {
  assert.equal(encryptBlocks(key(COUNTING), hex('00112233445566778899aabbccddeeff')).toString('hex'), '8ea2b7ca516745bfeafc49904b496089')
  const nist = key('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4')
  const plain = '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51'
  const sealed = 'f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870'
  assert.equal(encryptBlocks(nist, hex(plain)).toString('hex'), sealed)
  assert.equal(decryptBlocks(nist, hex(sealed)).toString('hex'), plain)
})

test('HMAC is RFC 4231 case 2, whole', () => {
  assert.equal(
    hmac(createSecretKey(Buffer.from('Jefe')), 'what do ya want for nothing?').toString('hex'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  )
})

test('HKDF is RFC 5869 case 1, and each label gives the sub-key that an independent HKDF gives', () => {
  const okm = hkdfSync('sha256', Buffer.alloc(22, 0x0b), hex('000102030405060708090a0b0c'), hex('f0f1f2f3f4f5f6f7f8f9'), 42)
  assert.equal(Buffer.from(okm).toString('hex'), '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865')
  // Pinned; computed with another implementation (RFC 5869 written out over HMAC).
  const pinned = {
    pseudonym: '53d2b344dc928882e3ab731477c966bf7f116905cddd7c4341b46573bfab9bc8',
    'insert-id': '5da95435f275ac709b3e532d404cff3e6f4ea6c6d287bee62b11a88d0f980dd4',
    time: 'd633c040c5050c359ea9c0a3899dc525df9900ccc37175b76f8c80cde742ddcb',
    seal: '022c3f660957563ae6f76e4e626452eb90b3cb8bf867058e8ab97a0f293f233f',
    commit: 'cbd3eecb3a117a8706b89e16f080fbd3c0a8a274864194514a9f447ffe112a6a',
    session: '597225e25b392fd77f0b301622ff9c8d5e215752f73732da09b2e92493f1ec9b',
    alias: 'b53336c8dedbe71bd231e4fcb1c2845b523bb1dc7fffd2b1d2b10f179f9a5797',
  } as const
  for (const [label, expected] of Object.entries(pinned)) {
    assert.equal(
      deriveKey(key(COUNTING), label as keyof typeof pinned)
        .export()
        .toString('hex'),
      expected,
      label,
    )
  }
  for (const label of Object.values(LABELS)) {
    const prk = createHmac('sha256', Buffer.alloc(32)).update(hex(COUNTING)).digest()
    const expected = createHmac('sha256', prk).update(`bulkhead/1/${label}\u0001`).digest('hex')
    assert.equal(deriveKey(key(COUNTING), label).export().toString('hex'), expected, label)
  }
  assert.equal(new Set(Object.values(LABELS)).size, Object.values(LABELS).length)
})

test('opening is AES-256-GCM: test case 16 of the GCM specification', () => {
  const plain = 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39'
  const sealed = Buffer.concat([
    Buffer.of(1),
    hex('cafebabefacedbaddecaf888'),
    hex('522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662'),
    hex('76fc6ece0f4e1768cddf8853bb2d551b'),
  ])
  const gcm = key('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308')
  assert.equal(open(gcm, hex('feedfacedeadbeeffeedfacedeadbeefabaddad2'), sealed)?.toString('hex'), plain)
})

test('what is sealed opens only whole, under its key and in its place', () => {
  const own = key(COUNTING)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, bit) => {
      const sealed = seal(own, bind('fact', 1, 'email'), text)
      assert.equal(open(own, bind('fact', 1, 'email'), sealed)?.toString('utf8'), Buffer.from(text).toString('utf8'))
      assert.equal(open(own, bind('fact', 11, 'email'), sealed), undefined)
      assert.equal(open(deriveKey(own, 'seal'), bind('fact', 1, 'email'), sealed), undefined)
      const at = bit % (sealed.length * 8)
      sealed[at >> 3] = (sealed[at >> 3] as number) ^ (1 << (at & 7))
      assert.equal(open(own, bind('fact', 1, 'email'), sealed), undefined)
    }),
  )
  const nonces = Array.from({ length: 2000 }, () => seal(own, '', 'same').subarray(1, 13).toString('hex'))
  assert.equal(new Set(nonces).size, 2000)
  assert.equal(open(own, '', Buffer.alloc(5)), undefined)
})

test('pseudonyms, insert ids, phases and the blind index are the pinned ones', () => {
  const secret = key(COUNTING)
  const subjects = [
    { kind: 'user', ordinal: 1 },
    { kind: 'device', ordinal: 1 },
    { kind: 'group', ordinal: 1 },
    { kind: 'user', ordinal: 2 ** 32 },
    { kind: 'canary', ordinal: Number.MAX_SAFE_INTEGER },
  ] as const
  assert.deepEqual(makePseudonyms(deriveKey(secret, 'pseudonym'), subjects), [
    '025f3ef4-0501-4728-ad2e-606237a7e27b',
    '91d2a910-1f84-465a-9873-0ea96368c3a2',
    '616adbfa-d48f-467d-9ac4-96968270c1ba',
    '21ce83f1-ddb3-47e6-89f7-f3926e64df63',
    '4576d39a-52e9-464b-a16a-6d08cbcd3174',
  ])
  assert.deepEqual(
    [...makePhases(deriveKey(secret, 'time'), subjectBlocks(packSubjects(subjects)))],
    [3557250654, 4233046395, 625174317, 4127749742, 3735605888],
  )
  assert.deepEqual(
    insertIds(deriveKey(secret, 'insert-id'), [
      [1, 0],
      [1, 1],
      [123456789012, 1999],
    ]),
    ['7a5c4015-8ff7-45c5-b768-ff537385ff2a', '3cbe6d29-45bd-4d2c-9853-04adecc21848', 'a75b07d4-8281-41f1-90f8-79b57cd3533b'],
  )
  assert.equal(
    hmac(deriveKey(secret, 'index'), 'anna@example.com').toString('hex'),
    '5414c4aa8024bcb4988969e05260b02b2fbccdb5d8727cc1ab1f084acf6f4b2b',
  )
})

function insertIds(key: KeyObject, positions: readonly (readonly [number, number])[]): string[] {
  return new Uuids(makeIds(key, positionBlocks(Float64Array.from(positions.flat())))).texts()
}

const kinds: PseudonymKind[] = ['user', 'device', 'group', 'alias', 'canary', 'staff']
const subject = fc.record(
  { kind: fc.constantFrom(...kinds), ordinal: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) },
  { noNullPrototype: true },
)
const secretBytes = fc.uint8Array({ minLength: 32, maxLength: 32 })

test('a pseudonym is a UUID v4, names its subject under its own key only, and no two are equal', () => {
  fc.assert(
    fc.property(
      secretBytes,
      secretBytes,
      fc.uniqueArray(subject, { maxLength: 20, selector: (s) => `${s.kind}${s.ordinal}` }),
      (one, two, subjects) => {
        fc.pre(Buffer.compare(one, two) !== 0)
        const [first, second] = [deriveKey(createSecretKey(one), 'pseudonym'), deriveKey(createSecretKey(two), 'pseudonym')]
        const uuids = makePseudonyms(first, subjects)
        const others = makePseudonyms(second, subjects)
        for (const uuid of uuids) assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        assert.equal(new Set([...uuids, ...others]).size, 2 * subjects.length)
        assert.deepEqual(reversePseudonyms(first, uuids), subjects)
        assert.deepEqual(
          reversePseudonyms(
            first,
            uuids.map((uuid) => uuid.toUpperCase()),
          ),
          subjects,
        )
        assert.deepEqual(
          reversePseudonyms(first, others),
          subjects.map(() => undefined),
        )
      },
    ),
    { numRuns: 60 },
  )
})

test('an insert id names its record under its own key only', () => {
  const position = fc.tuple(fc.integer({ min: 1, max: 2 ** 43 }), fc.integer({ min: 0, max: 0xffff_ffff }))
  fc.assert(
    fc.property(secretBytes, fc.array(position, { maxLength: 20 }), (bytes, positions) => {
      const epoch = deriveKey(createSecretKey(bytes), 'insert-id')
      const uuids = insertIds(epoch, positions)
      assert.deepEqual(reverseInsertIds(epoch, uuids), positions)
      assert.deepEqual(
        reverseInsertIds(deriveKey(epoch, 'insert-id'), uuids),
        positions.map(() => undefined),
      )
    }),
    { numRuns: 60 },
  )
})

test('text that is no pseudonym names nobody', () => {
  const epoch = key(COUNTING)
  const strange = [
    '',
    'null',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '025f3ef405014728ad2e606237a7e27b',
    '__proto__',
  ]
  assert.deepEqual(
    reversePseudonyms(epoch, strange),
    strange.map(() => undefined),
  )
  assert.throws(() => makePseudonyms(epoch, [{ kind: 'user', ordinal: 0 }]))
  assert.throws(() => makePseudonyms(epoch, [{ kind: 'user', ordinal: 2 ** 53 }]))
  assert.throws(() => makePseudonyms(epoch, [{ kind: 'nobody' as PseudonymKind, ordinal: 1 }]))
})

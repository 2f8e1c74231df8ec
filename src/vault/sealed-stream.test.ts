import assert from 'node:assert/strict'
import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import test from 'node:test'
import fc from 'fast-check'
import { HEADER_BYTES, openStream, sealStream } from './sealed-stream.ts'

const KEY = { key: Buffer.from(Array.from({ length: 32 }, (_, at) => at)), bound: '["file","x"]' }
const MIB = 1 << 20
const SMALL = 96

async function* piecesOf(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const got: Uint8Array[] = []
  for await (const piece of pieces) got.push(piece)
  return Buffer.concat(got)
}

const seal = (plain: Uint8Array, segment?: number): Promise<Buffer> => all(sealStream(piecesOf(plain, 5000), KEY, segment))
const open = (sealed: Uint8Array, segment?: number, key = KEY): Promise<Buffer> => all(openStream(piecesOf(sealed, 4999), key, segment))
const counted = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => at % 251))

/** Made by another implementation (Python's `cryptography`) from Tink's published wire format, with salt 100…131 and prefix 0…6. */
const HEAD = '286465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828300010203040506'
const VECTORS = [
  {
    what: 'short',
    segment: MIB,
    plain: Buffer.from('ann@example.com'),
    sealed: '11f47a62d791ceeb5bb6ad3b7f75c46020ec2d6244b27246a50ef5aa48bd7c',
  },
  { what: 'empty', segment: MIB, plain: Buffer.alloc(0), sealed: '783501031868469baafc7f746abb3adc' },
  {
    what: 'three segments',
    segment: SMALL,
    plain: counted(150),
    sealed:
      '40a68b12fa05fb2e5032ba0abb0ed9ef1ea3ec35400c43e45631270d37d11114151f409de3d33059db901d431bf98f96150ffc7e893fa0f5a6ae08de2bd5bd' +
      'e505831ea79c428b6d45d22d6d66ef0c7669aac1e21478b4e6eb94043e872edd69fd47d32cf95619d6b40f1c9fac0b491bafaf8a180d19e974dc79fbc1ea' +
      'd88c78a821ccec681923966a80bf3047d72ccd9499385ac3f07f2fef639d4a51bef12b7202b690ee6639fe688693c6108204e580f071643a3a61ccdc160e' +
      '14e7e380b5aaa34a8e2e4d',
  },
  {
    what: 'the content ends where a segment does',
    segment: SMALL,
    plain: counted(120),
    sealed:
      '40a68b12fa05fb2e5032ba0abb0ed9ef1ea3ec35400c43e45631270d37d11114151f409de3d33059db901d431bf98f96150ffc7e893fa0f50098c45ca721a31' +
      'd49319e5332051c92d41239055a7f6c0f02eaf40c30ae0f2f76bae113fc8860db5e942788fdfc2d9ff9fca7b5655bcabb866a285b8873e119e6bfe2bbe08' +
      '05b9e916d42bcab1a43e68ce8b87d5b808fa10e76b98ea686f18a',
  },
]

test('streams that another implementation sealed open', async () => {
  for (const { what, segment, plain, sealed } of VECTORS)
    assert.deepEqual(await open(Buffer.from(HEAD + sealed, 'hex'), segment), plain, what)
})

/** The construction in a few lines, for what this implementation seals. */
function reference(plain: Buffer, header: Buffer, segment: number): Buffer {
  const key = Buffer.from(hkdfSync('sha256', KEY.key, header.subarray(1, 33), KEY.bound, 32))
  const pieces = [plain.subarray(0, segment - 56)]
  for (let at = segment - 56; at < plain.length; at += segment - 16) pieces.push(plain.subarray(at, at + segment - 16))
  const sealed = pieces.map((piece, number) => {
    const nonce = Buffer.concat([header.subarray(33), Buffer.alloc(5)])
    nonce.writeUInt32BE(number, 7)
    nonce[11] = number === pieces.length - 1 ? 1 : 0
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    return Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()])
  })
  return Buffer.concat([header, ...sealed])
}

test('what is sealed is what the construction says, and opens', async () => {
  const lengths = [0, 1, 39, 40, 41, 119, 120, 121, 200, 201]
  for (const length of lengths) {
    const plain = counted(length)
    const sealed = await seal(plain, SMALL)
    assert.deepEqual(sealed, reference(plain, sealed.subarray(0, HEADER_BYTES), SMALL), `${length} bytes`)
    assert.deepEqual(await open(sealed, SMALL), plain)
  }
  const large = randomBytes(2 * MIB + 12_345)
  const sealed = await seal(large)
  assert.deepEqual(
    createHash('sha256').update(sealed).digest(),
    createHash('sha256')
      .update(reference(large, sealed.subarray(0, HEADER_BYTES), MIB))
      .digest(),
  )
  assert.ok((await open(sealed)).equals(large))
})

test('a stream that was changed, cut, lengthened, put in another order or bound elsewhere does not open', async () => {
  const plain = counted(300)
  const sealed = await seal(plain, SMALL)
  const refused = (bytes: Uint8Array, key = KEY): Promise<void> => assert.rejects(open(bytes, SMALL, key), { code: 'evidence_corrupt' })
  const segments = [0, 1, 2, 3].map((at) => sealed.subarray(at === 0 ? HEADER_BYTES : at * SMALL, (at + 1) * SMALL))
  const [first, second, third, last] = segments as [Buffer, Buffer, Buffer, Buffer]
  const head = sealed.subarray(0, HEADER_BYTES)
  // At each end of a segment: there alone a cut leaves whole segments.
  for (let at = 0; at < sealed.length; at += at % SMALL === 0 ? 1 : Math.min(17, SMALL - (at % SMALL)))
    await refused(sealed.subarray(0, at))
  await refused(Buffer.concat([sealed, Buffer.of(0)]))
  await refused(Buffer.concat([sealed, last]))
  await refused(Buffer.concat([head, first, third, second, last]))
  await refused(Buffer.concat([head, first, third, last]))
  await refused(Buffer.concat([head, first, second, second, third, last]))
  await refused(sealed, { ...KEY, bound: '["file","y"]' })
  await refused(sealed, { ...KEY, key: randomBytes(32) })
  const other = await seal(plain, SMALL)
  await refused(Buffer.concat([head, first, other.subarray(SMALL, 2 * SMALL), third, last]))
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: sealed.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] as number) ^ by
      await refused(changed)
    }),
    { numRuns: 100 },
  )
})

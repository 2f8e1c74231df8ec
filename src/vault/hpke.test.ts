import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import test from 'node:test'
import { deriveKeyPair, openMessage, sealMessage, setupReceiver, setupSender } from './hpke.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

/** RFC 9180, appendix A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode. */
const VECTOR = {
  info: hex('4f6465206f6e2061204772656369616e2055726e'),
  ikmE: hex('7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234'),
  enc: hex('37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431'),
  ikmR: hex('6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037'),
  publicKey: hex('3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d'),
  key: hex('4531685d41d65f03dc48f6b8302c05b0'),
  baseNonce: hex('56d890e5accaaf011cff4b7d'),
  plain: hex('4265617574792069732074727574682c20747275746820626561757479'),
  sealed: [
    hex('f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a'),
    hex('af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84'),
  ],
}

function ephemeral(ikm: Buffer): Parameters<typeof setupSender>[3] {
  const { privateKey } = deriveKeyPair(ikm)
  const der = privateKey.export({ format: 'der', type: 'pkcs8' })
  return { privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }), publicKey: createPublicKey(privateKey) }
}

test('the vectors of RFC 9180 come out', () => {
  const own = deriveKeyPair(VECTOR.ikmR)
  assert.deepEqual(own.publicKey, VECTOR.publicKey)
  const { enc, context } = setupSender(VECTOR.publicKey, VECTOR.info, 1, ephemeral(VECTOR.ikmE))
  assert.deepEqual(enc, VECTOR.enc)
  assert.deepEqual(context.key.export(), VECTOR.key)
  assert.deepEqual(context.baseNonce, VECTOR.baseNonce)
  const received = setupReceiver(enc, own, VECTOR.info, 1)
  assert.ok(received !== undefined)
  VECTOR.sealed.forEach((sealed, sequence) => {
    const aad = Buffer.from(`Count-${sequence}`)
    assert.deepEqual(Buffer.concat(sealMessage(context, sequence, VECTOR.plain, aad)), sealed)
    assert.deepEqual(openMessage(received, sequence, sealed, aad), VECTOR.plain)
  })
})

test('only the same key, info, number and bytes open a message', () => {
  const own = deriveKeyPair(Buffer.alloc(32, 7))
  const info = Buffer.from('here')
  const { enc, context } = setupSender(own.publicKey, info)
  const sealed = Buffer.concat(sealMessage(context, 5, 'अ text'))
  const open = (from: { enc?: Buffer; own?: typeof own; info?: string; sequence?: number; sealed?: Buffer }): string | undefined => {
    const found = setupReceiver(from.enc ?? enc, from.own ?? own, Buffer.from(from.info ?? 'here'))
    return found && openMessage(found, from.sequence ?? 5, from.sealed ?? sealed)?.toString('utf8')
  }
  assert.equal(open({}), 'अ text')
  assert.equal(open({ own: deriveKeyPair(Buffer.alloc(32, 8)) }), undefined)
  assert.equal(open({ info: 'there' }), undefined)
  assert.equal(open({ sequence: 4 }), undefined)
  assert.equal(open({ sealed: sealed.subarray(1) }), undefined)
  assert.equal(open({ sealed: Buffer.alloc(3) }), undefined)
  assert.equal(open({ enc: Buffer.alloc(32) }), undefined, 'a point that makes no secret')
  for (let bit = 0; bit < sealed.length * 8; bit += 13) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.equal(open({ sealed: changed }), undefined)
  }
})

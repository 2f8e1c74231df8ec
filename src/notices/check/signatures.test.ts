/** A file beside a mail is a signature, and nothing else, or it is an attachment. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSignature } from './signatures.ts'

const SIGNED = Buffer.from('06092a864886f70d010702', 'hex')
const DATA = Buffer.from('06092a864886f70d010701', 'hex')

/** `data`: what stands between; `length`: what is said to follow. */
function der(data: Buffer, length?: number): Buffer {
  const body = Buffer.concat([SIGNED, data, Buffer.alloc(80)])
  const head = Buffer.from([0x30, 0x82, 0, 0])
  head.writeUInt16BE(length ?? body.length, 2)
  return Buffer.concat([head, body])
}

const named = Buffer.concat([Buffer.from([0x30, DATA.length]), DATA])
const smime = (content: Buffer, filename: string | undefined = 'smime.p7s', contentType = 'application/pkcs7-signature') =>
  isSignature({ contentType, filename, content })

test('a signature of S/MIME is a sequence of just its length that begins with the name of one', () => {
  assert.ok(smime(der(named)))
  assert.ok(smime(der(named), 'smime.p7s', 'application/x-pkcs7-signature'))
  const open = Buffer.concat([Buffer.from([0x30, 0x80]), SIGNED, named, Buffer.alloc(80)])
  assert.ok(smime(open))
  // The name of the data behind which two zeros end it.
  assert.ok(smime(der(Buffer.concat([Buffer.from([0x30, 0x80]), DATA, Buffer.alloc(2)]))))
  const bad: [string, Buffer, string?, string?][] = [
    ['another name', der(named), 'invoice.pdf'],
    ['no name', der(named), ''],
    ['another type', der(named), 'smime.p7s', 'application/pdf'],
    ['one byte more', der(named, 90)],
    ['another length', Buffer.concat([der(named), Buffer.alloc(1)])],
    ['no sequence', Buffer.concat([Buffer.from([0x31]), der(named).subarray(1)])],
    ['a short form of length', Buffer.concat([Buffer.from([0x30, 0x40]), der(named).subarray(2)])],
    ['something else in it', Buffer.concat([Buffer.from([0x30, 0x82, 0, 100]), Buffer.alloc(100)])],
    ['something else in it, without a length', Buffer.concat([Buffer.from([0x30, 0x80]), Buffer.alloc(100)])],
    ['something signed in it', der(Buffer.concat([Buffer.from([0x30, 0x30]), DATA, Buffer.from('Call 1800 200 300')]))],
    ['too short', Buffer.concat([Buffer.from([0x30, 0x80]), SIGNED])],
    ['too long', Buffer.concat([Buffer.from([0x30, 0x80]), SIGNED, Buffer.alloc(20_000)])],
  ]
  for (const [what, content, filename, type] of bad) assert.ok(!smime(content, filename, type), what)
})

const ARMOUR = '-----BEGIN PGP SIGNATURE-----\n\niQEzBAEBCAAdFiEE\n=abcd\n-----END PGP SIGNATURE-----\n'
const pgp = (text: string, filename?: string) =>
  isSignature({ contentType: 'application/pgp-signature', filename, content: Buffer.from(text) })

test('a signature of OpenPGP is its armour, under the name that programs give it', () => {
  for (const filename of [undefined, 'signature', 'signature.asc', 'OpenPGP_signature.asc']) assert.ok(pgp(ARMOUR, filename), filename)
  assert.ok(pgp(ARMOUR.replace('\n\n', '\nVersion: GnuPG v2.0.22\n\n').replaceAll('\n', '\r\n')))
  for (const filename of ['invoice.asc', 'signature.txt', 'a signature.asc']) assert.ok(!pgp(ARMOUR, filename), filename)
  for (const text of [
    `Call 1800 200 300\n${ARMOUR}`,
    `${ARMOUR}Call 1800 200 300`,
    ARMOUR.replace('\n\n', '\nComment: Call 1800 200 300\n\n'),
    ARMOUR.replace('=abcd', 'Call 1800 200 300'),
    '',
  ])
    assert.ok(!pgp(text), text)
  assert.ok(!isSignature({ contentType: 'text/plain', filename: 'signature.asc', content: Buffer.from(ARMOUR) }))
})

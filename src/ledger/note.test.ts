import assert from 'node:assert/strict'
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { BulkheadError } from '#base/errors.ts'
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from './checkpoint.ts'
import {
  formatNote,
  formatVerifierKey,
  type NoteProblem,
  NoteRefused,
  noteSignature,
  noteVerifier,
  openNote,
  parseNote,
  parseSignatures,
  parseVerifierKey,
  signedBytes,
} from './note.ts'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')
const GO_NOTES = path.join(process.env.BULKHEAD_TESTDATA ?? path.join(root, '..', 'shared', 'testdata'), 'merkle-rfc6962/signed-notes.json')

/** Made by another implementation of Ed25519, SHA-256 and both formats, from the seeds 00…1f (log) and 20…3f (witness). */
const TEXT = 'ledger.example/one\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n'
const LOG_KEY = 'ledger.example/one+53a91153+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4'
const WITNESS_KEY = 'witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X'
const LOG_LINE = '— ledger.example/one U6kRU1p2hL7BlAK8lS/do3iW4QeMM1a6n2QbrdmIfkjpSuYzltD++PwckBjwQ1CYPQVPouus9Fdi8mNYwJ9DqBJBIQg=\n'
const WITNESS_LINE =
  '— witness.example/w1 IDJKvgAAAABpJkMAv9bzAO3FJ8wap15pe6WhgvudDModme74poQS0LH6N5kv4kFGR8q3iDvc3XDHdO/prR0k6wvnPStyjukaUW7ABA==\n'
const COSIGNED_AT = 1_764_115_200
const NOTE = `${TEXT}\n${LOG_LINE}${WITNESS_LINE}`

function seedKey(first: number): KeyObject {
  const seed = Buffer.from(Array.from({ length: 32 }, (_, index) => first + index))
  return createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  })
}

function problemOf(bytes: Uint8Array | string, keys: readonly string[]): NoteProblem | 'ok' {
  try {
    openNote(bytes, keys.map(parseVerifierKey))
    return 'ok'
  } catch (thrown) {
    assert.ok(thrown instanceof NoteRefused)
    return thrown.problem
  }
}

test('notes, keys and cosignatures are those that another implementation makes', () => {
  const [log, witness] = [parseVerifierKey(LOG_KEY), parseVerifierKey(WITNESS_KEY)]
  const opened = openCheckpoint(NOTE, [log, witness])
  assert.deepEqual(
    opened.verified.map(({ verifier, at }) => [verifier.name, at]),
    [
      ['ledger.example/one', undefined],
      ['witness.example/w1', COSIGNED_AT * 1000],
    ],
  )
  assert.deepEqual([opened.origin, opened.size, opened.root], ['ledger.example/one', 0, createHash('sha256').digest()])
  const [mine, theirs] = [seedKey(0), seedKey(32)]
  const made = formatNote({
    text: formatCheckpoint(parseCheckpoint(TEXT)),
    signatures: [
      noteSignature(log, sign(null, signedBytes(TEXT), mine)),
      noteSignature(witness, sign(null, signedBytes(TEXT, COSIGNED_AT), theirs), COSIGNED_AT),
    ],
  })
  assert.equal(made, NOTE)
  assert.equal(formatVerifierKey(noteVerifier('ledger.example/one', createPublicKey(mine))), LOG_KEY)
  assert.equal(formatVerifierKey(noteVerifier('witness.example/w1', createPublicKey(theirs), 'cosignature/v1')), WITNESS_KEY)
})

test('keys that other logs and witnesses publish are read, also of two kinds under one name', () => {
  for (const key of [
    'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2',
  ])
    assert.equal(formatVerifierKey(parseVerifierKey(key)), key)
  const key = createPublicKey(seedKey(0))
  const [plain, cosigner] = [noteVerifier('one', key), noteVerifier('one', key, 'cosignature/v1')]
  assert.notEqual(plain.id, cosigner.id)
  // A signature of the one kind says nothing as the other.
  const asCosigner = formatNote({ text: TEXT, signatures: [noteSignature(cosigner, sign(null, signedBytes(TEXT), seedKey(0)), 1)] })
  assert.equal(problemOf(asCosigner, [formatVerifierKey(cosigner)]), 'signature_wrong')
})

test('what is no public key is refused and not quoted', () => {
  const bad = [
    '',
    'name',
    'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
    'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    'PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    'Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    `${LOG_KEY}\n`,
    `${LOG_KEY}=`,
  ]
  for (const text of bad) {
    assert.throws(
      () => parseVerifierKey(text),
      (thrown) => thrown instanceof BulkheadError && thrown.code === 'verifier_key_invalid' && !thrown.message.includes('Neumann'),
      text,
    )
  }
})

test('any changed byte of a note is found, or stands in a signature that nobody knows', () => {
  const bytes = Buffer.from(NOTE)
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [0x01, 0x20, 0x80]) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ bit
      try {
        const { text, verified } = openNote(changed, [parseVerifierKey(LOG_KEY), parseVerifierKey(WITNESS_KEY)])
        // Name and number of one signature may have become another's; then the other one stands and the text is whole.
        assert.equal(text, TEXT, `byte ${at}`)
        assert.equal(verified.length, 1, `byte ${at}`)
      } catch (thrown) {
        assert.ok(thrown instanceof NoteRefused, `byte ${at}`)
      }
    }
  }
})

test('a note of random texts and keys opens again; its text may hold blank lines and dashes', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const line = fc
    .oneof(fc.constantFrom('', '— a b', '—', '\ufeff', 'é\u2028'), fc.string({ unit: 'grapheme' }))
    .filter((each) => !/[\x00-\x1f]/.test(each))
  const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((each) => !/[\p{White_Space}+\x00-\x1f]/u.test(each))
  fc.assert(
    fc.property(fc.array(line), name, fc.option(fc.nat()), (lines, key, at) => {
      const text = `${lines.join('\n')}\n`
      const verifier = noteVerifier(key, publicKey, at === null ? 'ed25519' : 'cosignature/v1')
      const signature = noteSignature(verifier, sign(null, signedBytes(text, at ?? undefined), privateKey), at ?? undefined)
      const opened = openNote(Buffer.from(formatNote({ text, signatures: [signature] })), [parseVerifierKey(formatVerifierKey(verifier))])
      assert.equal(opened.text, text)
      assert.equal(opened.verified[0]?.at, at === null ? undefined : at * 1000)
    }),
  )
})

test('what is no note is malformed, whatever the bytes', () => {
  const bad = [
    TEXT,
    `${TEXT}\n`,
    `${TEXT}${LOG_LINE}`,
    NOTE.slice(0, -1),
    `${NOTE}\n`,
    `${NOTE}Unexpected line.\n`,
    NOTE.replace('\n', '\r\n'),
    `${TEXT}\n— bad name AAAAAAA=\n`,
    `${TEXT}\n— a+b AAAAAAA=\n`,
    `${TEXT}\n— a\u00a0b AAAAAAA=\n`,
    `${TEXT}\n— name AAAA\n`,
    `${TEXT}\n— name \n`,
    `${TEXT}\n—name AAAAAAA=\n`,
    `${TEXT}\n${LOG_LINE.repeat(101)}`,
    `${'a'.repeat(1_000_000)}\n\n${LOG_LINE}`,
    // One signature has one spelling: the last bits of base64 must be zero.
    NOTE.replace('DqBJBIQg=', 'DqBJBIQh='),
    `\ud800${NOTE}`,
    Buffer.concat([Buffer.from([0xff]), Buffer.from(NOTE)]),
    Buffer.alloc(0),
  ]
  for (const bytes of bad) {
    assert.notEqual(bytes, NOTE)
    assert.equal(problemOf(bytes, [LOG_KEY]), 'malformed', String(bytes).slice(0, 200))
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.throws(() => parseNote(bytes), NoteRefused)
    }),
  )
  assert.throws(() => parseSignatures(''), NoteRefused)
})

test('a checkpoint has an origin, a size, a root and lines that are not empty', () => {
  const hash = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
  assert.deepEqual(parseCheckpoint(`o\n12\n${hash}\nmore\nlines\n`).extensions, ['more', 'lines'])
  for (const text of [
    '',
    '\n',
    `o\n1\n`,
    `o\n1\n${hash}`,
    `\n1\n${hash}\n`,
    `o\n01\n${hash}\n`,
    `o\n+1\n${hash}\n`,
    `o\n-1\n${hash}\n`,
    `o\n1e3\n${hash}\n`,
    `o\n\n${hash}\n`,
    `o\n9007199254740993\n${hash}\n`,
    `o\n1\n${hash}\n\n`,
    `o\n1\n${hash}\nmore\n\nlines\n`,
    `o\n1\nYmFuYW5hcw==\n`,
    `o\n1\n${hash.slice(0, -1)}\n`,
    `o\n1\n${hash.replaceAll('+', '-')}\n`,
  ])
    assert.throws(() => parseCheckpoint(text), { code: 'checkpoint_invalid' }, JSON.stringify(text))
  assert.throws(() => formatCheckpoint({ origin: 'two\nlines', size: 1, root: Buffer.alloc(32), extensions: [] }), {
    code: 'checkpoint_invalid',
  })
  assert.throws(() => openCheckpoint(NOTE.replace(LOG_LINE, ''), [parseVerifierKey(LOG_KEY)]), {
    code: 'checkpoint_invalid',
    problem: 'unsigned',
  })
})

interface GoCase {
  name: string
  note: string
  verifiers: string[]
  result: string
  verified: number
  unverified: number
}

const GO_RESULTS: Record<string, NoteProblem | 'ok'> = {
  ok: 'ok',
  malformed: 'malformed',
  unverified: 'unsigned',
  ambiguous: 'ambiguous_key',
  'invalid-signature': 'signature_wrong',
}

test('the cases of the checksum database of Go come out as there', () => {
  if (!existsSync(GO_NOTES)) {
    process.stdout.write(`not run: the notes of Go (no file ${GO_NOTES}; BULKHEAD_TESTDATA names another folder)\n`)
    return
  }
  const { cases, badVerifierKeys } = JSON.parse(readFileSync(GO_NOTES, 'utf8')) as { cases: GoCase[]; badVerifierKeys: string[] }
  assert.ok(cases.length >= 14)
  for (const { name, note, verifiers, result, verified, unverified } of cases) {
    assert.equal(problemOf(note, verifiers), GO_RESULTS[result], name)
    if (result !== 'ok') continue
    const opened = openNote(note, verifiers.map(parseVerifierKey))
    assert.deepEqual([opened.verified.length, opened.unverified.length], [verified, unverified], name)
  }
  for (const key of badVerifierKeys) assert.throws(() => parseVerifierKey(key), { code: 'verifier_key_invalid' })
})

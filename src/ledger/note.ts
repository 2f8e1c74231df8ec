/**
 * Signed notes (c2sp.org/signed-note): text, a blank line, and lines of signatures. Pure. Reading is as strict as the
 * checksum database's of Go, and stricter in base64: one signature has one spelling. Two kinds of keys are known: Ed25519 over
 * the text, and cosignatures of witnesses over text and time (c2sp.org/tlog-cosignature). Signatures of unknown keys are kept and
 * never judged.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { assert, BulkheadError } from '#base/errors.ts'

export type NoteAlgorithm = 'ed25519' | 'cosignature/v1'

/** The byte of an algorithm in a key's text and in its number. */
const ALGORITHM_BYTES: Record<NoteAlgorithm, number> = { ed25519: 0x01, 'cosignature/v1': 0x04 }

const NOTE_BYTES_MAX = 1_000_000
const SIGNATURES_MAX = 100
const KEY_BYTES = 32
const ID_BYTES = 4
const TIME_BYTES = 8
const ED25519_BYTES = 64
const DASH = '\u2014 '

/** A key whose signatures are judged. Name and number together name it; the number alone is short and may be shared. */
export interface NoteVerifier {
  name: string
  id: number
  algorithm: NoteAlgorithm
  key: KeyObject
}

export interface NoteSignature {
  name: string
  id: number
  /** What stands behind the number: of a cosignature the time, then the signature. */
  bytes: Buffer
}

export interface Note {
  /** With its last line end. */
  text: string
  signatures: NoteSignature[]
}

export interface OpenedNote {
  text: string
  /** By known keys, each once. `at` is the time of a cosignature, UTC ms. */
  verified: { verifier: NoteVerifier; signature: NoteSignature; at?: number }[]
  unverified: NoteSignature[]
}

export type NoteProblem = 'malformed' | 'ambiguous_key' | 'signature_wrong' | 'unsigned'

/** Why a note says nothing: bytes that are no note, a signature of a known key that is none, or no known key at all. */
export class NoteRefused extends BulkheadError {
  readonly problem: NoteProblem

  constructor(problem: NoteProblem, message: string) {
    super('checkpoint_invalid', message)
    this.problem = problem
  }
}

function malformed(what: string): NoteRefused {
  return new NoteRefused('malformed', `this is no signed note: ${what}`)
}

/** The text of a known key's note. Throws `NoteRefused`: one wrong signature of a known key refuses all of it. */
export function openNote(bytes: Uint8Array | string, verifiers: readonly NoteVerifier[]): OpenedNote {
  const { text, signatures } = parseNote(bytes)
  const opened: OpenedNote = { text, verified: [], unverified: [] }
  const seen = new Set<string>()
  for (const signature of signatures) {
    const matching = verifiers.filter(({ name, id }) => name === signature.name && id === signature.id)
    // A known key counts once; of an unknown one each different signature is kept.
    const once = matching.length > 0 ? `${signature.name} ${signature.id}` : formatSignature(signature)
    if (seen.has(once)) continue
    seen.add(once)
    const [verifier] = matching
    if (verifier === undefined) opened.unverified.push(signature)
    else if (matching.length > 1) throw new NoteRefused('ambiguous_key', `two known keys have the name and number of ${signature.name}`)
    else {
      const at = timeOf(verifier, signature)
      if (!isSignature(verifier, signature, text))
        throw new NoteRefused('signature_wrong', `the signature of ${signature.name} is not one over this text`)
      opened.verified.push({ verifier, signature, ...(at === undefined ? {} : { at }) })
    }
  }
  if (opened.verified.length === 0) throw new NoteRefused('unsigned', 'no known key has signed this note')
  return opened
}

/** Text and signatures, unjudged. Throws `NoteRefused` with `malformed`. */
export function parseNote(bytes: Uint8Array | string): Note {
  const whole = decodeText(bytes)
  const split = whole.lastIndexOf('\n\n')
  if (split < 0) throw malformed('no blank line stands before signatures')
  return { text: whole.slice(0, split + 1), signatures: parseSignatures(whole.slice(split + 2)) }
}

/** Lines of signatures alone, as a witness answers them. Throws `NoteRefused` with `malformed`. */
export function parseSignatures(lines: string): NoteSignature[] {
  if (!lines.endsWith('\n')) throw malformed('the last line does not end')
  const each = lines.slice(0, -1).split('\n')
  if (each.length > SIGNATURES_MAX) throw malformed(`more than ${SIGNATURES_MAX} signatures`)
  return each.map(parseSignature)
}

export function formatSignature({ name, id, bytes }: NoteSignature): string {
  const number = Buffer.alloc(ID_BYTES)
  number.writeUInt32BE(id)
  return `${DASH}${name} ${Buffer.concat([number, bytes]).toString('base64')}\n`
}

/** The note as bytes on the wire. What it gives can be parsed, or it throws. */
export function formatNote({ text, signatures }: Note): string {
  const note = `${text}\n${signatures.map(formatSignature).join('')}`
  const read = parseNote(note)
  assert(read.text === text && read.signatures.length === signatures.length, 'a note reads as it was written')
  return note
}

/** What a key signs: the text itself, or for a cosignature a header, the time in seconds and the text. */
export function signedBytes(text: string, cosignedAtSeconds?: number): Buffer {
  if (cosignedAtSeconds === undefined) return Buffer.from(text, 'utf8')
  assert(Number.isSafeInteger(cosignedAtSeconds) && cosignedAtSeconds >= 0, 'the time of a cosignature is in whole seconds')
  return Buffer.from(`cosignature/v1\ntime ${cosignedAtSeconds}\n${text}`, 'utf8')
}

/** Puts an Ed25519 signature over `signedBytes` into the form that stands in a note. */
export function noteSignature(verifier: NoteVerifier, ed25519: Uint8Array, cosignedAtSeconds?: number): NoteSignature {
  const { name, id, algorithm } = verifier
  assert((algorithm === 'cosignature/v1') === (cosignedAtSeconds !== undefined), 'cosignatures, and only they, carry a time')
  if (cosignedAtSeconds === undefined) return { name, id, bytes: Buffer.from(ed25519) }
  const time = Buffer.alloc(TIME_BYTES)
  time.writeBigUInt64BE(BigInt(cosignedAtSeconds))
  return { name, id, bytes: Buffer.concat([time, ed25519]) }
}

/** A verifier of an Ed25519 public key under a name, which must be one that a note can carry. */
export function noteVerifier(name: string, key: KeyObject, algorithm: NoteAlgorithm = 'ed25519'): NoteVerifier {
  if (!isName(name)) throw new BulkheadError('verifier_key_invalid', 'the name of the key is empty, or has spaces or a plus in it')
  return { name, id: keyId(name, algorithm, rawKey(key)), algorithm, key }
}

/** `name+hash+base64`, the text by which a key is handed on. */
export function formatVerifierKey({ name, id, algorithm, key }: NoteVerifier): string {
  const bytes = Buffer.concat([Buffer.from([ALGORITHM_BYTES[algorithm]]), rawKey(key)])
  return `${name}+${id.toString(16).padStart(8, '0')}+${bytes.toString('base64')}`
}

/** Throws `verifier_key_invalid`, which quotes nothing. */
export function parseVerifierKey(text: string): NoteVerifier {
  const [, name = '', hash = '', encoded = ''] = /^([^+]+)\+([0-9a-fA-F]{8})\+([A-Za-z0-9+/=]+)$/.exec(text) ?? []
  const bytes = decodeBase64(encoded)
  const algorithm = bytes === undefined ? undefined : algorithmOf(bytes[0])
  if (bytes === undefined || algorithm === undefined || bytes.length !== 1 + KEY_BYTES)
    throw new BulkheadError('verifier_key_invalid', 'this is not the text of a public key that notes are checked with')
  const verifier = noteVerifier(name, publicKey(bytes.subarray(1)), algorithm)
  if (verifier.id !== Number.parseInt(hash, 16))
    throw new BulkheadError('verifier_key_invalid', 'the number in the text of the public key does not belong to its name and key')
  return verifier
}

function parseSignature(line: string): NoteSignature {
  if (!line.startsWith(DASH)) throw malformed('a line among the signatures is none')
  const rest = line.slice(DASH.length)
  const space = rest.indexOf(' ')
  const name = rest.slice(0, Math.max(0, space))
  const bytes = decodeBase64(rest.slice(space + 1))
  if (!isName(name) || bytes === undefined || bytes.length <= ID_BYTES) throw malformed('a line among the signatures is none')
  return { name, id: bytes.readUInt32BE(0), bytes: bytes.subarray(ID_BYTES) }
}

function timeOf({ algorithm }: NoteVerifier, { bytes }: NoteSignature): number | undefined {
  if (algorithm !== 'cosignature/v1' || bytes.length !== TIME_BYTES + ED25519_BYTES) return undefined
  return Number(bytes.readBigUInt64BE(0)) * 1000
}

function isSignature({ algorithm, key }: NoteVerifier, { bytes }: NoteSignature, text: string): boolean {
  if (algorithm === 'ed25519') return bytes.length === ED25519_BYTES && verify(null, signedBytes(text), key, bytes)
  if (bytes.length !== TIME_BYTES + ED25519_BYTES) return false
  const seconds = bytes.readBigUInt64BE(0)
  if (seconds > BigInt(Number.MAX_SAFE_INTEGER)) return false
  return verify(null, signedBytes(text, Number(seconds)), key, bytes.subarray(TIME_BYTES))
}

/** UTF-8 without control characters but line ends. */
function decodeText(bytes: Uint8Array | string): string {
  const size = typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length
  if (size > NOTE_BYTES_MAX) throw malformed(`it is longer than ${NOTE_BYTES_MAX} bytes`)
  const text = typeof bytes === 'string' ? bytes : utf8(bytes)
  if (text === undefined || !text.isWellFormed()) throw malformed('it is not UTF-8')
  if (/[\x00-\x09\x0b-\x1f]/.test(text)) throw malformed('it has control characters')
  return text
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Unicode's spaces, as Go counts them. */
function isName(name: string): boolean {
  return name !== '' && !/[\p{White_Space}+]/u.test(name)
}

function algorithmOf(byte: number | undefined): NoteAlgorithm | undefined {
  if (byte === ALGORITHM_BYTES.ed25519) return 'ed25519'
  return byte === ALGORITHM_BYTES['cosignature/v1'] ? 'cosignature/v1' : undefined
}

function keyId(name: string, algorithm: NoteAlgorithm, raw: Buffer): number {
  const bytes = [Buffer.from(`${name}\n`, 'utf8'), Buffer.from([ALGORITHM_BYTES[algorithm]]), raw]
  return createHash('sha256').update(Buffer.concat(bytes)).digest().readUInt32BE(0)
}

function rawKey(key: KeyObject): Buffer {
  assert(key.asymmetricKeyType === 'ed25519', 'notes are checked with Ed25519 keys')
  return Buffer.from(String(key.export({ format: 'jwk' }).x), 'base64url')
}

function publicKey(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') }, format: 'jwk' })
}

/** Undefined for anything but the one spelling of some bytes. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined
}

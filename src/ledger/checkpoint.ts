/**
 * Checkpoints of a tree (c2sp.org/tlog-checkpoint): a signed note whose text says which tree, how many leaves, and the root.
 * Pure. Extension lines are read and kept, because signatures cover them; we write none.
 */
import { BulkheadError } from '#base/errors.ts'
import { decodeBase64, type NoteVerifier, type OpenedNote, openNote } from './note.ts'

export interface Checkpoint {
  /** Names the tree; after a restore that lost entries another one begins. */
  origin: string
  /** Leaves in it. */
  size: number
  /** SHA-256 of RFC 6962. */
  root: Buffer
  extensions: string[]
}

export interface SignedCheckpoint extends Checkpoint {
  /** The note as it was read. */
  note: string
  verified: OpenedNote['verified']
  unverified: OpenedNote['unverified']
}

const ROOT_BYTES = 32

/** The text that is signed. */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  const text = [origin, size, root.toString('base64'), ...extensions].map((line) => `${line}\n`).join('')
  parseCheckpoint(text)
  return text
}

/** Throws `checkpoint_invalid`. */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw invalid('its last line does not end')
  const [origin, size, root, ...extensions] = lines
  if (origin === undefined || size === undefined || root === undefined) throw invalid('it has fewer than three lines')
  if (lines.includes('')) throw invalid('it has an empty line')
  const count = Number(size)
  if (!/^(0|[1-9][0-9]*)$/.test(size) || !Number.isSafeInteger(count)) throw invalid('its size is not a number of leaves')
  const hash = decodeBase64(root)
  if (hash?.length !== ROOT_BYTES) throw invalid('its root is not a SHA-256 in base64')
  return { origin, size: count, root: hash, extensions }
}

/** A checkpoint that at least one of `verifiers` has signed. Throws `checkpoint_invalid`. */
export function openCheckpoint(bytes: Uint8Array | string, verifiers: readonly NoteVerifier[]): SignedCheckpoint {
  const { text, verified, unverified } = openNote(bytes, verifiers)
  const note = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8')
  return { ...parseCheckpoint(text), note, verified, unverified }
}

function invalid(what: string): BulkheadError {
  return new BulkheadError('checkpoint_invalid', `this is no checkpoint: ${what}`)
}

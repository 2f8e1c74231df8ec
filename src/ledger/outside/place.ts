/**
 * What every place outside has in common: it is asked what it holds, that is compared with our own tree, and only a tree that
 * extends it is put there. A place that holds anything else is not overwritten and not passed over: it is evidence.
 */
import { readFileSync } from 'node:fs'
import { type Checkpoint, openCheckpoint, type SignedCheckpoint } from '#ledger/checkpoint.ts'
import type { NoteVerifier } from '#ledger/note.ts'
import { type SubtreeHashes, treeRoot } from '#ledger/tree.ts'

/** Our own side, as of one moment. */
export interface OwnTree {
  newest: SignedCheckpoint
  /** Of the tree of `newest`. */
  hashes: SubtreeHashes
  /** Keys of this origin and of earlier ones. */
  verifiers: readonly NoteVerifier[]
  /** Origins before a restore that lost entries: of each, leaves up to `kept` are still ours, and up to `known` are lost. */
  former: readonly { origin: string; kept: number; known: number }[]
}

/** A failure of this once: it is tried again. The code is stable and short; the message names nothing secret. */
export class PlaceRefused extends Error {
  readonly code: PlaceFault

  constructor(code: PlaceFault, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'PlaceRefused'
    this.code = code
  }
}

export type PlaceFault =
  | 'unreachable'
  | 'refused'
  | 'timed_out'
  | 'not_mounted'
  | 'answer_malformed'
  | 'unknown_to_it'
  | 'wrong_cosignature'

/** The certificate authority that a place names, PEM. Throws `PlaceRefused`. */
export function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new PlaceRefused('refused', `the certificate authority in ${file} cannot be read (${code})`, { cause })
  }
}

/** The place has seen another tree under our name, or more of ours than we have. */
export class ForkFound extends Error {
  readonly theirs: Named
  readonly ours: Named
  readonly what: ForkKind

  constructor(what: ForkKind, theirs: Named, ours: Named) {
    super(FORK_WORDS[what])
    this.name = 'ForkFound'
    this.what = what
    this.theirs = theirs
    this.ours = ours
  }
}

export type ForkKind = 'other_root' | 'ahead' | 'foreign'

/** Words for doctor; both checkpoints are named beside them. */
export const FORK_WORDS: Record<ForkKind, string> = {
  other_root: 'it holds a checkpoint of another history than ours',
  ahead: 'it holds a checkpoint of more entries than our ledger has',
  foreign: 'what it holds is no checkpoint that the key of this ledger has signed',
}

/** `root` in base64, empty where the place does not say it. */
export interface Named {
  origin: string
  size: number
  root: string
}

export function named({ origin, size, root }: Checkpoint): Named {
  return { origin, size, root: root.toString('base64') }
}

export interface Place {
  readonly id: string
  readonly kind: string
  /** What and where it is, without secrets: another target under the same id is another place. */
  readonly target: string
  /**
   * The newest note that it holds, of this origin when it has one; undefined for none. Absent where nobody can ask, as with a
   * mailbox.
   */
  held?(origin: string, signal: AbortSignal): Promise<string | undefined>
  /**
   * How many entries it says that its newest checkpoint of this origin covers, for a place that can be asked by a checkpoint only;
   * nothing changes there. Throws `PlaceRefused`, or `ForkFound` when it has another tree of the same size.
   */
  knows?(newest: SignedCheckpoint, signal: AbortSignal): Promise<number>
  /**
   * Puts the newest checkpoint there. Again with the same one does no harm. `before` is what it is known to hold. Returns the
   * note with what the place has added. Throws `PlaceRefused` or `ForkFound`.
   */
  put(own: OwnTree, before: { size: number }, signal: AbortSignal): Promise<string>
}

/** Throws `ForkFound` unless our tree is what `note` was, or goes on from it. Returns what the note says. */
export function assertExtends(note: string, own: OwnTree): Checkpoint {
  return assertGoesOnFrom(openHeld(note, own), own)
}

export function assertGoesOnFrom(held: Checkpoint, own: OwnTree): Checkpoint {
  const { newest, hashes } = own
  const before = own.former.find(({ origin }) => origin === held.origin)
  if (held.origin !== newest.origin && before === undefined) throw new ForkFound('foreign', named(held), named(newest))
  // What a restore has lost is stated by the gap that opened the new origin; more than that is not.
  if (before !== undefined && held.size > before.kept) {
    if (held.size > before.known) throw new ForkFound('ahead', named(held), named(newest))
    return held
  }
  if (held.size > newest.size) throw new ForkFound('ahead', named(held), named(newest))
  const root = held.size === newest.size ? newest.root : treeRoot(held.size, hashes)
  if (!root.equals(held.root)) throw new ForkFound('other_root', named(held), named({ ...newest, size: held.size, root }))
  return held
}

function openHeld(note: string, own: OwnTree): SignedCheckpoint {
  try {
    return openCheckpoint(note, own.verifiers)
  } catch {
    throw new ForkFound('foreign', { origin: '', size: 0, root: '' }, named(own.newest))
  }
}

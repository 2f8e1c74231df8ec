/**
 * Leaves of the tree: one for every entry, intents, outcomes and gaps alike. 66 bytes:
 *
 *   version (1) ‖ type (2: intent 1, outcome 2, gap 3) ‖ HMAC-SHA-256(header key, canonical header) ‖ root over the rows
 *
 * They say nothing to anybody who has not the entry: the keys come from the entry's salt, and each row is committed to under a
 * key that comes from its subject's secret. Commitment of a row: HMAC-SHA-256(row key, canonical row), where row key =
 * HMAC-SHA-256(commit key of the subject, label ‖ entry ‖ number of the row among the subject's in this entry). Two steps, so
 * that a subject's rows can be shown by their row keys and the subject's own key never leaves the vault.
 *
 * The root over the rows is an RFC 6962 tree over the commitments and random-looking ones that fill them up to a power of two,
 * all sorted as bytes: its shape tells their number within a factor of two, and a place tells nothing of whose row it is.
 * Without rows it is the root of the empty tree.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { assert } from '#base/errors.ts'
import type { Intent, LedgerEntry, ManifestRow } from '#model/disclosure.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { canonicalHeader, canonicalRowBytes } from './canonical.ts'
import { EMPTY_ROOT, HASH_BYTES, inclusionProof, leafHash, nodeHash } from './tree.ts'

export const LEAF_VERSION = 1
export const LEAF_BYTES = 2 + 2 * HASH_BYTES
const TYPES: Record<LedgerEntry['type'], number> = { intent: 1, outcome: 2, gap: 3 }

/** Each names one use of a key that comes from an entry's salt. */
const HEADER_KEY = 'bulkhead/ledger/header-key/v1'
const GROUP_KEY = 'bulkhead/ledger/group-key/v1'
const FILLING_KEY = 'bulkhead/ledger/filling-key/v1'
const ERASED_KEY = 'bulkhead/ledger/erased-key/v1'
const OUTCOME_SALT = 'bulkhead/ledger/outcome-salt/v1'

/** What a subject's commitment is made of; `nth` counts the subject's rows in the entry, from 0. */
export interface RowToCommit {
  entry: number
  subject: Ordinal
  nth: number
  bytes: Buffer
}

/**
 * Commitments in the order of the rows, under the keys of their subjects; kept ones for those who were erased. Undefined:
 * there is no secret and none is kept, because the subject was erased before the tree had come there.
 */
export type CommitRows = (rows: readonly RowToCommit[]) => Promise<(Buffer | undefined)[]>

/** Keys of one entry. An outcome has no salt: it comes from its intent's, so nobody can try out what an outcome says. */
export class EntryKeys {
  readonly #salt: KeyObject

  constructor(entry: LedgerEntry, intent?: Intent) {
    if (entry.type === 'outcome') {
      assert(intent?.entry === entry.intent, 'the salt of an outcome comes from its own intent')
      this.#salt = secret(
        createHmac('sha256', secret(salt(intent)))
          .update(`${OUTCOME_SALT}\n${entry.entry}`)
          .digest(),
      )
    } else this.#salt = secret(salt(entry))
  }

  /** Shows the header, and nothing else of the entry. */
  headerKey(): Buffer {
    return this.#derive(HEADER_KEY)
  }

  groupTag(): (group: Ordinal) => Buffer {
    const key = secret(this.#derive(GROUP_KEY))
    const known = new Map<Ordinal, Buffer>()
    return (group) => {
      const tag = known.get(group) ?? createHmac('sha256', key).update(String(group)).digest()
      known.set(group, tag)
      return tag
    }
  }

  filling(count: number): Buffer[] {
    const key = secret(this.#derive(FILLING_KEY))
    return Array.from({ length: count }, (_, index) => createHmac('sha256', key).update(String(index)).digest())
  }

  /** For a subject whose secret was gone before the tree had come there. */
  erasedCommitment({ subject, nth, bytes }: RowToCommit): Buffer {
    return createHmac('sha256', secret(this.#derive(ERASED_KEY)))
      .update(`${subject}\n${nth}\n`)
      .update(bytes)
      .digest()
  }

  #derive(label: string): Buffer {
    return createHmac('sha256', this.#salt).update(label).digest()
  }
}

function secret(bytes: Buffer): KeyObject {
  return createSecretKey(bytes)
}

function salt(entry: Exclude<LedgerEntry, { type: 'outcome' }>): Buffer {
  return Buffer.from(entry.salt, 'hex')
}

/** The rows of an entry as they are committed to, in the order of the manifest. */
export function rowsToCommit(entry: number, rows: readonly ManifestRow[], keys: EntryKeys): RowToCommit[] {
  const counts = new Map<Ordinal, number>()
  const bytes = canonicalRowBytes(entry, rows, keys.groupTag())
  return rows.map(({ subject }, index) => {
    const nth = counts.get(subject) ?? 0
    counts.set(subject, nth + 1)
    return { entry, subject, nth, bytes: bytes[index] as Buffer }
  })
}

export function headerCommitment(entry: LedgerEntry, headerKey: Uint8Array): Buffer {
  return createHmac('sha256', createSecretKey(headerKey)).update(canonicalHeader(entry)).digest()
}

/** What a row key shows: that this row, and no other, was committed to. */
export function rowCommitment(rowKey: Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac('sha256', createSecretKey(rowKey)).update(bytes).digest()
}

export function leafOf(type: LedgerEntry['type'], header: Uint8Array, rowsRoot: Uint8Array): Buffer {
  assert(header.length === HASH_BYTES && rowsRoot.length === HASH_BYTES, 'a leaf has two parts of 32 bytes')
  return Buffer.concat([Buffer.of(LEAF_VERSION, TYPES[type]), header, rowsRoot])
}

/** The tree over an entry's rows, all of its levels; undefined without rows. */
export interface RowTree {
  /** Commitments and filling, sorted. */
  leaves: Buffer[]
  levels: Buffer[][]
}

export function rowTreeOf(commitments: readonly Buffer[], keys: EntryKeys): RowTree | undefined {
  if (commitments.length === 0) return undefined
  let width = 1
  while (width < commitments.length) width *= 2
  const leaves = [...commitments, ...keys.filling(width - commitments.length)].sort(Buffer.compare)
  const levels = [leaves.map(leafHash)]
  for (let level = levels[0] as Buffer[]; level.length > 1; ) {
    const above: Buffer[] = []
    for (let at = 0; at < level.length; at += 2) above.push(nodeHash(level[at] as Buffer, level[at + 1] as Buffer))
    levels.push(above)
    level = above
  }
  return { leaves, levels }
}

export function rowsRootOf(tree: RowTree | undefined): Buffer {
  return tree === undefined ? EMPTY_ROOT : (tree.levels.at(-1)?.[0] as Buffer)
}

/** Where a commitment stands among the rows, and that it does. */
export function proveRow(tree: RowTree, commitment: Buffer): { index: number; size: number; proof: Buffer[] } | undefined {
  const index = tree.leaves.findIndex((leaf) => leaf.equals(commitment))
  if (index < 0) return undefined
  const proof = inclusionProof(index, tree.leaves.length, (level, at) => tree.levels[level]?.[at] as Buffer)
  return { index, size: tree.leaves.length, proof }
}

/** An entry with what its leaf needs: rows of an intent, the intent of an outcome. */
export interface Material {
  entry: LedgerEntry
  intent?: Intent | undefined
  rows?: readonly ManifestRow[] | undefined
}

const ROWS_PER_TURN = 1_000

/** Leaves of entries in their order, all rows in one call of `commit`; gives way to others between entries with many rows. */
export async function leavesOf(materials: readonly Material[], commit: CommitRows): Promise<Buffer[]> {
  const drafts = materials.map(({ entry, intent, rows = [] }) => {
    const keys = new EntryKeys(entry, intent)
    return { entry, keys, rows: rowsToCommit(entry.entry, rows, keys) }
  })
  const commitments = await commit(drafts.flatMap(({ rows }) => rows))
  const leaves: Buffer[] = []
  let next = 0
  let hashed = 0
  for (const { entry, keys, rows } of drafts) {
    const own = rows.map((row) => commitments[next++] ?? keys.erasedCommitment(row))
    leaves.push(leafOf(entry.type, headerCommitment(entry, keys.headerKey()), rowsRootOf(rowTreeOf(own, keys))))
    hashed += rows.length
    if (hashed < ROWS_PER_TURN) continue
    hashed = 0
    await new Promise((resolve) => setImmediate(resolve))
  }
  return leaves
}

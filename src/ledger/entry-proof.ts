/**
 * Proofs that an entry stands in the tree, as text that can be handed on: its header, opened by a key for that alone, and rows of
 * it, each opened by the key of the row. Whoever gets one learns of other people's rows that there are some, and nothing else.
 */
import { BulkheadError } from '#base/errors.ts'
import type { Gap, Intent, LedgerEntry, ManifestRow, Outcome, SubjectKind } from '#model/disclosure.ts'
import { LEDGER_ENTRY_VERSION, SUBJECT_KINDS } from '#model/disclosure.ts'
import { canonicalRowBytes } from './canonical.ts'
import { decodeEntry } from './entry-codec.ts'
import {
  EntryKeys,
  headerCommitment,
  leafOf,
  proveRow,
  rowCommitment,
  rowsRootOf,
  rowsToCommit,
  type RowToCommit,
  type RowTree,
  rowTreeOf,
} from './leaf.ts'
import { decodeBase64 } from './note.ts'
import { inclusionProof, isIncluded, leafHash, type SubtreeHashes } from './tree.ts'

/** A header without what only the vault opens: the salt, the sealed manifest, a gap's own signature. */
export type Header = Omit<Intent, 'salt' | 'manifest'> | Outcome | Omit<Gap, 'salt' | 'key' | 'signature'>

/** Bytes are in hex (keys, tags) or in base64 (hashes). */
export interface EntryProof {
  header: Header
  headerKey: string
  /** Root over the rows' commitments. */
  rowsRoot: string
  /** Place in the tree, from 0, and the way up to its root. */
  index: number
  path: string[]
}

export interface RowProof {
  row: OpenRow
  rowKey: string
  /** Place among the entry's commitments, which are sorted, and the way up to their root. */
  index: number
  size: number
  path: string[]
}

/** A row as it was committed to: it names neither its subject nor its groups. */
export interface OpenRow {
  kind: SubjectKind
  surface: string
  shape: string
  events: number
  first: number
  last: number
  /** Of this entry alone: nobody can say by it which group that was. */
  groupTags: string[]
}

/** An entry with its rows in the form that is committed to. */
export interface PreparedEntry {
  entry: LedgerEntry
  keys: EntryKeys
  rows: readonly ManifestRow[]
  toCommit: RowToCommit[]
}

/** The same with the commitments to its rows, in their order. */
export interface OpenedEntry extends PreparedEntry {
  tree: RowTree | undefined
  commitments: Buffer[]
}

/** `intent`: of an outcome. */
export function prepareEntry(entry: LedgerEntry, rows: readonly ManifestRow[], intent?: Intent): PreparedEntry {
  const keys = new EntryKeys(entry, intent)
  return { entry, keys, rows, toCommit: rowsToCommit(entry.entry, rows, keys) }
}

/** Undefined stands for the commitments to rows of those whose secret is gone and of whom none is kept. */
export function openEntry(prepared: PreparedEntry, commitments: readonly (Buffer | undefined)[]): OpenedEntry {
  const { keys, toCommit } = prepared
  const own = toCommit.map((row, index) => commitments[index] ?? keys.erasedCommitment(row))
  return { ...prepared, tree: rowTreeOf(own, keys), commitments: own }
}

export function proveEntry({ entry, keys, tree }: OpenedEntry, size: number, hashes: SubtreeHashes): EntryProof {
  const index = entry.entry - 1
  return {
    header: headerOf(entry),
    headerKey: keys.headerKey().toString('hex'),
    rowsRoot: rowsRootOf(tree).toString('base64'),
    index,
    path: texts(inclusionProof(index, size, hashes)),
  }
}

export function proveOwnRow({ keys, rows, tree, commitments }: OpenedEntry, at: number, rowKey: Buffer): RowProof {
  const [row, commitment] = [rows[at], commitments[at]]
  const place = tree === undefined || commitment === undefined ? undefined : proveRow(tree, commitment)
  if (row === undefined || place === undefined) throw new Error('a row is one of its entry')
  const { kind, surface, shape, events, first, last, groups } = row
  const tagOf = keys.groupTag()
  const groupTags = groups.map((group) => tagOf(group).toString('hex'))
  return {
    row: { kind, surface, shape, events, first, last, groupTags },
    rowKey: rowKey.toString('hex'),
    index: place.index,
    size: place.size,
    path: texts(place.proof),
  }
}

export type TreeClaim = { size: number; root: Uint8Array }

/** What is wrong with it in words; undefined when the header is one that the tree has at that place. */
export function whyNotInTree(proof: EntryProof, tree: TreeClaim): string | undefined {
  const [headerKey, rowsRoot, path] = [hex(proof.headerKey), base64(proof.rowsRoot), hashes(proof.path)]
  const entry = decodeHeader(proof.header)
  if (entry === undefined) return 'its header is none'
  if (headerKey?.length !== 32 || rowsRoot?.length !== 32 || path === undefined) return 'its proof is malformed'
  if (proof.index !== entry.entry - 1) return 'its proof is of another entry'
  const leaf = leafHash(leafOf(entry.type, headerCommitment(entry, headerKey), rowsRoot))
  return isIncluded({ index: proof.index, ...tree, leaf, proof: path }) ? undefined : 'it is not what stands in the ledger there'
}

/** The same for a row and the entry that it is said to be of. */
export function whyNotInEntry(proof: RowProof, of: EntryProof): string | undefined {
  const [rowKey, root, path] = [hex(proof.rowKey), base64(of.rowsRoot), hashes(proof.path)]
  const row = decodeRow(proof.row)
  if (row === undefined) return 'a row of it is none'
  if (rowKey?.length !== 32 || root?.length !== 32 || path === undefined) return 'the proof of a row is malformed'
  const { tags, ...plain } = row
  const [bytes] = canonicalRowBytes(of.header.entry, [plain], (group) => tags[group] as Buffer)
  const leaf = leafHash(rowCommitment(rowKey, bytes as Buffer))
  const isThere = isIncluded({ index: proof.index, size: proof.size, root, leaf, proof: path })
  return isThere ? undefined : 'a row of it is not what stands in the ledger there'
}

export function headerOf(entry: LedgerEntry): Header {
  if (entry.type === 'outcome') return entry
  if (entry.type === 'gap') {
    const { salt: _salt, key: _key, signature: _signature, ...header } = entry
    return header
  }
  const { salt: _salt, manifest: _manifest, ...header } = entry
  return header
}

/** As strict as an entry on disk: what only the vault opens is filled in with nothing. */
function decodeHeader(header: unknown): LedgerEntry | undefined {
  if (typeof header !== 'object' || header === null) return undefined
  const { type, entry } = header as { type?: unknown; entry?: unknown }
  const left: Record<string, unknown> =
    type === 'intent'
      ? { salt: '0'.repeat(64), manifest: 'AAAA' }
      : type === 'gap'
        ? { salt: '0'.repeat(64), key: 'AAAA', signature: 'AAAA' }
        : {}
  // A header that brings them itself is another thing.
  if (Object.keys(left).some((key) => key in header)) return undefined
  const bytes = Buffer.concat([Buffer.of(LEDGER_ENTRY_VERSION), Buffer.from(JSON.stringify({ ...header, ...left }))])
  try {
    return decodeEntry(Number(entry), bytes)
  } catch (thrown) {
    if (thrown instanceof BulkheadError) return undefined
    throw thrown
  }
}

/** Groups become their places, so that they can be written as rows are. */
function decodeRow(row: unknown): (ManifestRow & { tags: Buffer[] }) | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const { kind, surface, shape, events, first, last, groupTags, ...more } = row as Partial<Record<keyof OpenRow, unknown>>
  const tags = Array.isArray(groupTags) ? groupTags.map((tag) => hex(tag)) : [undefined]
  const isWhole = [events, first, last].every((value) => Number.isSafeInteger(value))
  if (Object.keys(more).length > 0 || !isWhole || typeof surface !== 'string' || typeof shape !== 'string') return undefined
  if (!SUBJECT_KINDS.includes(kind as SubjectKind) || tags.some((tag) => tag?.length !== 32)) return undefined
  const numbers = { events: events as number, first: first as number, last: last as number }
  return {
    subject: 0,
    kind: kind as SubjectKind,
    surface,
    shape,
    ...numbers,
    groups: tags.map((_, index) => index),
    tags: tags as Buffer[],
  }
}

function texts(list: readonly Buffer[]): string[] {
  return list.map((hash) => hash.toString('base64'))
}

function hashes(list: unknown): Buffer[] | undefined {
  if (!Array.isArray(list)) return undefined
  const bytes = list.map(base64)
  return bytes.every((hash) => hash !== undefined) ? bytes : undefined
}

function base64(text: unknown): Buffer | undefined {
  return typeof text === 'string' ? decodeBase64(text) : undefined
}

function hex(text: unknown): Buffer | undefined {
  return typeof text === 'string' && /^([0-9a-f]{2})+$/.test(text) ? Buffer.from(text, 'hex') : undefined
}

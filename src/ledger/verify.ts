/**
 * `ledger verify`: the tree's files against their checkpoint, which needs the public key and nothing else; and a ledger against its
 * tree, with the vault's commitments, and the warehouse's totals against the ledger's manifests. Goes through all of it once, in
 * order, and keeps no more of it than a window.
 */
import { createPublicKey } from 'node:crypto'
import type { Gap } from '#model/disclosure.ts'
import { type TreeHead, treeOrigin } from '#model/tree-head.ts'
import type { WorkerVault } from '#vault/port.ts'
import type { TreeVault } from '#vault/tree-port.ts'
import { Alignment } from './alignment.ts'
import type { NoteVerifier } from './note.ts'
import { noteVerifier } from './note.ts'
import { PinnedTiles } from './pinned-tiles.ts'
import { type Problem, Problems } from './problem.ts'
import { isSignedBy } from './restored-ledger.ts'
import { type EntryBytes, StoredEntries } from './stored-entries.ts'
import type { TileFiles } from './tile-files.ts'
import { differences, type Total, Totals } from './totals.ts'
import { commitRowsOf } from './tree-writer.ts'
import { checkBeyond } from './verify-signed.ts'
import { checkHead, leafRuns, type TileHashing } from './verify-tiles.ts'

export interface Verified {
  /** Entries that were held against the tree. */
  entries: number
  ok: boolean
  problems: Problem[]
  /** Beyond those listed. */
  moreProblems: number
  /** Whose signature holds; null when none does. */
  checkpoint: { size: number; root: string; origin: string } | null
  totals: Total[] | null
  /** Entries that no checkpoint covers yet. */
  pending: number
  notChecked: string[]
}

/** Called now and then. */
export type OnProgress = (entries: number, of: number) => void

const HASH_NOBODY_HAS = Buffer.alloc(32)

/** Of a copy of the tree's files. */
export function verifyFiles(
  dir: string | TileFiles,
  verifiers: readonly NoteVerifier[],
  onProgress: OnProgress,
  hashing?: TileHashing,
): Verified {
  const problems = new Problems()
  const tiles = PinnedTiles.readCopy(dir)
  const head = checkHead(tiles, verifiers, problems, hashing)
  const bundles = alignmentOf(problems, 'in the bundles')
  let entries = 0
  for (const { width, wanted, found } of leafRuns(tiles, head, problems, hashing)) {
    const known = wanted ?? Array.from({ length: width }, () => HASH_NOBODY_HAS)
    bundles.push(known, found ?? known)
    entries += width
    onProgress(entries, tiles.head?.size ?? 0)
  }
  bundles.end()
  return resultOf({ problems, head, entries, totals: null, pending: 0, notChecked: ['entries of the ledger', 'totals of the warehouse'] })
}

export interface VerifyParts {
  tilesDir: string
  instance: string
  bytes: EntryBytes
  vault: Pick<WorkerVault, 'openManifests'> & Pick<TreeVault, 'commitRows' | 'signedTree'>
  /** SPKI, base64; null when nothing was ever signed. */
  ledgerKey: string | null
  /** The rows of what outcomes from this number on have closed need not be in the warehouse; none of them when left out. */
  loadedBefore?: number
  /** What the warehouse has of entries up to `size`, without those of `open`, or why it cannot tell; undefined when it is not asked. */
  warehouseTotals: ((of: { size: number; open: readonly number[] }) => Promise<Total[] | string>) | undefined
  onProgress: OnProgress
}

/** Of a ledger, its tree, and the warehouse. */
export async function verifyLedger(parts: VerifyParts): Promise<Verified> {
  const { bytes, vault, ledgerKey } = parts
  const problems = new Problems()
  const tiles = PinnedTiles.read(parts.tilesDir)
  const signed = await vault.signedTree()
  const head = checkHead(tiles, verifiersOf(parts, signed), problems)
  const last = bytes.last()
  checkSigned(signed, { head, last }, problems)
  const bundles = alignmentOf(problems, 'in the bundles')
  const entries = alignmentOf(problems, 'in the ledger')
  const stored = new StoredEntries({ bytes, openManifests: (of) => vault.openManifests(of), commit: commitRowsOf(vault) })
  const totals = new Totals()
  const loaded = parts.loadedBefore === undefined ? totals : new Totals()
  const counts = loaded === totals ? [totals] : [totals, loaded]
  let size = 0
  // What the vault signed last is as good when the checkpoint cannot be read.
  for (const { index, width, wanted, found } of leafRuns(tiles, head ?? signed, problems)) {
    const { hashes, read } = await stored.range(index + 1, index + width)
    const known = wanted ?? hashes
    bundles.push(known, found ?? known)
    entries.push(known, hashes)
    for (const { entry, rows } of read) {
      for (const counted of counts) {
        if (entry.type === 'intent') counted.intent(entry, rows ?? [])
        else if (entry.type === 'outcome' && (counted === totals || entry.entry < (parts.loadedBefore ?? 0))) counted.outcome(entry)
      }
      if (entry.type === 'gap' && !isSignedBy(entry, ledgerKey))
        problems.add({ index: entry.entry - 1, kind: 'signature', what: 'the gap is not signed' })
    }
    size += width
    parts.onProgress(size, (head ?? signed)?.size ?? 0)
  }
  bundles.end()
  entries.end()
  if (head !== undefined && signed !== undefined && head.size < signed.size && signed.size <= last) {
    const opensAnother = (gap: Gap): boolean => isSignedBy(gap, ledgerKey) && treeOrigin(parts.instance, gap.origin) !== signed.origin
    await checkBeyond({ head, signed, tiles, stored, opensAnother }, problems)
  }
  const notChecked = parts.warehouseTotals === undefined ? ['totals of the warehouse'] : []
  const theirs = await parts.warehouseTotals?.({ size, open: loaded.open() })
  if (typeof theirs === 'string') notChecked.push(`totals of the warehouse: ${theirs}`)
  else if (theirs !== undefined) {
    for (const what of differences(loaded.result(), theirs)) problems.add({ index: null, kind: 'totals', what })
    const later = loaded.open().length - totals.open().length
    if (later > 0) notChecked.push(`totals of the warehouse for ${later} requests that it has not loaded yet`)
  }
  return resultOf({ problems, head, entries: size, totals: totals.result(), pending: Math.max(0, last - size), notChecked })
}

/** The name that the instance signs under: the last origin, which the checkpoint has to be of. */
function verifiersOf({ ledgerKey, instance }: VerifyParts, signed: TreeHead | undefined): NoteVerifier[] {
  if (ledgerKey === null) return []
  const key = createPublicKey({ key: Buffer.from(ledgerKey, 'base64'), format: 'der', type: 'spki' })
  return [noteVerifier(signed?.origin ?? treeOrigin(instance), key)]
}

/** The vault remembers what it signed, whatever became of the files. */
function checkSigned(signed: TreeHead | undefined, { head, last }: { head: TreeHead | undefined; last: number }, problems: Problems): void {
  if (signed === undefined || head === undefined) return
  const isSame = head.size === signed.size && head.root.equals(signed.root)
  if (signed.size > last) {
    const what = `the vault has signed a tree of ${signed.size} entries, and the ledger ends at ${last}`
    problems.add({ index: last, kind: 'dropped', what })
  } else if (head.size === signed.size && !isSame) {
    problems.add({ index: null, kind: 'checkpoint', what: 'it is not the one that the vault has signed last for this size' })
  }
}

function alignmentOf(problems: Problems, where: string): Alignment {
  return new Alignment((kind, index) => problems.add({ index, kind, what: `entry ${index + 1} ${where}` }))
}

function resultOf(of: {
  problems: Problems
  head: TreeHead | undefined
  entries: number
  totals: Total[] | null
  pending: number
  notChecked: string[]
}): Verified {
  const { problems, head, ...rest } = of
  // In the order of the entries, what concerns all of them first.
  const list = problems.list.toSorted((a, b) => (a.index ?? -1) - (b.index ?? -1))
  const checkpoint = head === undefined ? null : { size: head.size, root: head.root.toString('base64'), origin: head.origin }
  return { ...rest, ok: problems.none, problems: list, moreProblems: problems.more, checkpoint }
}

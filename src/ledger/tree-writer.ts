/**
 * Adds the ledger's entries to the tree, in batches, behind the sending of anything: takes what is on disk in the ledger, has
 * the vault commit to all rows of a batch in one call, writes tiles and bundles, and only then a checkpoint that covers them.
 *
 * Whatever is killed goes on to the same tree, since a leaf is a function of its entry. A folder that does not fit its own
 * checkpoint is made again from the first entry on; the vault signs nothing that does not begin with what it signed before, so
 * that this cannot cover up a change.
 */
import { createPublicKey } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import { isDiskFull } from '#base/reserve.ts'
import type { Intent, LedgerEntry, ManifestRow } from '#model/disclosure.ts'
import { type TreeHead, treeHeadText, treeOrigin } from '#model/tree-head.ts'
import { packRows, unpackCommitments } from '#vault/row-columns.ts'
import type { TreeVault } from '#vault/tree-port.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { type CommitRows, leavesOf, type Material } from './leaf.ts'
import { formatNote, noteSignature, noteVerifier, parseNote } from './note.ts'
import { PinnedTiles } from './pinned-tiles.ts'
import type { Ledger } from './port.ts'
import { filesToRepair, placesOf } from './repair.ts'
import { TileFiles } from './tile-files.ts'
import { CHECKPOINT_FILE, partialTiles, TILE_WIDTH, type TileName } from './tile-paths.ts'
import { TreeEdge } from './tree-edge.ts'
import { consistencyProof, treeRoot } from './tree.ts'

export interface TreeWriterOptions {
  /** `ledger/tiles`. */
  dir: string
  ledger: Pick<Ledger, 'head' | 'entry' | 'gaps' | 'saveUnsent'>
  instance: string
  /** Opens the manifests of intents, in their order. */
  rows: (intents: readonly Intent[]) => Promise<ManifestRow[][]>
  vault: TreeVault
  clock: Clock
  trace: (level: 'info' | 'warn' | 'error', text: string) => void
}

export interface TreeStatus {
  /** Entries that the last checkpoint covers. */
  size: number
  /** `building`: a ledger that had no tree, or one that is made again. */
  state: 'current' | 'building' | 'waiting' | 'broken'
  /** Why it waits or is broken: a code. */
  reason?: string
}

export interface Repaired {
  /** Entries of the tree. */
  size: number
  /** Places of the files that were made again. */
  repaired: string[]
}

/** At most this long after an entry, and what takes longer than a poll is batched. */
const PERIOD_MS = 500
const POLL_MS = 100
const RETRY_MS = 1_000
const ENTRIES_PER_BATCH = 500
const ROWS_PER_BATCH = 10_000
const INTENTS_REMEMBERED = 1_000
/** As much as that is no longer the daily lag of a batch. */
const BUILDING_FROM = 2_000
const PASSING: readonly string[] = ['vault_unavailable', 'disk_full', 'not_running']

export function commitRowsOf(vault: Pick<TreeVault, 'commitRows'>): CommitRows {
  return async (rows) => (rows.length === 0 ? [] : unpackCommitments(await vault.commitRows(packRows(rows))))
}

export class TreeWriter {
  readonly #options: TreeWriterOptions
  readonly #files: TileFiles
  #edge = new TreeEdge(0)
  #covered: TreeHead | undefined
  #signed: TreeHead | undefined
  #isOpen = false
  #origin = ''
  /** Written since the last checkpoint. */
  #partials: TileName[] = []
  #failure: BulkheadError | undefined
  #isOver = false
  #repairs: PromiseWithResolvers<Repaired>[] = []
  /** Intents lately seen, without their rows: outcomes come soon after. */
  readonly #intents = new Map<number, Intent>()

  constructor(options: TreeWriterOptions) {
    this.#options = options
    this.#files = new TileFiles(options.dir)
  }

  status(): TreeStatus {
    const size = this.#covered?.size ?? 0
    if (this.#failure !== undefined) {
      return { size, state: PASSING.includes(this.#failure.code) ? 'waiting' : 'broken', reason: this.#failure.code }
    }
    return { size, state: this.#options.ledger.head - size > BUILDING_FROM || !this.#isOpen ? 'building' : 'current' }
  }

  /** Returns when a checkpoint covers that entry; throws what keeps the tree from growing. */
  async reached(entry: number): Promise<void> {
    while ((this.#covered?.size ?? -1) < entry) {
      if (this.#failure !== undefined) throw this.#failure
      await this.#options.clock.sleep(POLL_MS)
    }
  }

  /**
   * Makes files again that are not those of the tree that the vault has signed, as far as the entries make just that tree; their
   * places. Takes its turn with the growing of the tree. Throws `ledger_tree_broken`.
   */
  repair(): Promise<Repaired> {
    const wanted = Promise.withResolvers<Repaired>()
    if (this.#isOver) wanted.reject(this.#failure ?? new BulkheadError('not_running', 'the tree over the ledger is not written any more'))
    else this.#repairs.push(wanted)
    return wanted.promise
  }

  /** Until the signal, or until the tree does not fit: then it stays where it is and says so. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#grow(signal)
    } finally {
      this.#isOver = true
      const why = this.#failure ?? new BulkheadError('not_running', 'the tree over the ledger is not written any more')
      for (const { reject } of this.#repairs.splice(0)) reject(why)
    }
  }

  async #grow(signal: AbortSignal): Promise<void> {
    const { clock, trace } = this.#options
    while (!signal.aborted) {
      const before = clock.now()
      try {
        if (!this.#isOpen) await this.#open()
        const isBehind = await this.#step()
        this.#failure = undefined
        if (isBehind) continue
        for (const wanted of this.#repairs.splice(0)) await this.#repair().then(wanted.resolve, wanted.reject)
      } catch (thrown) {
        const error = isDiskFull(thrown)
          ? new BulkheadError('disk_full', 'there is no space for tiles', { cause: thrown })
          : toBulkheadError(thrown)
        if (signal.aborted) return
        if (this.#failure?.code !== error.code) trace('error', `the tree over the ledger does not grow: ${error.code}: ${error.message}`)
        this.#failure = error
        for (const { reject } of this.#repairs.splice(0)) reject(error)
        if (error.code === 'ledger_tree_broken' || error.code === 'ledger_corrupt') return
        // What failed half-way is taken up from the files.
        this.#isOpen = false
        await clock.sleep(RETRY_MS, signal)
      }
      await clock.sleep(Math.max(POLL_MS, PERIOD_MS - (clock.now() - before)), signal)
      while (!signal.aborted && this.#isOpen && !this.#isWanted()) await clock.sleep(POLL_MS, signal)
    }
  }

  /** Takes up the tree as the files have it, or from the first entry when they do not fit together. */
  async #open(): Promise<void> {
    const { vault, ledger, instance } = this.#options
    this.#signed = await vault.signedTree()
    // Restores write while nothing runs, so it stays the same.
    this.#origin = treeOrigin(instance, ledger.gaps().at(-1)?.origin)
    const found = this.#readCheckpoint()
    const edge = found && TreeEdge.read(this.#files, found.size)
    const fits = found !== undefined && edge !== undefined && this.#rootAt(found.size)?.equals(found.root) === true
    if (this.#files.checkpoint() !== undefined && !fits)
      this.#options.trace('warn', 'the files of the tree over the ledger do not fit together: they are made again')
    this.#edge = fits ? edge : new TreeEdge(0)
    this.#covered = fits ? found : undefined
    this.#files.sweep(this.#edge.size)
    this.#partials = []
    this.#isOpen = true
  }

  #readCheckpoint(): TreeHead | undefined {
    try {
      const note = this.#files.checkpoint()
      const head = note === undefined ? undefined : parseCheckpoint(parseNote(note).text)
      return head !== undefined && head.size <= this.#options.ledger.head ? head : undefined
    } catch {
      // Damaged: the files are made again, which is traced.
      return undefined
    }
  }

  #rootAt(size: number): Buffer | undefined {
    try {
      return treeRoot(size, this.#files.hashes(size))
    } catch {
      // A tile is absent or damaged: the same.
      return undefined
    }
  }

  #isWanted(): boolean {
    return this.#options.ledger.head > this.#edge.size || !this.#isSigned() || this.#repairs.length > 0
  }

  #isSigned(): boolean {
    return this.#covered?.size === this.#edge.size && this.#covered.origin === this.#origin
  }

  /** One batch and its checkpoint. Whether more is waiting. */
  async #step(): Promise<boolean> {
    const { ledger } = this.#options
    const entries = this.#take()
    if (entries.length > 0) {
      const leaves = await leavesOf(await this.#materials(entries), commitRowsOf(this.#options.vault))
      const unsent = entries.flatMap((entry) => (entry.type === 'outcome' && entry.state === 'not_sent' ? [entry.intent] : []))
      if (unsent.length > 0) await ledger.saveUnsent(unsent)
      const grown = this.#edge.append(leaves)
      await this.#files.write(grown.files)
      this.#edge = grown.edge
      this.#partials.push(...grown.files.map(({ name }) => name).filter(({ width }) => width < TILE_WIDTH))
    }
    // What the vault has signed already is reached first: it signs nothing smaller.
    if (this.#edge.size >= this.#leastSize() && !this.#isSigned()) await this.#cover()
    return this.#edge.size < ledger.head
  }

  #leastSize(): number {
    return this.#signed?.origin === this.#origin ? this.#signed.size : 0
  }

  async #cover(): Promise<void> {
    const { vault } = this.#options
    const { size } = this.#edge
    const hashes = this.#files.hashes(size)
    const head: TreeHead = { origin: this.#origin, size, root: treeRoot(size, hashes) }
    const { signature, key } = await vault.signTree(head, consistencyProof(this.#leastSize(), size, hashes))
    this.#signed = head
    const verifier = noteVerifier(head.origin, createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' }))
    await this.#files.writeCheckpoint(formatNote({ text: treeHeadText(head), signatures: [noteSignature(verifier, signature)] }))
    this.#files.dropPartials([...(this.#covered === undefined ? [] : partialTiles(this.#covered.size)), ...this.#partials], size)
    this.#partials = []
    this.#covered = head
  }

  async #repair(): Promise<Repaired> {
    const { vault, trace } = this.#options
    const signed = await vault.signedTree()
    if (signed === undefined || !this.#isSigned()) throw new BulkheadError('ledger_tree_broken', 'no tree was signed yet')
    const tiles = PinnedTiles.read(this.#options.dir)
    const wrong = await filesToRepair({ tiles, head: signed, leaves: (from, to) => this.#leavesFrom(from, to) })
    await this.#files.write(wrong)
    const repaired = placesOf(wrong)
    if (tiles.head === undefined || !tiles.head.root.equals(signed.root)) {
      await this.#cover()
      repaired.push(CHECKPOINT_FILE)
    }
    if (repaired.length > 0) trace('warn', `files of the tree over the ledger were made again: ${repaired.slice(0, 20).join(', ')}`)
    return { size: signed.size, repaired }
  }

  async #leavesFrom(from: number, to: number): Promise<Buffer[]> {
    const entries = Array.from({ length: to - from + 1 }, (_, index) => this.#options.ledger.entry(from + index))
    const missing = entries.indexOf(undefined)
    if (missing >= 0) throw new BulkheadError('ledger_corrupt', `ledger entry ${from + missing} is not there`)
    return leavesOf(await this.#materials(entries as LedgerEntry[]), commitRowsOf(this.#options.vault))
  }

  /** The next entries, so many as one call to the vault may be about. */
  #take(): LedgerEntry[] {
    const { ledger } = this.#options
    const entries: LedgerEntry[] = []
    let rows = 0
    for (let number = this.#edge.size + 1; number <= ledger.head && entries.length < ENTRIES_PER_BATCH && rows < ROWS_PER_BATCH; number++) {
      const entry = ledger.entry(number)
      if (entry === undefined) break
      entries.push(entry)
      if (entry.type === 'intent') rows += entry.subjects
    }
    return entries
  }

  async #materials(entries: readonly LedgerEntry[]): Promise<Material[]> {
    const intents = entries.filter((entry) => entry.type === 'intent')
    const rows = await this.#options.rows(intents)
    for (const intent of intents) this.#intents.set(intent.entry, { ...intent, manifest: '' })
    const materials = entries.map((entry): Material => {
      if (entry.type === 'outcome') return { entry, intent: this.#intentOf(entry.intent) }
      return entry.type === 'intent' ? { entry, rows: rows[intents.indexOf(entry)] } : { entry }
    })
    for (const oldest of this.#intents.keys()) {
      if (this.#intents.size <= INTENTS_REMEMBERED) break
      this.#intents.delete(oldest)
    }
    return materials
  }

  #intentOf(number: number): Intent | undefined {
    const known = this.#intents.get(number) ?? this.#options.ledger.entry(number)
    return known?.type === 'intent' ? known : undefined
  }
}

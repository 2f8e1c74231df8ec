/**
 * Entries as they stand in the ledger's file, for whoever does not trust it: what cannot be read, or is not exactly what was
 * written, is told and does not end the look at the rest.
 */
import { hash } from 'node:crypto'
import { toBulkheadError } from '#base/errors.ts'
import type { Intent, LedgerEntry, ManifestRow } from '#model/disclosure.ts'
import { unpackManifest } from '#vault/manifest.ts'
import type { WorkerVault } from '#vault/port.ts'
import { decodeEntry, encodeEntry } from './entry-codec.ts'
import { type CommitRows, leavesOf, type Material } from './leaf.ts'
import { decodeBase64 } from './note.ts'
import { openStore, storeExists } from './store.ts'
import { leafHash } from './tree.ts'

const INTENTS_REMEMBERED = 2_000

/** What is stored under numbers, whatever it is. */
export interface EntryBytes {
  last(): number
  get(number: number): Buffer | undefined
  close(): Promise<void>
}

export function openEntryBytes(dir: string): EntryBytes {
  const store = storeExists(dir) ? openStore(dir, true) : undefined
  return {
    last: () => {
      store?.refresh()
      return [...(store?.entries.getKeys({ reverse: true, limit: 1 }) ?? [])][0] ?? 0
    },
    get: (number) => store?.entries.get(number),
    close: async () => store?.close(),
  }
}

export interface ReadEntry {
  entry: LedgerEntry
  /** Of an intent. */
  rows?: ManifestRow[]
}

/** Entries of a range: hashes of their leaves, one for each that is there, and what could be read of them. */
export interface ReadRange {
  hashes: Buffer[]
  read: ReadEntry[]
}

export class StoredEntries {
  readonly #bytes: Pick<EntryBytes, 'get'>
  readonly #openManifests: WorkerVault['openManifests']
  readonly #commit: CommitRows
  /** Intents lately seen, without their rows. */
  readonly #intents = new Map<number, Intent>()

  constructor(parts: { bytes: Pick<EntryBytes, 'get'>; openManifests: WorkerVault['openManifests']; commit: CommitRows }) {
    this.#bytes = parts.bytes
    this.#openManifests = parts.openManifests
    this.#commit = parts.commit
  }

  /** Numbers `from` up to `to` inclusive. */
  async range(from: number, to: number): Promise<ReadRange> {
    const stored: { number: number; entry: LedgerEntry | undefined }[] = []
    for (let number = from; number <= to; number++) {
      const bytes = this.#bytes.get(number)
      if (bytes !== undefined) stored.push({ number, entry: readStored(number, bytes) })
    }
    const intents = stored.flatMap(({ entry }) => (entry?.type === 'intent' ? [entry] : []))
    const rows = await this.#rowsOf(intents)
    for (const intent of intents) this.#remember(intent)
    const materials = stored.map(({ number, entry }) => ({ number, material: entry && this.#material(entry, rows) }))
    const whole = materials.flatMap(({ material }) => material ?? [])
    const leaves = await leavesOf(whole, this.#commit)
    let next = 0
    return {
      hashes: materials.map(({ number, material }) => (material === undefined ? unreadable(number) : leafHash(leaves[next++] as Buffer))),
      read: whole.map(({ entry }) => {
        const own = rows.get(entry.entry)
        return own === undefined ? { entry } : { entry, rows: own }
      }),
    }
  }

  /** Of all at once, or one by one when any does not open. */
  async #rowsOf(intents: readonly Intent[]): Promise<Map<number, ManifestRow[]>> {
    const sealed = intents.map(({ entry, manifest }) => ({ entry, sealed: manifest }))
    if (sealed.length === 0) return new Map()
    try {
      const packed = await this.#openManifests(sealed)
      return new Map(packed.map((bytes, index) => [intents[index]?.entry as number, unpackManifest(bytes)]))
    } catch (thrown) {
      if (toBulkheadError(thrown).code !== 'ledger_corrupt') throw thrown
    }
    const rows = new Map<number, ManifestRow[]>()
    for (const one of sealed) {
      try {
        const [bytes] = await this.#openManifests([one])
        if (bytes !== undefined) rows.set(one.entry, unpackManifest(bytes))
      } catch (thrown) {
        if (toBulkheadError(thrown).code !== 'ledger_corrupt') throw thrown
      }
    }
    return rows
  }

  /** Undefined when its leaf cannot be made. */
  #material(entry: LedgerEntry, rows: ReadonlyMap<number, ManifestRow[]>): Material | undefined {
    if (entry.type === 'gap') return { entry }
    if (entry.type === 'intent') {
      const own = rows.get(entry.entry)
      return own && { entry, rows: own }
    }
    const intent = this.#intents.get(entry.intent) ?? this.#intentOf(entry.intent)
    return intent && { entry, intent }
  }

  #intentOf(number: number): Intent | undefined {
    const bytes = this.#bytes.get(number)
    const entry = bytes && readStored(number, bytes)
    return entry?.type === 'intent' && entry.entry === number ? entry : undefined
  }

  #remember(intent: Intent): void {
    this.#intents.set(intent.entry, { ...intent, manifest: '' })
    const [oldest] = this.#intents.keys()
    if (this.#intents.size > INTENTS_REMEMBERED && oldest !== undefined) this.#intents.delete(oldest)
  }
}

/** Undefined when it is not, byte for byte, an entry; one that stands under another number than its own is given as what it is. */
function readStored(number: number, bytes: Buffer): LedgerEntry | undefined {
  for (const own of new Set([number, numberIn(bytes)])) {
    if (own === undefined) continue
    try {
      const entry = decodeEntry(own, bytes)
      return encodeEntry(entry).equals(bytes) && hasOneSpelling(entry) ? entry : undefined
    } catch {
      // Under its own number it may be one.
    }
  }
  return undefined
}

function numberIn(bytes: Buffer): number | undefined {
  const own = /"entry":(\d{1,15})[,}]/.exec(bytes.toString('latin1'))?.[1]
  return own === undefined ? undefined : Number(own)
}

/** Base64 has several for the same bytes, and only one is what was written. */
function hasOneSpelling(entry: LedgerEntry): boolean {
  const texts = entry.type === 'intent' ? [entry.manifest] : entry.type === 'gap' ? [entry.key, entry.signature] : []
  return texts.every((text) => decodeBase64(text) !== undefined)
}

/** In the place of a leaf: equal to no other. */
function unreadable(number: number): Buffer {
  return hash('sha256', `no entry can be read under ${number}`, 'buffer')
}

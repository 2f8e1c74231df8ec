/** A ledger with entries about people of a real vault, and the tree over it, in a folder of its own. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Clock, systemClock } from '#base/clock.ts'
import type { Intent, ManifestRow, OutcomeState } from '#model/disclosure.ts'
import { packManifest, unpackManifest } from '#vault/manifest.ts'
import { INSTANCE, user, windowOf } from '#vault/testing.ts'
import type { TreeVault } from '#vault/tree-port.ts'
import { createKeys, openVault, type Vault } from '#vault/vault.ts'
import { canonicalRows } from './canonical.ts'
import { openLedger } from './ledger.ts'
import type { IntentDraft, Ledger } from './port.ts'
import { isConsistent } from './tree.ts'
import { TreeWriter, type TreeWriterOptions } from './tree-writer.ts'

export interface TreePlace {
  root: string
  ledgerDir: string
  tilesDir: string
  vault: Vault
  ledger: Ledger
  /** Ordinals of the people of the fixture. */
  people: number[]
  reopen(): Promise<void>
  openRows(intents: readonly Intent[]): Promise<ManifestRow[][]>
  writer(options?: Partial<TreeWriterOptions>): TreeWriter
  /** Grows the tree up to the ledger's head with a writer of its own. */
  grow(options?: Partial<TreeWriterOptions>): Promise<TreeWriter>
}

/** Tests do not wait for a second to pass. */
const HASTY: Clock = { now: () => Date.now(), sleep: (ms, signal) => systemClock.sleep(Math.ceil(ms / 20), signal) }

export async function withTreePlace(body: (place: TreePlace) => Promise<void>, people = 20): Promise<void> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-tree-'))
  const place = await openTreePlace(root, people)
  try {
    await body(place)
  } finally {
    await place.close()
    rmSync(root, { recursive: true, force: true })
  }
}

/** A folder that may be one already. */
export async function openTreePlace(root: string, people = 20): Promise<TreePlace & { close(): Promise<void> }> {
  const paths = { dataDir: root, keysDir: path.join(root, 'keys'), instance: INSTANCE }
  const ledgerDir = path.join(root, 'ledger')
  const open = async (): Promise<{ vault: Vault; ledger: Ledger }> => ({
    vault: await openVault({ ...paths, clock: systemClock, sources: [{ id: 'web', trust: 'server' }], isExtension }),
    ledger: await openLedger({ dir: ledgerDir, clock: systemClock }),
  })
  if (!existsSync(path.join(paths.keysDir, 'keys.db'))) await createKeys(paths)
  const place = {
    root,
    ledgerDir,
    tilesDir: path.join(ledgerDir, 'tiles'),
    ...(await open()),
    people: [] as number[],
    close: async () => {
      await place.ledger.close()
      await place.vault.close()
    },
    reopen: async () => {
      await place.close()
      Object.assign(place, await open())
    },
    openRows: async (intents: readonly Intent[]) => {
      const packed = await place.vault.openManifests(intents.map(({ entry, manifest }) => ({ entry, sealed: manifest })))
      return packed.map(unpackManifest)
    },
    writer: (options: Partial<TreeWriterOptions> = {}) =>
      new TreeWriter({
        dir: place.tilesDir,
        ledger: place.ledger,
        instance: INSTANCE,
        rows: place.openRows,
        vault: place.vault.tree,
        clock: HASTY,
        trace: () => undefined,
        ...options,
      }),
    grow: async (options?: Partial<TreeWriterOptions>) => {
      const writer = place.writer(options)
      const stop = new AbortController()
      const running = writer.run(stop.signal)
      try {
        await writer.reached(place.ledger.head)
      } finally {
        stop.abort()
        await running
      }
      return writer
    },
  }
  const names = Array.from({ length: people }, (_, index) => user(`user ${index}`))
  place.people = (await place.vault.commitWindow(windowOf({ identifiers: names }))).ordinals
  return place
}

export const isExtension: NonNullable<Parameters<typeof openVault>[0]['isExtension']> = (from, to, proof) =>
  isConsistent({ from: from.size, to: to.size, fromRoot: from.root, toRoot: to.root, proof })

export interface Disclosed {
  rows: ManifestRow[]
  state?: OutcomeState
  destination?: string
}

/** Rows of these people, each with the given number of surfaces. */
export function rowsOf(subjects: readonly number[], surfaces = 1): ManifestRow[] {
  return canonicalRows(
    subjects.flatMap((subject) =>
      Array.from({ length: surfaces }, (_, index): ManifestRow => {
        const groups = subject % 3 === 0 ? [subject + 1000] : []
        return { subject, kind: 'user', surface: `page ${index}`, shape: 'country:coarse', events: 1 + index, first: 10, last: 20, groups }
      }),
    ),
  )
}

/** An intent for each, and an outcome behind it unless it stays open. */
export async function disclose(place: Pick<TreePlace, 'ledger' | 'vault'>, disclosed: readonly Disclosed[]): Promise<void> {
  const intents = await place.ledger.appendSealed(disclosed.map(draftOf), (entries) =>
    place.vault.sealManifests(entries.map((entry, index) => ({ entry, packed: packManifest(disclosed[index]?.rows ?? []) }))),
  )
  const closed = intents.flatMap(({ entry }, index) => {
    const state = disclosed[index]?.state
    return state === undefined ? [] : [{ intent: entry, state, attempts: 1, status: state === 'delivered' ? 200 : 0, refused: [] }]
  })
  if (closed.length > 0) await place.ledger.appendOutcomes(closed)
}

function draftOf({ rows, destination = 'main' }: Disclosed): IntentDraft {
  return {
    vendor: 'v',
    destination,
    route: '/import',
    epoch: 1,
    policy: 1,
    encoder: 1,
    purpose: 'analytics',
    from: { seq: 1, index: 0 },
    to: { seq: 2, index: 0 },
    bodySha256: 'ab'.repeat(32),
    records: rows.length,
    subjects: rows.length,
    first: 10,
    last: 20,
    fence: 0,
  }
}

/** Answers as the vault does, until told to fail. */
export function failingVault(vault: TreeVault): TreeVault & { failure: { at: keyof TreeVault; error: Error } | undefined } {
  const failing = {
    failure: undefined as { at: keyof TreeVault; error: Error } | undefined,
    commitRows: async (rows: Parameters<TreeVault['commitRows']>[0]) => pass('commitRows') ?? vault.commitRows(rows),
    keepRows: async (rows: Parameters<TreeVault['keepRows']>[0]) => pass('keepRows') ?? vault.keepRows(rows),
    signTree: async (...given: Parameters<TreeVault['signTree']>) => pass('signTree') ?? vault.signTree(...given),
    signedTree: async () => pass('signedTree') ?? vault.signedTree(),
  }
  const pass = (at: keyof TreeVault): undefined => {
    if (failing.failure?.at === at) throw failing.failure.error
    return undefined
  }
  return failing
}

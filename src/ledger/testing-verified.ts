/** A ledger of as many entries as a test wants, and checks of it with single entries in another state. */
import { createPublicKey } from 'node:crypto'
import { treeOrigin } from '#model/tree-head.ts'
import { INSTANCE } from '#vault/testing.ts'
import { type NoteVerifier, noteVerifier } from './note.ts'
import { type EntryBytes, openEntryBytes } from './stored-entries.ts'
import { disclose, rowsOf, type TreePlace } from './testing-tree.ts'
import type { Total } from './totals.ts'
import { type Verified, verifyLedger, type VerifyParts } from './verify.ts'

export const quiet = (): void => undefined

export async function verifierOf(place: TreePlace): Promise<NoteVerifier> {
  const { ledgerKey } = await place.vault.describe()
  return noteVerifier(treeOrigin(INSTANCE), createPublicKey({ key: Buffer.from(ledgerKey ?? '', 'base64'), format: 'der', type: 'spki' }))
}

/** At least so many entries, with the tree over them. */
export async function fill(place: TreePlace, entries: number): Promise<void> {
  await discloseUpTo(place, entries)
  await place.grow()
}

/** To two destinations, in all states, with requests that stay open. */
export async function discloseUpTo(place: TreePlace, entries: number): Promise<void> {
  const states = ['delivered', 'possible', 'not_sent', undefined] as const
  for (let made = place.ledger.head; made < entries; made = place.ledger.head) {
    const count = Math.min(200, Math.ceil((entries - made) / 2))
    await disclose(
      place,
      Array.from({ length: count }, (_, index) => {
        const subjects = place.people.slice(index % 15, (index % 15) + 1 + (index % 3))
        return { rows: rowsOf(subjects), state: states[index % states.length], destination: index % 2 === 0 ? 'main' : 'other' }
      }),
    )
  }
}

/** What the worker asks of the vault. */
export function vaultOf(place: TreePlace): VerifyParts['vault'] {
  return {
    openManifests: (manifests) => place.vault.openManifests(manifests),
    commitRows: (rows) => place.vault.tree.commitRows(rows),
    signedTree: () => place.vault.tree.signedTree(),
  }
}

export interface Ledgered {
  bytes: EntryBytes
  verify(changed?: { get?: EntryBytes['get']; last?: number }, totals?: Total[]): Promise<Verified>
}

export async function withLedger(place: TreePlace, body: (ledgered: Ledgered) => Promise<void>): Promise<void> {
  const bytes = openEntryBytes(place.ledgerDir)
  const { ledgerKey } = await place.vault.describe()
  const vault = vaultOf(place)
  try {
    await body({
      bytes,
      verify: ({ get = bytes.get, last = bytes.last() } = {}, totals) =>
        verifyLedger({
          tilesDir: place.tilesDir,
          instance: INSTANCE,
          bytes: { get, last: () => last, close: async () => undefined },
          vault,
          ledgerKey,
          warehouseTotals: totals && (async () => totals),
          onProgress: quiet,
        }),
    })
  } finally {
    await bytes.close()
  }
}

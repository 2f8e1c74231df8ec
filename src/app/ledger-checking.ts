/** `ledger verify` and `ledger checkpoint`: on what runs, through the staff role; on what does not, with the vault opened here. */
import { createPublicKey } from 'node:crypto'
import type { LedgerTreePort } from '#api/deps.ts'
import type { LedgerCheckpoint } from '#api/ledger-contract.ts'
import { systemClock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { openLedgerReader } from '#ledger/ledger-reader.ts'
import { formatVerifierKey, noteVerifier } from '#ledger/note.ts'
import { PinnedTiles } from '#ledger/pinned-tiles.ts'
import { openEntryBytes } from '#ledger/stored-entries.ts'
import type { Total } from '#ledger/totals.ts'
import { type OnProgress, type Verified, verifyLedger, type VerifyParts } from '#ledger/verify.ts'
import { openVault } from '#vault/vault.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { type Instance, killSurvivors, lockInstance, lockPlace, tilesDir } from './instance.ts'
import { keyWrapFor } from './key-service.ts'
import { stoppedTotals } from './stopped-warehouse.ts'
import { TOTALS, totalOf, type TotalsAsked } from './totals-question.ts'

const COVERED_MS_MAX = 10_000
const POLL_MS = 50

export function ledgerTreePort(parts: {
  instance: Instance
  vault: VerifyParts['vault']
  /** SPKI, base64. */
  ledgerKey: () => Promise<string | null>
  warehouse: Warehouse
  /** All that is closed is in the warehouse when it returns; the ledger's last entry. */
  barrier: () => Promise<{ head: number }>
  repair: LedgerTreePort['repair']
  ledgerHead: () => number
}): LedgerTreePort {
  const { instance, vault, warehouse } = parts
  return {
    repair: () => parts.repair(),
    checkpoint: async () => {
      await covered(instance, parts.ledgerHead())
      return readCheckpoint(instance, await parts.ledgerKey())
    },
    verify: async (onProgress) => {
      const { head } = await parts.barrier()
      await covered(instance, head)
      const bytes = openEntryBytes(instance.ledgerDir)
      try {
        return await verifyLedger({
          tilesDir: tilesDir(instance),
          instance: instance.instanceId,
          bytes,
          vault,
          ledgerKey: await parts.ledgerKey(),
          warehouseTotals: (of) => totalsOf(warehouse, of),
          onProgress,
        })
      } finally {
        await bytes.close()
      }
    },
  }
}

/** Under the locks that keep everybody else out. Of the warehouse what its loader had finished is looked at. */
export async function verifyStopped(instance: Instance, env: NodeJS.ProcessEnv, onProgress: OnProgress): Promise<Verified> {
  const lock = lockInstance(instance.dataDir)
  try {
    const place = lockPlace(instance)
    try {
      await killSurvivors(instance.dataDir)
      const { dataDir, keysDir, instanceId } = instance
      const vault = await openVault({ dataDir, keysDir, instance: instanceId, clock: systemClock, ...keyWrapFor(keysDir, env) })
      const bytes = openEntryBytes(instance.ledgerDir)
      try {
        const { ledgerKey } = await vault.describe()
        return await verifyLedger({
          tilesDir: tilesDir(instance),
          instance: instanceId,
          bytes,
          vault: {
            openManifests: (manifests) => vault.openManifests(manifests),
            commitRows: (rows) => vault.tree.commitRows(rows),
            signedTree: () => vault.tree.signedTree(),
          },
          ledgerKey,
          loadedBefore: loadedBefore(instance),
          warehouseTotals: (of) => stoppedTotals(instance.warehouseDir, of),
          onProgress,
        })
      } finally {
        await bytes.close()
        await vault.close()
      }
    } finally {
      place.release()
    }
  } finally {
    lock.release()
  }
}

function loadedBefore({ ledgerDir }: Instance): number {
  const reader = openLedgerReader({ dir: ledgerDir })
  try {
    return reader.loadCursor('disclosures')
  } finally {
    reader.close()
  }
}

export function readCheckpoint(instance: Pick<Instance, 'ledgerDir'>, ledgerKey: string | null): LedgerCheckpoint {
  const { head, note } = PinnedTiles.read(tilesDir(instance))
  if (head === undefined || note === undefined) throw new BulkheadError('not_found', 'there is no checkpoint that can be read')
  const key = ledgerKey === null ? null : verifierText(head.origin, ledgerKey)
  return { size: head.size, root: head.root.toString('base64'), origin: head.origin, note, key }
}

function verifierText(origin: string, spki: string): string {
  return formatVerifierKey(noteVerifier(origin, createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })))
}

/** The tree follows the ledger by a second; whoever asks right after an entry should not be told of the one before. */
async function covered(instance: Instance, head: number): Promise<void> {
  const until = systemClock.now() + COVERED_MS_MAX
  while ((PinnedTiles.read(tilesDir(instance)).head?.size ?? -1) < head && systemClock.now() < until) await systemClock.sleep(POLL_MS)
}

async function totalsOf(warehouse: Warehouse, of: TotalsAsked): Promise<Total[]> {
  return (await warehouse.query<Parameters<typeof totalOf>[0]>(TOTALS, { ...of }, 'badday')).map(totalOf)
}

/** The tree over the ledger's entries as the worker runs it, and what an erasure has to wait for. */
import { systemClock } from '#base/clock.ts'
import type { RpcClient } from '#base/rpc.ts'
import type { Manifests } from '#forward/manifest-memory.ts'
import { keepErasedRows } from '#ledger/erased-rows.ts'
import type { Ledger } from '#ledger/port.ts'
import { type Repaired, type TreeStatus, TreeWriter } from '#ledger/tree-writer.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { treeVault } from '#vault/tree-client.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { type Instance, tilesDir } from './instance.ts'
import { trace } from './trace.ts'

export interface LedgerTree {
  status(): TreeStatus
  /** Everything that names these people is in the tree, and what proofs will need of their rows is kept. */
  keepRows(subjects: readonly Ordinal[]): Promise<number>
  repair(): Promise<Repaired>
  stop(): Promise<void>
}

/** Entries that were loaded; those of which nothing was sent, and open ones, are in the ledger alone. */
const ENTRIES_OF = `SELECT DISTINCT entry FROM disclosures WHERE subject IN {subjects:Array(UInt64)}`

export function startLedgerTree(parts: {
  instance: Instance
  ledger: Ledger
  manifests: Manifests
  warehouse: Warehouse
  vaultClient: RpcClient
  /** Returns when all disclosures up to an entry are in the warehouse. */
  loaded: (entry: number) => Promise<void>
}): LedgerTree {
  const { instance, ledger, manifests, warehouse } = parts
  const vault = treeVault(parts.vaultClient)
  const rows: ConstructorParameters<typeof TreeWriter>[0]['rows'] = (intents) => manifests.open(intents)
  const writer = new TreeWriter({
    dir: tilesDir(instance),
    ledger,
    instance: instance.instanceId,
    rows,
    vault,
    clock: systemClock,
    trace: (level, text) => trace(level, 'worker', text),
  })
  const stopping = new AbortController()
  const running = writer.run(stopping.signal)
  return {
    status: () => writer.status(),
    keepRows: async (subjects) => {
      const { head } = ledger
      await writer.reached(head)
      await parts.loaded(head)
      const loaded = await warehouse.query<{ entry: number | string }>(ENTRIES_OF, { subjects }, 'loader')
      const open = ledger.openIntents().map(({ entry }) => entry)
      const entries = [...loaded.map(({ entry }) => Number(entry)), ...open, ...ledger.unsent()]
      return keepErasedRows({ subjects, entries }, { ledger, rows, vault })
    },
    repair: () => writer.repair(),
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

/** What the staff API asks of the other roles and of the files that they write, as its ports want it. */
import { AggregatorRegistry } from 'prom-client'
import type { StaffDeps } from '#api/deps.ts'
import { systemClock } from '#base/clock.ts'
import type { RpcClient } from '#base/rpc.ts'
import type { Snapshot } from '#incidents/rows.ts'
import type { LedgerReader } from '#ledger/port.ts'
import { openLogReader } from '#log/log-reader.ts'
import type { LogReader } from '#log/port.ts'
import type { BackupVault } from '#vault/port.ts'
import { countHeld, heldFrom, heldInWarehouse } from '#vendors/held.ts'
import { askFreeze } from '#warehouse/freeze.ts'
import type { Instance } from './instance.ts'

export function workerPort(worker: RpcClient): StaffDeps['worker'] {
  return {
    fence: (vendor, fence) => worker.call('fence', { vendor, fence }),
    barrier: async () => (await worker.call('barrier', null)).body as Snapshot,
    turnOver: async (vendor) => void (await worker.call('turnOver', { vendor })),
    status: async () => (await worker.call('status', null)).body,
    sendCheckpoint: async () => (await worker.call('sendCheckpoint', null)).body as never,
  }
}

/** What waits for vendors, in the log and in the warehouse. */
export function heldPorts(
  { logDir }: Pick<Instance, 'logDir'>,
  { ledger, worker }: { ledger: LedgerReader; worker: RpcClient },
): Pick<StaffDeps, 'heldEvents' | 'held' | 'heldInWarehouse'> {
  /** Opened for the question alone: a folder that is dropped would keep its place on the disk while somebody has it open. */
  const withLog = <Answer>(ask: (log: LogReader) => Answer): Answer => {
    const log = openLogReader({ dir: logDir })
    try {
      return ask(log)
    } finally {
      log.close()
    }
  }
  return {
    heldEvents: async (destinations, above) => withLog((log) => countHeld({ log, ledger, destinations, clock: systemClock, above })),
    held: {
      eventsLoaded: () => worker.call('eventsLoaded', null),
      from: (destinations, above) => withLog((log) => heldFrom({ log, ledger, destinations, above })),
      logHead: () => withLog((log) => log.head()),
    },
    heldInWarehouse: (destinations) => heldInWarehouse(destinations, ledger),
  }
}

export function backupPort(
  copies: BackupVault,
  { worker, warehouse }: { worker: RpcClient; warehouse: { socket: string; token: string } },
): StaffDeps['backup'] {
  const freezing = (route: '/freeze' | '/thaw'): Promise<void> => askFreeze(warehouse.socket, warehouse.token, route)
  return {
    freeze: async () => {
      await worker.call('holdLoads', null)
      await freezing('/freeze')
    },
    resume: async () => (await worker.call('releaseLoads', null)).body === true,
    thaw: () => freezing('/thaw'),
    rows: copies.backupRows,
    keys: copies.backupKeys,
    record: copies.recordBackup,
  }
}

/** How long one role may take to give its metrics. */
const METRICS_MS = 2000

/** A role that does not answer in time (it is stopped, say) is absent from the answer: metrics must work on the bad day. */
export async function collectMetrics(clients: readonly RpcClient[]): Promise<string> {
  const parts = await Promise.all(
    clients.map((client) => {
      const late = new AbortController()
      const answer = client.call('metrics', null).then(
        (reply) => reply.body,
        () => [],
      )
      const nothing = systemClock.sleep(METRICS_MS, late.signal).then(() => [])
      return Promise.race([answer, nothing]).finally(() => late.abort())
    }),
  )
  return AggregatorRegistry.aggregate(parts as never).metrics()
}

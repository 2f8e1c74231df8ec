import { Registry } from 'prom-client'
import { systemClock } from '#base/clock.ts'
import { toBulkheadError } from '#base/errors.ts'
import { openReserve } from '#base/reserve.ts'
import { RpcClient, serveRpc } from '#base/rpc.ts'
import type { DeletionRequest } from '#forward/deletion.ts'
import { type Erased, ErasedSubjects } from '#forward/erased.ts'
import { disclosureRow, rowsNotLoaded } from '#forward/load-disclosures.ts'
import { Manifests } from '#forward/manifest-memory.ts'
import { openLedger } from '#ledger/ledger.ts'
import { openLogReader } from '#log/log-reader.ts'
import { openRecordsReader } from '#records/records.ts'
import { clearVault, deletionVault, remembering, workerVault } from '#vault/client.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow, ErasedPeople, OpeningRow } from '#warehouse/port.ts'
import { startLedgerOutside } from './ledger-outside.ts'
import { startLedgerTree } from './ledger-tree.ts'
import { startWorkerPipeline } from './pipeline.ts'
import { keepRemembered } from './remembering.ts'
import { reservePath, type RoleInit, type RunningRole, socketPath } from './role.ts'

const SHORT_POLL_MS = 100

/** Everything behind the log: loaders, forwarders, ledger. The only holder of vendor credentials and sockets. */
export async function startWorker(init: RoleInit): Promise<RunningRole> {
  const { instance, config, tokens } = init
  const vaultClient = new RpcClient({
    path: socketPath(instance, 'vault'),
    token: tokens.vault?.worker ?? '',
    unavailable: 'vault_unavailable',
  })
  const vault = workerVault(vaultClient)
  const reserve = openReserve({ file: reservePath(instance, 'worker'), bytes: config.disk.reserveBytes })
  const ledger = await openLedger({ dir: instance.ledgerDir, clock: systemClock, reserve })
  const remembered = await keepRemembered(remembering(vaultClient), () => ({ ledger: ledger.head }))
  const log = openLogReader({ dir: instance.logDir })
  const records = openRecordsReader({ path: instance.recordsPath })
  const warehouse = openWarehouse({ path: socketPath(instance, 'warehouse'), token: tokens.warehouse?.worker ?? '', role: 'worker' })
  const registry = new Registry()
  const manifests = new Manifests(vault)
  const deleting = deletionVault(vaultClient)
  const clear = clearVault(vaultClient)
  const erasing = { erased: new ErasedSubjects(await deleting.erasedPeople()), vault: deleting }
  const pipeline = await startWorkerPipeline({ config, ledger, log, records, vault, clear, warehouse, manifests, registry, erasing })

  const loaded = (entry: number): Promise<void> => pipeline.disclosuresLoaded(entry)
  const tree = startLedgerTree({ instance, ledger, manifests, warehouse, vaultClient, loaded })
  const outside = startLedgerOutside({ instance, config, ledger, vaultClient })

  /** Rows of disclosures that may have happened but are not closed; taken before the wait, so that none falls in between. */
  async function barrier(): Promise<{ head: number; open: DisclosureRow[] }> {
    const head = ledger.head
    const intents = ledger.openIntents()
    // A disk without space must not keep the bad day's questions waiting: what is not loaded comes along.
    const isLoaded = await loadedUnlessShort(head)
    const unloaded = isLoaded ? [] : await rowsNotLoaded({ ledger, manifests: (of) => manifests.open(of) }, head)
    if (unloaded === undefined) await pipeline.disclosuresLoaded(head)
    const rows = await manifests.open(intents)
    const open = intents.flatMap((intent, index) => (rows[index] ?? []).map((row) => disclosureRow({ intent, state: 'possible' }, row)))
    const known = new Set(unloaded?.map(({ entry }) => entry))
    return { head, open: [...(unloaded ?? []), ...open.filter(({ entry }) => !known.has(entry))] }
  }

  /** False when the warehouse does not take what is closed for want of space, or would have to wait for it. */
  async function loadedUnlessShort(head: number): Promise<boolean> {
    const over = new AbortController()
    const short = (async (): Promise<boolean> => {
      while (reserve.whole && !over.signal.aborted) await systemClock.sleep(SHORT_POLL_MS, over.signal)
      return false
    })()
    try {
      return await Promise.race([pipeline.disclosuresLoaded(head).then(() => true), short])
    } catch (thrown) {
      if (toBulkheadError(thrown).code !== 'warehouse_failed') throw thrown
      return false
    } finally {
      over.abort()
    }
  }

  const rpc = await serveRpc({
    path: socketPath(instance, 'worker'),
    tokens: tokens.worker ?? {},
    methodsByRole: {
      gateway: {
        needed: async () => ({ body: pipeline.needed() }),
      },
      staff: {
        fence: async (body: { vendor: string; fence: number }) => ({ body: await pipeline.fence(body.vendor, body.fence) }),
        barrier: async () => ({ body: await barrier() }),
        refuse: async (erased: Erased) => ({ body: await pipeline.refuse(erased) }),
        turnOver: async ({ vendor }: { vendor: string }) => ({ body: await pipeline.turnOver(vendor) }),
        eventsLoaded: async () => ({ body: await pipeline.eventsLoaded() }),
        sendCheckpoint: async () => ({ body: await outside.send() }),
        repairTree: async () => ({ body: await tree.repair() }),
        keepRows: async ({ subjects }: { subjects: number[] }) => ({ body: await tree.keepRows(subjects) }),
        eraseEvents: async (people: ErasedPeople) => {
          await pipeline.forgetConsents(people.ordinals)
          return { body: await warehouse.eraseEvents(people) }
        },
        askDeletion: async ({ destination, ...request }: DeletionRequest & { destination: string }) => ({
          body: await pipeline.askDeletion(destination, request),
        }),
        status: async () => ({ body: { ...pipeline.status(), reserve: reserve.whole ? 'whole' : 'in use', tree: tree.status() } }),
        deletionProgress: async ({ destination, task }: { destination: string; task: string }) => ({
          body: await pipeline.deletionProgress(destination, task),
        }),
        sentUpTo: async () => ({ body: pipeline.sentUpTo() }),
        insertOpenings: async ({ fill, rows, token }: { fill: number; rows: OpeningRow[]; token: string }) => {
          await warehouse.insertOpenings(fill, rows, token)
          return { body: null }
        },
        fillDay: async ({ day, fill }: { day: string; fill: number }) => ({ body: await warehouse.fillDay(day, fill) }),
        holdLoads: async () => ({ body: await pipeline.loads.begin() }),
        releaseLoads: async () => ({ body: pipeline.loads.end() }),
        metrics: async () => ({ body: await registry.getMetricsAsJSON() }),
      },
    },
  })
  return {
    stop: async () => {
      // First, so that nobody waits for space to begin something.
      reserve.close()
      await pipeline.stop()
      await outside.stop()
      await tree.stop()
      await rpc.close()
      await warehouse.close()
      await remembered.stop()
      await ledger.close()
      log.close()
      records.close()
      vaultClient.close()
    },
  }
}

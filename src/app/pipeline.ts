/**
 * Every stage that an event passes, in order, on one screen: first the gateway process, then the worker. The stages know
 * nothing of each other; what each needs it gets here.
 */
import type { Registry } from 'prom-client'
import { type Clock, systemClock } from '#base/clock.ts'
import type { BulkheadError } from '#base/errors.ts'
import { Consents } from '#forward/consents.ts'
import { type DeletionAnswer, type DeletionRequest, DeletionSender } from '#forward/deletion.ts'
import type { Erased, ErasedSubjects } from '#forward/erased.ts'
import { createForwarder } from '#forward/forwarder.ts'
import { egressContext } from '#forward/egress-context.ts'
import { dropForeignRanges, keepWithinLimits, neededEntry } from '#forward/give-up.ts'
import { createHeldLog } from '#forward/held-log.ts'
import { firstEntryMeantFor } from '#forward/meant-for.ts'
import { createDisclosureLoader } from '#forward/load-disclosures.ts'
import { createEventLoader } from '#forward/load-events.ts'
import { createLoadHold, type LoadHold } from '#forward/load-hold.ts'
import type { LoaderStatus } from '#forward/load-step.ts'
import type { Manifests } from '#forward/manifest-memory.ts'
import type { Forwarder, ForwarderStatus, Send } from '#forward/port.ts'
import { createHttpSend } from '#forward/send-http.ts'
import { freeSpaceOf, logSize } from '#ingest/free-space.ts'
import { type Gateway, startGateway } from '#ingest/gateway.ts'
import type { PolicyInForce } from '#ingest/intake.ts'
import type { PublicPage } from '#ingest/public-page.ts'
import type { Ledger } from '#ledger/port.ts'
import { LogStopped } from '#log/log-writer.ts'
import type { LogReader, LogWriter } from '#log/port.ts'
import type { Config, DestinationConfig } from '#model/config.ts'
import type { DeletionProgress } from '#model/protocol.ts'
import { protocols } from '#protocols/registry.ts'
import type { RecordsReader } from '#records/port.ts'
import type { ClearVault } from '#vault/clear-port.ts'
import type { DeletionVault, GatewayVault, WorkerVault } from '#vault/port.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { deciderInForce, storeConsentInForce } from './policy-in-force.ts'
import { sayable, trace } from './trace.ts'

export interface GatewayParts {
  config: Config
  /** The split of the policy in force. */
  policy: () => PolicyInForce
  vault: GatewayVault
  log: LogWriter
  registry: Registry
  host: string
  port: number
  /** Where stores lie whose disks must not get full. */
  places: Record<string, string>
  /** Where the use of the disk budgets is kept over restarts. */
  quotaFile: string
  /** What people see here: whether a notice is real. */
  page?: PublicPage | undefined
  /** The log takes no more: the role has to start again. */
  onLogStopped: (error: BulkheadError) => void
}

/** request → protocol decode → split → vault → waiting room and log → the vendor's answer */
export async function startGatewayPipeline(parts: GatewayParts): Promise<Gateway> {
  const { config, policy, vault, log, registry, host, port, places, quotaFile, page } = parts
  return startGateway({
    host,
    port,
    tls: config.gateway.tls,
    trustProxy: config.gateway.trustProxy,
    networks: config.gateway.networks,
    connectionsPerNetwork: config.gateway.connectionsPerNetwork,
    quotaFile,
    sources: config.sources,
    protocols,
    policy,
    vault,
    log,
    clock: systemClock,
    page,
    room: [...freeSpaceOf(places, config.disk), logSize(() => log.bytes(), config.disk.logBytesMax)],
    registry,
    onFailure: (stage, error) => {
      trace('error', 'gateway', `${stage}: ${error.code}: ${sayable(error)}`)
      if (error instanceof LogStopped) parts.onLogStopped(error)
    },
  })
}

export interface WorkerParts {
  config: Config
  ledger: Ledger
  log: LogReader
  records: RecordsReader
  vault: WorkerVault
  /** Absent: nothing that names somebody leaves in the clear. */
  clear?: ClearVault
  warehouse: Warehouse
  manifests: Manifests
  registry: Registry
  /** Whose records are not sent any more; what vendors are asked to delete of them. Absent: nobody is erased. */
  erasing?: { erased: ErasedSubjects; vault: DeletionVault }
  outside?: WorkerOutside
}

/** What the worker takes of the world besides its stores and neighbours; a simulated run brings its own. */
export interface WorkerOutside {
  clock: Clock
  /** In [0, 1); for jitter only. */
  random: () => number
  /** One for each destination: a fence destroys all its sockets. */
  openSend: () => Send
}

const OUTSIDE: WorkerOutside = { clock: systemClock, random: Math.random, openSend: () => createHttpSend() }

export interface WorkerPipeline {
  /** Lowest log entry that anyone behind the log still reads. */
  needed(): number
  /** First entry that some destination has still to be sent, or that is not in the warehouse. */
  sentUpTo(): number
  /** Returns when nothing of that vendor under a lower fence can start any more. */
  fence(vendor: string, fence: number): Promise<{ inFlight: number }>
  /** Returns when nothing that names these is under way to a vendor, and none begins. */
  refuse(erased: Erased): Promise<void>
  /** Returns when no request to the vendor is under way that was begun before the call. */
  turnOver(vendor: string): Promise<void>
  /** Asks a destination's vendor once. */
  askDeletion(destination: string, request: DeletionRequest): Promise<DeletionAnswer>
  /** Asks it how far a deletion is. */
  deletionProgress(destination: string, task: string): Promise<DeletionProgress>
  /** Nothing is kept of what these people said of consent. */
  forgetConsents(ordinals: readonly number[]): Promise<void>
  /** Returns when the events of every log entry are in the warehouse. */
  eventsLoaded(): Promise<void>
  /** Returns when the disclosures of every entry up to `entry` are in the warehouse. */
  disclosuresLoaded(entry: number): Promise<void>
  /** For a copy of ledger and warehouse as of one moment. */
  loads: LoadHold
  status(): {
    forwarders: ForwarderStatus[]
    loaders: LoaderStatus[]
    /** Records that are sent from the warehouse, in ranges that are not wholly sent. */
    held: { destination: string; records: number }[]
    ledgerHead: number
    logHead: number
  }
  stop(): Promise<void>
}

/** log → loader → warehouse; log → policy → ledger intent → vendor → ledger outcome → loader → warehouse */
export async function startWorkerPipeline(parts: WorkerParts): Promise<WorkerPipeline> {
  const { config, ledger, log, records, warehouse } = parts
  const { clock } = parts.outside ?? OUTSIDE
  const stop = new AbortController()
  const consents = new Consents({ log, ledger, clock })
  const consent = { people: consents, rule: storeConsentInForce(records) }
  const events = createEventLoader({ log, ledger, warehouse, clock, consent, erased: parts.erasing?.erased })
  const disclosures = createDisclosureLoader({ ledger, warehouse, manifests: (intents) => parts.manifests.open(intents), clock })
  const loads = createLoadHold([events, disclosures], clock)
  const forwarders: { vendor: string; forwarder: Forwarder }[] = []
  const deletions = new Map<string, DeletionSender>()
  for (const destination of config.vendors.flatMap((vendor) => vendor.destinations)) {
    await ledger.beginCursor(destination.id, { seq: log.head() + 1, index: 0 })
    if (!(await dropForeignRanges(destination.id, ledger, records))) {
      const cursor = ledger.cursor(destination.id)
      const from = firstEntryMeantFor(destination.id, { from: cursor.seq, log, records })
      if (from > cursor.seq) await ledger.moveCursor(destination.id, { seq: from, index: 0 })
    }
    forwarders.push({ vendor: destination.vendor, forwarder: forwarderFor(destination, parts, consents) })
    const sender = deletionSenderFor(destination, parts)
    if (sender === undefined) continue
    await sender.settle()
    deletions.set(destination.id, sender)
  }
  const destinations = forwarders.map(({ forwarder }) => forwarder.status().destination)
  const policy = records.currentPolicy()?.version ?? 0
  const running = [
    events.run(stop.signal),
    disclosures.run(stop.signal),
    consents.run(stop.signal),
    keepWithinLimits({ log, ledger, warehouse, destinations, limits: config.disk, policy, clock }, stop.signal, (error) =>
      trace('error', 'worker', `the log cannot be shortened: ${error.code}: ${sayable(error)}`),
    ),
    ...forwarders.map(({ forwarder }) => forwarder.run(stop.signal)),
  ]
  return {
    needed: () => Math.min(events.needed(), consents.needed(), neededEntry(ledger, destinations)),
    sentUpTo: () => Math.min(events.needed(), ...destinations.map((destination) => ledger.cursor(destination).seq)),
    fence: async (vendor, fence) => {
      const fenced = await Promise.all(forwarders.filter((each) => each.vendor === vendor).map(({ forwarder }) => forwarder.fence(fence)))
      return { inFlight: fenced.reduce((sum, { inFlight }) => sum + inFlight, 0) }
    },
    refuse: async (erased) => {
      parts.erasing?.erased.add(erased)
      await Promise.all(forwarders.map(({ forwarder }) => forwarder.turnOver()))
    },
    turnOver: async (vendor) => {
      await Promise.all(forwarders.filter((each) => each.vendor === vendor).map(({ forwarder }) => forwarder.turnOver()))
    },
    askDeletion: async (destination, request) =>
      (await deletions.get(destination)?.ask(request)) ?? { state: 'due', why: 'not_configured' },
    deletionProgress: async (destination, task) =>
      (await deletions.get(destination)?.progress(task)) ?? { kind: 'unknown', reason: 'not_configured' },
    forgetConsents: (ordinals) => consents.forget(ordinals),
    eventsLoaded: () => events.barrier(log.head()),
    disclosuresLoaded: (entry) => disclosures.barrier(entry),
    loads,
    status: () => ({
      forwarders: forwarders.map(({ forwarder }) => forwarder.status()),
      loaders: [events.status(), disclosures.status()],
      held: destinations.map((destination) => ({
        destination,
        records: ledger.held(destination).reduce((sum, range) => sum + range.records, 0),
      })),
      ledgerHead: ledger.head,
      logHead: log.head(),
    }),
    stop: async () => {
      stop.abort()
      loads.end()
      for (const sender of deletions.values()) sender.close()
      await Promise.all(forwarders.map(({ forwarder }) => forwarder.close()))
      await Promise.all(running)
    },
  }
}

function deletionSenderFor(destination: DestinationConfig, parts: WorkerParts): DeletionSender | undefined {
  const { erasing, ledger, manifests, records, outside = OUTSIDE } = parts
  const protocol = protocols.get(destination.protocol)
  if (erasing === undefined || protocol === undefined) return undefined
  return new DeletionSender({
    destination,
    context: egressContext(destination),
    protocol,
    ledger,
    vault: erasing.vault,
    manifests,
    records,
    send: outside.openSend(),
    clock: outside.clock,
  })
}

function forwarderFor(destination: DestinationConfig, parts: WorkerParts, consents: Consents): Forwarder {
  const { ledger, log, records, vault, warehouse, manifests, registry, outside = OUTSIDE } = parts
  const protocol = protocols.get(destination.protocol)
  if (protocol === undefined) throw new Error(`no protocol for destination ${destination.id}`)
  return createForwarder({
    destination,
    decider: deciderInForce(destination.id, records),
    protocol,
    log: createHeldLog({ log, warehouse, held: () => ledger.held(destination.id) }),
    ledger,
    vault,
    clear: parts.clear,
    manifests,
    records,
    consents,
    erased: parts.erasing?.erased,
    send: outside.openSend(),
    clock: outside.clock,
    random: outside.random,
    registry,
  })
}

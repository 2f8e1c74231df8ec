/**
 * One simulated Bulkhead: the real stages over simulated disk, network, vault, warehouse and vendors, and a supervisor that
 * starts roles again. A role's code runs only in tasks of its life; when that ends it stops where it waits.
 */
import { Registry } from 'prom-client'
import { startWorkerPipeline, type WorkerPipeline } from '#app/pipeline.ts'
import { toBulkheadError } from '#base/errors.ts'
import { Manifests } from '#forward/manifest-memory.ts'
import { CommitQueue } from '#ingest/commit.ts'
import type { WindowPart } from '#ingest/window.ts'
import { withReserve } from '#ledger/full-disk.ts'
import { LedgerStopped, openLedgerOn } from '#ledger/ledger.ts'
import type { Ledger } from '#ledger/port.ts'
import { openLogReaderOn } from '#log/log-reader.ts'
import { LogStopped, openLogWriterOn } from '#log/log-writer.ts'
import type { LogReader, LogWriter } from '#log/port.ts'
import type { SourceConfig } from '#model/config.ts'
import type { IngestProtocol } from '#model/protocol.ts'
import { compilePolicy, policyFromConfig } from '#policy/policy.ts'
import { protocols } from '#protocols/registry.ts'
import type { Records } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import { createSplit } from '#split/split.ts'
import { SimDisk } from './disk.ts'
import { Laws } from './laws.ts'
import { Model } from './model.ts'
import { Network } from './network.ts'
import { configOf, type GrantTable } from './plan.ts'
import type { Random } from './random.ts'
import { type Life, newLife, Scheduler } from './scheduler.ts'
import { DiskError } from './tables.ts'
import { SimVault } from './vault.ts'
import { SimVendor } from './vendor.ts'
import { SimWarehouse } from './warehouse.ts'

const VAULT_TIMEOUT_MS = 5_000
/** A role that was told to stop and does not is killed. */
const STOP_MS = 8_000

export type Role = 'gateway' | 'worker' | 'vault' | 'warehouse'

interface GatewayRun {
  life: Life
  log: LogWriter
  commits: CommitQueue
  take: (source: SourceConfig, route: string, body: string) => Promise<boolean>
}

interface WorkerRun {
  life: Life
  ledger: Ledger
  log: LogReader
  pipeline: WorkerPipeline
}

export class World {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly model = new Model()
  readonly network: Network
  readonly disk: SimDisk
  readonly vault: SimVault
  readonly warehouse: SimWarehouse
  readonly vendor: SimVendor
  readonly laws: Laws
  readonly records: Records
  readonly folderBytesMax: number
  readonly #cleanEveryMs: number
  gateway: GatewayRun | undefined
  worker: WorkerRun | undefined
  /** Lives of roles, running or on their way up. */
  readonly lives: Partial<Record<Role, Life>> = {}
  /** Roles that the operator holds down for a moment. */
  readonly #held = new Set<Role>()
  #config = configOf({})

  constructor(seed: number, random: Random, traceLines: number) {
    this.random = random
    this.scheduler = new Scheduler(random.fork(), traceLines)
    this.network = new Network(this.scheduler, random.fork())
    this.disk = new SimDisk(this.scheduler, random.fork())
    this.vault = new SimVault(this.scheduler, this.network, seed)
    this.warehouse = new SimWarehouse(this.scheduler, this.network, random.fork())
    this.laws = new Laws({
      model: this.model,
      disk: this.disk,
      vault: this.vault,
      warehouse: this.warehouse,
      now: () => this.scheduler.now,
    })
    this.vendor = new SimVendor(this.scheduler, random.fork(), this.laws)
    this.laws.vendor = this.vendor
    this.disk.onLedgerDurable(() => this.laws.ledgerDurable())
    this.records = openRecords({ path: ':memory:' })
    this.#cleanEveryMs = random.pick([200, 2_000, 10_000])
    this.folderBytesMax = random.pick([12_000, 20_000, 60_000, 1_000_000])
  }

  applyPolicy(grants: GrantTable): void {
    this.#config = configOf(grants)
    const { version } = this.records.applyPolicy(policyFromConfig(this.#config), this.scheduler.wallClock())
    this.model.version = version
    this.model.grants.set(version, grants)
    this.scheduler.note(`policy ${version} is applied`)
  }

  /** Starts a role unless it runs or is held down. */
  start(role: Role): void {
    if (this.lives[role]?.alive || this.#held.has(role)) return
    const life = newLife(role)
    this.lives[role] = life
    this.scheduler.note(`${role} starts`)
    if (role === 'vault') this.vault.life = life
    else if (role === 'warehouse') this.warehouse.life = life
    else {
      const started = role === 'gateway' ? this.#startGateway(life) : this.#startWorker(life)
      started.catch((thrown: unknown) => this.#ended(life, thrown))
    }
  }

  /** Kill -9, at whatever await its code stands. The supervisor starts it again. */
  crash(role: Role): void {
    const life = this.lives[role]
    if (life === undefined || !life.alive) return
    life.alive = false
    this.scheduler.note(`${role} is killed`)
    if (role === 'vault') this.vault.crash()
    if (role === 'warehouse') this.warehouse.crash()
    if (role === 'gateway') this.gateway = undefined
    if (role === 'worker') this.worker = undefined
    this.disk.crash(life)
    this.network.ended(life)
    this.scheduler.at(undefined, this.random.between(50, 1500), `supervisor starts ${role}`, () => this.start(role))
  }

  /** Ends a role in order, or by force when that takes too long; it stays down until it is released. */
  async stop(role: 'gateway' | 'worker'): Promise<void> {
    this.#held.add(role)
    const run = this[role]
    if (run === undefined) return this.crash(role)
    const stopped =
      role === 'gateway'
        ? (this.gateway as GatewayRun).commits.drain().then(() => (run as GatewayRun).log.close())
        : (this.worker as WorkerRun).pipeline.stop().then(() => (run as WorkerRun).ledger.close())
    const ended = stopped.then(
      () => true,
      () => false,
    )
    const inOrder = await Promise.race([ended, this.scheduler.wait(undefined, STOP_MS, `${role} should have stopped`).then(() => false)])
    this.scheduler.note(`${role} stops ${inOrder ? 'in order' : 'by force'}`)
    this.crash(role)
  }

  release(role: Role): void {
    this.#held.delete(role)
    this.start(role)
  }

  /** What nobody caught: in a real process it ends the role. */
  unhandled(reason: unknown): void {
    const life = this.lives.worker
    // Several forwarders may end by it in one turn.
    if (reason instanceof LedgerStopped) return void (life !== undefined && this.#ended(life, reason))
    this.model.fail('no defect', `a promise is rejected and nobody takes it: ${reason instanceof Error ? reason.stack : String(reason)}`)
  }

  /** Errors that a sound program has on a sick disk, without a vault or a warehouse. All else is a defect. */
  expected(thrown: unknown): boolean {
    if (thrown instanceof DiskError || thrown instanceof LedgerStopped) return true
    const { code } = toBulkheadError(thrown)
    return (
      code === 'disk_full' ||
      code === 'vault_unavailable' ||
      code === 'log_unwritable' ||
      code === 'warehouse_failed' ||
      code === 'not_running'
    )
  }

  #ended(life: Life, thrown: unknown): void {
    if (!life.alive) return
    if (!this.expected(thrown))
      this.model.fail('no defect', `${life.role} ends: ${thrown instanceof Error ? thrown.stack : String(thrown)}`)
    this.scheduler.note(`${life.role} ends by ${toBulkheadError(thrown).code}`)
    this.crash(life.role as Role)
  }

  async #startGateway(life: Life): Promise<void> {
    const clock = this.scheduler.clockOf(life)
    const policy = this.records.currentPolicy()
    if (policy === undefined) throw new Error('no policy is applied')
    const log = await openLogWriterOn({ store: this.disk.logStore(life), clock, folderBytesMax: this.folderBytesMax })
    const commits = new CommitQueue({
      vault: this.vault.forGateway(life),
      log,
      vaultTimeoutMs: VAULT_TIMEOUT_MS,
      clock,
      onFailure: (stage, error) => {
        this.scheduler.note(`gateway fails a window: ${stage} ${error.code}`)
        if (error instanceof LogStopped) this.#ended(life, error)
        if (error.code === 'internal' && !(error.cause instanceof DiskError)) this.model.fail('no defect', `${stage}: ${error.stack}`)
      },
    })
    const split = createSplit({ policy: compilePolicy(policy.policy), placeOf: () => ({}) })
    const ingest = protocols.get('mixpanel')?.ingest as IngestProtocol
    const take = async (source: SourceConfig, path: string, body: string): Promise<boolean> => {
      const route = ingest.route(path)
      if (route === undefined) throw new Error('a path that no protocol knows')
      const request = {
        route,
        method: 'POST',
        query: new URLSearchParams(),
        body: Buffer.from(body),
        basicUser: undefined,
        gunzip: () => undefined,
      }
      const { records } = ingest.decode(request)
      const receivedAt = clock.now()
      const draft = split(records, { receivedAt, source, clientAddress: undefined, userAgent: undefined, consent: {} })
      const parts: WindowPart[] = [{ receivedAt, protocol: 'mixpanel', source, policy: policy.version, draft }]
      return (await commits.submit(parts)).kind === 'kept'
    }
    this.gateway = { life, log, commits, take }
    this.scheduler.note('gateway is ready')
    await this.#cleanLog(life, log)
  }

  /** As the gateway's role does it: without the worker's word nothing goes. */
  async #cleanLog(life: Life, log: LogWriter): Promise<void> {
    const clock = this.scheduler.clockOf(life)
    for (;;) {
      await clock.sleep(this.#cleanEveryMs)
      await this.callWorker(life, 'needed', (worker) => worker.pipeline.needed())
        .then((needed) => log.dropBelow(needed))
        .catch((thrown: unknown) => {
          if (!this.expected(thrown)) this.model.fail('no defect', `the log is not cleaned: ${(thrown as Error).stack}`)
        })
    }
  }

  async #startWorker(life: Life): Promise<void> {
    const clock = this.scheduler.clockOf(life)
    const reserve = this.disk.reserve(life)
    const ledger = await openLedgerOn({ store: withReserve(this.disk.ledgerStore(life), reserve, clock), clock, reserve })
    const log = openLogReaderOn(this.disk.logReadStore())
    const vault = this.vault.forWorker(life)
    const jitter = this.random.fork()
    const pipeline = await startWorkerPipeline({
      config: this.#config,
      ledger,
      log,
      records: this.records,
      vault,
      warehouse: this.warehouse.forWorker(life),
      manifests: new Manifests(vault),
      registry: new Registry(),
      outside: { clock, random: () => jitter.next(), openSend: () => this.vendor.openSend(life) },
    })
    this.worker = { life, ledger, log, pipeline }
    this.scheduler.note('worker is ready')
  }

  callWorker<Reply>(from: Life, label: string, serve: (worker: WorkerRun) => Reply | Promise<Reply>): Promise<Reply> {
    return this.network.call({
      label: `worker ${label} for ${from.role}`,
      from,
      to: () => this.worker?.life,
      unavailable: 'not_running',
      delayMs: 0.5,
      serve: () => serve(this.worker as WorkerRun),
    })
  }

  /** True when nothing is left to do anywhere. */
  isDrained(): boolean {
    const { gateway, worker } = this
    if (gateway === undefined || worker === undefined) return false
    const head = gateway.log.head
    const { loaders, forwarders, logHead } = worker.pipeline.status()
    return (
      logHead === head &&
      loaders.every(({ lag, checked }) => checked && lag === 0) &&
      forwarders.every(({ lag, openIntents }) => lag === 0 && openIntents === 0) &&
      worker.ledger.plan('events') === undefined &&
      worker.ledger.plan('disclosures') === undefined
    )
  }
}

/** What goes wrong in a run, and what an operator does meanwhile. All of it ends when the quiet time begins. */
import { cutVendor, restoreVendor } from '#vendors/cut.ts'
import { DESTINATIONS, randomGrants, VENDORS } from './plan.ts'
import type { Random } from './random.ts'
import { type Life, newLife } from './scheduler.ts'
import { SOUND } from './tables.ts'
import type { Mode } from './vendor.ts'
import type { Role, World } from './world.ts'

/** Any answer that was given in trouble has come by then, or its request has timed out. */
const ANSWERS_MS = 45_000
const HOUR_MS = 3_600_000
const SKEW_MS_MAX = 40 * HOUR_MS

const MODES: Readonly<Record<Mode, number>> = {
  sound: 3,
  down: 2,
  slow: 1,
  busy: 2,
  broken: 2,
  losing: 3,
  picky: 1,
  garbled: 1,
  narrow: 1,
  refusing: 0.3,
}

type Trouble =
  | 'kill'
  | 'powerCut'
  | 'pause'
  | 'logDisk'
  | 'ledgerDisk'
  | 'vendor'
  | 'vault'
  | 'warehouse'
  | 'clock'
  | 'cut'
  | 'policy'
  | 'rotate'

export class Troubles {
  readonly #world: World
  readonly #random: Random
  readonly #staff: Life = newLife('staff')
  readonly #weights: Record<Trouble, number>
  #busy: Promise<void> = Promise.resolve()
  #quiet = false

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
    // Each seed has troubles of its own, so that some runs are long enough in one of them to get deep.
    const weight = (usual: number): number => (random.chance(0.35) ? 0 : usual * random.next())
    this.#weights = {
      kill: weight(6),
      powerCut: weight(1),
      pause: weight(1),
      logDisk: weight(3),
      ledgerDisk: weight(3),
      vendor: weight(8),
      vault: weight(3),
      warehouse: weight(3),
      clock: weight(1),
      cut: weight(4),
      policy: weight(1),
      rotate: weight(1),
    }
    if (Object.values(this.#weights).every((each) => each === 0)) this.#weights.kill = 1
  }

  start(): void {
    void this.#run(this.#random.pick([100, 500, 2_000]))
  }

  /** From now on everything works; what the operator had begun is ended. */
  async calm(): Promise<void> {
    const world = this.#world
    this.#quiet = true
    await this.#busy
    world.scheduler.note('the quiet time begins')
    Object.assign(world.disk.logFaults, SOUND)
    Object.assign(world.disk.ledgerFaults, SOUND)
    world.vault.slownessMs = 0
    world.vault.refusing = false
    world.warehouse.failing = { before: 0, after: 0 }
    world.warehouse.slownessMs = 0
    world.vendor.modes.clear()
    for (const vendor of VENDORS) if (world.records.flow(vendor).state === 'cut') await this.#restore(vendor)
    for (const role of ['vault', 'warehouse', 'worker', 'gateway'] as const) world.release(role)
    if (this.#weights.vendor === 0 && !world.model.warehouseLost) return
    // A destination that refused our credentials stays blocked until the configuration is read again, and a warehouse that was
    // lost is looked at only by a worker that starts.
    await world.scheduler.wait(undefined, ANSWERS_MS, 'answers are in')
    const isBlocked = world.worker?.pipeline.status().forwarders.some(({ state }) => state === 'blocked')
    if (isBlocked === true || world.model.warehouseLost) world.crash('worker')
  }

  async #run(pauseMs: number): Promise<void> {
    const { scheduler } = this.#world
    while (!this.#quiet) {
      await scheduler.wait(undefined, this.#random.between(0.1, 2) * pauseMs, 'trouble comes')
      if (this.#quiet) return
      this.#busy = this.#begin(this.#random.weighted(this.#weights))
      await this.#busy
    }
  }

  async #begin(trouble: Trouble): Promise<void> {
    const world = this.#world
    const random = this.#random
    world.scheduler.note(`trouble: ${trouble}`)
    switch (trouble) {
      case 'kill':
        return world.crash(random.weighted({ gateway: 4, worker: 5, vault: 2, warehouse: 2 }))
      case 'powerCut':
        for (const role of ['gateway', 'worker', 'vault', 'warehouse'] as const) world.crash(role)
        return
      case 'pause': {
        const life = world.lives[random.pick(['gateway', 'worker'] as const)]
        if (life !== undefined) life.pausedUntil = world.scheduler.now + random.between(10, 8_000)
        return
      }
      case 'logDisk':
        return this.#sicken('log')
      case 'ledgerDisk':
        return this.#sicken('ledger')
      case 'vendor':
        world.vendor.modes.set(random.pick(DESTINATIONS).id, random.weighted(MODES))
        return
      case 'vault':
        world.vault.slownessMs = random.pick([0, 0, 20, 500, 6_000])
        world.vault.refusing = random.chance(0.2)
        return
      case 'warehouse':
        return this.#troubleWarehouse()
      case 'clock':
        world.scheduler.skew = random.between(-SKEW_MS_MAX / 4, SKEW_MS_MAX)
        return
      case 'cut':
        return this.#cutOrRestore(random.pick(VENDORS))
      case 'policy':
        return this.#changePolicy()
      case 'rotate':
        return world.vault.rotate(random.pick(DESTINATIONS).id)
    }
  }

  #sicken(which: 'log' | 'ledger'): void {
    const random = this.#random
    const faults = which === 'log' ? this.#world.disk.logFaults : this.#world.disk.ledgerFaults
    Object.assign(faults, SOUND)
    const kind = random.weighted({ sound: 2, full: 2, slow: 2, failing: 3, unclear: 3 })
    if (kind === 'full') faults.full = true
    if (kind === 'slow') faults.slowness = random.pick([10, 100, 3_000])
    if (kind === 'failing') faults.failing = random.between(0.05, 0.5)
    if (kind === 'unclear') faults.unclear = random.between(0.05, 0.5)
    this.#world.scheduler.note(`${which} disk: ${kind}`)
  }

  #troubleWarehouse(): void {
    const { warehouse, model, disk } = this.#world
    const random = this.#random
    warehouse.failing = { before: random.pick([0, 0.3, 1]), after: random.pick([0, 0.3, 1]) }
    warehouse.slownessMs = random.pick([0, 0, 100, 3_000])
    // It is filled again from the log alone, so only while that has everything.
    if ((disk.logReadStore().list()[0] ?? 1) === 1 && random.chance(0.1)) {
      model.warehouseLost = true
      this.#world.crash('warehouse')
      warehouse.lose()
      // With the gateway die answers on their way that say what the worker needed before.
      for (const role of ['worker', 'gateway'] as const) this.#world.crash(role)
    }
  }

  async #cutOrRestore(vendor: string): Promise<void> {
    const world = this.#world
    if (world.records.flow(vendor).state === 'cut') return this.#restore(vendor)
    const result = await cutVendor({
      vendor,
      actor: 'operator',
      reason: 'simulated',
      records: world.records,
      fence: (name, fence) => world.callWorker(this.#staff, 'fence', ({ pipeline }) => pipeline.fence(name, fence)),
      killWorker: async () => {
        world.crash('worker')
        return { pid: 1, gone: true }
      },
      heldEvents: async () => 0,
      clock: world.scheduler.clockOf(this.#staff),
    })
    world.scheduler.note(`${vendor} is cut, ${result.fencedWorkers} fenced`)
    if (result.unfenced.length === 0) world.model.cut.add(vendor)
  }

  async #restore(vendor: string): Promise<void> {
    const world = this.#world
    world.model.cut.delete(vendor)
    const clock = world.scheduler.clockOf(this.#staff)
    await restoreVendor({ vendor, actor: 'operator', reason: 'simulated', records: world.records, heldEvents: async () => 0, clock })
    world.scheduler.note(`${vendor} is restored`)
  }

  /** As `up` with another file: everything stops, the policy is applied, everything starts. */
  async #changePolicy(): Promise<void> {
    const world = this.#world
    const roles: Role[] = ['worker', 'gateway']
    await world.stop('gateway')
    await world.stop('worker')
    world.applyPolicy(randomGrants(this.#random))
    for (const role of roles) world.release(role)
  }
}

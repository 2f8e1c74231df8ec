/**
 * One run of one seed: clients and troubles for a while, then a quiet time in which everything must drain, then the laws. A run
 * never throws for what the code under test does: it returns the first law that did not hold.
 */
import { Clients } from './clients.ts'
import type { Violation } from './model.ts'
import { randomGrants } from './plan.ts'
import { Random } from './random.ts'
import { Troubles } from './troubles.ts'
import { World } from './world.ts'

export interface RunResult {
  seed: number
  violation: Violation | undefined
  traceHash: string
  tail: string[]
  steps: number
  virtualMs: number
  records: number
  receipts: number
}

const TROUBLED_MS_MAX = 20_000
/** A vendor asked for patience an hour at most, an open breaker waits a minute, a timeout is half a minute. */
const DRAIN_MS_MAX = 1_200_000
const STEPS_MAX = 400_000

export async function simulate(seed: number, tailLines = 60): Promise<RunResult> {
  const random = new Random(seed)
  const world = new World(seed, random, tailLines)
  const { scheduler, model } = world
  const onUnhandled = (reason: unknown): void => world.unhandled(reason)
  process.on('unhandledRejection', onUnhandled)
  const giveTimersBack = takeTimers((name) => model.fail('no defect', `${name} is called: time comes from the clock`))
  try {
    await drive(world, random)
  } finally {
    giveTimersBack()
    process.off('unhandledRejection', onUnhandled)
    world.records.close()
  }
  return {
    seed,
    violation: model.violation,
    traceHash: scheduler.traceHash,
    tail: scheduler.tail,
    steps: scheduler.steps,
    virtualMs: Math.round(scheduler.now),
    records: model.marks.length,
    receipts: world.vendor.receipts.length,
  }
}

/** Code that takes real time would run differently each time; here it is a failure instead. */
function takeTimers(onCall: (name: string) => void): () => void {
  const { setTimeout, setInterval, setImmediate } = globalThis
  const taken = Object.keys({ setTimeout, setInterval, setImmediate }).map((name) => [name, () => onCall(name)] as const)
  Object.assign(globalThis, Object.fromEntries(taken))
  return () => void Object.assign(globalThis, { setTimeout, setInterval, setImmediate })
}

async function drive(world: World, random: Random): Promise<void> {
  const { scheduler, model } = world
  const clients = new Clients(world, random.fork())
  const troubles = new Troubles(world, random.fork())
  world.applyPolicy(randomGrants(random))
  for (const role of ['vault', 'warehouse', 'worker', 'gateway'] as const) world.start(role)
  const go = async (until: () => boolean): Promise<boolean> => {
    while (model.violation === undefined && !until()) {
      if (scheduler.steps > STEPS_MAX) model.fail('liveness', 'the run does not end')
      else if (!(await scheduler.step())) model.fail('liveness', 'nothing is left to run')
    }
    return model.violation === undefined
  }
  // A destination begins at the head of the log, so nobody sends before the first worker has said where that is.
  if (!(await go(() => world.worker !== undefined && world.gateway !== undefined))) return
  clients.start()
  troubles.start()
  const end = scheduler.now + random.between(500, TROUBLED_MS_MAX)
  if (!(await go(() => scheduler.now >= end))) return
  let isCalm = false
  void troubles.calm().then(() => {
    isCalm = true
  })
  if (!(await go(() => isCalm && clients.active === 0))) return
  const latest = scheduler.now + DRAIN_MS_MAX
  let nextLook = 0
  const isOver = (): boolean => {
    // Asking costs more than a step.
    if (scheduler.now < nextLook) return false
    nextLook = scheduler.now + 250
    return world.isDrained() || scheduler.now > latest
  }
  if (!(await go(isOver))) return
  if (!world.isDrained()) return model.fail('liveness', `not drained ${DRAIN_MS_MAX / 1000} s after all troubles: ${stateOf(world)}`)
  checkEnd(world)
}

function stateOf(world: World): string {
  const status = world.worker?.pipeline.status()
  return JSON.stringify({ gateway: world.gateway?.log.head, status })
}

function checkEnd(world: World): void {
  const { disk, worker, laws } = world
  const entries =
    worker === undefined ? [] : worker.log.read(worker.log.tail(), { entries: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER })
  laws.atTheEnd(entries.flatMap(({ waiting }) => (waiting === undefined ? [] : [disk.readWaiting(waiting)])))
}

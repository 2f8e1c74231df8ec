/**
 * SDKs as they behave: batches, retries of what was not answered, the same batch three times at unload, impatience, calls
 * without an insert id, profile operations, names and properties that nobody approved.
 */
import type { SourceConfig } from '#model/config.ts'
import type { Mark } from './model.ts'
import { EVENTS, PLANTED, SOURCES } from './plan.ts'
import type { Random } from './random.ts'
import { type Life, newLife } from './scheduler.ts'
import type { World } from './world.ts'

const PATIENCE_MS = 12_000
const TRIES_MAX = 12

interface Batch {
  source: SourceConfig
  route: '/track' | '/engage'
  marks: Mark[]
  body: string
}

export class Clients {
  readonly #world: World
  readonly #random: Random
  readonly #life: Life = newLife('client')
  readonly #users: string[]
  #left: number
  /** Clients that have not ended yet. */
  active = 0

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
    this.#users = Array.from({ length: random.whole(2, 9) }, (_, number) => `${PLANTED}-user-${number}`)
    this.#left = random.whole(8, 50)
  }

  start(): void {
    const lanes = this.#random.whole(1, 5)
    const pauseMs = this.#random.pick([5, 60, 400])
    this.active = lanes
    for (let lane = 0; lane < lanes; lane++) {
      void this.#run(pauseMs).then(() => {
        this.active--
      })
    }
  }

  async #run(pauseMs: number): Promise<void> {
    const { scheduler } = this.#world
    while (this.#left > 0) {
      this.#left--
      await scheduler.wait(undefined, this.#random.delay(pauseMs), 'a client is busy')
      const batch = this.#makeBatch()
      // At unload a browser sends what it has by several ways at once and does not wait.
      const copies = this.#random.chance(0.15) ? 3 : 1
      await Promise.all(Array.from({ length: copies }, () => this.#sendUntilTaken(batch, copies > 1 ? 2 : TRIES_MAX)))
    }
  }

  async #sendUntilTaken(batch: Batch, tries: number): Promise<void> {
    for (let tried = 1; tried <= tries; tried++) {
      if (await this.#send(batch)) {
        const { model, scheduler } = this.#world
        for (const mark of batch.marks) {
          mark.acknowledged = true
          if (mark.optsOut && !model.left.has(mark.user)) model.left.set(mark.user, scheduler.now)
        }
        return
      }
      await this.#world.scheduler.wait(undefined, this.#random.between(100, 1_000 * tried), 'a client waits')
    }
  }

  async #send(batch: Batch): Promise<boolean> {
    const world = this.#world
    for (const mark of batch.marks) {
      mark.sent++
      if (mark.optsOut) world.model.leaving.add(mark.user)
    }
    const call = world.network.call({
      label: `${batch.route} ${batch.marks.map(({ mark }) => mark).join(',')}`,
      from: this.#life,
      to: () => world.gateway?.life,
      unavailable: 'not_running',
      delayMs: 2,
      serve: () => (world.gateway as NonNullable<World['gateway']>).take(batch.source, batch.route, batch.body),
    })
    const answered = call.then(
      (isKept) => isKept,
      () => false,
    )
    const isImpatient = this.#random.chance(0.1)
    const given = world.scheduler
      .wait(undefined, isImpatient ? this.#random.between(1, 20) : PATIENCE_MS, 'a client gives up')
      .then(() => false)
    return Promise.race([answered, given])
  }

  #makeBatch(): Batch {
    const isProfile = this.#random.chance(0.25)
    const source = this.#random.pick(SOURCES)
    const marks: Mark[] = []
    const texts: string[] = []
    for (let count = this.#random.whole(1, 6); count > 0; count--) {
      const mark = isProfile ? this.#profileMark(source) : this.#eventMark(source)
      marks.push(mark)
      texts.push(JSON.stringify(isProfile ? profileOf(mark) : eventOf(mark, this.#random)))
    }
    return { source, route: isProfile ? '/engage' : '/track', marks, body: `[${texts.join(',')}]` }
  }

  #mark(source: SourceConfig, given: Pick<Mark, 'kind' | 'event' | 'hasInsertId' | 'statesEmail' | 'optsOut'>): Mark {
    const { model } = this.#world
    const mark: Mark = {
      ...given,
      mark: model.marks.length,
      user: this.#random.pick(this.#users),
      source,
      sent: 0,
      acknowledged: false,
      since: model.version,
    }
    model.marks.push(mark)
    return mark
  }

  #eventMark(source: SourceConfig): Mark {
    const event = this.#random.chance(0.85) ? this.#random.pick(EVENTS) : `${PLANTED} odd name`
    return this.#mark(source, {
      kind: 'event',
      event,
      hasInsertId: this.#random.chance(0.85),
      statesEmail: false,
      optsOut: this.#random.chance(0.015),
    })
  }

  #profileMark(source: SourceConfig): Mark {
    const kind = this.#random.chance(0.4) ? 'add' : 'set'
    return this.#mark(source, {
      kind,
      event: undefined,
      hasInsertId: false,
      statesEmail: kind === 'set' && this.#random.chance(0.5),
      optsOut: false,
    })
  }
}

function eventOf(mark: Mark, random: Random): unknown {
  const properties: Record<string, unknown> = {
    token: mark.source.token,
    distinct_id: mark.user,
    n: mark.mark,
    amount: random.whole(1, 99),
    plan: 'pro',
  }
  if (mark.optsOut) properties['$opt_out'] = true
  if (mark.hasInsertId) properties['$insert_id'] = `id-${mark.mark}`
  if (random.chance(0.3)) properties['comment'] = `${PLANTED} free text`
  return { event: mark.event, properties }
}

function profileOf(mark: Mark): unknown {
  const who = { $token: mark.source.token, $distinct_id: mark.user }
  if (mark.kind === 'add') return { ...who, $add: { n: mark.mark } }
  return { ...who, $set: { n: mark.mark, ...(mark.statesEmail ? { $email: `${PLANTED}@example.com` } : {}) } }
}

import { assert, toBulkheadError } from '#base/errors.ts'
import { LedgerStopped } from '#ledger/ledger.ts'
import type { IntentDraft } from '#ledger/port.ts'
import { comparePositions } from '#ledger/position.ts'
import type { Intent, LogPosition } from '#model/disclosure.ts'
import type { EgressContext } from '#model/protocol.ts'
import type { VendorFlow } from '#records/port.ts'
import { type PlannedRequest, planRequests, readRange } from './batch.ts'
import { type ClearReader, clearReader, clearUntilOf } from './clear-values.ts'
import type { Consents } from './consents.ts'
import { type Batch, type DeliveryOptions, deliverBatch, reasonCode } from './delivery.ts'
import { isDeletion } from './deletion.ts'
import { type ForwardMetrics, forwardMetrics } from './forward-metrics.ts'
import { manifestRows, subjectsIn } from './manifest.ts'
import { egressContext } from './egress-context.ts'
import { DEFAULT_TEMPO, type ForwarderOptions, type Tempo } from './forwarder-options.ts'
import { DEFAULT_PACE, Pace } from './pace.ts'
import type { DestinationDecider, Forwarder, ForwarderStatus, StepResult } from './port.ts'
import { rebuildBatch } from './recovery.ts'

export function createForwarder(options: ForwarderOptions): Forwarder {
  return new DestinationForwarder(options)
}

/** The log need not wait for it longer, and each time is a commit. */
const PASS_EVERY_MS = 5000

class DestinationForwarder implements Forwarder {
  readonly #options: ForwarderOptions
  readonly #tempo: Tempo
  readonly #context: EgressContext
  readonly #pace: Pace
  readonly #metrics: ForwardMetrics
  readonly #clear: ClearReader | undefined
  readonly #stop = new AbortController()
  readonly #kill = new AbortController()
  #state: ForwarderStatus['state'] = 'running'
  #reason: string | undefined
  /** Nothing under a lower fence starts any more. */
  #fence = 0
  /** True while the ledger has no open intent of this destination that memory does not know. */
  #settled = false
  /** Once-only operations before it may have reached the vendor. */
  #uncertainUpTo: LogPosition
  /** When a vendor that was left last passed over what had come in. */
  #passedAt = 0
  /** The step that is under way. */
  #stepping: Promise<unknown> | undefined
  #onWire = 0
  #delivering: { fence: number; cut: AbortController; done: Promise<unknown> } | undefined
  #running: Promise<void> | undefined

  constructor(options: ForwarderOptions) {
    this.#options = options
    this.#tempo = { ...DEFAULT_TEMPO, ...options.tempo }
    this.#context = egressContext(options.destination)
    this.#pace = new Pace(options.pace ?? DEFAULT_PACE, options.random)
    this.#metrics = forwardMetrics(options.registry, options.destination.id)
    this.#clear = clearReader(options.destination, options.records, options.clear)
    this.#uncertainUpTo = options.ledger.reached(options.destination.id)
  }

  step(): Promise<StepResult> {
    return this.#step(false)
  }

  run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#stop.abort()
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    this.#running = this.#runUntilStopped().finally(() => signal.removeEventListener('abort', onAbort))
    return this.#running
  }

  async fence(fence: number): Promise<{ inFlight: number }> {
    this.#fence = Math.max(this.#fence, fence)
    const delivering = this.#delivering
    if (delivering === undefined || delivering.fence >= fence) return { inFlight: 0 }
    const inFlight = this.#onWire
    delivering.cut.abort()
    this.#options.send.destroyAll()
    await delivering.done
    return { inFlight }
  }

  async turnOver(): Promise<void> {
    const { clock } = this.#options
    let isOver = false
    const over = this.#stepping?.then(() => {
      isOver = true
    })
    for (let waitedMs = 0; over !== undefined && !isOver; waitedMs += this.#tempo.pollMs) {
      // A vendor that is away would keep its batch for ever: it ends as by a cut, and is decided anew.
      if (waitedMs >= this.#tempo.stopGraceMs) this.#delivering?.cut.abort()
      await Promise.race([over, clock.sleep(this.#tempo.pollMs)])
    }
  }

  status(): ForwarderStatus {
    const { destination, ledger, log } = this.#options
    const cursor = ledger.cursor(destination.id)
    return {
      vendor: destination.vendor,
      destination: destination.id,
      state: this.#state,
      reason: this.#reason,
      breaker: this.#pace.breaker,
      cursor,
      lag: Math.max(0, log.head() - cursor.seq + 1),
      openIntents: ledger.openIntents(destination.id).length,
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#killAfterGrace()
    await Promise.allSettled([this.#running, this.#delivering?.done])
    this.#kill.abort()
    this.#options.send.destroyAll()
  }

  /** Ended by `close`, whose abort ends the wait too. */
  #killAfterGrace(): void {
    void this.#options.clock.sleep(this.#tempo.stopGraceMs, this.#kill.signal).then(() => this.#kill.abort())
  }

  async #runUntilStopped(): Promise<void> {
    const { clock } = this.#options
    const stop = this.#stop.signal
    stop.addEventListener('abort', () => this.#killAfterGrace(), { once: true })
    while (!stop.aborted) {
      let waitMs = 0
      try {
        const result = await this.#step(true)
        if (result === 'idle') waitMs = this.#tempo.pollMs
        if (result === 'held' || result === 'blocked') waitMs = this.#tempo.heldPollMs
      } catch (thrown) {
        const error = toBulkheadError(thrown)
        if (error instanceof LedgerStopped || error.code === 'ledger_corrupt') throw error
        const away = error.code === 'vault_unavailable' || error.code === 'warehouse_failed'
        this.#setState(away ? 'retrying' : 'failed', error.code)
        waitMs = away ? this.#tempo.heldPollMs : this.#tempo.failedMs
      }
      if (waitMs > 0) await clock.sleep(waitMs, stop)
    }
  }

  #step(linger: boolean): Promise<StepResult> {
    assert(this.#stepping === undefined, 'one step at a time')
    const step = this.#stepOnce(linger)
    this.#stepping = step.then(
      () => undefined,
      () => undefined,
    )
    return step.finally(() => {
      this.#stepping = undefined
    })
  }

  async #stepOnce(linger: boolean): Promise<StepResult> {
    const { destination, ledger, log, records } = this.#options
    this.#metrics.lag(Math.max(0, log.head() - ledger.cursor(destination.id).seq + 1))
    if (this.#state === 'blocked') return 'blocked'
    const flow = records.flow(destination.vendor)
    await this.#skip(flow)
    if (this.#allowed(flow.fence)) await log.ready?.(ledger.cursor(destination.id).seq)
    if (!this.#settled) {
      const result = await this.#takeUp(flow)
      if (result !== undefined) return result
    }
    if (!this.#allowed(flow.fence)) {
      this.#setState('cut', undefined)
      return 'held'
    }
    const result = await this.#nextBatch(flow, linger)
    if (result === 'idle' || result === 'sent') this.#setState('running', undefined)
    return result
  }

  /**
   * Passes over what the vendor never gets: what was decided on while it was cut, and for a vendor that was left everything. The
   * flow was read before the decisions, so whoever sees it open sees them too.
   */
  async #skip({ fence, state }: VendorFlow): Promise<void> {
    if (fence === 0) return
    const { destination, ledger, log, records, clock } = this.#options
    const { dropped, kept } = records.heldSkips(destination.vendor)
    let upTo = state === 'open' ? kept : dropped
    if (state === 'retired' && Math.abs(clock.now() - this.#passedAt) >= PASS_EVERY_MS) {
      this.#passedAt = clock.now()
      upTo = log.head()
    }
    if (ledger.cursor(destination.id).seq <= upTo) await ledger.moveCursor(destination.id, { seq: upTo + 1, index: 0 })
  }

  /** Right before anything starts: the fence of this process and the flow as it is recorded, both. */
  #allowed(fence: number): boolean {
    const flow = this.#options.records.flow(this.#options.destination.vendor)
    return fence >= this.#fence && flow.state === 'open' && flow.fence === fence
  }

  /** What everybody has said of consent in all that was acknowledged before now. */
  async #people(): Promise<Consents | undefined> {
    await this.#options.consents?.catchUp()
    return this.#options.consents
  }

  /** Whether what was decided with `changes` is what would be decided now. One decision is one object. */
  async #isCurrent(
    requests: readonly PlannedRequest[],
    { at, changes, decider }: { at: number; changes: number; decider: DestinationDecider },
  ): Promise<boolean> {
    const people = await this.#people()
    if (!this.#isInForce(decider.version)) return false
    if (people === undefined || people.changes === changes) return true
    return requests.every(({ members }) =>
      members.every(({ placed, decision }) => decider.decide(placed.record, at, placed, people) === decision),
    )
  }

  /** What was decided under an earlier policy does not start any more: it is decided anew. */
  #isInForce(policy: number): boolean {
    return this.#options.decider().version === policy
  }

  /** Open intents of an earlier life: the same bytes go out again, or they are closed as `possible`. */
  async #takeUp(flow: VendorFlow): Promise<StepResult | undefined> {
    const { destination, ledger } = this.#options
    const intents = ledger.openIntents(destination.id).filter((intent) => !isDeletion(intent))
    if (intents.length === 0) {
      this.#settled = true
      return undefined
    }
    const { protocol, log, vault } = this.#options
    const decider = this.#options.decider()
    const batch = this.#allowed(flow.fence)
      ? await rebuildBatch(intents, {
          people: await this.#people(),
          destination: destination.id,
          flow,
          decider,
          protocol: protocol.egress,
          context: this.#context,
          log,
          ledger,
          vault,
          clear: this.#clear,
          erased: this.#options.erased,
        })
      : undefined
    this.#uncertainUpTo = ledger.reached(destination.id)
    if (batch !== undefined) return await this.#deliver(batch)
    await ledger.appendOutcomes(
      intents.map((intent) => ({ intent: intent.entry, state: 'possible' as const, attempts: 0, status: 0, refused: [] })),
    )
    this.#settled = true
    return undefined
  }

  async #nextBatch(flow: VendorFlow, linger: boolean): Promise<StepResult> {
    const { destination, ledger, log, vault, clock, protocol } = this.#options
    const decider = this.#options.decider()
    const cursor = ledger.cursor(destination.id)
    if (log.head() < cursor.seq) return 'idle'
    // A range that was begun before ends where it ended then, so that what is known of it holds for all of it.
    const reached = ledger.reached(destination.id)
    const end = comparePositions(cursor, reached) < 0 ? reached : undefined
    const range = readRange(log, cursor, this.#tempo.recordsMax, end)
    if (range === undefined) return 'idle'
    const at = clock.now()
    // Negative when the clock was set back: then nobody knows how long it has waited, and it goes at once.
    const waited = at - range.arrivedAt
    if (linger && end === undefined && range.records.length < this.#tempo.recordsMax && waited >= 0 && waited < this.#tempo.lingerMs) {
      return 'idle'
    }
    const epoch = await vault.activeEpoch(destination.id)
    const people = await this.#people()
    const changes = people?.changes ?? 0
    const plan = await planRequests(range.records, {
      people,
      destination: destination.id,
      decider,
      at,
      epoch,
      protocol: protocol.egress,
      context: this.#context,
      vault,
      clear: this.#clear,
      erased: this.#options.erased,
      uncertainUpTo: this.#uncertainUpTo,
    })
    for (const [reason, records] of Object.entries(plan.dropped)) this.#metrics.dropped(reason, records)
    if (plan.requests.length === 0) {
      await ledger.moveCursor(destination.id, range.to, plan.dropped)
      return 'sent'
    }
    if (!this.#allowed(flow.fence) || !this.#isInForce(decider.version) || this.#stop.signal.aborted) return 'interrupted'
    // These are counted now: a batch that is made again after a crash no longer knows what was left out of it.
    const { once_only_uncertain: uncertain = 0, ...counts } = plan.dropped
    if (uncertain > 0) await ledger.count(destination.id, { once_only_uncertain: uncertain })
    this.#settled = false
    const shared = { epoch, policy: decider.version, from: range.from, to: range.to, fence: flow.fence }
    const intents = await this.#appendIntents(plan.requests, shared, () => this.#isCurrent(plan.requests, { at, changes, decider })).catch(
      unlessOutdated,
    )
    // Somebody has withdrawn meanwhile: the next step decides anew.
    if (intents === undefined) return 'interrupted'
    const open = plan.requests.map((planned, index) => {
      return { planned, intent: intents[index] as Intent, attempts: 0, handed: false, status: 0, uncertain: false }
    })
    return await this.#deliver({ destination: destination.id, to: range.to, fence: flow.fence, open, counts, onceOnlyTried: false })
  }

  #appendIntents(
    requests: readonly PlannedRequest[],
    shared: Pick<IntentDraft, 'epoch' | 'policy' | 'from' | 'to' | 'fence'>,
    isCurrent?: () => Promise<boolean>,
  ): Promise<Intent[]> {
    const { destination, ledger, manifests, protocol } = this.#options
    const rows = requests.map((planned) => manifestRows(planned.members))
    const drafts = requests.map((planned, index): IntentDraft => {
      const purposes = new Set([...new Set(planned.members.map(({ decision }) => decision))].flatMap((decision) => decision.purposes))
      const times = planned.members.map(({ placed }) => Math.floor(placed.record.time))
      return {
        ...shared,
        vendor: destination.vendor,
        destination: destination.id,
        route: planned.route,
        encoder: protocol.egress.encoderVersion,
        purpose: [...purposes].sort().join(','),
        bodySha256: planned.bodySha256,
        records: planned.members.length,
        subjects: subjectsIn(rows[index] ?? []),
        first: times.reduce((a, b) => Math.min(a, b)),
        last: times.reduce((a, b) => Math.max(a, b)),
      }
    })
    return ledger.appendSealed(drafts, async (entries) => {
      const sealed = await manifests.seal(entries, rows)
      // A full disk or a slow vault may have kept it waiting for long.
      if (isCurrent !== undefined && !(await isCurrent())) throw new Outdated()
      return sealed
    })
  }

  async #deliver(batch: Batch): Promise<StepResult> {
    const cut = new AbortController()
    const delivery = deliverBatch(batch, this.#deliveryOptions(batch), {
      cut: cut.signal,
      stop: this.#stop.signal,
      kill: this.#kill.signal,
    })
    this.#delivering = { fence: batch.fence, cut, done: delivery.catch(() => undefined) }
    try {
      const result = await delivery
      this.#settled = result !== 'stopped'
      if (result === 'stopped') return 'interrupted'
      if (result === 'sent') return 'sent'
      if (batch.onceOnlyTried && comparePositions(batch.to, this.#uncertainUpTo) > 0) this.#uncertainUpTo = batch.to
      return result === 'cut' ? 'interrupted' : 'blocked'
    } finally {
      this.#delivering = undefined
    }
  }

  #deliveryOptions({ open }: Batch): DeliveryOptions {
    const policy = open[0]?.intent.policy
    const clearUntil = Math.min(...open.map(({ planned }) => clearUntilOf(planned.members)))
    const { protocol, ledger, send, clock } = this.#options
    return {
      protocol: protocol.egress,
      context: this.#context,
      ledger,
      send,
      clock,
      pace: this.#pace,
      metrics: this.#metrics,
      allowed: (fence) => this.#allowed(fence) && (policy === undefined || this.#isInForce(policy)) && clock.now() < clearUntil,
      appendHalves: (halves, { epoch, policy, from, to, fence }) => this.#appendIntents(halves, { epoch, policy, from, to, fence }),
      onState: (state, reason) => this.#setState(state, reason),
      onWire: (requests) => {
        this.#onWire += requests
      },
    }
  }

  #setState(state: ForwarderStatus['state'], reason: string | undefined): void {
    this.#state = state
    this.#reason = reason === undefined ? undefined : reasonCode(reason)
  }
}

/** A plan whose decisions do not hold any more; no intent was written. */
class Outdated extends Error {}

function unlessOutdated(thrown: unknown): undefined {
  if (!(thrown instanceof Outdated)) throw thrown
}

/**
 * Sends the requests of one batch whose intents are durable, and closes them. The invariant that recovery rests on: an
 * intent is closed by itself only when nothing more is owed for its records; whatever ends a batch early closes all
 * that is left of it in one commit and leaves the cursor where it was. The cursor moves with the last outcome.
 */
import type { Clock } from '#base/clock.ts'
import type { Intent, LogPosition, Outcome } from '#model/disclosure.ts'
import type { EgressOutcome, EgressProtocol } from '#model/protocol.ts'
import type { Ledger, OutcomeDraft } from '#ledger/port.ts'
import { halveRequest, type PlannedRequest, type PlanOptions } from './batch.ts'
import type { ForwardMetrics } from './forward-metrics.ts'
import type { Pace } from './pace.ts'
import { type Send, type SendAnswer, SendError } from './port.ts'

export interface OpenRequest {
  planned: PlannedRequest
  intent: Intent
  attempts: number
  /** Some byte of it was given to a socket, or nobody knows (taken up after a crash). */
  handed: boolean
  status: number
  /** The vendor may have applied it, and nobody knows: a once-only request in this state is not sent again. */
  uncertain: boolean
}

export interface Batch {
  destination: string
  to: LogPosition
  fence: number
  open: OpenRequest[]
  /** Counts to add when the cursor moves. */
  counts: Record<string, number>
  /** A once-only request of it may have reached the vendor. */
  onceOnlyTried: boolean
}

export interface DeliveryOptions {
  protocol: EgressProtocol
  context: PlanOptions['context']
  ledger: Ledger
  send: Send
  clock: Clock
  pace: Pace
  metrics: ForwardMetrics
  /** Asked right before each request: still under this fence, flow open. */
  allowed(fence: number): boolean
  /** Makes intents durable for requests that take the place of one that was too large. */
  appendHalves(halves: readonly PlannedRequest[], of: Intent): Promise<Intent[]>
  onState(state: 'running' | 'retrying' | 'blocked', reason: string | undefined): void
  onWire(requests: number): void
}

/** Aborting `cut` destroys what is on the wire; aborting `stop` ends waits, and what is on the wire when it is over. */
export interface DeliverySignals {
  cut: AbortSignal
  stop: AbortSignal
  /** Ends what is on the wire after `stop`; what is open then stays open. */
  kill: AbortSignal
}

export type DeliveryResult = 'sent' | 'cut' | 'blocked' | 'stopped'

type Verdict = EgressOutcome | { kind: 'uncertain'; reason: string } | { kind: 'cut' } | { kind: 'stopped' }

const REASON = /^[a-z0-9_]{1,40}$/

export async function deliverBatch(batch: Batch, options: DeliveryOptions, signals: DeliverySignals): Promise<DeliveryResult> {
  for (let current = batch.open[0]; current !== undefined; current = batch.open[0]) {
    const verdict = current.planned.onceOnly && current.uncertain ? UNCERTAIN : await attemptUntilClear(current, batch, options, signals)
    if (verdict.kind === 'stopped') return 'stopped'
    if (verdict.kind === 'cut' || verdict.kind === 'blocked') {
      await closeAll(batch, options)
      if (verdict.kind === 'blocked') options.onState('blocked', reasonCode(verdict.reason))
      return verdict.kind
    }
    if (verdict.kind === 'split' && (await splitRequest(current, batch, options))) continue
    await closeOne(current, verdict, batch, options)
  }
  return 'sent'
}

const UNCERTAIN: Verdict = { kind: 'uncertain', reason: 'once_only_uncertain' }

async function attemptUntilClear(current: OpenRequest, batch: Batch, options: DeliveryOptions, signals: DeliverySignals): Promise<Verdict> {
  for (;;) {
    if (signals.stop.aborted) return { kind: 'stopped' }
    if (signals.cut.aborted || !options.allowed(batch.fence)) return { kind: 'cut' }
    const verdict = await attempt(current, batch, options, signals)
    if (verdict.kind !== 'retry') {
      if (verdict.kind !== 'cut' && verdict.kind !== 'stopped') {
        options.pace.succeeded()
        options.onState('running', undefined)
      }
      return verdict
    }
    if (current.planned.onceOnly && current.uncertain) return UNCERTAIN
    options.metrics.retried(reasonCode(verdict.reason))
    options.onState('retrying', reasonCode(verdict.reason))
    await options.clock.sleep(options.pace.failed(verdict.retryAfterMs), AbortSignal.any([signals.cut, signals.stop]))
  }
}

async function attempt(current: OpenRequest, batch: Batch, options: DeliveryOptions, signals: DeliverySignals): Promise<Verdict> {
  const { planned } = current
  current.attempts += 1
  current.status = 0
  options.onWire(1)
  let answer: SendAnswer
  try {
    answer = await options.send(planned.request, {
      signal: AbortSignal.any([signals.cut, signals.kill]),
      onFirstByte: () => {
        current.handed = true
        if (planned.onceOnly) batch.onceOnlyTried = true
      },
    })
  } catch (thrown) {
    if (!(thrown instanceof SendError)) throw thrown
    if (thrown.handed) {
      current.handed = true
      current.uncertain = true
    }
    if (signals.cut.aborted) return { kind: 'cut' }
    if (signals.kill.aborted) return { kind: 'stopped' }
    return { kind: 'retry', reason: thrown.reason, retryAfterMs: undefined }
  } finally {
    options.onWire(-1)
  }
  current.handed = true
  current.status = answer.status
  const verdict = options.protocol.classify(planned.route, answer.status, answer.body, planned.members.length, {
    retryAfter: answer.headers['retry-after'],
    insertIds: planned.members.map((member) => member.insertId),
  })
  // A plain "not now" (RFC 6585, 429) says that nothing was applied; other failures say nothing.
  if (verdict.kind === 'retry' && answer.status !== 429) current.uncertain = true
  return verdict
}

/** True when halves took its place. Their intents come first: a crash in between leaves too much open, never too little. */
async function splitRequest(current: OpenRequest, batch: Batch, options: DeliveryOptions): Promise<boolean> {
  const halves = halveRequest(current.planned, options)
  if (halves === undefined) return false
  const intents = await options.appendHalves(halves, current.intent)
  await options.ledger.appendOutcomes([outcomeOf(current, 'possible', [])])
  const open = halves.map((planned, index): OpenRequest => {
    return { planned, intent: intents[index] as Intent, attempts: 0, handed: false, status: 0, uncertain: false }
  })
  batch.open.splice(0, 1, ...open)
  return true
}

async function closeOne(current: OpenRequest, verdict: Verdict, batch: Batch, options: DeliveryOptions): Promise<void> {
  const records = current.planned.members.length
  const refused = refusals(verdict, records)
  const counts: Record<string, number> = {}
  let state: Outcome['state'] = 'delivered'
  if (verdict.kind === 'uncertain') {
    state = current.handed ? 'possible' : 'not_sent'
    counts['once_only_uncertain'] = records
  }
  const refusedRecords = refused.reduce((sum, { count }) => sum + count, 0)
  if (refusedRecords > 0) counts['vendor_refused'] = refusedRecords
  const last = batch.open.length === 1
  if (last) for (const [reason, count] of Object.entries(batch.counts)) counts[reason] = (counts[reason] ?? 0) + count
  const cursor = last ? { destination: batch.destination, position: batch.to } : undefined
  await options.ledger.appendOutcomes([outcomeOf(current, state, refused)], cursor, counts)
  batch.open.shift()
  if (state === 'delivered') options.metrics.disclosed(records)
  for (const { reason, count } of refused) options.metrics.refused(reason, count)
}

/** Ends the batch with the cursor unmoved: what may have left is `possible`, the rest `not_sent`. */
async function closeAll(batch: Batch, { ledger }: Pick<DeliveryOptions, 'ledger'>): Promise<void> {
  await ledger.appendOutcomes(batch.open.map((open) => outcomeOf(open, open.handed ? 'possible' : 'not_sent', [])))
  batch.open = []
}

function outcomeOf(open: OpenRequest, state: Outcome['state'], refused: Outcome['refused']): OutcomeDraft {
  return { intent: open.intent.entry, state, attempts: open.attempts, status: open.status, refused }
}

function refusals(verdict: Verdict, records: number): Outcome['refused'] {
  // A request that is too large and cannot be made smaller is one that the vendor refuses.
  if (verdict.kind === 'refused' || verdict.kind === 'split') return [{ reason: reasonCode(verdict.reason), count: records }]
  if (verdict.kind !== 'accepted') return []
  const counts = new Map<string, number>()
  for (const { reason } of verdict.refused) counts.set(reasonCode(reason), (counts.get(reasonCode(reason)) ?? 0) + 1)
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => (a.reason < b.reason ? -1 : 1))
}

/** A protocol answers with its own codes; text that is none of a code's shape might be the vendor's and is not kept. */
export function reasonCode(reason: string): string {
  return REASON.test(reason) ? reason : 'vendor_refused'
}

/**
 * Leaving a vendor for good. As with a cut, the record is durable first and the worker is fenced then, so that nothing with people's
 * data starts once this has returned; only then are its epochs closed, and everybody's deletion is written down when it is wanted.
 * Each step may be repeated: a leaving that was killed is finished by calling it again.
 */
import type { Clock } from '#base/clock.ts'
import type { HeldDecision, Records } from '#records/port.ts'
import type { Look } from '#vault/port.ts'
import { type CutOptions, type CutResult, cutVendor } from './cut.ts'

export interface RetireOptions extends Omit<CutOptions, 'records'> {
  records: Pick<Records, 'retire'>
  destinations: readonly string[]
  /** Wants everybody deleted there. */
  deletes: boolean
  closeEpochs(destinations: readonly string[], look: Look): Promise<void>
  wishDeletion(vendor: string): Promise<void>
}

export interface RetireResult extends Omit<CutResult, 'cutAt'> {
  /** Instant at which it became durable, ISO 8601. */
  retiredAt: string
}

export async function retireVendor(options: RetireOptions): Promise<RetireResult> {
  const { vendor, actor, reason, destinations } = options
  const records = { cut: (name: string, by: Parameters<Records['retire']>[1]) => options.records.retire(name, by) }
  const { cutAt, ...result } = await cutVendor({ ...options, records })
  await options.closeEpochs(destinations, { actor, action: 'vendor retire', reason })
  if (options.deletes) await options.wishDeletion(vendor)
  return { ...result, retiredAt: cutAt }
}

export interface HeldDecided {
  decision: HeldDecision['decision']
  /** Last log entry that it is about. */
  upTo: number
  events: number
}

/**
 * Decides what becomes of all that waits now; what comes later waits undecided. `drop` counts from here on and for ever: forwarders
 * read it before each batch. `keep` and `release` can be decided otherwise as long as the flow is cut.
 */
export async function decideHeld(options: {
  vendor: string
  decision: HeldDecision['decision']
  actor: string
  reason: string
  records: Pick<Records, 'decideHeld' | 'flow'>
  /** Last entry of the log. */
  head: () => number
  heldEvents: () => Promise<number>
  clock: Clock
}): Promise<HeldDecided> {
  const { vendor, decision, actor, reason, records, clock } = options
  const events = await options.heldEvents()
  const upTo = options.head()
  records.decideHeld({ vendor, decision, upTo, events, at: clock.now(), actor, reason })
  return { decision, upTo, events }
}

/**
 * Cutting the flow to a vendor and opening it again. The order is the promise (law 5): the cut is durable first, so a
 * worker that starts from here on sees it before it sends anything; then the worker that runs is fenced or ended; only
 * then is "cut" said. There is no second person to wait for.
 */
import type { Clock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import type { Records, VendorFlow } from '#records/port.ts'

/** How long a worker may take to confirm the fence before it is ended. */
export const FENCE_MS = 2000

export interface CutOptions {
  vendor: string
  actor: string
  reason: string
  records: Pick<Records, 'cut'>
  /**
   * Asks the running worker to start nothing under an older fence and to end what is under way. Resolves once that is
   * so. Undefined when no worker can run (nothing runs, and the instance lock is held).
   */
  fence: ((vendor: string, fence: number) => Promise<unknown>) | undefined
  /** Ends the worker by SIGKILL, which works on a stopped process too; says whether it is gone. */
  killWorker: () => Promise<{ pid: number; gone: boolean }>
  heldEvents: (vendor: string) => Promise<number>
  clock: Clock
}

export interface CutResult {
  vendor: string
  /** Instant at which the cut became durable, ISO 8601. */
  cutAt: string
  /** Workers that confirmed the fence or are gone. */
  fencedWorkers: number
  /** Workers that neither confirmed nor died, in words that name them. A request of theirs may still start. */
  unfenced: string[]
  /** Events that wait for this vendor and will not go while it is cut. */
  heldEvents: number
}

export async function cutVendor(options: CutOptions): Promise<CutResult> {
  const { vendor, actor, reason, clock } = options
  const flow = options.records.cut(vendor, { at: clock.now(), actor, reason })
  const { fencedWorkers, unfenced } = await raiseFence(options, flow)
  // The count is a lower bound anyway; a log that cannot be read must not make a cut that stands look like none.
  const heldEvents = await options.heldEvents(vendor).catch(() => 0)
  return { vendor, cutAt: new Date(flow.changedAt).toISOString(), fencedWorkers, unfenced, heldEvents }
}

async function raiseFence(options: CutOptions, flow: VendorFlow): Promise<{ fencedWorkers: number; unfenced: string[] }> {
  if (options.fence === undefined) return { fencedWorkers: 0, unfenced: [] }
  if (await confirmsWithin(options.fence(flow.vendor, flow.fence), options.clock)) return { fencedWorkers: 1, unfenced: [] }
  // No answer is no promise: a worker that hangs, restarts or is stopped may have read "open" just before the cut.
  const killed = await options.killWorker().catch(() => ({ pid: 0, gone: false }))
  if (killed.gone) return { fencedWorkers: 1, unfenced: [] }
  return { fencedWorkers: 0, unfenced: [killed.pid > 0 ? `worker (pid ${killed.pid})` : 'worker'] }
}

async function confirmsWithin(confirmation: Promise<unknown>, clock: Clock): Promise<boolean> {
  const waiting = new AbortController()
  const confirmed = confirmation.then(
    () => true,
    () => false,
  )
  const late = clock.sleep(FENCE_MS, waiting.signal).then(() => false)
  try {
    return await Promise.race([confirmed, late])
  } finally {
    waiting.abort()
  }
}

/** Thrown by whoever reports a cut to a person: the cut stands, but it is not complete. */
export function unfencedError(result: CutResult): BulkheadError {
  return new BulkheadError('vendor_unfenced', `${result.vendor} is cut on record, but not fenced: ${result.unfenced.join(', ')}`)
}

export interface RestoreResult {
  vendor: string
  restoredAt: string
  /** Events that waited and will be sent now. */
  heldEvents: number
}

/** Opens the flow again; what was held goes out, oldest first. Throws `vendor_not_cut`. */
export async function restoreVendor(options: {
  vendor: string
  actor: string
  reason: string
  records: Pick<Records, 'restore'>
  heldEvents: (vendor: string) => Promise<number>
  clock: Clock
}): Promise<RestoreResult> {
  const { vendor, actor, reason, clock } = options
  // Counted before: the worker begins to send as soon as the record stands.
  const heldEvents = await options.heldEvents(vendor)
  const flow = options.records.restore(vendor, { at: clock.now(), actor, reason })
  return { vendor, restoredAt: new Date(flow.changedAt).toISOString(), heldEvents }
}

/** One deletion that a vendor owes: asked for until the vendor says that it will, then looked after until it says that it has. */
import { DAY_MS } from '#base/clock.ts'
import type { Asking } from '#vault/erasure-port.ts'
import type { DeletionAnswer, DeletionSubjects, VendorCalls } from './ports.ts'

/** A vendor that has answered "no" is asked again, each time after twice as long. */
const ASK_AGAIN_MS = 5000
const ASK_AGAIN_MS_MAX = DAY_MS

/** What anybody is told of a deletion. "vendor says done" is all that can be known. */
export const DELETION_STATES = ['due', 'asked', 'vendor says done', 'overdue', 'refused'] as const
export type DeletionState = (typeof DELETION_STATES)[number]

/** By when it was promised. What an earlier program asked for says only since when: then the usual month counts. */
export function dueOf({ state, at, dueAt }: Asking): number | undefined {
  return dueAt ?? (state === 'asked' ? at + 30 * DAY_MS : undefined)
}

export function stateOf(asking: Asking, now: number): DeletionState {
  const { state, refused } = asking
  const dueAt = dueOf(asking)
  if (state === 'done') return 'vendor says done'
  if (dueAt !== undefined && now > dueAt) return 'overdue'
  return state === 'due' && refused === true ? 'refused' : state
}

/** Too early to ask again. A clock that was set back keeps nobody from being asked for longer than a day. */
export function isEarly({ at, attempts = 0, notBefore }: Asking, now: number): boolean {
  const wait = attempts === 0 ? 0 : Math.min(ASK_AGAIN_MS * 2 ** (attempts - 1), ASK_AGAIN_MS_MAX)
  const isResting = notBefore !== undefined && now < notBefore && notBefore - now <= ASK_AGAIN_MS_MAX
  return isResting || (attempts > 0 && Math.abs(now - at) < wait)
}

/** Asks when it is time to; the same object when nothing has changed. */
export async function askOnce<Owed extends Asking>(
  owed: Owed,
  given: { subjects: () => Promise<DeletionSubjects>; calls: VendorCalls; now: () => number },
): Promise<Owed> {
  const { destination, epoch, attempts = 0 } = owed
  if (owed.state !== 'due' || isEarly(owed, given.now())) return owed
  const answer = await given.calls.askDeletion(destination, { epoch, ...(await given.subjects()) })
  const at = given.now()
  // Whatever the last request left: it is not true of this one.
  const { why: _why, refused: _refused, notBefore: _notBefore, tasks: _tasks, ...rest } = owed
  const kept = rest as Owed
  if (answer.state === 'asked') {
    const askedAt = owed.askedAt ?? at
    const dueAt = owed.dueAt ?? at + given.calls.promiseDays(destination) * DAY_MS
    return { ...kept, state: 'asked', at, askedAt, dueAt, entry: answer.entry, attempts: attempts + 1, tasks: answer.tasks }
  }
  return unanswered(owed, kept, answer, at)
}

function unanswered<Owed extends Asking>(owed: Owed, kept: Owed, answer: Exclude<DeletionAnswer, { state: 'asked' }>, at: number): Owed {
  const { why, entry, refused, retryAfterMs } = answer
  const further = {
    ...(refused === true ? { refused } : {}),
    ...(retryAfterMs === undefined ? {} : { notBefore: at + retryAfterMs }),
  }
  // What was not even tried is tried again as soon as it can be.
  if (entry === undefined && refused !== true) return why === owed.why ? owed : { ...kept, at, why, ...further }
  return { ...kept, at, why, ...further, ...(entry === undefined ? {} : { entry }), attempts: (owed.attempts ?? 0) + 1 }
}

/**
 * Asks how far it is; the same object when the vendor says nothing that changes it. A vendor that failed is asked anew. `silent`:
 * destinations that gave no answer in this round, and are not waited for again.
 */
export async function lookAfter<Owed extends Asking>(
  owed: Owed,
  given: { calls: VendorCalls; now: () => number; silent: Set<string> },
): Promise<Owed> {
  const { tasks = [], destination } = owed
  if (owed.state !== 'asked' || tasks.length === 0) return owed
  let isDone = true
  for (const task of tasks) {
    if (given.silent.has(destination)) return owed
    const progress = await given.calls.deletionProgress(destination, task)
    if (progress.kind === 'failed') {
      const { tasks: _tasks, ...rest } = owed
      return { ...(rest as Owed), state: 'due', at: given.now(), why: `vendor_${progress.said.toLowerCase()}` }
    }
    if (progress.kind === 'unknown' && progress.reason !== 'unreadable_answer') given.silent.add(destination)
    isDone &&= progress.kind === 'done'
  }
  return isDone ? { ...owed, state: 'done', at: given.now() } : owed
}

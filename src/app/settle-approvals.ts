/** Brings about what a second person, or the delay of a single operator, has let through: at once when somebody approves, else soon. */
import type { Clock } from '#base/clock.ts'
import { type BulkheadError, toBulkheadError } from '#base/errors.ts'
import type { Approvals } from '#records/approvals.ts'
import type { Approval } from '#records/port.ts'

const EVERY_MS = 5000

/** By kind of proposal: does it, and marks it used. Called again until it is. */
export type Effects = Record<string, (approval: Approval) => Promise<void>>

export interface Settling {
  settle(): Promise<void>
  run(signal: AbortSignal): Promise<void>
}

export function settleApprovals(
  approvals: Approvals,
  effects: Effects,
  clock: Pick<Clock, 'sleep'>,
  onFailure: (error: BulkheadError) => void,
): Settling {
  let turn: Promise<void> = Promise.resolve()
  const settleOnce = async (): Promise<void> => {
    for (const approval of await approvals.settle()) await effects[approval.kind]?.(approval)
  }
  // One after another: two that settle at the same time would bring about the same thing twice.
  const settle = (): Promise<void> => {
    const next = turn.then(settleOnce)
    turn = next.catch(() => undefined)
    return next
  }
  return {
    settle,
    run: async (signal) => {
      let said = ''
      while (!signal.aborted) {
        await settle().then(
          () => {
            said = ''
          },
          (thrown) => {
            const error = toBulkheadError(thrown)
            if (error.message !== said) onFailure(error)
            said = error.message
          },
        )
        await clock.sleep(EVERY_MS, signal)
      }
    },
  }
}

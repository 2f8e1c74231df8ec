/** How many events a running Bulkhead has accepted and how many its warehouse holds, as `bulkhead doctor` tells. */
import { type EventCounts, eventCounts } from '#drill/status.ts'
import type { Program } from '#drill/program.ts'
import { waitUntil } from '#drill/program.ts'

export { type EventCounts, eventCounts }

/** Waits until the warehouse holds that many records of type event, identify and merge. */
export async function waitForWarehouse(program: Program, events: number, timeoutMs = 120_000): Promise<void> {
  let seen = -1
  await waitUntil(
    `the warehouse holds ${events} events`,
    async () => {
      seen = (await eventCounts(program)).warehouse
      return seen >= events
    },
    timeoutMs,
    200,
  ).catch((error: unknown) => {
    throw new Error(`${error instanceof Error ? error.message : error}; it holds ${seen}`)
  })
}

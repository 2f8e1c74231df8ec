/**
 * What was collected while a destination was not configured was never meant for it: not before its first day, and not
 * while it was left out and before it came back. Each log entry names the policy under which it arrived.
 */
import type { LogReader } from '#log/port.ts'
import type { RecordsReader } from '#records/port.ts'

/** First log entry from `from` on that arrived while the destination was configured; `head + 1` when there is none. */
export function firstEntryMeantFor(
  destination: string,
  given: { from: number; log: Pick<LogReader, 'head' | 'tail' | 'read'>; records: Pick<RecordsReader, 'currentPolicy' | 'policy'> },
): number {
  const { log } = given
  const since = configuredSince(destination, given.records)
  // Versions only grow along the log.
  let low = Math.max(given.from, log.tail())
  let high = Math.max(low, log.head() + 1)
  while (low < high) {
    const middle = low + ((high - low) >> 1)
    const [entry] = log.read(middle, { entries: 1, bytes: 1 })
    if (entry !== undefined && entry.policy < since) low = middle + 1
    else high = middle
  }
  return low
}

/** The lowest policy version from which on every version names the destination. */
export function configuredSince(destination: string, records: Pick<RecordsReader, 'currentPolicy' | 'policy'>): number {
  let since = (records.currentPolicy()?.version ?? 0) + 1
  while (since > 1 && records.policy(since - 1)?.policy.destinations.some((entry) => entry.destination === destination)) since--
  return since
}

import type { Clock } from '#base/clock.ts'
import type { LedgerReader } from '#ledger/port.ts'
import type { LogReader } from '#log/port.ts'

const BATCH = { entries: 2000, bytes: 8 * 1024 * 1024 }

/**
 * Events of the log that at least one of the destinations has not passed yet. Reads the files themselves, so that it
 * also answers without a worker. A long backlog is counted for at most `budgetMs`, since a cut must return; the number
 * is then a lower bound.
 */
export function countHeld(options: {
  log: Pick<LogReader, 'head' | 'tail' | 'read'>
  ledger: Pick<LedgerReader, 'cursor'>
  destinations: readonly string[]
  clock: Clock
  budgetMs?: number
}): number {
  const { log, ledger, clock } = options
  if (options.destinations.length === 0) return 0
  const cursors = options.destinations.map((destination) => ledger.cursor(destination))
  const first = cursors.reduce((a, b) => (b.seq < a.seq || (b.seq === a.seq && b.index < a.index) ? b : a))
  const deadline = clock.now() + (options.budgetMs ?? 3000)
  const head = log.head()
  let held = 0
  let seq = Math.max(first.seq, log.tail(), 1)
  while (seq <= head && clock.now() < deadline) {
    const entries = log.read(seq, BATCH)
    if (entries.length === 0) break
    for (const entry of entries) {
      held += entry.records.length - (entry.seq === first.seq ? Math.min(first.index, entry.records.length) : 0)
      seq = entry.seq + 1
    }
  }
  return held
}

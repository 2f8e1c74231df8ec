import { type Clock, dayOf } from '#base/clock.ts'
import type { HeldRange, LedgerReader } from '#ledger/port.ts'
import { comparePositions } from '#ledger/position.ts'
import type { LogReader } from '#log/port.ts'
import type { LogPosition } from '#model/disclosure.ts'
import type { HeldFrom } from './held-kinds.ts'

const BATCH = { entries: 2000, bytes: 8 * 1024 * 1024 }

/**
 * Events of the log that at least one of the destinations has not passed yet. Reads the files themselves, so that it
 * also answers without a worker. A long backlog is counted for at most `budgetMs`, since a cut must return; the number
 * is then a lower bound. Of a held range that is being sent, what is left is reckoned from its entries.
 */
export function countHeld(options: {
  log: Pick<LogReader, 'head' | 'tail' | 'read'>
  ledger: Pick<LedgerReader, 'cursor' | 'held'>
  destinations: readonly string[]
  clock: Clock
  budgetMs?: number
  /** Entries up to this one are not waiting any more: it was decided that the vendor does not get them. */
  above?: number | undefined
}): number {
  const { log, ledger, clock } = options
  if (options.destinations.length === 0) return 0
  const least = { seq: (options.above ?? 0) + 1, index: 0 }
  const destinations = options.destinations.map((destination) => {
    const cursor = ledger.cursor(destination)
    return { destination, cursor: comparePositions(cursor, least) < 0 ? least : cursor }
  })
  const { destination, cursor: first } = destinations.reduce((a, b) => (comparePositions(b.cursor, a.cursor) < 0 ? b : a))
  const ranges = ledger.held(destination).filter(({ to }) => to > first.seq)
  const deadline = clock.now() + (options.budgetMs ?? 3000)
  const head = log.head()
  let held = ranges.reduce((sum, range) => sum + leftOf(range, first), 0)
  let seq = Math.max(first.seq, ranges.at(-1)?.to ?? 0, log.tail(), 1)
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

/** Records of a range that are not sent yet; in proportion to its entries when it is under way. */
function leftOf({ from, to, records }: HeldRange, cursor: LogPosition): number {
  return Math.floor((records * (to - Math.max(from, cursor.seq))) / (to - from))
}

export interface HeldInWarehouse {
  destination: string
  events: number
  /** When the log gave up the first of them, ISO 8601. */
  since: string
}

/** What each destination will be sent from the warehouse, since it stayed away for longer than the log waits. */
export function heldInWarehouse(destinations: readonly string[], ledger: Pick<LedgerReader, 'cursor' | 'held'>): HeldInWarehouse[] {
  return destinations.flatMap((destination) => {
    const ranges = ledger.held(destination)
    const [first] = ranges
    if (first === undefined) return []
    const cursor = ledger.cursor(destination)
    const events = ranges.reduce((sum, range) => sum + leftOf(range, cursor), 0)
    return [{ destination, events, since: new Date(first.at).toISOString() }]
  })
}

/** From where on records wait for each destination, and no later than which day the first of them arrived. */
export function heldFrom(options: {
  log: Pick<LogReader, 'head' | 'tail' | 'read'>
  ledger: Pick<LedgerReader, 'cursor' | 'held'>
  destinations: readonly string[]
  above: number
}): HeldFrom[] {
  const { log, ledger, above } = options
  const least = { seq: above + 1, index: 0 }
  return options.destinations.map((destination) => {
    const cursor = ledger.cursor(destination)
    const from = comparePositions(cursor, least) < 0 ? least : cursor
    const range = ledger.held(destination).find(({ to }) => to > from.seq)
    const [entry] = range === undefined ? log.read(Math.max(from.seq, log.tail()), { entries: 1, bytes: 1 }) : []
    // A clock that was set may have given what came later an earlier day: the day before that of the first is enough for slews.
    const firstDay = range?.firstDay ?? (entry === undefined ? 0 : Math.max(0, dayOf(entry.at) - 1))
    return { destination, from, firstDay }
  })
}

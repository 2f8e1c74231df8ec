/**
 * The log as one destination reads it. Entries that the log has given up (`give-up.ts`) come from the warehouse, as they
 * would have come from the log: same records, same order, same positions. What only the log knew is not needed to
 * decide and to encode: repeat hashes, and where unapproved text waits.
 */
import { BulkheadError } from '#base/errors.ts'
import { formatDay } from '#base/clock.ts'
import type { HeldRange } from '#ledger/port.ts'
import type { LogReader } from '#log/port.ts'
import type { LogEntry } from '#model/log-entry.ts'
import { entriesOf, EVENT_COLUMNS, type EventRow } from '#warehouse/event-rows.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { ForwardLog } from './port.ts'

export interface HeldLogOptions {
  log: LogReader
  held: () => readonly HeldRange[]
  warehouse: Pick<Warehouse, 'query'>
  /** The warehouse sorts by other columns, so each question reads all numbers of a day: few and large ones. */
  recordsAtOnce?: number
}

const RECORDS_AT_ONCE = 20_000

const PLACE = 'arrival >= {firstDay:Date} AND arrival <= {lastDay:Date} AND seq >= {from:UInt64} AND seq < {to:UInt64}'
const LAST = `SELECT max(seq) AS last FROM (SELECT seq FROM events WHERE ${PLACE} ORDER BY seq LIMIT {records:UInt32})`
const ROWS = `SELECT ${EVENT_COLUMNS} FROM events WHERE ${PLACE} ORDER BY seq, recordIndex`

export function createHeldLog(options: HeldLogOptions): ForwardLog {
  const { log, held, warehouse, recordsAtOnce = RECORDS_AT_ONCE } = options
  /** Ascending; without a gap but between ranges. */
  let entries: LogEntry[] = []

  const rangesFrom = (seq: number): HeldRange[] => held().filter(({ to }) => seq < to)
  const holds = (seq: number): boolean => entries[firstFrom(entries, seq)]?.seq === seq

  return {
    head: () => log.head(),
    tail: () => Math.min(log.tail(), held()[0]?.from ?? Number.POSITIVE_INFINITY),
    ready: async (seq) => {
      const ranges = rangesFrom(seq)
      const from = Math.max(seq, ranges[0]?.from ?? 0)
      if (ranges.length > 0 && holds(from)) return
      entries = []
      let records = 0
      for (const range of ranges) {
        const found = await fetchEntries(warehouse, range, { from: Math.max(from, range.from), records: recordsAtOnce - records })
        entries.push(...found)
        records += found.reduce((sum, entry) => sum + entry.records.length, 0)
        if (records >= recordsAtOnce) return
      }
    },
    read: (seq, limits) => {
      const ranges = rangesFrom(seq)
      const [first] = ranges
      if (first === undefined) return log.read(seq, limits)
      const from = Math.max(seq, first.from)
      if (!holds(from)) throw new BulkheadError('internal', `held entry ${from} was not fetched`)
      const start = firstFrom(entries, from)
      const found = entries.slice(start, start + limits.entries)
      // Across what a restore lost no answer reaches; into the log it does, so that ranges end where they would have ended.
      const jump = found.findIndex((entry, index) => entry.seq !== from + index)
      if (jump > 0) return found.slice(0, jump)
      const next = from + found.length
      if (found.length === limits.entries || next !== ranges.at(-1)?.to || next > log.head()) return found
      const more = log.read(next, { ...limits, entries: limits.entries - found.length })
      return more[0]?.seq === next ? [...found, ...more] : found
    },
  }
}

/** Index of the first entry at or behind `seq`. */
function firstFrom(entries: readonly LogEntry[], seq: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((entries[middle] as LogEntry).seq < seq) low = middle + 1
    else high = middle
  }
  return low
}

async function fetchEntries(
  warehouse: Pick<Warehouse, 'query'>,
  range: HeldRange,
  { from, records }: { from: number; records: number },
): Promise<LogEntry[]> {
  const place = { firstDay: formatDay(range.firstDay), lastDay: formatDay(range.lastDay), from, to: range.to }
  const [found] = await warehouse.query<{ last: number }>(LAST, { ...place, records }, 'loader')
  const last = Number(found?.last ?? 0)
  if (last < from) throw lost(from, range.to - 1)
  const entries = entriesOf(await warehouse.query<EventRow>(ROWS, { ...place, to: last + 1 }, 'loader'))
  // Skipping what is missing would be an event that was acknowledged and never sent, with nobody to notice.
  for (const [index, entry] of entries.entries()) if (entry.seq !== from + index) throw lost(from + index, entry.seq - 1)
  if (entries.at(-1)?.seq !== last) throw lost(from, last)
  return entries
}

function lost(from: number, to: number): BulkheadError {
  return new BulkheadError('log_corrupt', `log entries ${from} to ${to} were left to the warehouse, and it does not hold all of them`)
}

/**
 * How long the log waits for a destination that is cut, down or blocked. Beyond the limits a finished folder is given up:
 * its part of the backlog becomes a held range in the ledger, which is sent from the warehouse later, and the folder may
 * be deleted. Only behind inserts that were made with fsync, and only when the warehouse says that it has every entry.
 */
import { type Clock, DAY_MS, dayOf, formatDay } from '#base/clock.ts'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import type { HeldRange, Ledger } from '#ledger/port.ts'
import type { FinishedFolder, LogReader } from '#log/port.ts'
import type { RecordsReader } from '#records/port.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { configuredSince } from './meant-for.ts'

export interface GiveUpOptions {
  log: LogReader
  ledger: Ledger
  warehouse: Pick<Warehouse, 'query'>
  destinations: readonly string[]
  limits: { holdBytesMax: number; holdHoursMax: number }
  /** Number of the policy in force. */
  policy: number
  clock: Clock
}

const LOOK_EVERY_MS = 5000

const COUNT = `SELECT count() AS records, uniqExact(seq) AS entries, toUInt16(min(arrival)) AS firstDay,
    toUInt16(max(arrival)) AS lastDay
  FROM events WHERE arrival >= {firstDay:Date} AND arrival <= {lastDay:Date} AND seq >= {from:UInt64} AND seq < {to:UInt64}`
/** Range of the type Date. */
const LAST_DAY = 65_535

/** Lowest log entry that anyone behind the log still reads there. */
export function neededEntry(ledger: Ledger, destinations: readonly string[]): number {
  const needs = destinations.map((destination) => ledger.held(destination).at(-1)?.to ?? ledger.cursor(destination).seq)
  return Math.min(ledger.loadCursor('events'), ...needs)
}

/** Looks every few seconds until the signal. A warehouse that is away is asked again. */
export async function keepWithinLimits(
  options: GiveUpOptions,
  signal: AbortSignal,
  onFailure: (error: BulkheadError) => void,
): Promise<void> {
  while (!signal.aborted) {
    await options.clock.sleep(LOOK_EVERY_MS, signal)
    if (!signal.aborted) await giveUpFolders(options).catch((thrown: unknown) => onFailure(toBulkheadError(thrown)))
  }
}

/** Looks once; returns how many ranges were written. Throws `log_corrupt` when the warehouse has not all that it took. */
export async function giveUpFolders(options: GiveUpOptions): Promise<number> {
  const { log, ledger, destinations, limits, clock } = options
  const folders = log.finished()
  const loaded = ledger.loadCursor('events')
  let bytes = folders.reduce((sum, folder) => sum + folder.bytes, 0)
  let written = 0
  for (const folder of folders) {
    const isOld = clock.now() - folder.writtenAt > limits.holdHoursMax * 3_600_000
    if ((bytes <= limits.holdBytesMax && !isOld) || folder.end > loaded) break
    bytes -= folder.bytes
    for (const destination of destinations) {
      const ranges = ledger.held(destination)
      const from = Math.max(folder.first, ledger.cursor(destination).seq, ranges.at(-1)?.to ?? 0)
      if (from >= folder.end) continue
      await ledger.hold(destination, [...ranges, await rangeOf(folder, from, options)])
      written++
    }
  }
  return written
}

async function rangeOf(folder: FinishedFolder, from: number, { warehouse, policy, clock }: GiveUpOptions): Promise<HeldRange> {
  const place = { from, to: folder.end }
  const expected = folder.end - from
  const count = async (firstDay: number, lastDay: number) => {
    const days = { firstDay: formatDay(firstDay), lastDay: formatDay(lastDay) }
    const [row] = await warehouse.query<Record<'records' | 'entries' | 'firstDay' | 'lastDay', number>>(
      COUNT,
      { ...place, ...days },
      'loader',
    )
    return row
  }
  let found = await count(dayOf(folder.begunAt - DAY_MS), dayOf(folder.writtenAt + DAY_MS))
  // A clock that was set may have given arrivals any day.
  if (Number(found?.entries) < expected) found = await count(0, LAST_DAY)
  if (found === undefined || Number(found.entries) !== expected) {
    throw new BulkheadError('log_corrupt', `the warehouse has ${found?.entries ?? 0} of the ${expected} log entries from ${from} on`)
  }
  const { records, firstDay, lastDay } = found
  return { ...place, records: Number(records), firstDay: Number(firstDay), lastDay: Number(lastDay), policy, at: clock.now() }
}

/**
 * Ranges of before a destination was left out of the configuration were given up for it then; what arrived until it came
 * back is not meant for it. Returns whether something is left.
 */
export async function dropForeignRanges(destination: string, ledger: Ledger, records: RecordsReader): Promise<boolean> {
  const ranges = ledger.held(destination)
  const since = configuredSince(destination, records)
  const meant = ranges.filter((range) => range.policy >= since)
  if (meant.length < ranges.length) await ledger.hold(destination, meant)
  return meant.length > 0
}

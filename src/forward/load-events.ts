/**
 * Log → warehouse, each record once. A plan {from, to, token} is flushed before the insert and forgotten, together with
 * the move of the cursor, after it; whatever is killed in between, the same rows are inserted again under the same
 * token, which the warehouse takes once.
 */
import { BulkheadError } from '#base/errors.ts'
import { dayOf, formatDay } from '#base/clock.ts'
import type { Clock } from '#base/clock.ts'
import type { Ledger, LoadPlan } from '#ledger/port.ts'
import type { LogReader } from '#log/port.ts'
import type { LogEntry } from '#model/log-entry.ts'
import { asStoreMayKeep, type StoreConsent } from '#policy/policy.ts'
import type { Consents } from './consents.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { ErasedSubjects } from './erased.ts'
import { createLoader, insertOnce, reloadIfEmpty } from '#forward/load-step.ts'
import type { Loader } from '#forward/load-step.ts'

export interface EventLoaderOptions {
  log: LogReader
  ledger: Ledger
  warehouse: Warehouse
  clock: Clock
  /** What people have said of consent, and the own store's rule; without it all is kept as it arrived. */
  consent?: { people: Consents; rule: () => StoreConsent | undefined }
  /** Whose records are loaded as counts: a warehouse that was lost is filled again from a log that still names them. */
  erased?: ErasedSubjects | undefined
  /** An insert ends with the entry that reaches this many rows. */
  batchRows?: number
}

const PRESENT = `SELECT count() AS present FROM events
  WHERE arrival = {day:Date} AND seq >= {from:UInt64} AND seq < {to:UInt64}`

const ONE = { entries: 1, bytes: 1 }
/** A slice is decoded in a few milliseconds, and little of the last one is decoded in vain. */
const SLICE = { entries: 2_000, bytes: 4 << 20, records: 2_000 }

export function createEventLoader(options: EventLoaderOptions): Loader {
  const { log, ledger, warehouse, clock } = options
  const batchRows = options.batchRows ?? 50_000
  const cursor = (): number => Math.max(1, ledger.loadCursor('events'))

  const load = async (): Promise<number | undefined> => {
    const unfinished = ledger.plan('events')
    if (unfinished !== undefined) {
      const entries = await readRange({ log, clock }, unfinished.from, (entry) => entry.seq < unfinished.to)
      return finish(unfinished, entries, true)
    }
    if (log.head() < cursor()) return undefined
    // Not the cursor itself where a restore has lost what stood there.
    const [next] = log.read(cursor(), ONE)
    if (next === undefined) return undefined
    const from = next.seq
    let day: number | undefined
    let rows = 0
    const entries = await readRange({ log, clock }, from, (entry) => {
      day ??= dayOf(entry.at)
      if (rows >= batchRows || dayOf(entry.at) !== day) return false
      rows += entry.records.length
      return true
    })
    const last = entries.at(-1)
    if (last === undefined) return undefined
    const plan: LoadPlan = { table: 'events', from, to: last.seq + 1, token: `events:${from}-${last.seq + 1}` }
    await ledger.savePlan(plan)
    return finish(plan, entries, false)
  }

  /** Whoever withdrew before this came to be loaded: of their records marks remain. */
  const keepable = (entries: readonly LogEntry[]): readonly LogEntry[] => {
    const rule = options.consent?.rule()
    const people = options.consent?.people
    if (rule === undefined || people === undefined) return entries
    return entries.map((entry) => {
      const records = entry.records.map((record) => asStoreMayKeep(record, entry.seq, rule, people))
      return records.every((record, index) => record === entry.records[index]) ? entry : { ...entry, records }
    })
  }

  const finish = async (plan: LoadPlan, entries: LogEntry[], repeated: boolean): Promise<number> => {
    await options.consent?.people.catchUp()
    const first = entries[0]
    if (first?.seq !== plan.from || entries.at(-1)?.seq !== plan.to - 1) throw missing(plan.from, plan.to - 1)
    const rows = entries.reduce((sum, entry) => sum + entry.records.length, 0)
    if (rows > 0) {
      const place = { day: formatDay(dayOf(first.at)), from: plan.from, to: plan.to }
      await insertOnce({
        repeated,
        rows,
        token: plan.token,
        present: async () => (await warehouse.query<{ present: number }>(PRESENT, place, 'loader'))[0]?.present ?? 0,
        write: (token) => {
          const kept = keepable(entries)
          return warehouse.insertEvents(options.erased?.withoutIn(kept) ?? kept, token)
        },
      })
    }
    await ledger.finishPlan(plan)
    return rows
  }

  const check = (): Promise<void> => reloadIfEmpty({ table: 'events', ledger, warehouse, from: log.tail() })

  return createLoader({ table: 'events', head: () => log.head(), cursor, check, load }, clock)
}

/** Consecutive entries from `from` on while `wanted` says so, read in slices between which the process goes on. */
async function readRange(
  { log, clock }: Pick<EventLoaderOptions, 'log' | 'clock'>,
  from: number,
  wanted: (entry: LogEntry) => boolean,
): Promise<LogEntry[]> {
  const range: LogEntry[] = []
  for (;;) {
    const next = from + range.length
    const slice = log.read(next, SLICE)
    // Behind a gap that a restore left begins another range; any other gap the log itself refuses.
    if (range.length > 0 && slice[0] !== undefined && slice[0].seq > next) return range
    for (const entry of slice) {
      // A gap would be an entry that the warehouse never gets.
      if (entry.seq !== from + range.length) throw missing(from + range.length, entry.seq - 1)
      if (!wanted(entry)) return range
      range.push(entry)
    }
    if (slice.length === 0) return range
    await clock.sleep(0)
  }
}

function missing(from: number, to: number): BulkheadError {
  return new BulkheadError('log_corrupt', `log entries ${from} to ${to} are not there, and the warehouse has not loaded all of them`)
}

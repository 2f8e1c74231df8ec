/**
 * What both loaders have in common: one step at a time, a loop that is gentle when little comes, and a barrier for
 * questions that must see everything up to a head that they have read.
 */
import { BulkheadError } from '#base/errors.ts'
import type { Clock } from '#base/clock.ts'
import { LedgerStopped } from '#ledger/ledger.ts'
import type { Ledger, LoadPlan } from '#ledger/port.ts'
import type { Warehouse } from '#warehouse/port.ts'

export interface Loader {
  /**
   * Repeats an unfinished plan or makes and carries out a new one. True if it loaded (or passed over) anything. Throws
   * `warehouse_failed` when the warehouse does not take it: the plan stays, the next step repeats it.
   */
  step(): Promise<boolean>
  /** Steps until the signal; failures are waited out, but for a ledger that takes no more (`LedgerStopped`). */
  run(signal: AbortSignal): Promise<void>
  /** Returns when everything up to and including number `upTo` (log sequence or ledger entry) is loaded. */
  barrier(upTo: number): Promise<void>
  /** Returns when no plan is under way; none begins before what it returns is called. For a copy of ledger and warehouse as one. */
  hold(): Promise<() => void>
  /**
   * First number that it may still read. It begins with 1, until it is known that what was loaded is there: a warehouse that came back
   * empty needs all of it again.
   */
  needed(): number
  /** For metrics and the doctor: entries not loaded yet, rows loaded by this process, and failures in a row. */
  status(): LoaderStatus
}

export interface LoaderStatus {
  table: LoadPlan['table']
  lag: number
  rowsLoaded: number
  failures: number
  /** False until it is known that the rows behind the cursor exist; the lag says nothing before. */
  checked: boolean
}

export interface LoaderSource {
  table: LoadPlan['table']
  /** Last number that can be loaded. */
  head(): number
  /** First number that is not loaded. */
  cursor(): number
  /** Before the first step of this process: is what was loaded still there? */
  check(): Promise<void>
  /** One plan from begin to end; the rows loaded, or undefined when there was nothing. */
  load(): Promise<number | undefined>
}

/** Small inserts cost as much as large ones, so the loop lets rows gather; a barrier does not wait for that. */
const LINGER_MS = 1000
const BUSY_ROWS = 40_000
const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 10_000
const BARRIER_POLL_MS = 10
/** A head that a caller has read is durable, so it is reached soon; longer means that the number was never written. */
const BARRIER_WAIT_MS = 10_000

export function createLoader(source: LoaderSource, clock: Clock): Loader {
  let turn: Promise<unknown> = Promise.resolve()
  let isChecked = false
  let rowsLoaded = 0
  let failures = 0
  let lastRows = 0

  const checkedLoad = async (): Promise<number | undefined> => {
    if (!isChecked) await source.check()
    isChecked = true
    return source.load()
  }

  const step = (): Promise<boolean> => {
    const mine = turn.then(async () => {
      const rows = await checkedLoad().catch((thrown: unknown) => {
        failures += 1
        throw thrown
      })
      failures = 0
      lastRows = rows ?? 0
      rowsLoaded += lastRows
      return rows !== undefined
    })
    turn = mine.catch(() => undefined)
    return mine
  }

  const barrier = async (upTo: number): Promise<void> => {
    // The cursor is worth nothing until it is known that the rows behind it exist.
    if (!isChecked) await step()
    // Counted in waits: the time of day may be set meanwhile.
    let waitedMs = 0
    while (source.cursor() <= upTo) {
      if (await step()) continue
      if (waitedMs > BARRIER_WAIT_MS) throw new BulkheadError('warehouse_behind', `${source.table} ends before number ${upTo}`)
      await clock.sleep(BARRIER_POLL_MS)
      waitedMs += BARRIER_POLL_MS
    }
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        const loaded = await step()
        if (!loaded || lastRows < BUSY_ROWS) await clock.sleep(LINGER_MS, signal)
      } catch (thrown) {
        // Waiting does not help: whoever runs this must open the ledger again.
        if (thrown instanceof LedgerStopped) throw thrown
        await clock.sleep(Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures, 10)), signal)
      }
    }
    await turn
  }

  const hold = async (): Promise<() => void> => {
    const before = turn
    const held = Promise.withResolvers<void>()
    turn = before.then(() => held.promise)
    await before
    return held.resolve
  }

  return {
    step,
    run,
    barrier,
    hold,
    needed: () => (isChecked ? source.cursor() : 1),
    status: () => ({
      table: source.table,
      lag: Math.max(0, source.head() - source.cursor() + 1),
      rowsLoaded,
      failures,
      checked: isChecked,
    }),
  }
}

/**
 * Inserts the rows of one partition of a plan, once. When the plan is a repeated one the warehouse is asked first: an insert
 * is one part, so all rows are there or none. That does not lean on the engine's memory of tokens alone, which is not
 * flushed with the rows: after a power cut it may have forgotten a token whose rows are there, or know one whose are not.
 */
export async function insertOnce(insert: {
  repeated: boolean
  rows: number
  token: string
  present: () => Promise<number>
  write: (token: string) => Promise<unknown>
}): Promise<void> {
  if (!insert.repeated) return void (await insert.write(insert.token))
  if (await isPresent(insert)) return
  await insert.write(insert.token)
  if (await isPresent(insert)) return
  await insert.write(`${insert.token}:again`)
  if (!(await isPresent(insert))) throw new BulkheadError('warehouse_failed', 'the warehouse took rows and does not have them')
}

async function isPresent(insert: { rows: number; token: string; present: () => Promise<number> }): Promise<boolean> {
  const present = await insert.present()
  if (present !== 0 && present !== insert.rows) {
    throw new BulkheadError('warehouse_failed', `the warehouse has ${present} of the ${insert.rows} rows of plan ${insert.token}`)
  }
  return present === insert.rows
}

/**
 * A warehouse folder that was lost comes back empty while the ledger's cursor says that all was loaded; every question would
 * then be answered with nobody. All that ledger and log still hold is loaded again.
 */
export async function reloadIfEmpty(given: {
  table: LoadPlan['table']
  ledger: Pick<Ledger, 'loadCursor' | 'reload'>
  warehouse: Pick<Warehouse, 'query'>
  /** First number that can still be read. */
  from: number
}): Promise<void> {
  const { table, ledger, warehouse } = given
  const cursor = ledger.loadCursor(table)
  if (cursor <= given.from) return
  const [answer] = await warehouse.query<{ rows: number }>(`SELECT count() AS rows FROM ${table}`, {}, 'loader')
  if (Number(answer?.rows) === 0) await ledger.reload(table, given.from)
}

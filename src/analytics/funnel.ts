/**
 * How many people did one thing after the other within a time of their own: the engine's `windowFunnel`, over user identifiers.
 * Counts only; asked in the analysts' session, which is bounded and gives way to the bad day.
 */
import { BulkheadError } from '#base/errors.ts'
import { DAY_MS, dayOf, formatDay } from '#base/clock.ts'
import type { Warehouse } from '#warehouse/port.ts'

export interface FunnelQuery {
  /** Names of events, in their order. */
  steps: readonly string[]
  /** Days back from `now` in which the events lie, by event time. */
  days: number
  /** Within how many days of the first step the last has to come. */
  withinDays: number
}

export interface Funnel {
  steps: { event: string; people: number }[]
}

export const STEPS_MAX = 8
export const DAYS_MAX = 400

export async function funnel(query: FunnelQuery, now: number, warehouse: Warehouse, signal?: AbortSignal): Promise<Funnel> {
  const { steps, days, withinDays } = query
  if (steps.length === 0 || steps.length > STEPS_MAX) throw new BulkheadError('bad_usage', `a funnel has 1 to ${STEPS_MAX} steps`)
  const from = now - days * DAY_MS
  const parameters: Record<string, unknown> = {
    names: [...new Set(steps)],
    from,
    to: now,
    // An event arrives after it happened; a clock that runs ahead by days is no reason to read everything.
    arrival: formatDay(dayOf(from) - 1),
    within: withinDays * DAY_MS,
  }
  for (const [index, step] of steps.entries()) parameters[`step${index}`] = step
  const conditions = steps.map((_, index) => `event = {step${index}:String}`).join(', ')
  // windowFunnel wants an unsigned time; `strict_once` keeps one event from being two steps.
  const sql = `SELECT level, count() AS people FROM (
      SELECT windowFunnel({within:UInt64}, 'strict_once')(toUInt64(toUnixTimestamp64Milli(time)), ${conditions}) AS level
      FROM events WHERE event IN {names:Array(String)} AND user != 0 AND arrival >= {arrival:Date}
        AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
      GROUP BY user)
    GROUP BY level`
  const rows = await warehouse.query<{ level: number; people: number | string }>(sql, parameters, 'analytics', signal)
  const reached = (step: number): number => rows.filter((row) => row.level >= step).reduce((sum, row) => sum + Number(row.people), 0)
  return { steps: steps.map((event, index) => ({ event, people: reached(index + 1) })) }
}

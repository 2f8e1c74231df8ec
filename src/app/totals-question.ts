/** What the warehouse is asked when the ledger is held against it. */
import type { Total } from '#ledger/totals.ts'

/** Entries up to `size`, without those that nobody has closed, or whose rows need not be there yet. */
export interface TotalsAsked {
  size: number
  open: readonly number[]
}

export const TOTALS = `SELECT destination, state, count() AS rows, uniqExact(subject) AS people, sum(events) AS events FROM disclosures
  WHERE entry <= {size:UInt64} AND entry NOT IN (SELECT arrayJoin({open:Array(UInt64)})) GROUP BY destination, state`

export function totalOf(row: Record<keyof Total, string | number>): Total {
  return {
    destination: String(row.destination),
    state: row.state === 'delivered' ? 'delivered' : 'possible',
    rows: Number(row.rows),
    people: Number(row.people),
    events: Number(row.events),
  }
}

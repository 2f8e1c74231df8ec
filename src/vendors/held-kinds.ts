/** What waits for a vendor, by arrival day and kind: counts of the own store, which has all that was accepted; no names. */
import { formatDay } from '#base/clock.ts'
import type { LogPosition } from '#model/disclosure.ts'
import type { Warehouse } from '#warehouse/port.ts'

export interface HeldFrom {
  destination: string
  /** First record that the destination has still to get. */
  from: LogPosition
  /** No record at or behind it arrived on an earlier day (days since 1970). */
  firstDay: number
}

export interface HeldKinds {
  destination: string
  events: number
  /** Behind the entry up to which something was decided. */
  undecided: number
  counts: { day: string; kind: string; events: number }[]
}

/** What was erased is a count, and is not sent. */
const COUNTS = `SELECT toString(arrival) AS day, type AS kind, count() AS events, countIf(seq > {decided:UInt64}) AS undecided FROM events
  WHERE arrival >= {firstDay:Date} AND (seq > {seq:UInt64} OR (seq = {seq:UInt64} AND recordIndex >= {index:UInt32})) AND erased = 0
  GROUP BY day, kind ORDER BY day, kind`

export async function heldKinds(from: HeldFrom, decided: number, warehouse: Pick<Warehouse, 'query'>): Promise<HeldKinds> {
  const { destination, from: place, firstDay } = from
  const rows = await warehouse.query<{ day: string; kind: string; events: number; undecided: number }>(
    COUNTS,
    { ...place, decided, firstDay: formatDay(firstDay) },
    'badday',
  )
  const sum = (key: 'events' | 'undecided'): number => rows.reduce((total, row) => total + Number(row[key]), 0)
  return {
    destination,
    events: sum('events'),
    undecided: sum('undecided'),
    counts: rows.map(({ day, kind, events }) => ({ day, kind, events: Number(events) })),
  }
}

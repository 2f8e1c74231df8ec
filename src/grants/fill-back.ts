/**
 * Filling the own store back after an approval: whole arrival days, newest first, as far as the text still waits and every
 * destination has got what it was to get. What a destination has still to be sent may be read from the warehouse, and must be what it was
 * when it arrived: an approval acts forward towards vendors.
 */
import { DAY_MS, dayOf, formatDay } from '#base/clock.ts'
import { WAITING_DAYS } from '#model/log-entry.ts'
import type { ApprovedNames, Opening, WaitingVault } from '#vault/port.ts'
import type { OpeningRow } from '#warehouse/port.ts'
import { type WaitingPorts, waitingBlobs } from './waiting-room.ts'

export interface FillPorts extends WaitingPorts {
  waiting: Pick<WaitingVault, 'openApproved'>
  /** First entry of the log that some destination has still to be sent, or that is not in the warehouse yet. */
  sentUpTo(): Promise<number>
  insertOpenings(fill: number, rows: readonly OpeningRow[], token: string): Promise<void>
  fillDay(day: string, fill: number): Promise<number>
}

export interface Filled {
  days: number
  records: number
  /** Entries of the log from here on were left as they are: some destination has still to get them. */
  below: number
}

/** Records of one question: what it answers is held whole. */
const RECORDS_AT_ONCE = 100_000

export async function fillBack(names: ApprovedNames, now: number, ports: FillPorts): Promise<Filled> {
  const below = await ports.sentUpTo()
  const filled: Filled = { days: 0, records: 0, below }
  for (let back = 0; back <= WAITING_DAYS; back++) {
    const day = formatDay(dayOf(now - back * DAY_MS))
    // Of its own for each day, so that nothing of another is taken for it.
    const fill = now * 100 + back
    if (!(await insertDay({ day, fill, below }, names, ports))) continue
    filled.records += await ports.fillDay(day, fill)
    filled.days += 1
  }
  return filled
}

async function insertDay(of: { day: string; fill: number; below: number }, names: ApprovedNames, ports: FillPorts): Promise<boolean> {
  const { day, fill } = of
  let part = 0
  let { below } = of
  for (;;) {
    let last = below
    let records = 0
    for await (const blobs of waitingBlobs({ from: day, to: day, below, recordsMax: RECORDS_AT_ONCE }, ports)) {
      for (const { records: some } of blobs) {
        records += some.length
        for (const { seq } of some) last = Math.min(last, seq)
      }
      const rows = (await ports.waiting.openApproved(blobs, names)).map(rowOf)
      if (rows.length > 0) await ports.insertOpenings(fill, rows, `openings:${fill}:${part++}`)
    }
    if (records < RECORDS_AT_ONCE) return part > 0
    // The last entry may have been cut off: it is asked for again, and a row that comes twice counts once.
    below = last + 1 < below ? last + 1 : last
  }
}

function rowOf({ seq, index, event = '', properties, opened }: Opening): OpeningRow {
  return { seq, index, event, properties: properties === undefined ? '' : JSON.stringify(properties), opened }
}

/**
 * Disclosure rows for measurements: ten vendors over ninety days, each person about forty times, nobody in order, which
 * is what a company's ledger looks like to the warehouse. One block holds rows of one day.
 */
import { DAY_MS } from '#base/clock.ts'
import type { DisclosureRow } from '#warehouse/port.ts'

export const VENDORS = 10
export const DAYS = 90
const ROWS_A_PERSON = 40
const BLOCK = 100_000
const SHAPES = ['country:coarse,user_id:pseudonym', 'country:coarse,property.plan:clear,user_id:pseudonym', 'os:coarse,user_id:pseudonym']
const PURPOSES = ['analytics', 'marketing']

export interface Block {
  token: string
  rows: DisclosureRow[]
}

export function peopleOf(rows: number): number {
  return Math.floor(rows / ROWS_A_PERSON)
}

/** `lastDay`: start of the last day, UTC ms. */
export function* disclosureBlocks(total: number, lastDay: number): Generator<Block> {
  const people = peopleOf(total)
  let index = 0
  for (let day = 0; day < DAYS; day++) {
    const end = Math.floor((total * (day + 1)) / DAYS)
    const start = lastDay - (DAYS - 1 - day) * DAY_MS
    while (index < end) {
      const length = Math.min(BLOCK, end - index)
      const from = index
      yield { token: `bench-${from}`, rows: Array.from({ length }, (_, offset) => rowOf(from + offset, start, people)) }
      index += length
    }
  }
}

function rowOf(index: number, day: number, people: number): DisclosureRow {
  const chance = scatter(index)
  const subject = 1 + (chance % people)
  const vendor = `vendor-${index % VENDORS}`
  const at = day + (scatter(index + 1) % 86_000) * 1000
  return {
    entry: 1 + Math.floor(index / 500),
    vendor,
    destination: vendor,
    epoch: 1,
    route: '/import',
    purpose: PURPOSES[chance % 2] as string,
    policy: 1,
    surface: chance % 3 === 0 ? 'api' : 'site',
    shape: SHAPES[chance % SHAPES.length] as string,
    subject,
    kind: 'user',
    groups: [people + 1 + (subject % 500)],
    events: 3,
    first: at,
    last: at + 1000,
    sentAt: at + 5000,
    state: index % 1000 === 0 ? 'possible' : 'delivered',
  }
}

/** Spreads neighbouring numbers over 32 bits (the last steps of MurmurHash3, public domain). */
function scatter(index: number): number {
  let mixed = index >>> 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

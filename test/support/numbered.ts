/** Events that carry a number of their own and one of their person, so that every copy of each can be counted anywhere. */
import path from 'node:path'
import { systemClock } from '#base/clock.ts'
import { openLedger } from '#ledger/ledger.ts'
import type { Intent, LedgerEntry } from '#model/disclosure.ts'
import { postUntilTaken, type TestEvent } from './gateway-client.ts'
import { askWarehouse } from './warehouse.ts'

export const NUMBERED = { events: ['Numbered'], properties: ['n', 'person'] }

export function numberedEvent(n: number, people: number): TestEvent {
  const person = n % people
  const id = `numbered-person-${person}`
  return { event: 'Numbered', properties: { distinct_id: id, n, person, $insert_id: `numbered${n}`, time: Math.floor(Date.now() / 1000) } }
}

export function personOfId(id: string): number | undefined {
  const match = /^numbered-person-(\d+)$/.exec(id)
  return match === null ? undefined : Number(match[1])
}

export interface Load {
  /** Numbers of the events that the gateway said it has taken. */
  acknowledged: Set<number>
  /** All that were handed to it, taken or not. */
  sent(): number
  /** Stops; batches under way are repeated until they are taken, for as long as `patienceMs`. */
  stop(patienceMs: number): Promise<void>
}

/** Several senders, each repeating a batch until it is taken, as SDKs do. */
export function startLoad(options: {
  gatewayUrl: string
  token: string
  people: number
  lanes?: number
  batch?: number
  pauseMs?: number
}): Load {
  const { gatewayUrl, token, people, lanes = 4, batch = 20, pauseMs = 5 } = options
  const acknowledged = new Set<number>()
  let next = 1
  let isOn = true
  let deadline = Number.MAX_SAFE_INTEGER
  const lane = async (): Promise<void> => {
    while (isOn) {
      const numbers = Array.from({ length: batch }, () => next++)
      const events = numbers.map((n) => numberedEvent(n, people))
      if (await postUntilTaken(gatewayUrl, token, events, () => Date.now() > deadline)) for (const n of numbers) acknowledged.add(n)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  const running = Array.from({ length: lanes }, lane)
  return {
    acknowledged,
    sent: () => next - 1,
    stop: async (patienceMs) => {
      isOn = false
      deadline = Date.now() + patienceMs
      await Promise.all(running)
    },
  }
}

/** Every entry of a stopped instance's ledger. */
export async function readLedger(dir: string): Promise<LedgerEntry[]> {
  const ledger = await openLedger({ dir, clock: systemClock })
  try {
    const entries: LedgerEntry[] = []
    for (let from = 1; from <= ledger.head; from = entries.length + 1) entries.push(...ledger.read(from, 1000))
    return entries
  } finally {
    await ledger.close()
  }
}

export function intentsOf(entries: readonly LedgerEntry[]): Intent[] {
  return entries.filter((entry) => entry.type === 'intent')
}

/** Of a stopped program: those of the numbers that its warehouse does not hold exactly once. */
export async function notOnceInWarehouse(dataDir: string, numbers: readonly number[]): Promise<number[]> {
  const rows = await askWarehouse<{ n: number; copies: number }>(
    path.join(dataDir, 'warehouse'),
    `SELECT JSONExtractUInt(properties, 'n') AS n, toUInt32(count()) AS copies FROM events WHERE event = 'Numbered' GROUP BY n`,
  )
  const copies = new Map(rows.map((row) => [Number(row.n), row.copies]))
  return numbers.filter((n) => copies.get(n) !== 1)
}

/**
 * The simulated warehouse: an insert is one part, there whole or not; it may fail before it happened or after; tokens are
 * remembered, but a crash may forget those that were not flushed with the rows.
 */
import { BulkheadError } from '#base/errors.ts'
import { dayOf, formatDay } from '#base/clock.ts'
import type { LogEntry } from '#model/log-entry.ts'
import type { DisclosureRow, Warehouse } from '#warehouse/port.ts'
import type { Network } from './network.ts'
import type { Random } from './random.ts'
import type { Life, Scheduler } from './scheduler.ts'

export interface EventRow {
  day: string
  seq: number
  index: number
  /** The mark by which the model knows the record. */
  mark: number | undefined
}

interface Part<Row> {
  token: string
  rows: Row[]
}

export class SimWarehouse {
  readonly #scheduler: Scheduler
  readonly #network: Network
  readonly #random: Random
  readonly #tokens = { events: new Set<string>(), disclosures: new Set<string>() }
  #fresh: { table: 'events' | 'disclosures'; token: string }[] = []
  eventParts: Part<EventRow>[] = []
  disclosureParts: Part<DisclosureRow>[] = []
  life: Life | undefined
  /** Share of calls that fail before they are carried out, and after. */
  failing = { before: 0, after: 0 }
  slownessMs = 0

  constructor(scheduler: Scheduler, network: Network, random: Random) {
    this.#scheduler = scheduler
    this.#network = network
    this.#random = random
  }

  get events(): EventRow[] {
    return this.eventParts.flatMap(({ rows }) => rows)
  }

  get disclosures(): DisclosureRow[] {
    return this.disclosureParts.flatMap(({ rows }) => rows)
  }

  forWorker(from: Life): Warehouse {
    return {
      migrate: async () => undefined,
      insertEvents: (entries, token) => this.#call(from, `insert ${token}`, () => this.#insert('events', eventRows(entries), token)),
      insertDisclosures: (rows, token) =>
        this.#call(from, `insert ${token}`, () => this.#insert('disclosures', structuredClone([...rows]), token)),
      query: <Row>(sql: string, parameters: Record<string, unknown>) =>
        this.#call(from, 'query', () => this.#answer(sql, parameters) as Row[]),
      columns: async () => {
        throw new Error('the worker asks for no columns')
      },
      stream: () => {
        throw new Error('the worker streams nothing')
      },
      close: async () => undefined,
    }
  }

  /** What it answered for is there; of what it had not flushed with the rows, it forgets some. */
  crash(): void {
    const { life } = this
    if (life === undefined) return
    life.alive = false
    this.life = undefined
    for (const { table, token } of this.#fresh) if (this.#random.chance(0.5)) this.#tokens[table].delete(token)
    this.#fresh = []
    this.#scheduler.note('warehouse dies')
    this.#network.ended(life)
  }

  /** Its folder is gone and made anew. */
  lose(): void {
    this.crash()
    this.eventParts = []
    this.disclosureParts = []
    for (const tokens of Object.values(this.#tokens)) tokens.clear()
    this.#scheduler.note('warehouse is lost')
  }

  #call<Reply>(from: Life, label: string, serve: () => Reply): Promise<Reply> {
    return this.#network.call({
      label: `warehouse ${label}`,
      from,
      to: () => (this.life?.alive ? this.life : undefined),
      unavailable: 'warehouse_failed',
      delayMs: 3 + this.slownessMs,
      serve: () => {
        const failed = (): BulkheadError => new BulkheadError('warehouse_failed', 'simulated: the warehouse refused (code 0)')
        if (this.#random.chance(this.failing.before)) throw failed()
        const reply = serve()
        if (this.#random.chance(this.failing.after)) throw failed()
        return reply
      },
    })
  }

  #insert(table: 'events' | 'disclosures', rows: EventRow[] | DisclosureRow[], token: string): { rows: number } {
    const days = new Set(rows.map((row) => ('day' in row ? row.day : formatDay(dayOf(row.sentAt)))))
    if (days.size > 1) throw new Error('an insert of two partitions')
    if (this.#tokens[table].has(token)) return { rows: rows.length }
    this.#tokens[table].add(token)
    this.#fresh.push({ table, token })
    if (this.#fresh.length > 4) this.#fresh.shift()
    if (table === 'events') this.eventParts.push({ token, rows: rows as EventRow[] })
    else this.disclosureParts.push({ token, rows: rows as DisclosureRow[] })
    return { rows: rows.length }
  }

  /** The questions that the loaders ask, by table and parameters. */
  #answer(sql: string, parameters: Record<string, unknown>): unknown[] {
    const ofEvents = /\bFROM events\b/.test(sql)
    if (!ofEvents && !/\bFROM disclosures\b/.test(sql)) throw new Error(`a question that the simulated warehouse does not know: ${sql}`)
    const { day, from, to, entries } = parameters as { day?: string; from?: number; to?: number; entries?: number[] }
    if (day === undefined) return [{ rows: ofEvents ? this.events.length : this.disclosures.length }]
    if (ofEvents && from !== undefined && to !== undefined) {
      return [{ present: this.events.filter((row) => row.day === day && row.seq >= from && row.seq < to).length }]
    }
    if (!ofEvents && entries !== undefined) {
      const wanted = new Set(entries)
      return [{ present: this.disclosures.filter((row) => formatDay(dayOf(row.sentAt)) === day && wanted.has(row.entry)).length }]
    }
    throw new Error(`a question that the simulated warehouse does not know: ${sql}`)
  }
}

function eventRows(entries: readonly LogEntry[]): EventRow[] {
  return entries.flatMap((entry) =>
    entry.records.map((record, index) => ({
      day: formatDay(dayOf(entry.at)),
      seq: entry.seq,
      index,
      mark: record.properties?.['n'] as number | undefined,
    })),
  )
}

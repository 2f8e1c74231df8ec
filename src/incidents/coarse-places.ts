/**
 * In which country the events of a user come from, for people of whom nobody said where they live: what a server said last, else
 * the last connection. Kept here for all users, two bytes each, since finding it anew for millions would read all events at each
 * question; only what came since is read. In memory alone: after a start the first question that needs it reads everything.
 */
import { formatDay } from '#base/clock.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { Warehouse } from '#warehouse/port.ts'

const BY_SERVER = 1 << 15
const FIRST_LETTER = 65

export interface Places {
  /** Takes in what has been loaded since. */
  refresh(): Promise<void>
  /** '' = unknown. */
  countryOf(user: Ordinal): string
}

export class CoarsePlaces implements Places {
  readonly #warehouse: Warehouse
  /** By ordinal: two letters as one number, and who said so; 0 = nobody. */
  #places = new Uint16Array(1024)
  #lastSeq = 0
  /** Events of each day of arrival when it was read. A clock that was set back writes into any of them, and so does midnight. */
  readonly #rows = new Map<number, number>()
  #reading: Promise<void> = Promise.resolve()

  constructor(warehouse: Warehouse) {
    this.#warehouse = warehouse
  }

  /** One after another. */
  refresh(): Promise<void> {
    this.#reading = this.#reading.catch(() => undefined).then(() => this.#read())
    return this.#reading
  }

  countryOf(user: Ordinal): string {
    const code = (this.#places[user] ?? 0) & ~BY_SERVER
    if (code === 0) return ''
    return String.fromCharCode(FIRST_LETTER + Math.floor((code - 1) / 26), FIRST_LETTER + ((code - 1) % 26))
  }

  async #read(): Promise<void> {
    const grown = await this.#grownDays()
    if (grown.size === 0) return
    const days = [...grown.keys()].map(formatDay)
    const [head] = await this.#warehouse.query<{ seq: number | string }>(
      'SELECT max(seq) AS seq FROM events WHERE arrival IN {days:Array(Date)}',
      { days },
      'badday',
    )
    const seq = Number(head?.seq ?? 0)
    if (seq > this.#lastSeq) {
      await this.#readUpTo(seq, days)
      this.#lastSeq = seq
    }
    for (const [day, rows] of grown) this.#rows.set(day, rows)
  }

  /** Days of which there are more events than when they were read, with their number: the engine has it of whole partitions. */
  async #grownDays(): Promise<Map<number, number>> {
    const found = await this.#warehouse.query<{ day: number; rows: number | string }>(
      'SELECT toInt32(arrival) AS day, count() AS rows FROM events GROUP BY arrival',
      {},
      'badday',
    )
    const counts = found.map(({ day, rows }): [number, number] => [day, Number(rows)])
    return new Map(counts.filter(([day, rows]) => rows > (this.#rows.get(day) ?? 0)))
  }

  async #readUpTo(seq: number, days: readonly string[]): Promise<void> {
    const letter = (place: number): string => `(toUInt32(ascii(substring(last.2, ${place}, 1))) - ${FIRST_LETTER})`
    const blocks = await this.#warehouse.columns(
      `SELECT toFloat64(user) AS user, toUInt32(${letter(1)} * 26 + ${letter(2)} + 1 + last.1 * ${BY_SERVER}) AS place
       FROM (SELECT user, argMax((toUInt8(trust = 'server'), toString(country)), (trust = 'server', seq, recordIndex)) AS last
         FROM events WHERE arrival IN {days:Array(Date)} AND seq > {after:UInt64} AND seq <= {upTo:UInt64}
           AND user > 0 AND length(country) = 2 AND erased = 0 GROUP BY user)`,
      { days, after: this.#lastSeq, upTo: seq },
      'badday',
    )
    for (const { rows, columns } of blocks) {
      const [users, places] = [columns.get('user'), columns.get('place')]
      for (let row = 0; row < rows; row++) this.#put(users?.[row] as number, places?.[row] as number)
    }
  }

  #put(user: Ordinal, place: number): void {
    if (user >= this.#places.length) {
      const grown = new Uint16Array(Math.max(user + 1, this.#places.length * 2))
      grown.set(this.#places)
      this.#places = grown
    }
    const isWeaker = ((this.#places[user] as number) & BY_SERVER) !== 0 && (place & BY_SERVER) === 0
    if (!isWeaker) this.#places[user] = place
  }
}

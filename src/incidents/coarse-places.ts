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
  /** Day of the last arrival that was read: earlier partitions are not opened again. */
  #lastDay = 0
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
    const [head] = await this.#warehouse.query<{ seq: number | string; day: number }>(
      'SELECT max(seq) AS seq, toInt32(max(arrival)) AS day FROM events WHERE arrival >= {day:Date}',
      { day: formatDay(this.#lastDay) },
      'badday',
    )
    const seq = Number(head?.seq ?? 0)
    if (seq <= this.#lastSeq) return
    const letter = (place: number): string => `(toUInt32(ascii(substring(last.2, ${place}, 1))) - ${FIRST_LETTER})`
    const blocks = await this.#warehouse.columns(
      `SELECT toFloat64(user) AS user, toUInt32(${letter(1)} * 26 + ${letter(2)} + 1 + last.1 * ${BY_SERVER}) AS place
       FROM (SELECT user, argMax((toUInt8(trust = 'server'), toString(country)), (trust = 'server', seq, recordIndex)) AS last
         FROM events WHERE arrival >= {day:Date} AND seq > {after:UInt64} AND seq <= {upTo:UInt64}
           AND user > 0 AND length(country) = 2 AND erased = 0 GROUP BY user)`,
      { day: formatDay(this.#lastDay), after: this.#lastSeq, upTo: seq },
      'badday',
    )
    for (const { rows, columns } of blocks) {
      const [users, places] = [columns.get('user'), columns.get('place')]
      for (let row = 0; row < rows; row++) this.#put(users?.[row] as number, places?.[row] as number)
    }
    this.#lastSeq = seq
    this.#lastDay = head?.day ?? 0
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

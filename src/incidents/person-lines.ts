/**
 * People as lines of NDJSON, written as bytes: a list of millions must not take minutes on the bad day. Most lines differ from others
 * in an id, four times and a count, so a line is a copy of a form with these put into it, four bytes at a time out of tables.
 * `affected.test.ts` and `person-lines.test.ts` read every line back.
 */
import { assert } from '#base/errors.ts'
import { DAY_MS, dayOf } from '#base/clock.ts'
import type { Ordinal } from '#model/log-entry.ts'

const CHUNK_BYTES = 1 << 18
/** A chunk is given out when so little is left of it: most lines are shorter. */
const SPARE_BYTES = 8192
const ZERO = 48
const ID_BYTES = 16
/** Parts of lines are kept for so many groups, and combinations of fields and state; beyond, they are made each time. */
const FORMS_MAX = 20_000

const SOME_ID = '00000000-0000-0000-0000-000000000000'
const SOME_TIME = '2000-01-01T00:00:00.000Z'
const HEAD = '{"subject":"'
/** Where the two digits of each byte of an id stand in it. */
const ID_PLACES = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34)
/** From the beginning of one time to that of the next: last, sentFirst, sentLast. */
const TO_LAST = `${SOME_TIME}","last":"`.length
const TO_SENT_FIRST = `${SOME_TIME}","sentFirst":"`.length
const TO_SENT_LAST = `${SOME_TIME}","sentLast":"`.length
const TO_EVENTS = `${SOME_TIME}","events":`.length
/** Digits of a count. */
const COUNT_MAX = 16

/** Texts as numbers of 32 bits, the first character lowest; they are written over what will stand behind them. */
function wordsOf(text: string): Uint32Array {
  const bytes = Buffer.alloc(Math.ceil(text.length / 4) * 4)
  bytes.write(text, 'latin1')
  return Uint32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readUInt32LE(index * 4))
}

const table = (length: number, text: (index: number) => string): Uint32Array =>
  Uint32Array.from({ length }, (_, index) => wordsOf(text(index))[0] as number)
const two = (value: number): string => String(value).padStart(2, '0')
/** `12:3` by tens of minutes of a day, `4:56` by seconds within them, `.789` by milliseconds. */
const TENS = table(144, (index) => `${two(Math.floor(index / 6))}:${index % 6}`)
const SECONDS = table(600, (index) => `${Math.floor(index / 60)}:${two(index % 60)}`)
const MILLISECONDS = table(1000, (index) => `.${String(index).padStart(3, '0')}`)
const HEX = Uint16Array.from({ length: 256 }, (_, byte) => Buffer.from(byte.toString(16).padStart(2, '0')).readUInt16LE(0))

type State = 'delivered' | 'possible' | 'baseline'
const tailOf = (state: State): string => `,"state":"${state}"}\n`
const TAILS = { delivered: wordsOf(tailOf('delivered')), possible: wordsOf(tailOf('possible')) }
const TAIL_LENGTHS = { delivered: tailOf('delivered').length, possible: tailOf('possible').length }
/** Beside a form: count, tail, and what its last word writes beyond. */
const ROOM_A_LINE = COUNT_MAX + 48

/** Days from 1900 on, three words each: `2026-11-26T`. */
const FIRST_DAY = dayOf(Date.UTC(1900, 0, 1))
const DAYS = dayOf(Date.UTC(2300, 0, 1)) - FIRST_DAY
const DAY_WORDS = 3

/**
 * A line comes in two parts with some id and some times in them: up to its groups, and from its fields to its count. Of both there are
 * few, which stay in the processor's cache; their combinations would not.
 */
export interface RestForm {
  bytes: Buffer
  /** Where the first time begins. */
  firstAt: number
  state: 'delivered' | 'possible'
}

export function headOf(groups: string): Buffer {
  return Buffer.from(`${HEAD}${SOME_ID}","groups":${groups}`)
}

export function restOf(fields: string, state: RestForm['state']): RestForm {
  const before = `,"fields":${fields},"first":"`
  const times = `${SOME_TIME}","last":"${SOME_TIME}","sentFirst":"${SOME_TIME}","sentLast":"${SOME_TIME}","events":`
  return { bytes: Buffer.from(before + times), firstAt: Buffer.byteLength(before), state }
}

/** Lines that are like others, as columns. */
export interface LineColumns {
  first: ArrayLike<number>
  last: ArrayLike<number>
  sentFirst: ArrayLike<number>
  sentLast: ArrayLike<number>
  events: ArrayLike<number>
}

/** Any other line. */
export interface PersonLine {
  groups: string
  fields: string
  /** UTC ms; undefined = nobody knows. */
  first: number | undefined
  last: number | undefined
  sentFirst: number | undefined
  sentLast: number | undefined
  events: number
  state: State
}

export class LineWriter {
  #bytes = Buffer.alloc(0)
  #view = new DataView(new ArrayBuffer(0))
  #at = 0
  readonly #days = new Uint32Array(DAYS * DAY_WORDS)

  constructor() {
    this.#renew(CHUNK_BYTES)
  }

  /** What was written since the last call; undefined while it is not worth a write, unless `isLast`. */
  take(isLast = false): Buffer | undefined {
    if (this.#at === 0 || (!isLast && this.#at < CHUNK_BYTES - SPARE_BYTES)) return undefined
    const taken = this.#bytes.subarray(0, this.#at)
    this.#renew(CHUNK_BYTES)
    return taken
  }

  /**
   * Writes the lines of `rows` from the one at `from` on until `to`, or until there is enough for a chunk; the place of the next.
   * `ids`: 16 bytes a line, in the order of `rows`.
   */
  writeRows(
    given: {
      columns: LineColumns
      rows: Uint32Array
      ids: Uint8Array
      headOf: (row: number) => Buffer
      restOf: (row: number) => RestForm
    },
    from: number,
    to: number,
  ): number {
    const { columns, rows, ids } = given
    const { first, last, sentFirst, sentLast, events } = columns
    let place = from
    for (; place < to; place++) {
      const row = rows[place] as number
      const head = given.headOf(row)
      const { bytes, firstAt, state } = given.restOf(row)
      if (!this.#hasRoom(head.length + bytes.length)) {
        if (this.#at > 0) break
        this.#renew(head.length + bytes.length + CHUNK_BYTES)
      }
      this.#bytes.set(head, this.#at)
      this.#id(this.#at + HEAD.length, ids, place * ID_BYTES)
      let at = this.#at + head.length
      this.#bytes.set(bytes, at)
      at += firstAt
      this.#time(at, first[row] as number)
      at += TO_LAST
      this.#time(at, last[row] as number)
      at += TO_SENT_FIRST
      this.#time(at, sentFirst[row] as number)
      at += TO_SENT_LAST
      this.#time(at, sentLast[row] as number)
      at = this.#count(at + TO_EVENTS, events[row] as number)
      const words = TAILS[state]
      for (let index = 0; index < words.length; index++) this.#view.setUint32(at + index * 4, words[index] as number, true)
      this.#at = at + TAIL_LENGTHS[state]
    }
    return place
  }

  /** `more`: further members as JSON text behind a comma, or ''. */
  write(line: PersonLine, ids: Uint8Array, index: number, more: string): void {
    const times = (['first', 'last', 'sentFirst', 'sentLast'] as const).map((name) => {
      const instant = line[name]
      return `"${name}":${instant === undefined ? 'null' : `"${new Date(instant).toISOString()}"`}`
    })
    const known = `"groups":${line.groups},"fields":${line.fields},${times.join()}`
    const text = Buffer.from(`${HEAD}${SOME_ID}",${known},"events":${line.events},"state":"${line.state}"${more}}\n`)
    if (!this.#hasRoom(text.length)) {
      const written = this.#bytes.subarray(0, this.#at)
      this.#renew(this.#at + text.length + CHUNK_BYTES)
      this.#bytes.set(written, 0)
      this.#at = written.length
    }
    this.#bytes.set(text, this.#at)
    this.#id(this.#at + HEAD.length, ids, index * ID_BYTES)
    this.#at += text.length
  }

  #renew(size: number): void {
    this.#bytes = Buffer.allocUnsafeSlow(size)
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length)
    this.#at = 0
  }

  /** For a line with a form or text of that length. */
  #hasRoom(length: number): boolean {
    return this.#at + length + ROOM_A_LINE <= this.#bytes.length
  }

  /** As a UUID, lower case; its hyphens are there. */
  #id(at: number, ids: Uint8Array, from: number): void {
    for (let index = 0; index < ID_BYTES; index++)
      this.#view.setUint16(at + (ID_PLACES[index] as number), HEX[ids[from + index] as number] as number, true)
  }

  /** ISO 8601 as Date.toISOString writes it, but for the Z, which is there. */
  #time(at: number, instant: number): void {
    const day = Math.floor(instant / DAY_MS)
    const words = this.#dayWords(day)
    const view = this.#view
    view.setUint32(at, this.#days[words] as number, true)
    view.setUint32(at + 4, this.#days[words + 1] as number, true)
    view.setUint32(at + 8, this.#days[words + 2] as number, true)
    // Whole numbers of 32 bits: their remainders cost a tenth of those of other numbers.
    const inDay = (instant - day * DAY_MS) | 0
    const second = (inDay / 1000) | 0
    const ten = (second / 600) | 0
    view.setUint32(at + 11, TENS[ten] as number, true)
    view.setUint32(at + 15, SECONDS[second - ten * 600] as number, true)
    view.setUint32(at + 19, MILLISECONDS[inDay - second * 1000] as number, true)
  }

  #dayWords(day: number): number {
    const place = (day - FIRST_DAY) * DAY_WORDS
    if (this.#days[place] === 0) this.#days.set(wordsOf(new Date(day * DAY_MS).toISOString().slice(0, 11)), place)
    assert(place >= 0 && place < this.#days.length, 'an instant is between the years 1900 and 2299')
    return place
  }

  /** Where the digits end. */
  #count(at: number, value: number): number {
    if (value >= 10_000_000) return at + this.#bytes.write(String(value), at, COUNT_MAX, 'latin1')
    let end = at + 1
    for (let power = 10; power <= value; power *= 10) end++
    let rest = value | 0
    for (let place = end - 1; place >= at; place--) {
      const tens = (rest / 10) | 0
      this.#bytes[place] = ZERO + rest - tens * 10
      rest = tens
    }
    return end
  }
}

/** Keeps what is made again and again, up to a bound. */
export class Kept<Key, Value> {
  readonly #values = new Map<Key, Value>()

  of(key: Key, make: () => Value): Value {
    const known = this.#values.get(key)
    if (known !== undefined) return known
    const value = make()
    if (this.#values.size < FORMS_MAX) this.#values.set(key, value)
    return value
  }
}

export interface NamedGroup {
  key: string
  group: string
}

/** JSON text of the groups of a line. */
export class GroupTexts {
  readonly #named: ReadonlyMap<Ordinal, NamedGroup>

  constructor(named: ReadonlyMap<Ordinal, NamedGroup>) {
    this.#named = named
  }

  of(groups: Iterable<Ordinal>): string {
    const named = [...groups].flatMap((ordinal) => this.#named.get(ordinal) ?? [])
    return JSON.stringify(named.sort((a, b) => (`${a.key}\0${a.group}` < `${b.key}\0${b.group}` ? -1 : 1)))
  }
}

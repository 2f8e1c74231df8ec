/**
 * People as lines of NDJSON, written as bytes: a list of a million people must not take minutes on the bad day. What many
 * lines share (fields, groups, days) is made into bytes once. `affected.test.ts` reads every line back.
 */
import { DAY_MS, dayOf } from '#base/clock.ts'
import type { Ordinal } from '#model/log-entry.ts'

const CHUNK_BYTES = 1 << 18
const ZERO = 48
const ID_BYTES = 16
/** Texts between the id and the times are kept for so many pairs of groups and fields; beyond, they are put together each time. */
const MIDDLES_MAX = 20_000

/** The fixed parts of a line. */
const KEYS = {
  subject: Buffer.from('{"subject":"'),
  groups: '","groups":',
  fields: ',"fields":',
  first: ',"first":',
  last: Buffer.from(',"last":'),
  sentFirst: Buffer.from(',"sentFirst":'),
  sentLast: Buffer.from(',"sentLast":'),
  events: Buffer.from(',"events":'),
  delivered: Buffer.from(',"state":"delivered"'),
  possible: Buffer.from(',"state":"possible"'),
  baseline: Buffer.from(',"state":"baseline"'),
  unknown: Buffer.from('null'),
  end: Buffer.from('}\n'),
}
const DIGITS = Buffer.from('0123456789abcdef')
const HYPHEN = 0x2d
const QUOTE = 0x22
/** `"2026-11-26T` and `:`, `.`, `Z"` around the digits. */
const TIME_LENGTH = 26

export interface PersonLine {
  groups: Buffer
  fields: Buffer
  /** UTC ms, between the years 1900 and 2299; undefined = nobody knows. */
  first: number | undefined
  last: number | undefined
  sentFirst: number | undefined
  sentLast: number | undefined
  events: number
  state: 'delivered' | 'possible' | 'baseline'
  /** Groups and fields are those of many lines, in the same buffers. */
  isCommon: boolean
}

export class LineWriter {
  #bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  #at = 0
  /** A time of that day, as it is written. */
  readonly #days = new Map<number, Buffer>()
  readonly #middles = new Map<Buffer, Map<Buffer, Buffer>>()
  #middleCount = 0

  /** What was written since the last call; undefined while it is not worth a write, unless `isLast`. */
  take(isLast = false): Buffer | undefined {
    if (this.#at === 0 || (!isLast && this.#at < CHUNK_BYTES - 8192)) return undefined
    const taken = this.#bytes.subarray(0, this.#at)
    this.#bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    this.#at = 0
    return taken
  }

  /** `ids`: 16 bytes a person, of which `index` is the line's; `more`: further members as JSON text behind a comma, or ''. */
  write(line: PersonLine, ids: Uint8Array, index: number, more: string): void {
    const middle = line.isCommon ? this.#middleOf(line.groups, line.fields) : middleText(line.groups, line.fields)
    this.#reserve(512 + 3 * more.length + middle.length)
    this.#copy(KEYS.subject)
    this.#id(ids, index * ID_BYTES)
    this.#bytes.set(middle, this.#at)
    this.#at += middle.length
    this.#time(line.first)
    this.#copy(KEYS.last)
    this.#time(line.last)
    this.#copy(KEYS.sentFirst)
    this.#time(line.sentFirst)
    this.#copy(KEYS.sentLast)
    this.#time(line.sentLast)
    this.#copy(KEYS.events)
    this.#number(line.events)
    this.#copy(KEYS[line.state])
    if (more !== '') this.#at += this.#bytes.write(more, this.#at, 'utf8')
    this.#copy(KEYS.end)
  }

  #middleOf(groups: Buffer, fields: Buffer): Buffer {
    let ofGroups = this.#middles.get(groups)
    const known = ofGroups?.get(fields)
    if (known !== undefined) return known
    const middle = middleText(groups, fields)
    if (this.#middleCount >= MIDDLES_MAX) return middle
    if (ofGroups === undefined) {
      ofGroups = new Map()
      this.#middles.set(groups, ofGroups)
    }
    ofGroups.set(fields, middle)
    this.#middleCount += 1
    return middle
  }

  #copy(bytes: Buffer): void {
    const target = this.#bytes
    let at = this.#at
    for (let index = 0; index < bytes.length; index++) target[at++] = bytes[index] as number
    this.#at = at
  }

  /** As a UUID, lower case. */
  #id(ids: Uint8Array, from: number): void {
    const target = this.#bytes
    let at = this.#at
    for (let index = 0; index < ID_BYTES; index++) {
      if (index === 4 || index === 6 || index === 8 || index === 10) target[at++] = HYPHEN
      const byte = ids[from + index] as number
      target[at++] = DIGITS[byte >> 4] as number
      target[at++] = DIGITS[byte & 15] as number
    }
    this.#at = at
  }

  #number(value: number): void {
    if (value < 10) {
      this.#bytes[this.#at] = ZERO + value
      this.#at += 1
    } else this.#at += this.#bytes.write(String(value), this.#at, 'latin1')
  }

  /** ISO 8601 in quotes, as Date.toISOString writes it. */
  #time(instant: number | undefined): void {
    if (instant === undefined) return this.#copy(KEYS.unknown)
    const day = dayOf(instant)
    const target = this.#bytes
    const at = this.#at
    const date = this.#dayText(day)
    for (let index = 0; index < TIME_LENGTH; index++) target[at + index] = date[index] as number
    // A whole number of 32 bits: its remainders cost a tenth of those of other numbers.
    const inDay = (instant - day * DAY_MS) | 0
    const ms = inDay % 1000
    const second = (inDay / 1000) | 0
    const minute = (second / 60) | 0
    const hour = (minute / 60) | 0
    this.#two(at + 12, hour)
    this.#two(at + 15, minute - hour * 60)
    this.#two(at + 18, second - minute * 60)
    const hundreds = (ms / 100) | 0
    target[at + 21] = ZERO + hundreds
    this.#two(at + 22, ms - hundreds * 100)
    this.#at = at + TIME_LENGTH
  }

  #two(at: number, value: number): void {
    const tens = (value / 10) | 0
    this.#bytes[at] = ZERO + tens
    this.#bytes[at + 1] = ZERO + value - tens * 10
  }

  #dayText(day: number): Buffer {
    let date = this.#days.get(day)
    if (date === undefined) {
      date = Buffer.from(`"${new Date(day * DAY_MS).toISOString()}"`, 'latin1')
      if (date.length !== TIME_LENGTH || date[0] !== QUOTE) throw new RangeError('an instant is between the years 0 and 9999')
      this.#days.set(day, date)
    }
    return date
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#at + count, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#at)
    this.#bytes = grown
  }
}

function middleText(groups: Buffer, fields: Buffer): Buffer {
  return Buffer.from(`${KEYS.groups}${groups.toString()}${KEYS.fields}${fields.toString()}${KEYS.first}`)
}

export interface NamedGroup {
  key: string
  group: string
}

/** JSON text of the groups of a line, kept for those with one group or none. */
export class GroupTexts {
  readonly #named: ReadonlyMap<Ordinal, NamedGroup>
  readonly #single = new Map<Ordinal, Buffer>()

  constructor(named: ReadonlyMap<Ordinal, NamedGroup>) {
    this.#named = named
  }

  /** `group` 0 = none. */
  ofOne(group: Ordinal): Buffer {
    let text = this.#single.get(group)
    if (text === undefined) {
      text = this.ofAll(group === 0 ? [] : [group])
      this.#single.set(group, text)
    }
    return text
  }

  ofAll(groups: Iterable<Ordinal>): Buffer {
    const named = [...groups].flatMap((ordinal) => this.#named.get(ordinal) ?? [])
    return Buffer.from(JSON.stringify(named.sort((a, b) => (`${a.key}\0${a.group}` < `${b.key}\0${b.group}` ? -1 : 1))))
  }
}

/**
 * People as lines of NDJSON, written as bytes: a list of a million people must not take minutes on the bad day. What many
 * lines share (fields, groups, days) is made into bytes once. `affected.test.ts` reads every line back.
 */
import { DAY_MS, dayOf } from '#base/clock.ts'
import type { Ordinal } from '#model/log-entry.ts'

const CHUNK_BYTES = 1 << 18
const TIME_LENGTH = 24
const ZERO = 48

/** The fixed part of a line between two values. */
const KEYS = {
  subject: Buffer.from('{"subject":'),
  groups: Buffer.from(',"groups":'),
  fields: Buffer.from(',"fields":'),
  first: Buffer.from(',"first":'),
  last: Buffer.from(',"last":'),
  sentFirst: Buffer.from(',"sentFirst":'),
  sentLast: Buffer.from(',"sentLast":'),
  events: Buffer.from(',"events":'),
  delivered: Buffer.from(',"state":"delivered"'),
  possible: Buffer.from(',"state":"possible"'),
  baseline: Buffer.from(',"state":"baseline"'),
  unknown: Buffer.from('null'),
  quote: Buffer.from('"'),
  end: Buffer.from('}\n'),
}

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
}

export class LineWriter {
  #bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  #at = 0
  readonly #days = new Map<number, Buffer>()

  /** What was written since the last call; undefined while it is not worth a write, unless `isLast`. */
  take(isLast = false): Buffer | undefined {
    if (this.#at === 0 || (!isLast && this.#at < CHUNK_BYTES - 8192)) return undefined
    const taken = this.#bytes.subarray(0, this.#at)
    this.#bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    this.#at = 0
    return taken
  }

  /** `more`: further members as JSON text behind a comma, or ''. */
  write(line: PersonLine, pseudonym: string, more: string): void {
    const subject = JSON.stringify(pseudonym)
    this.#reserve(512 + 3 * (subject.length + more.length) + line.groups.length + line.fields.length)
    this.#copy(KEYS.subject)
    this.#text(subject)
    this.#copy(KEYS.groups)
    this.#copy(line.groups)
    this.#copy(KEYS.fields)
    this.#copy(line.fields)
    this.#copy(KEYS.first)
    this.#time(line.first)
    this.#copy(KEYS.last)
    this.#time(line.last)
    this.#copy(KEYS.sentFirst)
    this.#time(line.sentFirst)
    this.#copy(KEYS.sentLast)
    this.#time(line.sentLast)
    this.#copy(KEYS.events)
    this.#text(String(line.events))
    this.#copy(KEYS[line.state])
    if (more !== '') this.#at += this.#bytes.write(more, this.#at, 'utf8')
    this.#copy(KEYS.end)
  }

  #copy(bytes: Buffer): void {
    const target = this.#bytes
    let at = this.#at
    for (let index = 0; index < bytes.length; index++) target[at++] = bytes[index] as number
    this.#at = at
  }

  /** Mostly ASCII; what is not goes through the encoder. */
  #text(text: string): void {
    const target = this.#bytes
    const start = this.#at
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code > 0x7f) {
        this.#at = start + target.write(text, start, 'utf8')
        return
      }
      target[start + index] = code
    }
    this.#at = start + text.length
  }

  /** ISO 8601, as Date.toISOString writes it. */
  #time(instant: number | undefined): void {
    if (instant === undefined) return this.#copy(KEYS.unknown)
    this.#copy(KEYS.quote)
    const day = dayOf(instant)
    let date = this.#days.get(day)
    if (date === undefined) {
      date = Buffer.from(new Date(day * DAY_MS).toISOString(), 'latin1')
      if (date.length !== TIME_LENGTH) throw new RangeError('an instant is between the years 0 and 9999')
      this.#days.set(day, date)
    }
    const at = this.#at
    this.#copy(date)
    const target = this.#bytes
    const two = (place: number, value: number): void => {
      target[at + place] = ZERO + Math.trunc(value / 10)
      target[at + place + 1] = ZERO + (value % 10)
    }
    let rest = instant - day * DAY_MS
    const ms = rest % 1000
    rest = (rest - ms) / 1000
    two(17, rest % 60)
    rest = Math.trunc(rest / 60)
    two(14, rest % 60)
    two(11, Math.trunc(rest / 60))
    target[at + 20] = ZERO + Math.trunc(ms / 100)
    two(21, ms % 100)
    this.#copy(KEYS.quote)
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#at + count, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#at)
    this.#bytes = grown
  }
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

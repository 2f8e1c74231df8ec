/**
 * Rows in ClickHouse's RowBinary, in the column order of `schema.ts`
 * (https://clickhouse.com/docs/interfaces/formats/RowBinary): integers little-endian, strings and arrays behind a LEB128
 * length, Date as days in a UInt16, DateTime64(3) as milliseconds in an Int64, LowCardinality as its inner type.
 * Values never become text on their way into the engine, so nothing in them can be read as SQL.
 */
import { ByteWriter } from '#base/byte-writer.ts'
import { assert } from '#base/errors.ts'
import { dayOf } from '#base/clock.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import type { DisclosureRow, OpeningRow } from '#warehouse/port.ts'

/** Range of DateTime64(3); an event time outside it (a broken clock) is stored as the nearest end. */
const TIME_MIN = Date.UTC(1900, 0, 1)
const TIME_MAX = Date.UTC(2299, 11, 31, 23, 59, 59, 999)
const UINT32_MAX = 0xffff_ffff
const TWO_32 = 0x1_0000_0000
const CHUNK_BYTES = 1 << 20
/** Up to here a loop over characters beats the call into native code. */
const SHORT_TEXT = 40

/** The primitive types. `take` hands out what was written and starts anew. */
class RowWriter extends ByteWriter {
  constructor() {
    super(CHUNK_BYTES)
  }

  take(): Buffer {
    const taken = this.written()
    this.bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    this.at = 0
    return taken
  }

  /** Bytes from `start` on, copied: to repeat them in later rows. */
  copyFrom(start: number): Buffer {
    return Buffer.from(this.written().subarray(start))
  }

  day(instant: number): void {
    const day = dayOf(instant)
    assert(day >= 0 && day <= 0xffff, 'a partition day is between 1970 and 2149')
    this.byte(day & 0xff)
    this.byte(day >>> 8)
  }

  time(instant: number): void {
    const clamped = instant >= TIME_MIN ? Math.trunc(Math.min(instant, TIME_MAX)) : TIME_MIN
    const high = Math.floor(clamped / TWO_32)
    this.#word(clamped - high * TWO_32)
    this.#word(high)
  }

  /** Ordinals and positions: whole numbers below 2^53, else our own code is broken. */
  uint64(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'a 64-bit column holds a whole number below 2^53')
    const high = Math.floor(value / TWO_32)
    this.#word(value - high * TWO_32)
    this.#word(high)
  }

  /** Counts and sizes: what is no number in range becomes the nearest end. */
  uint32(value: number): void {
    this.#word(value > 0 ? Math.trunc(Math.min(value, UINT32_MAX)) : 0)
  }

  /** 1, 0, or -1 when not stated. */
  flag(value: boolean | undefined): void {
    this.byte(value === undefined ? 0xff : value ? 1 : 0)
  }

  /** UTF-8; an unpaired surrogate becomes U+FFFD. */
  text(text: string): void {
    const length = text.length
    this.reserve(length * 3 + 8)
    if (length <= SHORT_TEXT) {
      const start = this.at
      this.bytes[this.at++] = length
      if (this.ascii(text)) return
      this.at = start
    }
    const byteLength = Buffer.byteLength(text)
    this.varint(byteLength)
    this.at += this.bytes.write(text, this.at, byteLength, 'utf8')
  }

  texts(values: readonly string[]): void {
    this.varint(values.length)
    for (const value of values) this.text(value)
  }

  uint64s(values: readonly number[]): void {
    this.varint(values.length)
    for (const value of values) this.uint64(value)
  }

  /** 32 bits, little-endian. */
  #word(value: number): void {
    this.reserve(4)
    const { bytes, at } = this
    bytes[at] = value
    bytes[at + 1] = value >>> 8
    bytes[at + 2] = value >>> 16
    bytes[at + 3] = value >>> 24
    this.at = at + 4
  }
}

const NONE: readonly never[] = []

/** Columns of `EVENTS` that all records of an entry share, up to `waitingPart`. */
function writeEntryHead(to: RowWriter, entry: LogEntry): void {
  to.day(entry.at)
  to.time(entry.at)
  to.uint64(entry.seq)
  to.text(entry.source)
  to.text(entry.protocol)
  to.text(entry.surface)
  to.text(entry.trust)
  to.uint32(entry.policy)
  to.uint32(entry.waiting?.day ?? 0)
  to.uint32(entry.waiting?.folder ?? 0)
  to.uint64(entry.waiting?.offset ?? 0)
  to.uint32(entry.waiting?.length ?? 0)
  to.uint32(entry.waiting === undefined ? 0 : (entry.waiting.part ?? -1) + 2)
}

/** The other columns of `EVENTS`, from `recordIndex` on. `sent`: its number in the request, repeats counted. */
function writeRecord(to: RowWriter, record: LogRecord, index: number, sent: number): void {
  const { linked, groups, context } = record
  to.uint32(index)
  to.uint32(sent)
  to.time(record.time)
  to.text(record.name ?? '')
  to.flag(record.reserved ?? false)
  to.text(record.type)
  to.text(record.op ?? '')
  to.uint64(record.user ?? 0)
  to.uint64(record.device ?? 0)
  to.texts(linked === undefined ? NONE : linked.map((one) => one.role))
  to.uint64s(linked === undefined ? NONE : linked.map((one) => one.ordinal))
  to.texts(groups === undefined ? NONE : groups.map((one) => one.key))
  to.uint64s(groups === undefined ? NONE : groups.map((one) => one.ordinal))
  to.text(context?.country ?? '')
  to.text(context?.region ?? '')
  to.text(context?.city ?? '')
  to.text(context?.os ?? '')
  to.text(context?.browser ?? '')
  to.uint32(context?.browserVersion ?? 0)
  to.text(context?.referrerDomain ?? '')
  to.text(context?.referrerMedium ?? '')
  to.text(context?.path ?? '')
  to.uint32(context?.screenWidth ?? 0)
  to.uint32(context?.screenHeight ?? 0)
  to.text(record.properties === undefined ? '' : JSON.stringify(record.properties))
  to.texts(record.unset ?? NONE)
  to.texts(record.withheld ?? NONE)
  to.uint32(record.waitingCount ?? 0)
  to.uint32(record.destroyedCount ?? 0)
  to.flag(record.consent?.gpc)
  to.flag(record.consent?.dnt)
  to.text(consentText(record.consent))
  to.flag(record.erased ?? false)
}

/** What of consent has no column of its own. Records of a request share one object. */
function consentText(consent: LogRecord['consent']): string {
  if (consent === undefined) return ''
  const known = CONSENT_TEXTS.get(consent)
  if (known !== undefined) return known
  const { gpc: _, dnt: __, ...rest } = consent
  const json = JSON.stringify(rest)
  const text = json === '{}' ? '' : json
  CONSENT_TEXTS.set(consent, text)
  return text
}

const CONSENT_TEXTS = new WeakMap<object, string>()

export function* encodeOpenings(fill: number, rows: readonly OpeningRow[]): Generator<Buffer, void> {
  const writer = new RowWriter()
  for (const { seq, index, event, properties, opened } of rows) {
    writer.uint64(fill)
    writer.uint64(seq)
    writer.uint32(index)
    writer.text(event)
    writer.text(properties)
    writer.uint32(opened)
    if (writer.size >= CHUNK_BYTES - 65_536) yield writer.take()
  }
  if (writer.size > 0) yield writer.take()
}

/** Encoded rows in chunks of about a megabyte, so that whoever sends them can let others run in between. */
export function* encodeEvents(entries: readonly LogEntry[]): Generator<Buffer, void> {
  const writer = new RowWriter()
  for (const entry of entries) {
    if (entry.records.length === 0) continue
    const start = writer.size
    writeEntryHead(writer, entry)
    const head = entry.records.length > 1 ? writer.copyFrom(start) : undefined
    const skipped = entry.waiting?.skipped ?? NONE
    let passed = 0
    for (let index = 0; index < entry.records.length; index++) {
      if (index > 0 && head !== undefined) writer.copy(head)
      while (skipped[passed] === index + passed) passed++
      writeRecord(writer, entry.records[index] as LogRecord, index, index + passed)
      if (writer.size >= CHUNK_BYTES - 65_536) yield writer.take()
    }
  }
  if (writer.size > 0) yield writer.take()
}

/** Columns of `DISCLOSURES` that all rows of an entry share, up to `policy`. */
function writeIntent(to: RowWriter, row: DisclosureRow): void {
  to.day(row.sentAt)
  to.time(row.sentAt)
  to.uint64(row.entry)
  to.text(row.vendor)
  to.text(row.destination)
  to.uint32(row.epoch)
  to.text(row.route)
  to.text(row.purpose)
  to.uint32(row.policy)
}

/** The other columns of `DISCLOSURES`, from `surface` on. `shape` comes encoded. */
function writeDisclosure(to: RowWriter, row: DisclosureRow, shape: Buffer): void {
  to.text(row.surface)
  to.copy(shape)
  to.uint64(row.subject)
  to.text(row.kind)
  to.uint64s(row.groups)
  to.uint32(row.events)
  to.time(row.first)
  to.time(row.last)
  to.text(row.state)
}

/** Rows of one entry stand together, and shapes are few and long: both are encoded once and copied. */
export function* encodeDisclosures(rows: readonly DisclosureRow[]): Generator<Buffer, void> {
  const writer = new RowWriter()
  const shapes = new Map<string, Buffer>()
  let head: Buffer | undefined
  let before: DisclosureRow | undefined
  for (const row of rows) {
    if (head === undefined || before === undefined || !isOfSameIntent(row, before)) {
      const start = writer.size
      writeIntent(writer, row)
      head = writer.copyFrom(start)
    } else writer.copy(head)
    before = row
    writeDisclosure(writer, row, shapes.get(row.shape) ?? addShape(shapes, row.shape))
    if (writer.size >= CHUNK_BYTES - 65_536) yield writer.take()
  }
  if (writer.size > 0) yield writer.take()
}

function isOfSameIntent(a: DisclosureRow, b: DisclosureRow): boolean {
  return (
    a.entry === b.entry &&
    a.sentAt === b.sentAt &&
    a.vendor === b.vendor &&
    a.destination === b.destination &&
    a.epoch === b.epoch &&
    a.route === b.route &&
    a.purpose === b.purpose &&
    a.policy === b.policy
  )
}

function addShape(shapes: Map<string, Buffer>, shape: string): Buffer {
  const writer = new ByteWriter(shape.length * 3 + 8)
  const bytes = Buffer.from(shape)
  writer.varint(bytes.length)
  writer.copy(bytes)
  const encoded = writer.written()
  shapes.set(shape, encoded)
  return encoded
}

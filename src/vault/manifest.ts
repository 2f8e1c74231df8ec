/**
 * The rows of a ledger entry as bytes to be sealed. Order is kept. Packing happens at the caller, so the vault only seals.
 *
 * Version 2: [2], then raw DEFLATE of: count of words and the words (surfaces and shapes, each once); the earliest `first`;
 * count of rows; and then one column after another, since equal things stand together so. Whole numbers are LEB128, signed
 * ones begin with six bits and a sign. Version 1, which is still read, was raw DEFLATE of JSON.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { ByteWriter } from '#base/byte-writer.ts'
import { BulkheadError } from '#base/errors.ts'
import { type ManifestRow, SUBJECT_KINDS, type SubjectKind } from '#model/disclosure.ts'

const VERSION = 2
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024
/** First size of the buffer; it grows. */
const ROW_BYTES_EXPECTED = 16

export function packManifest(rows: readonly ManifestRow[]): Buffer {
  const words = new Map<string, number>()
  const numberOf = (word: string): number => {
    const known = words.get(word)
    if (known !== undefined) return known
    words.set(word, words.size)
    return words.size - 1
  }
  const surfaces = rows.map((row) => numberOf(row.surface))
  const shapes = rows.map((row) => numberOf(row.shape))
  const writer = new ByteWriter(256 + rows.length * ROW_BYTES_EXPECTED)
  writer.varint(words.size)
  for (const word of words.keys()) {
    const bytes = Buffer.from(word)
    writer.varint(bytes.length)
    writer.copy(bytes)
  }
  const origin = rows.reduce((earliest, { first }) => Math.min(earliest, first), rows[0]?.first ?? 0)
  writer.signed(origin)
  writer.varint(rows.length)
  for (const { kind } of rows) writer.byte(SUBJECT_KINDS.indexOf(kind))
  let before = 0
  for (const { subject } of rows) {
    writer.signed(subject - before)
    before = subject
  }
  for (const surface of surfaces) writer.varint(surface)
  for (const shape of shapes) writer.varint(shape)
  for (const { events } of rows) writer.varint(events)
  for (const { first } of rows) writer.varint(first - origin)
  for (const { first, last } of rows) writer.varint(last - first)
  for (const { groups } of rows) writer.varint(groups.length)
  for (const { groups } of rows) for (const group of groups) writer.varint(group)
  return Buffer.concat([Buffer.of(VERSION), deflateRawSync(writer.written(), { level: 1 })])
}

/** Throws `ledger_corrupt` for what neither version makes. */
export function unpackManifest(bytes: Uint8Array): ManifestRow[] {
  try {
    const unpack = bytes[0] === VERSION ? unpackColumns : bytes[0] === 1 ? unpackJson : undefined
    if (unpack === undefined) throw new Error('unknown version')
    return unpack(inflateRawSync(bytes.subarray(1), { maxOutputLength: UNPACKED_BYTES_MAX }))
  } catch (cause) {
    throw new BulkheadError('ledger_corrupt', 'the manifest of a ledger entry cannot be read', { cause })
  }
}

function unpackColumns(bytes: Buffer): ManifestRow[] {
  const reader = new PackedReader(bytes)
  const words = Array.from({ length: reader.count() }, () => reader.text())
  const origin = reader.signed()
  const rows = Array.from({ length: reader.count() }, (): ManifestRow => {
    return { subject: 0, kind: reader.member(SUBJECT_KINDS), surface: '', shape: '', events: 0, first: 0, last: 0, groups: [] }
  })
  let before = 0
  for (const row of rows) before = row.subject = before + reader.signed()
  for (const row of rows) row.surface = reader.member(words)
  for (const row of rows) row.shape = reader.member(words)
  for (const row of rows) row.events = reader.varint()
  for (const row of rows) row.first = origin + reader.varint()
  for (const row of rows) row.last = row.first + reader.varint()
  const counts = rows.map(() => reader.count())
  for (const [index, row] of rows.entries()) for (let group = counts[index] as number; group > 0; group--) row.groups.push(reader.varint())
  reader.finish()
  return rows
}

class PackedReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  varint(): number {
    return this.#more(1, 0)
  }

  signed(): number {
    const first = this.#byte()
    const value = first & 0x80 ? this.#more(64, first & 63) : first & 63
    return first & 0x40 ? -value : value
  }

  /** How many things follow, each of one byte at least. */
  count(): number {
    const count = this.varint()
    if (count > this.#bytes.length - this.#at) throw new Error('more is announced than there is')
    return count
  }

  text(): string {
    const length = this.count()
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  member<Value>(of: readonly Value[]): Value {
    const index = this.varint()
    if (index >= of.length) throw new Error('a number that stands for nothing')
    return of[index] as Value
  }

  finish(): void {
    if (this.#at !== this.#bytes.length) throw new Error('more bytes than rows')
  }

  #more(from: number, low: number): number {
    let value = low
    for (let scale = from; scale < 2 ** 60; scale *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    if (!Number.isSafeInteger(value)) throw new Error('not a number')
    return value
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new Error('cut short')
    return byte
  }
}

type PackedJson = [
  subject: number,
  kind: number,
  surface: number,
  shape: number,
  events: number,
  first: number,
  last: number,
  groups: number[],
]

function unpackJson(bytes: Buffer): ManifestRow[] {
  const [words, rows] = JSON.parse(bytes.toString('utf8')) as [string[], PackedJson[]]
  return rows.map(([subject, kind, surface, shape, events, first, last, groups]) => ({
    subject,
    kind: SUBJECT_KINDS[kind] as SubjectKind,
    surface: words[surface] as string,
    shape: words[shape] as string,
    events,
    first,
    last,
    groups,
  }))
}

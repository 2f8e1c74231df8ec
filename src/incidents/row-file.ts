/**
 * Rows of a file that somebody else wrote: CSV, JSON or lines of JSON, perhaps compressed, of any size, read once as a stream in
 * bounded memory. Nothing is dropped without a word: what is no row is named by its number, and what could be read only in part
 * is read so and named too.
 */
import { BulkheadError } from '#base/errors.ts'
import { csvRows } from './row-file-csv.ts'
import { listOfRows, lookBehind } from './row-file-envelope.ts'
import { jsonRows, lineRows, listRows, lostRows } from './row-file-json.ts'
import { decompressed, utf8Of } from './row-file-text.ts'
import { type ColumnNames, type RowBatch, RowSink, WRAPPED } from './row-sink.ts'

export const ROW_FORMATS = ['auto', 'csv', 'json', 'ndjson'] as const
export type RowFormat = Exclude<(typeof ROW_FORMATS)[number], 'auto'>

export interface RowFile {
  /** Names so far; complete when the batches are. */
  columns: ColumnNames
  /** Known once the first batch was given. */
  format(): RowFormat | undefined
  batches: AsyncGenerator<RowBatch, void>
}

/** Throws `leak_file_invalid` for what holds no rows at all, or is compressed so that it was made to do harm. */
export function readRows(content: AsyncIterable<Uint8Array>, options: { format?: RowFormat | undefined } = {}): RowFile {
  const sink = new RowSink()
  let format = options.format
  const batches = async function* (): AsyncGenerator<RowBatch, void> {
    const { head, isWhole, rest } = await peek(utf8Of(decompressed(content)))
    if (head.every((byte) => byte <= 0x20)) throw new BulkheadError('leak_file_invalid', 'the file is empty')
    const isObject = head.find((byte) => byte > 0x20) === OPEN
    format ??= formatOf(head)
    assertText(head)
    const parse = { csv: csvRows, json: jsonRows, ndjson: lineRows }[format]
    const list = isObject && format !== 'csv' && options.format !== 'ndjson' ? listOfRows(head, isWhole) : undefined
    if (list === undefined) yield* parse(rest, sink, head)
    else {
      format = 'json'
      const left = yield* listRows(from(rest, list.at), sink)
      const behind = await peek(after(left, rest))
      if (lookBehind(list, behind.head, behind.isWhole) === 'lost') yield* lostRows(behind.rest, sink)
    }
    const last = sink.take()
    if (last.rows.length + last.faults.length > 0) yield last
  }
  return { columns: sink.columns, format: () => format, batches: batches() }
}

const HEAD_BYTES = 1 << 20
const OPEN = 0x7b

/** The beginning, to see what it is, and all of it again. */
async function peek(
  content: AsyncGenerator<Buffer, void>,
): Promise<{ head: Buffer; isWhole: boolean; rest: AsyncGenerator<Buffer, void> }> {
  const pieces: Buffer[] = []
  let length = 0
  let next = await content.next()
  for (; next.done !== true && length < HEAD_BYTES; next = await content.next()) {
    pieces.push(next.value)
    length += next.value.length
  }
  const head = Buffer.concat(pieces)
  // One piece more was asked for: a head may be all of the file.
  const second = next
  const rest = async function* (): AsyncGenerator<Buffer, void> {
    yield head
    if (second.done === true) return
    yield second.value
    yield* content
  }
  return { head, isWhole: second.done === true, rest: rest() }
}

async function* after(first: Buffer, content: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  yield first
  yield* content
}

/** Without the first so many bytes of the head. */
async function* from(content: AsyncGenerator<Buffer, void>, start: number): AsyncGenerator<Buffer, void> {
  const head = await content.next()
  if (head.done !== true) yield head.value.subarray(start)
  yield* content
}

/** Beginnings of files that hold no text. */
const FOREIGN: readonly (readonly [what: string, bytes: string])[] = [
  ['an archive or a workbook (zip)', 'PK\u0003\u0004'],
  ['a Parquet file', 'PAR1'],
  ['an SQLite database', 'SQLite format 3\0'],
  ['compressed by zstd', '\u0028\u00b5\u002f\u00fd'],
  ['compressed twice', '\u001f\u008b'],
  ['compressed by bzip2', 'BZh'],
  ['compressed by xz', '\u00fd7zXZ'],
  ['a PDF', '%PDF-'],
]

const SAMPLE_BYTES = 1 << 16
/** Of the bytes of a text there are none, of bytes without meaning every ninth. */
const CONTROLS_MAX = 0.02

/**
 * Everything can be cut at commas and line ends, and bytes may begin with a bracket by chance: what is no text must not stand in
 * the record as a file that names nobody. A few such bytes are the row's matter in which they stand: whoever writes the file must
 * not be able to have all of it refused by them.
 */
function assertText(head: Buffer): void {
  const sample = head.subarray(0, SAMPLE_BYTES)
  let controls = 0
  for (const byte of sample) if ((byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) || byte === 0x7f) controls += 1
  if (controls > Math.max(2, sample.length * CONTROLS_MAX))
    throw new BulkheadError('leak_file_invalid', 'the file holds no text: export it as CSV, JSON or lines of JSON')
}

function formatOf(head: Buffer): RowFormat {
  const start = head.toString('latin1', 0, 16)
  const foreign = FOREIGN.find(([, bytes]) => start.startsWith(bytes))
  if (foreign !== undefined)
    throw new BulkheadError('leak_file_invalid', `the file is ${foreign[0]}: unpack or export it as CSV, JSON or lines of JSON`)
  const first = head.find((byte) => byte > 0x20)
  if (first !== 0x5b && first !== 0x7b) return 'csv'
  const from = head.findIndex((byte) => byte > 0x20)
  const end = head.indexOf(0x0a, from)
  const line = head.toString('utf8', from, end < 0 ? head.length : end)
  return isOneRow(line) ? 'ndjson' : 'json'
}

/** An object on its own line is lines of JSON, unless it wraps a list of them; so is a list of values. */
function isOneRow(line: string): boolean {
  try {
    const value = JSON.parse(line) as unknown
    return Array.isArray(value) ? value.length > 0 && typeof value[0] !== 'object' : !WRAPPED.test(line.slice(0, 4096))
  } catch {
    return false
  }
}

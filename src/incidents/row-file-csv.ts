/**
 * Rows of CSV as people and programs really write it: commas, semicolons, tabs or bars; texts in quotes over several lines; quotes
 * within texts; rows that are too short or too long. A text whose end is missing costs its own row and not all that follow, which
 * is why this is not left to a parser that gives up there: whoever writes the file must not be able to hide rows behind one quote.
 */
import { BulkheadError } from '#base/errors.ts'
import { type Cell, COLUMNS_MAX, type RowBatch, type RowSink, textOf } from './row-sink.ts'

const [QUOTE, NEWLINE, RETURN] = [0x22, 0x0a, 0x0d]
const DELIMITERS = [',', ';', '\t', '|']
/** Of a row with quotes. A row that is longer has lost one. */
const QUOTED_BYTES_MAX = 1 << 20
const LINE_BYTES_MAX = 8 << 20

export async function* csvRows(content: AsyncIterable<Buffer>, sink: RowSink, head: Buffer): AsyncGenerator<RowBatch, void> {
  const lineEnd = head.includes(NEWLINE) || !head.includes(RETURN) ? NEWLINE : RETURN
  const csv = new CsvReader(sink, delimiterOf(head, lineEnd), lineEnd)
  let held: Buffer = Buffer.alloc(0)
  let isOverlong = false
  for await (const piece of content) {
    let all = held.length === 0 ? piece : Buffer.concat([held, piece])
    if (isOverlong) {
      const end = all.indexOf(lineEnd)
      all = end < 0 ? Buffer.alloc(0) : all.subarray(end + 1)
      isOverlong = end < 0
    }
    let from = 0
    for (let next = csv.read(all, from, false); next !== undefined; next = csv.read(all, from, false)) {
      from = next
      if (sink.isFull) yield sink.take()
    }
    held = all.subarray(from)
    if (held.length <= LINE_BYTES_MAX) continue
    sink.fault(sink.next(), 'too_long')
    isOverlong = true
    held = Buffer.alloc(0)
  }
  let from = 0
  for (let next = csv.read(held, from, true); next !== undefined; next = csv.read(held, from, true)) {
    from = next
    if (sink.isFull) yield sink.take()
  }
}

/** By the first line: names of columns seldom hold any of them. */
function delimiterOf(head: Buffer, lineEnd: number): string {
  const end = head.indexOf(lineEnd)
  const line = head.toString('utf8', 0, Math.min(end < 0 ? head.length : end, 65_536)).replaceAll(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => ({ delimiter, count: line.split(delimiter).length }))
  return counts.reduce((best, each) => (each.count > best.count ? each : best)).delimiter
}

const DATA = [
  /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
  /^[^\s@]+@[^\s@]+\.[^\s@]+$/,
  /^\d{4}-\d\d-\d\d([T ]|$)/,
  /^[+-]?\d{9,13}(\.\d+)?$/,
]

class CsvReader {
  readonly #sink: RowSink
  readonly #delimiter: string
  readonly #lineEnd: number
  #places: number[] | undefined
  /** Where the next quote is known to stand in the bytes that were last read; -1: nowhere. */
  #quote = 0
  #seen: Buffer | undefined

  constructor(sink: RowSink, delimiter: string, lineEnd: number) {
    this.#sink = sink
    this.#delimiter = delimiter
    this.#lineEnd = lineEnd
  }

  /** Takes one row; where the next begins. Undefined: there is no whole one. `isLast`: nothing follows these bytes. */
  read(bytes: Buffer, from: number, isLast: boolean): number | undefined {
    if (from >= bytes.length) return undefined
    const found = bytes.indexOf(this.#lineEnd, from)
    if (found < 0 && !isLast) return undefined
    const end = found < 0 ? bytes.length : found
    if (!this.#hasQuote(bytes, from, end)) {
      this.#line(bytes, from, end)
      return end + 1
    }
    const quoted = readQuoted(bytes, from, this.#delimiter.charCodeAt(0), this.#lineEnd)
    const isEnded = quoted !== undefined && (isLast || quoted.end < bytes.length)
    const length = (quoted?.end ?? bytes.length) - from
    if (!isEnded && !isLast && length <= QUOTED_BYTES_MAX) return undefined
    // One that goes over several lines and is not written as such rows are begins with a quote too many.
    const isLikely =
      quoted !== undefined &&
      (quoted.end <= end || (quoted.isTidy && quoted.cells.length === (this.#places?.length ?? quoted.cells.length)))
    if (isEnded && isLikely && length <= QUOTED_BYTES_MAX) {
      this.#cells(quoted.cells, length, quoted.isWhole)
      return quoted.end + 1
    }
    // The end of a text is missing: this line is what is wrong, and the next one is read as a row again.
    this.#line(bytes, from, end, true)
    return end + 1
  }

  #hasQuote(bytes: Buffer, from: number, end: number): boolean {
    if (this.#seen !== bytes || (this.#quote >= 0 && this.#quote < from)) {
      this.#seen = bytes
      this.#quote = bytes.indexOf(QUOTE, from)
    }
    return this.#quote >= 0 && this.#quote < end
  }

  #line(bytes: Buffer, from: number, end: number, isBroken = false): void {
    const last = end > from && bytes[end - 1] === RETURN ? end - 1 : end
    if (last === from) return
    const { text, isWhole } = textOf(bytes.subarray(from, last))
    this.#cells(text.split(this.#delimiter), last - from, isWhole, isBroken)
  }

  #cells(cells: readonly string[], bytes: number, isWhole: boolean, isBroken = false): void {
    if (cells.length === 1 && cells[0] === '') return
    if (cells.length > COLUMNS_MAX) throw new BulkheadError('leak_file_invalid', `the file has more than ${COLUMNS_MAX} columns`)
    const places = this.#places ?? this.#header(cells)
    if (places === undefined) return
    const number = this.#sink.next()
    if (isBroken || cells.length !== places.length) this.#sink.fault(number, 'cells')
    else if (!isWhole) this.#sink.fault(number, 'encoding')
    const columns =
      cells.length === places.length ? places : cells.map((_, at) => places[at] ?? this.#sink.columns.placeOf(`column ${at + 1}`))
    this.#sink.row({ number, columns, values: cells as readonly Cell[] }, bytes)
  }

  /** Undefined: the row was the names of the columns. Values in the first row say that there are none. */
  #header(cells: readonly string[]): number[] | undefined {
    const names = cells.map((cell) => cell.trim())
    const isData = names.some((name) => DATA.some((pattern) => pattern.test(name)))
    const used = new Set<string>()
    const places = names.map((name, at) => {
      const isFree = !isData && name !== '' && !used.has(name)
      used.add(name)
      return this.#sink.columns.placeOf(isFree ? name : `column ${at + 1}`)
    })
    this.#places = places
    return isData ? places : undefined
  }
}

interface Quoted {
  cells: string[]
  end: number
  isWhole: boolean
  /** Nothing stands behind a closing quote but the end of its cell. */
  isTidy: boolean
}

/** One row that has quotes, from its first byte; undefined: it does not end in these bytes. */
function readQuoted(bytes: Buffer, from: number, delimiter: number, lineEnd: number): Quoted | undefined {
  const cells: string[] = []
  let isWhole = true
  let isTidy = true
  let at = from
  for (;;) {
    let cell = ''
    const isQuoted = bytes[at] === QUOTE
    if (isQuoted) {
      at += 1
      for (;;) {
        const close = bytes.indexOf(QUOTE, at)
        if (close < 0 || close - from > QUOTED_BYTES_MAX) return undefined
        const part = textOf(bytes.subarray(at, close))
        cell += part.text
        isWhole = isWhole && part.isWhole
        at = close + 1
        if (bytes[at] !== QUOTE) break
        cell += '"'
        at += 1
      }
    }
    // What stands behind a closing quote, or without any.
    let end = at
    while (end < bytes.length && bytes[end] !== delimiter && bytes[end] !== lineEnd) end += 1
    const isRowEnd = end >= bytes.length || bytes[end] === lineEnd
    const last = isRowEnd && end > at && bytes[end - 1] === RETURN ? end - 1 : end
    const rest = textOf(bytes.subarray(at, last))
    isWhole = isWhole && rest.isWhole
    isTidy = isTidy && (!isQuoted || rest.text.trim() === '')
    cells.push(cell + rest.text)
    if (isRowEnd) return { cells, end, isWhole, isTidy }
    at = end + 1
  }
}

/** Rows of JSON: one object a line, or the objects of a list, however it is laid out. */
import { type Cell, ROW_BYTES_MAX, type RowBatch, type RowSink, textOf, WRAPPED } from './row-sink.ts'

const NEWLINE = 0x0a

export async function* lineRows(content: AsyncIterable<Buffer>, sink: RowSink): AsyncGenerator<RowBatch, void> {
  const objects = new ObjectReader(sink)
  let held: Buffer = Buffer.alloc(0)
  let isOverlong = false
  for await (const piece of content) {
    const all = held.length === 0 ? piece : Buffer.concat([held, piece])
    let from = 0
    for (let end = all.indexOf(NEWLINE); end >= 0; end = all.indexOf(NEWLINE, from)) {
      if (!isOverlong) objects.line(all.subarray(from, end))
      isOverlong = false
      from = end + 1
      if (sink.isFull) yield sink.take()
    }
    held = all.subarray(from)
    if (held.length <= ROW_BYTES_MAX) continue
    if (!isOverlong) sink.fault(sink.next(), 'too_long')
    isOverlong = true
    held = Buffer.alloc(0)
  }
  if (!isOverlong) objects.line(held)
}

const [QUOTE, ESCAPE, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST, COMMA] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c]
/** What stands before a row. */
const SEPARATORS: ReadonlySet<number> = new Set([COMMA, NEWLINE, CLOSE, OPEN_LIST])

/** `head`: the beginning, which tells how deep the rows stand. */
export async function* jsonRows(content: AsyncGenerator<Buffer, void>, sink: RowSink, head: Buffer): AsyncGenerator<RowBatch, void> {
  yield* scannedRows(content, sink, new Scan(rowDepth(head)))
}

/** From the beginning of a list to its end: what is around it is no row. Returns what stands behind it, to be read on with `content`. */
export function listRows(content: AsyncGenerator<Buffer, void>, sink: RowSink): AsyncGenerator<RowBatch, Buffer> {
  return scannedRows(content, sink, new Scan(1, true))
}

/** Behind a text that broke off: from whatever looks like the beginning of a row. */
export async function* lostRows(content: AsyncGenerator<Buffer, void>, sink: RowSink): AsyncGenerator<RowBatch, void> {
  sink.fault(sink.next(), 'cut_off')
  const scan = new Scan(1)
  scan.lose()
  yield* scannedRows(content, sink, scan)
}

async function* scannedRows(content: AsyncGenerator<Buffer, void>, sink: RowSink, scan: Scan): AsyncGenerator<RowBatch, Buffer> {
  const objects = new ObjectReader(sink)
  let held: Buffer = Buffer.alloc(0)
  let isLeft = true
  try {
    // Not `for await`, which would end the content where the list ends.
    for (let next = await content.next(); next.done !== true; next = await content.next()) {
      const all = held.length === 0 ? next.value : Buffer.concat([held, next.value])
      let at = held.length
      for (;;) {
        const found = scan.next(all, at)
        if (found === undefined) break
        at = found.end
        if (found.isLoose) sink.fault(sink.next(), 'no_object')
        else if (found.start === undefined) sink.fault(sink.next(), 'too_long')
        else objects.object(all.subarray(found.start, found.end))
        if (sink.isFull) yield sink.take()
      }
      if (scan.over !== undefined) {
        isLeft = false
        return all.subarray(scan.over)
      }
      // Only what begins a row is kept.
      held = scan.start === undefined ? Buffer.alloc(0) : all.subarray(scan.start)
      if (held.length > ROW_BYTES_MAX) {
        scan.forget()
        held = Buffer.alloc(0)
      } else scan.moveStart()
    }
  } finally {
    if (isLeft) await content.return()
  }
  if (scan.isInside || scan.isOpen) sink.fault(sink.next(), 'cut_off')
  return Buffer.alloc(0)
}

function rowDepth(head: Buffer): number {
  if (head.find((byte) => byte > 0x20) === OPEN_LIST) return 1
  return WRAPPED.test(head.toString('utf8', 0, 4096)) ? 2 : 0
}

interface FoundRow {
  /** Undefined: it was too long to be kept. */
  start: number | undefined
  end: number
  /** A value among rows that is none. */
  isLoose: boolean
}

/**
 * Finds whole objects, and lists in their place, at one depth by their brackets. A line end within a text says that its end is
 * missing, since JSON has none there: the row ends with it. No quote behind it can be trusted to begin a text or to end one, so
 * rows are read again from what looks like the beginning of one; else all that follows could be hidden behind one line end.
 */
class Scan {
  readonly #rowDepth: number
  #depth = 0
  #isText = false
  #isEscaped = false
  /** Where the row that is under way begins; undefined: between rows, or it is too long to be kept. */
  start: number | undefined
  #isForgotten = false
  /** Behind a row that broke off, until the next begins; what was read last there. */
  #isLost = false
  #before = NEWLINE
  #isLoose = false
  #isBehind = false
  /** Nothing behind the end of the list is a row, as long as no row broke off: then its brackets may be those of a text. */
  #endsWithList: boolean
  /** Behind the end of the list in the bytes that were read last. */
  over: number | undefined

  constructor(depth: number, endsWithList = false) {
    this.#rowDepth = depth
    this.#endsWithList = endsWithList
  }

  get isInside(): boolean {
    return this.start !== undefined || this.#isForgotten
  }

  /** The list of rows has no end. */
  get isOpen(): boolean {
    return this.#depth > 0 && !this.#isLost
  }

  forget(): void {
    this.start = undefined
    this.#isForgotten = true
  }

  lose(): void {
    this.#isLost = true
    this.#endsWithList = false
    this.#before = NEWLINE
  }

  moveStart(): void {
    if (this.start !== undefined) this.start = 0
  }

  /** The next row that ends; undefined: there is none in these bytes. */
  next(bytes: Buffer, from: number): FoundRow | undefined {
    let [isText, isEscaped] = [this.#isText, this.#isEscaped]
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number
      if (this.#isLost) {
        if (this.#staysLost(byte, at)) continue
        ;[isText, isEscaped] = [false, false]
      }
      if (isText) {
        if (byte === NEWLINE) {
          isText = false
          if (this.isInside) {
            this.lose()
            return this.#end(at)
          }
        } else if (isEscaped) isEscaped = false
        else if (byte === ESCAPE) isEscaped = true
        else if (byte === QUOTE) isText = false
        continue
      }
      if (byte === QUOTE) {
        isText = true
        isEscaped = false
      } else if (byte === OPEN || byte === OPEN_LIST) {
        // An object behind the end of the list is a row as well.
        this.#isBehind ||= byte === OPEN && this.#rowDepth === 1 && this.#depth === 0
        if (this.#isBehind && !this.isInside) this.#depth = 1
        if (this.#depth === this.#rowDepth && !this.isInside) {
          this.start = at
          this.#isLoose = false
        }
        this.#depth += 1
        continue
      } else if (byte === CLOSE || byte === CLOSE_LIST) {
        this.#isLoose = false
        // The end of a row whose beginning was given up above.
        if (byte === CLOSE && !this.isInside && this.#depth === this.#rowDepth) continue
        this.#depth = Math.max(0, this.#depth - 1)
        if (this.#depth <= this.#rowDepth && this.isInside) return this.#end(at + 1)
        if (this.#depth > 0 || !this.#endsWithList) continue
        this.over = at + 1
        return undefined
      }
      if (this.#depth !== this.#rowDepth || this.#rowDepth === 0 || this.isInside || byte <= 0x20) continue
      const isFirst = byte !== COMMA && !this.#isLoose
      this.#isLoose = byte !== COMMA
      if (!isFirst) continue
      this.#isText = isText
      this.#isEscaped = isEscaped
      return { start: undefined, end: at + 1, isLoose: true }
    }
    this.#isText = isText
    this.#isEscaped = isEscaped
    return undefined
  }

  /** A row begins with a bracket behind a separator, and with its end or a quote behind that. */
  #staysLost(byte: number, at: number): boolean {
    if (byte <= 0x20 && byte !== NEWLINE) return true
    const isBegun = this.start !== undefined
    if (isBegun && byte === NEWLINE) return true
    if (isBegun && (byte === QUOTE || byte === CLOSE)) {
      this.#isLost = false
      this.#depth = this.#rowDepth + 1
      return false
    }
    const isBracket = byte === OPEN || byte === OPEN_LIST
    this.start = isBracket && SEPARATORS.has(isBegun ? OPEN_LIST : this.#before) ? at : undefined
    this.#before = byte
    return true
  }

  #end(end: number): FoundRow {
    const { start } = this
    this.start = undefined
    this.#isForgotten = false
    this.#isText = false
    this.#depth = this.#isBehind ? 0 : Math.min(this.#depth, this.#rowDepth)
    this.#isBehind = false
    return { start, end, isLoose: false }
  }
}

/** What wraps the properties of an event or a profile and says nothing itself. */
const WRAPPERS: ReadonlySet<string> = new Set([
  'properties',
  '$properties',
  '$set',
  '$set_once',
  '$add',
  '$append',
  '$union',
  '$remove',
  'traits',
  'event_properties',
  'user_properties',
  'group_properties',
])
const DEPTH_MAX = 4
const LIST_MAX = 1000

class ObjectReader {
  readonly #sink: RowSink

  constructor(sink: RowSink) {
    this.#sink = sink
  }

  line(bytes: Buffer): void {
    let end = bytes.length
    while (end > 0 && (bytes[end - 1] as number) <= 0x20) end -= 1
    if (end > 0) this.object(bytes.subarray(0, end))
  }

  object(bytes: Buffer): void {
    const number = this.#sink.next()
    const { text, isWhole } = textOf(bytes)
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return this.#sink.fault(number, 'no_json')
    }
    if (typeof value !== 'object' || value === null) return this.#sink.fault(number, 'no_object')
    if (!isWhole) this.#sink.fault(number, 'encoding')
    const row = { number, columns: [] as number[], values: [] as Cell[] }
    // A list has its columns by number, as a row of CSV without names has.
    const cells = Array.isArray(value) ? Object.fromEntries(value.slice(0, LIST_MAX).map((cell, at) => [`column ${at + 1}`, cell])) : value
    this.#flatten(cells as Record<string, unknown>, '', 0, row)
    this.#sink.row(row, bytes.length)
  }

  #flatten(object: Record<string, unknown>, prefix: string, depth: number, row: { columns: number[]; values: Cell[] }): void {
    for (const key in object) {
      if (!Object.hasOwn(object, key)) continue
      const value = object[key]
      if (typeof value === 'object') {
        if (value !== null) this.#inner(value, WRAPPERS.has(key) ? prefix : `${prefix}${key}`, depth, row)
      } else {
        row.columns.push(this.#sink.columns.placeOf(prefix === '' ? key : `${prefix}${key}`))
        row.values.push(value as Cell)
      }
    }
  }

  /** Elements of a list are values of one column. */
  #inner(value: object, name: string, depth: number, row: { columns: number[]; values: Cell[] }): void {
    if (depth >= DEPTH_MAX) return
    if (!Array.isArray(value)) return this.#flatten(value as Record<string, unknown>, name === '' ? '' : `${name}.`, depth + 1, row)
    for (const each of (value as unknown[]).slice(0, LIST_MAX)) {
      if (typeof each === 'object') {
        if (each !== null) this.#inner(each, name, depth + 1, row)
      } else {
        row.columns.push(this.#sink.columns.placeOf(name))
        row.values.push(each as Cell)
      }
    }
  }
}

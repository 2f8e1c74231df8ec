/** Rows of a foreign file as their readers give them, whatever its format. */
import { isUtf8 } from 'node:buffer'

export type Cell = string | number | boolean

export interface FileRow {
  /** From 1, the line of column names not counted. */
  number: number
  /** Place of each value's column in the names. */
  columns: readonly number[]
  values: readonly Cell[]
}

/** `cut_off`, `no_json`, `no_object`, `too_long`: not read. `cells`, `encoding`: read in part. */
export type RowFault = 'cut_off' | 'no_json' | 'no_object' | 'too_long' | 'cells' | 'encoding'

export interface FaultyRow {
  number: number
  fault: RowFault
}

export const IN_PART: ReadonlySet<RowFault> = new Set(['cells', 'encoding'])

export interface RowBatch {
  rows: FileRow[]
  faults: FaultyRow[]
  /** Length of the rows as they stand in the file. */
  bytes: number
}

/** A piece that is one row at most, with what is known of it before it is parsed. */
export const ROW_BYTES_MAX = 8 << 20
export const COLUMNS_MAX = 16_384
const ROWS_A_BATCH = 4096
/** Of rows as they stand in the file: few long ones are as many as many short ones. */
const BYTES_A_BATCH = 16 << 20

/** Names of columns in the order in which they appear; invented ones beyond the limit share the last place. */
export class ColumnNames {
  readonly #places = new Map<string, number>()
  readonly names: string[] = []

  placeOf(name: string): number {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    if (this.names.length >= COLUMNS_MAX) return COLUMNS_MAX
    const place = this.names.push(name) - 1
    this.#places.set(name, place)
    return place
  }

  nameOf(place: number): string {
    return this.names[place] ?? 'further columns'
  }
}

/** Collects rows and what is wrong with them; parsers of all formats write here. */
export class RowSink {
  readonly columns = new ColumnNames()
  #batch: RowBatch = { rows: [], faults: [], bytes: 0 }
  #last = 0

  next(): number {
    this.#last += 1
    return this.#last
  }

  row(row: FileRow, bytes: number): void {
    this.#batch.rows.push(row)
    this.#batch.bytes += bytes
  }

  fault(number: number, fault: RowFault): void {
    this.#batch.faults.push({ number, fault })
  }

  get isFull(): boolean {
    const { rows, faults, bytes } = this.#batch
    return rows.length + faults.length >= ROWS_A_BATCH || bytes >= BYTES_A_BATCH
  }

  take(): RowBatch {
    const batch = this.#batch
    this.#batch = { rows: [], faults: [], bytes: 0 }
    return batch
  }
}

/** An answer of an export API: the rows stand in a list under one of these names. */
export const WRAPPED = /^\s*\{[^{[]*"(?:results|data|rows|events|users|records|profiles|items)"\s*:\s*\[\s*[[{]/

/** As text, with a sign in the place of bytes that are none. */
export function textOf(bytes: Buffer): { text: string; isWhole: boolean } {
  return { text: bytes.toString('utf8'), isWhole: isUtf8(bytes) }
}

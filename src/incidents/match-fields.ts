/** Which columns of a file hold values, and which of them hold what was never sent: a sign of a bypass, or of older data. */
import type { SubjectKind } from '#model/disclosure.ts'
import type { KnownField } from '#model/field.ts'
import { isFilled } from './match-cells.ts'
import type { ColumnMeaning } from './match-columns.ts'
import type { LedgerView } from './match-ledger.ts'
import type { FileRow } from './row-sink.ts'

const FIELD_OF_KIND: Readonly<Record<SubjectKind, KnownField>> = { user: 'user_id', device: 'device_id', group: 'group_id' }

export interface UnsentColumn {
  column: string
  /** What it is in our words; null: a property of the vendor's or of nobody's. */
  field: KnownField | null
  /** Rows that hold a value there. */
  rows: number
}

export class ColumnCounts {
  readonly #rows: number[] = []
  readonly #lastRow: number[] = []
  readonly #names: string[] = []
  /** Columns in which pseudonyms stand that were sent to this vendor, and what they are of. */
  readonly #pseudonyms = new Map<number, KnownField>()

  add({ number, columns, values }: FileRow, meanings: readonly ColumnMeaning[], nameOf: (place: number) => string): void {
    for (const [at, place] of columns.entries()) {
      // A list has several values in one column of one row.
      const value = values[at] ?? ''
      if (this.#lastRow[place] === number || !isFilled(value)) continue
      // The switch that keeps a vendor from looking up an address is none.
      if (meanings[place]?.field === 'ip' && String(value) === '0') continue
      this.#lastRow[place] = number
      this.#names[place] ??= nameOf(place)
      this.#rows[place] = (this.#rows[place] ?? 0) + 1
    }
  }

  /** The ledger holds what stands there, whatever the column is called. */
  markPseudonym(place: number, kind: SubjectKind): void {
    if (!this.#pseudonyms.has(place)) this.#pseudonyms.set(place, FIELD_OF_KIND[kind])
  }

  notIn(ledger: LedgerView, meanings: readonly ColumnMeaning[]): UnsentColumn[] {
    return this.#rows.flatMap((rows, place) => {
      const meaning = meanings[place]
      const column = this.#names[place] ?? ''
      if (meaning === undefined || meaning.isCarried) return []
      const field = this.#pseudonyms.get(place) ?? meaning.field
      const isSent =
        field === undefined ? ledger.hasField(`property.${column}`) : ledger.hasField(field) || ledger.hasField(`property.${column}`)
      return isSent ? [] : [{ column, field: field ?? null, rows }]
    })
  }
}

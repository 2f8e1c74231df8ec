/**
 * An export of what a vendor held, read once as a stream and not kept: whose rows they are is asked of the vault, a column of
 * values at a time, and what stays is numbers, times and the fields that the columns mean.
 */
import type { Baseline, BaselinePeople } from '#model/baseline.ts'
import type { Field } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { BulkheadError } from '#base/errors.ts'
import { parseShape, shapeText } from '#policy/shape.ts'
import type { MatchVault } from '#vault/match-port.ts'
import type { Look } from '#vault/port.ts'
import { isFilled, keysOf, type Keys } from './match-cells.ts'
import { assertRead, type ColumnMeaning, type ColumnNaming, meaningOf } from './match-columns.ts'
import { type Found, Finder } from './match-finder.ts'
import { readRows, type RowFormat } from './row-file.ts'
import { type FileRow, IN_PART } from './row-sink.ts'

const PEOPLE_A_PART = 100_000
const SECOND_MS = 1000
/** Their number is kept in 16 bits. */
const SHAPES_MAX = 60_000

export interface ImportQuery {
  format: RowFormat | undefined
  naming: ColumnNaming
  /** Keys of properties that somebody approved: others are text that nobody looked at, and are only counted. */
  approved: ReadonlySet<string>
  look: Look
}

export interface ImportedBaseline {
  shapes: string[]
  fields: Baseline['fields']
  people: number
  from: number | null
  to: number | null
  counts: { rows: number; unmatchedRows: number; brokenRows: number; throughBulkhead: number; otherColumns: number }
  parts: BaselinePeople[]
}

interface Held {
  shape: number
  /** Whole seconds; 0 = nobody knows. */
  first: number
  last: number
}

/** `devices`: identifiers on which people have signed in. Throws `leak_file_invalid` when there are no rows at all. */
export async function importBaseline(
  content: AsyncIterable<Uint8Array>,
  query: ImportQuery,
  ports: { vault: MatchVault; devices: ReadonlySet<Ordinal> },
): Promise<ImportedBaseline> {
  const { session } = await ports.vault.beginMatch([], query.look)
  try {
    const finder = new Finder(ports.vault, session, () => true)
    const file = readRows(content, { format: query.format })
    const tally = new ImportTally(query, (place) => file.columns.nameOf(place))
    for await (const { rows, faults } of file.batches) {
      for (const { fault } of faults) if (!IN_PART.has(fault)) tally.counts.brokenRows += 1
      const keys = rows.map((row) => keysOf(row, tally.meaningsOf(row)))
      const found = await finder.find(keys)
      for (const [index, row] of rows.entries()) tally.add(row, keys[index] as Keys, found)
    }
    // Of a file without rows it would be said that the vendor held nothing, and so that nobody else can be affected.
    const { rows, brokenRows } = tally.counts
    const format = file.format() ?? 'none'
    assertRead({ rows: rows + brokenRows, malformed: brokenRows, format }, query.naming, file.columns.names)
    return tally.result(ports.devices)
  } finally {
    await ports.vault.endMatch(session)
  }
}

class ImportTally {
  readonly #query: ImportQuery
  readonly #nameOf: (place: number) => string
  readonly #meanings: ColumnMeaning[] = []
  readonly #fields: (Field | undefined)[] = []
  readonly #others = new Set<number>()
  readonly #people = new Map<Ordinal, Held>()
  readonly #shapes: string[] = []
  readonly #shapeNumbers = new Map<string, number>()
  readonly #shapeOfColumns = new Map<string, number>()
  readonly #joined = new Map<string, number>()
  readonly counts: ImportedBaseline['counts'] = { rows: 0, unmatchedRows: 0, brokenRows: 0, throughBulkhead: 0, otherColumns: 0 }

  constructor(query: ImportQuery, nameOf: (place: number) => string) {
    this.#query = query
    this.#nameOf = nameOf
  }

  meaningsOf(row: FileRow): readonly ColumnMeaning[] {
    for (const place of row.columns) {
      if (this.#meanings[place] !== undefined) continue
      const name = this.#nameOf(place)
      const meaning = meaningOf(name, this.#query.naming)
      this.#meanings[place] = meaning
      if (meaning.field !== undefined) this.#fields[place] = meaning.field
      else if (this.#query.approved.has(name)) this.#fields[place] = `property.${name}`
      else this.#others.add(place)
    }
    return this.#meanings
  }

  add(row: FileRow, keys: Keys, found: Found): void {
    this.counts.rows += 1
    if (keys.uuids.some((uuid) => found.pseudonyms.get(uuid) !== undefined)) {
      this.counts.throughBulkhead += 1
      return
    }
    const persons = peopleOf(keys, found)
    if (persons.length === 0) {
      this.counts.unmatchedRows += 1
      return
    }
    const shape = this.#shapeOf(row)
    const second = keys.time === undefined ? 0 : Math.max(1, Math.floor(keys.time / SECOND_MS))
    for (const person of persons) {
      const known = this.#people.get(person)
      if (known === undefined) this.#people.set(person, { shape, first: second, last: second })
      else {
        known.shape = this.#join(known.shape, shape)
        // A row without a time may be of any.
        known.first = known.first === 0 || second === 0 ? 0 : Math.min(known.first, second)
        known.last = known.first === 0 ? 0 : Math.max(known.last, second)
      }
    }
  }

  #shapeOf({ columns, values }: FileRow): number {
    const filled = columns.filter((place, at) => this.#fields[place] !== undefined && isFilled(values[at] ?? ''))
    const name = filled.join()
    let number = this.#shapeOfColumns.get(name)
    if (number === undefined) {
      number = this.#numberOf(shapeText(filled.map((place) => ({ field: this.#fields[place] as Field, form: 'clear' as const }))))
      this.#shapeOfColumns.set(name, number)
    }
    return number
  }

  #join(one: number, other: number): number {
    if (one === other) return one
    const name = `${one},${other}`
    let number = this.#joined.get(name)
    if (number === undefined) {
      number = this.#numberOf(shapeText([...parseShape(this.#shapes[one] as string), ...parseShape(this.#shapes[other] as string)]))
      this.#joined.set(name, number)
    }
    return number
  }

  #numberOf(text: string): number {
    let number = this.#shapeNumbers.get(text)
    if (number === undefined) {
      if (this.#shapes.length >= SHAPES_MAX)
        throw new BulkheadError('baseline_invalid', 'its rows have more than 60,000 combinations of fields')
      number = this.#shapes.push(text) - 1
      this.#shapeNumbers.set(text, number)
    }
    return number
  }

  result(devices: ReadonlySet<Ordinal>): ImportedBaseline {
    const all = [...this.#people].sort(([a], [b]) => a - b)
    const parts: BaselinePeople[] = []
    for (let start = 0; start < all.length; start += PEOPLE_A_PART) {
      const some = all.slice(start, start + PEOPLE_A_PART)
      parts.push({
        subjects: Float64Array.from(some, ([person]) => person),
        devices: Uint8Array.from(some, ([person]) => (devices.has(person) ? 1 : 0)),
        shapes: Uint16Array.from(some, ([, held]) => held.shape),
        firsts: Uint32Array.from(some, ([, held]) => held.first),
        lasts: Uint32Array.from(some, ([, held]) => held.last),
      })
    }
    const isTimed = all.length > 0 && all.every(([, held]) => held.first > 0)
    return {
      shapes: this.#shapes,
      fields: parseShape(shapeText(this.#shapes.flatMap((shape) => [...parseShape(shape)]))),
      people: all.length,
      from: isTimed ? all.reduce((least, [, held]) => Math.min(least, held.first), Infinity) * SECOND_MS : null,
      to: isTimed ? all.reduce((most, [, held]) => Math.max(most, held.last), 0) * SECOND_MS + SECOND_MS - 1 : null,
      counts: { ...this.counts, otherColumns: this.#others.size },
      parts,
    }
  }
}

/** By id, else by address, else by number: the best word that there is. A name alone is nobody. */
function peopleOf(keys: Keys, { values }: Found): Ordinal[] {
  const lists = [
    keys.ids.map((id) => values.id.get(id) ?? []),
    keys.emails.map((email) => values.email.get(email) ?? []),
    keys.phones.map((phone) => values.phone.get(phone) ?? []),
  ]
  for (const list of lists) {
    const ordinals = new Set(list.flat().map(({ ordinal }) => ordinal))
    if (ordinals.size > 0) return [...ordinals]
  }
  return []
}

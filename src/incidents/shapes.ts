/** Shapes as the ledger writes them, read back into fields and forms; and which fields of the catalogue stand in none. */
import { categoryOf, FIELDS, type Field, type Form, type KnownField } from '#model/field.ts'
import { parseShape } from '#policy/shape.ts'

export interface FieldForm {
  field: Field
  form: Exclude<Form, 'withheld'>
}

/** `field:form`, the text under which pairs are compared and counted. */
export type PairKey = string

/** Interns what was read: a scope has millions of rows and a few dozen shapes. */
export class Shapes {
  readonly #pairsOf = new Map<string, readonly PairKey[]>()
  readonly #pairs = new Map<PairKey, FieldForm>()

  pairsOf(shape: string): readonly PairKey[] {
    const known = this.#pairsOf.get(shape)
    if (known !== undefined) return known
    const keys = parseShape(shape).map((pair) => {
      const key = `${pair.field}:${pair.form}`
      this.#pairs.set(key, { field: pair.field, form: pair.form })
      return key
    })
    this.#pairsOf.set(shape, keys)
    return keys
  }

  /** Fields and forms of all these shapes together, sorted. */
  fieldForms(shapes: Iterable<string>): FieldForm[] {
    return this.sorted(this.union(shapes)).map((key) => this.pair(key))
  }

  union(shapes: Iterable<string>): Set<PairKey> {
    const keys = new Set<PairKey>()
    for (const shape of shapes) for (const key of this.pairsOf(shape)) keys.add(key)
    return keys
  }

  sorted(keys: Iterable<PairKey>): PairKey[] {
    return [...keys].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  }

  pair(key: PairKey): FieldForm {
    return this.#pairs.get(key) as FieldForm
  }
}

/** Categories that say who somebody is or where they came from; an answer names which of these were not sent. */
const NAMED_CATEGORIES: ReadonlySet<string> = new Set(['identity', 'identifier', 'context'])

/** A value of that name always goes along, but it is made here for each epoch and says nothing about anyone. */
const OF_OUR_OWN: ReadonlySet<string> = new Set(['insert_id'])

/** Fields of the catalogue about people that are in none of the pairs, in any form. */
export function fieldsNotSent(sent: Iterable<FieldForm>): KnownField[] {
  const fields = new Set<string>([...sent].map((pair) => pair.field))
  return (Object.keys(FIELDS) as KnownField[])
    .filter((field) => NAMED_CATEGORIES.has(categoryOf(field)) && !fields.has(field) && !OF_OUR_OWN.has(field))
    .sort()
}

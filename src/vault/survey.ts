/** People as columns, for counting: numbers, marks and closed vocabulary. */
import type { Ordinal } from '#model/log-entry.ts'

/**
 * Who belongs to which group, as columns, since there are about as many as people. The same may be said by several origins. An
 * administrator counts when the directory said so.
 */
export interface Memberships {
  /** Group keys, by the number in `key`. */
  keys: string[]
  users: Float64Array
  groups: Float64Array
  key: Uint16Array
  /** Rank in `TRUSTS`. */
  trust: Uint8Array
  admin: Uint8Array
}

/** People by their identifiers: those of one, then those of several. */
export interface People {
  single: Float64Array
  joined: readonly (readonly Ordinal[])[]
}

/** Marks of a person in a survey. */
export const MARKS = {
  /** A server or the directory gave an address. */
  address: 1,
  erased: 2,
  /** Who said where the person lives. */
  byServer: 4,
  byDirectory: 8,
} as const

/** No combination of marks is as large. */
export const MARKS_END = 16

export interface Survey {
  /** Place by its number: '' for unknown, then countries' codes, `US-` with a state's. */
  places: string[]
  residence: Uint16Array
  marks: Uint8Array
}

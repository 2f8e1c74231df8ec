/** People as columns, for counting: numbers, marks and closed vocabulary. */
import type { Ordinal } from '#model/log-entry.ts'

/** A set of ordinals as bits: bit n of the 2,048 words at `index` × 2,048 is the ordinal `numbers[index]` × 65,536 + n. */
export interface OrdinalPages {
  numbers: Float64Array
  words: Uint32Array
}

export interface GroupQuestion {
  /** Identifiers of the people who are asked about. */
  users: OrdinalPages
  /** Groups that are in the answer whether anybody belongs to them or not. */
  named: Float64Array
}

/**
 * Groups to which some of these people belong, as a server or the directory says, and those named. An administrator counts when
 * the directory said so, whoever is asked about.
 */
export interface GroupSurvey {
  /** Group keys, by the number in `key`; '' is not known. */
  keys: string[]
  groups: Float64Array
  key: Uint16Array
  hasMembers: Uint8Array
  /** Identifiers; the same may be said twice. */
  administrators: Float64Array
  /** Of which of `groups`, by its place. */
  administered: Uint32Array
}

/** Which of these people belong to what: a pair may be there twice. */
export interface Members {
  users: Float64Array
  groups: Float64Array
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

/** For questions about millions of people at once. */
export interface CensusVault {
  /** Staff-view pseudonyms of many users, 16 bytes each. */
  staffUserIds(users: Float64Array): Promise<Uint8Array>
  /** Ordinals and group keys, no plain values: so no look. */
  groups(question: GroupQuestion): Promise<GroupSurvey>
  /** As `groups` counts them. */
  members(users: OrdinalPages): Promise<Members>
  /** What counts of people are made of: closed vocabulary and marks, so no look. In the order of the question. */
  survey(people: People): Promise<Survey>
}

/** What the vault answers about a data set that somebody else holds: whom its identifiers name. The staff role alone asks. */
import type { PseudonymKind } from './pseudonym.ts'
import type { Look } from './port.ts'

/** Whose pseudonyms a key makes. Epoch 0 without a destination: the staff view, which our own answers carry. */
export interface MatchEpoch {
  destination: string | null
  epoch: number
  state: 'active' | 'closed'
}

/** A pseudonym is what no stranger can make: it names its epoch. `epoch` is a place in the list that the session began with. */
export interface FoundPseudonym {
  kind: PseudonymKind
  ordinal: number
  epoch: number
}

/** Somebody who is known by a plain value. `at`: when the value was said of this identifier; 0 where it is the identifier itself. */
export interface FoundPerson {
  ordinal: number
  at: number
}

export const MATCH_FIELDS = ['id', 'group', 'email', 'phone', 'name'] as const
export type MatchField = (typeof MATCH_FIELDS)[number]

export interface MatchSession {
  session: number
  epochs: MatchEpoch[]
  /** Whose keys are gone: what they made cannot be told from anything else. */
  destroyed: { destination: string; epoch: number }[]
}

export interface MatchVault {
  /** The look is durable on return. `first`: destinations that are tried before all others. A new session ends the one before. */
  beginMatch(first: readonly string[], look: Look): Promise<MatchSession>
  /** 16 bytes each; in order, undefined where no key made it. Throws `vault_refused` when the session is over. */
  matchPseudonyms(session: number, uuids: Uint8Array): Promise<(FoundPseudonym | undefined)[]>
  /** Whom the best founded say has that value, in order; nobody: an empty list. Throws `vault_refused`. */
  matchValues(session: number, field: MatchField, values: readonly string[]): Promise<FoundPerson[][]>
  endMatch(session: number): Promise<void>
}

/** Values in one call. */
export const MATCH_BATCH_MAX = 16_384

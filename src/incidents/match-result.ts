/** What a leaked data set comes to when it is held against the ledger. */
import type { MatchEpoch } from '#vault/match-port.ts'
import type { UnsentColumn } from './match-fields.ts'
import type { Marks } from './match-ledger.ts'
import type { PersonSet } from './person-set.ts'
import type { RowFormat } from './row-file.ts'
import type { FaultyRow } from './row-sink.ts'

/** Pseudonyms that do not belong in this vendor's file. */
export interface ForeignEpoch {
  /** null: our own answers carry them, so the file comes from us. */
  vendor: string | null
  destination: string | null
  epoch: number
  rows: number
}

export interface MatchResult {
  rows: number
  matched: { a: number; b: number; c: number }
  outsideWindow: number
  /** Bypass, older data, another breach or fabrication. */
  notSentThroughBulkhead: number
  /** People whom the rows name, by any grade. */
  people: number
  /** Fields of our catalogue, and columns that are none, which hold values and of which nothing was ever sent to this vendor. */
  fieldsNotInLedger: string[]
  columnsNotInLedger: UnsentColumn[]
  /** Each person by the best grade that names them. */
  peopleBy: { a: number; b: number; c: number }
  /** People in the scope of the incident and in the file, by any grade and by pseudonym; in one of the two alone. */
  reconciled: { inBoth: number; inBothByPseudonym: number; onlyInFile: number; onlyInLedger: number }
  /** Of `notSentThroughBulkhead`: rows that name nobody whom we know, and rows of people of whom nothing was sent. */
  unknown: number
  knownNothingSent: number
  /** Rows that hold nothing that could name anybody. */
  unidentified: number
  /** Rows with a pseudonym that we made and that the ledger does not hold: a part of the ledger is missing. */
  notInLedger: number
  /** Rows named by what several people share. */
  ambiguous: number
  foreignEpochs: ForeignEpoch[]
  /** Epochs of this vendor that the file holds pseudonyms of. */
  epochs: { destination: string; epoch: number; state: MatchEpoch['state']; rows: number }[]
  /** Epochs of this vendor that were destroyed: what they made cannot be told from foreign ids. */
  destroyedEpochs: { destination: string; epoch: number }[]
  /** Rows that could not be read, and rows that could be read in part. */
  malformed: number
  readInPart: number
  /** The first of both. */
  faults: FaultyRow[]
  format: RowFormat | 'none'
  /** Ledger entries 1..entries were looked at. */
  entries: number
}

export interface Matched {
  result: MatchResult
  /** Number of each person in the file with the grades that name them: 1 = A, 2 = B, 4 = C. */
  people: Marks
  /** Whom a row within the windows names by grade A. Of a device in nobody's hands it is everybody who was ever signed in on it. */
  kept: PersonSet
}

/** What the rows of an incident hold, by kind. Instants are UTC ms; null = not known, or open on that side. */
import type { KnownField } from '#model/field.ts'

export const SOURCES = ['vendor', 'signal', 'press', 'person', 'us'] as const
/** From which side we heard of it. */
export type IncidentSource = (typeof SOURCES)[number]

export const SAYINGS = ['affected', 'not-affected', 'unknown', 'corrected'] as const
/** What a vendor's statement says of us, as the person who read it put it. */
export type Saying = (typeof SAYINGS)[number]

export const AUDIENCES = ['regulator', 'board', 'auditor'] as const
export type Audience = (typeof AUDIENCES)[number]

/** Who signs a report off. Only counsel ends its being a draft. */
export const SIGNERS = ['counsel', 'privacy', 'security', 'board'] as const
export type Signer = (typeof SIGNERS)[number]

/** The four times, kept apart and never overwritten: a later row states them anew. */
export interface TimesBody {
  /** When it happened at the vendor, as far as anybody has said. */
  eventFrom: number | null
  eventTo: number | null
  vendorAware: number | null
  told: number
  aware: number | null
  /** Of those of which only the day is known: the instant is 00:00 of it in this zone. */
  days?: Partial<Record<'told' | 'aware' | 'vendorAware', string>>
}

/** One version of the scope. */
export interface ScopeBody {
  /** null: all that there are. */
  destinations: string[] | null
  surfaces: string[] | null
  accessFrom: number | null
  accessTo: number | null
  from: number | null
  to: number | null
  /** Absent: everybody whom the ledger has. */
  narrowed?: NarrowedBody
}

/** A file that lies sealed among the evidence. */
export interface EvidenceBody {
  id: string
  sha256: string
  bytes: number
}

/** What took people out of a scope whom the ledger has in it, and who let it. */
export interface NarrowedBody {
  /** The leaked file, and the list of people that its matching left. */
  file: EvidenceBody
  people: EvidenceBody
  /** As it was approved. */
  stay: number
  leftOut: number
  /** Number of the proposal. */
  approval: number
  proposedBy: string
  approvedBy: string
}

export interface OpenedBody {
  vendor: string
  source: IncidentSource
  times: TimesBody
  scope: ScopeBody
  /** The signal from which it was opened. */
  signal?: number
}

export interface HoldBody {
  hold: number
}

export interface StatementBody {
  says: Saying
  receivedAt: number
  evidence: EvidenceBody
  /** What it claims; what it leaves open is null. */
  accessFrom: number | null
  accessTo: number | null
  from: number | null
  to: number | null
  fields: KnownField[]
  /** How many more it names that our catalogue does not know; their names are sealed. Rows of before do not have it. */
  others?: number
  people: number | null
}

export interface AmendmentBody {
  version: number
  scope: ScopeBody
  /** The statement that shows a narrower data window. */
  statement: number | null
}

/** What a version of the scope came to when it was counted. */
export interface CountedBody {
  version: number
  /** Ledger entries 1..entries were looked at. */
  entries: number
  subjects: number
  delivered: number
  possible: number
  /** People that no earlier version had, and people of the version before that this one has not. */
  added: number
  removed: number
}

export interface MatchBody {
  evidence: EvidenceBody
  rows: number
  matched: { a: number; b: number; c: number }
  outsideWindow: number
  notSentThroughBulkhead: number
  people: number
  fieldsNotInLedger: string[]
  /** Columns that hold what was never sent; those of no field of ours are told by their number alone. */
  columnsNotInLedger: { field: KnownField | null; rows: number }[]
  peopleBy: { a: number; b: number; c: number }
  reconciled: { inBoth: number; inBothByPseudonym: number; onlyInFile: number; onlyInLedger: number }
  unknown: number
  knownNothingSent: number
  unidentified: number
  notInLedger: number
  ambiguous: number
  foreignEpochs: { vendor: string | null; destination: string | null; epoch: number; rows: number }[]
  epochs: { destination: string; epoch: number; state: string; rows: number }[]
  destroyedEpochs: { destination: string; epoch: number }[]
  malformed: number
  readInPart: number
  format: string
  entries: number
  /** Version of the scope against whose windows it was graded, and how many people rows within them name by grade A. */
  version?: number
  kept?: number
  /** Who is in the file, by grade: sealed, by number. */
  peopleFile: EvidenceBody
}

export interface NoteBody {
  /** When what it tells of happened. */
  when: number
}

export interface SignOffBody {
  as: Signer
  /** Last row that it covers. */
  upTo: number
  /** In the scope when it was signed; absent when the ledger could not be asked, and in rows of earlier programs. */
  people?: number
}

export interface ReportedBody {
  audience: Audience
  /** Of the report's JSON text. */
  sha256: string
  entries: number
  draft: boolean
}

/** What a vendor held before anything went to it through Bulkhead, as somebody said it. */
import type { Shape } from '#model/disclosure.ts'

/**
 * `unknown`: nobody has said. `none`: nothing. `declared`: fields and a number of people, whom nobody names. `imported`: an export of
 * the vendor was read, and its people are known as far as they are known here.
 */
export const BASELINE_KINDS = ['unknown', 'none', 'declared', 'imported'] as const
export type BaselineKind = (typeof BASELINE_KINDS)[number]

export interface BaselineImport {
  /** Of the file as it was read, packed or not. */
  sha256: string
  rows: number
  /** Rows of nobody who is known here. */
  unmatchedRows: number
  /** Rows that could not be read. */
  brokenRows: number
  /** Rows under a pseudonym of ours: they stand in the ledger and are left out here. */
  throughBulkhead: number
  /** Columns that no field and no approved property is called like; their names are kept nowhere. */
  otherColumns: number
  /** Whoever imported it said that it is all that the vendor held. */
  complete: boolean
}

export interface Baseline {
  vendor: string
  kind: BaselineKind
  /** When it was said, UTC ms, and why. */
  at: number
  actor: string
  reason: string
  /** On whose word; '' when nobody was named. */
  saidBy: string
  fields: Shape
  /** Empty: nobody said. */
  surfaces: string[]
  /** Event time of the first and last that it held, UTC ms. */
  from: number | null
  to: number | null
  /** How many people it held data about, as declared or, of an import, as many as are known here. */
  people: number | null
  import?: BaselineImport
  /** Canonical texts of the shapes of imported people, by the number that their rows give. */
  shapes?: string[]
}

/** A statement that stands in the records. */
export interface RecordedBaseline extends Baseline {
  id: number
}

/** Imported people, column by column: millions of rows. */
export interface BaselinePeople {
  /** Identifiers, as they stood in the export. */
  subjects: Float64Array
  /** 1: a device. */
  devices: Uint8Array
  shapes: Uint16Array
  /** Event time, whole seconds; 0 = nobody knows. */
  firsts: Uint32Array
  lasts: Uint32Array
}

export const NO_BASELINE: Omit<Baseline, 'vendor'> = {
  kind: 'unknown',
  at: 0,
  actor: '',
  reason: '',
  saidBy: '',
  fields: [],
  surfaces: [],
  from: null,
  to: null,
  people: null,
}

/**
 * The ledger's nouns. A *disclosure* is a set of fields about one subject that left to one destination; an *intent* is
 * written before the first byte of a request, an *outcome* names it afterwards. See docs/ARCHITECTURE.md, "Ledger".
 */
import type { Field, Form } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'

export const LEDGER_ENTRY_VERSION = 1

/** What the destination got of one record: pairs sorted by field, unique. Canonical text `country:coarse,user_id:pseudonym`. */
export type Shape = readonly { readonly field: Field; readonly form: Exclude<Form, 'withheld'> }[]

/** `delivered`: the vendor answered to it. `possible`: some byte was handed over or nobody knows. `not_sent`: none was. */
export type OutcomeState = 'delivered' | 'possible' | 'not_sent'

/** In canonical order; the number of a kind is its place here. */
export const SUBJECT_KINDS = ['user', 'device', 'group'] as const
export type SubjectKind = (typeof SUBJECT_KINDS)[number]

/** One row a subject × surface × shape of a request; sorted by (kind, subject, surface, shape). */
export interface ManifestRow {
  subject: Ordinal
  kind: SubjectKind
  surface: string
  shape: string
  events: number
  /** Event time, UTC ms. */
  first: number
  last: number
  /** Groups named beside this subject in the request; sorted ordinals. */
  groups: Ordinal[]
}

/** Position of a record in the log. Ranges are [from, to). */
export interface LogPosition {
  seq: number
  index: number
}

/** Purpose of a request that asks a vendor to delete; it discloses the identifiers that it names, and nothing else. */
export const DELETION_PURPOSE = 'deletion request'

export interface Intent {
  type: 'intent'
  version: number
  /** Number of this entry in the ledger, from 1, without gaps. */
  entry: number
  at: number
  vendor: string
  destination: string
  /** Route at the vendor, in its protocol's word (`/import`). */
  route: string
  epoch: number
  policy: number
  encoder: number
  purpose: string
  from: LogPosition
  to: LogPosition
  /** SHA-256 of the request body before content encoding, hex. A retry sends the same bytes. */
  bodySha256: string
  records: number
  subjects: number
  /** Earliest and latest event time in it, UTC ms. */
  first: number
  last: number
  /** The vendor's fence number under which it was begun. */
  fence: number
  /** 32 random bytes, hex: makes the later leaf commitment hiding. */
  salt: string
  /** Rows, sealed by the vault (AES-256-GCM, key `ledger`), base64. */
  manifest: string
}

export interface Outcome {
  type: 'outcome'
  version: number
  entry: number
  at: number
  /** The intent that it closes. */
  intent: number
  state: OutcomeState
  attempts: number
  /** HTTP status of the last answer; 0 when there was none. */
  status: number
  /** Records that the vendor refused, by reason code; a refused record was still disclosed. */
  refused: { reason: string; count: number }[]
}

/**
 * The ledger comes from a backup that is older than what had been written: entries `from` to `to` of the origin before are
 * lost, and with them what they say. From this entry on the ledger is another origin.
 */
export interface Gap {
  type: 'gap'
  version: number
  entry: number
  at: number
  from: number
  /** The last number that is known to have been given out; `from - 1` when none is known. It may have been a few more. */
  to: number
  /** False when nobody can say that `to` was the last. */
  exact: boolean
  /** UUID of the origin that begins here. */
  origin: string
  /** When the backup was made, UTC ms. */
  backupAt: number
  /** 32 random bytes, hex. */
  salt: string
  /** Ed25519 over the canonical header: the public key as SPKI and the signature, base64. */
  key: string
  signature: string
}

export type LedgerEntry = Intent | Outcome | Gap

/**
 * Tables of the records, one step a version, in the subset of SQL that SQLite and PostgreSQL share. A step is never
 * changed once released. `PRAGMA user_version` holds the number of the last step that was applied.
 */
import type { DatabaseSync } from 'node:sqlite'
import { BulkheadError } from '#base/errors.ts'
import { LEAVING_STEP } from './leaving-records.ts'
import { BASELINE_STEP } from './baselines.ts'
import { SIGNAL_STEP } from './signal-rows.ts'
import { EVIDENCE_STEP } from './evidence-records.ts'
import { NOTICE_LIST_STEP, NOTICE_STEP, NOTICE_TAG_STEP } from './notice-rows.ts'

const STEPS: readonly string[] = [
  `CREATE TABLE policy_version (
     version INTEGER NOT NULL PRIMARY KEY,
     applied_at BIGINT NOT NULL,
     policy TEXT NOT NULL
   );
   CREATE TABLE vendor_flow (
     vendor TEXT NOT NULL,
     fence INTEGER NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('open', 'cut')),
     changed_at BIGINT NOT NULL,
     actor TEXT NOT NULL,
     reason TEXT NOT NULL,
     PRIMARY KEY (vendor, fence)
   );`,
  `ALTER TABLE policy_version ADD COLUMN seal TEXT;
   CREATE TABLE policy_file (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), policy TEXT NOT NULL);`,
  `CREATE TABLE incident_row (
     incident INTEGER NOT NULL,
     row_no INTEGER NOT NULL,
     instance TEXT NOT NULL,
     kind TEXT NOT NULL,
     at BIGINT NOT NULL,
     actor TEXT NOT NULL,
     body TEXT NOT NULL,
     texts_sha256 TEXT NOT NULL,
     before_sha256 TEXT NOT NULL,
     sealed TEXT,
     signing_key TEXT NOT NULL,
     signature TEXT NOT NULL,
     PRIMARY KEY (incident, row_no)
   );`,
  EVIDENCE_STEP,
  `CREATE TABLE operator (
     name TEXT NOT NULL PRIMARY KEY,
     credential_sha256 TEXT,
     added_at BIGINT NOT NULL,
     added_by TEXT NOT NULL,
     removed_at BIGINT,
     removed_by TEXT
   );
   CREATE TABLE approval (
     id INTEGER NOT NULL PRIMARY KEY,
     kind TEXT NOT NULL,
     what TEXT NOT NULL,
     sha256 TEXT NOT NULL,
     origin TEXT NOT NULL CHECK (origin IN ('operator', 'file')),
     proposed_by TEXT NOT NULL,
     proposed_at BIGINT NOT NULL,
     reason TEXT NOT NULL,
     approved_by TEXT,
     approved_at BIGINT,
     approved_reason TEXT,
     counts_from BIGINT,
     rejected_by TEXT,
     rejected_at BIGINT,
     rejected_reason TEXT,
     expires_at BIGINT NOT NULL,
     used_at BIGINT
   );
   CREATE INDEX approval_of ON approval (kind, sha256);`,
  BASELINE_STEP,
  LEAVING_STEP,
  NOTICE_STEP,
  SIGNAL_STEP,
  NOTICE_LIST_STEP,
  NOTICE_TAG_STEP,
]

export const RECORDS_FORMAT = STEPS.length

/** Format since which that step is in. */
export function formatOf(step: string): number {
  return STEPS.indexOf(step) + 1
}

export function recordsFormat(database: DatabaseSync): number {
  return Number((database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version)
}

/** Refuses records that a newer program wrote: an older one could overlook a cut that it does not understand. */
export function refuseNewer(found: number): void {
  if (found <= RECORDS_FORMAT) return
  throw new BulkheadError('data_format_newer', `the records have format ${found}, this program knows up to ${RECORDS_FORMAT}`)
}

/** Applies the missing steps, all or none. */
export function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    const found = recordsFormat(database)
    refuseNewer(found)
    for (const step of STEPS.slice(found)) database.exec(step)
    database.exec(`PRAGMA user_version = ${RECORDS_FORMAT}`)
    database.exec('COMMIT')
  } catch (thrown) {
    database.exec('ROLLBACK')
    throw thrown
  }
}

import type { LogRecord, Ordinal } from '#model/log-entry.ts'
import type { ManifestRow, SubjectKind } from '#model/disclosure.ts'

export interface PlacedRecord {
  record: LogRecord
  seq: number
  index: number
  surface: string
}

/** One record ready to be sent: its text at the vendor, and what the manifest says of it. */
export interface Member {
  text: string
  insertId: string
  rows: readonly ManifestRow[]
  /** Event time, UTC ms, exact. */
  time: number
  purposes: readonly string[]
}

/** Whom the record is about: the user if there is one, else the device; for group records the group. */
export function subjectOf(record: LogRecord): { kind: SubjectKind; ordinal: Ordinal } | undefined {
  if (record.type === 'group') {
    const group = record.groups?.[0]
    return group === undefined ? undefined : { kind: 'group', ordinal: group.ordinal }
  }
  if (record.user !== undefined) return { kind: 'user', ordinal: record.user }
  return record.device === undefined ? undefined : { kind: 'device', ordinal: record.device }
}

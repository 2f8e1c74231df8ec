import type { LogRecord, Ordinal } from '#model/log-entry.ts'
import type { SubjectKind } from '#model/disclosure.ts'
import type { SendDecision } from './port.ts'

export interface PlacedRecord {
  record: LogRecord
  seq: number
  index: number
  /** Version of the policy under which it arrived. */
  policy: number
  surface: string
}

/** One record of a request. */
export interface Member {
  /** Where its text stands in the text of all. */
  from: number
  to: number
  insertId: string
  placed: PlacedRecord
  decision: SendDecision
  /** What left of it, where that is less than was decided: the vault does not know everything of everybody. */
  shape?: string
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

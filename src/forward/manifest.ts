/** Who is in a request, as the ledger keeps it: one row a subject × surface × shape. */
import { canonicalRows } from '#ledger/canonical.ts'
import type { ManifestRow, SubjectKind } from '#model/disclosure.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { type Member, type PlacedRecord, subjectOf } from './placed-record.ts'
import type { SendDecision } from './port.ts'

/**
 * Rows of one record. Its subject has one, whichever identifiers leave: what leaves is about that subject. A device
 * beside a user has none of its own; users that the record links have one each, since their identifiers leave too.
 */
export function rowParts({ record, surface }: PlacedRecord, decision: SendDecision): ManifestRow[] {
  const subjects = new Map<string, { kind: SubjectKind; ordinal: Ordinal }>()
  const add = (kind: SubjectKind, ordinal: Ordinal): void => void subjects.set(`${kind}:${ordinal}`, { kind, ordinal })
  const subject = subjectOf(record)
  const linked = decision.linked ? (record.linked ?? []) : []
  const namesUser = record.user !== undefined || linked.some(({ role }) => role === 'user')
  if (subject !== undefined && !(subject.kind === 'device' && namesUser)) add(subject.kind, subject.ordinal)
  for (const { role, ordinal } of linked) if (role === 'user' || !namesUser) add(role, ordinal)
  const groups = (record.groups ?? []).filter((_, index) => decision.groups[index]).map(({ ordinal }) => ordinal)
  const at = Math.floor(record.time)
  return [...subjects.values()].map(({ kind, ordinal }) => ({
    subject: ordinal,
    kind,
    surface,
    shape: decision.shape,
    events: 1,
    first: at,
    last: at,
    groups: kind === 'group' ? [] : groups,
  }))
}

/** Rows of a request, merged and in canonical order. */
export function manifestRows(members: readonly Member[]): ManifestRow[] {
  const rows = new Map<string, ManifestRow & { groupSet: Set<Ordinal> }>()
  for (const part of members.flatMap((member) => member.rows)) {
    const key = JSON.stringify([part.kind, part.subject, part.surface, part.shape])
    const row = rows.get(key)
    if (row === undefined) {
      rows.set(key, { ...part, groupSet: new Set(part.groups) })
      continue
    }
    row.events += part.events
    row.first = Math.min(row.first, part.first)
    row.last = Math.max(row.last, part.last)
    for (const group of part.groups) row.groupSet.add(group)
  }
  return canonicalRows([...rows.values()].map(({ groupSet, ...row }) => ({ ...row, groups: [...groupSet].sort((a, b) => a - b) })))
}

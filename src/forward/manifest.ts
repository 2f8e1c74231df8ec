/** Who is in a request, as the ledger keeps it: one row a subject × surface × shape. */
import { canonicalRows } from '#ledger/canonical.ts'
import type { ManifestRow, SubjectKind } from '#model/disclosure.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { type Member, subjectOf } from './placed-record.ts'

type RowsByOrdinal = Record<SubjectKind, Map<Ordinal, ManifestRow>>

/** Rows of a request, merged and in canonical order. */
export function manifestRows(members: readonly Member[]): ManifestRow[] {
  const rows = new Rows()
  for (const member of members) addMember(rows, member)
  for (const row of rows.all) if (row.groups.length > 1) row.groups.sort((a, b) => a - b)
  return canonicalRows(rows.all)
}

/**
 * The record's subject has a row, whichever identifiers leave: what leaves is about that subject. A device beside a user
 * has none of its own; users that the record links have one each, since their identifiers leave too.
 */
function addMember(rows: Rows, member: Member): void {
  const { record } = member.placed
  const subject = subjectOf(record)
  const linked = member.decision.linked ? (record.linked ?? NONE) : NONE
  const namesUser = record.user !== undefined || linked.some(({ role }) => role === 'user')
  const named = subject !== undefined && !(subject.kind === 'device' && namesUser) ? subject : undefined
  if (named !== undefined) rows.add(named.kind, named.ordinal, member)
  for (const [index, { role, ordinal }] of linked.entries()) {
    if (role !== 'user' && namesUser) continue
    const isNamed = (known: { kind: SubjectKind; ordinal: Ordinal } | undefined): boolean =>
      known?.kind === role && known.ordinal === ordinal
    // One record is one event of each whom it names, however often it does.
    if (isNamed(named) || linked.slice(0, index).some((before) => isNamed({ kind: before.role, ordinal: before.ordinal }))) continue
    rows.add(role, ordinal, member)
  }
}

const NONE: readonly never[] = []

class Rows {
  readonly all: ManifestRow[] = []
  readonly #bySurface = new Map<string, Map<string, RowsByOrdinal>>()

  add(kind: SubjectKind, subject: Ordinal, { placed, decision, shape = decision.shape }: Member): void {
    const { record, surface } = placed
    const byOrdinal = this.#rowsOf(surface, shape)[kind]
    const at = Math.floor(record.time)
    let row = byOrdinal.get(subject)
    if (row === undefined) {
      row = { subject, kind, surface, shape, events: 1, first: at, last: at, groups: [] }
      byOrdinal.set(subject, row)
      this.all.push(row)
    } else {
      row.events += 1
      if (at < row.first) row.first = at
      if (at > row.last) row.last = at
    }
    if (kind === 'group' || !decision.groups || record.groups === undefined) return
    for (const { ordinal } of record.groups) if (!row.groups.includes(ordinal)) row.groups.push(ordinal)
  }

  #rowsOf(surface: string, shape: string): RowsByOrdinal {
    const byShape = this.#bySurface.get(surface) ?? new Map<string, RowsByOrdinal>()
    const known = byShape.get(shape)
    if (known !== undefined) return known
    const rows: RowsByOrdinal = { user: new Map(), device: new Map(), group: new Map() }
    this.#bySurface.set(surface, byShape.set(shape, rows))
    return rows
  }
}

/** Rows of one subject stand together. */
export function subjectsIn(rows: readonly ManifestRow[]): number {
  return rows.filter((row, index) => row.subject !== rows[index - 1]?.subject || row.kind !== rows[index - 1]?.kind).length
}

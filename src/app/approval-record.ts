/** Operators and approvals as the key folder has them on record, taken at the start of `staff`: what the records say else is said. */
import { type ApprovalRecord, approvalHash } from '#records/approvals.ts'
import type { ApprovalRows } from '#records/port.ts'
import type { ApprovalMark, ApprovalVault } from '#vault/approval-port.ts'

type Mark = Omit<ApprovalMark, 'before'>

const LATER = 'later steps of it are known than this copy has'

/** For records from a backup: what the key folder has not on record so is closed. How many; and what is on record then. */
export function closeUnknown(
  rows: ApprovalRows,
  known: readonly ApprovalMark[] | null,
  at: number,
): { closed: number; marks: Mark[] | undefined } {
  if (known === null) return { closed: 0, marks: undefined }
  const onRecord = new Map(known.map((mark) => [mark.id, mark]))
  const open = rows.list().filter((row) => {
    const mark = onRecord.get(row.id)
    const isKnown = mark !== undefined && [mark.sha256, mark.before].includes(approvalHash(row))
    return !isKnown && row.usedAt === null && row.rejectedAt === null
  })
  for (const { id } of open) rows.update(id, { rejectedBy: 'restore', rejectedAt: at, rejectedReason: LATER })
  const marks = rows.list().map((row) => ({ id: row.id, sha256: approvalHash(row) }))
  const [last, there] = [known, marks].map((some) => Math.max(0, ...some.map(({ id }) => id))) as [number, number]
  // Its number was told to people: it is not given to another proposal, which they would approve by it.
  return { closed: open.length, marks: last > there ? [...marks, { id: last, sha256: '' }] : marks }
}

export async function approvalRecord(
  rows: Pick<ApprovalRows, 'list'>,
  vault: ApprovalVault,
  say: (text: string) => void,
): Promise<ApprovalRecord> {
  const known = await vault.approvalMarks()
  const marks = known === null ? await adopt(rows, vault, say) : await settle(known, rows, vault)
  return {
    marks: new Map(marks.map(({ id, sha256 }) => [id, sha256])),
    record: (mark, look) => vault.recordApproval(mark, look),
    settled: (mark) => vault.settleApproval(mark),
  }
}

/** From a time before the key folder heard of approvals: what stands there holds, once. */
async function adopt(rows: Pick<ApprovalRows, 'list'>, vault: ApprovalVault, say: (text: string) => void): Promise<Mark[]> {
  const marks = rows.list().map((row) => ({ id: row.id, sha256: approvalHash(row) }))
  const look = { actor: 'vault', action: 'approval adopt', reason: 'they stood in the records before the key folder knew of approvals' }
  await vault.adoptApprovals(marks, look)
  if (marks.length > 0) say(`${marks.length} proposals and approvals of an earlier version are on record in the key folder now`)
  return marks
}

/** Of what was cut off between the vault and the records: whichever of the two stands there. */
async function settle(known: readonly ApprovalMark[], rows: Pick<ApprovalRows, 'list'>, vault: ApprovalVault): Promise<Mark[]> {
  const there = new Map(rows.list().map((row) => [row.id, approvalHash(row)]))
  const marks: Mark[] = []
  for (const { id, sha256, before } of known) {
    const own = there.get(id) ?? ''
    const isOwed = before !== null && (own === sha256 || own === before)
    if (isOwed) await vault.settleApproval({ id, sha256: own })
    const counts = isOwed ? own : sha256
    if (counts !== '' || before === null) marks.push({ id, sha256: counts })
  }
  return marks
}

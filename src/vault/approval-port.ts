/** What the vault remembers of approvals, for staff. */
import type { Look } from './port.ts'

export interface ApprovalMark {
  id: number
  /** Of the row as it is on record; '' of one that a restore has lost, whose number is not given again. */
  sha256: string
  /** While it is not known whether the row was written: of the row before; '' when there was none. */
  before: string | null
}

export interface ApprovalVault {
  /** Null: the key folder has never heard of approvals. */
  approvalMarks(): Promise<ApprovalMark[] | null>
  /** The look first. From then on this row counts or, until `settleApproval`, the one before. */
  recordApproval(mark: Omit<ApprovalMark, 'before'>, look: Look): Promise<void>
  /** Which of the two stands in the records; '' for none. Throws `vault_refused` for any other. */
  settleApproval(mark: Omit<ApprovalMark, 'before'>): Promise<void>
  /** Once, for what stood in the records before the key folder knew of them. Throws `vault_refused`. */
  adoptApprovals(marks: readonly Omit<ApprovalMark, 'before'>[], look: Look): Promise<void>
}

/**
 * Records of decisions: applied policies, cuts and their fences, incidents. One writer: `staff` (or the command line
 * while it holds the instance lock and nothing runs); worker and gateway open the file read-only.
 */
import type { IncidentRow } from '#model/incident-row.ts'
import type { Policy, PolicyVersion } from '#model/policy.ts'
import type { PolicySeal } from '#model/policy-statement.ts'
import type { EvidenceRecords } from './evidence-records.ts'
import type { BaselineReading, BaselineWriting } from './baselines.ts'
import type { NoticeRecords } from './notice-rows.ts'

/** Who may use the staff API. A name is one person's for ever: it is not given again after it was removed. */
export interface Operator {
  name: string
  /** 0: the first one, whose credential the first start wrote. */
  addedAt: number
  addedBy: string
  removedAt: number | null
  removedBy: string | null
}

export interface RememberedOperator extends Operator {
  credentialSha256: string | null
}

export interface OperatorRows {
  /** Removed ones too, in the order in which they came. */
  list(): Operator[]
  /** Whose credential has this SHA-256 (hex); undefined for those of nobody, and of who was removed. */
  named(credentialSha256: string): string | undefined
  /** Throws `operator_exists`. */
  add(operator: { name: string; credentialSha256: string; at: number; by: string }): Operator
  /** Counts at once. Throws `operator_unknown`, `operator_last`. */
  remove(name: string, by: { at: number; by: string }): Operator
  /** With the hashes of their credentials, to be remembered where a restore does not reach. */
  remembered(): RememberedOperator[]
  /** For records from a backup: who came and who went since. */
  adopt(operators: readonly RememberedOperator[]): void
  /** These and nobody else. */
  replace(operators: readonly RememberedOperator[]): void
  /** The credential that lies in the key folder is the first operator's, unless they were removed: then false. */
  adoptFirst(name: string, credentialSha256: string): boolean
}

/** What somebody wants to do that one person alone may not do, and what others said of it. */
export interface Approval {
  id: number
  /** What kind of thing it is; the text is canonical within it. */
  kind: string
  what: string
  sha256: string
  /** `file`: the configuration file proposed it, so nobody knows which person did. */
  origin: 'operator' | 'file'
  proposedBy: string
  proposedAt: number
  reason: string
  approvedBy: string | null
  approvedAt: number | null
  approvedReason: string | null
  /** From when on the approval counts. */
  countsFrom: number | null
  rejectedBy: string | null
  rejectedAt: number | null
  rejectedReason: string | null
  /** It counts for nothing from then on, approved or not. */
  expiresAt: number
  /** When it was put to use, for what can be done once. */
  usedAt: number | null
}

export interface ApprovalRows {
  /** Newest first. */
  list(): Approval[]
  get(id: number): Approval | undefined
  add(approval: Approval): Approval
  update(id: number, change: Partial<Omit<Approval, 'id' | 'kind' | 'what' | 'sha256'>>): Approval
}

/** `retired`: closed for good. Nothing that is not `open` gets people's data. */
export type FlowState = 'open' | 'cut' | 'retired'

/** State of the flow to one vendor. `fence` grows by one with each cut, each restore and its end. */
export interface VendorFlow {
  vendor: string
  state: FlowState
  fence: number
  changedAt: number
  actor: string
  reason: string
}

/**
 * What becomes of events that wait for a vendor that is cut, up to a log entry. `drop`: the vendor never gets them. `keep`: it does
 * not get them when its flow opens, unless `release` was decided before; they are meant for another destination.
 */
export interface HeldDecision {
  vendor: string
  decision: 'release' | 'drop' | 'keep'
  upTo: number
  /** How many there were. */
  events: number
  at: number
  actor: string
  reason: string
}

/** Something by which a vendor knows us; the value stands in the configuration only. */
export interface VendorCredential {
  vendor: string
  name: string
  kind: string
  /** Where it is configured. */
  place: string
}

/** A person's word that a credential was changed at the vendor, and the fence of the flow at that moment. */
export interface CredentialRotation {
  name: string
  fence: number
  at: number
  actor: string
  reason: string
}

export interface RecordsReader {
  currentPolicy(): PolicyVersion | undefined
  policy(version: number): PolicyVersion | undefined
  /** Number of the current policy, 0 when there is none. Reads the file each time, as `flow` does, and nothing else. */
  policyNumber(): number
  /** Undefined for versions of before they were signed. */
  policySeal(version: number): PolicySeal | undefined
  /** What the configuration file said of policy when it was last heard. */
  filePolicy(): Policy | undefined
  /** Open with fence 0 when nothing is recorded. Reads the file each time: a cut counts from the moment it is durable. */
  flow(vendor: string): VendorFlow
  flows(): VendorFlow[]
  /** Oldest first. */
  heldDecisions(vendor: string): HeldDecision[]
  /** Last log entry that the vendor never gets, and the last that it does not get although its flow opens; 0 for none. */
  heldSkips(vendor: string): { dropped: number; kept: number }
  credentials(vendor: string): VendorCredential[]
  /** Oldest first. */
  rotations(vendor: string): CredentialRotation[]
  close(): void
}

export interface IncidentRecords {
  /** Of one incident or of all, in order. */
  incidentRows(incident?: number): IncidentRow[]
  /** The last row of each incident. */
  incidentHeads(): { incident: number; row: number }[]
  /** Throws `incident_changed` when the row does not follow the incident's last. */
  addIncidentRow(row: IncidentRow): void
}

export interface Records extends RecordsReader, IncidentRecords, EvidenceRecords, BaselineReading, BaselineWriting, NoticeRecords {
  /** Signals, as chains of rows of the same shape. */
  signals: IncidentRecords
  readonly operators: OperatorRows
  readonly approvals: ApprovalRows
  /** A new version when the policy differs from the current one; else the current one. */
  applyPolicy(policy: Policy, at: number): PolicyVersion
  /** The next version, signed. With `file`, what the configuration file says is recorded in the same commit. Throws `policy_changed`. */
  recordPolicy(applied: { policy: Policy; seal: PolicySeal; file?: Policy }): PolicyVersion
  recordFilePolicy(policy: Policy): void
  /** Of a retired vendor it raises the fence, no more. */
  cut(vendor: string, change: { at: number; actor: string; reason: string }): VendorFlow
  /** Throws `vendor_not_cut`, `vendor_retired`. */
  restore(vendor: string, change: { at: number; actor: string; reason: string }): VendorFlow
  /** For good. */
  retire(vendor: string, change: { at: number; actor: string; reason: string }): VendorFlow
  decideHeld(decision: HeldDecision): void
  /** What the configuration has now; what it had before stays. */
  recordCredentials(credentials: readonly VendorCredential[]): void
  recordRotation(vendor: string, rotation: CredentialRotation): void
  /** For records from a backup: a later state of a flow that is known from elsewhere. Nothing when it is not later. */
  adopt(flow: VendorFlow): boolean
  history(vendor: string): VendorFlow[]
}

/**
 * Records of decisions: applied policies, cuts and their fences, incidents. One writer: `staff` (or the command line
 * while it holds the instance lock and nothing runs); worker and gateway open the file read-only.
 */
import type { IncidentRow } from '#model/incident-row.ts'
import type { Policy, PolicyVersion } from '#model/policy.ts'
import type { PolicySeal } from '#model/policy-statement.ts'
import type { EvidenceRecords } from './evidence-records.ts'

/** State of the flow to one vendor. `fence` grows by one with each cut and each restore. */
export interface VendorFlow {
  vendor: string
  state: 'open' | 'cut'
  fence: number
  changedAt: number
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
  close(): void
}

export interface IncidentRecords {
  /** Of one incident or of all, in order. */
  incidentRows(incident?: number): IncidentRow[]
  /** Throws `incident_changed` when the row does not follow the incident's last. */
  addIncidentRow(row: IncidentRow): void
}

export interface Records extends RecordsReader, IncidentRecords, EvidenceRecords {
  /** A new version when the policy differs from the current one; else the current one. */
  applyPolicy(policy: Policy, at: number): PolicyVersion
  /** The next version, signed. With `file`, what the configuration file says is recorded in the same commit. Throws `policy_changed`. */
  recordPolicy(applied: { policy: Policy; seal: PolicySeal; file?: Policy }): PolicyVersion
  recordFilePolicy(policy: Policy): void
  cut(vendor: string, change: { at: number; actor: string; reason: string }): VendorFlow
  restore(vendor: string, change: { at: number; actor: string; reason: string }): VendorFlow
  /** For records from a backup: a later state of a flow that is known from elsewhere. Nothing when it is not later. */
  adopt(flow: VendorFlow): boolean
  history(vendor: string): VendorFlow[]
}

/**
 * The applied policy: plain data, no credentials, so that it can stand in the records under a version number and be read
 * back to repeat a decision. Compiled look-ups are made in `policy/`.
 */
import type { Field, Form } from '#model/field.ts'
import type { Recipient } from '#model/recipient.ts'

export interface PolicyVersion {
  version: number
  appliedAt: number
  policy: Policy
}

export interface Policy {
  /** What opens in the own store: union of every destination's approvals and the store's own. Sorted, unique. */
  store: { events: string[]; properties: string[]; paths: string[]; referrers: string[]; consent?: ConsentRule }
  destinations: DestinationPolicy[]
  /** Absent in versions from before consent was part of the decision. */
  consent?: ConsentTable
}

export interface DestinationPolicy {
  vendor: string
  destination: string
  protocol: string
  /** Where it sends, by the configuration; absent in versions from before agreements were bound to it. */
  recipient?: Recipient
  grants: Grant[]
  events: string[]
  properties: string[]
  /** One for each purpose of the grants; absent as in `Policy`. */
  consent?: ConsentRule[]
}

/**
 * Whether silence is consent. `by-country`: as the law of the person's country has it. `not-needed`: nothing that is said
 * counts, because the purpose has another legal ground.
 */
export const CONSENT_BASES = ['by-country', 'opt-in', 'opt-out', 'not-needed'] as const
export type ConsentBasis = (typeof CONSENT_BASES)[number]

/** Where a browser's signal counts as a refusal. */
export const SIGNAL_USES = ['everywhere', 'where-binding', 'ignored'] as const
export type SignalUse = (typeof SIGNAL_USES)[number]

export interface ConsentRule {
  purpose: string
  basis: ConsentBasis
  gpc: SignalUse
  dnt: SignalUse
  reason: string
}

/** What law says of silence and of signals, written out, so that a version of the policy always answers the same. */
export interface ConsentTable {
  /** Day of the list of countries that came with the program. */
  asOf: string
  /** Countries in which silence is no consent, and in which GPC binds. Sorted. */
  optIn: string[]
  gpcBinds: string[]
  unknownCountry: 'opt-in' | 'opt-out'
  /** Category of a consent object to purpose. Sorted. */
  categories: [category: string, purpose: string][]
}

/** Record that lets a destination get a field in a form for a purpose until an instant. `rule` names it in every decision. */
export interface Grant {
  field: Field | 'property.*'
  form: Exclude<Form, 'withheld'>
  purpose: string
  until: number | null
  rule: string
  /** Why it was granted, where somebody said so. */
  reason?: string
  /** Of an identity field in the clear: who wanted it, and who else agreed. */
  approval?: GrantApproval
}

export interface GrantApproval {
  /** Number of the proposal in the records. */
  id: number
  proposedBy: string
  /** `single-operator`: nobody, a delay had to do. */
  approvedBy: string
  /** For whom they agreed to it. */
  recipient?: Recipient
}

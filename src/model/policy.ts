/**
 * The applied policy: plain data, no credentials, so that it can stand in the records under a version number and be read
 * back to repeat a decision. Compiled look-ups are made in `policy/`.
 */
import type { Field, Form } from '#model/field.ts'

export interface PolicyVersion {
  version: number
  appliedAt: number
  policy: Policy
}

export interface Policy {
  /** What opens in the own store: union of every destination's approvals and the store's own. Sorted, unique. */
  store: { events: string[]; properties: string[]; paths: string[]; referrers: string[] }
  destinations: DestinationPolicy[]
}

export interface DestinationPolicy {
  vendor: string
  destination: string
  protocol: string
  grants: Grant[]
  events: string[]
  properties: string[]
}

/** Record that lets a destination get a field in a form for a purpose until an instant. `rule` names it in every decision. */
export interface Grant {
  field: Field | 'property.*'
  form: Exclude<Form, 'withheld'>
  purpose: string
  until: number | null
  rule: string
}

/** What the decision about a record says. One object for all records of a kind: what differs is read by `valuesOf`. */
import type { ClearField, Field } from '#model/field.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { ReasonCode } from '#model/outcome.ts'
import type { Grant } from '#model/policy.ts'
import type { OutgoingField, OutgoingValue } from '#model/protocol.ts'

export type Decision = Sending | { readonly kind: 'drop'; readonly reason: ReasonCode }

export interface Sending {
  readonly kind: 'send'
  /** Whether each identifier that the record has leaves as a pseudonym. False too when the record has none. */
  readonly user: boolean
  readonly device: boolean
  /** All linked identifiers leave, or none; the same for groups. */
  readonly linked: boolean
  readonly groups: boolean
  /** Values that leave, and how they are read from a record of this kind: one for each field. */
  readonly outgoing: readonly OutgoingField[]
  valuesOf(record: LogRecord): OutgoingValue[]
  /** Identity that leaves in the clear, as far as the vault has it: values come from there, at sending. */
  readonly clear: readonly ClearField[]
  /** First end of the grants of `clear`, UTC ms; what was made before it does not leave from then on. */
  readonly clearUntil: number
  /** Keys of `unset` that are approved for this destination. */
  readonly unset: readonly string[]
  /** Purposes of the grants that were used; sorted. */
  readonly purposes: readonly string[]
  /** Canonical text, see shape.ts. */
  readonly shape: string
  /** Every field that leaves, with the rule that let it. */
  readonly fields: readonly ExplainedField[]
}

export interface ExplainedField {
  field: Field
  form: Grant['form']
  rule: string
}

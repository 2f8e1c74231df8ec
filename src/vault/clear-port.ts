/** What the worker may ask of identity in the clear. */
import type { ClearField } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { Policy } from '#model/policy.ts'
import type { PolicySeal } from '#model/policy-statement.ts'
import type { Recipient } from '#model/recipient.ts'

export interface ClearRequest {
  destination: string
  /** Where the asker is about to send them. */
  recipient?: Recipient | undefined
  /** The version under which it was decided, as the vault signed it. */
  policy: Policy
  seal: PolicySeal
  asked: readonly { field: ClearField; ordinals: readonly Ordinal[] }[]
}

export interface ClearVault {
  /**
   * Plain values as they are known best, for each of `asked` in the order of its ordinals; null: not known, erased, or the grant has
   * run out. Throws `vault_refused` for what no signed version grants to that recipient with two people's agreement.
   */
  clearValues(request: ClearRequest): Promise<(string | null)[][]>
}

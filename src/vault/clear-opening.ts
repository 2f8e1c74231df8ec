/**
 * Plain values for a vendor, by a capability of its own: not because the worker asks, but because a version of the policy that this
 * vault signed grants that field to that destination in the clear, until a time that has not come, and names two people who agreed to
 * that recipient.
 * The disclosure itself is in the ledger, as every other; what is on record here is the grant.
 */
import { setImmediate as letOthersRun } from 'node:timers/promises'
import { BulkheadError } from '#base/errors.ts'
import { type ClearField, isClearField } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { Grant, Policy } from '#model/policy.ts'
import { isSigned, type PolicySeal, policyHash } from '#model/policy-statement.ts'
import { isSameRecipient, type Recipient } from '#model/recipient.ts'
import { type Committer, factBinding, identifierBinding } from './commit.ts'
import type { ClearRequest } from './clear-port.ts'
import type { FactRow, Rows } from './rows.ts'
import { open } from './seal.ts'

/** Values that are opened before others get their turn. */
const OPENED_AT_ONCE = 100

export interface ClearParts {
  rows: Pick<Rows, 'facts' | 'identifier'>
  committer: Pick<Committer, 'sealKey'>
  instance: string
  /** Public key of this vault's own signatures. */
  ledgerKey(): string | null
  now(): number
}

/** `policyText`: the policy as JSON. */
export type ClearTextRequest = Omit<ClearRequest, 'policy'> & { policyText: string }

export class ClearOpening {
  readonly #parts: ClearParts
  /** The last version that was shown: most calls are under one. */
  #seen: { text: string; seal: string; policy: Policy } | undefined

  constructor(parts: ClearParts) {
    this.#parts = parts
  }

  /** In slices, since the same loop answers the gateway. */
  async values({ destination, recipient, seal, asked, policyText }: ClearTextRequest): Promise<(string | null)[][]> {
    const policy = this.#signed(policyText, seal)
    const grants = policy.destinations.find((each) => each.destination === destination)?.grants ?? []
    const now = this.#parts.now()
    const counting = asked.map(({ field }) => {
      const granted = grants.filter((grant) => grant.field === field && isAgreed(grant, recipient))
      if (!isClearField(field) || granted.length === 0) throw refused()
      // Run out since it was decided: then it is as if nothing were known.
      return granted.some(({ until }) => until !== null && until > now)
    })
    const answers: (string | null)[][] = []
    const facts = new Map<Ordinal, FactRow[]>()
    let opened = 0
    for (const [index, { field, ordinals }] of asked.entries()) {
      const values: (string | null)[] = []
      for (const ordinal of ordinals) {
        values.push(counting[index] === true ? this.#value(field, ordinal, facts) : null)
        opened += 1
        if (opened % OPENED_AT_ONCE === 0) await letOthersRun()
      }
      answers.push(values)
    }
    return answers
  }

  #signed(text: string, seal: PolicySeal): Policy {
    const shown = JSON.stringify(seal)
    if (this.#seen !== undefined && this.#seen.text === text && this.#seen.seal === shown) return this.#seen.policy
    const policy = parse(text)
    const isWhole =
      policy !== undefined &&
      seal?.statement?.instance === this.#parts.instance &&
      seal.statement.policySha256 === policyHash(policy) &&
      isSigned(seal, this.#parts.ledgerKey())
    if (!isWhole) throw refused()
    this.#seen = { text, seal: shown, policy }
    return policy
  }

  #value(field: ClearField, ordinal: Ordinal, known: Map<Ordinal, FactRow[]>): string | null {
    const { rows, committer } = this.#parts
    const key = committer.sealKey(ordinal)
    if (key === undefined) return null
    if (field === 'user_id' || field === 'group_id') {
      const row = rows.identifier(ordinal)
      return row === undefined ? null : text(open(key, identifierBinding(ordinal, row.scope), row.sealed))
    }
    // The most trusted first: what anybody with a public token may have said never stands for what the company knows.
    const facts = known.get(ordinal) ?? rows.facts(ordinal)
    known.set(ordinal, facts)
    const fact = facts.find((each) => each.field === field)
    return fact === undefined ? null : text(open(key, factBinding(ordinal, field, fact.trust), fact.sealed))
  }
}

function isAgreed({ form, until, approval }: Grant, recipient: Recipient | undefined): boolean {
  return (
    form === 'clear' &&
    until !== null &&
    approval !== undefined &&
    approval.proposedBy !== '' &&
    approval.approvedBy !== '' &&
    approval.proposedBy !== approval.approvedBy &&
    isSameRecipient(approval.recipient, recipient)
  )
}

function parse(text: string): Policy | undefined {
  try {
    return JSON.parse(text) as Policy
  } catch {
    return undefined
  }
}

function text(opened: Buffer | undefined): string {
  if (opened === undefined) throw new BulkheadError('key_wrong', 'a sealed value does not open')
  return opened.toString('utf8')
}

function refused(): BulkheadError {
  return new BulkheadError('vault_refused', 'nothing leaves in the clear but what a signed version grants, with two people who agreed')
}

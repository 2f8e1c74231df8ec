/**
 * What is signed of an applied policy: its number, when, by whom and why, the hash of its text, and the hash of the statement
 * before it. Versions so make a chain: none can be changed, left out or slipped in without a signature that does not fit.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { canonicalJson } from '#base/canonical-json.ts'
import type { Policy } from '#model/policy.ts'

/** How a version came about. */
export const POLICY_ORIGINS = ['file', 'apply', 'approve', 'approval'] as const
export type PolicyOrigin = (typeof POLICY_ORIGINS)[number]

export interface PolicyStatement {
  instance: string
  version: number
  /** UTC ms. */
  appliedAt: number
  actor: string
  reason: string
  origin: PolicyOrigin
  /** Who approved it, where that needed somebody else than the actor, and the number of the proposal. */
  approvedBy?: string
  approval?: number
  /** SHA-256 of the policy's canonical JSON, hex. */
  policySha256: string
  /** SHA-256 of the statement of the last signed version, hex; '' when there is none. */
  before: string
}

/** Ed25519: the public key as SPKI and the signature, base64. */
export interface PolicySeal {
  statement: PolicyStatement
  key: string
  signature: string
}

const LABEL = 'bulkhead/policy-version/v1'

/** The bytes that are signed. They begin with a label of their own, so that no other use of the key can collide. */
export function statementBytes(statement: PolicyStatement): Buffer {
  return Buffer.from(`${LABEL}\n${canonicalJson(statement)}`)
}

export function policyHash(policy: Policy): string {
  return createHash('sha256').update(canonicalJson(policy)).digest('hex')
}

/** Whether the statement was signed by the holder of `key` (SPKI, base64), the one that the vault names. */
export function isSigned({ statement, key: own, signature }: PolicySeal, key: string | null): boolean {
  if (key === null || own !== key) return false
  const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' })
  return verify(null, statementBytes(statement), publicKey, Buffer.from(signature, 'base64'))
}

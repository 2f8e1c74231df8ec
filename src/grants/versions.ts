/**
 * Versions of the policy: each is numbered, signed by the vault and recorded, and counts from the moment it is durable. The
 * vault has who and why on record before it signs.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import type { Policy, PolicyVersion } from '#model/policy.ts'
import { isSigned, policyHash, type PolicyOrigin, type PolicySeal, statementBytes } from '#model/policy-statement.ts'
import { isSamePolicy, mergePolicy, withoutApprovals } from '#policy/policy.ts'
import { CONFIGURATION_FILE } from '#records/approvals.ts'
import type { Records, RecordsReader } from '#records/port.ts'
import type { PolicySigner } from '#vault/port.ts'

export interface VersionPorts {
  records: Records
  vault: PolicySigner
  clock: Pick<Clock, 'now'>
}

export interface Change {
  policy: Policy
  actor: string
  reason: string
  origin: PolicyOrigin
  /** Who else agreed, and the number of the proposal. */
  approvedBy?: string
  approval?: number
  /** What the configuration file says, to be recorded beside it. */
  file?: Policy
  /** The version that it was made from: with another in force it would undo what it does not know. */
  on?: number
}

/** The current version when it says the same and is signed. Throws `policy_changed` when another became the next one meanwhile. */
export async function recordVersion(change: Change, { records, vault, clock }: VersionPorts): Promise<PolicyVersion> {
  const current = records.currentPolicy()
  if (current !== undefined && lastSeal(records) !== undefined && isSamePolicy(current.policy, change.policy)) {
    if (change.file !== undefined) records.recordFilePolicy(change.file)
    return current
  }
  const { policy, actor, reason, origin, approvedBy, approval, file, on = records.policyNumber() } = change
  if (on !== records.policyNumber()) throw new BulkheadError('policy_changed', `version ${records.policyNumber()} is in force, not ${on}`)
  const before = lastSeal(records)
  const seal = await vault.signPolicy({
    version: on + 1,
    // A clock that was set back must not make a later version look older.
    appliedAt: Math.max(clock.now(), current?.appliedAt ?? 0),
    actor,
    reason,
    origin,
    ...(approvedBy === undefined ? {} : { approvedBy }),
    ...(approval === undefined ? {} : { approval }),
    policySha256: policyHash(policy),
    before: before === undefined ? '' : statementHash(before),
  })
  return records.recordPolicy({ policy, seal, ...(file === undefined ? {} : { file }) })
}

/**
 * At the start: what the file says differently than when it was last heard becomes the next version; a file that says the
 * same as then changes nothing, whatever was applied since. `part`: takes out what has to wait, given what is in force.
 */
export async function takeFile(
  configured: Policy,
  ports: VersionPorts,
  part: (current: Policy, next: Policy) => Promise<Policy> = async (_current, next) => next,
): Promise<PolicyVersion> {
  const { records } = ports
  const current = records.currentPolicy()?.policy
  // Records of before the file was remembered: then every start applied it, so it said what is in force.
  const said = records.filePolicy() ?? current
  const policy = said === undefined || current === undefined ? configured : mergePolicy(said, configured, current)
  const allowed = await part(current ?? { ...configured, destinations: [] }, policy)
  const isSame = current !== undefined && isSamePolicy(withoutRecipients(current), withoutRecipients(allowed))
  const reason = isSame ? 'where destinations send to, by the file' : 'the file changed'
  return recordVersion({ policy: allowed, actor: CONFIGURATION_FILE, reason, origin: 'file', file: configured }, ports)
}

function withoutRecipients(policy: Policy): Policy {
  const stated = withoutApprovals(policy)
  return { ...stated, destinations: stated.destinations.map(({ recipient: _, ...each }) => each) }
}

export type SealState = 'ok' | 'unsigned' | 'broken'

/**
 * Whether a version is as it was signed, by the key that the vault names, on top of the version before. Versions of before
 * they were signed are `unsigned`; behind a signed one nothing may be.
 */
export function sealState(version: PolicyVersion, records: RecordsReader, key: string | null): SealState {
  const seal = records.policySeal(version.version)
  const before = version.version > 1 ? records.policySeal(version.version - 1) : undefined
  if (seal === undefined) return before === undefined ? 'unsigned' : 'broken'
  const { statement } = seal
  const isWhole =
    statement.version === version.version &&
    statement.appliedAt === version.appliedAt &&
    statement.policySha256 === policyHash(version.policy) &&
    statement.before === (before === undefined ? '' : statementHash(before))
  return isWhole && isSigned(seal, key) ? 'ok' : 'broken'
}

function lastSeal(records: RecordsReader): PolicySeal | undefined {
  return records.policySeal(records.policyNumber())
}

function statementHash({ statement }: PolicySeal): string {
  return createHash('sha256').update(statementBytes(statement)).digest('hex')
}

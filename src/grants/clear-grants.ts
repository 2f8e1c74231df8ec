/**
 * Identity fields in the clear: what of a policy waits for a second person, and what becomes of it when there is one. The rest of
 * the policy does not wait; until somebody else agrees, what was in force for such a field goes on.
 */
import { canonicalJson } from '#base/canonical-json.ts'
import { DAY_MS } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import type { Grant, GrantApproval, Policy } from '#model/policy.ts'
import { isSameRecipient, type Recipient } from '#model/recipient.ts'
import { isClearGrant } from '#policy/policy.ts'
import type { Approvals } from '#records/approvals.ts'
import type { Approval } from '#records/port.ts'
import { recordVersion, type VersionPorts } from './versions.ts'

/** Kind of proposal. */
export const CLEAR_GRANT = 'clear_grant'

/** One grant that waits. Its canonical text is what is approved. */
export interface ClearAsk {
  destination: string
  /** Absent in what was proposed before agreements were bound to it. */
  recipient?: Recipient
  field: Grant['field']
  purpose: string
  until: number
  reason: string
  rule: string
}

export interface PendingGrant extends Omit<ClearAsk, 'rule'> {
  /** Null: nobody has proposed it yet. */
  approval: number | null
  countsFrom: number | null
}

type DestinationGrants = Policy['destinations'][number]

/** Pure. `next` without what only a second person lets through, and that. Whoever wrote `next` cannot state an approval in it. */
export function partUnapproved(current: Policy, next: Policy, now: number): { policy: Policy; asks: ClearAsk[] } {
  const asks: ClearAsk[] = []
  const destinations = next.destinations.map((each): DestinationGrants => {
    const { recipient } = each
    const bound = recipient && { recipient }
    const held = heldFor(
      recipient,
      current.destinations.find(({ destination }) => destination === each.destination),
    )
    const grants = each.grants.flatMap((grant): Grant[] => {
      if (!isClearGrant(grant)) return [grant]
      const { approval: _, ...stated } = grant
      const agreed = held.filter((known) => isSame(known, grant) && known.approval !== undefined)
      const until = grant.until ?? Number.MAX_SAFE_INTEGER
      // A shorter time needs nobody: it narrows.
      const wide = agreed.find((known) => (known.until ?? 0) >= until)
      if (wide?.approval !== undefined) return [{ ...stated, approval: wide.approval }]
      if (until <= now) return []
      asks.push({ destination: each.destination, ...bound, ...termsOf(grant, until) })
      return agreed
    })
    return { ...each, grants }
  })
  return { policy: { ...next, destinations }, asks }
}

/** What was agreed to for that recipient. From before agreements were bound to one, it is for the one that they then went to. */
function heldFor(recipient: Recipient | undefined, before: DestinationGrants | undefined): Grant[] {
  const grants = before?.grants ?? []
  if (before === undefined || recipient === undefined) return grants.filter(({ approval }) => approval?.recipient === undefined)
  return grants.flatMap((grant) => {
    const { approval } = grant
    if (before.recipient === undefined && approval !== undefined) return [{ ...grant, approval: { ...approval, recipient } }]
    return approval === undefined || isSameRecipient(approval.recipient, recipient) ? [grant] : []
  })
}

/** For a plan: as it would be once somebody else has agreed. */
export function asIfApproved(policy: Policy, asks: readonly ClearAsk[]): Policy {
  return withGrants(policy, asks, { id: 0, proposedBy: 'somebody', approvedBy: 'somebody else' })
}

/** Throws `policy_invalid`. */
export function checkDays(asks: readonly ClearAsk[], { now, clearDaysMax }: { now: number; clearDaysMax: number }): void {
  const late = asks.find(({ until }) => until > now + clearDaysMax * DAY_MS)
  if (late === undefined) return
  throw new BulkheadError(
    'policy_invalid',
    `destination \`${late.destination}\`: \`${late.field}\` in the clear for more than ${clearDaysMax} days (approvals.clearDaysMax)`,
  )
}

/** The proposal of these grants, a new one or the one that waits already. */
export async function proposeClear(
  asks: readonly ClearAsk[],
  by: { actor: string; reason: string },
  approvals: Approvals,
): Promise<Approval> {
  const expiresAt = Math.min(...asks.map(({ until }) => until))
  return approvals.propose({ kind: CLEAR_GRANT, what: textOf(asks), by: by.actor, reason: by.reason, expiresAt })
}

/** What was proposed, and neither rejected nor put to use. */
export function openProposals(approvals: Approvals): Approval[] {
  return approvals.list().filter((each) => each.kind === CLEAR_GRANT && ['pending', 'approved', 'counts'].includes(approvals.stateOf(each)))
}

/** All that waits, and with `asked` also what has not been proposed. */
export function pendingGrants(approvals: Approvals, asked: readonly ClearAsk[] = []): PendingGrant[] {
  const waiting = openProposals(approvals)
  const shown = waiting.flatMap((approval) =>
    asksOf(approval).map((ask) => pendingOf(ask, approval.id, approvals.countsFrom(approval) ?? null)),
  )
  const known = new Set(waiting.map(({ what }) => what))
  const further = asked.length === 0 || known.has(textOf(asked)) ? [] : asked.map((ask) => pendingOf(ask, null, null))
  return [...further, ...shown]
}

export interface ClearEffectPorts extends VersionPorts {
  approvals: Approvals
  gatewayTakes(): Promise<unknown>
}

/** Puts into force what two people agreed to, as a version that names both. Begun again after a crash it changes nothing more. */
export async function applyClear(approval: Approval, ports: ClearEffectPorts): Promise<void> {
  const { records, clock, approvals } = ports
  const current = records.currentPolicy()
  const { proposedBy, approvedBy } = approval
  if (current === undefined || approvedBy === null) return
  const isMeant = ({ destination, recipient }: ClearAsk): boolean =>
    current.policy.destinations.some((each) => each.destination === destination && isSameRecipient(each.recipient, recipient))
  // What has run out, or has lost its destination or recipient since, needs no version.
  const asks = asksOf(approval).filter((ask) => ask.until > clock.now() && isMeant(ask))
  if (asks.length > 0) {
    const policy = withGrants(current.policy, asks, { id: approval.id, proposedBy, approvedBy })
    const by = { actor: proposedBy, approvedBy, approval: approval.id, reason: approval.reason, origin: 'approval' as const }
    await recordVersion({ policy, on: current.version, ...by }, ports)
  }
  await approvals.use(approval.id)
  await ports.gatewayTakes()
}

/** Before the other grants of their field, so that these go on by themselves when the time is over. */
function withGrants(policy: Policy, asks: readonly ClearAsk[], approval: GrantApproval): Policy {
  return {
    ...policy,
    destinations: policy.destinations.map((each) => {
      const own = asks.filter(({ destination }) => destination === each.destination)
      if (own.length === 0) return each
      const added = own.map(({ destination: _, recipient, ...terms }): Grant => {
        return { ...terms, form: 'clear', approval: { ...approval, ...(recipient && { recipient }) } }
      })
      const others = each.grants.filter((grant) => !added.some((one) => isClearGrant(grant) && isSame(grant, one)))
      return { ...each, grants: [...added, ...others] }
    }),
  }
}

function isSame(one: Grant, other: Pick<Grant, 'field' | 'purpose'>): boolean {
  return isClearGrant(one) && one.field === other.field && one.purpose === other.purpose
}

function termsOf({ field, purpose, rule, reason = '' }: Grant, until: number): Omit<ClearAsk, 'destination' | 'recipient'> {
  return { field, purpose, until, reason, rule }
}

function textOf(asks: readonly ClearAsk[]): string {
  const texts = asks.map((ask) => canonicalJson(ask)).sort()
  return `[${texts.join(',')}]`
}

export function asksOf({ what }: Approval): ClearAsk[] {
  return JSON.parse(what) as ClearAsk[]
}

function pendingOf({ rule: _, ...ask }: ClearAsk, approval: number | null, countsFrom: number | null): PendingGrant {
  return { ...ask, approval, countsFrom }
}

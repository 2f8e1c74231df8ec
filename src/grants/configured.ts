/**
 * The policy of the configuration file, taken at the start: what needs a second person is proposed, the rest counts at once. What
 * was agreed to for another recipient than the file now names ends here, and is proposed anew for the one that it names.
 */
import { BulkheadError } from '#base/errors.ts'
import type { Policy, PolicyVersion } from '#model/policy.ts'
import { isSameRecipient, recipientName } from '#model/recipient.ts'
import { isClearGrant } from '#policy/policy.ts'
import { type Approvals, CONFIGURATION_FILE } from '#records/approvals.ts'
import { asksOf, checkDays, type ClearAsk, openProposals, partUnapproved, proposeClear } from './clear-grants.ts'
import { takeFile, type VersionPorts } from './versions.ts'

export interface ConfiguredPorts {
  approvals: Approvals
  clearDaysMax: number
  /** What somebody has to know of where things go now. */
  say(text: string): void
}

export async function takeConfigured(configured: Policy, ports: VersionPorts, own: ConfiguredPorts): Promise<PolicyVersion> {
  const { approvals, clearDaysMax, say } = own
  const now = ports.clock.now()
  const said: string[] = []
  const version = await takeFile(configured, ports, async (current, next) => {
    const { policy, asks } = partUnapproved(current, next, now)
    checkDays(asks, { now, clearDaysMax })
    // First: once the file is recorded it says nothing new, and nobody would propose it again after a crash.
    if (asks.length > 0) await proposeClear(asks, { actor: CONFIGURATION_FILE, reason: 'the file changed' }, approvals)
    await askForRecipients(policy, { approvals, now })
    said.push(...changedRecipients(current, policy, asks))
    return policy
  })
  // Once: the next start finds what this one has recorded.
  for (const text of said) say(text)
  return version
}

/** What waits for a second person was asked for where it then went: it is asked for anew, and the former proposal closed. */
async function askForRecipients(policy: Policy, { approvals, now }: { approvals: Approvals; now: number }): Promise<void> {
  const recipientNow = (ask: ClearAsk): ClearAsk['recipient'] =>
    policy.destinations.find(({ destination }) => destination === ask.destination)?.recipient
  for (const proposal of openProposals(approvals)) {
    const asks = asksOf(proposal)
    const moved = asks.find((ask) => recipientNow(ask) !== undefined && !isSameRecipient(recipientNow(ask), ask.recipient))
    if (moved === undefined) continue
    const anew = asks.flatMap((ask): ClearAsk[] => {
      const recipient = recipientNow(ask)
      return ask.until > now && recipient !== undefined ? [{ ...ask, recipient }] : []
    })
    const reason = `${moved.destination} sends to ${toWhom(recipientNow(moved))}: asked for anew`
    if (anew.length > 0) await proposeClear(anew, { actor: CONFIGURATION_FILE, reason }, approvals)
    await approvals.reject(proposal.id, CONFIGURATION_FILE, reason).catch((thrown: unknown) => {
      // Its time ended just now.
      if (!(thrown instanceof BulkheadError) || thrown.code !== 'approval_closed') throw thrown
    })
  }
}

/** A sentence for each destination that sends elsewhere than before, or whose recipient was not on record. */
function changedRecipients(current: Policy, next: Policy, asks: readonly ClearAsk[]): string[] {
  return next.destinations.flatMap(({ destination, recipient, grants }) => {
    const before = current.destinations.find((each) => each.destination === destination)
    if (before === undefined || recipient === undefined || isSameRecipient(before.recipient, recipient)) return []
    if (before.recipient === undefined) {
      const agreed = grants.filter(isClearGrant).map(({ field }) => field)
      // What leaves without a second person is not bound to anybody: nothing to say of it.
      return agreed.length === 0
        ? []
        : [`${destination}: what was agreed to (${agreed.join(', ')} in the clear) holds for ${recipientName(recipient)} from now on`]
    }
    const agreed = new Set(before.grants.filter(isClearGrant).map(({ field }) => field))
    const ended = asks.filter((ask) => ask.destination === destination && agreed.has(ask.field)).map(({ field }) => field)
    const clear = ended.length === 0 ? '' : `; ${ended.join(', ')} in the clear was agreed to for the former only and waits for two people`
    const hint = 'identifiers stay those that the former recipient knows until `bulkhead vendor rotate`'
    return [`${destination} sends to ${recipientName(recipient)} now, before to ${recipientName(before.recipient)}${clear}; ${hint}`]
  })
}

function toWhom(recipient: ClearAsk['recipient']): string {
  return recipient === undefined ? 'nobody' : recipientName(recipient)
}

/** The policy of the configuration file, taken at the start: what needs a second person is proposed, the rest counts at once. */
import type { Policy, PolicyVersion } from '#model/policy.ts'
import { type Approvals, CONFIGURATION_FILE } from '#records/approvals.ts'
import { checkDays, partUnapproved, proposeClear } from './clear-grants.ts'
import { takeFile, type VersionPorts } from './versions.ts'

export async function takeConfigured(
  configured: Policy,
  ports: VersionPorts,
  { approvals, clearDaysMax }: { approvals: Approvals; clearDaysMax: number },
): Promise<PolicyVersion> {
  const now = ports.clock.now()
  return takeFile(configured, ports, async (current, next) => {
    const { policy, asks } = partUnapproved(current, next, now)
    checkDays(asks, { now, clearDaysMax })
    // First: once the file is recorded it says nothing new, and nobody would propose it again after a crash.
    if (asks.length > 0) await proposeClear(asks, { actor: CONFIGURATION_FILE, reason: 'the file changed' }, approvals)
    return policy
  })
}

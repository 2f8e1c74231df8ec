/** The policy of the configuration file, taken at the start: what needs a second person is proposed, the rest counts at once. */
import type { Policy, PolicyVersion } from '#model/policy.ts'
import { type Approvals, CONFIGURATION_FILE } from '#records/approvals.ts'
import { type ClearAsk, checkDays, partUnapproved, proposeClear } from './clear-grants.ts'
import { takeFile, type VersionPorts } from './versions.ts'

export async function takeConfigured(
  configured: Policy,
  ports: VersionPorts,
  { approvals, clearDaysMax }: { approvals: Approvals; clearDaysMax: number },
): Promise<PolicyVersion> {
  const now = ports.clock.now()
  let asks: ClearAsk[] = []
  const version = await takeFile(configured, ports, (current, next) => {
    const parted = partUnapproved(current, next, now)
    asks = parted.asks
    checkDays(asks, { now, clearDaysMax })
    return parted.policy
  })
  if (asks.length > 0) await proposeClear(asks, { actor: CONFIGURATION_FILE, reason: 'the file changed' }, approvals)
  return version
}

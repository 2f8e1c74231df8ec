/** Which vendors there are, seen from configuration and records together: a vendor that left the file is still known. */
import { BulkheadError } from '#base/errors.ts'
import type { DestinationConfig, VendorConfig } from '#model/config.ts'
import type { DestinationPolicy, Grant, Policy } from '#model/policy.ts'
import type { FlowState, RecordsReader, VendorFlow } from '#records/port.ts'

export interface VendorSummary {
  vendor: string
  name: string
  /** False: in the records only, nothing is sent to it. */
  configured: boolean
  state: FlowState
  fence: number
  /** Last cut or restore, ISO 8601; null when there was none. */
  changedAt: string | null
  actor: string | null
  reason: string | null
  destinations: { destination: string; protocol: string; url: string | null; policy: number }[]
}

export interface VendorDetail extends VendorSummary {
  policy: {
    version: number
    appliedAt: string
    destinations: { destination: string; grants: Grant[]; events: string[]; properties: string[] }[]
  } | null
  history: { state: FlowState; fence: number; at: string; actor: string; reason: string }[]
}

type Reading = Pick<RecordsReader, 'currentPolicy' | 'policy' | 'flow' | 'flows'>
type Policies = Pick<RecordsReader, 'currentPolicy' | 'policy'>

/** Every destination that any applied policy named, newest policy first: what was ever sent to is never forgotten. */
function policyDestinations(records: Policies): DestinationPolicy[] {
  const current = records.currentPolicy()?.version ?? 0
  return Array.from({ length: current }, (_, index) => records.policy(current - index)?.policy.destinations ?? []).flat()
}

/** Names of all vendors that configuration, applied policy or flow records know, sorted. */
export function vendorNames(records: Policies & Pick<RecordsReader, 'flows'>, configured: readonly Pick<VendorConfig, 'id'>[]): string[] {
  const names = new Set(configured.map((vendor) => vendor.id))
  for (const destination of policyDestinations(records)) names.add(destination.vendor)
  for (const flow of records.flows()) names.add(flow.vendor)
  return [...names].sort()
}

/** Throws `vendor_unknown`. A typing error must not be answered with "cut". */
export function assertVendorKnown(vendor: string, names: readonly string[]): void {
  if (names.includes(vendor)) return
  throw new BulkheadError('vendor_unknown', `no vendor is called ${JSON.stringify(vendor.slice(0, 64))}`)
}

/** Destinations of a vendor that configuration or any applied policy names, sorted. */
export function destinationsOf(vendor: string, records: Policies, configured: readonly VendorConfig[]): string[] {
  const names = new Set(configured.find((entry) => entry.id === vendor)?.destinations.map((destination) => destination.id) ?? [])
  for (const entry of policyDestinations(records)) if (entry.vendor === vendor) names.add(entry.destination)
  return [...names].sort()
}

/**
 * A destination stays with its vendor: its cursor, epoch and entries stand under its own id, and a cut under the vendor's.
 * Moved to another vendor it would take its pseudonyms along, and what a cut holds back. Throws `config_invalid`.
 */
export function assertDestinationsStay(records: Policies, next: Pick<Policy, 'destinations'>): void {
  const known = policyDestinations(records)
  for (const { destination, vendor } of next.destinations) {
    const before = known.find((entry) => entry.destination === destination)
    if (before === undefined || before.vendor === vendor) continue
    const advice = 'give the destination an id that was never used, or the vendor its earlier id'
    throw new BulkheadError(
      'config_invalid',
      `the destination ${destination} belongs to the vendor ${before.vendor}, not to ${vendor}: ${advice}`,
    )
  }
}

export function summarizeVendor(vendor: string, records: Reading, configured: readonly VendorConfig[]): VendorSummary {
  const config = configured.find((entry) => entry.id === vendor)
  const policy = records.currentPolicy()
  const flow = records.flow(vendor)
  const destinations = destinationsOf(vendor, records, configured).map((destination) => {
    const outlet: DestinationConfig | undefined = config?.destinations.find((entry) => entry.id === destination)
    const applied = policy?.policy.destinations.find((entry) => entry.destination === destination)
    return { destination, protocol: outlet?.protocol ?? applied?.protocol ?? '', url: outlet?.url ?? null, policy: policy?.version ?? 0 }
  })
  const isChanged = flow.fence > 0
  return {
    vendor,
    name: config?.name ?? vendor,
    configured: config !== undefined,
    state: flow.state,
    fence: flow.fence,
    changedAt: isChanged ? new Date(flow.changedAt).toISOString() : null,
    actor: isChanged ? flow.actor : null,
    reason: isChanged ? flow.reason : null,
    destinations,
  }
}

export function describeVendor(
  vendor: string,
  records: Reading & { history(vendor: string): VendorFlow[] },
  configured: readonly VendorConfig[],
): VendorDetail {
  const policy = records.currentPolicy()
  return {
    ...summarizeVendor(vendor, records, configured),
    policy:
      policy === undefined
        ? null
        : {
            version: policy.version,
            appliedAt: new Date(policy.appliedAt).toISOString(),
            destinations: policy.policy.destinations
              .filter((entry) => entry.vendor === vendor)
              .map(({ destination, grants, events, properties }) => ({ destination, grants, events, properties })),
          },
    history: records.history(vendor).map(({ state, fence, changedAt, actor, reason }) => ({
      state,
      fence,
      at: new Date(changedAt).toISOString(),
      actor,
      reason,
    })),
  }
}

/**
 * From one policy to the next. A proposal states the destinations that it names as a whole; a changed configuration file
 * changes what the file says differently than before, and leaves alone what was approved meanwhile.
 */
import { canonicalJson } from '#base/canonical-json.ts'
import { BulkheadError } from '#base/errors.ts'
import type { ConsentConfig, DestinationConfig, StoreConfig } from '#model/config.ts'
import type { ConsentRule, DestinationPolicy, Grant, Policy } from '#model/policy.ts'
import { consentTableFor, destinationConsent, STORE_PURPOSE } from './consent-from-config.ts'
import { destinationPolicy, storePolicy, withStore } from './policy-from-config.ts'

/** What a policy file says. A destination that it does not name keeps what it has, and so does the store. */
export interface PolicyProposal {
  store?: StoreConfig
  destinations: Pick<DestinationConfig, 'id' | 'grants' | 'events' | 'properties' | 'consent'>[]
  /** What holds for all destinations, where a whole configuration says so. */
  consent?: ConsentConfig
}

/** Throws `config_invalid` or `destination_unknown`: a destination is made by configuration, with its address and credentials. */
export function proposedPolicy(current: Policy, proposal: PolicyProposal): Policy {
  const stated = new Map<string, DestinationPolicy>()
  for (const each of proposal.destinations) {
    const known = current.destinations.find(({ destination }) => destination === each.id)
    if (known === undefined) {
      throw new BulkheadError(
        'destination_unknown',
        `the policy names the destination ${JSON.stringify(each.id)}, which is not configured`,
        {
          hint: 'A destination is added in bulkhead.yaml, with address and credentials, and begins at the next start.',
        },
      )
    }
    if (stated.has(each.id)) throw new BulkheadError('config_invalid', `destination \`${each.id}\`: this id is used twice`)
    stated.set(each.id, destinationPolicy({ ...each, vendor: known.vendor, protocol: known.protocol }, known.recipient))
  }
  const destinations = current.destinations.map((known) => stated.get(known.destination) ?? known)
  const next = withStore(proposal.store === undefined ? current.store : storePolicy(proposal.store), destinations)
  const table = proposal.consent === undefined ? current.consent : consentTableFor(proposal.consent, purposesIn(next))
  return { ...next, ...(table === undefined ? {} : { consent: table }) }
}

export interface Approval {
  events: readonly string[]
  properties: readonly string[]
  /** Undefined: the own store alone. */
  destination?: string | undefined
}

/** Adds names to what may leave to a destination, or to what opens in the own store. Throws `config_invalid`, `destination_unknown`. */
export function approvedPolicy(current: Policy, { events, properties, destination }: Approval): Policy {
  const { events: names, properties: keys } = storePolicy({
    ...NO_STORE,
    events: { approved: [...events] },
    properties: { approved: [...properties] },
  })
  const withNames = <List extends { events: string[]; properties: string[] }>(list: List): List => ({
    ...list,
    events: [...new Set([...list.events, ...names])].sort(),
    properties: [...new Set([...list.properties, ...keys])].sort(),
  })
  if (destination !== undefined && !current.destinations.some((each) => each.destination === destination)) {
    throw new BulkheadError('destination_unknown', `the policy in force has no destination ${JSON.stringify(destination.slice(0, 64))}`)
  }
  const destinations = current.destinations.map((each) => (each.destination === destination ? withNames(each) : each))
  return { ...current, ...withStore(destination === undefined ? withNames(current.store) : current.store, destinations) }
}

const NO_STORE: StoreConfig = {
  events: { approved: [] },
  properties: { approved: [] },
  paths: { approved: [] },
  referrers: { approved: [] },
}

function purposesIn({ destinations, store }: Policy): Set<string> {
  return new Set([...destinations.flatMap(({ grants }) => grants.map(({ purpose }) => purpose)), store.consent?.purpose ?? STORE_PURPOSE])
}

/** `before` and `after` are what the file said and says; `current` is in force. */
export function mergePolicy(before: Policy, after: Policy, current: Policy): Policy {
  if (isSamePolicy(before, after)) return current
  const find = ({ destinations }: Policy, id: string): DestinationPolicy | undefined =>
    destinations.find(({ destination }) => destination === id)
  const destinations = after.destinations.map((stated): DestinationPolicy => {
    const said = find(before, stated.destination)
    const held = find(current, stated.destination)
    // One that comes back begins as it is stated.
    if (said === undefined || held === undefined) return stated
    const grants = mergeGrants(said.grants, stated.grants, held.grants)
    return {
      ...stated,
      grants,
      consent: mergeConsent([said, stated, held], grants),
      events: mergeNames(said.events, stated.events, held.events),
      properties: mergeNames(said.properties, stated.properties, held.properties),
    }
  })
  const lists = ['events', 'properties', 'paths', 'referrers'] as const
  const store = Object.fromEntries(lists.map((list) => [list, mergeNames(before.store[list], after.store[list], current.store[list])]))
  const consent = changed(before.store.consent, after.store.consent, current.store.consent)
  const table = changed(before.consent, after.consent, current.consent)
  return {
    ...withStore({ ...(store as unknown as Policy['store']), ...(consent && { consent }) }, destinations),
    ...(table && { consent: table }),
  }
}

/** What the file says where it says something else than before, else what is in force. */
function changed<Part>(before: Part | undefined, after: Part | undefined, current: Part | undefined): Part | undefined {
  return current !== undefined && canonicalJson([before]) === canonicalJson([after]) ? current : after
}

/** One rule for each purpose of the grants; one that only a grant of a command has keeps that command's rule. */
function mergeConsent([before, after, current]: readonly DestinationPolicy[], grants: readonly Grant[]): ConsentRule[] {
  const of = (policy: DestinationPolicy | undefined, purpose: string) => policy?.consent?.find((rule) => rule.purpose === purpose)
  return destinationConsent('', undefined, grants).map((standard) => {
    const { purpose } = standard
    return changed(of(before, purpose), of(after, purpose), of(current, purpose)) ?? of(current, purpose) ?? standard
  })
}

function mergeNames(before: readonly string[], after: readonly string[], current: readonly string[]): string[] {
  const [was, is] = [new Set(before), new Set(after)]
  const kept = current.filter((name) => is.has(name) || !was.has(name))
  return [...new Set([...kept, ...after.filter((name) => !was.has(name))])].sort()
}

/** Grants of one field belong together: the first of them that has not run out counts. Their numbers are no difference. */
function mergeGrants(before: readonly Grant[], after: readonly Grant[], current: readonly Grant[]): Grant[] {
  const of = (grants: readonly Grant[], field: string): Grant[] => grants.filter((grant) => grant.field === field)
  const said = (grants: readonly Grant[]): string => canonicalJson(grants.map(({ rule: _, approval: _approval, ...grant }) => grant))
  const fields = new Set([...current, ...after].map(({ field }) => field))
  return [...fields].flatMap((field) => (said(of(before, field)) === said(of(after, field)) ? of(current, field) : of(after, field)))
}

/** As a file could say it: who agreed to a grant stands in no file, and the order of fields says nothing. */
export function withoutApprovals(policy: Policy): Policy {
  const stated = ({ approval: _, ...grant }: Grant): Grant => grant
  return { ...policy, destinations: policy.destinations.map((each) => ({ ...each, grants: byField(each.grants.map(stated)) })) }
}

/** Stable: of one field the first that counts stays the first. */
function byField(grants: readonly Grant[]): Grant[] {
  return grants.toSorted((a, b) => (a.field === b.field ? 0 : a.field < b.field ? -1 : 1))
}

export function isSamePolicy(one: Policy, other: Policy): boolean {
  return canonicalJson(one) === canonicalJson(other)
}

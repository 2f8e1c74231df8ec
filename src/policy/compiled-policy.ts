/** Look-ups made once from a policy version. Sets match exactly; names were brought to NFC when the policy was made. */
import { assert } from '#base/errors.ts'
import type { KnownField } from '#model/field.ts'
import { type ClearField, isClearField, isKnownField } from '#model/field.ts'
import type { ConsentRule, DestinationPolicy, Grant, Policy } from '#model/policy.ts'
import { isSameRecipient } from '#model/recipient.ts'
import { type CompiledConsentTable, compileConsentTable } from './consent.ts'
import { DestinationConsent } from './consent-of-record.ts'
import type { Decision } from './decision.ts'
import { Kinds } from './kinds.ts'
import { COARSE_TIME_MS } from './round-time.ts'
import { compilePaths } from './url-path.ts'
import type { PathRules } from './url-path.ts'

export interface CompiledPolicy {
  store: CompiledStore
  /** By the destination's id. */
  destinations: ReadonlyMap<string, CompiledDestination>
}

export interface CompiledStore {
  events: ReadonlySet<string>
  properties: ReadonlySet<string>
  paths: PathRules
  referrers: ReadonlySet<string>
  /** Absent: nobody's consent is asked. */
  consent?: { rule: ConsentRule; table: CompiledConsentTable; purposes: ReadonlyMap<string, string> }
}

export interface CompiledDestination {
  vendor: string
  destination: string
  events: ReadonlySet<string>
  properties: ReadonlySet<string>
  grants: readonly Grant[]
  consent: DestinationConsent
  /** What may leave in the clear though it names somebody; as a rule nothing. */
  clear: readonly ClearField[]
  /** Grid of event times for this destination: the coarsest of its grants for `time`; 0 leaves them exact. */
  timeGranularityMs: number
  /** Grants in force at an instant. Cached for as long as the answer stays the same. */
  activeAt(at: number): ActiveGrants
}

/** What may leave at one time. The first grant in the list that has not expired counts for its field. */
export interface ActiveGrants {
  known: ReadonlyMap<KnownField, Grant>
  property(key: string): Grant | undefined
  /** What was decided under these grants, for people whose consent comes to the same. */
  kindsFor(verdicts: number): Kinds<Decision>
}

const NO_TABLE: CompiledConsentTable = { optIn: new Set(), gpcBinds: new Set(), unknownCountry: 'opt-out' }

export function compilePolicy(policy: Policy): CompiledPolicy {
  const table = policy.consent === undefined ? NO_TABLE : compileConsentTable(policy.consent)
  const rule = policy.store.consent
  const rules = [rule, ...policy.destinations.map(({ consent }) => consent)]
  // Whoever makes a policy of another must take along what law says of countries: without it silence would be a yes everywhere.
  assert(policy.consent !== undefined || rules.every((stated) => stated === undefined), 'rules of consent come with their table')
  return {
    store: {
      events: nameSet(policy.store.events),
      properties: nameSet(policy.store.properties),
      paths: compilePaths(policy.store.paths),
      referrers: nameSet(policy.store.referrers),
      ...(rule && { consent: { rule, table, purposes: new Map(policy.consent?.categories) } }),
    },
    destinations: new Map(
      policy.destinations.map(meantForIt).map((entry) => [
        entry.destination,
        {
          vendor: entry.vendor,
          destination: entry.destination,
          events: nameSet(entry.events),
          properties: nameSet(entry.properties),
          grants: entry.grants,
          consent: new DestinationConsent([...new Set(entry.grants.map(({ purpose }) => purpose))], entry.consent ?? [], table),
          clear: clearFieldsOf(entry.grants),
          timeGranularityMs: entry.grants.some(({ field, form }) => field === 'time' && form === 'coarse') ? COARSE_TIME_MS : 0,
          activeAt: activeGrantsOf(entry.grants),
        },
      ]),
    ),
  }
}

/** What two people agreed to for another recipient is no grant here. */
function meantForIt(entry: DestinationPolicy): DestinationPolicy {
  const isMeant = ({ approval }: Grant): boolean => approval === undefined || isSameRecipient(approval.recipient, entry.recipient)
  return { ...entry, grants: entry.grants.filter(isMeant) }
}

/** Only what two people agreed to for a time: a grant without that never counts, however it came into the records. */
function clearFieldsOf(grants: readonly Grant[]): ClearField[] {
  const granted = grants.filter((grant) => grant.form === 'clear' && isApprovedClear(grant)).map(({ field }) => field)
  return [...new Set(granted.filter(isClearField))]
}

export function isApprovedClear({ until, approval }: Grant): boolean {
  return until !== null && approval !== undefined && approval.approvedBy !== approval.proposedBy
}

/** A policy read back from the records was checked when it was applied; this key must not slip in by another way. */
function nameSet(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.normalize('NFC')).filter((name) => name !== '__proto__'))
}

function activeGrantsOf(grants: readonly Grant[]): (at: number) => ActiveGrants {
  const ends = grants.flatMap((grant) => (grant.until === null ? [] : [grant.until])).sort((a, b) => a - b)
  let from = Number.POSITIVE_INFINITY
  let to = Number.NEGATIVE_INFINITY
  let active: ActiveGrants | undefined
  return (at) => {
    if (active !== undefined && at >= from && at < to) return active
    // An end belongs to the time after it: at that instant the grant no longer counts.
    from = ends.findLast((end) => end <= at) ?? Number.NEGATIVE_INFINITY
    to = ends.find((end) => end > at) ?? Number.POSITIVE_INFINITY
    active = selectActive(grants, at)
    return active
  }
}

function selectActive(grants: readonly Grant[], at: number): ActiveGrants {
  const known = new Map<KnownField, Grant>()
  const keys = new Map<string, Grant>()
  let every: Grant | undefined
  for (const grant of grants) {
    if (grant.until !== null && grant.until <= at) continue
    if (grant.form === 'clear' && isClearField(grant.field) && !isApprovedClear(grant)) continue
    if (grant.field === 'property.*') every ??= grant
    else if (isKnownField(grant.field)) {
      if (!known.has(grant.field)) known.set(grant.field, grant)
    } else {
      const key = grant.field.slice('property.'.length)
      if (!keys.has(key)) keys.set(key, grant)
    }
  }
  return { known, property: (key) => keys.get(key) ?? every, kindsFor: kindsByVerdicts() }
}

/** People say few different things; a source that varies them on purpose makes us forget and decide anew. */
const VERDICTS_MAX = 256

function kindsByVerdicts(): ActiveGrants['kindsFor'] {
  const allAllowed = new Kinds<Decision>()
  const others = new Map<number, Kinds<Decision>>()
  return (verdicts) => {
    if (verdicts === 0) return allAllowed
    let kinds = others.get(verdicts)
    if (kinds === undefined) {
      if (others.size >= VERDICTS_MAX) others.clear()
      kinds = new Kinds()
      others.set(verdicts, kinds)
    }
    return kinds
  }
}

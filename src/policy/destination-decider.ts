/** One version of the policy for one destination, in the form in which the forwarder takes it. */
import type { LogRecord } from '#model/log-entry.ts'
import type { PolicyVersion } from '#model/policy.ts'
import { compilePolicy } from './compiled-policy.ts'
import { compileConsentTable, type Judgement } from './consent.ts'
import { DestinationConsent, type PeopleConsent, type Place } from './consent-of-record.ts'
import { decide } from './decide.ts'
import type { Decision } from './decision.ts'
import { roundTime } from './round-time.ts'

export interface DestinationDecider {
  version: number
  /**
   * `at`: the instant for which expiry of grants is judged, UTC ms. `place`: where the record stands in the log; `people`:
   * what they have said of consent up to now.
   */
  decide(record: LogRecord, at: number, place?: Place, people?: PeopleConsent): Decision
  /** What consent came to for each purpose, and what decided it. */
  explainConsent(record: LogRecord, place: Place, people: PeopleConsent): (Judgement & { purpose: string })[]
  /** Event time as this destination gets it, UTC ms. `phase`: 0 ≤ phase < 2^32. */
  timeOf(time: number, phase: number): number
}

/**
 * Undefined when that version does not know the destination. `versionOf` gives the policy under which a record arrived, as
 * far as it is known: consent is decided by that one too, and the stricter wins.
 */
export function destinationDecider(
  { version, policy }: PolicyVersion,
  destination: string,
  versionOf: (version: number) => PolicyVersion | undefined = () => undefined,
): DestinationDecider | undefined {
  const compiled = compilePolicy(policy).destinations.get(destination)
  if (compiled === undefined) return undefined
  const earlier = new Map<number, DestinationConsent | undefined>()
  const onArrival = (record: LogRecord, place: Place | undefined): number => {
    if (place === undefined || place.policy === version) return 0
    if (!earlier.has(place.policy)) earlier.set(place.policy, consentUnder(versionOf(place.policy), destination, compiled.consent.purposes))
    return earlier.get(place.policy)?.verdicts(record, place.seq, undefined) ?? 0
  }
  return {
    version,
    decide: (record, at, place, people) => decide(record, compiled, at, { place, people, onArrival: onArrival(record, place) }),
    explainConsent: (record, { seq }, people) => compiled.consent.explain(record, seq, people),
    timeOf: (time, phase) => roundTime(time, phase, compiled.timeGranularityMs),
  }
}

/** The rules of an earlier version for today's purposes; one that it did not have has no rule in it. */
function consentUnder(
  earlier: PolicyVersion | undefined,
  destination: string,
  purposes: readonly string[],
): DestinationConsent | undefined {
  const found = earlier?.policy.destinations.find((entry) => entry.destination === destination)
  if (earlier?.policy.consent === undefined || found?.consent === undefined) return undefined
  return new DestinationConsent(purposes, found.consent, compileConsentTable(earlier.policy.consent))
}

/** One version of the policy for one destination, in the form in which the forwarder takes it. */
import type { LogRecord } from '#model/log-entry.ts'
import type { PolicyVersion } from '#model/policy.ts'
import { compilePolicy } from './compiled-policy.ts'
import { decide } from './decide.ts'
import type { Decision } from './decision.ts'
import { roundTime } from './round-time.ts'

export interface DestinationDecider {
  version: number
  /** `at`: the instant for which expiry of grants is judged, UTC ms. */
  decide(record: LogRecord, at: number): Decision
  /** Event time as this destination gets it, UTC ms. `phase`: 0 ≤ phase < 2^32. */
  timeOf(time: number, phase: number): number
}

/** Undefined when that version does not know the destination. */
export function destinationDecider({ version, policy }: PolicyVersion, destination: string): DestinationDecider | undefined {
  const compiled = compilePolicy(policy).destinations.get(destination)
  if (compiled === undefined) return undefined
  return {
    version,
    decide: (record, at) => decide(record, compiled, at),
    timeOf: (time, phase) => roundTime(time, phase, compiled.timeGranularityMs),
  }
}

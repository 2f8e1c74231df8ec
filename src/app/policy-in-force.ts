/**
 * The policy in force, as gateway and worker take it. A version counts from the moment it is durable in the records: each
 * reads its number again and again and compiles what is new, so nobody has to be told.
 */
import type { DestinationDecider } from '#forward/port.ts'
import type { PolicyInForce } from '#ingest/intake.ts'
import type { PlaceOf } from '#policy/forms.ts'
import { compilePolicy, destinationDecider, type StoreConsent } from '#policy/policy.ts'
import type { RecordsReader } from '#records/port.ts'
import { createSplit } from '#split/split.ts'
import type { PolicyVersion } from '#model/policy.ts'

type Policies = Pick<RecordsReader, 'policyNumber' | 'policy'>

/** The version in force, made into something once. */
function madeOf<Made>(records: Policies, make: (version: PolicyVersion) => Made): () => Made {
  let known: { version: number; made: Made } | undefined
  return () => {
    const version = records.policyNumber()
    if (known?.version === version) return known.made
    const policy = records.policy(version)
    if (policy === undefined) throw new Error('no policy is applied')
    known = { version, made: make(policy) }
    return known.made
  }
}

/** Reads the records at each call; a forwarder calls once before each request. */
export function deciderInForce(destination: string, records: Policies): () => DestinationDecider {
  const decider = madeOf(records, (version) => {
    const made = destinationDecider(version, destination, (number) => records.policy(number))
    if (made === undefined) throw new Error(`no policy for destination ${destination}`)
    return made
  })
  // A destination without a policy is a defect that must show when it starts.
  decider()
  return decider
}

/** The own store's rule of consent. */
export function storeConsentInForce(records: Policies): () => StoreConsent | undefined {
  return madeOf(records, ({ policy }) => compilePolicy(policy).store.consent)
}

export function splitInForce(records: Policies, placeOf: PlaceOf): () => PolicyInForce {
  return madeOf(records, ({ version, policy }) => ({ version, split: createSplit({ policy: compilePolicy(policy), placeOf }) }))
}

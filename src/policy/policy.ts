/** Door of policy: what may be kept open, and what may leave. */
export { compilePolicy } from './compiled-policy.ts'
export type { CompiledDestination, CompiledPolicy, CompiledStore } from './compiled-policy.ts'
export { purposesOf, STORE_PURPOSE } from './consent-from-config.ts'
export { CONSENT_LAW, CONSENT_LAW_AS_OF } from './consent-law.ts'
export { judge } from './consent.ts'
export type { CompiledConsentTable, Judgement, Verdict } from './consent.ts'
export { PURPOSES_MAX } from './consent-of-record.ts'
export type { PeopleConsent, Place } from './consent-of-record.ts'
export { asStoreMayKeep, markOf, takesSilence, whyWithoutPerson } from './store-consent.ts'
export type { StoreConsent } from './store-consent.ts'
export { packPersonConsent, unpackPersonConsent, withStatement } from './person-consent.ts'
export type { PersonConsent } from './person-consent.ts'
export { CONTEXT_FIELDS, decide } from './decide.ts'
export type { Decision, ExplainedField, Sending } from './decision.ts'
export { destinationDecider } from './destination-decider.ts'
export type { DestinationDecider } from './destination-decider.ts'
export {
  detect,
  detectInProperty,
  isPlainText,
  kindOfSecret,
  personalKindIn,
  personalKindOfNumber,
  SHOWN,
} from './detect/detect.ts'
export type { Finding, PlacedFinding } from './detect/detect.ts'
export { DestroyedCounts, destroySecrets, destroySecretsInPair, destroySecretsInText, destroySecretsUnder } from './detect/destroy.ts'
export { identityKeyOf } from './identity-keys.ts'
export { keyFactsOf } from './key-facts.ts'
export type { KeyFacts } from './key-facts.ts'
export { approvedPolicy, withoutApprovals, isSamePolicy, mergePolicy, proposedPolicy } from './policy-change.ts'
export type { PolicyProposal } from './policy-change.ts'
export { isClearGrant, policyFromConfig, whyNotApproved, whyNotGranted } from './policy-from-config.ts'
export { COARSE_TIME_MS, roundTime } from './round-time.ts'
export { parseShape, shapeText } from './shape.ts'

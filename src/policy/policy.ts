/** Door of policy: what may be kept open, and what may leave. */
export { compilePolicy } from './compiled-policy.ts'
export type { CompiledDestination, CompiledPolicy, CompiledStore } from './compiled-policy.ts'
export { decide } from './decide.ts'
export type { Decision, ExplainedField, Sending } from './decision.ts'
export { destinationDecider } from './destination-decider.ts'
export type { DestinationDecider } from './destination-decider.ts'
export {
  DestroyedCounts,
  destroySecrets,
  destroySecretsInPair,
  destroySecretsInText,
  findPersonal,
  kindOfSecret,
  personalKindIn,
  personalKindOfNumber,
} from './detectors.ts'
export type { Finding } from './detectors.ts'
export { identityKeyOf } from './identity-keys.ts'
export { policyFromConfig, whyNotGranted } from './policy-from-config.ts'
export { COARSE_TIME_MS, roundTime } from './round-time.ts'
export { parseShape, shapeText } from './shape.ts'

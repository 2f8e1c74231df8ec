/** Door of the closed vocabularies: what context becomes on entry. Nothing here returns text from outside. */
export { COUNTRIES, countryCode } from './country.ts'
export type { CountryOf } from './country.ts'
export { registrableDomain, referrerOf } from './referrer.ts'
export type { Referrer, ReferrerRules } from './referrer.ts'
export { compilePaths, hasPath, pathTemplate, rawPath, screenSide } from './url-path.ts'
export type { PathRules } from './url-path.ts'
export { BROWSER_FAMILIES, OS_FAMILIES, browserFamily, clientOf, majorVersion, osFamily } from './user-agent.ts'
export type { Client } from './user-agent.ts'

/** From what `bulkhead.yaml` says of consent to rules that are written out: one for each purpose of each destination. */
import { BulkheadError } from '#base/errors.ts'
import type { Config, ConsentConfig, ConsentRuleConfig, DestinationConfig } from '#model/config.ts'
import type { ConsentRule, ConsentTable, Grant } from '#model/policy.ts'
import { CONSENT_LAW_AS_OF, countriesWhere } from './consent-law.ts'
import { PURPOSES_MAX } from './consent-of-record.ts'
import { countryCode } from './country.ts'

/** Purpose of the preset `analytics`, and of the own store. */
export const PRESET_PURPOSE = 'product analytics'
export const STORE_PURPOSE = 'own analytics'

/** A vendor is somebody else: the law of the place decides, and what a browser signals is a refusal. */
const VENDOR_DEFAULT: Omit<ConsentRule, 'purpose'> = { basis: 'by-country', gpc: 'everywhere', dnt: 'everywhere', reason: '' }
/** Both signals are about being followed by others. */
const STORE_DEFAULT: ConsentRule = { purpose: STORE_PURPOSE, basis: 'opt-out', gpc: 'ignored', dnt: 'ignored', reason: '' }

export function consentTable({ consent, vendors, store }: Config): ConsentTable {
  const purposes = new Set(vendors.flatMap(({ destinations }) => destinations.flatMap(purposesOf)))
  return consentTableFor(consent, purposes.add(store.consent?.purpose ?? STORE_DEFAULT.purpose))
}

/** `purposes`: those that any grant or the own store has. */
export function consentTableFor(consent: ConsentConfig | undefined, purposes: ReadonlySet<string>): ConsentTable {
  const optIn = new Set(countriesWhere(({ silence }) => silence === 'opt-in'))
  for (const [written, silence] of Object.entries(consent?.countries ?? {})) {
    const code = countryCode(written)
    if (code === undefined) throw invalid('consent.countries', 'holds something that is no country code of ISO 3166-1')
    if (silence === 'opt-in') optIn.add(code)
    else optIn.delete(code)
  }
  const categories = Object.entries(consent?.categories ?? {}).map(([category, purpose]): [string, string] => {
    if (!purposes.has(purpose)) throw invalid('consent.categories', 'names a purpose that no grant and not the own store has')
    return [category.normalize('NFC'), purpose]
  })
  return {
    asOf: CONSENT_LAW_AS_OF,
    optIn: [...optIn].sort(),
    gpcBinds: countriesWhere(({ gpc }) => gpc === 'binds'),
    unknownCountry: consent?.unknownCountry ?? 'opt-out',
    categories: categories.sort(([a], [b]) => (a < b ? -1 : 1)),
  }
}

/** Purposes of a destination as its configuration names them; the preset's when it names none. */
export function purposesOf({ grants }: Pick<DestinationConfig, 'grants'>): string[] {
  if (grants === undefined) return [PRESET_PURPOSE]
  return [...new Set(grants.filter(({ form }) => form !== 'withheld').map(({ purpose }) => purpose))]
}

export function destinationConsent(
  place: string,
  given: readonly ConsentRuleConfig[] | undefined,
  grants: readonly Grant[],
): ConsentRule[] {
  const purposes = [...new Set(grants.map(({ purpose }) => purpose))].sort()
  if (purposes.length > PURPOSES_MAX) throw invalid(place, `its grants have more than ${PURPOSES_MAX} purposes`)
  const named = new Set<string | undefined>()
  for (const { purpose } of given ?? []) {
    if (named.has(purpose)) throw invalid(place, 'its rules of consent name one purpose twice')
    named.add(purpose)
    if (purpose !== undefined && !purposes.includes(purpose))
      throw invalid(place, 'a rule of consent names a purpose that none of its grants has')
  }
  const general = given?.find(({ purpose }) => purpose === undefined)
  return purposes.map((purpose) => {
    const own = given?.find((rule) => rule.purpose === purpose)
    return checked(place, { ...VENDOR_DEFAULT, ...stated(general), ...stated(own), purpose })
  })
}

export function storeConsent(given: ConsentRuleConfig | undefined): ConsentRule {
  return checked('store', { ...STORE_DEFAULT, ...stated(given) })
}

/** That a purpose needs no consent is a legal claim: somebody must stand by it. */
function checked(place: string, rule: ConsentRule): ConsentRule {
  if (rule.basis === 'not-needed' && rule.reason === '') throw invalid(place, 'a rule of consent with `not-needed` needs a `reason`')
  return rule
}

function stated(rule: ConsentRuleConfig | undefined): Partial<ConsentRule> {
  return Object.fromEntries(Object.entries(rule ?? {}).filter(([, value]) => value !== undefined))
}

function invalid(place: string, message: string): BulkheadError {
  return new BulkheadError('config_invalid', `${place}: ${message}`)
}

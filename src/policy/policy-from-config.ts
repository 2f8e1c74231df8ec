/**
 * From what `bulkhead.yaml` proposes to the policy that is applied: presets written out, approvals joined, every grant
 * named. What cannot be granted yet is refused here with a reason, since a grant that is silently without effect would
 * be read as a promise.
 */
import { BulkheadError } from '#base/errors.ts'
import type { Config, DestinationConfig, GrantConfig, StoreConfig } from '#model/config.ts'
import { categoryOf, isClearField, isField } from '#model/field.ts'
import type { Field, Form, KnownField } from '#model/field.ts'
import type { DestinationPolicy, Grant, Policy } from '#model/policy.ts'
import { type Recipient, recipientOf } from '#model/recipient.ts'
import { consentTable, destinationConsent, PRESET_PURPOSE, storeConsent } from './consent-from-config.ts'
import { identityKeyOf } from './identity-keys.ts'

type GrantedForm = Exclude<Form, 'withheld'>

/** The defaults for an analytics vendor: what a product team needs, and nothing that names a person. */
const ANALYTICS: readonly (readonly [field: Grant['field'], form: GrantedForm])[] = [
  ['event', 'clear'],
  ['time', 'coarse'],
  ['user_id', 'pseudonym'],
  ['device_id', 'pseudonym'],
  ['group_id', 'pseudonym'],
  ['country', 'coarse'],
  ['os', 'coarse'],
  ['browser', 'coarse'],
  ['referrer', 'coarse'],
  ['property.*', 'clear'],
]

/** Forms in which each known field can leave today. A field that is not here can only be withheld. */
const SUPPORTED: Partial<Record<KnownField, readonly GrantedForm[]>> = {
  user_id: ['pseudonym'],
  device_id: ['pseudonym'],
  group_id: ['pseudonym'],
  country: ['coarse'],
  region: ['coarse'],
  city: ['coarse'],
  os: ['coarse'],
  browser: ['coarse'],
  browser_version: ['coarse'],
  referrer: ['coarse'],
  url: ['coarse'],
  screen: ['coarse'],
  event: ['clear'],
  time: ['coarse', 'clear'],
}

function supportedForms(field: Grant['field']): readonly GrantedForm[] {
  return field.startsWith('property.') ? ['clear', 'coarse'] : (SUPPORTED[field as KnownField] ?? [])
}

function invalid(place: string, message: string): BulkheadError {
  return new BulkheadError('config_invalid', `${place}: ${message}`)
}

function checkGrant(place: string, grant: GrantConfig): void {
  const { field, form } = grant
  if (field !== 'property.*' && !isField(field)) throw invalid(place, 'this is no field; docs/configuration.md lists them')
  const why = whyNotGranted(field, form)
  if (why !== undefined) throw invalid(place, `\`${field}\` in the form \`${form}\` cannot be granted: ${why}`)
  const lacks = isClearGrant(grant) ? whyClearIncomplete(grant) : undefined
  if (lacks !== undefined) throw invalid(place, `\`${field}\` in the clear ${lacks}`)
  if (form !== 'withheld' && field.startsWith('property.') && field !== 'property.*') checkKey(place, field.slice('property.'.length))
}

/** Why a field cannot leave in a form, in words; undefined when it can. */
export function whyNotGranted(field: Grant['field'], form: Form): string | undefined {
  if (form === 'withheld') return field === 'property.*' ? 'leave the grant out instead; what has no grant is withheld' : undefined
  if (form === 'clear' && isClearField(field)) return undefined
  const forms = supportedForms(field)
  if (forms.includes(form)) return undefined
  if (forms.length === 0 && categoryOf(field as Field) === 'identity')
    return isClearField(field) ? 'it can leave in the clear only, for a time, when two people agree' : 'this identity field does not leave'
  return forms.length === 0 ? 'this field does not leave in this version' : `it can leave as ${forms.join(' or ')} only`
}

/** What names somebody, in the clear: for a time, for a reason, and only when somebody else has approved it. */
export function isClearGrant({ field, form }: Pick<Grant, 'field'> & { form: Form }): boolean {
  return form === 'clear' && isClearField(field)
}

function whyClearIncomplete({ until, reason }: GrantConfig): string | undefined {
  if (until === undefined) return 'needs an end: `until`, a day or an instant'
  return reason.trim() === '' ? 'needs a reason' : undefined
}

/** Approved keys and names are compared after NFC and exactly: no folding of case, no patterns. */
function approvedNames(place: string, names: readonly string[]): string[] {
  for (const name of names) {
    if (name === '') throw invalid(place, 'an approved name cannot be empty')
    if (name === '__proto__') throw invalid(place, '`__proto__` cannot be approved')
  }
  return sortedUnique(names.map((name) => name.normalize('NFC')))
}

function checkKey(place: string, key: string): void {
  const why = whyNotApproved(key)
  if (why !== undefined) throw invalid(place, why)
}

/** Why a property key cannot be approved, in words; undefined when it can. */
export function whyNotApproved(key: string): string | undefined {
  const identity = key
    .split('.')
    .map(identityKeyOf)
    .find((found) => found?.own === true)
  if (identity === undefined) return undefined
  return `a property key that names \`${identity.field}\` cannot be approved: identity fields are sealed in the vault whatever the list says`
}

function approvedKeys(place: string, keys: readonly string[]): string[] {
  const names = approvedNames(place, keys)
  for (const key of names) checkKey(place, key)
  return names
}

function sortedUnique(names: readonly string[]): string[] {
  return [...new Set(names)].sort()
}

function presetGrants(): Grant[] {
  return ANALYTICS.map(([field, form]) => ({ field, form, purpose: PRESET_PURPOSE, until: null, rule: `preset:analytics/${field}` }))
}

/** Rules count from 1, as a person counts the lines of the list. */
function listedGrants(place: string, grants: readonly GrantConfig[]): Grant[] {
  for (const [i, grant] of grants.entries()) checkGrant(`${place}, grant ${i + 1}`, grant)
  const withheld = new Set(grants.filter((grant) => grant.form === 'withheld').map((grant) => normalField(grant.field)))
  return grants.flatMap((grant, i): Grant[] => {
    if (grant.form === 'withheld') return []
    const field = normalField(grant.field)
    if (withheld.has(field)) throw invalid(`${place}, grant ${i + 1}`, `\`${field}\` is granted and withheld in one list`)
    const { form, purpose, until = null, reason = '' } = grant
    return [{ field, form, purpose, until, rule: `grant:${i + 1}`, ...(reason !== '' && { reason }) }]
  })
}

function normalField(field: Grant['field']): Grant['field'] {
  return field.normalize('NFC') as Grant['field']
}

/** Of a destination what policy is made of. */
export type StatedDestination = Pick<DestinationConfig, 'id' | 'vendor' | 'protocol' | 'grants' | 'events' | 'properties' | 'consent'>

/**
 * A grant that names `property.<key>` approves that key for the destination as well; one that withholds it takes the key
 * off the destination's list, so that `property.*` does not reach it.
 */
export function destinationPolicy(destination: StatedDestination, recipient?: Recipient): DestinationPolicy {
  const place = `destination \`${destination.id}\``
  const grants = destination.grants === undefined ? presetGrants() : listedGrants(place, destination.grants)
  const listed = (destination.grants ?? []).filter((grant) => grant.field.startsWith('property.') && grant.field !== 'property.*')
  const keysIn = (withheld: boolean): string[] =>
    listed.filter((grant) => (grant.form === 'withheld') === withheld).map((grant) => normalField(grant.field).slice('property.'.length))
  const taken = new Set(keysIn(true))
  const properties = approvedKeys(`${place}, approved properties`, [...destination.properties.approved, ...keysIn(false)])
  return {
    vendor: destination.vendor,
    destination: destination.id,
    protocol: destination.protocol,
    ...(recipient && { recipient }),
    grants,
    events: approvedNames(`${place}, approved events`, destination.events.approved),
    properties: properties.filter((key) => !taken.has(key)),
    consent: destinationConsent(place, destination.consent, grants),
  }
}

/** Throws `config_invalid` naming destination and grant. Pure: equal configurations give equal policies. */
export function policyFromConfig(config: Config): Policy {
  const destinations = config.vendors.flatMap((vendor) => vendor.destinations.map((each) => destinationPolicy(each, recipientOf(each))))
  const seen = new Set<string>()
  for (const { destination } of destinations) {
    if (seen.has(destination)) throw invalid(`destination \`${destination}\``, 'this id is used twice')
    seen.add(destination)
  }
  return { ...withStore(storePolicy(config.store), destinations), consent: consentTable(config) }
}

export function storePolicy(store: StoreConfig): Policy['store'] {
  return {
    events: approvedNames('store, approved events', store.events.approved),
    properties: approvedKeys('store, approved properties', store.properties.approved),
    paths: approvedNames('store, approved paths', store.paths.approved),
    referrers: sortedUnique(store.referrers.approved.map((domain) => domain.trim().toLowerCase())),
    consent: storeConsent(store.consent),
  }
}

/** What a destination may get must stand open in the own store first. */
export function withStore(store: Policy['store'], destinations: DestinationPolicy[]): Policy {
  const events = sortedUnique([...store.events, ...destinations.flatMap((each) => each.events)])
  const properties = sortedUnique([...store.properties, ...destinations.flatMap((each) => each.properties)])
  return { store: { ...store, events, properties }, destinations }
}

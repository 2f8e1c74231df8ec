/**
 * Fields are named by meaning, not by wire name. A protocol's catalogue maps its keys to these; what it does not know
 * is `property.<key>`. Categories follow fideslang's data categories (https://ethyca.github.io/fideslang/), shortened
 * to what policy needs.
 */
export const FIELDS = {
  // Identity: sealed in the vault, never plain in log, warehouse or ledger.
  email: 'identity',
  name: 'identity',
  first_name: 'identity',
  last_name: 'identity',
  phone: 'identity',
  avatar: 'identity',
  address: 'identity',
  birth_date: 'identity',
  national_id: 'identity',
  username: 'identity',
  ip: 'identity',
  location: 'identity',
  city: 'identity',
  postal_code: 'identity',
  // Identifiers: leave only as pseudonyms.
  user_id: 'identifier',
  device_id: 'identifier',
  group_id: 'identifier',
  session_id: 'identifier',
  insert_id: 'identifier',
  click_id: 'identifier',
  // Context: reduced to a closed vocabulary on entry; the raw value is not kept.
  country: 'context',
  region: 'context',
  os: 'context',
  browser: 'context',
  browser_version: 'context',
  device: 'context',
  referrer: 'context',
  url: 'context',
  utm: 'context',
  search_keyword: 'context',
  page_title: 'context',
  timezone: 'context',
  user_agent: 'context',
  screen: 'context',
  // What the event says.
  event: 'event',
  time: 'event',
  // Machinery of SDKs (library name and version, cache busters): never personal, never forwarded as received.
  technical: 'technical',
} as const satisfies Record<string, Category>

export type Category = 'identity' | 'identifier' | 'context' | 'event' | 'technical' | 'property'
export type KnownField = keyof typeof FIELDS
export type PropertyField = `property.${string}`
export type Field = KnownField | PropertyField

/**
 * What kind of data a field is, as the default taxonomy of fideslang names it
 * (https://ethyca.github.io/fideslang/taxonomy/data_categories/).
 */
export const DATA_CATEGORIES: Record<KnownField, string> = {
  email: 'user.contact.email',
  name: 'user.name',
  first_name: 'user.name.first',
  last_name: 'user.name.last',
  phone: 'user.contact.phone_number',
  avatar: 'user.content.self_image',
  address: 'user.contact.address',
  birth_date: 'user.demographic.date_of_birth',
  national_id: 'user.government_id.national_identification_number',
  username: 'user.account.username',
  ip: 'user.device.ip_address',
  location: 'user.location.precise',
  city: 'user.contact.address.city',
  postal_code: 'user.contact.address.postal_code',
  user_id: 'user.unique_id',
  device_id: 'user.device.device_id',
  group_id: 'user.unique_id',
  session_id: 'user.unique_id.pseudonymous',
  insert_id: 'system.operations',
  click_id: 'user.unique_id.pseudonymous',
  country: 'user.location.imprecise',
  region: 'user.location.imprecise',
  os: 'user.device.telemetry',
  browser: 'user.device.telemetry',
  browser_version: 'user.device.telemetry',
  device: 'user.device.telemetry',
  referrer: 'user.behavior.browsing_history',
  url: 'user.behavior.browsing_history',
  utm: 'user.behavior.media_consumption',
  search_keyword: 'user.behavior.search_history',
  page_title: 'user.behavior.browsing_history',
  timezone: 'user.location.imprecise',
  user_agent: 'user.device.telemetry',
  screen: 'user.device.telemetry',
  event: 'user.behavior',
  time: 'user.behavior',
  technical: 'system.operations',
}

/** A free property is what people do until somebody knows better. */
export function dataCategoryOf(field: string): string {
  return isKnownField(field) ? DATA_CATEGORIES[field] : 'user.behavior'
}

export function isKnownField(name: string): name is KnownField {
  return Object.hasOwn(FIELDS, name)
}

export function isField(name: string): name is Field {
  return isKnownField(name) || (name.startsWith('property.') && name.length > 9)
}

export function categoryOf(field: Field): Category {
  return isKnownField(field) ? FIELDS[field] : 'property'
}

/**
 * What can leave in the clear though it names somebody, under a grant that two people made for a time. The vault must hold it as a
 * fact: an address of a connection is kept nowhere, and coordinates and numbers of a state go to nobody.
 */
export const CLEAR_FIELDS = [
  'email',
  'name',
  'first_name',
  'last_name',
  'phone',
  'avatar',
  'address',
  'birth_date',
  'username',
  'city',
  'postal_code',
  'user_id',
  'group_id',
] as const satisfies readonly KnownField[]
export type ClearField = (typeof CLEAR_FIELDS)[number]

export function isClearField(name: string): name is ClearField {
  return (CLEAR_FIELDS as readonly string[]).includes(name)
}

/** Shape in which a field leaves. `withheld` is the default for everything. */
export const FORMS = ['clear', 'coarse', 'pseudonym', 'alias', 'withheld'] as const
export type Form = (typeof FORMS)[number]

/** Where an identity fact came from, weakest first: nothing from a weaker origin overwrites a stronger one. */
export const TRUSTS = ['browser', 'server', 'directory'] as const
export type Trust = (typeof TRUSTS)[number]

export function trustRank(trust: Trust): number {
  return TRUSTS.indexOf(trust)
}

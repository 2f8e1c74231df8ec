/**
 * What one record says of consent, and what that makes of it here. Names of categories are text from outside: they become
 * purposes of the policy or nothing.
 */
import { isJsonObject, type JsonValue } from '#model/json.ts'
import type { ConsentBits, ConsentSignals } from '#model/log-entry.ts'
import type { RequestContext } from '#model/split-draft.ts'
import type { WireConsent, WireRecord } from '#model/wire-record.ts'
import { takesSilence, whyWithoutPerson } from '#policy/policy.ts'
import type { CompiledStore } from '#policy/policy.ts'

/** A consent tool has a dozen. */
const CATEGORIES_MAX = 100

/** The same for all records of a request that say nothing of their own. */
export interface RequestConsent {
  signals: ConsentSignals | undefined
  bits: ConsentBits | undefined
}

export function requestConsent({ consent: { gpc, dnt }, source }: RequestContext): RequestConsent {
  const signals = gpc === true || dnt === true ? { ...(gpc === true && { gpc }), ...(dnt === true && { dnt }) } : undefined
  return { signals, bits: source.consent === 'collected' ? { ...signals, collected: true } : signals }
}

export interface RecordConsent extends RequestConsent {
  /** Under which the record is kept with the person it is about; undefined when it is. */
  withoutPerson: ConsentBits['withoutPerson']
}

const NOTHING_SAID: RecordConsent = { signals: undefined, bits: undefined, withoutPerson: undefined }

/** `country` is of the record's context; `connection` of who sent it. */
export function recordConsent(
  wire: WireRecord,
  given: {
    request: RequestContext
    shared: RequestConsent
    store: CompiledStore
    country: string | undefined
    connection: string | undefined
  },
): RecordConsent {
  const { request, shared, store, country, connection } = given
  const own = ownSignals(wire, request.source, store.consent?.purposes)
  const placeKnown = country !== undefined || connection === undefined
  if (own === undefined && shared.bits === undefined && placeKnown && (store.consent === undefined || takesSilence(store.consent)))
    return NOTHING_SAID
  let { signals, bits } = shared
  if (own !== undefined) {
    signals = { ...signals, ...own }
    bits = { ...bits, ...own }
  }
  if (!placeKnown) bits = { ...bits, country: connection as string }
  const asked = { bits, country, seq: 0, people: [] }
  return { signals, bits, withoutPerson: store.consent === undefined ? undefined : whyWithoutPerson(wire.op, store.consent, asked) }
}

function ownSignals(
  { consent, values }: WireRecord,
  { consentKey: key, trust }: RequestContext['source'],
  purposes: ReadonlyMap<string, string> | undefined,
): ConsentSignals | undefined {
  const stated = key === undefined ? undefined : values.find((value) => value.key === key)?.value
  if (consent === undefined && stated === undefined) return undefined
  const said = [consent, stated === undefined ? undefined : readObject(stated)].filter((each) => each !== undefined)
  const allows = new Set<string>()
  const denies = new Set<string>()
  for (const { categories } of said) {
    for (const [category, allowed] of Object.entries(categories ?? {}).slice(0, CATEGORIES_MAX)) {
      const purpose = purposes?.get(category.normalize('NFC'))
      if (purpose !== undefined) (allowed ? allows : denies).add(purpose)
    }
  }
  // Two categories of one purpose, or two objects: a no stands.
  for (const purpose of denies) allows.delete(purpose)
  const switches = said.flatMap(({ optOut }) => (optOut === undefined ? [] : [optOut]))
  if (consent?.optOutInBrowser === true && trust === 'browser') switches.push(true)
  if (switches.length + allows.size + denies.size === 0) return undefined
  return {
    ...(switches.length > 0 && { optOut: switches.includes(true) }),
    ...(allows.size > 0 && { allows: [...allows].sort() }),
    ...(denies.size > 0 && { denies: [...denies].sort() }),
  }
}

/** `true`, `{ Analytics: true }`, or Segment's `{ categoryPreferences: { … } }`; anything else says nothing. */
function readObject(value: JsonValue): WireConsent {
  if (typeof value === 'boolean') return { optOut: !value }
  if (!isJsonObject(value)) return {}
  const preferences = value['categoryPreferences']
  const entries = Object.entries(isJsonObject(preferences) ? preferences : value)
  return { categories: Object.fromEntries(entries.filter((entry): entry is [string, boolean] => typeof entry[1] === 'boolean')) }
}

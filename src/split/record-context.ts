/**
 * Context of a record in closed vocabularies. The raw address, header, page and referrer are read here and nowhere kept.
 * Which of several keys with one meaning counts is told by the key's wording (`initial…` is the first touch, `href` is
 * where a link leads), so that no protocol needs to be named.
 */
import { remember } from '#base/remember.ts'
import type { JsonValue } from '#model/json.ts'
import type { CoarseContext } from '#model/log-entry.ts'
import type { RequestContext } from '#model/split-draft.ts'
import type { WireRecord, WireValue } from '#model/wire-record.ts'
import {
  browserFamily,
  clientOf,
  countryCode,
  hasPath,
  majorVersion,
  osFamily,
  pathTemplate,
  referrerOf,
  registrableDomain,
  screenSide,
} from '#policy/forms.ts'
import type { Client, Place, PlaceOf, Referrer } from '#policy/forms.ts'
import type { CompiledStore } from '#policy/policy.ts'

export interface ContextRules {
  store: CompiledStore
  placeOf: PlaceOf
  /** Registrable domains of the company's own sites. */
  ownDomains: ReadonlySet<string>
}

/** What the connection itself says; the same for all records of a request. */
export interface ConnectionContext {
  client: Client
  place: Place
}

const NOWHERE: Place = {}

export function connectionContext(request: RequestContext, rules: ContextRules): ConnectionContext {
  // A server's own connection says where the server is and what its library is called, nothing of the person.
  if (request.source.trust !== 'browser') return { client: {}, place: NOWHERE }
  return {
    client: clientOf(request.userAgent),
    place: request.clientAddress === undefined ? NOWHERE : rules.placeOf(request.clientAddress),
  }
}

/** What a key's wording says beyond its field. Keys repeat with every event. */
interface KeyWording {
  isFirstTouch: boolean
  /** First touch, the target of a link, an attribute. */
  isNotThePage: boolean
  isCurrent: boolean
  isWidth: boolean
  isHeight: boolean
  /** Keys of the application's own. */
  isAddress: boolean
  isCountry: boolean
}

const wordingOf = remember(
  (key): KeyWording => ({
    isFirstTouch: /initial|first/i.test(key),
    isNotThePage: /initial|first|href|attr/i.test(key),
    isCurrent: /current/i.test(key),
    isWidth: /width/i.test(key),
    isHeight: /height/i.test(key),
    isAddress: /^ip$/i.test(key),
    isCountry: /^country(?:[ _-]?code)?$/i.test(key),
  }),
  { entriesMax: 10_000, charactersMax: 64 },
)

/** Raw values of a record that say something of its context; the first of each kind counts. */
interface RawContext {
  country: string | undefined
  /** Place of an address that the SDK reports. */
  address: Place | undefined
  /** Under the application's own keys: they come after all the SDK's. */
  ownAddress: Place | undefined
  ownCountry: string | undefined
  userAgent: string | undefined
  os: string | undefined
  browser: string | undefined
  browserVersion: JsonValue | undefined
  page: string | undefined
  pageRank: number
  referrers: string[] | undefined
  screenWidth: number | undefined
  screenHeight: number | undefined
}

/** Undefined when there is nothing to say. */
export function recordContext(record: WireRecord, connection: ConnectionContext, rules: ContextRules): CoarseContext | undefined {
  const { type, op } = record
  const isProfile = type === 'profile'
  if (type === 'group' || (isProfile && op !== 'set' && op !== 'set_once')) return undefined
  const isFirstTouch = op === 'set_once'
  const raw = readRaw(record, rules, isFirstTouch)
  const context: CoarseContext = {}
  // What the SDK says comes first, then an address that a server reports of its client, then a key of the application's own.
  const given = raw.country === undefined ? (raw.address ?? raw.ownAddress ?? countryAlone(raw.ownCountry)) : countryAlone(raw.country)
  addPlace(context, given ?? (isFirstTouch ? NOWHERE : connection.place))
  addClient(context, raw, isProfile ? {} : connection.client)
  if (raw.page !== undefined && !isProfile) {
    const path = pathTemplate(raw.page, rules.store.paths)
    if (path !== undefined) context.path = path
  }
  if (raw.referrers !== undefined) addReferrer(context, raw.referrers, raw.page, rules)
  if (raw.screenWidth !== undefined) context.screenWidth = raw.screenWidth
  if (raw.screenHeight !== undefined) context.screenHeight = raw.screenHeight
  for (const _ in context) return context
  return undefined
}

function readRaw(record: WireRecord, rules: ContextRules, isFirstTouch: boolean): RawContext {
  const raw: RawContext = {
    country: undefined,
    address: undefined,
    ownAddress: undefined,
    ownCountry: undefined,
    userAgent: undefined,
    os: undefined,
    browser: undefined,
    browserVersion: undefined,
    page: undefined,
    pageRank: 0,
    referrers: undefined,
    screenWidth: undefined,
    screenHeight: undefined,
  }
  for (const wire of record.values) {
    const { field, value } = wire
    const text = typeof value === 'string' && value !== '' ? value : undefined
    switch (field) {
      case undefined:
        if (text !== undefined) readOwnKey(raw, wire.key, text, rules)
        break
      case 'country':
        raw.country ??= countryCode(value)
        break
      case 'ip':
        if (text !== undefined) raw.address ??= knownPlace(rules.placeOf(text.trim()))
        break
      case 'user_agent':
        raw.userAgent ??= text
        break
      case 'os':
        raw.os ??= text
        break
      case 'browser':
        raw.browser ??= text
        break
      case 'browser_version':
        raw.browserVersion ??= value
        break
      case 'url':
        if (text !== undefined) readPage(raw, wire.key, text)
        break
      case 'referrer':
        if (typeof value === 'string' && (isFirstTouch || !wordingOf(wire.key).isFirstTouch)) {
          raw.referrers ??= []
          raw.referrers.push(value)
        }
        break
      case 'screen':
        readScreen(raw, wire)
        break
      default:
        break
    }
  }
  return raw
}

function countryAlone(country: string | undefined): Place | undefined {
  return country === undefined ? undefined : { country }
}

/** An address of no place leaves the question to what comes after it. */
function knownPlace(place: Place): Place | undefined {
  return place.country === undefined ? undefined : place
}

function addPlace(context: CoarseContext, { country, region, city }: Place): void {
  if (country !== undefined) context.country = country
  if (region !== undefined) context.region = region
  if (city !== undefined) context.city = city
}

const COUNTRY_KEY_CHARACTERS_MIN = 7
const COUNTRY_KEY_CHARACTERS_MAX = 12

function readOwnKey(raw: RawContext, key: string, text: string, rules: ContextRules): void {
  // Nearly every key is told by its length.
  if (key.length === 2) {
    if (wordingOf(key).isAddress) raw.ownAddress ??= knownPlace(rules.placeOf(text.trim()))
  } else if (text.length === 2 && key.length >= COUNTRY_KEY_CHARACTERS_MIN && key.length <= COUNTRY_KEY_CHARACTERS_MAX) {
    if (wordingOf(key).isCountry) raw.ownCountry ??= countryCode(text)
  }
}

/** Address of the page: a whole one before a path alone, and one that calls itself current before others. */
function readPage(raw: RawContext, key: string, text: string): void {
  const wording = wordingOf(key)
  if (wording.isNotThePage || !hasPath(text)) return
  const rank = (text.startsWith('/') ? 1 : 3) + (wording.isCurrent ? 1 : 0)
  if (rank <= raw.pageRank) return
  raw.page = text
  raw.pageRank = rank
}

function readScreen(raw: RawContext, { key, value }: WireValue): void {
  const side = screenSide(value)
  if (side === undefined) return
  const wording = wordingOf(key)
  if (wording.isWidth) raw.screenWidth = side
  if (wording.isHeight) raw.screenHeight = side
}

function addClient(context: CoarseContext, raw: RawContext, connection: Client): void {
  const client = raw.userAgent === undefined ? connection : clientOf(raw.userAgent)
  const os = raw.os === undefined ? client.os : osFamily(raw.os)
  if (os !== undefined) context.os = os
  const browser = raw.browser === undefined ? client.browser : browserFamily(raw.browser)
  if (browser === undefined) return
  context.browser = browser
  if (browser === 'Other' || browser === 'Bot') return
  const version = raw.browser === undefined ? client.browserVersion : majorVersion(raw.browserVersion)
  if (version !== undefined) context.browserVersion = version
}

function addReferrer(context: CoarseContext, texts: string[], page: string | undefined, rules: ContextRules): void {
  const referrer = referrerIn(texts, page, rules)
  if (referrer === undefined) return
  context.referrerMedium = referrer.medium
  if (referrer.domain !== undefined) context.referrerDomain = referrer.domain
}

/** The first that says something, whole addresses before host names. */
function referrerIn(texts: string[], page: string | undefined, rules: ContextRules): Referrer | undefined {
  if (texts.length > 1) texts.sort((a, b) => Number(b.includes('://')) - Number(a.includes('://')))
  const pageDomain = page === undefined || page.startsWith('/') ? undefined : registrableDomain(page)
  for (const text of texts) {
    if (pageDomain !== undefined && text.includes('.') && registrableDomain(text) === pageDomain) return { medium: 'internal' }
    const referrer = referrerOf(text, { approved: rules.store.referrers, own: rules.ownDomains })
    if (referrer !== undefined) return referrer
  }
  return undefined
}

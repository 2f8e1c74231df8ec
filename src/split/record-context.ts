/**
 * Context of a record in closed vocabularies. The raw address, header, page and referrer are read here and nowhere kept.
 * Which of several keys with one meaning counts is told by the key's wording (`initial…` is the first touch, `href` is
 * where a link leads), so that no protocol needs to be named.
 */
import type { JsonValue } from '#model/json.ts'
import type { CoarseContext } from '#model/log-entry.ts'
import type { RequestContext } from '#model/split-draft.ts'
import type { WireRecord, WireValue } from '#model/wire-record.ts'
import {
  browserFamily,
  clientOf,
  countryCode,
  majorVersion,
  osFamily,
  pathTemplate,
  rawPath,
  referrerOf,
  registrableDomain,
  screenSide,
} from '#policy/forms.ts'
import type { Client, CountryOf, Referrer } from '#policy/forms.ts'
import type { CompiledStore } from '#policy/policy.ts'

export interface ContextRules {
  store: CompiledStore
  countryOf: CountryOf
  /** Registrable domains of the company's own sites. */
  ownDomains: ReadonlySet<string>
}

const CLIENTS_MAX = 2000
/** Nothing real is longer, and what is would stay in memory. */
const REMEMBERED_CHARACTERS_MAX = 512
const FIRST_TOUCH = /initial|first/i
const NOT_THE_PAGE = /initial|first|href|attr/i

/** User-Agents repeat: the answer for each of the last ones is kept in memory. */
export class ClientCache {
  readonly #clients = new Map<string, Client>()

  get size(): number {
    return this.#clients.size
  }

  clientOf(userAgent: string | undefined): Client {
    if (userAgent === undefined) return {}
    if (userAgent.length > REMEMBERED_CHARACTERS_MAX) return clientOf(userAgent)
    const known = this.#clients.get(userAgent)
    if (known !== undefined) return known
    if (this.#clients.size >= CLIENTS_MAX) this.#clients.clear()
    const client = clientOf(userAgent)
    this.#clients.set(userAgent, client)
    return client
  }
}

/** What the connection itself says; the same for all records of a request. */
export interface ConnectionContext {
  client: Client
  country: string | undefined
}

export function connectionContext(request: RequestContext, rules: ContextRules, clients: ClientCache): ConnectionContext {
  // A server's own connection says where the server is and what its library is called, nothing of the person.
  if (request.source.trust !== 'browser') return { client: {}, country: undefined }
  return {
    client: clients.clientOf(request.userAgent),
    country: request.clientAddress === undefined ? undefined : rules.countryOf(request.clientAddress),
  }
}

/** Undefined when there is nothing to say. */
export function recordContext(
  record: WireRecord,
  connection: ConnectionContext,
  rules: ContextRules,
  clients: ClientCache,
): CoarseContext | undefined {
  const isProfile = record.type === 'profile'
  if (record.type === 'group' || (isProfile && record.op !== 'set' && record.op !== 'set_once')) return undefined
  const context: CoarseContext = {}
  const named = new Map<string, WireValue[]>()
  for (const value of record.values) {
    if (value.field === undefined) continue
    const same = named.get(value.field)
    if (same === undefined) named.set(value.field, [value])
    else same.push(value)
  }
  const country = countryIn(record, named, rules.countryOf) ?? (record.op === 'set_once' ? undefined : connection.country)
  if (country !== undefined) context.country = country
  addClient(context, named, isProfile ? {} : connection.client, clients)
  const page = pageIn(named.get('url') ?? [])
  const path = page === undefined ? undefined : pathTemplate(page, rules.store.paths)
  if (path !== undefined && !isProfile) context.path = path
  const referrer = referrerIn(named.get('referrer') ?? [], page, rules, record.op === 'set_once')
  if (referrer !== undefined) context.referrerMedium = referrer.medium
  if (referrer?.domain !== undefined) context.referrerDomain = referrer.domain
  for (const { key, value } of named.get('screen') ?? []) {
    const side = screenSide(value)
    if (side !== undefined && /width/i.test(key)) context.screenWidth = side
    if (side !== undefined && /height/i.test(key)) context.screenHeight = side
  }
  return Object.keys(context).length > 0 ? context : undefined
}

const ADDRESS_KEY = /^ip$/i
const COUNTRY_KEY = /^country(?:[ _-]?code)?$/i
const COUNTRY_KEY_CHARACTERS_MIN = 7
const COUNTRY_KEY_CHARACTERS_MAX = 12

/** What the SDK says comes first, then an address that a server reports of its client, then a key of the application's own. */
function countryIn(record: WireRecord, named: ReadonlyMap<string, WireValue[]>, countryOf: CountryOf): string | undefined {
  for (const { value } of named.get('country') ?? []) {
    const code = countryCode(value)
    if (code !== undefined) return code
  }
  const addressed = (value: JsonValue): string | undefined => (typeof value === 'string' ? countryOf(value.trim()) : undefined)
  for (const { value } of named.get('ip') ?? []) {
    const code = addressed(value)
    if (code !== undefined) return code
  }
  for (const { field, key, value } of record.values) {
    const code = field === undefined && key.length === 2 && ADDRESS_KEY.test(key) ? addressed(value) : undefined
    if (code !== undefined) return code
  }
  for (const { field, key, value } of record.values) {
    // Nearly every key is told by its length.
    if (field !== undefined || key.length < COUNTRY_KEY_CHARACTERS_MIN || key.length > COUNTRY_KEY_CHARACTERS_MAX) continue
    const code = COUNTRY_KEY.test(key) ? countryCode(value) : undefined
    if (code !== undefined) return code
  }
  return undefined
}

function textIn(values: readonly WireValue[] | undefined): string | undefined {
  return values?.map(({ value }) => value).find((value): value is string => typeof value === 'string' && value !== '')
}

function addClient(context: CoarseContext, named: ReadonlyMap<string, WireValue[]>, connection: Client, clients: ClientCache): void {
  const relayed = textIn(named.get('user_agent'))
  const client = relayed === undefined ? connection : clients.clientOf(relayed)
  const os = textIn(named.get('os'))
  const osName = os === undefined ? client.os : osFamily(os)
  if (osName !== undefined) context.os = osName
  const browser = textIn(named.get('browser'))
  const browserName = browser === undefined ? client.browser : browserFamily(browser)
  if (browserName === undefined) return
  context.browser = browserName
  const given: JsonValue | undefined = named.get('browser_version')?.[0]?.value
  const version = browser === undefined ? client.browserVersion : majorVersion(given)
  if (version !== undefined && browserName !== 'Other' && browserName !== 'Bot') context.browserVersion = version
}

/** Address of the page: a whole one before a path alone, and one that calls itself current before others. */
function pageIn(values: readonly WireValue[]): string | undefined {
  let best: string | undefined
  let bestRank = 0
  for (const { key, value } of values) {
    if (typeof value !== 'string' || NOT_THE_PAGE.test(key) || rawPath(value) === undefined) continue
    const rank = (value.startsWith('/') ? 1 : 3) + (/current/i.test(key) ? 1 : 0)
    if (rank > bestRank) {
      best = value
      bestRank = rank
    }
  }
  return best
}

function referrerIn(
  values: readonly WireValue[],
  page: string | undefined,
  rules: ContextRules,
  firstTouch: boolean,
): Referrer | undefined {
  const texts = values.flatMap(({ key, value }) => (typeof value === 'string' && (firstTouch || !FIRST_TOUCH.test(key)) ? [value] : []))
  texts.sort((a, b) => Number(b.includes('://')) - Number(a.includes('://')))
  const pageDomain = page === undefined || page.startsWith('/') ? undefined : registrableDomain(page)
  for (const text of texts) {
    if (pageDomain !== undefined && text.includes('.') && registrableDomain(text) === pageDomain) return { medium: 'internal' }
    const referrer = referrerOf(text, { approved: rules.store.referrers, own: rules.ownDomains })
    if (referrer !== undefined) return referrer
  }
  return undefined
}

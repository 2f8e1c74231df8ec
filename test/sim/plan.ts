/** What a simulated company has set up: sources, destinations, and the policies that its operator changes between. */
import { Secret } from '#base/secret.ts'
import { type Config, type DestinationConfig, DISK_DEFAULTS, type SourceConfig, type VendorConfig } from '#model/config.ts'
import type { Random } from './random.ts'

export const EVENTS = ['Opened', 'Bought', 'Tried'] as const
/** Approved everywhere or nowhere but where a version says so; `n` carries the mark by which the model knows a record. */
export const PROPERTIES = ['n', 'amount', 'plan'] as const

/** Stands in what nobody approved, and in every identity: it must never be seen at a vendor. */
export const PLANTED = 'zqx'

export interface Granted {
  events: ReadonlySet<string>
  properties: ReadonlySet<string>
}

export const DESTINATIONS = [
  { id: 'acme-a', vendor: 'acme' },
  { id: 'acme-b', vendor: 'acme' },
  { id: 'beta-c', vendor: 'beta' },
] as const
export const VENDORS = ['acme', 'beta'] as const

export function vendorOf(destination: string): string {
  return DESTINATIONS.find(({ id }) => id === destination)?.vendor ?? ''
}

/** What one version of the policy lets through, by destination. The first lets most through. */
export type GrantTable = Record<string, Granted>

export function randomGrants(random: Random): GrantTable {
  const some = (names: readonly string[], probability: number): Set<string> =>
    new Set(names.filter((name, at) => at === 0 || random.chance(probability)))
  return Object.fromEntries(DESTINATIONS.map(({ id }) => [id, { events: some(EVENTS, 0.7), properties: some(PROPERTIES, 0.6) }]))
}

export const SOURCES: readonly SourceConfig[] = [
  {
    id: 'web',
    protocol: 'mixpanel',
    token: 'web-token-0123456789',
    trust: 'browser',
    namespace: 'default',
    surface: 'site',
    groupKeys: [],
  },
  {
    id: 'api',
    protocol: 'mixpanel',
    token: 'api-token-0123456789',
    trust: 'server',
    namespace: 'default',
    surface: 'backend',
    groupKeys: ['team'],
  },
]

export function configOf(grants: GrantTable): Config {
  const destination = (id: string, vendor: string): DestinationConfig => ({
    id,
    vendor,
    protocol: 'mixpanel',
    url: `http://${id}.invalid`,
    token: `token-of-${id}`,
    credentials: { kind: 'secret', secret: new Secret('simulated') },
    deletionToken: undefined,
    grants: undefined,
    events: { approved: [...(grants[id]?.events ?? [])] },
    properties: { approved: [...(grants[id]?.properties ?? [])] },
  })
  const vendors = VENDORS.map(
    (vendor): VendorConfig => ({
      id: vendor,
      name: vendor,
      kind: 'analytics provider',
      destinations: DESTINATIONS.filter((one) => one.vendor === vendor).map(({ id }) => destination(id, vendor)),
    }),
  )
  return {
    sources: [...SOURCES],
    vendors,
    gateway: { tls: undefined, trustProxy: [] },
    disk: DISK_DEFAULTS,
    store: {
      events: { approved: [...EVENTS] },
      properties: { approved: [...PROPERTIES] },
      paths: { approved: [] },
      referrers: { approved: [] },
      // So that the warehouse holds the mark of each record.
      consent: { basis: 'not-needed', reason: 'simulated' },
    },
  }
}

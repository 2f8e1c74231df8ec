/** Parts of the tests of split. */
import type { SourceConfig } from '#model/config.ts'
import type { KnownField } from '#model/field.ts'
import type { JsonValue } from '#model/json.ts'
import type { RequestContext, SplitDraft } from '#model/split-draft.ts'
import type { WireRecord, WireValue } from '#model/wire-record.ts'
import type { Place } from '#policy/forms.ts'
import { compilePolicy } from '#policy/policy.ts'
import { createSplit } from './split.ts'

export const NOW = 1_764_000_000_000
export const APPROVED = ['plan', 'amount', 'cart', 'cart.total', 'cart.lines', 'cart.lines.count', 'tags', 'utm_source', 'country', 'seats']

export const policy = compilePolicy({
  store: { events: ['Order placed', 'Café'], properties: APPROVED, paths: ['pricing', '/orders/*'], referrers: ['blog.example'] },
  destinations: [],
})
const PLACES: Readonly<Record<string, Place>> = { '203.0.113.9': { country: 'IN', region: 'Karnataka' }, '198.51.100.7': { country: 'DE' } }

export const split = createSplit({
  policy,
  placeOf: (address) => PLACES[address] ?? {},
  siteHosts: ['www.shop.test'],
})

export function request(change: Partial<SourceConfig> = {}, more: Partial<RequestContext> = {}): RequestContext {
  const source: SourceConfig = {
    id: 's',
    protocol: 'p',
    token: 't',
    trust: 'browser',
    namespace: 'default',
    surface: 'web',
    groupKeys: ['company'],
    ...change,
  }
  return { receivedAt: NOW, source, clientAddress: undefined, userAgent: undefined, consent: {}, ...more }
}

export function free(pairs: Record<string, JsonValue>): WireValue[] {
  return Object.entries(pairs).map(([key, value]) => ({ field: undefined, key, value }))
}

export function known(field: KnownField, key: string, value: JsonValue): WireValue {
  return { field, key, value }
}

export function event(change: Partial<WireRecord> = {}): WireRecord {
  return { type: 'event', token: 't', name: 'Order placed', values: [], ...change }
}

export function one(
  record: WireRecord,
  context = request(),
): { draft: SplitDraft; record: SplitDraft['records'][number]; pairs: [string, unknown][] } {
  const draft = split([record], context)
  return { draft, record: draft.records[0]!, pairs: draft.waiting[0]?.pairs ?? [] }
}

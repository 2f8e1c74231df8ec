/** What a notice says of the vendor is what `bulkhead.yaml` calls it, in the reader's language, and that it told us only where it did. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncidentState } from '#incidents/incident-state.ts'
import type { VendorConfig } from '#model/config.ts'
import type { NoticesConfig } from '#model/notices-config.ts'
import { fromConfiguration } from './notice-draft.ts'

const TIMES = { eventFrom: null, eventTo: null, vendorAware: null, told: 1, aware: null }
const STATE = { id: 1, vendor: 'acme', source: 'vendor', times: TIMES, statements: [] as object[] } as IncidentState
const NOTICES = {
  company: 'Example Ltd',
  officialDomain: 'example.com',
  checkUrl: 'https://example.com/check',
  zone: 'UTC',
  contact: { team: 'Privacy team' },
  from: { name: 'Example security', address: 'security@example.com' },
} as NoticesConfig

function vendorIn(vendors: Partial<VendorConfig>[]): { name: string; what: string } {
  return fromConfiguration(STATE, NOTICES, { config: { vendors } } as Parameters<typeof fromConfiguration>[2]).vendor
}

test('that the vendor told us is said of its own word alone', () => {
  const deps = { config: { vendors: [] } } as unknown as Parameters<typeof fromConfiguration>[2]
  const timesOf = (more: Partial<IncidentState>) => fromConfiguration({ ...STATE, ...more }, NOTICES, deps).times
  const statements = [{ receivedAt: 9 }, { receivedAt: 7 }] as IncidentState['statements']
  assert.deepEqual(timesOf({ statements }), { told: 1 })
  for (const source of ['press', 'person', 'signal'] as const) {
    assert.deepEqual(timesOf({ source }), {}, source)
    assert.deepEqual(timesOf({ source, statements, times: { ...TIMES, aware: 5 } }), { told: 7, aware: 5 }, source)
  }
  assert.deepEqual(timesOf({ source: 'us' }), { aware: 1 })
  assert.deepEqual(timesOf({ source: 'us', times: { ...TIMES, aware: 5 } }), { aware: 5 })
})

test('a vendor is told of by its name and by what it is for', () => {
  const other = { id: 'other', name: 'Other', kind: 'support provider' } as const
  assert.deepEqual(vendorIn([other, { id: 'acme', name: 'Acme Inc', kind: 'payment provider' }]), {
    name: 'Acme Inc',
    what: 'payment provider',
  })
  assert.deepEqual(vendorIn([other]), { name: 'acme', what: 'service provider' }, 'one that the file names no more')
})

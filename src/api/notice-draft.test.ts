/** What a notice says of the vendor is what `bulkhead.yaml` calls it, in the reader's language, and that it told us only where it did. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncidentState } from '#incidents/incident-state.ts'
import type { VendorConfig } from '#model/config.ts'
import type { NoticesConfig } from '#model/notices-config.ts'
import { fromConfiguration, measuresOf, noonOf } from './notice-draft.ts'

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

test('measures are what is on record, and credentials count from when we were told', async () => {
  type Deps = Parameters<typeof measuresOf>[1]
  const measures = (state: string, rotated: number[] = [], deletions: string[] = []) => {
    const records = { flow: () => ({ state }), rotations: () => rotated.map((at) => ({ at })) }
    const vault = { deletions: async () => ({ leaving: deletions.map((each) => ({ state: each })), erased: [{ state: 'done' }] }) }
    return measuresOf({ vendor: 'acme', times: { ...TIMES, told: 50 } }, { records, leaving: { vault } } as unknown as Deps)
  }
  assert.deepEqual(await measures('open'), [])
  assert.deepEqual(await measures('cut'), ['cut'])
  assert.deepEqual(await measures('retired'), ['cut', 'retired'])
  assert.deepEqual(await measures('open', [49]), [])
  assert.deepEqual(await measures('open', [49, 50]), ['credentials-rotated'])
  assert.deepEqual(await measures('open', [], ['due', 'due']), [])
  for (const state of ['asked', 'done', 'refused']) assert.deepEqual(await measures('open', [], ['due', state]), ['deletion-asked'], state)
})

test('a text of one day is of noon of that day where the company is, also where a day has 23 or 25 hours', () => {
  const noon = (now: string, zone: string) => new Date(noonOf(Date.parse(now), zone)).toISOString()
  assert.equal(noon('2026-11-26T18:29:59Z', 'Asia/Kolkata'), '2026-11-26T06:30:00.000Z')
  assert.equal(noon('2026-11-26T18:30:00Z', 'Asia/Kolkata'), '2026-11-27T06:30:00.000Z')
  assert.equal(noon('2026-11-26T07:59:00Z', 'America/Los_Angeles'), '2026-11-25T20:00:00.000Z')
  assert.equal(noon('2026-11-01T07:30:00Z', 'America/Los_Angeles'), '2026-11-01T20:00:00.000Z')
  assert.equal(noon('2026-03-08T09:00:00Z', 'America/Los_Angeles'), '2026-03-08T19:00:00.000Z')
  assert.equal(noon('2026-12-31T11:00:00Z', 'Pacific/Auckland'), '2026-12-31T23:00:00.000Z')
})

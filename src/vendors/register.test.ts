/** Which vendors and destinations there are: nothing that anything was ever sent to is forgotten. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VendorConfig } from '#model/config.ts'
import type { DestinationPolicy, Policy } from '#model/policy.ts'
import { openRecords } from '#records/records.ts'
import { assertDestinationsStay, assertVendorKnown, describeVendor, destinationsOf, summarizeVendor, vendorNames } from './register.ts'

const of = (vendor: string, destination: string): DestinationPolicy => ({
  ...{ vendor, destination, protocol: `protocol of ${destination}`, grants: [], consent: [] },
  ...{ events: [`event of ${destination}`], properties: [`property of ${destination}`] },
})

function policyOf(...destinations: DestinationPolicy[]): Policy {
  return { store: { events: [], properties: [], paths: [], referrers: [] }, destinations }
}

const CONFIGURED = [
  {
    id: 'acme',
    name: 'Acme Inc',
    kind: 'analytics provider',
    destinations: [{ id: 'acme-main', protocol: 'mixpanel', url: 'https://a.example' }],
  },
  { id: 'new', name: 'New', kind: 'analytics provider', destinations: [] },
] as unknown as VendorConfig[]

function withRecords(body: (records: ReturnType<typeof openRecords>) => void): void {
  const records = openRecords({ path: ':memory:' })
  records.applyPolicy(policyOf(of('gone', 'gone-main'), of('acme', 'acme-old')), 1000)
  records.applyPolicy(policyOf(of('acme', 'acme-main'), of('other', 'other-main')), 2000)
  records.cut('cut-only', { at: 3000, actor: 'anna', reason: 'why' })
  try {
    body(records)
  } finally {
    records.close()
  }
}

test('a vendor is known by configuration, by any policy that was ever applied, or by its flow', () =>
  withRecords((records) => {
    const names = vendorNames(records, CONFIGURED)
    assert.deepEqual(names, ['acme', 'cut-only', 'gone', 'new', 'other'])
    assertVendorKnown('gone', names)
    assert.throws(() => assertVendorKnown('goen', names), { code: 'vendor_unknown' })
  }))

test('its destinations are its own alone, also those that no file and no policy in force names', () =>
  withRecords((records) => {
    assert.deepEqual(destinationsOf('acme', records, CONFIGURED), ['acme-main', 'acme-old'])
    assert.deepEqual(destinationsOf('gone', records, CONFIGURED), ['gone-main'])
    assert.deepEqual(destinationsOf('new', records, CONFIGURED), [])
  }))

test('a destination stays with its vendor for ever', () =>
  withRecords((records) => {
    assertDestinationsStay(records, policyOf(of('acme', 'acme-old'), of('gone', 'gone-main'), of('new', 'new-main')))
    for (const destination of ['acme-old', 'gone-main', 'acme-main'])
      assert.throws(() => assertDestinationsStay(records, policyOf(of('new', destination))), { code: 'config_invalid' }, destination)
  }))

test('it is summed up as configured and as applied, with its flow once that was changed', () =>
  withRecords((records) => {
    const unchanged = { state: 'open', fence: 0, changedAt: null, actor: null, reason: null }
    const main = { destination: 'acme-main', protocol: 'mixpanel', url: 'https://a.example', policy: 2 }
    const old = { destination: 'acme-old', protocol: '', url: null, policy: 2 }
    assert.deepEqual(summarizeVendor('acme', records, CONFIGURED), {
      ...{ vendor: 'acme', name: 'Acme Inc', configured: true, destinations: [main, old] },
      ...unchanged,
    })
    const other = { destination: 'other-main', protocol: 'protocol of other-main', url: null, policy: 2 }
    assert.deepEqual(summarizeVendor('other', records, CONFIGURED), {
      ...{ vendor: 'other', name: 'other', configured: false, destinations: [other] },
      ...unchanged,
    })
    const cut = { state: 'cut', fence: 1, changedAt: '1970-01-01T00:00:03.000Z', actor: 'anna', reason: 'why' }
    const { policy, history, ...summary } = describeVendor('cut-only', records, CONFIGURED)
    assert.deepEqual(summary, { vendor: 'cut-only', name: 'cut-only', configured: false, destinations: [], ...cut })
    const { changedAt: at, ...step } = cut
    assert.deepEqual(history, [{ ...step, at }])
    assert.deepEqual(policy?.destinations, [])
  }))

test('of the policy in force it shows its own destinations', () =>
  withRecords((records) => {
    assert.deepEqual(describeVendor('acme', records, CONFIGURED).policy, {
      ...{ version: 2, appliedAt: '1970-01-01T00:00:02.000Z' },
      destinations: [{ destination: 'acme-main', grants: [], events: ['event of acme-main'], properties: ['property of acme-main'] }],
    })
    const none = openRecords({ path: ':memory:' })
    assert.equal(describeVendor('acme', none, CONFIGURED).policy, null)
    none.close()
  }))

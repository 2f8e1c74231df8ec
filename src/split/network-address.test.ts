import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import { it } from 'node:test'
import fc from 'fast-check'
import { Reader } from 'mmdb-lib'
import type { CountryResponse } from 'mmdb-lib'
import { AddressTree } from './address-tree.ts'
import { openPlaces } from './geo.ts'
import { ipv4Of, ipv6Of } from './network-address.ts'

const group = fc.oneof(
  fc.nat(0xffff).map((bits) => bits.toString(16)),
  fc.constantFrom('', '0', '00', 'ffff', '12345', 'g', '1.2.3.4'),
)
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.ipV4Extended(),
  fc.array(group, { maxLength: 10 }).map((groups) => groups.join(':')),
  fc
    .array(fc.oneof(fc.nat(300).map(String), fc.constantFrom('', '00', '01', '-1', ' 1')), { maxLength: 5 })
    .map((bytes) => bytes.join('.')),
)

it('takes for an address what the system takes for one', () => {
  fc.assert(
    fc.property(address, (text) => {
      const family = ipv4Of(text) >= 0 ? 4 : ipv6Of(text) === undefined ? 0 : 6
      assert.equal(family, isIP(text), text)
    }),
    { numRuns: 3000 },
  )
})

it('finds the place that the library of the format finds', () => {
  const file = createRequire(import.meta.url).resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb')
  const reader = new Reader<CountryResponse>(readFileSync(file))
  const tree = new AddressTree(readFileSync(file), reader.metadata)
  const placeOf = openPlaces(file)
  const routed = fc
    .tuple(fc.integer({ min: 0x2400, max: 0x2fff }), fc.nat(0xffff), fc.nat(0xffff))
    .map((parts) => `${parts.map((bits) => bits.toString(16)).join(':')}::1`)
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), routed), (text) => {
      const row = reader.get(text) as { country_code?: string } | null
      const bits = ipv4Of(text)
      const groups = ipv6Of(text)
      const found = bits >= 0 ? tree.rowOfIpv4(bits) : groups === undefined ? 0 : tree.rowOfIpv6(groups)
      assert.equal(found === 0, row === null, text)
      const { country } = placeOf(text)
      if (country !== undefined) assert.equal(country, row?.country_code, text)
    }),
    { numRuns: 3000 },
  )
})

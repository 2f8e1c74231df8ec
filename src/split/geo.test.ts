import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { it } from 'node:test'
import { openCountries, openPlaces } from './geo.ts'

it('looks up countries of both address families, and says nothing of private, mapped or broken ones it does not know', () => {
  const countryOf = openCountries()
  assert.equal(countryOf('8.8.8.8'), 'US')
  assert.equal(countryOf('::ffff:8.8.8.8'), 'US')
  assert.equal(countryOf('2001:4860:4860::8888'), 'US')
  assert.equal(countryOf('193.0.6.139'), 'NL') // RIPE NCC's own network.
  for (const address of ['127.0.0.1', '10.0.0.1', '192.168.1.1', '::1', 'fe80::1', '', 'localhost', '999.1.1.1', '8.8.8.8; DROP'])
    assert.equal(countryOf(address), undefined, address)
})

it('refuses a database that is absent, empty, cut short or overwritten, by a code and the path', () => {
  const whole = readFileSync(
    createRequire(import.meta.url).resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'),
  )
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-geo-'))
  const broken: Record<string, Buffer | undefined> = {
    absent: undefined,
    empty: Buffer.alloc(0),
    short: whole.subarray(0, whole.length >> 1),
    zeros: Buffer.alloc(10_000),
    text: Buffer.from('not a database'),
    // The tree is rubbish, and the metadata at the end is whole.
    overwritten: Buffer.concat([Buffer.alloc(whole.length - 20_000, 0xff), whole.subarray(whole.length - 20_000)]),
  }
  try {
    for (const [name, bytes] of Object.entries(broken)) {
      const file = path.join(folder, name)
      if (bytes !== undefined) writeFileSync(file, bytes)
      assert.throws(() => openPlaces(file), { code: 'geo_unreadable' }, name)
    }
    writeFileSync(path.join(folder, 'whole'), whole)
    assert.deepEqual(openPlaces(path.join(folder, 'whole'))('8.8.8.8'), { country: 'US' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

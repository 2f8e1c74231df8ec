import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { it } from 'node:test'
import { openPlaces, openPlacesOf } from './geo.ts'

it('looks up countries of both address families, and says nothing of private, mapped or broken ones it does not know', () => {
  const placeOf = openPlaces()
  const countryOf = (address: string): string | undefined => placeOf(address).country
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

it('opens regions and cities on demand alone, and says when they are not installed or broken', () => {
  const whole = createRequire(import.meta.url).resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb')
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-cities-'))
  const files = ['dbip-city-ipv4.mmdb', 'dbip-city-ipv6.mmdb'].map((name) => path.join(folder, name)) as [string, string]
  try {
    assert.equal(openPlacesOf(undefined, folder)('8.8.8.8').country, 'US')
    assert.throws(() => openPlacesOf('region', folder), { code: 'geo_absent' })
    // The same layout without the two columns.
    for (const file of files) writeFileSync(file, readFileSync(whole))
    assert.deepEqual(openPlacesOf('city', folder)('2001:4860:4860::8888'), { country: 'US' })
    writeFileSync(files[1], readFileSync(whole).subarray(0, 1_000_000))
    assert.throws(() => openPlacesOf('region', folder), { code: 'geo_unreadable' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

const SAMPLES = path.join(
  process.env.BULKHEAD_TESTDATA ?? path.join(import.meta.dirname, '..', '..', '..', 'shared', 'testdata'),
  'geo-maxmind-test',
)
if (existsSync(SAMPLES)) {
  it('reads regions and cities in the layout of MaxMind, and no broken file ends more than its own look-ups', () => {
    const placeOf = openPlaces(path.join(SAMPLES, 'GeoLite2-City-Test.mmdb'))
    assert.deepEqual(placeOf('2.125.160.216'), { country: 'GB', region: 'ENG' })
    assert.deepEqual(placeOf('::ffff:2.125.160.216'), { country: 'GB', region: 'ENG' })
    for (const name of readdirSync(SAMPLES).filter((file) => file.endsWith('.mmdb'))) {
      let opened: ReturnType<typeof openPlaces> | undefined
      try {
        opened = openPlaces(path.join(SAMPLES, name))
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'geo_unreadable', name)
      }
      for (let byte = 0; byte < 256; byte++) for (const address of [`${byte}.125.160.216`, `2${byte.toString(16)}01::1`]) opened?.(address)
    }
  })
} else {
  process.stdout.write(`not run: sample databases of MaxMind (no folder ${SAMPLES}; BULKHEAD_TESTDATA names another)\n`)
}

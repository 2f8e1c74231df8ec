import assert from 'node:assert/strict'
import { it } from 'node:test'
import { openCountries } from './geo.ts'

it('looks up countries of both address families, and says nothing of private, mapped or broken ones it does not know', () => {
  const countryOf = openCountries()
  assert.equal(countryOf('8.8.8.8'), 'US')
  assert.equal(countryOf('::ffff:8.8.8.8'), 'US')
  assert.equal(countryOf('2001:4860:4860::8888'), 'US')
  assert.equal(countryOf('193.0.6.139'), 'NL') // RIPE NCC's own network.
  for (const address of ['127.0.0.1', '10.0.0.1', '192.168.1.1', '::1', 'fe80::1', '', 'localhost', '999.1.1.1', '8.8.8.8; DROP'])
    assert.equal(countryOf(address), undefined, address)
})

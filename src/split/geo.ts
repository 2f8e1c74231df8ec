/**
 * Country of an address from the database of the npm package `@ip-location-db/geo-whois-asn-country-mmdb` (CC0; made from
 * the registries' own allocation files, so it says where a network is registered, which is mostly where it is used). Read
 * once into memory (8 MB); nothing is asked over the network.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import { Reader } from 'mmdb-lib'
import type { CountryResponse } from 'mmdb-lib'
import { countryCode } from '#policy/forms.ts'
import type { CountryOf } from '#policy/forms.ts'

const DATABASE = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'
const MAPPED_IPV4 = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i

/** Opens the shipped database, or the one at `path` (same layout: `country_code` at the root of each row). */
export function openCountries(path: string = createRequire(import.meta.url).resolve(DATABASE)): CountryOf {
  const reader = new Reader<CountryResponse>(readFileSync(path))
  return (address) => {
    const plain = MAPPED_IPV4.exec(address)?.[1] ?? address
    if (isIP(plain) === 0) return undefined
    const row = reader.get(plain) as { country_code?: unknown } | null
    return countryCode(row?.country_code)
  }
}

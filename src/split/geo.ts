/**
 * Country of an address from the database of the npm package `@ip-location-db/geo-whois-asn-country-mmdb` (CC0; made from
 * the registries' own allocation files, so it says where a network is registered, which is mostly where it is used). Read
 * once into memory (8 MB); nothing is asked over the network.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { BlockList, isIP } from 'node:net'
import { Reader } from 'mmdb-lib'
import type { CountryResponse } from 'mmdb-lib'
import { countryCode } from '#policy/forms.ts'
import type { CountryOf } from '#policy/forms.ts'

const DATABASE = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'
const MAPPED_IPV4 = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i

/** Networks that belong to no country (IANA special-purpose registries): the database has rows for some of them. */
const NOWHERE = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  NOWHERE.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['::', 127],
  ['100::', 64],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  NOWHERE.addSubnet(network, prefix, 'ipv6')
}

/** Opens the shipped database, or the one at `path` (same layout: `country_code` at the root of each row). */
export function openCountries(path: string = createRequire(import.meta.url).resolve(DATABASE)): CountryOf {
  const reader = new Reader<CountryResponse>(readFileSync(path))
  return (address) => {
    const plain = MAPPED_IPV4.exec(address)?.[1] ?? address
    const family = isIP(plain)
    if (family === 0 || NOWHERE.check(plain, family === 6 ? 'ipv6' : 'ipv4')) return undefined
    const row = reader.get(plain) as { country_code?: unknown } | null
    return countryCode(row?.country_code)
  }
}

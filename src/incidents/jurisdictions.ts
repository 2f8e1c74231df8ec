/**
 * People by where they live, for the clocks that law starts: what the directory says, then a server, then the coarse place of
 * their events. Member states of the European Union stand each by itself, states of the United States where they are known.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { StaffVault } from '#vault/port.ts'
import { MARKS } from '#vault/survey.ts'
import type { Places } from './coarse-places.ts'
import type { People } from './people.ts'
import type { PersonSet } from './person-set.ts'

/** https://european-union.europa.eu/principles-countries-history/eu-countries_en, 27 since 2020. */
const EU: ReadonlySet<string> = new Set('AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE'.split(' '))

export interface Jurisdiction {
  /** `DE`, `US-CA`, or `unknown`. */
  jurisdiction: string
  country: string | null
  region: string | null
  eu: boolean
  subjects: number
  /** The same people, by who says so. */
  basis: { directory: number; server: number; place: number }
}

export interface Surveyed {
  jurisdictions: Jurisdiction[]
  /** Erased since: nobody can notify them any more. */
  erased: number
  /** Without an address from a server or the directory; erased people are not among them. */
  withoutAddress: number
}

export async function surveyPeople(
  scope: PersonSet,
  given: { people: People; vault: Pick<StaffVault, 'survey'>; places: Places },
): Promise<Surveyed> {
  const { people, vault, places } = given
  const joined: (readonly Ordinal[])[] = []
  const single = scope.values().filter((person) => {
    const isSingle = !people.hasSeveral(person)
    if (!isSingle) joined.push(people.identifiersOf(person))
    return isSingle
  })
  const survey = await vault.survey({ single, joined })
  const { residence, marks } = survey
  if (residence.some((place, at) => place === 0 && ((marks[at] as number) & MARKS.erased) === 0)) await places.refresh()
  const rows = new Map<string, Jurisdiction>()
  const found: Omit<Surveyed, 'jurisdictions'> = { erased: 0, withoutAddress: 0 }
  for (let at = 0; at < marks.length; at++) {
    const mark = marks[at] as number
    const isErased = (mark & MARKS.erased) !== 0
    if (isErased) found.erased += 1
    else if ((mark & MARKS.address) === 0) found.withoutAddress += 1
    let place = survey.places[residence[at] as number] as string
    let basis: keyof Jurisdiction['basis'] = (mark & MARKS.byDirectory) !== 0 ? 'directory' : 'server'
    if (place === '' && !isErased) {
      basis = 'place'
      place = at < single.length ? places.countryOf(single[at] as number) : placeOfAny(joined[at - single.length] ?? [], places)
    }
    let row = rows.get(place)
    if (row === undefined) {
      row = emptyRow(place)
      rows.set(place, row)
    }
    row.subjects += 1
    if (place !== '') row.basis[basis] += 1
  }
  const jurisdictions = [...rows.values()].sort((a, b) => b.subjects - a.subjects || (a.jurisdiction < b.jurisdiction ? -1 : 1))
  return { jurisdictions, ...found }
}

function placeOfAny(identifiers: readonly Ordinal[], places: Places): string {
  for (const identifier of identifiers) {
    const place = places.countryOf(identifier)
    if (place !== '') return place
  }
  return ''
}

function emptyRow(place: string): Jurisdiction {
  const [country = '', region] = place.split('-')
  return {
    jurisdiction: place === '' ? 'unknown' : place,
    country: country === '' ? null : country,
    region: region ?? null,
    eu: EU.has(country),
    subjects: 0,
    basis: { directory: 0, server: 0, place: 0 },
  }
}

/**
 * People by where they live, for the clocks that law starts: what the directory says, then a server, then the coarse place of
 * their events. Member states of the European Union stand each by itself, states of the United States where they are known.
 */
import { EU_COUNTRIES } from '#model/eu.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { StaffVault } from '#vault/port.ts'
import { MARKS, MARKS_END } from '#vault/survey.ts'
import type { Places } from './coarse-places.ts'
import type { People } from './people.ts'
import type { PersonSet } from './person-set.ts'

const EU: ReadonlySet<string> = new Set(EU_COUNTRIES)

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
  /** With people who were erased, unless it was asked without them. */
  jurisdictions: Jurisdiction[]
  /** Erased since: nobody can notify them any more. */
  erased: number
  /** Without an address from a server or the directory; erased people are not among them. */
  withoutAddress: number
}

export async function surveyPeople(
  scope: PersonSet,
  given: { people: People; vault: Pick<StaffVault, 'survey'>; places: Places; withoutErased?: true },
): Promise<Surveyed> {
  const { people, vault, places, withoutErased = false } = given
  const { single, joined } = people.byIdentifiers(scope)
  const survey = await vault.survey({ single, joined })
  const { residence, marks } = survey
  // Millions of people in a few combinations of place and marks: counted as numbers, and looked at as combinations.
  const counts = new Float64Array(survey.places.length * MARKS_END)
  const unplaced: number[] = []
  for (let at = 0; at < marks.length; at++) {
    const [place, mark] = [residence[at] as number, marks[at] as number]
    counts[place * MARKS_END + mark] = (counts[place * MARKS_END + mark] as number) + 1
    if (place === 0 && (mark & MARKS.erased) === 0) unplaced.push(at)
  }
  const rows = new Map<string, Jurisdiction>()
  const add = (place: string, basis: keyof Jurisdiction['basis'], subjects: number): void => {
    let row = rows.get(place)
    if (row === undefined) {
      row = emptyRow(place)
      rows.set(place, row)
    }
    row.subjects += subjects
    if (place !== '') row.basis[basis] += subjects
  }
  const found: Omit<Surveyed, 'jurisdictions'> = { erased: 0, withoutAddress: 0 }
  for (const [index, subjects] of counts.entries()) {
    if (subjects === 0) continue
    const mark = index % MARKS_END
    const place = survey.places[Math.floor(index / MARKS_END)] as string
    const isErased = (mark & MARKS.erased) !== 0
    if (isErased) found.erased += subjects
    else if ((mark & MARKS.address) === 0) found.withoutAddress += subjects
    if (isErased && withoutErased) continue
    if (place !== '' || isErased) add(place, (mark & MARKS.byDirectory) !== 0 ? 'directory' : 'server', subjects)
  }
  if (unplaced.length > 0) await places.refresh()
  for (const at of unplaced) {
    const coarse = at < single.length ? places.countryOf(single[at] as number) : placeOfAny(joined[at - single.length] ?? [], places)
    add(coarse, 'place', 1)
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

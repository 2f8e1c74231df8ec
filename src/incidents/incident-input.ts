/** What people say of an incident, decoded at the edge: instants with a zone that do not lie in the future, and known fields. */
import { BulkheadError } from '#base/errors.ts'
import { FIELDS, type KnownField } from '#model/field.ts'
import type { ScopeBody, TimesBody } from './incident-bodies.ts'
import { assertOrder, decodeInstant } from './windows.ts'
import { readableText } from './written.ts'

/** Clocks of two machines may differ by that much. */
const SKEW_MS = 5 * 60_000
const FIELD_LENGTH_MAX = 100

export interface TimeTexts {
  told?: string | undefined
  aware?: string | undefined
  vendorAware?: string | undefined
  eventFrom?: string | undefined
  eventTo?: string | undefined
}

/** An instant at which something happened. Throws `window_invalid`, `incident_invalid`. */
export function pastInstant(name: string, text: string | undefined, now: number): number | undefined {
  const instant = decodeInstant(name, text)
  if (instant !== undefined && instant > now + SKEW_MS) throw new BulkheadError('incident_invalid', `${name} lies in the future`)
  return instant
}

/** Before that nobody was told of anything like it: a year that was mistyped would start clocks that have run out long ago. */
const EARLIEST = Date.UTC(1990, 0, 1)

/** Throws `incident_invalid`. */
export function assertOwnTime(name: string, at: number | null): void {
  if (at === null || at >= EARLIEST) return
  throw new BulkheadError('incident_invalid', `${name} lies before 1990 (${new Date(at).toISOString()}): look at the year`)
}

/** Where a day begins that is given in the place of an instant. */
export interface DayPlace {
  zone: string
  startOf(day: string): number | undefined
}

const DAY = /^\d{4}-\d{2}-\d{2}$/

/** `before` stands for what is not said anew; `told` must be known in the end. */
export function decodeTimes(texts: TimeTexts, before: TimesBody | undefined, now: number, place?: DayPlace): TimesBody {
  const past = (name: string, text: string | undefined, known: number | null | undefined): number | null =>
    pastInstant(name, text === undefined ? undefined : dayAsInstant(text, place), now) ?? known ?? null
  const days = daysOf(texts, before?.days ?? {}, place)
  const told = past('--told', texts.told, before?.told)
  if (told === null) throw new BulkheadError('incident_invalid', 'it is not said when we were told (--told)')
  const times: TimesBody = {
    eventFrom: past('--event-from', texts.eventFrom, before?.eventFrom),
    eventTo: past('--event-to', texts.eventTo, before?.eventTo),
    vendorAware: past('--vendor-aware', texts.vendorAware, before?.vendorAware),
    told,
    aware: past('--aware', texts.aware, before?.aware),
    ...(Object.keys(days).length === 0 ? {} : { days }),
  }
  for (const [name, at] of [
    ['--told', times.told],
    ['--aware', times.aware],
    ['--vendor-aware', times.vendorAware],
  ] as const)
    assertOwnTime(name, at)
  assertOrder('--event-from', times.eventFrom ?? undefined, '--event-to', times.eventTo ?? undefined)
  return times
}

/** A day is its first moment there: the earliest reading. */
function dayAsInstant(text: string, place: DayPlace | undefined): string {
  const start = place !== undefined && DAY.test(text) ? place.startOf(text) : undefined
  return start === undefined ? text : new Date(start).toISOString()
}

/** Of which times only the day is known; one that is said anew as an instant is no more among them. */
function daysOf(texts: TimeTexts, before: NonNullable<TimesBody['days']>, place: DayPlace | undefined): NonNullable<TimesBody['days']> {
  const days = { ...before }
  for (const name of ['told', 'aware', 'vendorAware'] as const) {
    const text = texts[name]
    if (text === undefined) continue
    delete days[name]
    if (place !== undefined && DAY.test(text)) days[name] = place.zone
  }
  return days
}

export interface SideTexts {
  accessFrom?: string | undefined
  accessTo?: string | undefined
  from?: string | undefined
  to?: string | undefined
}

type Sides = Pick<ScopeBody, 'accessFrom' | 'accessTo' | 'from' | 'to'>

/** Sides of windows that were given; `open` takes a bound away. Absent: not given. */
export function decodeSides(texts: SideTexts): Partial<Sides> {
  const sides: Partial<Sides> = {}
  for (const [side, name] of SIDES) {
    const text = texts[side]
    if (text !== undefined) sides[side] = text === 'open' ? null : (decodeInstant(name, text) ?? null)
  }
  return sides
}

const SIDES = [
  ['accessFrom', '--access-from'],
  ['accessTo', '--access-to'],
  ['from', '--from'],
  ['to', '--to'],
] as const

/** What a statement claims: sides that it does not name are null. Throws `window_invalid`. */
export function decodeClaimedSides(texts: SideTexts): Sides {
  const sides = { accessFrom: null, accessTo: null, from: null, to: null, ...decodeSides(texts) }
  assertOrder('--access-from', sides.accessFrom ?? undefined, '--access-to', sides.accessTo ?? undefined)
  assertOrder('--from', sides.from ?? undefined, '--to', sides.to ?? undefined)
  return sides
}

/** Fields of our catalogue, and what the vendor calls by other names; the latter are text that somebody wrote. */
export function decodeFields(given: readonly string[]): { fields: KnownField[]; otherFields: string[] } {
  const names = [...new Set(given.flatMap((text) => text.split(',')).map((name) => readableText('a field', name, FIELD_LENGTH_MAX)))]
  const isKnown = (name: string): name is KnownField => Object.hasOwn(FIELDS, name)
  return {
    fields: names.filter(isKnown).sort(),
    otherFields: names.filter((name) => name !== '' && !isKnown(name)).sort(),
  }
}

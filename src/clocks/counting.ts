/**
 * From a start to a due time. Hours are elapsed time: nights, weekends and changes of the clock run through them. Days and months are those
 * of a calendar in the regime's zone, and the last of them counts to its end.
 */
import Holidays from 'date-holidays'
import { Temporal } from 'temporal-polyfill'
import type { Span } from '#model/clock.ts'

const HOUR_MS = 3_600_000
/** A pack whose every day is closed must not turn for ever. */
const DAYS_LOOKED_MAX = 3700

export function isZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone)
    return true
  } catch {
    // It throws for what is none.
    return false
  }
}

/** Undefined: it names no period. */
export function dueOf(startsAt: number, span: Span): number | undefined {
  const { amount, unit, zone } = span
  if (unit === 'none') return undefined
  if (unit === 'hours') return startsAt + amount * HOUR_MS
  const first = dayIn(startsAt, zone)
  let last: Temporal.PlainDate
  if (unit === 'months') last = first.add({ months: amount })
  else if (unit === 'calendar-days') last = first.add({ days: span.counting === 'inclusive' ? amount - 1 : amount })
  else last = workingDay(first, amount, span)
  if (span.rollOver) last = workingDayFrom(last, span)
  return endOfDay(last, zone)
}

/** Where a period starts: at the event, or with the end of its calendar year. */
export function startOf(at: number, { fromYearEnd, zone }: Pick<Span, 'fromYearEnd' | 'zone'>): number {
  if (!fromYearEnd) return at
  return endOfDay(Temporal.PlainDate.from({ year: dayIn(at, zone).year, month: 12, day: 31 }), zone)
}

/** 00:00 of a day in a zone; undefined for what is no day of the calendar. */
export function startOfDay(day: string, zone: string): number | undefined {
  try {
    return Temporal.PlainDate.from(day, { overflow: 'reject' }).toZonedDateTime(zone).epochMilliseconds
  } catch {
    // It throws for what is none.
    return undefined
  }
}

/** `2026-03-31 23:59:59 +02:00`, in that zone. */
export function localText(at: number, zone: string): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)
  return `${local.toPlainDate().toString()} ${local.toPlainTime().toString({ smallestUnit: 'second' })} ${local.offset}`
}

function dayIn(at: number, zone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDate()
}

/** Its last second: a day may be 23 or 25 hours long. */
function endOfDay(day: Temporal.PlainDate, zone: string): number {
  return day.add({ days: 1 }).toZonedDateTime(zone).epochMilliseconds - 1000
}

function workingDay(from: Temporal.PlainDate, amount: number, span: Span): Temporal.PlainDate {
  let day = from
  if (span.counting === 'inclusive') day = day.subtract({ days: 1 })
  for (let counted = 0; counted < amount; ) {
    day = workingDayFrom(day.add({ days: 1 }), span)
    counted += 1
  }
  return day
}

/** That day, or the next one that is a working day. */
function workingDayFrom(from: Temporal.PlainDate, { calendar, closedDays }: Span): Temporal.PlainDate {
  let day = from
  for (let looked = 0; looked < DAYS_LOOKED_MAX; looked++) {
    const isOpen = day.dayOfWeek <= 5 && !closedDays.includes(day.toString().slice(5)) && !isHoliday(day, calendar)
    if (isOpen) return day
    day = day.add({ days: 1 })
  }
  throw new RangeError('no day is a working day')
}

/** Days that count as business days only in part, of a bank say, are counted: the earlier end is the safer one. */
function isHoliday(day: Temporal.PlainDate, calendar: string | null): boolean {
  return calendar !== null && holidaysOf(calendar, day.year).has(day.toString())
}

const known = new Map<string, ReadonlySet<string>>()

function holidaysOf(calendar: string, year: number): ReadonlySet<string> {
  const key = `${calendar} ${year}`
  let days = known.get(key)
  if (days === undefined) {
    days = new Set(
      calendarOf(calendar)
        .getHolidays(year)
        .filter(({ type }) => type === 'public')
        .map(({ date }) => date.slice(0, 10)),
    )
    known.set(key, days)
  }
  return days
}

function calendarOf(calendar: string): Holidays {
  const [country = '', ...state] = calendar.split('-')
  return state.length === 0 ? new Holidays(country) : new Holidays(country, state.join('-'))
}

/** Whether there is such a calendar; `US-IA` is a state's. */
export function isCalendar(calendar: string): boolean {
  const [country = '', state] = calendar.split('-')
  const lists = new Holidays()
  const countries = lists.getCountries() ?? {}
  if (!Object.hasOwn(countries, country)) return false
  return state === undefined || Object.hasOwn(lists.getStates(country) ?? {}, state)
}

/** Due dates against the table that was computed by hand (`testing-due-table.ts`); a rule with a period that no line has fails the test. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClockEvent, Span } from '#model/clock.ts'
import { dueOf, localText } from './counting.ts'
import type { Profile } from './facts.ts'
import { DUE_EDGES } from './testing-due-edges.ts'
import { DUE_TABLE, type DueLine, TOLD } from './testing-due-table.ts'
import { clocksFor, PACK, type Said, surveyOf, utc } from './testing-record.ts'

const LINES: readonly DueLine[] = [...DUE_TABLE, ...DUE_EDGES]

/** Everybody is everywhere, so that only the dates are looked at. */
const EVERYWHERE = [...new Set(PACK.regimes.flatMap(({ territory }) => territory.map((place) => (place === 'EU' ? 'DE' : place))))]
const SECTORS = [...new Set(PACK.regimes.flatMap(({ rules }) => rules.flatMap(({ sectors }) => sectors)))]
const LISTED = ['name:clear', 'national_id:clear']

function said({ from: [name, at], people, assessed }: DueLine): Said {
  const everybody = people ?? Object.fromEntries(EVERYWHERE.map((place) => [place, 1_000_001]))
  const before = new Date(Math.min(utc(at), utc(TOLD)) - (name === 'told' ? 0 : 1000)).toISOString()
  const base: Said = {
    told: name === 'told' ? at : before,
    people: everybody,
    fields: LISTED,
    ...(assessed === undefined ? {} : { assessed }),
  }
  if (name === 'told') return base
  if (name === 'vendor-aware') return { ...base, told: TOLD, vendorAware: at }
  if (name.startsWith('done:')) return { ...base, done: [[name.slice(5), at]] }
  return { ...base, marks: [[name as ClockEvent, at]] }
}

for (const line of LINES) {
  const { rule, basis = 'clock', from, due, how, roles = [] } = line
  test(`${rule} from ${from[0]} ${from[1]}: ${how}`, () => {
    const profile: Profile = { establishedIn: [], sectors: SECTORS, roles }
    const clock = clocksFor(said(line), new Date(utc(from[1]) + 1000).toISOString(), profile).find(
      (each) => each.rule.id === rule && each.basis === basis,
    )
    assert.ok(clock !== undefined)
    assert.deepEqual([clock.dueAt, clock.trigger], [utc(due), from[0]])
    assert.ok(clock.state !== 'planned' && clock.state !== 'not_applicable', `${clock.state}: ${clock.why.join('; ')}`)
    assert.notEqual(clock.applies.verdict, 'no')
  })
}

test('every rule with a period has a line, and every regime is looked at', () => {
  const lines = new Set(LINES.map(({ rule }) => rule))
  const rules = PACK.regimes.flatMap((regime) => regime.rules)
  assert.deepEqual(
    rules.filter(({ id, span }) => (span.unit === 'none') === lines.has(id)).map(({ id }) => id),
    [],
  )
  assert.ok(PACK.regimes.length >= 33 + 6 + 45)
  // An ordinary day and one on which something is otherwise.
  for (const regime of PACK.regimes) {
    const own = regime.rules.filter(({ span }) => span.unit !== 'none').map(({ id }) => id)
    const starts = new Set(LINES.filter(({ rule }) => own.includes(rule)).map(({ from }) => from[1]))
    assert.ok(own.length === 0 || starts.size >= 2, regime.id)
  }
})

test('a rule without a period has a start and no end', () => {
  const people = Object.fromEntries(EVERYWHERE.map((place) => [place, 1]))
  const marks = (['determined', 'confirmed', 'identified', 'people-notified'] as const).map((event): [ClockEvent, string] => [event, TOLD])
  const all = clocksFor({ told: TOLD, vendorAware: '2026-11-09T00:00:00Z', people, fields: LISTED, marks }, '2026-11-26T00:00:00Z', {
    establishedIn: [],
    sectors: SECTORS,
    roles: [],
  })
  const none = all.filter(({ rule, state }) => rule.span.unit === 'none' && state !== 'planned')
  assert.ok(none.length > 30)
  for (const clock of none) assert.deepEqual([clock.startsAt !== undefined, clock.dueAt], [true, undefined], clock.rule.id)
})

test('the Indian half hour in print', () => {
  assert.equal(localText(utc('2026-11-26T00:00:00Z'), 'Asia/Kolkata'), '2026-11-26 05:30:00 +05:30')
})

test('one event has two dates across the date line, and each regime counts from its own', () => {
  // 19:00 of 25 November in California, noon of 26 November in Japan, 14:00 of it in Sydney.
  const told = '2026-11-26T03:00:00Z'
  const clocks = clocksFor({ told, people: { 'US-CA': 1, JP: 1, AU: 1 }, fields: LISTED }, told)
  const due = (rule: string): string => new Date(clocks.find((clock) => clock.rule.id === rule)?.dueAt ?? Number.NaN).toISOString()
  // Day 30 after the 25th is 25 December; after the 26th it is the 26th; with the 26th as day 1, day 5 is the 30th.
  assert.deepEqual(
    [due('ca-ind'), due('au-assess'), due('jp-prelim')],
    ['2026-12-26T07:59:59.000Z', '2026-12-26T12:59:59.000Z', '2026-11-30T14:59:59.000Z'],
  )
})

test('a last day of 23 or 25 hours ends where that day ends', () => {
  const span = {
    amount: 1,
    unit: 'calendar-days',
    counting: 'day-after',
    rollOver: false,
    calendar: null,
    closedDays: [],
    fromYearEnd: false,
  } as const
  // 8 March 2026 in New York: from -05:00 to -04:00, so it ends at 03:59:59 UTC; 1 November 2026 the other way.
  assert.equal(dueOf(utc('2026-03-07T17:00:00Z'), { ...span, zone: 'America/New_York' }), utc('2026-03-09T03:59:59Z'))
  assert.equal(dueOf(utc('2026-10-31T16:00:00Z'), { ...span, zone: 'America/New_York' }), utc('2026-11-02T04:59:59Z'))
  // Samoa left out 30 December 2011: the day after the 29th is the 31st.
  assert.equal(dueOf(utc('2011-12-29T20:00:00Z'), { ...span, amount: 2, zone: 'Pacific/Apia' }), utc('2011-12-31T09:59:59Z'))
})

test('a pack that closes every day is refused by the count, not turned in for ever', () => {
  const closedDays = Array.from({ length: 366 }, (_, day) => new Date(Date.UTC(2028, 0, 1 + day)).toISOString().slice(5, 10))
  const span = {
    amount: 1,
    unit: 'business-days',
    counting: 'day-after',
    rollOver: false,
    calendar: 'US',
    closedDays,
    fromYearEnd: false,
    zone: 'UTC',
  } as const
  assert.throws(() => dueOf(utc(TOLD), span), RangeError)
})

test('who is counted where: states of the United States stand by themselves and in the whole', () => {
  assert.equal(surveyOf({ US: 1, 'US-CA': 2 }).subjects, 3)
  const clocks = clocksFor({ told: TOLD, people: { US: 1, 'US-CA': 2, DE: 4, FR: 5, NO: 1, unknown: 7 }, fields: LISTED }, TOLD)
  const residents = (rule: string): unknown => {
    const found = clocks.find((clock) => clock.rule.id === rule)?.applies.residents
    return [found?.known, found?.unknown]
  }
  assert.deepEqual(
    [residents('ca-ind'), residents('hipaa-ind'), residents('eu-sa'), residents('in-certin')],
    [
      [2, 8],
      [3, 7],
      [10, 7],
      [0, 7],
    ],
  )
})

test('business days: the day of the event counts or not, holidays of each year and of each state are none', () => {
  const span: Span = {
    amount: 3,
    unit: 'business-days',
    counting: 'inclusive',
    rollOver: false,
    calendar: null,
    closedDays: [],
    fromYearEnd: false,
    zone: 'UTC',
  }
  const due = (from: string, more: Partial<Span>): string =>
    new Date(dueOf(utc(from), { ...span, ...more }) ?? Number.NaN).toISOString().slice(0, 10)
  // Wednesday 25 November 2026: with it as the first, Friday 27th is the third; without it, Monday 30th is.
  assert.equal(due('2026-11-25T10:00:00Z', {}), '2026-11-27')
  assert.equal(due('2026-11-25T10:00:00Z', { counting: 'day-after' }), '2026-11-30')
  // From a Saturday on, Monday is the first either way.
  assert.equal(due('2026-11-28T10:00:00Z', {}), '2026-12-02')
  // Easter Monday is on 6 April in 2026 and on 29 March in 2027, each of a year of its own.
  assert.equal(due('2026-04-02T10:00:00Z', { amount: 1, counting: 'day-after', calendar: 'DE' }), '2026-04-07')
  assert.equal(due('2027-03-25T10:00:00Z', { amount: 1, counting: 'day-after', calendar: 'DE' }), '2027-03-30')
  // Epiphany, 6 January 2027, a Wednesday: in Bavaria, and not in Berlin.
  assert.equal(due('2027-01-05T10:00:00Z', { amount: 1, counting: 'day-after', calendar: 'DE-BY' }), '2027-01-07')
  assert.equal(due('2027-01-05T10:00:00Z', { amount: 1, counting: 'day-after', calendar: 'DE-BE' }), '2027-01-06')
})

/**
 * The laws of clocks: what was started moves only with the time that it hangs on, more people end nothing, and the order in
 * which things are written down does not matter. Due dates of each regime stand in `due.test.ts`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CLOCK_EVENTS, type ClockEvent } from '#model/clock.ts'
import { type Clock, clocksOf } from './clocks.ts'
import { warningsOf } from './keeper.ts'
import { type ClockRow, readClockRecord } from './record.ts'
import { readRulePack } from './rule-pack.ts'
import { clocksFor, NOBODY, PACK, rowsOf, type Said, surveyOf, utc } from './testing-record.ts'

const TIMES = { told: utc('2026-11-25T18:00:00Z'), aware: null, vendorAware: null }
const NAMES = ['email:clear', 'name:clear', 'country:coarse', 'user_id:pseudonym']

function one(clocks: readonly Clock[], rule: string, basis = 'clock'): Clock {
  const found = clocks.find((clock) => clock.rule.id === rule && clock.basis === basis)
  assert.ok(found !== undefined, `there is no clock ${rule} ${basis}`)
  return found
}

/** As the keeper does: what has to be recorded becomes a row. */
function settle(rows: readonly ClockRow[], now: number, times = TIMES, pack = PACK): ClockRow[] {
  const record = readClockRecord(rows, times)
  const clocks = clocksOf({ record, profile: NOBODY, pack, now }).flatMap(({ toRecord }) => (toRecord === undefined ? [] : [toRecord]))
  return clocks.length === 0 ? [...rows] : [...rows, { row: rows.length + 1, at: now, kind: 'clocks', body: { clocks } }]
}

const at = (rows: readonly ClockRow[], now: number, times = TIMES, pack = PACK): Clock[] =>
  clocksOf({ record: readClockRecord(rows, times), profile: NOBODY, pack, now })

test('names and mail addresses alone are in no list of the United States, and the clock says so', () => {
  const said: Said = {
    told: '2026-11-25T18:00:00Z',
    people: { 'US-CA': 5000, 'US-TX': 10 },
    fields: NAMES,
    marks: [['determined', '2026-11-25T19:00:00Z']],
  }
  for (const rule of ['ca-ind', 'tx-ind', 'tx-ag']) {
    const clock = one(clocksFor(said, '2026-11-26T00:00:00Z'), rule)
    assert.equal(clock.state, 'not_applicable')
    assert.match(
      clock.why.at(-1) ?? '',
      /none of the kinds of data that it lists was among the fields that we sent: sent were country, email, name/,
    )
  }
  const withNumber = clocksFor({ ...said, fields: [...NAMES, 'national_id:clear'] }, '2026-11-26T00:00:00Z')
  assert.equal(one(withNumber, 'ca-ind').state, 'running')
  // A number without a name, or one that left only as a pseudonym, is none either.
  for (const fields of [['national_id:clear'], ['name:clear', 'national_id:pseudonym']]) {
    assert.equal(one(clocksFor({ ...said, fields }, '2026-11-26T00:00:00Z'), 'ca-ind').state, 'not_applicable')
  }
  const withUrl = clocksFor({ ...said, freeText: ['url'] }, '2026-11-26T00:00:00Z')
  assert.equal(one(withUrl, 'ca-ind').state, 'needs_assessment')
})

test('Florida: names beside a coarse place are to be judged', () => {
  const said: Said = { told: '2026-11-25T18:00:00Z', people: { 'US-FL': 4 }, fields: NAMES }
  const clock = one(clocksFor(said, '2026-11-26T00:00:00Z'), 'fl-ind')
  assert.equal(clock.state, 'needs_assessment')
  assert.ok(clock.why.some((text) => text.startsWith('country were sent beside names')))
  const assessed = clocksFor({ ...said, assessed: [['us-fl-501.171', null, true]] }, '2026-11-26T00:00:00Z')
  assert.equal(one(assessed, 'fl-ind').state, 'running')
})

test('residents: a threshold counts who is known to live there, and who may', () => {
  const base = {
    told: '2026-11-25T18:00:00Z',
    fields: ['name:clear', 'national_id:clear'],
    marks: [['determined', '2026-11-25T19:00:00Z']],
  } as const
  const texas = (people: Record<string, number>): Clock =>
    one(
      clocksFor({ ...base, fields: [...base.fields], marks: [['determined', '2026-11-25T19:00:00Z']], people }, '2026-11-26T00:00:00Z'),
      'tx-ag',
    )
  assert.equal(texas({ 'US-TX': 249 }).state, 'not_applicable')
  assert.equal(texas({ 'US-TX': 250 }).state, 'running')
  const maybe = texas({ 'US-TX': 249, unknown: 1 })
  assert.equal(maybe.state, 'running')
  assert.ok(maybe.assumed.some((text) => text.startsWith('1 person of unknown residence may live there')))
  // Somebody of the United States whose state is not known may be a Texan too.
  assert.equal(texas({ 'US-TX': 249, US: 1 }).state, 'running')
  assert.equal(texas({ 'US-TX': 249, 'US-CA': 1, DE: 9 }).state, 'not_applicable')
  const nobody = texas({ unknown: 300 })
  assert.equal(nobody.state, 'needs_assessment')
})

test('HIPAA counts for the media in each state by itself, and whoever lives in none that is known as if in that one', () => {
  const media = (people: Record<string, number>): Clock =>
    one(clocksFor({ told: '2026-11-25T18:00:00Z', people }, '2026-11-26T00:00:00Z', { ...NOBODY, sectors: ['us-health'] }), 'hipaa-media')
  const spread = media({ 'US-CA': 500, 'US-TX': 500, 'US-NY': 3 })
  assert.equal(spread.state, 'not_applicable')
  assert.match(spread.why.at(-1) ?? '', /^500 people known to live in US-CA, 0 of no known state or residence; it counts from 501 on$/)
  assert.equal(media({ 'US-CA': 12, 'US-TX': 501 }).state, 'running')
  for (const nowhere of ['US', 'unknown']) {
    const maybe = media({ 'US-CA': 500, 'US-TX': 40, DE: 900, [nowhere]: 1 })
    assert.equal(maybe.state, 'running')
    assert.ok(maybe.assumed.includes('1 person of no known state or residence may live in US-CA, and is counted as if so'))
  }
  assert.equal(media({ US: 501 }).state, 'running')
  assert.equal(media({ US: 500, DE: 900 }).state, 'not_applicable')
  // The Secretary is told of all.
  assert.equal(
    one(
      clocksFor({ told: '2026-11-25T18:00:00Z', people: { 'US-CA': 300, 'US-TX': 300 } }, '2026-11-26T00:00:00Z', {
        ...NOBODY,
        sectors: ['us-health'],
      }),
      'hipaa-hhs-500',
    ).state,
    'running',
  )
})

test('where a law is not in force yet its clock never lives', () => {
  const said: Said = { told: '2026-11-25T18:00:00Z', people: { IN: 10 } }
  for (const rule of ['in-dpb-1', 'in-dpb-2', 'in-dp']) {
    const clock = one(clocksFor(said, '2026-11-30T00:00:00Z'), rule, 'first-warning')
    assert.equal(clock.state, 'planned')
    assert.deepEqual([clock.startsAt, clock.dueAt], [undefined, undefined])
    assert.equal(clock.toRecord, undefined)
  }
  // In force by then, but this began before.
  assert.equal(one(clocksFor(said, '2027-05-14T00:00:00Z'), 'in-dpb-2', 'first-warning').state, 'not_applicable')
  // 13 May 2027 begins in India at 18:30 UTC of the day before.
  const [before, after] = ['2027-05-12T18:29:59Z', '2027-05-12T18:30:00Z'].map((told) =>
    one(clocksFor({ ...said, told }, '2027-05-13T00:00:00Z'), 'in-dpb-2', 'first-warning'),
  ) as [Clock, Clock]
  assert.deepEqual([before.state, after.state], ['not_applicable', 'running'])
})

test('a first warning and a confirmed data set run both', () => {
  const rows = settle(rowsOf({ told: '2026-11-25T18:00:00Z', people: { DE: 3, IN: 4 } }), utc('2026-11-25T20:00:00Z'))
  const confirmed = [
    ...rows,
    {
      row: rows.length + 1,
      at: 0,
      kind: 'mark',
      body: { event: 'confirmed', at: utc('2026-11-27T06:00:00Z'), dayIn: null, regime: null, corrects: false },
    },
  ]
  const clocks = at(settle(confirmed, utc('2026-11-27T07:00:00Z')), utc('2026-11-27T07:00:00Z'))
  assert.equal(one(clocks, 'eu-sa', 'first-warning').dueAt, utc('2026-11-28T18:00:00Z'))
  assert.equal(one(clocks, 'eu-sa').dueAt, utc('2026-11-30T06:00:00Z'))
  // CERT-In: noticing or being brought to notice is enough, so there is one clock.
  assert.deepEqual(
    clocks.filter(({ rule }) => rule.id === 'in-certin').map(({ basis, dueAt }) => [basis, dueAt]),
    [['clock', utc('2026-11-26T00:00:00Z')]],
  )
})

test('filings, events and assessments end a clock or change what it waits for', () => {
  const base: Said = { told: '2026-11-25T18:00:00Z', people: { DE: 3, SG: 500 } }
  const now = '2026-11-26T00:00:00Z'
  assert.equal(one(clocksFor(base, now), 'sg-pdpc').state, 'waiting')
  const determined = clocksFor({ ...base, marks: [['determined', '2026-11-25T20:00:00Z']] }, now)
  assert.equal(one(determined, 'sg-pdpc').state, 'running')
  assert.equal(one(determined, 'sg-assess').state, 'met')
  assert.equal(one(clocksFor({ ...base, done: [['eu-sa', '2026-11-25T21:00:00Z']] }, now), 'eu-sa', 'first-warning').state, 'met')
  assert.equal(
    one(clocksFor({ ...base, assessed: [['eu-gdpr-33-34', 'eu-sa', false]] }, now), 'eu-sa', 'first-warning').state,
    'not_applicable',
  )
  const people = clocksFor({ ...base, assessed: [['eu-gdpr-33-34', null, true]] }, now)
  assert.equal(one(people, 'eu-ind', 'first-warning').state, 'no_fixed_time')
  const states = ['2026-11-25T18:00:01Z', '2026-11-28T03:36:00Z', '2026-11-28T18:00:01Z'].map(
    (each) => one(clocksFor(base, each), 'eu-sa', 'first-warning').state,
  )
  assert.deepEqual(states, ['running', 'due_soon', 'overdue'])
})

test('that a law was assessed to apply leaves its numbers, roles and alternatives as they are', () => {
  const base: Said = { told: '2026-11-25T18:00:00Z', marks: [['people-notified', '2026-11-25T20:00:00Z']], fields: NAMES }
  const assessed: Said['assessed'] = ['us-ca-1798.82', 'br-lgpd-48', 'jp-appi-26'].map((regime): [string, null, boolean] => [
    regime,
    null,
    true,
  ])
  const clocks = (people: Record<string, number>): Clock[] => clocksFor({ ...base, people, assessed }, '2026-11-26T00:00:00Z')
  const few = clocks({ 'US-CA': 10, BR: 1, JP: 1 })
  const stateOf = (rule: string): string | undefined => few.find((clock) => clock.rule.id === rule)?.state
  assert.deepEqual(['ca-ind', 'br-anpd', 'jp-final'].map(stateOf), ['met', 'running', 'running'])
  for (const rule of ['ca-ag', 'br-anpd-small', 'jp-final-30']) assert.equal(stateOf(rule), 'not_applicable')
  assert.equal(one(clocks({ 'US-CA': 501 }), 'ca-ag').state, 'running')
})

test('a chain: each report starts from the one before, the last from the latest', () => {
  const profile = { establishedIn: [], sectors: ['eu-finance'], roles: [] }
  const said: Said = {
    told: '2026-11-25T18:00:00Z',
    people: { DE: 1 },
    marks: [['classified', '2026-11-26T08:00:00Z']],
    done: [
      ['dora-4h', '2026-11-26T10:00:00Z'],
      ['dora-int', '2026-11-28T09:00:00Z'],
      ['dora-int', '2026-12-02T09:00:00Z'],
    ],
  }
  const clocks = clocksFor(said, '2026-12-03T00:00:00Z', profile)
  assert.equal(one(clocks, 'dora-24h').state, 'met')
  assert.equal(one(clocks, 'dora-int').startsAt, utc('2026-11-26T10:00:00Z'))
  assert.equal(one(clocks, 'dora-fin').startsAt, utc('2026-12-02T09:00:00Z'))
  assert.equal(one(clocksFor({ ...said, done: [] }, '2026-11-27T00:00:00Z', profile), 'dora-fin').state, 'waiting')
})

test('what was started never moves by itself: not with time, people, or another rule pack; only with a corrected time, and then both stand', () => {
  const start = utc('2026-11-25T18:00:00Z')
  const rows = settle(rowsOf({ told: '2026-11-25T18:00:00Z', people: { DE: 3, JP: 1 } }), start)
  const before = at(rows, start)
  const other = {
    ...PACK,
    regimes: PACK.regimes.map((regime) => ({
      ...regime,
      rules: regime.rules.map((rule) => ({ ...rule, hash: 'other', span: { ...rule.span, amount: rule.span.amount * 2 } })),
    })),
  }
  for (const pack of [PACK, other, { ...PACK, regimes: [] }]) {
    const again = settle([...rows, { row: rows.length + 1, at: 0, kind: 'surveyed', body: surveyOf({ FR: 1 }) }], start + 9e6, TIMES, pack)
    const clocks = at(again, start + 9e6, TIMES, pack)
    for (const clock of before.filter(({ toRecord, recorded }) => toRecord === undefined && recorded !== undefined)) {
      const now = one(clocks, clock.rule.id, clock.basis)
      assert.deepEqual([now.startsAt, now.dueAt], [clock.startsAt, clock.dueAt], clock.rule.id)
    }
  }
  const newer = at(rows, start, TIMES, other)
  assert.ok(
    one(newer, 'eu-sa', 'first-warning').assumed.some((text) =>
      text.includes('the rule has changed since and would give its end at 2026-12-01T18:00:00.000Z'),
    ),
  )
  // Nobody in Japan any more: the clock goes on until somebody assesses it.
  const fewer = at([...rows, { row: 99, at: 0, kind: 'surveyed', body: surveyOf({ DE: 1 }) }], start + 1)
  assert.equal(one(fewer, 'jp-prelim').state, 'needs_assessment')
  const corrected = { ...TIMES, told: utc('2026-11-24T18:00:00Z') }
  const moved = one(at(settle(rows, start, corrected), start, corrected), 'eu-sa', 'first-warning')
  assert.equal(moved.dueAt, utc('2026-11-27T18:00:00Z'))
  assert.deepEqual(
    moved.before.map(({ dueAt }) => dueAt),
    [utc('2026-11-28T18:00:00Z')],
  )
})

const place = fc.constantFrom('DE', 'IN', 'US-CA', 'US-TX', 'US', 'SG', 'JP', 'KR', 'BR', 'CA', 'unknown')
const people = fc.dictionary(place, fc.integer({ min: 0, max: 2000 }), { noNullPrototype: true })
const LIVE = new Set(['running', 'due_soon', 'overdue', 'no_fixed_time', 'needs_assessment', 'waiting', 'met'])

test('more people never take a clock away', () => {
  const fields = fc.subarray([...NAMES, 'national_id:clear'])
  fc.assert(
    fc.property(people, people, fields, fc.boolean(), (some, more, sent, isRecorded) => {
      const all = { ...some }
      for (const [of, count] of Object.entries(more)) all[of] = (all[of] ?? 0) + count
      const said: Said = { told: '2026-11-25T18:00:00Z', marks: [['determined', '2026-11-25T19:00:00Z']], people: some, fields: sent }
      const now = utc('2026-11-26T00:00:00Z')
      const rows = isRecorded ? settle(rowsOf(said), now) : rowsOf(said)
      const before = at(rows, now)
      const after = at([...rows, { row: rows.length + 1, at: 0, kind: 'surveyed', body: surveyOf(all, sent) }], now)
      for (const clock of before.filter(({ state }) => LIVE.has(state))) {
        // Below 500 people the yearly log of HIPAA is the way, and from 500 on another clock.
        if (clock.rule.residentsMax !== null && clock.recorded === undefined) continue
        const later = one(after, clock.rule.id, clock.basis)
        assert.ok(LIVE.has(later.state), `${clock.rule.id}: ${clock.state} became ${later.state}`)
        assert.deepEqual([later.startsAt, later.dueAt], [clock.startsAt, clock.dueAt])
      }
    }),
    { numRuns: 60 },
  )
})

test('the order in which events are written down does not matter', () => {
  const mark = fc.record({ event: fc.constantFrom(...CLOCK_EVENTS), day: fc.integer({ min: 0, max: 20 }) })
  const marksOf = fc.uniqueArray(mark, { selector: ({ event }) => event, maxLength: 6 })
  const twoOrders = marksOf.chain((marks) => fc.tuple(fc.constant(marks), fc.shuffledSubarray(marks, { minLength: marks.length })))
  fc.assert(
    fc.property(twoOrders, ([marks, others]) => {
      const said = (list: typeof marks): [ClockEvent, string][] =>
        list.map(({ event, day }) => [event, new Date(utc('2026-11-25T18:00:00Z') + day * 86_400_000).toISOString()])
      const of = (list: [ClockEvent, string][]): unknown =>
        clocksFor({ told: '2026-11-25T18:00:00Z', people: { DE: 3, SG: 600, JP: 2 }, marks: list }, '2026-12-20T00:00:00Z').map(
          ({ rule, basis, state, startsAt, dueAt }) => [rule.id, basis, state, startsAt, dueAt],
        )
      assert.deepEqual(of(said(marks)), of(said(others)))
    }),
    { numRuns: 40 },
  )
})

test('warnings at half, four fifths and the end, each once for each end of a clock', () => {
  const start = utc('2026-11-25T18:00:00Z')
  const rows = settle(rowsOf({ told: '2026-11-25T18:00:00Z', people: { IN: 3 } }), start)
  const warned: ClockRow[] = []
  const due = (hours: number): number[] => {
    const record = readClockRecord([...rows, ...warned], TIMES)
    const now = start + hours * 3_600_000
    const found = clocksOf({ record, profile: NOBODY, pack: PACK, now })
      .flatMap((clock) => warningsOf(clock, record, now))
      .filter(({ rule }) => rule === 'in-certin')
    if (found.length > 0) warned.push({ row: rows.length + warned.length + 1, at: now, kind: 'clock-warned', body: { warnings: found } })
    return found.map(({ percent }) => percent)
  }
  assert.deepEqual([2.9, 3, 3.1, 4.8, 4.9, 5.9, 6, 7].map(due), [[], [50], [], [80], [], [], [100], []])
  warned.length = 0
  // Down from the first hour to the seventh: all at once, none twice.
  assert.deepEqual([7, 7.1].map(due), [[50, 80, 100], []])
})

test('our own pack can be read, and every regime and rule says where it comes from', () => {
  const pack = readRulePack()
  assert.equal(pack.version.length, 12)
  assert.ok(pack.regimes.every(({ sources, asOf, confidence }) => sources.length > 0 && asOf !== '' && confidence !== ''))
})

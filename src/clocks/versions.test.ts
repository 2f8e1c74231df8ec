/** An incident keeps the rules of its day: earlier versions of laws, and what is said where the pack does not have them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ClockEvent } from '#model/clock.ts'
import { type Clock, clocksOf } from './clocks.ts'
import { startOfDay } from './counting.ts'
import { NOBODY, PACK, recordOf, type Said, utc } from './testing-record.ts'

const NOW = utc('2026-11-26T00:00:00Z')
const SECTORS = [...new Set(PACK.regimes.flatMap(({ rules }) => rules.flatMap(({ sectors }) => sectors)))]
const EVERYBODY = Object.fromEntries(
  PACK.regimes.flatMap(({ territory }) => territory.map((place) => [place === 'EU' ? 'DE' : place, 1_000_001])),
)

function clocksAt(at: string, more: Partial<Said> = {}): Clock[] {
  const said: Said = { told: at, people: EVERYBODY, fields: ['name:clear', 'national_id:clear'], ...more }
  return clocksOf({ record: recordOf(said), profile: { ...NOBODY, sectors: SECTORS }, pack: PACK, now: NOW })
}

function one(clocks: readonly Clock[], rule: string): Clock {
  const found = clocks.find((clock) => clock.rule.id === rule)
  assert.ok(found !== undefined, `there is no clock ${rule}`)
  return found
}

const JULY = '2024-07-01T04:00:00Z'

/** The last second of the earlier rule and the first one of the next, by hand; a due time beside each that has one. */
const CHANGES: [string, string, string | null, string, string, string | null, (ClockEvent | 'vendor-aware')?][] = [
  // Midnight at -05:00. 21 December + 30: the 31st is day 10, 20 January day 30.
  ['ny-ind-2024', '2024-12-21T04:59:59Z', null, 'ny-ind', '2024-12-21T05:00:00Z', '2025-01-21T04:59:59Z'],
  ['ny-state-2024', '2024-12-21T04:59:59Z', null, 'ny-state', '2024-12-21T05:00:00Z', '2025-01-21T04:59:59Z'],
  ['ny-vendor-2024', '2024-12-21T04:59:59Z', null, 'ny-vendor', '2024-12-21T05:00:00Z', '2025-01-21T04:59:59Z', 'vendor-aware'],
  // Midnight at -05:00 (summer in Texas). 31 August + 60: 30 September is day 30, 30 October day 60. 1 September + 30 = 1 October.
  ['tx-ag-2023', '2023-09-01T04:59:59Z', '2023-10-31T04:59:59Z', 'tx-ag', '2023-09-01T05:00:00Z', '2023-10-02T04:59:59Z', 'determined'],
  // Midnight at -04:00. 30 June + 30 = 30 July; 1 July + 30 = 31 July; the vendor's 10 days: 10 and 11 July.
  ['fl-ind-2024', '2024-07-01T03:59:59Z', '2024-07-31T03:59:59Z', 'fl-ind', '2024-07-01T04:00:00Z', '2024-08-01T03:59:59Z'],
  ['fl-dla-2024', '2024-07-01T03:59:59Z', '2024-07-31T03:59:59Z', 'fl-dla', '2024-07-01T04:00:00Z', '2024-08-01T03:59:59Z'],
  ['fl-cra-2024', '2024-07-01T03:59:59Z', null, 'fl-cra', '2024-07-01T04:00:00Z', null, 'people-notified'],
  ['fl-vendor-2024', '2024-07-01T03:59:59Z', '2024-07-11T03:59:59Z', 'fl-vendor', JULY, '2024-07-12T03:59:59Z', 'vendor-aware'],
  // Midnight at -08:00. 1 January + 30 = 31 January; 15 days from 1 January: the 16th.
  ['ca-ind-2025', '2026-01-01T07:59:59Z', null, 'ca-ind', '2026-01-01T08:00:00Z', '2026-02-01T07:59:59Z'],
  ['ca-ag-2025', '2026-01-01T07:59:59Z', null, 'ca-ag', '2026-01-01T08:00:00Z', '2026-01-17T07:59:59Z', 'people-notified'],
  // Midnight at -06:00: no summer time there since 2022.
  ['mx-ind-2010', '2025-03-21T05:59:59Z', null, 'mx-ind', '2025-03-21T06:00:00Z', null, 'confirmed'],
  // Midnight at +01:00, British summer: 24 hours, then 72.
  ['uk-pecr-2025', '2025-08-19T22:59:59Z', '2025-08-20T22:59:59Z', 'uk-pecr', '2025-08-19T23:00:00Z', '2025-08-22T23:00:00Z'],
  // Midnight at +03:00, all year.
  ['tr-kvkk-2018', '2019-01-23T20:59:59Z', null, 'tr-kvkk', '2019-01-23T21:00:00Z', '2019-01-26T21:00:00Z'],
]

for (const [earlier, last, earlierDue, later, first, laterDue, from] of CHANGES) {
  test(`${earlier} until ${last}, then ${later}`, () => {
    const clocks = (at: string): Clock[] => {
      if (from === undefined) return clocksAt(at)
      return from === 'vendor-aware' ? clocksAt(at, { vendorAware: at }) : clocksAt(at, { marks: [[from, at]] })
    }
    const due = (clock: Clock): number | undefined => clock.dueAt
    const [before, after] = [clocks(last), clocks(first)]
    assert.notEqual(one(before, earlier).state, 'not_applicable')
    assert.notEqual(one(after, later).state, 'not_applicable')
    assert.equal(due(one(before, earlier)), earlierDue === null ? undefined : utc(earlierDue))
    assert.equal(due(one(after, later)), laterDue === null ? undefined : utc(laterDue))
    assert.equal(one(before, later).state, 'not_applicable')
    assert.match(one(before, later).why.at(-1) ?? '', new RegExp(`and this began before: ${earlier} was the rule then$`))
    assert.equal(one(after, earlier).state, 'not_applicable')
    assert.match(one(after, earlier).why.at(-1) ?? '', new RegExp(`since then ${later} is the rule$`))
  })
}

test('each earlier version of the pack stands in that table', () => {
  const versions = PACK.regimes.flatMap(({ rules }) => rules.filter(({ replacedBy }) => replacedBy !== null).map(({ id }) => id))
  assert.deepEqual(CHANGES.map(([earlier]) => earlier).sort(), versions.sort())
})

test('where the text of then is not in the pack the rule is used, and the clock says so', () => {
  const said = (rule: string, at: string): Clock => one(clocksAt(at), rule)
  const used: [string, string, string][] = [
    ['br-anpd', '2024-04-22T15:00:00Z', '2024-04-26'],
    ['ng-ndpc', '2022-01-01T00:00:00Z', '2023-06-12'],
    ['sa-sdaia', '2024-01-01T00:00:00Z', '2024-09-01'],
    ['in-rbi', '2025-01-01T00:00:00Z', '2026-07-31'],
    ['wa-ind', '2019-01-01T00:00:00Z', '2020-03-01'],
  ]
  for (const [rule, at, from] of used) {
    const clock = said(rule, at)
    assert.notEqual(clock.state, 'not_applicable', rule)
    assert.ok(clock.dueAt !== undefined, rule)
    const began = `it is in force from ${from} on, and this began before`
    assert.ok(clock.assumed.includes(`${began}: what the rule was then is not in the pack, and this one is used`), rule)
  }
  // Nothing of the kind is said of what began when it was in force.
  assert.ok(!said('br-anpd', '2024-04-26T03:00:00Z').assumed.some((text) => text.includes('not in the pack')))
})

test('where the duty was new there was none before', () => {
  // 27 June 2022 begins in India at 18:30 UTC of the day before, 1 November 2025 in China at 16:00, 1 December 2020 in Auckland at 11:00.
  const first: [string, string, string][] = [
    ['in-certin', '2022-06-26T18:29:59Z', '2022-06-26T18:30:00Z'],
    ['cn-op', '2025-10-31T15:59:59Z', '2025-10-31T16:00:00Z'],
    ['nz-opc', '2020-11-30T10:59:59Z', '2020-11-30T11:00:00Z'],
    ['jp-prelim', '2022-03-31T14:59:59Z', '2022-03-31T15:00:00Z'],
    ['dora-24h', '2025-01-16T22:59:59Z', '2025-01-16T23:00:00Z'],
  ]
  for (const [rule, before, after] of first) {
    const clock = one(clocksAt(before), rule)
    assert.equal(clock.state, 'not_applicable', rule)
    assert.match(clock.why.at(-1) ?? '', /and this began before: the pack knows no such rule of then$/)
    assert.notEqual(one(clocksAt(after), rule).state, 'not_applicable', rule)
  }
  assert.equal(one(clocksAt('2026-11-20T00:00:00Z'), 'in-dpb-2').state, 'planned')
})

test('a rule of which nobody looked up since when it is one says so of what began before it was looked at', () => {
  const text = 'since when this is the rule is not in the pack: it is taken as it was on 2026-11-23'
  assert.ok(one(clocksAt('2026-11-20T00:00:00Z'), 'eu-sa').assumed.includes(text))
  assert.ok(!one(clocksAt('2026-11-23T23:00:00Z'), 'eu-sa').assumed.includes(text))
  const old = 'since when this is the rule is not in the pack: it is taken as the last one before 2026-01-01'
  assert.ok(one(clocksAt('2010-01-01T00:00:00Z'), 'ca-ind-2025').assumed.includes(old))
})

test('on any day each regime has an answer, and of versions of a rule exactly one is in force', () => {
  const years = fc.integer({ min: utc('1970-01-01T00:00:00Z'), max: utc('2030-12-31T00:00:00Z') })
  // Days on which something changes are looked at more often, to the second.
  const edges = PACK.regimes.flatMap(({ zone, rules }) =>
    rules.flatMap(({ inForceFrom }) => (inForceFrom === null ? [] : [startOfDay(inForceFrom, zone) ?? 0])),
  )
  const edge = fc.tuple(fc.constantFrom(...edges), fc.constantFrom(-1000, 0, 1000)).map(([at, by]) => at + by)
  fc.assert(
    fc.property(fc.oneof(years, edge), fc.integer({ min: 0, max: 400 }), (told, days) => {
      const at = new Date(told).toISOString()
      const marks = (['determined', 'confirmed', 'people-notified', 'identified', 'material', 'classified', 'handled'] as const).map(
        (event): [ClockEvent, string] => [event, at],
      )
      const record = recordOf({ told: at, vendorAware: at, people: EVERYBODY, fields: ['name:clear', 'national_id:clear'], marks })
      const clocks = clocksOf({ record, profile: { ...NOBODY, sectors: SECTORS }, pack: PACK, now: told + days * 86_400_000 })
      for (const regime of PACK.regimes) {
        const own = clocks.filter((clock) => clock.regime.id === regime.id)
        assert.ok(own.length > 0, regime.id)
        for (const clock of own) {
          const { inForceFrom } = clock.rule
          const from = inForceFrom === null ? undefined : startOfDay(inForceFrom, regime.zone)
          const isBefore = from !== undefined && clock.startsAt !== undefined && clock.startsAt < from
          const isSaid = [...clock.why, ...clock.assumed].some((text) => text.includes(`it is in force from ${inForceFrom} on`))
          assert.ok(!isBefore || isSaid, clock.rule.id)
        }
        for (const { id, replacedBy } of regime.rules) {
          if (replacedBy === null) continue
          const isInForce = (rule: string): boolean => !['not_applicable', 'planned'].includes(one(own, rule).state)
          assert.notEqual(isInForce(id), isInForce(replacedBy), `${id} at ${at}`)
        }
      }
    }),
    { numRuns: 60 },
  )
})

/** Clocks at their edges: what is met late, what passes while nobody has assessed it, what was started and is asked under other words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClockBasis } from '#model/clock.ts'
import { type Clock, clocksOf } from './clocks.ts'
import { warningsOf } from './keeper.ts'
import { type ClockRow, readClockRecord, type SaidTimes } from './record.ts'
import { clocksFor, NOBODY, PACK, recordOf, rowsOf, type Said, utc } from './testing-record.ts'

const TOLD = '2026-11-25T18:00:00Z'
const HOUR = 3_600_000
const TIMES: SaidTimes = { told: utc(TOLD), aware: null, vendorAware: null }

function one(clocks: readonly Clock[], rule: string, basis = 'clock'): Clock {
  const found = clocks.find((clock) => clock.rule.id === rule && clock.basis === basis)
  assert.ok(found !== undefined, `there is no clock ${rule} ${basis}`)
  return found
}

const basesOf = (clocks: readonly Clock[], rule: string): string[] =>
  clocks.filter((each) => each.rule.id === rule).map(({ basis }) => basis)
const at = (rows: readonly ClockRow[], times = TIMES, pack = PACK): Clock[] =>
  clocksOf({ record: readClockRecord(rows, times), profile: NOBODY, pack, now: utc(TOLD) })
const added = (rows: readonly ClockRow[], kind: string, body: object): ClockRow[] => [
  ...rows,
  { row: rows.length + 1, at: utc(TOLD), kind, body },
]
function settle(rows: readonly ClockRow[], times = TIMES): ClockRow[] {
  return added(rows, 'clocks', { clocks: at(rows, times).flatMap(({ toRecord }) => (toRecord === undefined ? [] : [toRecord])) })
}

test('what was done in time, late, or before anything started is met, and only of the late one that is said', () => {
  const done = (hours: number): Clock => {
    const said: Said = { told: TOLD, people: { IN: 3 }, done: [['in-certin', new Date(utc(TOLD) + hours * HOUR).toISOString()]] }
    return one(clocksFor(said, '2026-11-28T00:00:00Z'), 'in-certin')
  }
  for (const [hours, isLate] of [
    [5, false],
    [6, false],
    [7, true],
  ] as const)
    assert.deepEqual([done(hours).state, done(hours).why.includes('it was met late')], ['met', isLate], `${hours} hours`)
  const early = clocksFor({ told: TOLD, people: { SG: 600 }, done: [['sg-pdpc', TOLD]] }, TOLD)
  assert.deepEqual([one(early, 'sg-pdpc').state, one(early, 'sg-pdpc').startsAt], ['met', undefined])
})

test('time that passes while nobody has assessed is overdue where somebody is known to live there, and else to be assessed', () => {
  const florida = (people: Record<string, number>, now: string): string =>
    one(clocksFor({ told: TOLD, people, fields: ['name:clear', 'country:coarse'] }, now), 'fl-ind').state
  assert.deepEqual([florida({ 'US-FL': 4 }, TOLD), florida({ 'US-FL': 4 }, '2027-11-25T18:00:00Z')], ['needs_assessment', 'overdue'])
  assert.equal(florida({ unknown: 4 }, '2027-11-25T18:00:00Z'), 'needs_assessment')
})

test('a clock that was started ends by an assessment alone', () => {
  const rows = settle(rowsOf({ told: TOLD, people: { JP: 3 } }))
  assert.notEqual(one(at(rows), 'jp-prelim', basesOf(at(rows), 'jp-prelim')[0]).state, 'not_applicable')
  const regime = PACK.regimes.find(({ rules }) => rules.some(({ id }) => id === 'jp-prelim'))?.id
  const ended = at(added(rows, 'assessed', { regime, rule: 'jp-prelim', applies: false }))
  for (const basis of basesOf(ended, 'jp-prelim')) assert.equal(one(ended, 'jp-prelim', basis).state, 'not_applicable')
})

test('what we knew ourselves is a firm start; one instant is one clock, for us and for the vendor', () => {
  const eu = (more: Partial<SaidTimes>) => {
    const clocks = at(rowsOf({ told: TOLD, people: { DE: 3 } }), { ...TIMES, ...more })
    return clocks.filter(({ rule }) => rule.id === 'eu-sa').map(({ basis, trigger, startsAt }) => [basis, trigger, startsAt])
  }
  const later = utc(TOLD) + 9 * HOUR
  assert.deepEqual(eu({ aware: later }), [
    ['first-warning', 'told', utc(TOLD)],
    ['clock', 'aware', later],
  ])
  assert.equal(eu({ aware: utc(TOLD) }).length, 1)
  assert.deepEqual(
    at(rowsOf({ told: TOLD, people: { DE: 3, IN: 3, KR: 3, 'US-CA': 9 } }), { ...TIMES, vendorAware: utc(TOLD) }).filter(
      ({ basis }) => basis === 'vendor',
    ),
    [],
  )
})

test('both clocks of a rule that is gone go on, and one that moves keeps the rule by which it was started', () => {
  const confirmed = { event: 'confirmed', at: utc(TOLD) + HOUR, dayIn: null, regime: null, corrects: false }
  const rows = settle(added(rowsOf({ told: TOLD, people: { DE: 3 } }), 'mark', confirmed))
  const gone = at(rows, TIMES, { ...PACK, regimes: [] })
  assert.deepEqual(basesOf(gone, 'eu-sa').sort(), ['clock', 'first-warning'])
  const started = one(at(rows), 'eu-sa', 'first-warning').recorded
  const regimes = PACK.regimes.map((each) => ({ ...each, rules: each.rules.map((rule) => ({ ...rule, hash: 'other' })) }))
  const moved = at(rows, { ...TIMES, told: utc(TOLD) - HOUR }, { ...PACK, version: 'other', regimes })
  const { toRecord } = one(moved, 'eu-sa', 'first-warning')
  assert.deepEqual([toRecord?.ruleHash, toRecord?.pack, toRecord?.moved], [started?.ruleHash, started?.pack, true])
})

test('a warning is of one basis and one end, of a clock that is on record and not over', () => {
  const rows = settle(rowsOf({ told: TOLD, people: { DE: 3 } }))
  const clock = one(at(rows), 'eu-sa', 'first-warning')
  const dueAt = clock.dueAt as number
  const percents = (change: Partial<Clock>, warned: { basis?: ClockBasis; dueAt?: number }[] = []): number[] => {
    const before = warned.map((each) => ({ rule: 'eu-sa', basis: clock.basis, percent: 100, dueAt, row: 1, recordedAt: 1, ...each }))
    return warningsOf({ ...clock, ...change }, { warned: before }, dueAt).map(({ percent }) => percent)
  }
  for (const state of ['running', 'due_soon', 'overdue', 'needs_assessment'] as const) assert.deepEqual(percents({ state }), [50, 80, 100])
  for (const state of ['met', 'waiting', 'not_applicable', 'planned'] as const) assert.deepEqual(percents({ state }), [])
  assert.deepEqual(percents({ recorded: undefined }), [])
  assert.deepEqual(percents({}, [{}]), [50, 80])
  assert.deepEqual(percents({}, [{ basis: 'clock' }]), [50, 80, 100])
  assert.deepEqual(percents({}, [{ dueAt: dueAt - 1 }]), [50, 80, 100])
})

test('people are counted anew after each row that may bring or tell somebody, and after no other', () => {
  const first = rowsOf({ told: TOLD })
  const lastScope = (kind: string): number => {
    const body = { version: 1, recipients: 1, says: 'denies', clocks: [] }
    return readClockRecord(added(first, kind, body), TIMES).lastScope
  }
  for (const kind of ['amendment', 'statement', 'notice-begun', 'notice-ended', 'notice-settled']) assert.equal(lastScope(kind), 2, kind)
  for (const kind of ['note', 'mark', 'surveyed', 'clocks']) assert.equal(lastScope(kind), 1, kind)
})

test('an end is of its own version; what was settled as sent opens nothing; a signature has its name and its reason', () => {
  const rows = [
    ...[
      { kind: 'notice-begun', body: { version: 1, recipients: 3 } },
      { kind: 'notice-begun', body: { version: 2, recipients: 4 } },
    ],
    { kind: 'notice-ended', body: { version: 1, recipients: 3, sent: 3 } },
    { kind: 'notice-settled', body: { version: 1, as: 'sent' } },
    { kind: 'clocks-signed-off', body: { as: 'counsel', upTo: 1 }, texts: { name: 'C. Lee', reason: 'read' } },
  ].map((each, index) => ({ ...each, at: index, row: index + 1 }))
  const { tellings, signOffs } = readClockRecord(rows, TIMES)
  assert.deepEqual(
    tellings.map(({ version, ended }) => [version, ended?.told]),
    [
      [1, 3],
      [2, undefined],
    ],
  )
  assert.deepEqual([signOffs[0]?.name, signOffs[0]?.reason], ['C. Lee', 'read'])
  assert.equal(recordOf({ told: TOLD, days: { told: 'Asia/Kolkata' } }).times.told?.dayIn, 'Asia/Kolkata')
})

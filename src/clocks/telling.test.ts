/** What may not be called met, overdue or not applicable too early: people who were not told, too few people, what a vendor names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, clocksOf } from './clocks.ts'
import { type ClockRow, readClockRecord, type SaidTimes } from './record.ts'
import { peopleTold } from './telling.ts'
import { clocksFor, NOBODY, PACK, rowsOf, surveyOf, utc } from './testing-record.ts'

const TOLD = '2026-11-25T18:00:00Z'
const TIMES: SaidTimes = { told: utc(TOLD), aware: null, vendorAware: null }
const NOW = utc('2026-11-26T12:00:00Z')

function one(clocks: readonly Clock[], rule: string, basis = 'clock'): Clock {
  const found = clocks.find((clock) => clock.rule.id === rule && clock.basis === basis)
  assert.ok(found !== undefined, `there is no clock ${rule} ${basis}`)
  return found
}

type Added = Omit<ClockRow, 'row'>

function clockAfter(rule: string, people: Record<string, number>, added: readonly Added[]): Clock {
  const first = rowsOf({ told: TOLD, people, fields: ['name:clear', 'national_id:clear'] })
  const rows = [...first, ...added.map((row, index) => ({ ...row, row: first.length + 1 + index }))]
  const clocks = clocksOf({ record: readClockRecord(rows, TIMES), profile: NOBODY, pack: PACK, now: NOW })
  return one(clocks, rule, clocks.some((clock) => clock.rule.id === rule && clock.basis === 'clock') ? 'clock' : 'first-warning')
}

const begun = (version = 1, noAddress = 0): Added => ({
  at: utc(TOLD) + 1,
  kind: 'notice-begun',
  body: { version, recipients: 9, noAddress },
})
const firstLeft: Added = {
  at: utc(TOLD) + 2,
  kind: 'mark',
  body: { event: 'people-notified', at: utc(TOLD) + 2, dayIn: null, regime: null, corrects: false, bySending: true },
}
const ended = (at: number, more: object = {}, version = 1): Added => ({
  at: utc(TOLD) + at,
  kind: 'notice-ended',
  body: { version, recipients: 9, sent: 9, skipped: 0, failed: 0, unknown: 0, filed: 0, ...more },
})
const counted = (people: Record<string, number>): Added => ({ at: 9, kind: 'surveyed', body: surveyOf(people) })
const amendment: Added = { at: 9, kind: 'amendment', body: { version: 2 } }

test('people are told when the sending has ended, not with the first notice, and who was not told is counted', () => {
  const people = { 'US-CA': 1, DE: 8 }
  const going = clockAfter('ca-ind', people, [begun(), firstLeft])
  assert.deepEqual([going.state, going.doneAt], ['running', undefined])
  assert.ok(going.why.includes('the sending of notices has not ended (version 1)'))
  const whole = clockAfter('ca-ind', people, [begun(), firstLeft, ended(5)])
  assert.deepEqual([whole.state, whole.doneAt, whole.why.some((text) => text.includes('not known'))], ['met', utc(TOLD) + 5, false])
  // Records of before it was counted who was told do not say where these four live.
  const left = clockAfter('ca-ind', people, [begun(1, 2), firstLeft, ended(5, { sent: 7, failed: 1, unknown: 1 })])
  assert.deepEqual([left.state, left.doneAt], ['running', undefined])
  assert.ok(left.why.some((text) => text.startsWith('4 people of the scope are not known to have been told')))
  const settled: Added = { at: 9, kind: 'notice-settled', body: { version: 1, as: 'again' } }
  assert.equal(clockAfter('ca-ind', people, [begun(), firstLeft, ended(5), settled]).state, 'running')
  assert.equal(clockAfter('ca-ind', people, [begun(), firstLeft, ended(5, { sent: 0, failed: 9 })]).state, 'running')
  // That the clock of the sample copy starts with the first notice stays as it is.
  assert.equal(clockAfter('ca-ag', { 'US-CA': 501 }, [begun(), firstLeft]).startsAt, utc(TOLD) + 2)
})

test('who comes into the scope after the notices opens the clock again, until a later version told them or somebody says so', () => {
  const people = { KR: 2, DE: 8 }
  const told = [begun(), firstLeft, ended(5)]
  assert.equal(clockAfter('kr-ind', people, told).state, 'met')
  const more = [...told, amendment, counted({ KR: 4, DE: 8 })]
  const open = clockAfter('kr-ind', people, more)
  assert.notEqual(open.state, 'met')
  assert.ok(open.why.includes('2 people more are counted here than when the notices of version 1 began to leave: not told by them'))
  const second = clockAfter('kr-ind', people, [...more, begun(2), ended(9, {}, 2)])
  assert.deepEqual([second.state, second.doneAt], ['met', utc(TOLD) + 9])
  const done: Added = { at: 9, kind: 'done', body: { rule: 'kr-ind', at: utc(TOLD) + 7, dayIn: null, corrects: false } }
  assert.equal(clockAfter('kr-ind', people, [...more, done]).state, 'met')
  // Of the same people more is known by now: they were told.
  assert.equal(clockAfter('kr-ind', people, [...told, counted({ KR: 4, DE: 6 })]).state, 'met')
  // A correction of the notice opens nothing.
  assert.equal(clockAfter('kr-ind', people, [...told, begun(2)]).doneAt, utc(TOLD) + 5)
})

/** A count of the scope after notices began to leave, with whom none of them reached. */
const countedLeft = (people: Record<string, number>, left: Record<string, number>, erased = 0): Added => {
  const residents = Object.entries(left).map(([of, count]) => ({ of, people: count }))
  return { at: 9, kind: 'surveyed', body: { ...surveyOf(people, ['name:clear', 'national_id:clear']), notTold: { residents, erased } } }
}

test('a sole resident whose mail was refused is not notified: the clock goes on, says what the law offers, and ends with a record', () => {
  const people = { 'US-CA': 1, KR: 1, DE: 7 }
  const sent = [begun(), firstLeft, countedLeft(people, people), ended(5, { sent: 8, failed: 1 })]
  const refused = [...sent, countedLeft(people, { KR: 1 })]
  const korea = clockAfter('kr-ind', people, refused)
  assert.deepEqual([korea.state, korea.doneAt], ['running', undefined])
  assert.equal(korea.why.at(-1), 'no notice reached 1 person known to live there: they are not notified')
  assert.match(
    korea.assumed.at(-1) ?? '',
    /refused, failed or could not be addressed notifies nobody\. For them: a notice on the website .* `incident clock ID done --rule kr-ind`$/,
  )
  // Whoever lives elsewhere was told, and that stands.
  const california = clockAfter('ca-ind', people, refused)
  assert.deepEqual([california.state, california.doneAt], ['met', utc(TOLD) + 5])
  assert.match(
    california.assumed.at(-1) ?? '',
    /^people were told by electronic mail, which is taken to be enough here: never to an address/,
  )
  // By a version of later, by somebody's word for that rule, by somebody's word for all.
  const again = [...refused, begun(2), ended(8, {}, 2), countedLeft(people, {})]
  assert.deepEqual([clockAfter('kr-ind', people, again).state, clockAfter('kr-ind', people, again).doneAt], ['met', utc(TOLD) + 8])
  assert.equal(clockAfter('ca-ind', people, again).doneAt, utc(TOLD) + 5)
  const done: Added = { at: 9, kind: 'done', body: { rule: 'kr-ind', at: utc(TOLD) + 7, dayIn: null, corrects: false } }
  assert.deepEqual(
    [clockAfter('kr-ind', people, [...refused, done]).state, clockAfter('kr-ind', people, [...refused, done]).doneAt],
    ['met', utc(TOLD) + 7],
  )
  const mark: Added = { ...firstLeft, body: { event: 'people-notified', at: utc(TOLD) + 6, dayIn: null, regime: null, corrects: false } }
  assert.equal(clockAfter('kr-ind', people, [...refused, mark]).state, 'met')
})

test('no address, and nobody knows where they live: they may live wherever people do', () => {
  const people = { 'US-CA': 1, KR: 1, unknown: 1 }
  const rows = [begun(1, 1), firstLeft, ended(5, { sent: 2 }), countedLeft(people, { unknown: 1 })]
  for (const rule of ['ca-ind', 'kr-ind']) {
    const clock = clockAfter(rule, people, rows)
    assert.equal(clock.state, 'running', rule)
    assert.ok(clock.why.includes('no notice reached 1 person of unknown residence who may: they are not notified'))
  }
  // The directory says by now that it is somebody in Germany.
  const found = clockAfter('kr-ind', people, [...rows, countedLeft({ 'US-CA': 1, KR: 1, DE: 1 }, { DE: 1 })])
  assert.deepEqual([found.state, found.doneAt], ['met', 9])
  // Whoever was erased can be told by nobody; that is said and holds nothing open.
  const erased = clockAfter('kr-ind', { KR: 2 }, [begun(), firstLeft, ended(5), countedLeft({ KR: 2 }, {}, 1)])
  assert.equal(erased.state, 'met')
  assert.ok(erased.why.includes('1 person of the scope was erased since: nobody can tell them any more'))
})

test('while notices leave nobody is called told, and a clock with all its time gone is overdue', () => {
  const people = { KR: 2 }
  const going = clockAfter('kr-ind', people, [begun(), firstLeft, countedLeft(people, {})])
  assert.deepEqual([going.state, going.doneAt], ['running', undefined])
  const rows = [begun(), firstLeft, ended(5, { sent: 1, failed: 1 }), countedLeft(people, { KR: 1 })]
  const first = rowsOf({ told: TOLD, people })
  const all = [...first, ...rows.map((row, index) => ({ ...row, row: first.length + 1 + index }))]
  const clocks = clocksOf({ record: readClockRecord(all, TIMES), profile: NOBODY, pack: PACK, now: utc('2026-11-28T18:00:01Z') })
  assert.equal(one(clocks, 'kr-ind', 'first-warning').state, 'overdue')
})

test('with fewer people than a law counts from, and nothing assessed, time that has passed is not overdue', () => {
  const at = (people: Record<string, number>): string => one(clocksFor({ told: TOLD, people }, '2026-12-25T18:00:00Z'), 'cn-op').state
  assert.deepEqual([at({ CN: 1 }), at({ CN: 1_000_000 })], ['needs_assessment', 'overdue'])
})

test('parts of France and Finland with codes of their own are in the European Union', () => {
  for (const place of ['GP', 'GF', 'MQ', 'MF', 'RE', 'YT', 'AX']) {
    const sa = one(clocksFor({ told: TOLD, people: { [place]: 3 } }, TOLD), 'eu-sa', 'first-warning')
    assert.deepEqual([sa.state, sa.applies.residents.known], ['running', 3], place)
  }
  assert.equal(one(clocksFor({ told: TOLD, people: { NC: 3 } }, TOLD), 'eu-sa', 'first-warning').state, 'not_applicable')
})

test('what the vendor names beyond our ledger is to be judged, and is not called sent', () => {
  const state = (fields: string[], otherFields: number): Clock => {
    const rows = [{ row: 1, at: 1, kind: 'surveyed', body: { ...surveyOf({ 'US-CA': 3 }, fields), otherFields } }]
    return one(clocksOf({ record: readClockRecord(rows, TIMES), profile: NOBODY, pack: PACK, now: NOW }), 'ca-ind')
  }
  const beyond = state(['email:said', 'name:said', 'country:coarse'], 2)
  assert.equal(beyond.state, 'needs_assessment')
  assert.match(beyond.why.at(-1) ?? '', /^a statement of the vendor names 2 kinds of data beyond those that we know/)
  assert.equal(state(['national_id:said'], 0).state, 'needs_assessment')
  const none = state(['email:said', 'country:coarse'], 0)
  assert.equal(none.state, 'not_applicable')
  assert.match(none.why.at(-1) ?? '', /: sent were country; the vendor names email besides, which is not listed either$/)
})

test('California before 2026: the law was in force and named no days', () => {
  const said = { told: '2025-12-20T18:00:00Z', people: { 'US-CA': 3 }, fields: ['name:clear', 'national_id:clear'] }
  const clocks = clocksFor(said, '2026-01-05T00:00:00Z')
  assert.deepEqual([one(clocks, 'ca-ind-2025').state, one(clocks, 'ca-ind').state], ['no_fixed_time', 'not_applicable'])
  const later = clocksFor({ ...said, told: TOLD }, TOLD)
  assert.deepEqual([one(later, 'ca-ind-2025').state, one(later, 'ca-ind').state], ['not_applicable', 'running'])
})

test('a changed pack moves no clock by another trigger either; a corrected time still does', () => {
  const first = rowsOf({ told: TOLD, people: { IN: 3 }, marks: [['confirmed', '2026-11-26T10:00:00Z']] })
  const started = one(clocksOf({ record: readClockRecord(first, TIMES), profile: NOBODY, pack: PACK, now: NOW }), 'in-certin')
  assert.ok(started.toRecord !== undefined)
  const rows = [...first, { row: 9, at: 9, kind: 'clocks', body: { clocks: [started.toRecord] } }]
  const regimes = PACK.regimes.map((regime) => ({
    ...regime,
    rules: regime.rules.map((rule) => (rule.id === 'in-certin' ? { ...rule, hash: 'other', trigger: ['confirmed' as const] } : rule)),
  }))
  const after = (times: SaidTimes): Clock =>
    one(clocksOf({ record: readClockRecord(rows, times), profile: NOBODY, pack: { ...PACK, regimes }, now: NOW }), 'in-certin')
  const kept = after(TIMES)
  assert.deepEqual([kept.startsAt, kept.dueAt, kept.toRecord], [started.startsAt, started.dueAt, undefined])
  assert.match(kept.assumed.at(-1) ?? '', /the rule has changed since and would give its end at 2026-11-26T16:00:00.000Z$/)
  const corrected = after({ ...TIMES, told: utc('2026-11-25T17:00:00Z') })
  assert.deepEqual([corrected.dueAt, corrected.toRecord?.moved], [utc('2026-11-25T23:00:00Z'), true])
})

test('whoever came since is told of by number: everywhere where a law is of no place, with those of unknown residence, with and without an amendment', () => {
  const people = { KR: 2, DE: 8 }
  const told = [begun(), firstLeft, ended(5)]
  const toldIn = (territory: string[], rows: readonly Added[]): ReturnType<typeof peopleTold> => {
    const first = rowsOf({ told: TOLD, people })
    const record = readClockRecord([...first, ...rows.map((row, index) => ({ ...row, row: first.length + 1 + index }))], TIMES)
    return peopleTold({ id: 'r', substitute: '', mail: '' }, { id: 'x', territory }, record)
  }
  assert.equal(toldIn([], told).at, utc(TOLD) + 5)
  const cases: [string[], Added[], boolean][] = [
    [[], [amendment, counted({ KR: 2, DE: 10 })], false],
    [['KR'], [amendment, counted({ KR: 2, DE: 10 })], true],
    [['KR'], [amendment, counted({ ...people, unknown: 3 })], false],
    [['KR'], [counted({ KR: 4, DE: 8 })], false],
    [['KR'], [amendment, counted({ KR: 4, DE: 6 })], false],
    [['KR'], [counted({ KR: 4, DE: 6 })], true],
    // Where it is counted who was not told, it is a matter of these.
    [[], [countedLeft(people, { KR: 1 })], false],
    [['DE'], [countedLeft(people, { KR: 1 })], true],
  ]
  for (const [territory, more, isTold] of cases)
    assert.equal(toldIn(territory, [...told, ...more]).at !== undefined, isTold, JSON.stringify([territory, more]))
  const left = [...told, countedLeft(people, { KR: 1 })]
  const again = toldIn(['KR'], [...left, begun(2)])
  assert.equal(again.why.at(-1), 'the sending of notices has not ended (version 2)')
  // Nobody is left by the newest count, while a version that tells them leaves: not before it has ended.
  assert.equal(toldIn(['KR'], [...left, begun(2), countedLeft(people, {})]).at, undefined)
  const elsewhere = [countedLeft(people, { DE: 1 }), { ...countedLeft(people, { DE: 1 }), at: 20 }]
  assert.equal(toldIn(['KR'], [...left, ...elsewhere]).at, 9, 'the first count by which they live elsewhere')
})

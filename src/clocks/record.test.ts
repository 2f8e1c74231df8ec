/** What the rows of an incident say of its clocks, row by row, and what a clock that runs keeps whatever is said since. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, clocksOf } from './clocks.ts'
import { type Profile, timeOf } from './facts.ts'
import { type ClockRow, readClockRecord, type SaidTimes, standingReview } from './record.ts'
import type { RulePack } from './rule.ts'
import { NOBODY, PACK, rowsOf, surveyOf, utc } from './testing-record.ts'

const TOLD = utc('2026-11-25T18:00:00Z')
const HOUR = 3_600_000
const TIMES: SaidTimes = { told: TOLD, aware: null, vendorAware: null }

type Body = Omit<ClockRow, 'row' | 'at'>
const rowsAfter = (people: Record<string, number>, more: readonly Body[]): ClockRow[] => {
  const first = rowsOf({ told: '2026-11-25T18:00:00Z', people, fields: ['name:clear', 'national_id:clear'] })
  return [...first, ...more.map((row, index) => ({ at: TOLD, ...row, row: first.length + 1 + index }))]
}
const mark = (hours: number, regime: string | null = null, corrects = false): Body => ({
  kind: 'mark',
  body: { event: 'confirmed', at: TOLD + hours * HOUR, dayIn: null, regime, corrects },
})
const statement = (says: string, hours: number): Body => ({ kind: 'statement', body: { says, receivedAt: TOLD + hours * HOUR } })

interface Given {
  times?: SaidTimes
  profile?: Profile
  pack?: RulePack
  now?: number
}

const at = (rows: readonly ClockRow[], { times = TIMES, profile = NOBODY, pack = PACK, now = TOLD }: Given = {}): Clock[] =>
  clocksOf({ record: readClockRecord(rows, times), profile, pack, now })
const one = (clocks: readonly Clock[], rule: string, basis = 'clock'): Clock => {
  const found = clocks.find((clock) => clock.rule.id === rule && clock.basis === basis)
  assert.ok(found !== undefined, `there is no clock ${rule} ${basis}`)
  return found
}
/** As the keeper does. */
function settle(rows: readonly ClockRow[], given: Given = {}): ClockRow[] {
  const clocks = at(rows, given).flatMap(({ toRecord }) => (toRecord === undefined ? [] : [toRecord]))
  return clocks.length === 0 ? [...rows] : [...rows, { row: rows.length + 1, at: TOLD, kind: 'clocks', body: { clocks } }]
}

test('an event that was marked for a regime counts there, and for the others the one for all', () => {
  const hours = (marks: readonly Body[], regime: string): number | undefined => {
    const found = timeOf('confirmed', regime, readClockRecord(rowsAfter({}, marks), TIMES))
    return found && (found.at - TOLD) / HOUR
  }
  const both = [mark(2), mark(5, 'one')]
  assert.deepEqual([hours(both, 'one'), hours(both, 'other'), hours([mark(5, 'one')], 'other')], [5, 2, undefined])
  // The earliest, in whatever order; a correction, the last of them, and what was said after it.
  assert.equal(hours([mark(4), mark(2), mark(3)], 'one'), 2)
  assert.equal(hours([mark(1), mark(4, null, true)], 'one'), 4)
  assert.equal(hours([mark(1), mark(4, null, true), mark(6, null, true)], 'one'), 6)
  assert.equal(hours([mark(1), mark(4, null, true), mark(3)], 'one'), 3)
})

test('the first word of the vendor that we are affected is a firm start; another word is none', () => {
  const denied = [statement('not-affected', 1), statement('unclear', 2)]
  assert.equal(readClockRecord(rowsAfter({}, denied), TIMES).stated, undefined)
  const rows = rowsAfter({ DE: 3 }, [...denied, statement('affected', 6), statement('affected', 4)])
  assert.equal(readClockRecord(rows, TIMES).stated, TOLD + 4 * HOUR)
  const clock = one(at(rows), 'eu-sa')
  assert.deepEqual([clock.trigger, clock.startsAt], ['statement', TOLD + 4 * HOUR])
})

test('the signature of counsel stands until something that matters to clocks is said after it', () => {
  const signed = (as: string, upTo: number): Body => ({ kind: 'clocks-signed-off', body: { as, upTo } })
  const stands = (more: readonly Body[]): boolean => standingReview(readClockRecord(rowsAfter({ DE: 3 }, more), TIMES)) !== undefined
  // The first two rows are the opening and a count.
  assert.deepEqual([stands([signed('counsel', 1)]), stands([signed('counsel', 0)]), stands([signed('operator', 1)])], [true, false, false])
  const matters: Body[] = [
    statement('affected', 1),
    mark(1),
    { kind: 'times', body: {} },
    { kind: 'amendment', body: {} },
    { kind: 'assessed', body: { regime: 'x', rule: null, applies: false } },
    { kind: 'done', body: { rule: 'eu-sa', at: TOLD, dayIn: null, corrects: false } },
  ]
  for (const each of matters) assert.equal(stands([signed('counsel', 1), each]), false, each.kind)
  assert.equal(stands([signed('counsel', 1), { kind: 'surveyed', body: surveyOf({ DE: 4 }) }]), true)
})

test('mails in a folder have left as those that a server took', () => {
  const ended: Body = { kind: 'notice-ended', body: { version: 1, recipients: 5, sent: 2, filed: 3 } }
  const rows = rowsAfter({}, [{ kind: 'notice-begun', body: { version: 1, recipients: 5 } }, ended])
  assert.equal(readClockRecord(rows, TIMES).tellings[0]?.ended?.told, 5)
})

test('a clock whose start is said no more goes on, under a pack that starts it otherwise too', () => {
  const rows = settle(rowsAfter({ DE: 3, IN: 4 }, []))
  const regimes = PACK.regimes.map((regime) => ({
    ...regime,
    rules: regime.rules.map((rule) => ({ ...rule, hash: 'other', trigger: ['determined' as const], firm: null })),
  }))
  for (const [rule, basis, hours] of [
    ['in-certin', 'clock', 6],
    ['eu-sa', 'first-warning', 72],
  ] as const) {
    const clock = one(at(rows, { pack: { ...PACK, regimes } }), rule, basis)
    assert.deepEqual([clock.dueAt, clock.toRecord], [TOLD + hours * HOUR, undefined])
  }
})

test('a first warning that was started runs on beside a firm event that turns out to be older', () => {
  const rows = settle(rowsAfter({ DE: 3 }, []))
  const older = [...rows, { ...mark(-2), at: TOLD, row: rows.length + 1 }]
  assert.equal(one(at(older), 'eu-sa', 'first-warning').dueAt, TOLD + 72 * HOUR)
  assert.equal(one(at(older), 'eu-sa').dueAt, TOLD + 70 * HOUR)
  // Had it never been started there would be one clock.
  const fresh = at(rowsAfter({ DE: 3 }, [mark(-2)])).filter(({ rule }) => rule.id === 'eu-sa')
  assert.deepEqual(
    fresh.map(({ basis }) => basis),
    ['clock'],
  )
})

test('a time that is corrected twice stands three times, the last counts, and nothing is recorded again', () => {
  let rows = settle(rowsAfter({ DE: 3 }, []))
  for (const hours of [-24, -12]) {
    const times = { ...TIMES, told: TOLD + hours * HOUR }
    rows = settle(rows, { times })
    assert.equal(settle(rows, { times }).length, rows.length)
    assert.equal(one(at(rows, { times }), 'eu-sa', 'first-warning').dueAt, TOLD + (hours + 72) * HOUR)
  }
  const times = { ...TIMES, told: TOLD - 12 * HOUR }
  const { before } = one(at(rows, { times }), 'eu-sa', 'first-warning')
  assert.deepEqual(
    before.map(({ startsAt }) => (startsAt - TOLD) / HOUR),
    [0, -24],
  )
})

test('a time that is corrected under another pack moves a clock by the period with which it was started', () => {
  const rows = settle(rowsAfter({ IN: 4 }, []))
  const regimes = PACK.regimes.map((regime) => ({
    ...regime,
    rules: regime.rules.map((rule) => ({ ...rule, hash: 'other', span: { ...rule.span, amount: rule.span.amount * 2 } })),
  }))
  const times = { ...TIMES, told: TOLD - HOUR }
  assert.equal(one(at(rows, { times, pack: { ...PACK, regimes } }), 'in-certin').dueAt, TOLD + 5 * HOUR)
})

test('what a vendor knew before us starts a clock of its own where the law imputes it, and nowhere else', () => {
  const times = { ...TIMES, vendorAware: TOLD - 400 * HOUR }
  const everywhere = Object.fromEntries(
    PACK.regimes.flatMap(({ territory }) => territory).map((place) => [place === 'EU' ? 'DE' : place, 600]),
  )
  const found = at(rowsAfter(everywhere, []), { times }).filter(({ basis }) => basis === 'vendor')
  assert.ok(found.length > 0 && found.every(({ rule }) => rule.vendorToo), found.map(({ rule }) => rule.id).join(' '))
})

test('what only the configuration leaves open is not started; what somebody did stands before what was sent', () => {
  const unsaid = at(rowsAfter({ DE: 3 }, []), { profile: { ...NOBODY, sectors: undefined } }).filter(({ applies }) => applies.isUnsaid)
  assert.ok(unsaid.length > 0)
  for (const { rule, toRecord } of unsaid) assert.equal(toRecord, undefined, rule.id)
  const done = (hours: number): Body => ({
    kind: 'done',
    body: { rule: 'kr-ind', at: TOLD + hours * HOUR, dayIn: null, corrects: false },
  })
  const told: Body = { kind: 'mark', body: { event: 'people-notified', at: TOLD + 5 * HOUR, dayIn: null, regime: null, corrects: false } }
  const doneAt = (...more: Body[]): number | undefined => {
    const { doneAt: found } = one(at(rowsAfter({ KR: 3 }, more), { now: TOLD + 9 * HOUR }), 'kr-ind', 'first-warning')
    return found && (found - TOLD) / HOUR
  }
  assert.deepEqual([doneAt(told), doneAt(done(3), told), doneAt(done(7), told)], [5, 3, 5])
})

test('at its last instant a clock is due soon, and overdue after it', () => {
  const state = (ms: number): string => one(at(rowsAfter({ IN: 4 }, []), { now: TOLD + 6 * HOUR + ms }), 'in-certin').state
  assert.deepEqual([state(0), state(1)], ['due_soon', 'overdue'])
})

test('of assessments the last counts, and what takes the place of another does so only by one', () => {
  const assessed = (regime: string, rule: string | null, applies: boolean): Body => ({ kind: 'assessed', body: { regime, rule, applies } })
  const regimeOf = (rule: string): string => PACK.regimes.find(({ rules }) => rules.some(({ id }) => id === rule))?.id ?? ''
  const verdict = (rule: string, people: Record<string, number>, more: readonly Body[], profile = NOBODY): string =>
    (at(rowsAfter(people, more), { profile }).find((clock) => clock.rule.id === rule) as Clock).applies.verdict
  const [jp, eu] = [regimeOf('jp-final'), regimeOf('eu-sa')]
  assert.equal(verdict('eu-sa', { DE: 3 }, [assessed(eu, 'eu-sa', false), assessed(eu, 'eu-sa', true)]), 'applies')
  assert.equal(verdict('eu-sa', { DE: 3 }, [assessed(eu, 'eu-sa', true), assessed(eu, 'eu-sa', false)]), 'no')
  const instead = PACK.regimes.flatMap(({ rules }) => rules).find(({ insteadOf }) => insteadOf === 'jp-final')?.id as string
  assert.equal(verdict(instead, { JP: 1001 }, []), 'no')
  assert.equal(verdict(instead, { JP: 1001 }, [assessed(jp, 'jp-final', true)]), 'no')
  assert.notEqual(verdict(instead, { JP: 1001 }, [assessed(jp, 'jp-final', false)]), 'no')
  // A company that is established there is reached though nobody in the scope lives there.
  assert.equal(verdict('eu-sa', { US: 3 }, []), 'no')
  assert.notEqual(verdict('eu-sa', { US: 3 }, [], { ...NOBODY, establishedIn: ['DE'] }), 'no')
})

/** What `doctor` makes of clocks and signals, each at its edge. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '#clocks/clocks.ts'
import { CLOCK_CHECKS, clockFacts } from './clock-checks.ts'
import type { ClockFacts, Facts } from './facts.ts'

const HOUR = 3_600_000
const NOW = 1_800_000_000_000

interface Shown {
  state: Clock['state']
  rule?: string
  basis?: Clock['basis']
  dueAt?: number
  isFar?: boolean
  isUnsaid?: boolean
}

function factsOf({
  clocks = {},
  closed = {},
  signals = [],
  counted = {},
}: {
  clocks?: Record<number, Shown[]>
  /** Of incidents that were closed. */
  closed?: Record<number, Shown[]>
  /** Hours ago. */
  signals?: number[]
  counted?: Record<number, number | undefined>
}): ClockFacts {
  const shown = ({ state, rule = 'r', basis = 'clock', dueAt, isFar = false, isUnsaid = false }: Shown) => ({
    ...{ state, rule: { id: rule }, basis, dueAt, applies: { isFar, isUnsaid } },
  })
  return clockFacts({
    clocks: {
      signalHours: 24,
      open: () => Object.keys({ ...clocks, ...counted }).map(Number),
      closed: () => Object.keys(closed).map(Number),
      keeper: {
        seen: (incident: number) => (clocks[incident] ?? closed[incident] ?? []).map(shown),
        countedAt: (incident: number) => counted[incident],
      },
    },
    signals: { open: () => signals.map((hours, id) => ({ id, recordedAt: NOW - hours * HOUR })) },
    clock: { now: () => NOW },
  } as unknown as Parameters<typeof clockFacts>[0])
}

const findings = (facts: ClockFacts) => CLOCK_CHECKS.map(({ look }) => look({ clocks: facts } as Facts))

test('a signal waits too long from the very hour on', () => {
  const { signals } = factsOf({ signals: [23.99, 24, 30.5] })
  assert.deepEqual(
    signals.map(({ id, hours }) => [id, hours]),
    [
      [1, 24],
      [2, 30],
    ],
  )
  assert.match(JSON.stringify(findings(factsOf({ signals: [24] }))[1]), /1 wait for a triage: 0 \(24 h\)/)
  assert.equal(findings(factsOf({ signals: [1] }))[1], undefined)
})

test('what is overdue, soon due and to be judged is named, but where nobody lives or only the configuration is silent', () => {
  const facts = factsOf({
    clocks: {
      3: [
        { state: 'overdue', rule: 'late', dueAt: NOW - 1 },
        { state: 'overdue', rule: 'far', isFar: true },
        { state: 'due_soon', rule: 'soon', basis: 'vendor', dueAt: NOW + 5 },
      ],
      4: [
        { state: 'needs_assessment', rule: 'judge' },
        { state: 'needs_assessment', rule: 'unsaid', isUnsaid: true },
        { state: 'running', dueAt: NOW + 9 },
        { state: 'running', dueAt: NOW - 9 },
        { state: 'met' },
      ],
    },
  })
  assert.deepEqual(
    [facts.overdue, facts.soon, facts.unassessed, facts.running, facts.next],
    [['incident 3: late'], ['incident 3: soon (vendor)'], ['incident 4: judge'], 3, NOW + 5],
  )
})

test('people were counted as long ago as in the incident where that is longest, or in one they never were', () => {
  assert.equal(factsOf({ counted: { 1: NOW - 5, 2: NOW - 9 } }).counted, 9)
  assert.equal(factsOf({ counted: { 1: NOW - 5, 2: undefined } }).counted, undefined)
  assert.equal(factsOf({}).counted, undefined)
  // A clock that was set back.
  assert.equal(factsOf({ counted: { 1: NOW + 5 } }).counted, 0)
})

test('of an incident that was closed what is not met is named, and nothing of it is due', () => {
  const facts = factsOf({
    closed: {
      5: [{ state: 'overdue', dueAt: NOW - 1 }, { state: 'running', dueAt: NOW + 1 }, { state: 'overdue', isFar: true }, { state: 'met' }],
    },
  })
  assert.deepEqual([facts.overdue, facts.running, facts.next], [[], 0, undefined])
  assert.ok(facts.closed.includes('incident 5: r') && facts.closed.length <= 2)
  assert.match(JSON.stringify(findings(facts)[0]), /not met in incidents that were closed: incident 5: r/)
})

test('the worst is said: overdue before soon due, soon due before what is to be judged, and nothing of nothing', () => {
  const text = (clocks: Shown[]): string => JSON.stringify(findings(factsOf({ clocks: { 1: clocks } }))[0] ?? null)
  const [late, soon, judge, running] = (['overdue', 'due_soon', 'needs_assessment', 'running'] as const).map((state) => ({ state }))
  assert.match(text([late, soon, judge, running] as Shown[]), /1 overdue: incident 1: r/)
  assert.match(text([soon, judge, running] as Shown[]), /1 due soon: incident 1: r/)
  assert.match(text([judge, running] as Shown[]), /1 wait for somebody's assessment: incident 1: r; 1 running/)
  assert.match(text([running] as Shown[]), /1 running; people were not counted yet/)
  assert.equal(text([{ state: 'met' }]), 'null')
  const many = Array.from({ length: 8 }, (_, index): Shown => ({ state: 'overdue', rule: `r${index}` }))
  assert.match(text(many), /8 overdue: .*r5 and 2 more/)
})

import assert from 'node:assert/strict'
import test from 'node:test'
import type { ClockShown } from '#api/clock-contract.ts'
import type { IncidentShow } from '#api/incident-contract.ts'
import { renderClocks } from './clock-render.ts'
import { renderLeft } from './incident-render.ts'

const RESIDENTS = { known: 3, unknown: 0, directory: 3, server: 0, place: 0 }

function clock(rule: string, more: Partial<ClockShown>): ClockShown {
  const base = { rule, basis: 'clock', regime: 'r', to: 'people', whom: 'people', trigger: 'aware', state: 'running', residents: RESIDENTS }
  const times = { startsAt: null, dueAt: null, dueLocal: null, countedAt: null, doneAt: null }
  const texts = { why: [], assumed: [], moved: [], unverified: [], period: '72 hours', law: 'a law', review: '', source: '', asOf: '' }
  return { ...base, ...times, ...texts, confidence: 'high', ...more } as unknown as ClockShown
}

test('what only people can answer stands once, with the rules that hang on it and the command that records it', () => {
  const text = renderClocks(7, [
    clock('a', { state: 'needs_assessment', why: ['not assessed: is harm likely'] }),
    clock('b', { assumed: ['taken as yes until it is assessed: is harm likely'] }),
    clock('c', { state: 'met', why: ['not assessed: is it large'] }),
    clock('d', { state: 'waiting', trigger: 'determined' }),
    clock('e', { state: 'waiting', trigger: 'done:d' }),
  ])
  assert.match(text, /\nNot answered yet\n {2}is harm likely: a, b\n {2}bulkhead incident clock 7 assess /)
  assert.match(text, /\nNot recorded yet\n {2}determined: d\n {2}bulkhead incident clock 7 mark /)
  assert.match(text, /clock 7 done --rule/)
  assert.match(renderClocks(7, [clock('a', { state: 'planned', trigger: 'told' })]), /not in force yet/)
  assert.doesNotMatch(renderClocks(7, [clock('a', { state: 'met' }), clock('b', { state: 'planned' })]), /waits for/)
  const quiet = renderClocks(7, [clock('a', { state: 'running' })])
  assert.doesNotMatch(quiet, /Not answered|Not recorded/)
})

test('who closes an incident is told which periods go on, and which notices were not sent', () => {
  const left = (clocks: ClockShown[], states: string[]): string =>
    renderLeft({ id: 7, clocks, notices: states.map((state, index) => ({ version: index + 1, state })) } as unknown as IncidentShow)
  assert.equal(left([clock('a', { state: 'met' }), clock('b', { state: 'needs_assessment' })], ['done']), '')
  const text = left([clock('a', { dueAt: '2026-11-26T22:00:00.000Z' })], ['done', 'stopped'])
  assert.match(text, /not met[^\n]*\n {2}a, due 2026-11-26 22:00 UTC\nNotices, version 2: stopped;[^\n]*\n[^\n]*incident reopen 7/)
})

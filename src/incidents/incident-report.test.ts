/** What a regulator reads: measures that were taken are all there, whom to ask is named as it is configured, and nobody else is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncidentRow } from '#model/incident-row.ts'
import { SINGLE_OPERATOR } from '#records/approvals.ts'
import type { Affected } from './affected.ts'
import { makeReport, type ReportParts } from './incident-report.ts'
import { readIncident } from './incident-state.ts'
import { possibleConsequences } from './report-consequences.ts'
import { reportMarkdown } from './report-markdown.ts'
import { timeline, type VendorStep } from './timeline.ts'

const SCOPE = { destinations: null, surfaces: null, accessFrom: null, accessTo: null, from: null, to: null }
const TIMES = { eventFrom: null, eventTo: null, vendorAware: null, told: 1000, aware: null }

function stateWith(...more: { kind: string; body: object }[]): ReturnType<typeof readIncident> {
  const all = [{ kind: 'opened', body: { vendor: 'acme', source: 'vendor', times: TIMES, scope: SCOPE } }, ...more]
  const rows = all.map(({ kind, body }, index) => {
    return { incident: 1, row: index + 1, at: 2000 + index, actor: 'Ada', kind, body: JSON.stringify(body) }
  })
  return readIncident(rows as unknown as IncidentRow[])
}

const BEGUN = { version: 1, recipients: 3, organisations: 0, way: 'smtp', approval: 7, approvedBy: 'Bea Braun' }
const CONTACT = { company: 'Example | Ltd', team: 'Privacy team', mail: 'privacy@example.com', hours: undefined, dpo: 'dpo@example.com' }

function reportOf(more: Partial<ReportParts>): { data: string; markdown: string } {
  const state = more.state ?? stateWith()
  const report = makeReport({
    ...{ state, audience: 'regulator', zone: undefined, madeAt: 9000, affected: undefined, why: undefined, reconciled: [] },
    ...{ timeline: timeline(state, []), checkpoint: null, isHeldElsewhere: false, gaps: [], broken: [], clocks: [], clocksReview: '' },
    ...{ contact: undefined, records: null, ...more },
  })
  return { data: JSON.stringify(report), markdown: reportMarkdown(report) }
}

test('who approved a notice is in no report', () => {
  for (const approvedBy of ['Bea Braun', SINGLE_OPERATOR]) {
    const { data, markdown } = reportOf({ state: stateWith({ kind: 'notice-begun', body: { ...BEGUN, approvedBy } }) })
    for (const said of [data, markdown]) assert.doesNotMatch(said, /Bea|Braun|Ada/)
    assert.match(markdown, approvedBy === SINGLE_OPERATOR ? /after the delay of a single operator/ : /approved by a second person/)
  }
})

test('measures beside the flow are measures of the report', () => {
  const steps: VendorStep[] = [
    { at: 3000, what: 'credential_replaced', detail: 'the credential main.secret was replaced', text: 'Bea did it', by: 'Bea' },
    { at: 4000, what: 'deletion_asked', detail: 'the vendor was asked to delete', text: '', by: null },
    { at: 5000, what: 'deletion_said_done', detail: 'the vendor says done', text: '', by: null },
  ]
  const { markdown } = reportOf({ timeline: timeline(stateWith(), [], [], steps) })
  const measures = markdown.slice(markdown.indexOf('## Measures'), markdown.indexOf('## Legal clocks'))
  for (const { detail } of steps) assert.match(measures, new RegExp(detail))
  assert.doesNotMatch(markdown, /Bea/)
})

test('whom to ask stands in it as configured, and else counsel fills it in', () => {
  const { markdown } = reportOf({ contact: CONTACT, records: 1234 })
  assert.match(markdown, /## Contact point/)
  assert.match(markdown, /Company \| Example \\\| Ltd/)
  assert.match(markdown, /Data protection officer \| dpo@example\.com/)
  assert.match(markdown, /Approximate number of records .*: 1,234\./)
  assert.doesNotMatch(markdown, /contact details of the contact point/)
  const without = reportOf({}).markdown
  assert.match(without, /- Name and contact details of the contact point/)
  assert.match(without, /Approximate number of records .*: not counted\./)
  const board = reportOf({ audience: 'board', contact: CONTACT }).markdown
  assert.doesNotMatch(board, /## Contact point/)
})

test('laws that may reach nobody stand in one line, and each by itself for an auditor', () => {
  const clock = { basis: 'clock', law: 'a law', to: 'regulator', whom: 'w', why: [], assumed: [], source: '', asOf: '' }
  const times = { startsAt: undefined, dueAt: undefined, doneAt: undefined, state: 'needs_assessment' }
  const clocks = [
    { ...clock, ...times, regime: 'near', rule: 'near-sa', isRemote: false },
    { ...clock, ...times, regime: 'far', rule: 'far-sa', isRemote: true },
  ]
  for (const audience of ['regulator', 'board'] as const) {
    const { markdown } = reportOf({ clocks, audience })
    assert.match(markdown, /`near-sa`/)
    assert.doesNotMatch(markdown, /`far-sa`/)
    assert.match(markdown, /1 more rules could apply[^\n]*\n`far`\./)
  }
  assert.match(reportOf({ clocks, audience: 'auditor' }).markdown, /`far-sa`/)
})

test('consequences follow from what was sent in the clear', () => {
  const fields = (text: string): Affected['fields'] =>
    text.split(' ').map((pair) => ({ field: pair.split(':')[0], form: pair.split(':')[1] })) as unknown as Affected['fields']
  const named = possibleConsequences(fields('email:clear name:clear country:coarse'), [])
  assert.deepEqual(named.length, 2)
  assert.match(named[0] ?? '', /by mail/)
  const codes = possibleConsequences(fields('user_id:pseudonym country:coarse email:alias'), [])
  assert.deepEqual(codes.length, 1)
  assert.match(codes[0] ?? '', /no field that names or reaches a person was sent in the clear/)
  assert.match(possibleConsequences(fields('user_id:pseudonym'), ['property.note']).at(-1) ?? '', /free text/)
  assert.deepEqual(possibleConsequences([], []), [])
})

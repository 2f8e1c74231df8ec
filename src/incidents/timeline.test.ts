import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncidentState } from './incident-state.ts'
import { type FlowChange, timeline } from './timeline.ts'

test('a code that is sent around stands in the timeline at its time, without anybody in it', () => {
  const times = { eventFrom: null, eventTo: null, vendorAware: null, told: 1000, aware: 3000 }
  const state = { times, events: [], statements: [], source: 'vendor', title: '' } as unknown as IncidentState
  const entries = timeline(state, [], [{ version: 2, at: 2000, networks: 5 }])
  assert.deepEqual(
    entries.map(({ at, what }) => [at, what]),
    [
      [1000, 'told'],
      [2000, 'notice_code_spread'],
      [3000, 'aware'],
    ],
  )
  assert.deepEqual([entries[1]?.by, entries[1]?.row, entries[1]?.text], [null, null, ''])
  assert.match(entries[1]?.detail ?? '', /notice version 2 was tried from 5 networks/)
})

const STATE = {
  source: 'vendor',
  times: { eventFrom: null, eventTo: null, vendorAware: null, told: 5, aware: null },
  events: [],
  statements: [],
} as unknown as IncidentState

test('a leaving that was repeated stands once, and every cut and restore stands', () => {
  const flow = (changedAt: number, state: FlowChange['state'], reason: string): FlowChange => ({ changedAt, state, actor: 'a', reason })
  const flows = [
    ...[flow(10, 'cut', 'first'), flow(20, 'open', 'back'), flow(30, 'cut', 'again'), flow(40, 'cut', 'and again')],
    ...[flow(50, 'retired', 'left'), flow(60, 'retired', 'to finish it'), flow(70, 'retired', 'with deletions')],
  ]
  for (const given of [flows, flows.toReversed()])
    assert.deepEqual(
      timeline(STATE, given).map(({ at, what, text }) => [at, what, text]),
      [
        [5, 'told', ''],
        [10, 'cut', 'first'],
        [20, 'restored', 'back'],
        [30, 'cut', 'again'],
        [40, 'cut', 'and again'],
        [50, 'retired', 'left'],
      ],
    )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncidentState } from './incident-state.ts'
import { timeline } from './timeline.ts'

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

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncidentRow, IncidentRowKind } from '#model/incident-row.ts'
import type { Saying } from './incident-bodies.ts'
import { readIncident } from './incident-state.ts'

function rowOf(row: number, kind: IncidentRowKind, body: object): IncidentRow {
  return {
    ...{ instance: 'i', incident: 1, row, kind, at: row, actor: 'anna', body: JSON.stringify(body) },
    ...{ textsSha256: '', before: '', sealed: null, key: '', signature: '' },
  }
}

test('a statement reverses the last one that said yes or no and said otherwise; one that says it again reverses none', () => {
  const opened = { vendor: 'v', source: 'vendor', times: {}, scope: {} }
  const says: Saying[] = ['affected', 'affected', 'unknown', 'not-affected', 'not-affected', 'corrected', 'affected', 'unknown']
  const bodies = says.map((say) => ({ says: say, receivedAt: 1, fields: [], evidence: { id: 'e', sha256: '00', bytes: 1 } }))
  const { statements } = readIncident([rowOf(1, 'opened', opened), ...bodies.map((body, index) => rowOf(index + 2, 'statement', body))])
  assert.deepEqual(
    statements.map(({ number, reverses }) => [number, reverses]),
    [null, null, null, 2, null, null, 5, null].map((reverses, index) => [index + 1, reverses]),
  )
})

/** Times as people mistype them: what starts no clock is refused at the edge, what is odd but possible starts the right one. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { Records } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import type { ClockShown } from './clock-contract.ts'
import { type Staff, startStaff } from './staff.ts'
import { setStage } from './staff-fixture.ts'

const CREDENTIAL = 'operator-credential-of-the-test'
const NOW = Date.parse('2026-11-26T12:00:00Z')
const TOLD = '2026-11-25T18:00:00Z'

let folder: string
let records: Records
let staff: Staff

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-clock-times-'))
  records = openRecords({ path: path.join(folder, 'records.db') })
  const stage = setStage(records, CREDENTIAL)
  stage.deps.clock = { ...stage.deps.clock, now: () => NOW }
  staff = await startStaff(stage.deps)
})

after(async () => {
  await staff?.close()
  records?.close()
  rmSync(folder, { recursive: true, force: true })
})

async function call<Answer>(route: string, body?: object): Promise<Answer & { error?: { code: string; message: string } }> {
  const headers = { authorization: `Bearer ${CREDENTIAL}`, ...(body && { 'content-type': 'application/json' }) }
  const reply = await fetch(`${staff.url}/v1${route}`, { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) })
  return (await reply.json()) as Answer & { error?: { code: string; message: string } }
}

const open = (times: object): ReturnType<typeof call<{ id: number }>> =>
  call('/incidents', { vendor: 'acme', title: 'A data set', ...times })

/** The person of the stage lives in Germany. */
async function dueOf(times: object): Promise<[string, string | null][]> {
  const { id, error } = await open(times)
  assert.equal(error, undefined)
  const clocks = await call<ClockShown[]>(`/incidents/${id}/clocks`)
  return clocks.filter(({ rule }) => rule === 'eu-sa').map(({ basis, dueAt }) => [basis, dueAt])
}

test('what is no time of an incident starts none, and the answer says which', async () => {
  const refused: [object, string, RegExp][] = [
    [{ told: '2026-11-25T18:00:00' }, 'window_invalid', /--told .* is not an instant with a zone/],
    [{ told: '2026-02-29' }, 'window_invalid', /--told/],
    [{ told: '2026-11-25T23:59:60Z' }, 'window_invalid', /--told/],
    [{ told: '-000001-01-01T00:00:00Z' }, 'window_invalid', /--told/],
    [{ told: '9999-12-31T23:59:59Z' }, 'incident_invalid', /--told lies in the future/],
    [{ told: '9999-12-31' }, 'incident_invalid', /--told lies in the future/],
    [{ told: '1970-01-01T00:00:00Z' }, 'incident_invalid', /--told lies before 1990 \(1970-01-01T00:00:00.000Z\): look at the year/],
    [{ told: '0001-01-01' }, 'incident_invalid', /--told lies before 1990/],
    [{ told: TOLD, aware: '1926-11-25T18:00:00Z' }, 'incident_invalid', /--aware lies before 1990/],
    [{ told: TOLD, vendorAware: '1970-01-01T00:00:00Z' }, 'incident_invalid', /--vendor-aware lies before 1990/],
    [{ told: TOLD, accessFrom: '2026-11-09T00:00:00Z', accessTo: '2026-11-08T00:00:00Z' }, 'window_invalid', /access/],
    [{}, 'bad_usage', /told/],
  ]
  const heads = records.incidentHeads().length
  for (const [times, code, message] of refused) {
    const { error } = await open(times)
    assert.equal(error?.code, code, JSON.stringify(times))
    assert.match(error.message, message)
  }
  assert.equal(records.incidentHeads().length, heads)
  const what = 'a call'
  const signal = (at: string): ReturnType<typeof call<{ id: number }>> => call('/signals', { source: 'person', at, what })
  for (const at of ['1970-01-01T00:00:00Z', '1989-12-31']) assert.match((await signal(at)).error?.message ?? '', /--at lies before 1990/)
  assert.equal((await call<{ signals: unknown[] }>('/signals')).signals.length, 0)
})

test('told before we knew it ourselves: both clocks; known before we were told: that alone', async () => {
  const aware = '2026-11-26T01:00:00Z'
  assert.deepEqual(await dueOf({ told: TOLD, aware }), [
    ['first-warning', '2026-11-28T18:00:00.000Z'],
    ['clock', '2026-11-29T01:00:00.000Z'],
  ])
  assert.deepEqual(await dueOf({ told: TOLD, aware: '2026-11-24T01:00:00Z' }), [['clock', '2026-11-27T01:00:00.000Z']])
  assert.deepEqual(await dueOf({ told: TOLD, aware: TOLD }), [['clock', '2026-11-28T18:00:00.000Z']])
})

test('a window of access after the message, or one without an end, moves no clock', async () => {
  const due = [['first-warning', '2026-11-28T18:00:00.000Z']]
  assert.deepEqual(await dueOf({ told: TOLD, accessFrom: '2026-11-25T19:00:00Z', accessTo: '2026-11-25T20:00:00Z' }), due)
  assert.deepEqual(await dueOf({ told: TOLD, accessTo: '9999-12-31T23:59:59Z' }), due)
  // A vendor that knew of it after it told us is odd, and counts for nothing of ours.
  assert.deepEqual(await dueOf({ told: TOLD, vendorAware: '2026-11-25T19:00:00Z' }), due)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mixpanelDeletion as deletion } from './deletion.ts'

const CONTEXT = { url: 'https://api-eu.mixpanel.com', token: 'project', credentials: { kind: 'secret', secret: 's' } } as const

const ok = (results: unknown): string => JSON.stringify({ status: 'ok', results })

test('both published forms of the answer name the task; an answer without a promise promises nothing', () => {
  const asked: [body: string, task: string | undefined][] = [
    [ok({ task_id: 1234 }), '1234'],
    [ok({ task_id: 'a-b_c' }), 'a-b_c'],
    [ok([{ status: 'PENDING', tracking_id: '77', distinct_id_count: 2 }]), '77'],
    [ok({ task_id: '../../etc' }), undefined],
    [ok({ task_id: 'x'.repeat(200) }), undefined],
    [ok([]), undefined],
    [ok({}), undefined],
  ]
  for (const [body, task] of asked) {
    assert.deepEqual(deletion.classify(201, body), task === undefined ? { kind: 'asked' } : { kind: 'asked', task }, body)
  }
  for (const body of ['', 'null', '[]', '{"status":"error"}', '<html>', '{"results":{"task_id":1}}']) {
    assert.deepEqual(deletion.classify(200, body), { kind: 'retry', reason: 'unreadable_answer' }, body)
  }
})

test('refusals are told from what may be tried again, and a wait that is asked for is kept within a day', () => {
  const kinds = [301, 400, 401, 403, 404, 422].map((status) => deletion.classify(status, '').kind)
  assert.deepEqual(new Set(kinds), new Set(['refused']))
  for (const status of [408, 425, 429, 500, 503]) assert.equal(deletion.classify(status, '').kind, 'retry', String(status))
  assert.deepEqual(deletion.classify(429, '', { retryAfter: '90' }), { kind: 'retry', reason: 'too_many_requests', retryAfterMs: 90_000 })
  assert.deepEqual(deletion.classify(429, '', { retryAfter: '999999999' }), {
    ...{ kind: 'retry', reason: 'too_many_requests' },
    retryAfterMs: 86_400_000,
  })
  assert.deepEqual(deletion.classify(429, '', { retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT' }), {
    kind: 'retry',
    reason: 'too_many_requests',
  })
})

test('a task is done only when the vendor says SUCCESS; what is not read changes nothing', () => {
  const states = { PENDING: 'pending', STAGING: 'pending', STARTED: 'pending', SUCCESS: 'done', FAILURE: 'failed', REVOKED: 'failed' }
  for (const [said, kind] of Object.entries(states)) {
    assert.deepEqual(deletion.classifyStatus(200, ok({ tracking_id: '1', status: said, distinct_ids: [] })), { kind, said })
    assert.deepEqual(deletion.classifyStatus(200, ok([{ tracking_id: '1', status: said }])), { kind, said })
  }
  const unknown: [number, string][] = [
    [200, ok({ status: 'UNKNOWN' })],
    [200, ok({ status: 'constructor' })],
    [200, ok('SUCCESS')],
    [200, ''],
    [404, ok({ status: 'SUCCESS' })],
    [503, ok({ status: 'SUCCESS' })],
    [401, ''],
  ]
  for (const [status, body] of unknown) assert.equal(deletion.classifyStatus(status, body).kind, 'unknown', `${status} ${body}`)
})

test('calls go to the application host of the residency, with the token in the header alone and no id in the address', () => {
  const request = deletion.request([{ kind: 'device', pseudonym: 'p' }], CONTEXT, 'oauth')
  assert.equal(request.url, 'https://eu.mixpanel.com/api/app/data-deletions/v3.0/?token=project')
  assert.equal(request.authorization, 'Bearer oauth')
  assert.deepEqual(JSON.parse(request.body.toString()), { distinct_ids: ['$device:p'], compliance_type: 'GDPR' })
  const status = deletion.statusRequest('77', CONTEXT, 'oauth')
  assert.deepEqual(
    [status.method, status.url, status.body.length],
    ['GET', 'https://eu.mixpanel.com/api/app/data-deletions/v3.0/77?token=project', 0],
  )
  assert.ok(!JSON.stringify([request, status].map(({ url, headers }) => [url, headers])).includes('oauth'))
})

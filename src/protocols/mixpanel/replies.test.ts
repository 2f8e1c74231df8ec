import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mixpanel } from './mixpanel.ts'
import { eventOf, requestTo } from './testing.ts'

const { decode, accepted, refused, route } = mixpanel.ingest

test("answers are the vendor's, byte for byte", () => {
  const good = JSON.stringify(eventOf({ distinct_id: 'p' }))
  const bad = JSON.stringify({ event: 'x', properties: {} })
  const answer = (target: string, body: string): string => {
    const request = requestTo(target, body)
    const reply = accepted(request, decode(request))
    return `${reply.status} ${reply.headers['content-type']} ${reply.body.toString('latin1')}`
  }
  assert.equal(answer('/track/', good), '200 text/plain 1')
  assert.equal(answer('/track', bad), '200 text/plain 0')
  assert.equal(answer('/track', `[${good},${bad}]`), '200 text/plain 1')
  assert.equal(answer('/track?verbose=1', good), '200 application/json {"error":null,"status":1}')
  assert.equal(answer('/track', `data=${encodeURIComponent(good)}&verbose=1&ip=0`), '200 application/json {"error":null,"status":1}')
  assert.equal(answer('/track?verbose=1', bad), '200 application/json {"error":"token, missing or empty","status":0}')
  assert.equal(answer('/track?verbose=1', 'x'), '200 application/json {"error":"data, missing or empty","status":0}')
  assert.equal(answer('/track?callback=my.fn', good), '200 text/javascript my.fn(1);')
  assert.equal(answer('/track?callback=alert(1)//', good), '200 text/plain 1')
  assert.match(answer('/track?img=1', good), /^200 image\/gif GIF89a/)
  assert.equal(answer('/import', good), '200 text/plain 1')

  const strict = (id: string, time: unknown): unknown => eventOf({ distinct_id: 'p', time, $insert_id: id })
  assert.equal(
    answer('/import?strict=1', JSON.stringify([strict('a-1', 1700000000)])),
    '200 application/json {"code":200,"num_records_imported":1,"status":"OK"}',
  )
  assert.equal(
    answer('/import?strict=1', JSON.stringify([strict('a-1', 'soon'), strict('a-2', 1700000000)])),
    '400 application/json {"code":400,"error":"some data points in the request failed validation",' +
      '"failed_records":[{"index":0,"insert_id":"a-1",' +
      '"field":"properties.time","message":"\'properties.time\' is invalid: must be specified as seconds since epoch"}],' +
      '"num_records_imported":1,"status":"Bad Request"}',
  )
  const refusal = (target: string, kind: Parameters<typeof refused>[1]): [number, string] => {
    const reply = refused(requestTo(target), kind)
    return [reply.status, reply.body.toString()]
  }
  assert.deepEqual(refusal('/track', 'too_large'), [
    413,
    '{"code":413,"error":"request exceeds max limit of 10485760 bytes","status":"Request Entity Too Large"}',
  ])
  assert.equal(refusal('/track', 'too_many')[0], 413)
  assert.equal(refused(requestTo('/track'), 'overloaded').headers['retry-after'], '2')
  assert.deepEqual(refusal('/track', 'bad_json'), [200, '0'])
  assert.equal(refusal('/import?strict=1', 'bad_json')[0], 400)
})

test('paths are found with any slashes and prefix; side channels are answered and keep nothing', () => {
  for (const path of ['/track', '/track/', '//mp/v2/track//']) assert.equal(route(path)?.name, 'track')
  for (const path of ['/', '/tracks', '/track/x', '/hasOwnProperty', '']) assert.equal(route(path), undefined)
  const fixed: [string, string][] = [
    ['/flags/', '{"flags":{},"pending_first_time_events":[]}'],
    ['/flags/definitions', '{"flags":[]}'],
    ['/x/flags/a-b/first-time-events', '{"code":200,"status":"OK"}'],
    ['/settings/', '{"sdk_config":{"config":{}}}'],
    ['/record/', '{"code":200,"status":"OK"}'],
    ['/lookup-tables/55', '{"code":401,"error":"Invalid credentials","status":"Unauthorized"}'],
  ]
  for (const [path, body] of fixed) {
    const request = requestTo(path)
    assert.equal(request.route.keeps, false)
    assert.equal(accepted(request, { records: [], faults: [], flags: {} }).body, body)
  }
  assert.equal(route('/decide/')?.keeps, false)
})

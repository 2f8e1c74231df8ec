import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { EgressContext, OutgoingField, OutgoingRecord, OutgoingValue } from '#model/protocol.ts'
import type { ProfileOp } from '#model/wire-record.ts'
import { mixpanel } from './mixpanel.ts'
import { requestErrors } from './request-schema.ts'
import { encodeRecord, requestTo } from './testing.ts'

const { egress, ingest } = mixpanel
const account: EgressContext = {
  url: 'https://vendor.test/base/',
  token: 'tk',
  credentials: { kind: 'serviceAccount', user: 'u', secret: 'top-secret', projectId: '77' },
}
const P = '5b0dfbd5-0f67-4b7e-8a58-3d1f5f6f7a01'
const D = '5b0dfbd5-0f67-4b7e-8a58-3d1f5f6f7a02'
const G = '5b0dfbd5-0f67-4b7e-8a58-3d1f5f6f7a03'

type Values = readonly (OutgoingField & { value: OutgoingValue })[]
type Parts = Partial<Omit<OutgoingRecord, 'fields' | 'values'>> & { values?: Values }

function outgoing({ values = [], ...part }: Parts): OutgoingRecord {
  return {
    type: 'event',
    name: 'Opened',
    time: 1_700_000_000_000,
    insertId: '5b0dfbd5-0f67-4b7e-8a58-3d1f5f6f7aff',
    user: undefined,
    device: undefined,
    linked: [],
    groups: [],
    op: undefined,
    unset: [],
    fields: values.map(({ value: _, ...field }) => field),
    values: values.map(({ value }) => value),
    ...part,
  }
}

function encodeOne(record: OutgoingRecord): string | undefined {
  return encodeRecord(egress, record, account)
}

const uuid = fc.uuid({ version: 4 })
const anyKey = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    'ip',
    '$ip',
    'token',
    'distinct_id',
    '$device_id',
    'alias',
    '$distinct_ids',
    '__proto__',
    'company',
    '$email',
    'time',
    '$set',
    'plan',
  ),
)
const anyRecord: fc.Arbitrary<OutgoingRecord> = fc
  .record({
    type: fc.constantFrom('event', 'identify', 'merge', 'profile', 'group'),
    name: fc.oneof(fc.string({ minLength: 1, unit: 'grapheme' }), fc.constantFrom('$create_alias', '$merge', undefined)),
    time: fc.integer({ min: 100_000_000_000, max: 2_000_000_000_000 }),
    insertId: uuid,
    user: fc.option(uuid, { nil: undefined }),
    device: fc.option(uuid, { nil: undefined }),
    linked: fc.array(fc.record({ role: fc.constantFrom('user', 'device'), pseudonym: uuid }), { maxLength: 2 }),
    groups: fc.array(fc.record({ key: fc.constantFrom('company', 'team', 'ip', 'token'), pseudonym: uuid }), { maxLength: 3 }),
    op: fc.constantFrom<(ProfileOp | undefined)[]>('set', 'set_once', 'add', 'append', 'union', 'remove', 'unset', 'delete', undefined),
    values: fc.array(
      fc.oneof(
        fc.record({
          field: anyKey.map((key) => `property.${key}` as const),
          form: fc.constant('clear' as const),
          value: fc.oneof(
            fc.double({ noNaN: true, noDefaultInfinity: true }),
            fc.boolean(),
            fc.string({ unit: 'binary' }),
            fc.array(fc.integer()),
          ),
        }),
        fc.constantFrom(
          { field: 'country' as const, form: 'coarse' as const, value: 'DE' },
          { field: 'referrer' as const, form: 'coarse' as const, part: 'medium' as const, value: 'search' },
          { field: 'referrer' as const, form: 'coarse' as const, part: 'domain' as const, value: 'example.com' },
          { field: 'url' as const, form: 'coarse' as const, value: '/a/*' },
          { field: 'browser_version' as const, form: 'coarse' as const, value: 140 },
          { field: 'screen' as const, form: 'clear' as const, value: [800, 600] },
        ),
      ),
      { maxLength: 6 },
    ),
    unset: fc.array(anyKey, { maxLength: 3 }),
  })
  .map(outgoing)

test('whatever is granted, a request conforms to the published description and keeps the privacy switches', () => {
  let encodedCount = 0
  fc.assert(
    fc.property(anyRecord, (record) => {
      const route = egress.routeOf(record)
      if (route === undefined) return
      const encoded = encodeOne(record)
      if (encoded === undefined) return
      encodedCount += 1
      assert.equal(encodeOne(structuredClone(record)), encoded)
      const request = egress.request(route, Buffer.from(`${encoded},${encoded}`), account)
      const url = new URL(request.url)
      const body = JSON.parse(request.body.toString('utf8')) as Record<string, unknown>[]
      assert.deepEqual(requestErrors({ route, query: url.searchParams, body, isServiceAccount: true }), [])
      assert.equal(url.searchParams.get('ip'), '0')
      const first = body[0] as Record<string, unknown>
      if (route === '/import') {
        const properties = first['properties'] as Record<string, unknown>
        assert.equal(properties['ip'], 0)
        assert.equal(properties['token'], 'tk')
        assert.equal(properties['$insert_id'], record.insertId)
        assert.equal(properties['$email'], undefined)
        if (record.name !== '$create_alias' || record.type !== 'merge') assert.equal(properties['alias'], undefined)
      } else {
        assert.equal(first['$ip'], '0')
        assert.equal(first['$ignore_time'], true)
      }
      // Keys stand once: a second one would win at the vendor.
      assert.equal(JSON.stringify(JSON.parse(encoded)).length, encoded.length)
      assert.ok(!request.body.includes('top-secret') && !request.url.includes('top-secret'))
    }),
    { numRuns: 500 },
  )
  assert.ok(encodedCount > 50, `${encodedCount} of 500 records could be encoded`)
})

test('what goes out comes in again as the same record', () => {
  const anyEvent = anyRecord.filter((record) => record.type !== 'profile' && record.type !== 'group')
  let encodedCount = 0
  fc.assert(
    fc.property(anyEvent, (record) => {
      const encoded = encodeOne(record)
      if (encoded === undefined) return
      encodedCount += 1
      const { pathname, search } = new URL(egress.request('/import', Buffer.from(encoded), account).url)
      const decoded = ingest.decode(requestTo(`${pathname}${search}`, `[${encoded}]`))
      assert.deepEqual(decoded.faults, [])
      const [back] = decoded.records
      assert.deepEqual([back?.type, back?.time, back?.insertId], [record.type, record.time, record.insertId])
      if (record.type === 'event') assert.deepEqual([back?.user, back?.device, back?.linked], [record.user, record.device, undefined])
      const sent = new Set([record.user, record.device, ...record.linked.map((found) => found.pseudonym)])
      const got = [back?.user, back?.device, ...(back?.linked ?? []).map((found) => found.value)]
      for (const id of got) assert.ok(sent.has(id) || id === undefined)
      for (const id of [record.user, record.device]) assert.ok(id === undefined || got.includes(id))
    }),
    { numRuns: 300 },
  )
  assert.ok(encodedCount > 50, `${encodedCount} of 300 records could be encoded`)
})

test('known answers: event, identify, merge, profile and group', () => {
  const values = [
    { field: 'property.plan', form: 'clear', value: 'pro' },
    { field: 'country', form: 'coarse', value: 'DE' },
    { field: 'referrer', form: 'coarse', part: 'medium', value: 'search' },
    { field: 'url', form: 'coarse', value: '/a/*' },
  ] as const
  const head = '"token":"tk","time":1700000000000'
  const id = '"$insert_id":"5b0dfbd5-0f67-4b7e-8a58-3d1f5f6f7aff"'
  const encode = (part: Parts): string | undefined => encodeOne(outgoing(part))
  assert.equal(
    encode({ user: P, device: D, groups: [{ key: 'company', pseudonym: G }], values }),
    `{"event":"Opened","properties":{${head},"distinct_id":"${P}",${id},"$user_id":"${P}","$device_id":"${D}","ip":0,"company":["${G}"],` +
      '"mp_country_code":"DE","page_path":"/a/*","plan":"pro","referrer_medium":"search"}}',
  )
  assert.equal(
    encode({ device: D }),
    `{"event":"Opened","properties":{${head},"distinct_id":"$device:${D}",${id},"$device_id":"${D}","ip":0}}`,
  )
  assert.equal(encode({}), `{"event":"Opened","properties":{${head},"distinct_id":"",${id},"ip":0}}`)
  assert.equal(
    encode({ type: 'identify', name: '$identify', user: P, device: D }),
    `{"event":"$identify","properties":{${head},"distinct_id":"${P}",${id},"$user_id":"${P}","$device_id":"${D}",` +
      `"$anon_distinct_id":"$device:${D}","$anon_id":"$device:${D}","$identified_id":"${P}","ip":0}}`,
  )
  assert.match(
    encode({ type: 'merge', name: '$merge', user: P, linked: [{ role: 'user', pseudonym: G }] }) ?? '',
    new RegExp(`"\\$distinct_ids":\\["${P}","${G}"\\]`),
  )
  assert.equal(
    encode({ type: 'profile', op: 'set', user: P, values }),
    `{"$token":"tk","$distinct_id":"${P}","$ip":"0","$ignore_time":true,` +
      `"$set":{"$country_code":"DE","page_path":"/a/*","plan":"pro","referrer_medium":"search"}}`,
  )
  assert.equal(
    encode({ type: 'profile', op: 'unset', device: D, unset: ['plan', 'seats', 'plan', '$email'] }),
    `{"$token":"tk","$distinct_id":"$device:${D}","$ip":"0","$ignore_time":true,"$unset":["plan","seats"]}`,
  )
  assert.equal(
    encode({ type: 'group', op: 'delete', groups: [{ key: 'company', pseudonym: G }] }),
    `{"$token":"tk","$group_key":"company","$group_id":"${G}","$ip":"0","$ignore_time":true,"$delete":null}`,
  )
  // Nothing granted, nobody named, nothing to say: not a record.
  assert.equal(encode({ type: 'profile', op: 'set', user: P }), undefined)
  assert.equal(encode({ type: 'profile', op: 'set', values }), undefined)
  assert.equal(encode({ type: 'identify', user: P }), undefined)
  assert.equal(encode({ type: 'merge', user: P }), undefined)
  assert.equal(encode({ name: undefined }), undefined)
  assert.equal(egress.routeOf({ type: 'group', op: 'append' }), undefined)
})

test('the login stands in the header that nothing prints, and only where it is needed', () => {
  const secretOnly: EgressContext = { ...account, credentials: { kind: 'secret', secret: 'top-secret' } }
  const imported = egress.request('/import', Buffer.from('{}'), secretOnly)
  assert.equal(imported.authorization, `Basic ${Buffer.from('top-secret:').toString('base64')}`)
  assert.equal(imported.url, 'https://vendor.test/base/import?strict=1&ip=0')
  assert.equal(egress.request('/import', Buffer.from('{}'), account).url, 'https://vendor.test/base/import?strict=1&ip=0&project_id=77')
  assert.equal(egress.request('/engage', Buffer.from('{}'), account).authorization, undefined)
})

test('what an answer means', () => {
  const classify = (status: number, body: unknown, count = 3, hints = {}): unknown =>
    egress.classify('/import', status, typeof body === 'string' ? body : JSON.stringify(body), count, hints)
  const accepted = { kind: 'accepted', refused: [] }
  for (const body of [{ code: 200, num_records_imported: 3, status: 'OK' }, '1', { status: 1, error: null }])
    assert.deepEqual(classify(200, body), accepted)
  for (const body of ['0', { status: 0, error: 'x' }, { status: 'error' }, { code: 200, num_records_imported: 0 }]) {
    assert.deepEqual(classify(200, body), { kind: 'refused', reason: 'no_valid_record' })
  }
  const failed = (failed_records: unknown): unknown => ({ code: 400, failed_records, num_records_imported: 1 })
  assert.deepEqual(
    classify(
      400,
      failed([
        { index: 2, field: 'properties.time', message: 'ann@x.test' },
        { index: 0, field: 'ann@x.test' },
        { index: 9 },
        7,
        { index: 2 },
      ]),
    ),
    {
      kind: 'accepted',
      refused: [
        { index: 0, reason: 'invalid_record' },
        { index: 2, reason: 'invalid_time' },
      ],
    },
  )
  for (const key of ['insert_id', '$insert_id']) {
    assert.deepEqual(classify(400, failed([{ [key]: 'b', field: 'constructor' }]), 3, { insertIds: ['a', 'b', 'c'] }), {
      kind: 'accepted',
      refused: [{ index: 1, reason: 'invalid_record' }],
    })
  }
  assert.deepEqual(classify(400, 'nonsense'), { kind: 'refused', reason: 'bad_request' })
  assert.deepEqual(classify(401, ''), { kind: 'blocked', reason: 'bad_credentials' })
  assert.deepEqual(classify(403, ''), { kind: 'blocked', reason: 'bad_credentials' })
  assert.deepEqual(classify(302, ''), { kind: 'blocked', reason: 'redirect' })
  assert.deepEqual(classify(413, ''), { kind: 'split', reason: 'too_large' })
  assert.deepEqual(classify(413, '', 1), { kind: 'refused', reason: 'too_large' })
  assert.deepEqual(classify(429, '', 3, { retryAfter: '7' }), { kind: 'retry', reason: 'rate_limited', retryAfterMs: 7000 })
  assert.deepEqual(classify(503, ''), { kind: 'retry', reason: 'unavailable', retryAfterMs: undefined })
  assert.deepEqual(classify(200, '<html>'), { kind: 'retry', reason: 'unreadable_answer', retryAfterMs: undefined })
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.string(), fc.json()), (status, body) => {
      assert.ok(typeof egress.classify('/engage', status, body, 2).kind === 'string')
    }),
  )
})

test('the schemas catch what they are there for', () => {
  const errors = (route: string, query: string, body: unknown, isServiceAccount = false): 0 | 1 =>
    requestErrors({ route, query: new URLSearchParams(query), body, isServiceAccount }).length === 0 ? 0 : 1
  const event = { event: 'a', properties: { time: 1700000000, distinct_id: 'x', $insert_id: 'i' } }
  assert.equal(errors('/import', 'strict=1', [event]), 0)
  assert.equal(errors('/import', 'strict=1', [event], true), 1)
  assert.equal(errors('/import', '', [event]), 1)
  assert.equal(errors('/import', 'strict=1', []), 1)
  assert.equal(errors('/import', 'strict=1', [{ ...event, more: 1 }]), 1)
  assert.equal(errors('/import', 'strict=1', [{ ...event, event: '$identify' }]), 1)
  assert.equal(errors('/import', 'strict=1', [{ event: 'a', properties: { ...event.properties, time: 1.5 } }]), 1)
  assert.equal(errors('/engage', '', [{ $token: 't', $distinct_id: 'x', $add: { n: 'one' } }]), 1)
  assert.equal(errors('/engage', '', [{ $token: 't', $distinct_id: 'x', $set: { a: 1 }, $unset: ['b'] }]), 1)
  assert.equal(errors('/engage', '', [{ $token: 't', $distinct_id: 'x' }]), 1)
  assert.equal(errors('/groups', '', [{ $token: 't', $group_key: 'k', $group_id: 'g', $delete: null }]), 0)
  assert.equal(errors('/else', '', []), 1)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonValue } from '#model/json.ts'
import type { WireRecord } from '#model/wire-record.ts'
import { resolveIdentity, resolveStated } from './identity.ts'
import { mixpanel } from './mixpanel.ts'
import { decodeJson, eventOf, onlyRecord, requestTo } from './testing.ts'

const { decode, accepted } = mixpanel.ingest

test('every spelling of an identity is found and none stays among the values', () => {
  const device = '8c2f1d0e-57a4-4b1c-9f5e-0d4a61b3c7aa'
  const cases: [properties: Record<string, unknown>, name: string, expected: Partial<WireRecord>][] = [
    [{ distinct_id: `$device:${device}`, $device_id: device }, 'e', { device }],
    [{ distinct_id: device, $device_id: device }, 'e', { device }],
    [{ distinct_id: 42, $device_id: device, $user_id: 42 }, 'e', { user: '42', device }],
    [{ distinct_id: `$device:${device}`, $device_id: device, $user_id: 'ann' }, 'e', { user: 'ann', device }],
    [{ distinct_id: 'ann', $user_id: 'ann@x.test' }, 'e', { user: 'ann', linked: [{ role: 'user', value: 'ann@x.test' }] }],
    [
      { distinct_id: 'ann', $anon_distinct_id: `$device:${device}`, $device_id: device },
      '$identify',
      { type: 'identify', user: 'ann', device },
    ],
    [
      { $identified_id: 'ann', $anon_id: device },
      '$identify',
      { type: 'identify', user: 'ann', linked: [{ role: 'device', value: device }] },
    ],
    [
      { distinct_id: 'ann', $anon_distinct_id: 'bob', $device_id: device },
      '$identify',
      {
        type: 'identify',
        user: 'ann',
        device,
        linked: [{ role: 'user', value: 'bob' }],
      },
    ],
    [
      { distinct_id: 'ann', alias: 'ann@x.test' },
      '$create_alias',
      { type: 'merge', user: 'ann', linked: [{ role: 'user', value: 'ann@x.test' }] },
    ],
    [
      { $distinct_ids: ['ann', `$device:${device}`] },
      '$merge',
      { type: 'merge', serverOnly: true, user: 'ann', linked: [{ role: 'device', value: device }] },
    ],
    // Placeholders are nobody: they must not make one person of thousands.
    [{ distinct_id: 'Undefined', $user_id: 'null', $device_id: '00000000-0000-0000-0000-000000000000' }, 'e', {}],
    [{ distinct_id: '$device:undefined' }, 'e', {}],
    [{ distinct_id: '' }, 'e', {}],
    [{ distinct_id: { a: 1 }, $user_id: [] }, 'e', {}],
  ]
  for (const [properties, name, expected] of cases) {
    const { token: _token, name: _name, reserved: _reserved, values, ...rest } = onlyRecord(decodeJson('/track', eventOf(properties, name)))
    assert.deepEqual(rest, { type: 'event', ...expected })
    assert.deepEqual(values, [])
  }
})

test('a list of ids to merge has an end', () => {
  const $distinct_ids = Array.from({ length: 1000 }, (_, n) => `i${n}`)
  assert.equal(onlyRecord(decodeJson('/import', eventOf({ $distinct_ids }, '$merge'))).linked?.length, 49)
})

test('keys get their meaning, times their unit', () => {
  const record = onlyRecord(
    decodeJson(
      '/track',
      eventOf({
        distinct_id: 'p',
        time: 1700000000.25,
        $insert_id: 'abc',
        gclid: 'G',
        initial_utm_source: 'news',
        utm_term: 'x',
        mp_lib: 'web',
        $mp_replay_id: 'r',
        $current_url: 'https://a.test/',
        userEmail: 'ann@x.test',
        'Phone Number': 123,
        plan: 'pro',
        ip: '192.0.2.7',
        name: 'Blue shoe',
        constructor: 1,
      }),
    ),
  )
  assert.equal(record.time, 1700000000250)
  assert.equal(record.insertId, 'abc')
  assert.deepEqual(Object.fromEntries(record.values.map(({ key, field }) => [key, field])), {
    gclid: 'click_id',
    initial_utm_source: 'utm',
    utm_term: 'utm',
    mp_lib: 'technical',
    $mp_replay_id: 'session_id',
    $current_url: 'url',
    userEmail: 'email',
    'Phone Number': 'phone',
    plan: undefined,
    ip: 'ip',
    name: undefined,
    constructor: undefined,
  })
  const times: [unknown, number | undefined][] = [
    [1700000000, 1700000000000],
    [1700000000123, 1700000000123],
    ['1700000000', 1700000000000],
    [0, 0],
    [-1, undefined],
    [1e300, undefined],
    ['2026-01-01', undefined],
    [null, undefined],
    [true, undefined],
  ]
  for (const [time, expected] of times) assert.equal(onlyRecord(decodeJson('/track', eventOf({ time }))).time, expected)
  assert.equal(onlyRecord(decodeJson('/track', eventOf({}, '$mp_click'))).reserved, true)
  assert.equal(onlyRecord(decodeJson('/track', eventOf({}, '$made_up'))).reserved, undefined)
  const ignored = decodeJson('/track', eventOf({ $ignore: true }))
  assert.deepEqual([ignored.records.length, ignored.faults.length], [0, 0])
})

test('profile and group records become one record for each operation', () => {
  const several = decodeJson('/engage', [
    {
      $token: 'tk',
      $distinct_id: 'ann',
      $ip: '192.0.2.1',
      $latitude: 1.5,
      $set: { $email: 'ann@x.test', seats: 3 },
      $unset: ['plan', 7],
      $add: { logins: 1 },
    },
  ])
  assert.deepEqual(
    several.records.map((record) => [record.op, record.user, record.values]),
    [
      [
        'set',
        'ann',
        [
          { field: 'email', key: '$email', value: 'ann@x.test' },
          { field: undefined, key: 'seats', value: 3 },
          { field: 'ip', key: '$ip', value: '192.0.2.1' },
          { field: 'location', key: '$latitude', value: 1.5 },
        ],
      ],
      ['unset', 'ann', [{ field: undefined, key: 'plan', value: null }]],
      ['add', 'ann', [{ field: undefined, key: 'logins', value: 1 }]],
    ],
  )
  for (const value of ['ann', '', null])
    assert.equal(onlyRecord(decodeJson('/engage', { $token: 'tk', $distinct_id: 'ann', $delete: value })).op, 'delete')
  assert.deepEqual(
    onlyRecord(decodeJson('/groups', { $token: 'tk', $group_key: 'company', $group_id: 7, $set: { $name: 'Acme' }, $ip: '0' })),
    {
      type: 'group',
      token: 'tk',
      group: { key: 'company', value: '7' },
      op: 'set',
      values: [{ field: 'name', key: '$name', value: 'Acme' }],
    },
  )
  const wrong = decodeJson('/engage', [
    { $distinct_id: 'a', $set: {} },
    { $token: 'tk', $set: {} },
    { $token: 'tk', $distinct_id: 'null', $set: {} },
    { $token: 'tk', $distinct_id: 'a' },
    { $token: 'tk', $distinct_id: 'a', $set: [] },
    7,
  ])
  assert.equal(wrong.records.length, 0)
  assert.deepEqual(wrong.faults.map((fault) => fault.message).slice(0, 3), [
    '$token, missing or empty',
    'distinct_id, missing or empty',
    'distinct_id, missing or empty',
  ])
})

test('the import route takes the token from the record, else from the login', () => {
  const bare = { event: 'Paid', properties: { distinct_id: 'ann', time: 1700000000, $insert_id: 'i-1' } }
  assert.equal(onlyRecord(decodeJson('/import?strict=1', [bare], { basicUser: 'login-token' })).token, 'login-token')
  const own = onlyRecord(decodeJson('/import', { ...bare, properties: { ...bare.properties, token: 'own' } }, { basicUser: 'login-token' }))
  assert.equal(own.token, 'own')
  const request = requestTo('/import?strict=1', JSON.stringify([bare]))
  const decoded = decode(request)
  assert.equal(decoded.refusal, 'bad_login')
  const reply = accepted(request, decoded)
  assert.deepEqual([reply.status, reply.body], [401, '{"code":401,"error":"Invalid credentials","status":"Unauthorized"}'])
})

test('the short way through identities agrees with the general one', () => {
  const id = fc.constantFrom<(JsonValue | undefined)[]>(undefined, '', 'a', 'b', '$device:a', '$device:b', '$device:', 'null', 7, null)
  fc.assert(
    fc.property(fc.record({ distinctId: id, userId: id, deviceId: id }), (raw) => {
      assert.deepEqual(resolveIdentity(raw), resolveStated(raw))
    }),
    { numRuns: 500 },
  )
})

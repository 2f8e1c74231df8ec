import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { WireRecord } from '#model/wire-record.ts'
import { NOW, split, request, free, known, event, one } from './fixture.ts'

describe('identity', () => {
  it('goes to the user, else to the device, and never into the record', () => {
    const values = [
      known('email', '$email', ' asha@verma.example '),
      known('phone', '$phone', 919876543210),
      known('city', '$city', 'Pune'),
      ...free({ 'First Name': 'Asha', dob: '1990-01-02' }),
    ]
    const both = one({ type: 'profile', op: 'set', token: 't', user: 'u1', device: 'd1', values })
    assert.deepEqual(
      both.draft.identifiers.map(({ value, role, kind, namespace }) => [value, role, kind, namespace]),
      [
        ['u1', 'user', 'id', 'default'],
        ['d1', 'device', 'id', 'default'],
      ],
    )
    assert.deepEqual(both.draft.facts, [
      { identifier: 0, field: 'email', value: 'asha@verma.example', once: false },
      { identifier: 0, field: 'phone', value: '919876543210', once: false },
      { identifier: 0, field: 'city', value: 'Pune', once: false },
      { identifier: 0, field: 'first_name', value: 'Asha', once: false },
      { identifier: 0, field: 'birth_date', value: '1990-01-02', once: false },
    ])
    assert.deepEqual(both.record, {
      type: 'profile',
      op: 'set',
      time: NOW,
      user: 0,
      device: 1,
      withheld: ['birth_date', 'city', 'email', 'first_name', 'phone'],
    })
    assert.equal(one(event({ device: 'd1', values })).draft.facts[0]!.identifier, 0)
    const nobody = one(event({ values }))
    assert.deepEqual([nobody.draft.facts.length, nobody.pairs.length], [0, 5])
  })

  it('fills gaps only when an event or `set_once` says it, and is no fact when it is taken away or may be another’s', () => {
    assert.equal(one(event({ user: 'u', values: free({ email: 'a@b.example' }) })).draft.facts[0]!.once, true)
    assert.equal(
      one({ type: 'profile', op: 'set_once', token: 't', user: 'u', values: [known('email', '$email', 'a@b.example')] }).draft.facts[0]!
        .once,
      true,
    )
    for (const op of ['unset', 'remove', 'add'] as const) {
      const gone = one({
        type: 'profile',
        op,
        token: 't',
        user: 'u',
        values: [known('email', '$email', op === 'unset' ? null : 'a@b.example')],
      })
      assert.deepEqual([gone.draft.facts.length, gone.pairs.length, gone.record.unset], [0, 1, undefined], op)
    }
    const other = one(event({ user: 'u', values: free({ recipient_email: 'b@c.example', name: 'Blue shirt' }) }))
    assert.deepEqual(other.draft.facts, [])
    assert.deepEqual(other.record.withheld, ['email', 'name'])
    assert.deepEqual(other.pairs, [
      ['recipient_email', 'b@c.example'],
      ['name', 'Blue shirt'],
    ])
  })

  it('reads an address into a country and keeps it nowhere', () => {
    const { draft, record } = one(event({ user: 'u', values: [known('ip', '$ip', '198.51.100.7')] }), request({ trust: 'server' }))
    assert.deepEqual(record.context, { country: 'DE' })
    assert.ok(!JSON.stringify(draft).includes('198.51'))
    assert.deepEqual(one(event({ user: 'u', values: free({ ip: 'intellectual property' }) })).pairs, [['ip', 'intellectual property']])
  })

  it('normalises identifiers by NFC and trim alone', () => {
    const { draft } = one(event({ user: ' Cafe\u0301 ', device: '\u00a0' }))
    assert.deepEqual(
      draft.identifiers.map(({ value }) => value),
      ['Café'],
    )
    assert.equal(draft.records[0]!.device, undefined)
  })
})

describe('relations', () => {
  it('ties a device to the user beside it once, at the earliest time, not after arrival', () => {
    const { edges } = split(
      [
        event({ user: 'u', device: 'd', time: NOW - 5 }),
        event({ user: 'u', device: 'd', time: NOW - 9 }),
        event({ user: 'v', device: 'd', time: NOW + 60_000 }),
        event({ user: 'u', device: 'd', time: NOW - 1 }),
        event({ user: 'same', device: 'same' }),
      ],
      request(),
    )
    assert.deepEqual(
      edges.map(({ kind, from, to, at }) => [kind, from, to, at]),
      [
        ['device', 1, 0, NOW - 9],
        ['device', 1, 2, NOW],
        ['device', 1, 0, NOW - 1],
      ],
    )
  })

  it('takes a linked device from anyone, a merge of users from servers alone, and gives both their ordinals', () => {
    const identify: WireRecord = {
      type: 'identify',
      token: 't',
      name: '$identify',
      reserved: true,
      user: 'u',
      linked: [
        { role: 'device', value: 'd' },
        { role: 'user', value: 'old' },
      ],
      values: [],
    }
    for (const [trust, kinds] of [
      ['browser', ['device']],
      ['server', ['device', 'merge']],
    ] as const) {
      const { draft, record } = one(identify, request({ trust }))
      assert.deepEqual(
        draft.edges.map(({ kind }) => kind),
        kinds,
      )
      assert.deepEqual(record.linked, [
        { role: 'device', ordinal: 1 },
        { role: 'user', ordinal: 2 },
      ])
      assert.ok(record.reserved === true && record.name === '$identify')
    }
    const merge: WireRecord = {
      type: 'merge',
      token: 't',
      name: '$merge',
      reserved: true,
      user: 'a',
      linked: [{ role: 'user', value: 'b' }],
      values: [],
    }
    assert.deepEqual(one(merge).draft.edges, [])
    assert.deepEqual(one(merge, request({ trust: 'server' })).draft.edges, [{ kind: 'merge', from: 1, to: 0, at: NOW }])
    // A call for which the vendor wants the secret: a public token would borrow ours.
    const { draft, record } = one({ ...merge, serverOnly: true })
    assert.deepEqual([draft.identifiers.length, record.linked], [1, undefined])
    assert.equal(one({ ...merge, serverOnly: true }, request({ trust: 'server' })).record.linked?.length, 1)
    const alias: WireRecord = {
      type: 'merge',
      token: 't',
      name: '$create_alias',
      reserved: true,
      device: 'd',
      linked: [{ role: 'user', value: 'u' }],
      values: [],
    }
    assert.deepEqual(one(alias).draft.edges, [{ kind: 'device', from: 0, to: 1, at: NOW }])
  })

  it('takes no endless list of groups', () => {
    const { draft, record, pairs } = one(event({ user: 'u', values: free({ company: Array.from({ length: 1000 }, (_, n) => `g${n}`) }) }))
    assert.deepEqual([draft.identifiers.length, record.groups?.length], [256, 255])
    const [[key, rest] = []] = pairs
    assert.deepEqual([key, Array.isArray(rest) && rest.length], ['company', 745])
  })

  it('keeps text waiting that has half a letter', () => {
    const { record, pairs } = one(event({ values: free({ plan: 'pro\ud800', tags: ['a', '\udc00'], seats: 3 }) }))
    assert.deepEqual(record.properties, { seats: 3 })
    assert.deepEqual(
      pairs.map(([key]) => key),
      ['plan', 'tags'],
    )
  })

  it('knows groups under configured keys only', () => {
    const { draft, record, pairs } = one(event({ user: 'u', values: free({ company: ['acme', 7, 'acme', { odd: 1 }], team: 'red' }) }))
    assert.deepEqual(draft.identifiers.slice(1), [
      { namespace: 'default', kind: 'group:company', value: 'acme', role: 'group' },
      { namespace: 'default', kind: 'group:company', value: '7', role: 'group' },
    ])
    assert.deepEqual(record.groups, [
      { key: 'company', ordinal: 1 },
      { key: 'company', ordinal: 2 },
    ])
    assert.deepEqual(draft.memberships, [
      { person: 0, group: 1, at: NOW },
      { person: 0, group: 2, at: NOW },
    ])
    assert.deepEqual(pairs, [
      ['company', [{ odd: 1 }]],
      ['team', 'red'],
    ])
    const group = (key: string): WireRecord => ({
      type: 'group',
      op: 'set',
      token: 't',
      group: { key, value: 'acme' },
      values: [...free({ plan: 'pro' }), known('name', '$name', 'Acme Inc')],
    })
    assert.deepEqual(one(group('company')).record, {
      type: 'group',
      op: 'set',
      time: NOW,
      groups: [{ key: 'company', ordinal: 0 }],
      properties: { plan: 'pro' },
      withheld: ['name'],
      waitingCount: 1,
    })
    const stray = one(group('squad'))
    assert.deepEqual(stray.draft.identifiers, [])
    assert.deepEqual(stray.record, { type: 'group', op: 'set', time: NOW, withheld: ['name'], waitingCount: 3 })
    assert.deepEqual(stray.pairs, [
      ['squad', 'acme'],
      ['plan', 'pro'],
      ['$name', 'Acme Inc'],
    ])
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SourceConfig } from '#model/config.ts'
import type { KnownField } from '#model/field.ts'
import type { JsonValue } from '#model/json.ts'
import type { RequestContext, SplitDraft } from '#model/split-draft.ts'
import type { WireRecord, WireValue } from '#model/wire-record.ts'
import { compilePolicy } from '#policy/policy.ts'
import { ClientCache } from './record-context.ts'
import { createSplit } from './split.ts'

const NOW = 1_764_000_000_000
const APPROVED = ['plan', 'amount', 'cart', 'cart.total', 'cart.lines', 'cart.lines.count', 'tags', 'utm_source', 'country', 'seats']

const policy = compilePolicy({
  store: { events: ['Order placed', 'Café'], properties: APPROVED, paths: ['pricing', '/orders/*'], referrers: ['blog.example'] },
  destinations: [],
})
const split = createSplit({
  policy,
  countryOf: (address) => ({ '203.0.113.9': 'IN', '198.51.100.7': 'DE' })[address],
  siteHosts: ['www.shop.test'],
})

function request(change: Partial<SourceConfig> = {}, more: Partial<RequestContext> = {}): RequestContext {
  const source: SourceConfig = {
    id: 's',
    protocol: 'p',
    token: 't',
    trust: 'browser',
    namespace: 'default',
    surface: 'web',
    groupKeys: ['company'],
    ...change,
  }
  return { receivedAt: NOW, source, clientAddress: undefined, userAgent: undefined, consent: {}, ...more }
}

function free(pairs: Record<string, JsonValue>): WireValue[] {
  return Object.entries(pairs).map(([key, value]) => ({ field: undefined, key, value }))
}

function known(field: KnownField, key: string, value: JsonValue): WireValue {
  return { field, key, value }
}

function event(change: Partial<WireRecord> = {}): WireRecord {
  return { type: 'event', token: 't', name: 'Order placed', values: [], ...change }
}

function one(
  record: WireRecord,
  context = request(),
): { draft: SplitDraft; record: SplitDraft['records'][number]; pairs: [string, unknown][] } {
  const draft = split([record], context)
  return { draft, record: draft.records[0]!, pairs: draft.waiting[0]?.pairs ?? [] }
}

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

  it('takes no endless list of groups, and remembers no endless header', () => {
    const { draft, record, pairs } = one(event({ user: 'u', values: free({ company: Array.from({ length: 1000 }, (_, n) => `g${n}`) }) }))
    assert.deepEqual([draft.identifiers.length, record.groups?.length], [256, 255])
    const [[key, rest] = []] = pairs
    assert.deepEqual([key, Array.isArray(rest) && rest.length], ['company', 745])
    const clients = new ClientCache()
    assert.equal(clients.clientOf(`Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0 ${'x'.repeat(100_000)}`).os, 'Linux')
    assert.equal(clients.size, 0)
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

describe('values', () => {
  it('open under approved keys when plain and clean; everything else waits with its key', () => {
    const { record, pairs } = one(
      event({
        user: 'u',
        values: [
          ...free({
            plan: 'pro',
            amount: 12.5,
            seats: 9876543210,
            tags: ['a', 'b', true],
            cart: { total: 3, lines: { count: 2 } },
            other: 1,
          }),
          known('utm', 'utm_source', 'news'),
          known('utm', 'utm_term', 'x'),
          known('session_id', '$session', 's1'),
          known('technical', 'lib', 'web'),
        ],
      }),
    )
    assert.deepEqual(record.properties, {
      plan: 'pro',
      amount: 12.5,
      tags: ['a', 'b', true],
      'cart.total': 3,
      'cart.lines.count': 2,
      utm_source: 'news',
    })
    assert.deepEqual(pairs, [
      ['seats', 9876543210],
      ['other', 1],
      ['utm_term', 'x'],
      ['$session', 's1'],
    ])
    assert.deepEqual(record.withheld, ['session_id', 'utm'])
    assert.equal(record.waitingCount, 4)
  })

  it('wait whole when any part of them may not open', () => {
    const waiting: Record<string, JsonValue>[] = [
      { cart: { total: 3, note: 'hi' } },
      { cart: { total: 'asha@verma.example' } },
      { cart: { lines: [{ count: 1 }] } },
      { tags: ['a', ['b']] },
      { tags: ['call +91 98765 43210'] },
      { plan: 'asha%40verma.example' },
      { plan: 'x'.repeat(256) },
      { plan: ' {"note":"hi"}' },
      { cart: { email: 1 } },
      { cart: { __proto__x: 1 } },
    ]
    for (const pair of waiting) {
      const { record, pairs } = one(event({ user: 'u', values: free(pair) }))
      assert.deepEqual([record.properties, pairs], [undefined, Object.entries(pair)], JSON.stringify(pair))
    }
    const hostile = JSON.parse('{"cart":{"__proto__":{"total":1}}}') as Record<string, JsonValue>
    assert.equal(one(event({ values: free(hostile) })).record.properties, undefined)
  })

  it('lose recognised secrets at the door, approved key or not', () => {
    const key = `sk_live_${'a1'.repeat(12)}`
    const { draft, record, pairs } = one(
      event({
        name: `Used ${key}`,
        user: 'u',
        values: free({ plan: key, note: `pay 4111 1111 1111 1111`, password: 'hunter2', [key]: 'v', 'First Name': key }),
      }),
    )
    assert.ok(!/a1a1|4111|hunter2/.test(JSON.stringify(draft)), JSON.stringify(draft))
    assert.deepEqual(draft.destroyed, { stripe_key: 4, card_number: 1, password: 1 })
    assert.equal(record.destroyedCount, 6)
    assert.equal(record.properties, undefined)
    assert.equal(pairs.length, 5)
    assert.equal(draft.waiting[0]!.name, 'Used [destroyed:stripe_key]')
  })

  it('of `unset` name approved keys or wait', () => {
    const { record, pairs } = one({ type: 'profile', op: 'unset', token: 't', user: 'u', values: free({ plan: null, secretPlan: null }) })
    assert.deepEqual([record.unset, pairs], [['plan'], [['secretPlan', null]]])
  })
})

describe('names, times and context', () => {
  it('open an approved or reserved name, compared after NFC', () => {
    assert.equal(one(event({ name: 'Cafe\u0301' })).record.name, 'Café')
    assert.deepEqual(
      [one(event({ name: 'Something' })).record.name, one(event({ name: 'Something' })).draft.waiting[0]!.name],
      [null, 'Something'],
    )
    assert.deepEqual(
      [one(event({ name: '$view', reserved: true })).record.name, one(event({ name: '$view', reserved: true })).record.reserved],
      ['$view', true],
    )
  })

  it('clamp a time from the future and one that is none', () => {
    const times = [NOW - 9, NOW + 3_600_000, NOW + 3_600_001, -1, Number.NaN, undefined, 1.5].map(
      (time) => one(event(time === undefined ? {} : { time })).record.time,
    )
    assert.deepEqual(times, [NOW - 9, NOW + 3_600_000, NOW, NOW, NOW, NOW, 2])
  })

  it('reduce page, referrer, client and place, and keep none of them raw', () => {
    const raw = 'https://www.shop.test/orders/42?email=asha%40verma.example&reset_token=zz#frag'
    const userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0'
    const { draft, record } = one(
      event({
        user: 'u',
        values: [
          known('url', '$el_href', 'https://www.shop.test/pricing'),
          known('url', '$current_url', raw),
          known('referrer', '$initial_referrer', 'https://bing.com/'),
          known('referrer', '$referrer', 'https://www.google.de/search?q=asha'),
          known('screen', '$screen_width', 1920),
          known('screen', '$screen_height', 1080),
          known('country', 'mp_country_code', 'us'),
        ],
      }),
      request({}, { userAgent, clientAddress: '203.0.113.9', consent: { gpc: true, dnt: false } }),
    )
    assert.deepEqual(record.context, {
      country: 'US',
      os: 'Linux',
      browser: 'Firefox',
      browserVersion: 143,
      path: '/orders/*',
      referrerMedium: 'search',
      referrerDomain: 'google.com',
      screenWidth: 1920,
      screenHeight: 1080,
    })
    assert.deepEqual(record.consent, { gpc: true })
    assert.deepEqual(draft.waiting, [])
    assert.ok(!/asha|zz|google\.de|Gecko|203/.test(JSON.stringify(draft)))
    const server = one(event({ values: [] }), request({ trust: 'server' }, { userAgent, clientAddress: '203.0.113.9' }))
    assert.equal(server.record.context, undefined)
    assert.equal(one(event(), request({}, { clientAddress: '203.0.113.9' })).record.context?.country, 'IN')
    assert.equal(one(event({ values: [known('referrer', 'r', 'https://app.shop.test/x')] })).record.context?.referrerMedium, 'internal')
  })
})

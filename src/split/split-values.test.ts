import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonValue } from '#model/json.ts'
import { NOW, request, free, known, event, one } from './fixture.ts'

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

  it('say by kind what was found under an approved key, and nothing of what nobody approved', () => {
    const values = free({
      plan: 'asha@verma.example',
      tags: ['a', 'call +91 98765 43210'],
      cart: { total: '203.0.113.9' },
      amount: 4012888888881881,
      seats: `Bearer ${'a1'.repeat(12)}`,
      other: 'ravi@verma.example',
      'ravi@verma.example': 'ravi@verma.example',
    })
    const { record } = one(event({ user: 'u', values }))
    assert.deepEqual(record.detected, { plan: 'email', tags: 'phone', 'cart.total': 'ip', amount: 'card', seats: 'secret' })
    assert.equal(record.properties, undefined)
    assert.equal(one(event({ user: 'u', values: free({ plan: 'pro', other: 'ravi@verma.example' }) })).record.detected, undefined)
    assert.equal(
      one(event({ user: 'u', values: free({ plan: 'x'.repeat(256), cart: { note: 'a@b.example' } }) })).record.detected,
      undefined,
    )
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
    assert.deepEqual(draft.destroyed, { 'stripe.secret_key': 4, card: 1, password: 1 })
    assert.equal(record.destroyedCount, 6)
    assert.equal(record.properties, undefined)
    assert.equal(pairs.length, 5)
    assert.equal(draft.waiting[0]!.name, 'Used [destroyed:stripe.secret_key]')
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
    // Only an address tells the region: a country that the SDK states may be another one.
    assert.deepEqual(one(event(), request({}, { clientAddress: '203.0.113.9' })).record.context, { country: 'IN', region: 'Karnataka' })
    const stated = one(event({ values: [known('country', 'mp_country_code', 'de')] }), request({}, { clientAddress: '203.0.113.9' }))
    assert.deepEqual(stated.record.context, { country: 'DE' })
    assert.equal(one(event({ values: [known('referrer', 'r', 'https://app.shop.test/x')] })).record.context?.referrerMedium, 'internal')
  })
})

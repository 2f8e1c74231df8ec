import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { WireRecord } from '#model/wire-record.ts'
import { event, free, known, NOW, one, request, split } from './fixture.ts'

const profile = (change: Partial<WireRecord> = {}): WireRecord => ({
  type: 'profile',
  op: 'set',
  token: 't',
  user: 'u',
  values: [],
  ...change,
})

describe('times and names', () => {
  it('of profiles and groups are the arrival and none, whatever is written', () => {
    const group = { key: 'company', value: 'acme' }
    for (const record of [profile({ time: NOW - 9, name: 'Ann' }), profile({ type: 'group', group, time: NOW - 9, name: 'Ann' })]) {
      const found = one(record)
      assert.deepEqual([found.record.time, found.record.name, found.draft.waiting], [NOW, undefined, []])
    }
  })

  it('and secrets are counted with the record in which they stood', () => {
    const { records } = split(
      [event({ values: free({ password: 'x' }) }), event(), event({ values: free({ pin: '1', otp: '2' }) })],
      request(),
    )
    assert.deepEqual(
      records.map(({ destroyedCount }) => destroyedCount),
      [1, undefined, 2],
    )
  })
})

describe('facts', () => {
  it('are single texts of a length that somebody has; all else waits', () => {
    const long = 'x'.repeat(1025)
    const waits: Record<string, unknown>[] = [
      { email: ['a@b.example', 'c@d.example'] },
      { email: long },
      { address: { street: long } },
      { email: { of: 'a@b.example' } },
      { phone: [true] },
    ]
    for (const values of waits) {
      const { draft, pairs } = one(profile({ values: free(values as never) }))
      assert.deepEqual([draft.facts, pairs.length], [[], 1], Object.keys(values).join())
    }
    const kept = one(profile({ values: free({ email: ['a@b.example', ' '], address: { street: 'Main' }, phone: 4012888888881881 }) }))
    assert.deepEqual(
      kept.draft.facts.map(({ field, value }) => [field, value]),
      [
        ['email', 'a@b.example'],
        ['address', '{"street":"Main"}'],
        // Under this key it is what the key says, though it has a card's check digits.
        ['phone', '4012888888881881'],
      ],
    )
    assert.deepEqual(kept.draft.destroyed, {})
  })

  it('are what a profile sets anew, and fill gaps where anything else says them', () => {
    const of = (change: Partial<WireRecord>) => one(profile({ values: free({ email: 'a@b.example' }), ...change })).draft.facts[0]?.once
    assert.deepEqual([of({}), of({ op: 'set_once' }), of({ op: 'append' }), of({ op: 'union' })], [false, true, true, true])
  })

  it('of a name are a profile’s alone, and a number under a key that ends like one is a number', () => {
    assert.equal(one(profile({ values: free({ name: 'Asha' }) })).draft.facts.length, 1)
    const counted = one(event({ user: 'u', values: free({ failed_phone: 3 }) }))
    assert.deepEqual([counted.record.withheld, counted.pairs], [undefined, [['failed_phone', 3]]])
  })
})

describe('groups', () => {
  it('of a profile are memberships, stated and not taken away; ids that nobody has wait', () => {
    const member = one(profile({ values: free({ company: 'acme' }) }))
    assert.deepEqual([member.record.groups, member.draft.memberships.length], [undefined, 1])
    for (const op of ['remove', 'add'] as const) {
      const { draft, pairs } = one(profile({ op, values: free({ company: 'acme' }) }))
      assert.deepEqual([draft.memberships, draft.identifiers.length, pairs.length], [[], 1, 1], op)
    }
    const long = one(event({ user: 'u', values: free({ company: 'x'.repeat(256) }) }))
    assert.deepEqual([long.record.groups, long.pairs.length], [undefined, 1])
    assert.equal(one(event({ user: 'u', values: free({ company: 'x'.repeat(255) }) })).record.groups?.length, 1)
  })

  it('and users of one value are two, keys are compared in one form, and a membership is as old as its first word', () => {
    const context = request({ groupKeys: ['Cafe\u0301', 'company'] })
    const { draft } = one(event({ user: 'acme', values: free({ company: 'acme', 'Caf\u00e9': 'acme' }) }), context)
    assert.deepEqual(
      draft.identifiers.map(({ kind, role }) => `${kind} ${role}`),
      ['id user', 'group:company group', 'group:Caf\u00e9 group'],
    )
    const said = (time: number): WireRecord => event({ user: 'u', time, values: free({ company: 'acme' }) })
    assert.deepEqual(
      split([said(NOW + 50), said(NOW - 5), said(NOW - 2)], request()).memberships.map(({ at }) => at),
      [NOW - 5],
    )
    assert.equal(split([said(NOW + 50)], request()).memberships[0]?.at, NOW)
  })
})

describe('relations', () => {
  it('of a value to itself are none, and a device that is linked is as old as its first word', () => {
    const linked = (time: number, value: string): WireRecord => {
      return { ...event({ user: 'u', time }), type: 'identify', name: '$identify', reserved: true, linked: [{ role: 'device', value }] }
    }
    assert.deepEqual(split([linked(NOW, 'u')], request()).edges, [])
    const { edges } = split([linked(NOW - 2, 'd'), linked(NOW - 8, 'd'), linked(NOW - 4, 'd')], request())
    assert.deepEqual(
      edges.map(({ at }) => at),
      [NOW - 8],
    )
  })

  it('and what is said of consent is said for all whom a record names', () => {
    const record: WireRecord = {
      ...{ type: 'identify', name: '$identify', reserved: true, token: 't', user: 'u', device: 'd', values: [] },
      linked: [{ role: 'user', value: 'old' }],
      consent: { optOut: true },
    }
    const { consents, identifiers } = split([record, record], request())
    assert.deepEqual(
      consents.map(({ of }) => of.map((index) => identifiers[index]?.value)),
      [['u', 'd', 'old']],
    )
  })
})

describe('context', () => {
  const userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0'
  const browser = request({}, { userAgent, clientAddress: '203.0.113.9' })

  it('of a profile is the place, and of its first touch only what is said', () => {
    assert.deepEqual(one(profile({ values: [known('url', '$current_url', 'https://www.shop.test/pricing')] }), browser).record.context, {
      ...{ country: 'IN', region: 'Karnataka' },
    })
    assert.equal(one(profile({ op: 'set_once' }), browser).record.context, undefined)
    assert.equal(one(profile({ op: 'append' }), browser).record.context, undefined)
    const first = [known('referrer', '$initial_referrer', 'https://bing.com/')]
    assert.equal(one(profile({ op: 'set_once', values: first }), browser).record.context?.referrerDomain, 'bing.com')
    assert.equal(one(profile({ values: first }), browser).record.context?.referrerDomain, undefined)
  })

  it('is of the page that calls itself current, an address before a path, and no target of a link', () => {
    const pathOf = (...urls: [key: string, value: string][]): string | undefined =>
      one(event({ values: urls.map(([key, value]) => known('url', key, value)) })).record.context?.path
    const [orders, pricing] = ['https://www.shop.test/orders/7', 'https://www.shop.test/pricing']
    assert.equal(pathOf(['url', orders], ['$current_url', pricing]), pathOf(['$current_url', pricing]))
    assert.equal(pathOf(['$current_url', pricing], ['url', orders]), pathOf(['$current_url', pricing]))
    assert.equal(pathOf(['page', orders], ['url', pricing]), pathOf(['page', orders]), 'of equal ones the first')
    assert.equal(pathOf(['path', '/orders/7'], ['url', pricing]), pathOf(['url', pricing]))
    assert.equal(pathOf(['href', pricing]), undefined)
    assert.notEqual(pathOf(['url', orders]), pathOf(['url', pricing]))
  })

  it('says no version of what is no browser', () => {
    const bot = one(event({ values: [known('browser', 'b', 'Googlebot'), known('browser_version', 'v', 12)] })).record.context
    assert.deepEqual([bot?.browser, bot?.browserVersion], ['Bot', undefined])
  })

  it('calls a referrer of the page’s own site internal, and an address says more than a name', () => {
    const page = known('url', '$current_url', 'https://blog.unheard.example/a')
    const medium = (...values: string[]): string | undefined =>
      one(event({ values: [page, ...values.map((value) => known('referrer', 'r', value))] })).record.context?.referrerMedium
    assert.equal(medium('https://www.unheard.example/b'), 'internal')
    assert.equal(medium('https://www.other.example/b'), 'referral')
    assert.equal(medium('google.com', 'https://t.co/x'), 'social')
  })
})

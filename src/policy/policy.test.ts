import assert from 'node:assert/strict'
import { DISK_DEFAULTS } from '#model/config.ts'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BulkheadError } from '#base/errors.ts'
import type { Config, DestinationConfig, GrantConfig } from '#model/config.ts'
import type { LogRecord } from '#model/log-entry.ts'
import { compilePolicy, decide, destinationDecider, policyFromConfig, roundTime } from './policy.ts'

const NOW = 1_764_000_000_000

function destination(change: Partial<DestinationConfig> = {}): DestinationConfig {
  return {
    id: 'mixpanel-main',
    vendor: 'mixpanel',
    protocol: 'mixpanel',
    url: 'http://127.0.0.1',
    token: 't',
    credentials: { kind: 'serviceAccount', user: 'u', secret: undefined as never, projectId: '1' },
    deletionToken: undefined,
    grants: undefined,
    events: { approved: ['Order placed'] },
    properties: { approved: ['plan', 'amount'] },
    ...change,
  }
}

function config(...destinations: DestinationConfig[]): Config {
  return {
    sources: [],
    gateway: { tls: undefined, trustProxy: [] },
    vendors: [{ id: 'mixpanel', name: 'Mixpanel', kind: 'analytics provider', destinations }],
    store: {
      events: { approved: ['Internal only'] },
      properties: { approved: ['depth'] },
      paths: { approved: [] },
      referrers: { approved: ['Blog.Example '] },
    },
    disk: DISK_DEFAULTS,
  }
}

function grant(field: GrantConfig['field'], form: GrantConfig['form'], until?: number): GrantConfig {
  return { field, form, purpose: 'p', until, reason: 'r' }
}

function compiled(change: Partial<DestinationConfig> = {}) {
  return compilePolicy(policyFromConfig(config(destination(change)))).destinations.get('mixpanel-main')!
}

function event(change: Partial<LogRecord> = {}): LogRecord {
  return { type: 'event', name: 'Order placed', time: NOW, user: 7, device: 8, ...change }
}

describe('policyFromConfig', () => {
  it('writes the preset out, names its rules, and opens in the store what anyone approved', () => {
    const policy = policyFromConfig(
      config(
        destination(),
        destination({ id: 'other', events: { approved: ['Cafe\u0301'] }, properties: { approved: ['depth', 'zone'] } }),
      ),
    )
    const rules = policy.destinations[0]!.grants.map(({ rule, form }) => `${rule}=${form}`)
    assert.deepEqual(rules, [
      'preset:analytics/event=clear',
      'preset:analytics/time=coarse',
      'preset:analytics/user_id=pseudonym',
      'preset:analytics/device_id=pseudonym',
      'preset:analytics/group_id=pseudonym',
      'preset:analytics/country=coarse',
      'preset:analytics/os=coarse',
      'preset:analytics/browser=coarse',
      'preset:analytics/referrer=coarse',
      'preset:analytics/property.*=clear',
    ])
    assert.deepEqual(policy.store, {
      events: ['Café', 'Internal only', 'Order placed'],
      properties: ['amount', 'depth', 'plan', 'zone'],
      paths: [],
      referrers: ['blog.example'],
      consent: { purpose: 'own analytics', basis: 'opt-out', gpc: 'ignored', dnt: 'ignored', reason: '' },
    })
    const rule = { purpose: 'product analytics', basis: 'by-country', gpc: 'everywhere', dnt: 'everywhere', reason: '' }
    assert.deepEqual(
      policy.destinations.map(({ consent }) => consent),
      [[rule], [rule]],
    )
    assert.deepEqual(JSON.parse(JSON.stringify(policy)), policy)
  })

  it('lets nothing leave for an empty list', () => {
    assert.deepEqual(policyFromConfig(config(destination({ grants: [] }))).destinations[0]!.grants, [])
    assert.deepEqual(decide(event(), compiled({ grants: [] }), NOW), { kind: 'drop', reason: 'nothing_granted' })
  })

  it('takes a named property as approved, and a withheld one off the list that `property.*` reaches', () => {
    const { properties, grants } = policyFromConfig(
      config(
        destination({
          grants: [grant('property.*', 'clear'), grant('property.seats', 'clear'), grant('property.plan', 'withheld')],
        }),
      ),
    ).destinations[0]!
    assert.deepEqual(properties, ['amount', 'seats'])
    assert.deepEqual(
      grants.map(({ rule }) => rule),
      ['grant:1', 'grant:2'],
    )
  })

  it('refuses what cannot leave yet instead of passing over it', () => {
    const refused: Partial<DestinationConfig>[] = [
      ...(['email', 'name', 'ip'] as const).flatMap((field) =>
        (['clear', 'coarse', 'alias', 'pseudonym'] as const).map((form) => ({ grants: [grant(field, form)] })),
      ),
      ...(['user_id', 'device_id', 'group_id', 'session_id', 'click_id', 'insert_id'] as const).flatMap((field) => [
        { grants: [grant(field, 'clear')] },
        { grants: [grant(field, 'alias')] },
      ]),
      { grants: [grant('city', 'clear')] },
      { grants: [grant('region', 'clear')] },
      { grants: [grant('url', 'clear')] },
      { grants: [grant('referrer', 'clear')] },
      { grants: [grant('page_title', 'clear')] },
      { grants: [grant('property.plan', 'pseudonym')] },
      { grants: [grant('property.*', 'withheld')] },
      { grants: [grant('property.email', 'clear')] },
      { grants: [grant('country', 'coarse'), grant('country', 'withheld')] },
      { properties: { approved: ['userEmail'] } },
      { properties: { approved: ['__proto__'] } },
      { properties: { approved: ['profile.first_name'] } },
      { events: { approved: [''] } },
    ]
    for (const change of refused) {
      assert.throws(
        () => policyFromConfig(config(destination(change))),
        (thrown) => thrown instanceof BulkheadError && thrown.code === 'config_invalid',
        JSON.stringify(change),
      )
    }
    assert.throws(() => policyFromConfig(config(destination(), destination())), { code: 'config_invalid' })
  })
})

describe('decide', () => {
  it('sends granted fields in granted forms and explains each', () => {
    const record = event({
      groups: [{ key: 'company', ordinal: 3 }],
      properties: { plan: 'pro', amount: 3, depth: 9 },
      context: {
        country: 'IN',
        os: 'Linux',
        browser: 'Firefox',
        browserVersion: 140,
        referrerMedium: 'search',
        referrerDomain: 'google.com',
        path: '/a/*',
      },
    })
    const decision = decide(record, compiled(), NOW)
    assert.ok(decision.kind === 'send')
    assert.deepEqual(decision.outgoing, [
      { field: 'country', form: 'coarse' },
      { field: 'os', form: 'coarse' },
      { field: 'browser', form: 'coarse' },
      { field: 'referrer', form: 'coarse', part: 'medium' },
      { field: 'referrer', form: 'coarse', part: 'domain' },
      { field: 'property.plan', form: 'clear' },
      { field: 'property.amount', form: 'clear' },
    ])
    assert.deepEqual(decision.valuesOf(record), ['IN', 'Linux', 'Firefox', 'search', 'google.com', 'pro', 3])
    assert.deepEqual([decision.user, decision.device, decision.linked, decision.groups], [true, true, false, true])
    assert.equal(
      decision.shape,
      'browser:coarse,country:coarse,device_id:pseudonym,event:clear,group_id:pseudonym,os:coarse,property.amount:clear,property.plan:clear,referrer:coarse,time:coarse,user_id:pseudonym',
    )
    assert.deepEqual(
      decision.fields.find(({ field }) => field === 'property.plan'),
      { field: 'property.plan', form: 'clear', rule: 'preset:analytics/property.*' },
    )
    assert.deepEqual(decision.purposes, ['product analytics'])
  })

  it('drops events whose name waits or is approved elsewhere, and takes reserved ones', () => {
    for (const name of [null, undefined, 'Internal only', 'order placed', 'Order placed ']) {
      assert.deepEqual(decide(event(name === undefined ? { name: undefined as never } : { name }), compiled(), NOW), {
        kind: 'drop',
        reason: 'event_not_approved',
      })
    }
    assert.equal(decide(event({ name: '$mp_web_page_view', reserved: true }), compiled(), NOW).kind, 'send')
  })

  it('needs both ends of an identity call, and the grant of each linked role', () => {
    const identify: LogRecord = {
      type: 'identify',
      name: '$identify',
      reserved: true,
      time: NOW,
      user: 1,
      linked: [{ role: 'device', ordinal: 2 }],
    }
    const whole = decide(identify, compiled(), NOW)
    assert.ok(whole.kind === 'send' && whole.user && whole.linked && whole.outgoing.length === 0)
    const noDevice = [grant('time', 'coarse'), grant('event', 'clear'), grant('user_id', 'pseudonym')]
    assert.equal(decide(identify, compiled({ grants: noDevice }), NOW).kind, 'drop')
    assert.equal(decide({ ...identify, linked: [] }, compiled(), NOW).kind, 'drop')
  })

  it('drops a profile write that would be empty, keeps deletions and approved names of `unset`', () => {
    const profile: LogRecord = { type: 'profile', op: 'set', time: NOW, user: 1, properties: { depth: 1 } }
    assert.equal(decide(profile, compiled(), NOW).kind, 'drop')
    assert.equal(decide({ ...profile, op: 'delete' }, compiled(), NOW).kind, 'send')
    const unset = decide({ type: 'profile', op: 'unset', time: NOW, user: 1, unset: ['plan', 'depth'] }, compiled(), NOW)
    assert.ok(unset.kind === 'send')
    assert.deepEqual(unset.unset, ['plan'])
    const add = decide(
      { type: 'profile', op: 'add', time: NOW, user: 1, properties: { amount: 1 }, context: { os: 'Linux' } },
      compiled(),
      NOW,
    )
    assert.deepEqual(add.kind === 'send' && add.outgoing.map(({ field }) => field), ['property.amount'])
  })

  it('ends a grant at its instant, also when asked back and forth in time', () => {
    const at = compiled({
      grants: [
        grant('time', 'clear'),
        grant('event', 'clear'),
        grant('user_id', 'pseudonym', NOW),
        grant('property.*', 'clear', NOW + 5),
        grant('user_id', 'pseudonym', NOW + 9),
      ],
    })
    const seen = [NOW + 9, NOW - 1, NOW, NOW + 5, NOW + 8, NOW - 1].map((instant) => {
      const decision = decide(event({ properties: { plan: 'x' } }), at, instant)
      return (
        decision.kind === 'send' && [
          decision.user,
          decision.outgoing.length,
          decision.fields.find(({ field }) => field === 'user_id')?.rule,
        ]
      )
    })
    assert.deepEqual(seen, [
      [false, 0, undefined],
      [true, 1, 'grant:3'],
      [true, 1, 'grant:5'],
      [true, 0, 'grant:5'],
      [true, 0, 'grant:5'],
      [true, 1, 'grant:3'],
    ])
  })
})

describe('roundTime', () => {
  it('goes back by less than the grid, is stable on it, and keeps order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4e12 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.constantFrom(1, 10_000, 86_400_000),
        fc.integer({ min: 0, max: 1e9 }),
        (time, phase, grid, later) => {
          const rounded = roundTime(time, phase, grid)
          assert.ok(Number.isInteger(rounded) && rounded <= time && rounded > time - grid)
          assert.equal(roundTime(rounded, phase, grid), rounded)
          assert.ok(roundTime(time + later, phase, grid) >= rounded)
        },
      ),
    )
    assert.equal(roundTime(NOW + 1, 123, 0), NOW + 1)
    assert.equal(roundTime(25_000, 2 ** 31, 10_000), 25_000)
    assert.equal(roundTime(24_999, 2 ** 31, 10_000), 15_000)
  })

  it('follows the form of the grant through the decider', () => {
    const policy = policyFromConfig(config(destination(), destination({ id: 'exact', grants: [grant('time', 'clear')] })))
    assert.equal(destinationDecider({ version: 3, appliedAt: 0, policy }, 'mixpanel-main')!.timeOf(12_345, 0), 10_000)
    assert.equal(destinationDecider({ version: 3, appliedAt: 0, policy }, 'exact')!.timeOf(12_345, 0), 12_345)
    assert.equal(destinationDecider({ version: 3, appliedAt: 0, policy }, 'nobody'), undefined)
  })
})

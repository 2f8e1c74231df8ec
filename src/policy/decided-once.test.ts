/** What was decided for one record of a kind is decided for all of it, and for none of another kind, whatever was asked before. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ConsentBits, LogRecord } from '#model/log-entry.ts'
import type { ConsentRule, Grant, Policy } from '#model/policy.ts'
import { type Decision, type DestinationDecider, destinationDecider, type PersonConsent, withStatement } from './policy.ts'

const NOW = 1_764_000_000_000
const APPROVAL = { id: 1, proposedBy: 'ann', approvedBy: 'bob' }

function grant(field: Grant['field'], form: Grant['form'], purpose: string, more: Partial<Grant> = {}): Grant {
  return { field, form, purpose, until: null, rule: `rule of ${field}`, ...more }
}

const rule = (purpose: string, change: Partial<ConsentRule>): ConsentRule => ({
  ...{ purpose, basis: 'opt-out', gpc: 'ignored', dnt: 'ignored', reason: '' },
  ...change,
})

const POLICY: Policy = {
  store: { events: ['a', 'b'], properties: ['x', 'y'], paths: [], referrers: [] },
  consent: { asOf: '', optIn: ['DE'], gpcBinds: [], unknownCountry: 'opt-out', categories: [] },
  destinations: [
    {
      ...{ vendor: 'v', destination: 'd', protocol: 'p', events: ['a'], properties: ['x', 'y'] },
      grants: [
        grant('event', 'clear', 'one'),
        grant('time', 'coarse', 'one'),
        grant('user_id', 'pseudonym', 'one'),
        grant('device_id', 'pseudonym', 'two'),
        grant('group_id', 'pseudonym', 'two'),
        grant('country', 'coarse', 'two'),
        grant('browser', 'coarse', 'one'),
        grant('screen', 'coarse', 'one'),
        grant('url', 'coarse', 'two'),
        grant('property.*', 'clear', 'one'),
        grant('property.y', 'coarse', 'three'),
        grant('email', 'clear', 'three', { until: NOW + 10, approval: APPROVAL }),
        grant('name', 'clear', 'two', { until: NOW + 20, approval: APPROVAL }),
      ],
      consent: [
        rule('one', { basis: 'by-country' }),
        rule('two', { basis: 'opt-in' }),
        rule('three', { gpc: 'everywhere', dnt: 'everywhere' }),
      ],
    },
  ],
}

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
const purposes = fc.subarray(['one', 'two', 'three'])
const ordinal = fc.constantFrom(1, 2)
const consent: fc.Arbitrary<ConsentBits> = fc
  .record({
    gpc: optional(fc.constant(true)),
    dnt: optional(fc.constant(true)),
    optOut: optional(fc.boolean()),
    allows: optional(purposes),
    denies: optional(purposes),
    country: optional(fc.constantFrom('DE', 'US')),
  })
  .map(defined)
const record: fc.Arbitrary<LogRecord> = fc
  .record({
    type: fc.constantFrom('event', 'identify', 'merge', 'profile', 'group'),
    name: fc.constantFrom('a', 'b', null),
    time: fc.constant(NOW),
    user: optional(ordinal),
    device: optional(ordinal),
    linked: optional(fc.array(fc.record({ role: fc.constantFrom('user' as const, 'device' as const), ordinal }), { maxLength: 2 })),
    groups: optional(fc.array(fc.record({ key: fc.constant('company'), ordinal }), { maxLength: 1 })),
    op: optional(fc.constantFrom('set', 'set_once', 'add', 'append', 'union', 'remove', 'unset', 'delete')),
    context: optional(
      fc
        .record({
          country: optional(fc.constantFrom('DE', 'US')),
          browser: optional(fc.constant('Safari')),
          path: optional(fc.constant('/')),
          screenWidth: optional(fc.constant(10)),
          screenHeight: optional(fc.constant(20)),
        })
        .map(defined),
    ),
    properties: optional(fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.integer({ min: 3, max: 9 }))),
    unset: optional(fc.subarray(['x', 'y', 'z'])),
    withheld: optional(fc.subarray(['email', 'name', 'phone'])),
    consent: optional(consent),
  })
  .map((given) => defined(given) as unknown as LogRecord)

function defined<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T
}

const said = fc
  .array(fc.tuple(consent, fc.integer({ min: 1, max: 9 })), { maxLength: 2 })
  .map((list) => list.reduce<PersonConsent>((person, [signals, seq]) => withStatement(person, signals, seq, 'browser'), {}))
const asked = fc.record({ record, at: fc.constantFrom(NOW, NOW + 10, NOW + 20), seq: fc.integer({ min: 1, max: 9 }), said: optional(said) })

function decider(): DestinationDecider {
  return destinationDecider({ version: 1, appliedAt: 0, policy: POLICY }, 'd') ?? assert.fail()
}

type Asked = typeof asked extends fc.Arbitrary<infer Value> ? Value : never

function answer(by: DestinationDecider, { record: given, at, seq, said: person }: Asked): unknown {
  const decision: Decision = by.decide(given, at, { seq, policy: 1 }, { of: (one) => (one === 1 ? person : undefined) })
  return decision.kind === 'drop' ? decision : { ...decision, valuesOf: decision.valuesOf(given) }
}

/** Records that differ in one thing from the first: of nearly the same kind. */
const alike = fc.tuple(asked, fc.array(fc.tuple(asked, fc.nat({ max: 99 })), { minLength: 6, maxLength: 14 })).map(([first, others]) => {
  const keys = [
    'type',
    'name',
    'user',
    'device',
    'linked',
    'groups',
    'op',
    'context',
    'properties',
    'unset',
    'withheld',
    'consent',
  ] as const
  return [
    first,
    ...others.map(([other, nth]): Asked => {
      const key = keys[nth % keys.length] as (typeof keys)[number]
      const changed = defined({ ...first.record, [key]: other.record[key] }) as LogRecord
      return { ...first, record: changed, said: nth % 5 === 0 ? other.said : first.said }
    }),
    first,
  ]
})

test('a decider that was asked much before answers as one that was asked nothing', () => {
  const kinds = new Set<string>()
  fc.assert(
    fc.property(alike, (questions) => {
      const used = decider()
      for (const question of questions) {
        const found = answer(used, question)
        kinds.add(JSON.stringify(found))
        assert.deepEqual(found, answer(decider(), question))
      }
    }),
    { numRuns: 1200 },
  )
  assert.ok(kinds.size > 50, `${kinds.size} different answers`)
})

test('of every type and operation, and of every single thing that is there or not, one record is of no other’s kind', () => {
  const types = ['event', 'identify', 'merge', 'profile', 'group'] as const
  const ops = [undefined, 'set', 'set_once', 'add', 'append', 'union', 'remove', 'unset', 'delete'] as const
  const coarse = (['country', 'region', 'city', 'os', 'browser', 'browser_version', 'referrer', 'url', 'screen'] as const).map((field) =>
    grant(field, 'coarse', 'one'),
  )
  const identity = (['user_id', 'group_id'] as const).map((field) => grant(field, 'pseudonym', 'one'))
  const named = [
    grant('event', 'clear', 'one'),
    grant('time', 'coarse', 'one'),
    grant('property.x', 'coarse', 'one'),
    grant('property.y', 'clear', 'one'),
  ]
  const policy: Policy = {
    ...POLICY,
    destinations: POLICY.destinations.map((each) => ({ ...each, grants: [...coarse, ...identity, ...named], consent: [] })),
  }
  const by = (): DestinationDecider => destinationDecider({ version: 1, appliedAt: 0, policy }, 'd') ?? assert.fail()
  const full = {
    ...{ name: 'a', time: NOW, user: 1, device: 2, linked: [{ role: 'user', ordinal: 3 }], groups: [{ key: 'company', ordinal: 4 }] },
    context: {
      ...{ country: 'US', region: 'CA', city: 'LA', os: 'iOS', browser: 'Safari', browserVersion: 9, referrerMedium: 'search' },
      ...{ referrerDomain: 'a.example', path: '/', screenWidth: 10, screenHeight: 20 },
    },
    properties: { x: 5, y: 6 },
    unset: ['x', 'y'],
  }
  const without = Object.keys(full.context).map((key) => ({ context: { ...full.context, [key]: undefined } }))
  const variants: object[] = [
    {},
    ...without,
    ...[{ name: 'b' }, { user: undefined }, { groups: undefined }, { groups: [] }, { linked: undefined }, { linked: [] }],
    ...[{ linked: [{ role: 'device', ordinal: 3 }] }, { properties: { x: 5 } }, { properties: { y: 6 } }, { properties: undefined }],
    ...[{ unset: ['x'] }, { unset: ['y'] }, { unset: ['z'] }, { unset: undefined }, { properties: { x: 5 }, unset: ['y'] }],
    ...[{ properties: { y: 6 }, unset: ['x'] }, { context: undefined }],
  ]
  const records = types.flatMap((type) =>
    ops.flatMap((op) => variants.map((each) => defined({ ...full, type, op, ...each }) as unknown as LogRecord)),
  )
  const alone = records.map((each) => answer(by(), { record: each, at: NOW, seq: 1, said: undefined }))
  assert.ok(new Set(alone.map((each) => JSON.stringify(each))).size > 40)
  for (const order of [records.keys().toArray(), records.keys().toArray().reverse()]) {
    const used = by()
    for (const at of order)
      assert.deepEqual(answer(used, { record: records[at] as LogRecord, at: NOW, seq: 1, said: undefined }), alone[at])
  }
})

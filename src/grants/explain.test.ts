import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SourceConfig } from '#model/config.ts'
import type { JsonValue } from '#model/json.ts'
import type { Grant, Policy } from '#model/policy.ts'
import { compilePolicy, decide, identityKeyOf } from '#policy/policy.ts'
import { protocols } from '#protocols/registry.ts'
import { createSplit } from '#split/split.ts'
import { decodeEvent, type Explanation, explainWire } from './explain.ts'

const NOW = 1_764_000_000_000
const SOURCE: SourceConfig = {
  id: 'web',
  protocol: 'mixpanel',
  token: 'T',
  trust: 'server',
  namespace: 'default',
  surface: 'site',
  groupKeys: ['company'],
}

function grant(field: Grant['field'], until: number | null = null): Grant {
  const form = field.endsWith('_id') ? 'pseudonym' : /^(?:event|property)/.test(field) ? 'clear' : 'coarse'
  return { field, form, purpose: 'analytics', until, rule: `rule of ${field}` }
}

function policyOf(grants: Grant[], names: { events?: string[]; properties?: string[] } = {}): Policy {
  const { events = ['Paid'], properties = ['plan', 'cart', 'cart.total'] } = names
  return {
    store: { events: ['Paid', 'Open Only'], properties: ['plan', 'cart', 'cart.total', 'open_only'], paths: [], referrers: [] },
    destinations: [{ vendor: 'v', destination: 'd', protocol: 'mixpanel', grants, events, properties }],
  }
}

const ingest = protocols.get('mixpanel')?.ingest

function explain(event: JsonValue, policy: Policy): Explanation[] {
  const compiled = compilePolicy(policy)
  const destination = compiled.destinations.get('d')
  assert.ok(ingest !== undefined && destination !== undefined)
  const split = createSplit({ policy: compiled, placeOf: () => ({}) })
  return decodeEvent(event, SOURCE, ingest).map((wire) =>
    explainWire(wire, { policy: compiled, destination, source: SOURCE, split, at: NOW }),
  )
}

const ALL = ['event', 'time', 'user_id', 'device_id', 'group_id', 'country', 'os', 'browser', 'property.*'] as const

test('every field of an event has a rule, the withheld ones too', () => {
  const [explained] = explain(
    {
      event: 'Paid',
      properties: {
        distinct_id: 'u1',
        $device_id: 'd1',
        $insert_id: 'i1',
        plan: 'pro',
        cart: { total: 3 },
        open_only: 1,
        unheard: 'of',
        mail: 'x@y.example',
        $email: 'ann@mail.example',
        recipient_email: 'bob@mail.example',
        company: 'acme',
        $os: 'Linux',
        $browser_version: 131,
        mp_country_code: 'DE',
        mp_lib: 'web',
        gclid: 'abc',
        $city: 'Berlin',
      },
    },
    policyOf([...ALL.filter((field) => field !== 'os').map((field) => grant(field)), grant('os', NOW - 1)]),
  )
  assert.ok(explained?.sent)
  const found = Object.fromEntries(explained.fields.map(({ field, form, rule }) => [field, `${form} ${rule}`]))
  assert.deepEqual(found, {
    event: 'clear rule of event',
    time: 'coarse rule of time',
    user_id: 'pseudonym rule of user_id',
    device_id: 'pseudonym rule of device_id',
    group_id: 'pseudonym rule of group_id',
    insert_id: 'pseudonym law:unlinkable_identifiers',
    'property.plan': 'clear rule of property.*',
    'property.cart.total': 'clear rule of property.*',
    'property.open_only': 'withheld destination:not_approved',
    'property.unheard': 'withheld store:not_approved',
    email: 'withheld law:identity',
    'property.recipient_email': 'withheld law:identity',
    os: 'withheld rule of os',
    browser_version: 'withheld default:withheld',
    country: 'coarse rule of country',
    technical: 'withheld law:technical',
    click_id: 'withheld default:withheld',
    city: 'withheld law:identity',
  })
  assert.match(explained.fields.find(({ field }) => field === 'os')?.reason ?? '', /ended on 2025-11-24/)
})

test('what the detectors hold back under an approved key is named by kind, never by value', () => {
  const [explained] = explain(
    { event: 'Paid', properties: { distinct_id: 'u', plan: 'write to ann@mail.example' } },
    policyOf(ALL.map((field) => grant(field))),
  )
  const held = explained?.fields.find(({ field }) => field === 'property.plan')
  assert.deepEqual([held?.form, held?.rule], ['withheld', 'detector:email'])
  assert.ok(!JSON.stringify(explained).includes('ann@'))
})

test('a record that is not sent says why, for each field that would have left', () => {
  const policy = policyOf(ALL.map((field) => grant(field)))
  const reasons = (name: string): Record<string, string> =>
    Object.fromEntries(
      explain({ event: name, properties: { distinct_id: 'u' } }, policy)[0]?.fields.map(({ field, rule }) => [field, rule]) ?? [],
    )
  assert.deepEqual(reasons('Open Only'), {
    event: 'destination:not_approved',
    time: 'drop:event_not_approved',
    user_id: 'drop:event_not_approved',
  })
  assert.deepEqual(reasons('Nobody Knows'), {
    event: 'store:not_approved',
    time: 'drop:event_not_approved',
    user_id: 'drop:event_not_approved',
  })
})

test('profiles and groups are events of a kind; what is none is refused', () => {
  const policy = policyOf(ALL.map((field) => grant(field)))
  assert.equal(explain({ $distinct_id: 'u', $set: { plan: 'x' }, $add: { plan: 1 } }, policy).length, 2)
  assert.equal(explain([{ $group_key: 'company', $group_id: 'acme', $set: { plan: 'x' } }], policy).length, 1)
  for (const wrong of [
    7,
    null,
    [],
    {},
    { event: 'Paid' },
    { event: '', properties: {} },
    [{ event: 'Paid', properties: {} }, {}],
  ] as JsonValue[])
    assert.throws(() => explain(wrong, policy), { code: 'event_invalid' }, JSON.stringify(wrong))
})

test('random policies and events: what is explained as leaving is what the decision sends, and each field is named once', () => {
  const fields = ['user_id', 'device_id', 'group_id', 'country', 'os', 'browser', 'browser_version', 'url', 'screen', 'property.*'] as const
  const value = fc.oneof(
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('pro', 'ann@mail.example'),
    fc.constant({ total: 1 }),
    fc.constant([1, 'a']),
  )
  const keys = [
    'plan',
    'cart',
    'open_only',
    'unheard',
    '$email',
    'userEmail',
    '$os',
    '$browser',
    '$browser_version',
    'mp_country_code',
    'company',
    '$screen_width',
    'gclid',
    '__proto__',
    '$current_url',
    'time',
  ]
  const properties = fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 8 })
  const event = fc
    .record({ event: fc.constantFrom('Paid', 'Open Only', 'x', '$identify', '$merge'), properties })
    .map((one) => ({ ...one, properties: { ...one.properties, distinct_id: 'u', $device_id: 'd', $anon_distinct_id: 'a' } }))
  let sent = 0
  fc.assert(
    fc.property(event, fc.subarray([...fields]), fc.boolean(), fc.subarray(['Paid', 'Open Only']), (one, granted, isTimed, events) => {
      const policy = policyOf(
        ['event' as const, ...(isTimed ? (['time'] as const) : []), ...granted].map((field) => grant(field)),
        { events },
      )
      const compiled = compilePolicy(policy)
      const destination = compiled.destinations.get('d')
      assert.ok(ingest !== undefined && destination !== undefined)
      const split = createSplit({ policy: compiled, placeOf: () => ({}) })
      for (const wire of decodeEvent(one as unknown as JsonValue, SOURCE, ingest)) {
        const explained = explainWire(wire, { policy: compiled, destination, source: SOURCE, split, at: NOW })
        const names = explained.fields.map(({ field }) => field)
        assert.equal(new Set(names).size, names.length)
        for (const { rule, reason } of explained.fields) assert.ok(rule !== '' && reason !== '')
        const [record] = split([wire], {
          receivedAt: NOW,
          source: SOURCE,
          clientAddress: undefined,
          userAgent: undefined,
          consent: {},
        }).records
        const decision = decide(record!, destination, NOW)
        const leaving = explained.fields.filter(({ form, field }) => form !== 'withheld' && field !== 'insert_id')
        const decided = decision.kind === 'send' ? decision.fields : []
        assert.deepEqual(
          leaving.map(({ field, form, rule }) => `${field} ${form} ${rule}`).sort(),
          decided.map(({ field, form, rule }) => `${field} ${form} ${rule}`).sort(),
        )
        sent += decided.length
        for (const { key, field } of wire.values) {
          const named = names.some(
            (name) =>
              name === field ||
              name === `property.${key}` ||
              name.startsWith(`property.${key}.`) ||
              name === identityKeyOf(key)?.field ||
              (key === 'company' && name === 'group_id'),
          )
          assert.ok(named, `${key} has no rule`)
        }
      }
    }),
    { numRuns: 3000 },
  )
  assert.ok(sent > 1000, `${sent} fields left`)
})

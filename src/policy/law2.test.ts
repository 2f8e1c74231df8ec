import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Field } from '#model/field.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { Grant, Policy } from '#model/policy.ts'
import { bucketOf } from './forms.ts'
import { type CompiledDestination, compilePolicy, type Decision, decide, parseShape } from './policy.ts'

const NOW = 1_764_000_000_000

describe('decide, over random policies and records', () => {
  const names = ['a', 'b', 'c', 'constructor', 'ü', 'x,y:z%']
  const ordinals = fc.integer({ min: 1, max: 99 })
  const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
  const grantable = [
    'user_id',
    'device_id',
    'group_id',
    'event',
    'time',
    'country',
    'region',
    'city',
    'os',
    'browser',
    'browser_version',
    'referrer',
    'url',
    'screen',
    'property.*',
    ...names.map((name) => `property.${name}`),
  ]
  const formOf = (field: string, isCoarse: boolean): Grant['form'] => {
    if (field.startsWith('property.')) return isCoarse ? 'coarse' : 'clear'
    return field.endsWith('_id') ? 'pseudonym' : field === 'event' ? 'clear' : 'coarse'
  }
  const policies: fc.Arbitrary<Policy> = fc
    .record({
      grants: fc.array(
        fc.record({
          field: fc.constantFrom(...grantable),
          until: fc.constantFrom(null, NOW - 1, NOW, NOW + 1),
          isCoarse: fc.boolean(),
        }),
        { maxLength: 14 },
      ),
      always: fc.boolean(),
      events: fc.subarray(names),
      properties: fc.subarray(names),
    })
    .map(({ grants, always, events, properties }) => ({
      store: { events: names, properties: names, paths: [], referrers: [] },
      destinations: [
        {
          vendor: 'v',
          destination: 'd',
          protocol: 'p',
          events,
          properties,
          grants: [
            ...(always
              ? [
                  { field: 'time', until: null, isCoarse: true },
                  { field: 'event', until: null, isCoarse: false },
                ]
              : []),
            ...grants,
          ].map(({ field, until, isCoarse }, i) => ({
            field: field as Field,
            form: formOf(field, isCoarse),
            purpose: `p${i}`,
            until,
            rule: `grant:${i + 1}`,
          })),
        },
      ],
    }))
  const records: fc.Arbitrary<LogRecord> = fc
    .record({
      type: fc.constantFrom('event', 'identify', 'merge', 'profile', 'group'),
      name: fc.constantFrom(...names, null),
      reserved: optional(fc.constant(true as const)),
      time: fc.integer({ min: 0, max: NOW }),
      user: optional(ordinals),
      device: optional(ordinals),
      linked: optional(
        fc.array(fc.record({ role: fc.constantFrom('user' as const, 'device' as const), ordinal: ordinals }), { maxLength: 3 }),
      ),
      groups: optional(fc.array(fc.record({ key: fc.constantFrom('company', 'team'), ordinal: ordinals }), { maxLength: 2 })),
      op: optional(fc.constantFrom('set', 'set_once', 'add', 'unset', 'delete', 'append')),
      context: optional(
        fc.record({
          country: fc.constant('IN'),
          os: fc.constant('iOS'),
          browser: fc.constant('Safari'),
          browserVersion: fc.constant(17),
          path: fc.constant('/*'),
          referrerMedium: fc.constant('search' as const),
          referrerDomain: fc.constant('bing.com'),
          screenWidth: fc.constant(1),
          screenHeight: fc.constant(2),
        }),
      ),
      properties: optional(fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.integer(), fc.boolean(), fc.constantFrom('text')))),
      unset: optional(fc.subarray(names)),
    })
    .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as unknown as LogRecord)

  it('law 2: never yields what no unexpired grant names, nor a key or name not approved for the destination', () => {
    fc.assert(
      fc.property(policies, records, fc.constantFrom(NOW - 1, NOW, NOW + 1), (policy, record, at) => {
        const own = policy.destinations[0]!
        const decision = decide(record, compilePolicy(policy).destinations.get('d')!, at)
        if (decision.kind === 'drop') return
        const active = own.grants.filter(({ until }) => until === null || until > at)
        const has = (field: string): boolean => active.some((found) => found.field === field)
        const hasProperty = (key: string): boolean => own.properties.includes(key) && (has(`property.${key}`) || has('property.*'))
        assert.ok(has('time'))
        if (record.type === 'event') assert.ok(has('event') && (record.reserved === true || own.events.includes(record.name as string)))
        for (const { field, form, value } of valuesOf(decision, record)) {
          if (!field.startsWith('property.')) {
            assert.ok(has(field) && form === 'coarse', field)
            continue
          }
          const key = field.slice('property.'.length)
          const grant = active.find((found) => found.field === `property.${key}`) ?? active.find((found) => found.field === 'property.*')
          assert.ok(hasProperty(key) && form === grant?.form, field)
          assert.deepEqual(value, form === 'coarse' ? bucketOf(record.properties![key]!) : record.properties![key])
          assert.ok(form === 'clear' || record.op !== 'add', 'what is added is not coarse')
        }
        for (const key of decision.unset) assert.ok(hasProperty(key) && record.unset!.includes(key))
        assert.ok(!decision.user || (record.user !== undefined && has('user_id')))
        assert.ok(!decision.device || (record.device !== undefined && has('device_id')))
        assert.ok(!decision.groups || has('group_id'))
        if (decision.linked) for (const { role } of record.linked!) assert.ok(has(`${role}_id`))
        // The shape names all that leaves, and each of its fields has a rule that is in force.
        const shape = parseShape(decision.shape)
        const inShape = new Set(shape.map(({ field }) => field))
        for (const { field } of decision.outgoing) assert.ok(inShape.has(field))
        for (const key of decision.unset) assert.ok(inShape.has(`property.${key}`))
        assert.ok(!decision.user || inShape.has('user_id'))
        assert.ok(!decision.groups || inShape.has('group_id'))
        assert.deepEqual(
          decision.fields.map(({ field, form }) => ({ field, form })),
          [...shape].sort((a, b) => (a.field < b.field ? -1 : 1)),
        )
        for (const { field, rule } of decision.fields) {
          const by = active.find((found) => found.rule === rule)!
          assert.ok(by.field === field || (by.field === 'property.*' && field.startsWith('property.')))
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('gives equal answers to equal questions, whatever was asked before', () => {
    fc.assert(
      fc.property(policies, fc.array(records, { minLength: 1, maxLength: 8 }), (policy, asked) => {
        const used = compilePolicy(policy).destinations.get('d')!
        for (const record of asked) decide(record, used, NOW)
        for (const record of asked) {
          const fresh = compilePolicy(policy).destinations.get('d')!
          assert.deepEqual(answerOf(record, used), answerOf(record, fresh))
        }
      }),
      { numRuns: 300 },
    )
  })
})

type Sent = Extract<Decision, { kind: 'send' }>

function valuesOf(decision: Sent, record: LogRecord) {
  const values = decision.valuesOf(record)
  assert.equal(values.length, decision.outgoing.length)
  return decision.outgoing.map((outgoing, index) => ({ ...outgoing, value: values[index] }))
}

/** The decision with the values that it reads from this record. */
function answerOf(record: LogRecord, destination: CompiledDestination): unknown {
  const decision = decide(record, destination, NOW)
  return decision.kind === 'drop' ? decision : { ...decision, valuesOf: undefined, values: valuesOf(decision, record) }
}

/** Consent where purposes are many, people several, and what was said comes more than once. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Config } from '#model/config.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { ConsentRule, Grant, Policy } from '#model/policy.ts'
import { DestinationConsent, PURPOSES_MAX, stricter, verdictAt } from './consent-of-record.ts'
import { consentTable, consentTableFor, destinationConsent, storeConsent } from './consent-from-config.ts'
import { asStoreMayKeep, destinationDecider, type PersonConsent, withStatement } from './policy.ts'

const AT = 1_764_000_000_000
const TABLE = { optIn: new Set(['DE']), gpcBinds: new Set(['US']), unknownCountry: 'opt-out' as const }

const rule = (purpose: string, change: Partial<ConsentRule> = {}): ConsentRule => ({
  ...{ purpose, basis: 'by-country', gpc: 'everywhere', dnt: 'everywhere', reason: '' },
  ...change,
})

const event = (change: Partial<LogRecord> = {}): LogRecord => ({ type: 'event', name: 'a', time: AT, user: 7, ...change })

/** Of one purpose: what a record comes to. */
function verdictOn(record: LogRecord, seq: number, people: Record<number, PersonConsent>, change: Partial<ConsentRule> = {}): string {
  const consent = new DestinationConsent(['p'], [rule('p', change)], TABLE)
  return verdictAt(consent.verdicts(record, seq, { of: (ordinal) => people[ordinal] }), 0)
}

type Said = Parameters<typeof withStatement>[1]
const person = (...said: [seq: number, signals: Said, trust?: 'browser' | 'server'][]): PersonConsent =>
  said.reduce<PersonConsent>((before, [seq, signals, trust = 'browser']) => withStatement(before, signals, seq, trust), {})

describe('verdicts of two policies', () => {
  it('are for each of all purposes the first, or the second where that allows it', () => {
    const verdicts = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: PURPOSES_MAX, maxLength: PURPOSES_MAX })
    const packed = (list: number[]): number => list.reduce((sum, verdict, index) => sum | (verdict << (2 * index)), 0)
    fc.assert(
      fc.property(verdicts, verdicts, (one, other) => {
        const both = stricter(packed(one), packed(other))
        for (let index = 0; index < PURPOSES_MAX; index++) {
          const wanted = one[index] === 0 ? other[index] : one[index]
          assert.equal(verdictAt(both, index), ['allowed', 'denied', 'missing', 'withdrawn'][wanted as number])
        }
      }),
    )
  })

  it('are asked for under the policy of the arrival, also where that is the newer one, or did not know the destination', () => {
    const grants: Grant[] = (['event', 'time', 'user_id'] as const).map((field) => {
      return { field, form: field === 'user_id' ? 'pseudonym' : 'clear', purpose: 'p', until: null, rule: field }
    })
    const of = (change: Partial<ConsentRule>): Policy => ({
      store: { events: ['a'], properties: [], paths: [], referrers: [] },
      consent: { asOf: '', optIn: ['DE'], gpcBinds: [], unknownCountry: 'opt-out', categories: [] },
      destinations: [{ vendor: 'v', destination: 'd', protocol: 'p', grants, events: ['a'], properties: [], consent: [rule('p', change)] }],
    })
    const loose = of({ basis: 'opt-out' })
    const decideUnder = (arrived: Policy, policy: number): string | undefined => {
      const decider = destinationDecider({ version: 2, appliedAt: 0, policy: loose }, 'd', () => ({
        version: policy,
        appliedAt: 0,
        policy: arrived,
      }))
      return decider?.decide(event({ context: { country: 'DE' } }), AT, { seq: 1, policy }, { of: () => undefined }).kind
    }
    const strict = of({ basis: 'opt-in' })
    assert.deepEqual([decideUnder(strict, 1), decideUnder(strict, 3), decideUnder(strict, 2)], ['drop', 'drop', 'send'])
    assert.equal(decideUnder({ ...strict, destinations: [] }, 1), 'send')
  })
})

describe('what counts of a record', () => {
  it('is what anybody said whom it names, its device and whom it links among them', () => {
    const out = person([1, { optOut: true }])
    const named = [event({ user: 7 }), event({ device: 7, user: 1 }), event({ user: 1, linked: [{ role: 'user', ordinal: 7 }] })]
    for (const record of named) assert.equal(verdictOn(record, 5, { 7: out }), 'withdrawn')
    assert.equal(verdictOn(event({ user: 1 }), 5, { 7: out }), 'allowed')
  })

  it('is the country of the record before the one of its connection', () => {
    assert.equal(verdictOn(event({ context: { country: 'IN' }, consent: { country: 'DE' } }), 1, {}), 'allowed')
    assert.equal(verdictOn(event({ context: { country: 'DE' }, consent: { country: 'IN' } }), 1, {}), 'missing')
  })

  it('is no signal that the rule does not use, said now or before', () => {
    for (const signal of ['gpc', 'dnt'] as const) {
      const before = { 7: person([1, { [signal]: true }]) }
      assert.equal(verdictOn(event(), 5, before), 'withdrawn', signal)
      assert.equal(verdictOn(event({ context: { country: 'IN' } }), 5, before, { [signal]: 'where-binding' }), 'allowed', signal)
      assert.equal(verdictOn(event({ consent: { [signal]: true } }), 5, {}, { [signal]: 'ignored' }), 'allowed', signal)
      assert.equal(verdictOn(event({ consent: { [signal]: true } }), 5, {}), 'denied', signal)
    }
  })

  it('names of several refusals the first that stood in the way', () => {
    const fields = [['time', 'p'] as const, ['user_id', 'q'] as const, ['device_id', 'r'] as const]
    const grants = fields.map(([field, purpose]): Grant => {
      return { field, form: field === 'time' ? 'coarse' : 'pseudonym', purpose, until: null, rule: field }
    })
    const rules = [rule('p', { basis: 'not-needed' }), rule('q', { basis: 'opt-in' }), rule('r', { basis: 'opt-in' })]
    const own = { vendor: 'v', destination: 'd', protocol: 'p', grants, events: [], properties: [], consent: rules }
    const policy: Policy = {
      store: { events: [], properties: [], paths: [], referrers: [] },
      consent: { asOf: '', optIn: [], gpcBinds: [], unknownCountry: 'opt-out', categories: [] },
      destinations: [own],
    }
    const denying = (purpose: string) => {
      const record: LogRecord = { type: 'profile', op: 'set', time: AT, user: 1, device: 2, consent: { denies: [purpose] } }
      const decider = destinationDecider({ version: 1, appliedAt: 0, policy }, 'd')
      return decider?.decide(record, AT, { seq: 1, policy: 1 }, { of: () => undefined })
    }
    assert.deepEqual(denying('q'), { kind: 'drop', reason: 'consent_denied' })
    assert.deepEqual(denying('r'), { kind: 'drop', reason: 'consent_missing' })
  })

  it('names what was kept without its person, and a deletion, by a rule of their own', () => {
    const consent = new DestinationConsent(['p', 'q'], [rule('p', { basis: 'opt-in' })], TABLE)
    const explained = (record: LogRecord) => consent.explain(record, 1, undefined).map((each) => `${each.verdict} ${each.rule}`)
    assert.deepEqual(explained(event({ consent: { withoutPerson: 'missing' } })), ['missing consent:store', 'allowed consent:no-rule'])
    assert.deepEqual(explained({ type: 'profile', op: 'delete', time: AT, user: 7 }), [
      'allowed consent:deletion',
      'allowed consent:deletion',
    ])
    const first = new DestinationConsent(['p', 'q'], [rule('p', { basis: 'opt-in' }), rule('q')], TABLE)
    const refused = first.verdicts(event({ consent: { denies: ['q'] } }), 1, undefined)
    assert.deepEqual([verdictAt(refused, 0), verdictAt(refused, 1)], ['missing', 'denied'])
  })
})

describe('what a person says again', () => {
  it('in agreement changes nothing: it counts from the first time on', () => {
    const twice = person([20, { optOut: false }], [40, { optOut: false }])
    assert.deepEqual(twice, { switch: { withdrawn: false, from: 20, restored: false, trust: 0 } })
    assert.equal(verdictOn(event({ context: { country: 'DE' } }), 30, { 7: twice }), 'allowed')
  })

  it('in refusal by a server is no more undone by a browser', () => {
    const said = person([10, { optOut: true }], [20, { optOut: true }, 'server'], [30, { optOut: false }])
    assert.equal(verdictOn(event(), 50, { 7: said }), 'withdrawn')
    assert.equal(verdictOn(event(), 50, { 7: person([10, { optOut: true }], [30, { optOut: false }]) }), 'allowed')
  })
})

describe('what the own store keeps of somebody who refused elsewhere', () => {
  const store = { rule: rule('own', { basis: 'opt-out' }), table: TABLE, purposes: new Map() }
  const people = { of: (ordinal: number) => (ordinal === 7 ? person([1, { optOut: true }]) : undefined) }

  it('is a mark without the country, and a mark that it is already stays as it is', () => {
    const record = event({ consent: { gpc: true, country: 'DE' } })
    const mark = asStoreMayKeep(record, 5, store, people)
    assert.deepEqual(mark, {
      type: 'event',
      name: 'a',
      time: Math.floor(AT / 86_400_000) * 86_400_000,
      consent: { gpc: true, withoutPerson: 'denied' },
    })
    const kept = event({ consent: { withoutPerson: 'missing' } })
    assert.equal(asStoreMayKeep(kept, 5, store, people), kept)
    assert.equal(asStoreMayKeep(event({ user: 8 }), 5, store, people).user, 8)
  })
})

describe('rules of the configuration', () => {
  const grant = (purpose: string): Grant => ({ field: 'os', form: 'coarse', purpose, until: null, rule: 'g' })

  it('are the general one, and over it the one of the purpose', () => {
    const given = [
      { gpc: 'ignored' as const, basis: 'opt-in' as const },
      { purpose: 'q', basis: 'opt-out' as const },
    ]
    const rules = destinationConsent('d', given, [grant('p'), grant('q')])
    assert.deepEqual(
      rules.map(({ purpose, basis, gpc }) => [purpose, basis, gpc]),
      [
        ['p', 'opt-in', 'ignored'],
        ['q', 'opt-out', 'ignored'],
      ],
    )
  })

  it('are for no more purposes than a verdict has room for, and none is needed without a reason', () => {
    const many = (count: number) =>
      destinationConsent(
        'd',
        undefined,
        Array.from({ length: count }, (_, n) => grant(`p${n}`)),
      )
    assert.equal(many(PURPOSES_MAX).length, PURPOSES_MAX)
    assert.throws(() => many(PURPOSES_MAX + 1), { code: 'config_invalid' })
    assert.throws(() => storeConsent({ basis: 'not-needed' }), { code: 'config_invalid' })
    assert.equal(storeConsent({ basis: 'not-needed', reason: 'ours', gpc: undefined as never }).gpc, 'ignored')
  })

  it('name categories as text in one form, for purposes of grants or of the own store', () => {
    const table = consentTableFor({ categories: { 'Cafe\u0301': 'p' } } as never, new Set(['p']))
    assert.deepEqual(table.categories, [['Caf\u00e9', 'p']])
    const configOf = (purpose: string) =>
      ({
        consent: { categories: { Ads: purpose } },
        store: { consent: { purpose: 'own' } },
        vendors: [
          {
            destinations: [
              {
                grants: [
                  { form: 'withheld', purpose: 'held back' },
                  { form: 'clear', purpose: 'granted' },
                ],
              },
            ],
          },
        ],
      }) as unknown as Config
    for (const purpose of ['own', 'granted']) assert.deepEqual(consentTable(configOf(purpose)).categories, [['Ads', purpose]])
    assert.throws(() => consentTable(configOf('held back')), { code: 'config_invalid' })
  })
})

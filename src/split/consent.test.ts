import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ConsentRule } from '#model/policy.ts'
import { compilePolicy } from '#policy/policy.ts'
import { event, free, known, NOW, request } from './fixture.ts'
import { createSplit } from './split.ts'

const RULE: ConsentRule = { purpose: 'own analytics', basis: 'opt-out', gpc: 'ignored', dnt: 'ignored', reason: '' }
const CATEGORIES: [string, string][] = [
  ['Advertising', 'adverts'],
  ['Analytics', 'product analytics'],
  ['Statistics', 'product analytics'],
]

function splitUnder(rule: Partial<ConsentRule> = {}) {
  return createSplit({
    policy: compilePolicy({
      store: { events: ['Order placed'], properties: ['plan'], paths: [], referrers: [], consent: { ...RULE, ...rule } },
      destinations: [],
      consent: { asOf: '', optIn: ['DE'], gpcBinds: ['US'], unknownCountry: 'opt-out', categories: CATEGORIES },
    }),
    placeOf: (address) => (address === '198.51.100.7' ? { country: 'DE' } : {}),
  })
}

const someone = { user: 'ann', device: 'd-1', insertId: 'i-1' }

describe('what a request says of consent', () => {
  it('stands in its records and once for each whom it is about', () => {
    const context = request({}, { consent: { gpc: true, dnt: false } })
    const { records, consents, identifiers } = splitUnder()([event(someone), event(someone), event({ user: 'bob' })], context)
    assert.deepEqual(
      records.map(({ consent }) => consent),
      [{ gpc: true }, { gpc: true }, { gpc: true }],
    )
    const named = consents.map(({ of, ...said }) => [of.map((index) => identifiers[index]?.value), said])
    assert.deepEqual(named, [
      [['ann', 'd-1'], { gpc: true }],
      [['bob'], { gpc: true }],
    ])
  })

  it('is the country of the connection where the record has none, and the word of its source', () => {
    const { records } = splitUnder()([event({ type: 'profile', op: 'add', user: 'ann', values: free({ plan: 1 }) })], {
      ...request({ consent: 'collected' }),
      clientAddress: '198.51.100.7',
    })
    assert.deepEqual(records[0]?.consent, { collected: true, country: 'DE' })
  })

  it('is read from the application’s own object, by the categories that the policy knows', () => {
    const said = (value: unknown) => {
      const values = free({ consent: value as never })
      return splitUnder()([event({ ...someone, values })], request({ consentKey: 'consent' })).records[0]?.consent
    }
    assert.deepEqual(said({ Analytics: true, Advertising: false, 'Ann O’Neil': true }), {
      allows: ['product analytics'],
      denies: ['adverts'],
    })
    assert.deepEqual(said({ categoryPreferences: { Analytics: true } }), { allows: ['product analytics'] })
    assert.deepEqual(said({ Analytics: true, Statistics: false }), { denies: ['product analytics'] }, 'a no stands')
    assert.deepEqual(said(true), { optOut: false })
    for (const odd of ['yes', 7, null, [], { Analytics: 'yes' }, { constructor: true }, {}]) assert.equal(said(odd), undefined)
  })

  it('counts a deleted profile as an opt-out from browsers alone', () => {
    const deletion = event({ type: 'profile', op: 'delete', user: 'ann', consent: { optOutInBrowser: true } })
    const fromBrowser = splitUnder()([deletion], request())
    assert.deepEqual(fromBrowser.consents, [{ of: [0], optOut: true }])
    assert.equal(fromBrowser.records[0]?.user, 0, 'the deletion still knows whom')
    assert.deepEqual(splitUnder()([deletion], request({ trust: 'server' })).consents, [])
  })
})

describe('a record that the own store may not keep with a person', () => {
  const values = [...free({ plan: 'pro', note: 'for Ann' }), known('email', '$email', 'ann@example.com')]

  it('is a mark of its kind, name and day, and of nobody', () => {
    const { records, consents, identifiers, facts, edges, memberships, waiting, insertIds } = splitUnder()(
      [event({ ...someone, values, consent: { optOut: true }, time: NOW - 5 })],
      request({}, { clientAddress: '198.51.100.7' }),
    )
    const day = Math.floor(NOW / 86_400_000) * 86_400_000
    assert.deepEqual(records, [{ type: 'event', time: day, name: 'Order placed', consent: { optOut: true, withoutPerson: 'denied' } }])
    // The refusal itself must know whom.
    assert.deepEqual(consents, [{ of: [0, 1], optOut: true }])
    assert.deepEqual(
      identifiers.map(({ value }) => value),
      ['ann', 'd-1'],
    )
    assert.deepEqual([facts, edges, memberships, waiting], [[], [], [], []])
    assert.deepEqual(insertIds, ['i-1'], 'a repeat is still one')
  })

  it('leaves no identifier where nothing was said', () => {
    const split = splitUnder({ basis: 'by-country' })
    const { records, identifiers, consents } = split([event({ ...someone, values })], request({}, { clientAddress: '198.51.100.7' }))
    assert.equal(records[0]?.consent?.withoutPerson, 'missing')
    assert.deepEqual([identifiers, consents], [[], []])
    assert.ok(!JSON.stringify(records).includes('pro'))
  })

  it('does not open a name that nobody approved', () => {
    const { records, waiting } = splitUnder()([event({ ...someone, name: 'Ann’s order', consent: { optOut: true } })], request())
    assert.equal(records[0]?.name, null)
    assert.deepEqual(waiting, [])
  })
})

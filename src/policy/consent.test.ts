import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Config, ConsentRuleConfig, DestinationConfig, GrantConfig } from '#model/config.ts'
import type { Trust } from '#model/field.ts'
import type { ConsentBits, ConsentSignals, LogRecord } from '#model/log-entry.ts'
import type { Policy } from '#model/policy.ts'
import { COUNTRIES } from './country.ts'
import { CONSENT_LAW, destinationDecider, packPersonConsent, policyFromConfig, unpackPersonConsent, withStatement } from './policy.ts'
import type { PersonConsent } from './policy.ts'

const AT = 1_764_000_000_000
const ANALYTICS = 'product analytics'
const ADVERTS = 'adverts'

function grant(field: GrantConfig['field'], form: GrantConfig['form'], purpose: string): GrantConfig {
  return { field, form, purpose, until: undefined, reason: '' }
}

const GRANTS: GrantConfig[] = [
  grant('event', 'clear', ANALYTICS),
  grant('time', 'coarse', ANALYTICS),
  grant('user_id', 'pseudonym', ANALYTICS),
  grant('country', 'coarse', ADVERTS),
]

function config(consent: ConsentRuleConfig[] = [], more: Partial<Config> = {}): Config {
  const destination = {
    id: 'd',
    vendor: 'v',
    protocol: 'p',
    url: 'https://v.example',
    token: 't',
    credentials: { kind: 'secret' },
    grants: GRANTS,
    events: { approved: ['Opened'] },
    properties: { approved: [] },
    consent,
  } as unknown as DestinationConfig
  const none = { approved: [] }
  return {
    sources: [],
    vendors: [{ id: 'v', name: 'V', destinations: [destination] }],
    store: { events: none, properties: none, paths: none, referrers: none },
    ...more,
  } as unknown as Config
}

/** What the destination gets: its shape, or why it gets nothing. */
function outcome(
  policy: Policy,
  given: {
    country?: string
    bits?: ConsentBits
    seq?: number
    said?: [seq: number, trust: Trust, signals: ConsentSignals][]
    arrived?: Policy
  },
): string {
  const record: LogRecord = { type: 'event', name: 'Opened', time: AT, user: 7 }
  if (given.country !== undefined) record.context = { country: given.country }
  if (given.bits !== undefined) record.consent = given.bits
  const versionOf = (version: number) => (given.arrived === undefined ? undefined : { version, appliedAt: 0, policy: given.arrived })
  const decider = destinationDecider({ version: 2, appliedAt: 0, policy }, 'd', versionOf)
  assert.ok(decider)
  const person = (given.said ?? []).reduce<PersonConsent>((before, [seq, trust, signals]) => withStatement(before, signals, seq, trust), {})
  const place = { seq: given.seq ?? 10, policy: given.arrived === undefined ? 2 : 1 }
  const decision = decider.decide(record, AT, place, { of: (ordinal) => (ordinal === 7 ? person : undefined) })
  return decision.kind === 'drop' ? decision.reason : decision.shape
}

const ALL = 'country:coarse,event:clear,time:coarse,user_id:pseudonym'
const ALL_ELSEWHERE = 'event:clear,time:coarse,user_id:pseudonym'

describe('consent of a record', () => {
  const policy = policyFromConfig(config())

  it('is what law makes of silence where the person is', () => {
    assert.equal(outcome(policy, { country: 'DE' }), 'consent_missing')
    assert.equal(outcome(policy, { country: 'GB' }), 'consent_missing')
    assert.equal(outcome(policy, { country: 'US' }), ALL)
    assert.equal(outcome(policy, {}), ALL_ELSEWHERE)
    assert.equal(outcome(policy, { bits: { country: 'FR' } }), 'consent_missing', 'of the connection, where the record has none')
    const moved = policyFromConfig(config([], { consent: { countries: { DE: 'opt-out', ca: 'opt-in' }, unknownCountry: 'opt-in' } }))
    assert.equal(outcome(moved, { country: 'DE' }), ALL)
    assert.equal(outcome(moved, { country: 'CA' }), 'consent_missing')
    assert.equal(outcome(moved, {}), 'consent_missing')
  })

  it('is given by the switch, the source, or a consent object, for the purposes that it names', () => {
    assert.equal(outcome(policy, { country: 'DE', bits: { optOut: false } }), ALL)
    assert.equal(outcome(policy, { country: 'DE', bits: { collected: true } }), ALL)
    assert.equal(outcome(policy, { country: 'DE', bits: { allows: [ANALYTICS] } }), ALL_ELSEWHERE)
    assert.equal(outcome(policy, { country: 'DE', bits: { allows: [ADVERTS] } }), 'consent_missing', 'nothing leaves without a time')
    assert.equal(outcome(policy, { country: 'US', bits: { denies: [ADVERTS] } }), ALL_ELSEWHERE)
  })

  it('is refused by any of what is said, and the refusal wins', () => {
    for (const bits of [{ gpc: true }, { dnt: true }, { optOut: true }, { denies: [ANALYTICS] }]) {
      assert.equal(outcome(policy, { country: 'US', bits }), 'consent_denied', JSON.stringify(bits))
      const contradicted = { ...bits, allows: [ANALYTICS, ADVERTS], collected: true as const }
      assert.equal(outcome(policy, { country: 'US', bits: contradicted }), 'consent_denied')
    }
    assert.equal(outcome(policy, { country: 'US', bits: { dnt: false, gpc: false } }), ALL, 'a no to the question is no statement')
  })

  it('reads signals where the rule says so, and nothing where none is needed', () => {
    const binding = policyFromConfig(config([{ gpc: 'where-binding', dnt: 'ignored' }]))
    assert.equal(outcome(binding, { country: 'US', bits: { gpc: true } }), 'consent_denied')
    assert.equal(outcome(binding, { country: 'IN', bits: { gpc: true } }), ALL)
    assert.equal(outcome(binding, { bits: { gpc: true } }), 'consent_denied', 'who may be there counts as there')
    assert.equal(outcome(binding, { country: 'US', bits: { dnt: true } }), ALL)
    const exempt = policyFromConfig(config([{ purpose: ANALYTICS, basis: 'not-needed', reason: 'contract' }]))
    assert.equal(outcome(exempt, { country: 'DE', bits: { optOut: true } }), ALL_ELSEWHERE, 'and the other purpose has its own rule')
  })

  it('is withdrawn for what waits and for what comes, until it is given again', () => {
    const out = { optOut: true }
    assert.equal(outcome(policy, { seq: 10, said: [[20, 'browser', out]] }), 'consent_withdrawn', 'later, while it waits')
    assert.equal(outcome(policy, { seq: 30, said: [[20, 'browser', out]] }), 'consent_withdrawn', 'earlier, by another device')
    const again: [number, Trust, ConsentSignals][] = [
      [20, 'browser', out],
      [40, 'browser', { optOut: false }],
    ]
    assert.equal(outcome(policy, { seq: 10, said: again }), 'consent_withdrawn')
    assert.equal(outcome(policy, { seq: 30, said: again }), 'consent_withdrawn')
    assert.equal(outcome(policy, { seq: 40, said: again }), ALL_ELSEWHERE)
    assert.equal(outcome(policy, { seq: 50, country: 'DE', said: again }), ALL)
    assert.equal(
      outcome(policy, { seq: 10, country: 'DE', said: [[40, 'browser', { optOut: false }]] }),
      'consent_missing',
      'no yes works backwards',
    )
  })

  it('does not come back by the word of somebody who may be anybody', () => {
    const said: [number, Trust, ConsentSignals][] = [
      [20, 'server', { optOut: true }],
      [40, 'browser', { optOut: false }],
    ]
    assert.equal(outcome(policy, { seq: 50, said }), 'consent_withdrawn')
    assert.equal(outcome(policy, { seq: 70, said: [...said, [60, 'server', { optOut: false }]] }), ALL_ELSEWHERE)
  })

  it('is asked under the policy of the arrival too', () => {
    const loose = policyFromConfig(config([{ basis: 'opt-out' }]))
    assert.equal(outcome(loose, { country: 'DE' }), ALL)
    assert.equal(outcome(loose, { country: 'DE', arrived: policy }), 'consent_missing')
    assert.equal(outcome(policy, { country: 'DE', arrived: loose }), 'consent_missing')
    const { consent: _, ...before } = policy
    assert.equal(outcome(loose, { country: 'DE', arrived: before }), ALL, 'a policy from before knows nothing of consent')
  })

  it('is not asked of a deletion', () => {
    const record: LogRecord = { type: 'profile', op: 'delete', time: AT, user: 7, consent: { optOut: true, country: 'DE' } }
    const decision = destinationDecider({ version: 1, appliedAt: 0, policy }, 'd')?.decide(record, AT)
    assert.equal(decision?.kind, 'send')
  })

  it('names what decided, for each purpose', () => {
    const decider = destinationDecider({ version: 1, appliedAt: 0, policy }, 'd')
    const record: LogRecord = {
      type: 'event',
      name: 'Opened',
      time: AT,
      user: 7,
      context: { country: 'DE' },
      consent: { denies: [ADVERTS] },
    }
    const said = decider?.explainConsent(record, { seq: 5, policy: 1 }, { of: () => withStatement({}, { optOut: false }, 3, 'browser') })
    assert.deepEqual(said, [
      { purpose: ANALYTICS, verdict: 'allowed', rule: 'consent:given' },
      { purpose: ADVERTS, verdict: 'denied', rule: 'consent:category' },
    ])
  })
})

describe('what a person has said', () => {
  const signals: fc.Arbitrary<ConsentSignals> = fc.record(
    {
      gpc: fc.constant(true),
      dnt: fc.constant(true),
      optOut: fc.boolean(),
      allows: fc.subarray([ANALYTICS, ADVERTS]),
      denies: fc.subarray([ANALYTICS, ADVERTS]),
    },
    { requiredKeys: [] },
  )
  const statements = fc.array(fc.tuple(fc.constantFrom<Trust>('browser', 'server'), signals), { maxLength: 12 })

  it('never frees what it once held back', () => {
    const policy = policyFromConfig(config([{ basis: 'opt-out' }]))
    fc.assert(
      fc.property(statements, fc.integer({ min: 0, max: 12 }), (list, seq) => {
        let isHeldBack = false
        for (let read = 0; read <= list.length; read++) {
          const said = list.slice(0, read).map(([trust, each], index): [number, Trust, ConsentSignals] => [index, trust, each])
          // A record is not read before what its own request says.
          if (seq >= read) continue
          const now = outcome(policy, { seq, said })
          if (isHeldBack) assert.equal(now, 'consent_withdrawn', `after statement ${read}`)
          isHeldBack = now === 'consent_withdrawn'
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('comes back from the ledger as it was', () => {
    fc.assert(
      fc.property(statements, (list) => {
        const person = list.reduce<PersonConsent>((before, [trust, said], seq) => withStatement(before, said, seq, trust), {})
        assert.deepEqual(unpackPersonConsent(JSON.parse(JSON.stringify(packPersonConsent(person)))), person)
      }),
    )
    for (const broken of [null, {}, [['switch', 1, 2]], [['other', 1, 2, 0, 0]], [['gpc', 1, '2', 0, 0]]])
      assert.equal(unpackPersonConsent(broken), undefined)
  })
})

describe('rules of consent in the configuration', () => {
  const refuses = (change: () => Config, what: RegExp): void => assert.throws(() => policyFromConfig(change()), what)

  it('name purposes and countries that there are, and give a reason for what needs none', () => {
    refuses(() => config([{ purpose: 'unheard of' }]), /purpose that none of its grants has/)
    refuses(() => config([{ basis: 'opt-in' }, { basis: 'opt-out' }]), /one purpose twice/)
    refuses(() => config([{ basis: 'not-needed' }]), /needs a `reason`/)
    refuses(() => config([], { consent: { countries: { XX: 'opt-in' } } }), /no country code/)
    refuses(() => config([], { consent: { categories: { Analytics: 'unheard of' } } }), /no grant and not the own store/)
  })

  it('stand on a list of laws that knows its countries and its sources', () => {
    const listed = CONSENT_LAW.flatMap(({ countries }) => countries.split(' '))
    assert.equal(new Set(listed).size, listed.length, 'each country once')
    for (const code of listed) assert.ok(COUNTRIES.has(code), code)
    assert.equal(
      listed.filter((code) => 'AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE'.includes(code)).length,
      27,
    )
    for (const { source } of CONSENT_LAW) assert.ok(source.length > 20)
  })
})

/** From one policy to the next: what is stated counts, what is not stated stays, and nothing of another destination comes along. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConsentRule, ConsentTable, DestinationPolicy, Grant, Policy } from '#model/policy.ts'
import { recipientOf } from '#model/recipient.ts'
import { approvedPolicy, mergePolicy, proposedPolicy, withoutApprovals } from './policy-change.ts'
import { policyFromConfig } from './policy-from-config.ts'

const grant = (field: Grant['field'], change: Partial<Grant> = {}): Grant => ({
  ...{ field, form: 'coarse', purpose: 'p', until: null, rule: 'grant:1' },
  ...change,
})
const rule = (basis: ConsentRule['basis'], purpose = 'p'): ConsentRule => ({ purpose, basis, gpc: 'ignored', dnt: 'ignored', reason: '' })
const table = (asOf: string): ConsentTable => ({ asOf, optIn: [], gpcBinds: [], unknownCountry: 'opt-out', categories: [] })

const of = (destination: string, change: Partial<DestinationPolicy> = {}): DestinationPolicy => ({
  ...{ vendor: 'v', destination, protocol: 'p', grants: [], events: [], properties: [], consent: [] },
  ...change,
})

function policyOf(destinations: DestinationPolicy[], change: Partial<Policy> = {}): Policy {
  return { store: { events: ['own'], properties: [], paths: ['/a'], referrers: [] }, destinations, ...change }
}

test('names are approved for one destination, or for the own store alone', () => {
  const current = policyOf([of('one'), of('two', { events: ['known'] })])
  const names = { events: ['b', 'a'], properties: ['x'] }
  const two = approvedPolicy(current, { ...names, destination: 'two' })
  assert.deepEqual(
    two.destinations.map(({ events, properties }) => [events, properties]),
    [
      [[], []],
      [['a', 'b', 'known'], ['x']],
    ],
  )
  assert.deepEqual([two.store.events, two.store.properties], [['a', 'b', 'known', 'own'], ['x']])
  const store = approvedPolicy(current, names)
  assert.deepEqual(store.destinations, current.destinations)
  assert.deepEqual(store.store.events, ['a', 'b', 'known', 'own'])
  assert.throws(() => approvedPolicy(current, { ...names, destination: 'three' }), { code: 'destination_unknown' })
  assert.throws(() => approvedPolicy(current, { events: [], properties: ['user.email'] }), { code: 'config_invalid' })
})

test('a proposal states whole destinations, each once, and leaves the others and the store alone', () => {
  const recipient = recipientOf({ url: 'https://a.example', token: 't', credentials: { kind: 'secret' } })
  const current = policyOf([of('one', { recipient, vendor: 'other' }), of('two', { events: ['known'] })], { consent: table('now') })
  const stated = { id: 'one', grants: [], events: { approved: ['new'] }, properties: { approved: [] }, consent: undefined }
  const next = proposedPolicy(current, { destinations: [stated] })
  assert.deepEqual(
    [next.destinations[0]?.events, next.destinations[0]?.recipient, next.destinations[0]?.vendor],
    [['new'], recipient, 'other'],
  )
  assert.deepEqual([next.destinations[1], next.store.paths, next.consent], [current.destinations[1], ['/a'], table('now')])
  assert.deepEqual(next.store.events, ['known', 'new', 'own'])
  assert.throws(() => proposedPolicy(current, { destinations: [stated, stated] }), { code: 'config_invalid' })
  assert.throws(() => proposedPolicy(current, { destinations: [{ ...stated, id: 'three' }] }), { code: 'destination_unknown' })
})

test('a changed file changes what it says differently, and nothing that was changed meanwhile', () => {
  const grants = [grant('os')]
  const said = of('one', { grants, events: ['a', 'b'], consent: [rule('opt-out')] })
  const before = policyOf([said], { consent: table('then') })
  const held = of('one', { grants, events: ['a', 'b', 'meanwhile'], consent: [rule('opt-in')] })
  const current = policyOf([held], { consent: table('meanwhile') })
  const after = policyOf([of('one', { grants, events: ['b', 'c'], consent: [rule('opt-out')] }), of('new', { events: ['n'] })], {
    consent: table('then'),
  })
  const merged = mergePolicy(before, after, current)
  assert.deepEqual(merged.destinations[0]?.events, ['b', 'c', 'meanwhile'])
  assert.deepEqual(merged.destinations[0]?.consent, [rule('opt-in')], 'of which the file says nothing new')
  assert.deepEqual(merged.destinations[1], of('new', { events: ['n'] }))
  assert.deepEqual(merged.consent, table('meanwhile'))
  const stated = { ...after, consent: table('file'), destinations: [of('one', { grants, consent: [rule('not-needed')] })] }
  const restated = mergePolicy(before, stated, current)
  assert.deepEqual([restated.destinations[0]?.consent, restated.consent], [[rule('not-needed')], table('file')])
})

test('a destination that the file took back begins as it is stated when it comes back', () => {
  const held = of('one', { events: ['meanwhile'], grants: [grant('os')] })
  const stated = of('one', { events: ['stated'], grants: [grant('browser')] })
  assert.deepEqual(mergePolicy(policyOf([]), policyOf([stated]), policyOf([held])).destinations, [stated])
  assert.deepEqual(mergePolicy(policyOf([held]), policyOf([stated]), policyOf([])).destinations, [stated])
})

test('a purpose that only a grant of a command has keeps that command’s rule', () => {
  const [own, other] = [grant('os'), grant('browser', { purpose: 'q' })]
  const before = policyOf([of('one', { grants: [own], consent: [rule('opt-out')] })])
  const after = policyOf([of('one', { grants: [own, grant('country')], consent: [rule('opt-out')] })])
  const current = policyOf([of('one', { grants: [own, other], consent: [rule('opt-out'), rule('opt-in', 'q')] })])
  assert.deepEqual(mergePolicy(before, after, current).destinations[0]?.consent, [rule('opt-out'), rule('opt-in', 'q')])
  // The same where the file had that purpose too, and has it no more.
  const had = policyOf([
    of('one', { grants: [own, grant('country', { purpose: 'q' })], consent: [rule('opt-out'), rule('not-needed', 'q')] }),
  ])
  assert.deepEqual(mergePolicy(had, after, current).destinations[0]?.consent, [rule('opt-out'), rule('opt-in', 'q')])
})

test('who agreed to a grant is no difference of the file, and of one field the first stays the first', () => {
  const approval = { id: 1, proposedBy: 'ann', approvedBy: 'bob' }
  const email = grant('email', { form: 'clear', until: 9 })
  const [before, after] = [policyOf([of('one', { grants: [email] })]), policyOf([of('one', { grants: [email, grant('os')] })])]
  const current = policyOf([of('one', { grants: [{ ...email, approval }] })])
  assert.deepEqual(mergePolicy(before, after, current).destinations[0]?.grants, [{ ...email, approval }, grant('os')])
  const mixed = [grant('os', { purpose: 'first' }), { ...email, approval }, grant('os', { purpose: 'second' }), grant('browser')]
  assert.deepEqual(withoutApprovals(policyOf([of('one', { grants: mixed })])).destinations[0]?.grants, [
    grant('browser'),
    email,
    grant('os', { purpose: 'first' }),
    grant('os', { purpose: 'second' }),
  ])
})

test('the configuration binds a destination to where it sends, and asks a reason of what leaves in the clear', () => {
  const destination = { id: 'd', vendor: 'v', protocol: 'p', url: 'https://a.example', token: 't', credentials: { kind: 'secret' } }
  const none = { approved: [] }
  const policy = (grants: object[]): Policy =>
    policyFromConfig({
      store: { events: none, properties: none, paths: none, referrers: none },
      vendors: [{ id: 'v', destinations: [{ ...destination, grants, events: none, properties: none }] }],
    } as never)
  assert.deepEqual(policy([]).destinations[0]?.recipient, recipientOf(destination as never))
  const email = { field: 'email', form: 'clear', purpose: 'p', until: 9, reason: 'they asked' }
  assert.equal(policy([email]).destinations[0]?.grants.length, 1)
  for (const lacks of [{ reason: ' ' }, { until: undefined }])
    assert.throws(() => policy([{ ...email, ...lacks }]), { code: 'config_invalid' })
})

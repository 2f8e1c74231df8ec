import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#base/clock.ts'
import type { ClearField } from '#model/field.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { Grant, Policy, PolicyVersion } from '#model/policy.ts'
import { destinationDecider } from '#policy/policy.ts'
import type { ClearRequest, ClearVault } from '#vault/clear-port.ts'
import { ErasedSubjects } from './erased.ts'
import type { DestinationDecider } from './port.ts'
import { openFlow, openTestManifest, testRecords } from './testing-parts.ts'
import { event, outcomes, setUp } from './testing-stage.ts'

/** The ledger's clock is the machine's. */
const START = Date.now()
const UNTIL = START + 60_000
const AGREED = { id: 1, proposedBy: 'ann', approvedBy: 'bob' }

function grant(field: Grant['field'], form: Grant['form'], change: Partial<Grant> = {}): Grant {
  return { field, form, purpose: 'analytics', until: null, rule: field, ...change }
}

const POLICY: Policy = {
  store: { events: ['opened'], properties: [], paths: [], referrers: [] },
  destinations: [
    {
      vendor: 'v',
      destination: 'v-main',
      protocol: 'plain',
      events: ['opened'],
      properties: [],
      grants: [
        grant('event', 'clear'),
        grant('time', 'clear'),
        grant('user_id', 'pseudonym'),
        grant('email', 'clear', { until: UNTIL, approval: AGREED }),
        grant('name', 'clear', { until: UNTIL, approval: AGREED }),
      ],
    },
  ],
}
const VERSION: PolicyVersion = { version: 1, appliedAt: START, policy: POLICY }

/** Who has which address; what it was asked for is kept. */
function plainVault(known: Record<number, string>): ClearVault & { asked: ClearRequest['asked'][] } {
  const asked: ClearRequest['asked'][] = []
  const of = (field: ClearField, ordinal: number): string | null => (field === 'email' ? (known[ordinal] ?? null) : null)
  return {
    asked,
    clearValues: async (request) => {
      assert.deepEqual([request.destination, request.policy], ['v-main', POLICY])
      asked.push(request.asked)
      return request.asked.map(({ field, ordinals }) => ordinals.map((ordinal) => of(field, ordinal)))
    },
  }
}

function parts(clear: ClearVault, clock = { at: START }) {
  const decider = destinationDecider(VERSION, 'v-main') as DestinationDecider
  return {
    clear,
    decider: () => decider,
    records: { ...testRecords(openFlow()), policy: () => VERSION, policySeal: () => ({}) as never },
    clock: { ...systemClock, now: () => clock.at },
  }
}

const withIdentity = (user: number, withheld: string[] = ['email', 'name']): LogRecord => event(user, { time: START, withheld })
const profile = (user: number): LogRecord => ({ type: 'profile', op: 'set', time: START, user, withheld: ['email'] })

test('one call a batch; what the vault does not know is absent and the ledger says so; nobody gets what their record did not bring', {
  timeout: 240_000,
}, async (t) => {
  const clear = plainVault({ 1: 'ann@example.com' })
  const { make, log, vendor, ledger } = await setUp(t)
  const forwarder = make(parts(clear))
  log.add(withIdentity(1), withIdentity(2), event(3, { time: START }), profile(1), profile(2), withIdentity(1, ['phone']))
  assert.equal(await forwarder.step(), 'sent')
  assert.deepEqual(clear.asked, [
    [
      { field: 'email', ordinals: [1, 2] },
      { field: 'name', ordinals: [1, 2] },
    ],
  ])
  const sent = vendor.arrived.flatMap(({ records }) => records)
  const withEmail = [['email', 'ann@example.com']]
  assert.deepEqual(
    sent.filter(({ op }) => op === 'set').map(({ values }) => values),
    [withEmail],
  )
  const events = sent.filter(({ op }) => op === undefined).map(({ values }) => JSON.stringify(values))
  assert.deepEqual(events.sort(), ['[["email","ann@example.com"]]', '[]', '[]', '[]'])
  const intents = ledger.read(1, 100).filter((entry) => entry.type === 'intent')
  const shapes = intents.flatMap(({ entry, manifest }) => openTestManifest(entry, manifest).map((row) => `${row.subject} ${row.shape}`))
  assert.deepEqual(shapes.sort(), [
    '1 email:clear,event:clear,time:clear,user_id:pseudonym',
    '1 email:clear,time:clear,user_id:pseudonym',
    '1 event:clear,time:clear,user_id:pseudonym',
    '2 event:clear,time:clear,user_id:pseudonym',
    '3 event:clear,time:clear,user_id:pseudonym',
  ])
  await forwarder.close()
})

test('when the time of the grant is over the flow narrows by itself, also for a request that waits for a vendor', {
  timeout: 240_000,
}, async (t) => {
  const clock = { at: UNTIL - 1 }
  const clear = plainVault({ 1: 'ann@example.com' })
  const { make, log, vendor, ledger } = await setUp(t)
  const forwarder = make(parts(clear, clock))
  log.add(withIdentity(1))
  vendor.answer = () => 503
  const step = forwarder.step()
  while (forwarder.status().state !== 'retrying') await systemClock.sleep(1)
  clock.at = UNTIL
  assert.equal(await step, 'interrupted')
  const before = vendor.arrived.length
  vendor.answer = () => 200
  assert.equal(await forwarder.step(), 'sent')
  assert.ok(!JSON.stringify(vendor.arrived.slice(before)).includes('ann@'))
  assert.deepEqual(
    outcomes(ledger).map(({ state }) => state),
    ['possible', 'delivered'],
  )
  assert.equal(clear.asked.length, 1, 'nobody asks the vault for it any more')
  await forwarder.close()
})

test('after a crash the same bytes go out, or another value ends the intent as possible; an erased person is in neither', {
  timeout: 240_000,
}, async (t) => {
  for (const change of ['none', 'value', 'erased'] as const) {
    const known: Record<number, string> = { 1: 'ann@example.com' }
    const { make, log, vendor, ledger } = await setUp(t)
    log.add(withIdentity(1), withIdentity(2))
    vendor.answer = () => 503
    const first = make(parts(plainVault(known)))
    const step = first.step()
    while (first.status().state !== 'retrying') await systemClock.sleep(1)
    await first.close()
    assert.equal(await step, 'interrupted')
    const [before] = vendor.arrived.slice(-1)
    if (change === 'value') known[1] = 'ann@new.example'
    const erased = new ErasedSubjects()
    if (change === 'erased') erased.add({ ordinals: [1], shared: [] })
    const mark = vendor.arrived.length
    vendor.answer = () => 200
    const second = make({ ...parts(plainVault(known)), erased })
    while (ledger.openIntents('v-main').length > 0 || second.status().lag > 0) await second.step()
    const after = vendor.arrived.slice(mark).map(({ records }) => JSON.stringify(records))
    const states = outcomes(ledger).map(({ state }) => state)
    if (change === 'none') assert.deepEqual([after, states], [[JSON.stringify(before?.records)], ['delivered']])
    else assert.deepEqual(states, ['possible', 'delivered'], change)
    if (change === 'value')
      assert.ok(after.length > 0 && after.every((body) => body.includes('ann@new.example') && !body.includes('ann@example.com')))
    if (change === 'erased') assert.ok(after.length > 0 && after.every((body) => !body.includes('ann@')))
    await second.close()
  }
})

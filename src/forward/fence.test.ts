/** What the forwarder may not begin, and how what it began ends: fences, decisions that are old, intents of others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DELETION_PURPOSE, type Intent } from '#model/disclosure.ts'
import { rowsNotLoaded } from './load-disclosures.ts'
import { Manifests } from './manifest-memory.ts'
import { testDecider, testVault } from './testing-parts.ts'
import { event, outcomes, setUp } from './testing-stage.ts'

const SLOW = { timeout: 240_000 }
const aTurn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5))

test('a fence holds while the records still say open, and a lower one takes nothing of it back', SLOW, async (t) => {
  const { forwarder, vendor, log, ledger, flow } = await setUp(t)
  log.add(event(1))
  await forwarder.fence(2)
  await forwarder.fence(1)
  assert.equal(await forwarder.step(), 'held')
  flow.fence = 1
  assert.equal(await forwarder.step(), 'held')
  assert.deepEqual([vendor.begun, ledger.head], [0, 0])
  flow.fence = 2
  assert.equal(await forwarder.step(), 'sent')
})

test('a flow that was cut and opened again between two attempts does not go on under the old fence', SLOW, async (t) => {
  const { forwarder, vendor, log, ledger, flow } = await setUp(t)
  vendor.answer = () => {
    flow.fence = 2
    return vendor.arrived.length === 1 ? 500 : 200
  }
  log.add(event(1))
  assert.equal(await forwarder.step(), 'interrupted')
  assert.deepEqual([vendor.begun, outcomes(ledger).map(({ state }) => state)], [1, ['possible']])
  assert.equal(await forwarder.step(), 'sent')
  const intents = ledger.read(1, 9).filter((entry) => entry.type === 'intent')
  assert.deepEqual(
    intents.map(({ fence }) => fence),
    [0, 2],
  )
})

test('a fence ends the wait for another attempt, however long', SLOW, async (t) => {
  const never = 1_000_000_000
  const { forwarder, vendor, log, ledger, flow } = await setUp(t, { pace: { baseMs: never, capMs: never, breakerFailures: 99 } })
  vendor.answer = () => 500
  log.add(event(1))
  const stepping = forwarder.step()
  while (forwarder.status().state !== 'retrying') await aTurn()
  Object.assign(flow, { state: 'cut', fence: 1 })
  await forwarder.fence(1)
  assert.equal(await stepping, 'interrupted')
  assert.deepEqual(
    outcomes(ledger).map(({ state }) => state),
    ['possible'],
  )
})

test('a vendor that was left keeps nothing waiting for it', SLOW, async (t) => {
  const { forwarder, vendor, log, ledger, flow } = await setUp(t)
  log.add(event(1))
  log.add(event(2))
  Object.assign(flow, { state: 'retired', fence: 1 })
  assert.equal(await forwarder.step(), 'held')
  assert.deepEqual([vendor.begun, ledger.cursor('v-main')], [0, { seq: 3, index: 0 }])
})

test('a request to delete that is open is no batch of the forwarder’s', SLOW, async (t) => {
  const { forwarder, vendor, log, ledger } = await setUp(t)
  const place = { seq: 1, index: 0 }
  const draft = { vendor: 'v', destination: 'v-main', route: '/delete', purpose: DELETION_PURPOSE, bodySha256: 'ab'.repeat(32) }
  const numbers = { epoch: 1, policy: 1, encoder: 1, records: 0, subjects: 1, first: 1, last: 1, fence: 0 }
  await ledger.appendSealed([{ ...draft, ...numbers, from: place, to: place }], async () => ['AAAA'])
  log.add(event(1))
  assert.equal(await forwarder.step(), 'sent')
  assert.equal(vendor.arrived.length, 1)
  assert.deepEqual(
    ledger.openIntents().map(({ entry }) => entry),
    [1],
  )
})

test('a policy that changes while manifests are sealed leaves no intent: the records are decided anew', SLOW, async (t) => {
  const vault = testVault()
  let isChanging = true
  const stage = await setUp(t, {
    manifests: new Manifests({
      ...vault,
      sealManifests: (manifests) => {
        if (isChanging) stage.decider.now = testDecider(2)
        isChanging = false
        return vault.sealManifests(manifests)
      },
    }),
  })
  stage.log.add(event(1))
  assert.equal(await stage.forwarder.step(), 'interrupted')
  assert.deepEqual([stage.ledger.head, stage.vendor.begun], [0, 0])
  assert.equal(await stage.forwarder.step(), 'sent')
  assert.deepEqual((stage.ledger.entry(1) as Intent).policy, 2)
})

test('what may be done once only is not done again after a cut, and what came later is done', SLOW, async (t) => {
  const { forwarder, vendor, log, ledger, flow } = await setUp(t)
  const add = (user: number) => ({ type: 'profile' as const, op: 'add' as const, user, time: 9, properties: { n: user } })
  vendor.answer = () => 'hang'
  log.add(add(1))
  const stepping = forwarder.step()
  while (vendor.arrived.length === 0) await aTurn()
  Object.assign(flow, { state: 'cut', fence: 1 })
  await forwarder.fence(1)
  assert.equal(await stepping, 'interrupted')
  log.add(add(2))
  Object.assign(flow, { state: 'open', fence: 2 })
  vendor.answer = () => 200
  while (ledger.cursor('v-main').seq <= log.head()) await forwarder.step()
  assert.deepEqual(
    vendor.arrived.flatMap(({ records }) => records.map(({ values }) => values[0]?.[1])),
    [1, 2],
  )
  assert.deepEqual(ledger.counts('v-main'), { once_only_uncertain: 1 })
})

test('an intent says from when to when its events are, whoever comes first in it, and its rows whom it is about', SLOW, async (t) => {
  const { forwarder, vault, log, ledger } = await setUp(t)
  const times = [50, 10, 90, 20, 70, 30]
  log.add(...times.map((time, index) => event(1 + (index % 3), { time })))
  assert.equal(await forwarder.step(), 'sent')
  const [intent] = ledger.read(1, 1) as [Intent]
  assert.deepEqual([intent.first, intent.last], [10, 90])
  const manifests = new Manifests(vault)
  const rowsUpTo = async (entry: number) => await rowsNotLoaded({ ledger, manifests: (of) => manifests.open(of) }, entry)
  const rows = (await rowsUpTo(2)) ?? assert.fail()
  assert.deepEqual(
    rows.map(({ subject, first, last, events, state }) => [subject, first, last, events, state]),
    [
      [1, 20, 50, 2, 'delivered'],
      [2, 10, 70, 2, 'delivered'],
      [3, 30, 90, 2, 'delivered'],
    ],
  )
  assert.deepEqual(await rowsUpTo(1), [], 'its outcome stands behind that')
})

test('halves are written down before the whole they take the place of is closed, as possible', SLOW, async (t) => {
  const { forwarder, vendor, log, ledger } = await setUp(t)
  vendor.answer = ({ records }) => (records.length > 1 ? 413 : 200)
  log.add(event(1), event(2))
  assert.equal(await forwarder.step(), 'sent')
  assert.deepEqual(
    ledger.read(1, 9).map((entry) => (entry.type === 'outcome' ? `${entry.intent} ${entry.state}` : entry.type)),
    ['intent', 'intent', 'intent', '1 possible', '2 delivered', '3 delivered'],
  )
})

test('after a crash records are decided as of the instant of their intent, so the bytes are the same', SLOW, async (t) => {
  const stage = await setUp(t)
  const plain = testDecider()
  /** A grant that ends while nothing runs. */
  let until = Number.POSITIVE_INFINITY
  stage.decider.now = {
    ...plain,
    decide: (record, at, ...more) => {
      const decision = plain.decide(record, at, ...more)
      return decision.kind === 'send' ? { ...decision, valuesOf: () => [at <= until ? 1 : 2] } : decision
    },
  }
  stage.vendor.answer = () => 'hang'
  stage.log.add(event(1))
  const hanging = stage.forwarder.step()
  while (stage.vendor.arrived.length === 0) await aTurn()
  await stage.forwarder.close()
  await hanging
  until = Date.now()
  while (Date.now() <= until) await aTurn()
  stage.vendor.answer = () => 200
  const again = stage.make()
  assert.equal(await again.step(), 'sent')
  assert.equal(new Set(stage.vendor.arrived.map(({ sha256 }) => sha256)).size, 1)
  assert.deepEqual(
    outcomes(stage.ledger).map(({ intent, state }) => [intent, state]),
    [[1, 'delivered']],
  )
  await again.close()
})

/**
 * What `policy plan` says is what `policy apply` then does: random policies × random records, counted by the plan in the real
 * engine, and sent by the forwarder's own way to a request under each of the two policies. `SEED=7` repeats a run.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { planRequests } from '#forward/batch.ts'
import { testVault } from '#forward/testing-parts.ts'
import { planPolicy, type PlannedChange } from '#grants/plan.ts'
import type { Field } from '#model/field.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import type { Grant, Policy } from '#model/policy.ts'
import { destinationDecider, parseShape } from '#policy/policy.ts'
import { protocols } from '#protocols/registry.ts'
import { openWarehouse } from '#warehouse/client.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const NOW = Date.now()
const NAMES = ['Signed Up', 'Invoice Paid', 'Ärger']
const KEYS = ['plan', 'amount', "it's", 'cart.total']
const FIELDS = [
  'user_id',
  'device_id',
  'group_id',
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
  'property.amount',
]
const DESTINATIONS = ['d-one', 'd-two']

const some = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined })
const ordinal = fc.integer({ min: 1, max: 12 })
const record: fc.Arbitrary<LogRecord> = fc
  .record({
    type: fc.constantFrom('event', 'event', 'event', 'profile', 'group', 'identify', 'merge'),
    name: fc.oneof(fc.constantFrom(...NAMES), fc.constant(null)),
    op: fc.constantFrom('set', 'add', 'unset', 'delete'),
    user: some(ordinal),
    device: some(fc.integer({ min: 20, max: 25 })),
    linked: some(fc.array(fc.record({ role: fc.constantFrom('user', 'device'), ordinal }), { minLength: 1, maxLength: 2 })),
    groups: some(fc.constant([{ key: 'company', ordinal: 40 }])),
    context: some(
      fc.record(
        {
          country: fc.constantFrom('DE', 'IN'),
          region: fc.constant('Hesse'),
          city: fc.constant('Frankfurt am Main'),
          os: fc.constant('Linux'),
          browser: fc.constant('Firefox'),
          browserVersion: fc.constant(131),
          referrerMedium: fc.constant('search'),
          referrerDomain: fc.constant('google.com'),
          path: fc.constant('/*/pricing'),
          screenWidth: fc.constant(800),
          screenHeight: fc.constant(600),
        },
        { requiredKeys: [] },
      ),
    ),
    properties: some(fc.dictionary(fc.constantFrom(...KEYS), fc.oneof(fc.integer(), fc.boolean(), fc.constant('text')), { maxKeys: 3 })),
    unset: fc.subarray(KEYS, { minLength: 1 }),
    gpc: some(fc.boolean()),
  })
  .map(({ type, name, op, gpc, unset, ...rest }) => {
    const made: Record<string, unknown> = { type, time: NOW - 60_000, ...rest }
    if (type === 'event') made.name = name
    if (type === 'identify') made.name = '$identify'
    if (type === 'merge') made.name = '$create_alias'
    if (type === 'profile' || type === 'group') made.op = op
    if (made.op === 'unset') made.unset = unset
    if (made.op === 'unset' || made.op === 'delete') delete made.properties
    // Added to is only what is a number: the vendor's format takes nothing else, whatever is granted.
    if (made.op === 'add' && rest.properties !== undefined)
      made.properties = Object.fromEntries(Object.keys(rest.properties).map((key) => [key, 1]))
    if (gpc !== undefined) made.consent = { gpc }
    if (type === 'identify' || type === 'merge') made.reserved = true
    return JSON.parse(JSON.stringify(made)) as LogRecord
  })

const grants: fc.Arbitrary<Grant[]> = fc
  .tuple(fc.subarray(FIELDS), fc.subarray(FIELDS), fc.boolean())
  .map(([granted, ended, isTimed]) => [
    ...ended.map((field) => grantOf(field, NOW - 1)),
    ...[...(isTimed ? ['event', 'time'] : ['event']), ...granted].map((field) => grantOf(field, null)),
  ])

function grantOf(field: string, until: number | null): Grant {
  const form = field.endsWith('_id') ? 'pseudonym' : field === 'event' || field === 'property.*' ? 'clear' : 'coarse'
  return { field: field as Field, form, purpose: 'p', until, rule: field }
}

const policy: fc.Arbitrary<Policy> = fc
  .tuple(
    ...DESTINATIONS.map((destination) =>
      fc.record({ grants, events: fc.subarray(NAMES), properties: fc.subarray(KEYS), destination: fc.constant(destination) }),
    ),
  )
  .map((destinations) => ({
    store: { events: NAMES, properties: KEYS, paths: [], referrers: [] },
    destinations: destinations.map((each) => ({ vendor: 'v', protocol: 'mixpanel', ...each })),
  }))

/** Of each record the forms of the fields in which it is sent, as the ledger would name them; empty for one that is not. */
async function sent(records: readonly LogRecord[], applied: Policy, destination: string): Promise<Map<string, string>[]> {
  const decider = destinationDecider({ version: 1, appliedAt: 0, policy: applied }, destination)
  const protocol = protocols.get('mixpanel')
  assert.ok(decider !== undefined && protocol !== undefined)
  const placed = records.map((each, index) => ({ record: each, seq: index + 1, index: 0, policy: 1, surface: 's' }))
  const plan = await planRequests(placed, {
    destination,
    decider,
    at: NOW,
    epoch: 1,
    protocol: protocol.egress,
    vault: testVault(),
    context: { url: 'https://vendor.example', token: 'P', credentials: { kind: 'secret', secret: 's' } },
  })
  const fields = records.map(() => new Map<string, string>())
  for (const { members } of plan.requests) {
    for (const { placed: one, decision } of members) {
      for (const { field, form } of parseShape(decision.shape)) fields[one.seq - 1]?.set(field, form)
    }
  }
  return fields
}

async function applied(records: readonly LogRecord[], before: Policy, after: Policy): Promise<PlannedChange[]> {
  const changes = new Map<string, PlannedChange & { people: Set<number> }>()
  for (const destination of DESTINATIONS) {
    const [was, will] = [await sent(records, before, destination), await sent(records, after, destination)]
    for (const [index, one] of records.entries()) {
      const [left, leaves] = [was[index] ?? new Map(), will[index] ?? new Map()]
      for (const field of new Set([...left.keys(), ...leaves.keys()])) {
        const [from, to] = [left.get(field) ?? 'withheld', leaves.get(field) ?? 'withheld']
        if (from === to) continue
        const key = JSON.stringify([destination, field, from, to])
        const known = changes.get(key) ?? { destination, field, from, to, subjects: 0, events: 0, people: new Set<number>() }
        known.events += 1
        const person = one.user ?? one.device
        if (person !== undefined) known.people.add(person)
        changes.set(key, known as PlannedChange & { people: Set<number> })
      }
    }
  }
  return [...changes.values()].map(({ people, ...change }) => ({ ...change, subjects: people.size }))
}

test(`the plan is what applying does (seed ${SEED})`, { timeout: 600_000 }, async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-plan-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const server = await startWarehouse(folder)
  t.after(() => server.kill())
  const loader = openWarehouse({ path: server.path, token: server.tokens.worker, role: 'worker' })
  t.after(() => loader.close())
  const staff = openWarehouse({ path: server.path, token: server.tokens.staff, role: 'staff' })
  t.after(() => staff.close())
  const records = fc.sample(record, { numRuns: 600, seed: SEED })
  const entry = (seq: number, at: number, one: LogRecord): LogEntry => {
    return { seq, at, source: 's', protocol: 'p', surface: 's', trust: 'browser', policy: 1, records: [one] }
  }
  await loader.insertEvents(
    records.map((one, index) => entry(index + 1, NOW, one)),
    'recent',
  )
  // Too old to count.
  const long = NOW - 90 * 86_400_000
  await loader.insertEvents(
    records.map((one, index) => entry(10_000 + index, long, one)),
    'old',
  )
  let seen = 0
  let unseen = 0
  for (const [before, after] of fc.sample(fc.tuple(policy, policy), { numRuns: 12, seed: SEED })) {
    const { changes } = await planPolicy({ before, after, days: 30, now: NOW }, staff)
    const planned = changes.filter(({ events }) => events > 0)
    const done = await applied(records, before, after)
    const sorted = (list: readonly PlannedChange[]) => list.map((change) => JSON.stringify(change, Object.keys(change).sort())).sort()
    assert.deepEqual(sorted(planned), sorted(done))
    seen += planned.length
    unseen += changes.length - planned.length
  }
  assert.ok(seen > 50 && unseen > 0, `changes that events show: ${seen}, others: ${unseen}`)
})

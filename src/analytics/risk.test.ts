/** Risk in the real engine against a recomputation over the same events; matching against a population that is known. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { DAY_MS, dayOf } from '#base/clock.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import type { DestinationPolicy, Grant, Policy } from '#model/policy.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow, Warehouse } from '#warehouse/port.ts'
import { startWarehouse, type WarehouseProcess } from '#warehouse/warehouse-process.ts'
import { measureMatching } from './risk-behaviour.ts'
import { groupsIn, policyRisk } from './risk.ts'
import { POPULATION_EVENTS, populationEntries, seeded } from './population.ts'

const UNTIL = Date.UTC(2026, 2, 20)
const PEOPLE = 600
/** Nothing was sent of these. */
const SILENT = 40

let folder: string
let running: WarehouseProcess
let worker: Warehouse
let staff: Warehouse
const entries = populationEntries({ people: PEOPLE, days: 14, until: UNTIL, seed: 7 })
const records = entries.flatMap((entry) => entry.records)

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bh-'))
  running = await startWarehouse(folder)
  worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
  staff = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
  for (const [day, some] of Map.groupBy(entries, (entry: LogEntry) => dayOf(entry.at))) await worker.insertEvents(some, `events:${day}`)
  for (const destination of ['one', 'two']) {
    const rows = Array.from({ length: PEOPLE - SILENT }, (_, index) => disclosure(index + 1, destination))
    await worker.insertDisclosures(rows, `disclosures:${destination}`)
  }
})

after(async () => {
  await worker?.close()
  await staff?.close()
  await running?.kill()
  rmSync(folder, { recursive: true, force: true })
})

function disclosure(subject: number, destination: string): DisclosureRow {
  const at = UNTIL - 1000
  return {
    ...{ entry: 1, vendor: destination, destination, epoch: 1, route: '/import', purpose: 'p', policy: 1, surface: 'app' },
    ...{ shape: 'event:clear', subject, kind: 'user', groups: [], events: 1, first: at, last: at, sentAt: at, state: 'delivered' },
  }
}

function destination(id: string, fields: readonly string[], properties: readonly string[]): DestinationPolicy {
  const grants = ['event', 'time', 'user_id', ...fields].map((field) => ({
    field,
    form: field === 'time' ? 'coarse' : field.endsWith('_id') ? 'pseudonym' : 'clear',
    purpose: 'p',
    until: null,
    rule: field,
  }))
  return {
    vendor: id,
    destination: id,
    protocol: 'mixpanel',
    grants: grants as Grant[],
    events: [...POPULATION_EVENTS],
    properties: [...properties],
  }
}

function policyOf(...destinations: DestinationPolicy[]): Policy {
  return { store: { events: [...POPULATION_EVENTS], properties: ['plan', 'seats'], paths: [], referrers: [] }, destinations }
}

/** By person: the set of values of each field. */
function naive(fields: readonly ((record: LogRecord) => string)[], k: number): { people: number; unique: number; below: number } {
  const people = Map.groupBy(
    records.filter(({ user = 0 }) => user <= PEOPLE - SILENT),
    ({ user }) => user,
  )
  const combination = (own: readonly LogRecord[]): string => JSON.stringify(fields.map((field) => [...new Set(own.map(field))].sort()))
  const sizes = [...Map.groupBy(people.values(), combination).values()].map((group) => group.length)
  return {
    people: people.size,
    unique: sizes.filter((size) => size === 1).length,
    below: sizes.filter((size) => size < k).reduce((a, b) => a + b, 0),
  }
}

const OS = ({ context }: LogRecord): string => context?.os ?? ''
const COUNTRY = ({ context }: LogRecord): string => context?.country ?? ''
const SEATS = ({ properties }: LogRecord): string => String(properties?.['seats'])
const GROUP = ({ groups }: LogRecord): string => String(groups?.[0]?.ordinal ?? '')

test('unique people and those below k are those of a recomputation', async () => {
  const cases: [fields: string[], properties: string[], read: ((record: LogRecord) => string)[]][] = [
    [['country'], [], [COUNTRY]],
    [['country', 'os'], [], [COUNTRY, OS]],
    [['os', 'property.*'], ['seats'], [OS, SEATS]],
    [['country', 'os', 'group_id', 'property.*'], ['seats'], [COUNTRY, OS, GROUP, SEATS]],
  ]
  for (const k of [2, 5]) {
    for (const [fields, properties, read] of cases) {
      const policy = policyOf(destination('one', fields, properties))
      const { destinations } = await policyRisk({ days: 30, k }, { policy, now: UNTIL, warehouse: staff })
      const [risk] = destinations
      assert.deepEqual({ people: risk?.people, unique: risk?.unique, below: risk?.below }, naive(read, k), `${fields} at ${k}`)
      assert.equal(risk?.sampled, 1)
    }
  }
})

test('the answer says which property has rare values, and never one of them', async () => {
  const policy = policyOf(destination('one', ['country', 'os', 'property.*'], ['plan', 'seats']))
  const answer = await policyRisk({ days: 30, k: 5 }, { policy, now: UNTIL, warehouse: staff })
  const [risk] = answer.destinations
  assert.deepEqual(risk?.quasiIdentifiers, ['country', 'os', 'property.plan', 'property.seats'])
  const rare = risk?.fields.find(({ field }) => field === 'property.seats')
  assert.equal(rare?.alone, naive([SEATS], 5).unique)
  assert.equal(
    rare?.saved,
    naive([COUNTRY, OS, SEATS, (record) => String(record.properties?.['plan'])], 5).below -
      naive([COUNTRY, OS, (record) => String(record.properties?.['plan'])], 5).below,
  )
  assert.doesNotMatch(JSON.stringify(answer), /enterprise|Windows|Page opened/)
})

test('what is not granted, not sent or too old identifies nobody', async () => {
  const at = async (policy: Policy, now = UNTIL) =>
    (await policyRisk({ days: 30, k: 5 }, { policy, now, warehouse: staff })).destinations[0]
  const none = await at(policyOf(destination('one', [], [])))
  assert.deepEqual([none?.unique, none?.below, none?.quasiIdentifiers], [0, 0, []])
  assert.equal((await at(policyOf(destination('never', ['country'], []))))?.people, 0)
  assert.equal((await at(policyOf(destination('one', ['country'], [])), UNTIL + 90 * DAY_MS))?.people, 0)
  const { grants, ...rest } = destination('one', ['country'], [])
  const nobody = await at(policyOf({ ...rest, grants: grants.filter(({ field }) => field !== 'user_id') }))
  assert.equal(nobody?.people, 0, 'without an identifier there are no people there')
  assert.deepEqual([none?.clear, nobody?.clear], [[], []])
  const agreed = { until: UNTIL + 1, approval: { id: 1, proposedBy: 'ann', approvedBy: 'bob' } }
  const email = { field: 'email' as const, form: 'clear' as const, purpose: 'p', rule: 'r', ...agreed }
  const clear = policyOf({ ...rest, grants: [email, ...grants] })
  assert.deepEqual([(await at(clear))?.clear, (await at(clear, UNTIL + 1))?.clear], [['email'], []])
  const odd = await at(policyOf(destination('one', ['property.*'], ["it's {x:String}", '\n\n', 'plan'])))
  assert.equal(odd?.fields.find(({ field }) => field === 'property.plan')?.values, 4)
})

test('two destinations are matched by what both get, and only by that', async () => {
  const some = { ...destination('two', ['device_id'], []), events: POPULATION_EVENTS.slice(0, 3) }
  const { pairs } = await policyRisk(
    { days: 30, k: 5 },
    { policy: policyOf(destination('one', [], []), some), now: UNTIL, warehouse: staff },
  )
  const [pair] = pairs
  assert.deepEqual([pair?.destinations, pair?.granted, pair?.sampled], [['one', 'two'], ['rounded', 'rounded'], 1])
  const common = new Set(
    records.filter(({ name, user = 0 }) => some.events.includes(name ?? '') && user <= PEOPLE - SILENT).map(({ user }) => user),
  )
  assert.equal(pair?.people, common.size)
  assert.equal(pair?.withoutRounding.times, 1, 'two people never do a thing in the same millisecond here')
  assert.ok((pair?.withRounding.times ?? 2) <= 1)
  assert.equal(
    pair?.byEvents.reduce((sum, { people }) => sum + people, 0),
    common.size,
  )
})

test('matching finds who is alone in what they did, and no others', () => {
  const doings = (...events: [name: number, time: number][]) => ({
    names: Uint32Array.from(events, ([name]) => name),
    times: Float64Array.from(events, ([, time]) => time),
  })
  const t = 1_000_000
  const people = [
    doings([1, t], [2, t + 60_000]),
    doings([1, t + 3_000], [2, t + 63_000]),
    doings([1, t], [2, t + 90_000]),
    doings([3, t]),
    doings([1, t + 600_000], [2, t + 700_000]),
  ]
  const found = measureMatching(people, (person) => [person * 1000, (person * 7919 + 5) * 1000])
  assert.deepEqual(found.withoutRounding, { sequence: 0.2, daily: 0.2, times: 1 })
  // The first two are within the grid of each other in both events; the third is so in the first alone.
  assert.equal(found.withRounding.times, 0.6)
  assert.deepEqual(
    found.byEvents.map(({ people: many }) => many),
    [1, 4, 0, 0],
  )
})

test('runs are counted by their length', () => {
  const random = seeded(3)
  const values = Float64Array.from({ length: 500 }, () => Math.floor(random() ** 3 * 90))
  const sizes = [...Map.groupBy([...values], (value) => value).values()].map((run) => run.length)
  assert.deepEqual(groupsIn(values, 4), {
    groups: sizes.length,
    unique: sizes.filter((size) => size === 1).length,
    below: sizes.filter((size) => size < 4).reduce((a, b) => a + b, 0),
    groupsBelow: sizes.filter((size) => size < 4).length,
  })
  assert.deepEqual(groupsIn(new Float64Array(), 5), { groups: 0, unique: 0, below: 0, groupsBelow: 0 })
})

/**
 * Law 6 over whole data sets: one population, sent to two vendors, and again after their epochs have changed. Real decoder,
 * split, vault, ledger, policy, encoder, forwarders and HTTP; two Mixpanel clouds keep what they get. Then whatever
 * somebody with all four data sets could join by is tried: equal values of any two columns, their hashes, parts of them, and
 * the order in which people stand in a request. That the search finds what is there is tried by planting joins.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { populationEntries, seeded } from '#analytics/population.ts'
import { systemClock } from '#base/clock.ts'
import { Secret } from '#base/secret.ts'
import { type MixpanelCloud, startMixpanelCloud } from '#drill/mixpanel-cloud.ts'
import { createForwarder } from '#forward/forwarder.ts'
import { Manifests } from '#forward/manifest-memory.ts'
import { createHttpSend } from '#forward/send-http.ts'
import { testLog, testRecords } from '#forward/testing-parts.ts'
import { buildWindow, learnOrdinals, logDrafts } from '#ingest/window.ts'
import { VaultMemory } from '#ingest/vault-memory.ts'
import { openLedger } from '#ledger/ledger.ts'
import type { Config, DestinationConfig, SourceConfig } from '#model/config.ts'
import type { DecodedRequest } from '#model/protocol.ts'
import type { PolicyVersion } from '#model/policy.ts'
import { compilePolicy, destinationDecider, policyFromConfig } from '#policy/policy.ts'
import { protocols } from '#protocols/registry.ts'
import { createSplit } from '#split/split.ts'
import { LOOK, withVault } from '#vault/testing.ts'
import type { Vault } from '#vault/vault.ts'
import { POPULATION_EVENTS } from '#analytics/population.ts'

const PEOPLE = 250
const UNTIL = Date.UTC(2026, 2, 20)
const SOURCE: SourceConfig = {
  ...{ id: 'web', protocol: 'mixpanel', token: 'T', trust: 'server', namespace: 'default', surface: 'app' },
  groupKeys: ['company'],
}

/** As the SDKs send it: every identifier that they make, most of them under several names. */
function wireRecords(round: number): { route: string; records: unknown[] }[] {
  const random = seeded(11)
  const id = (kind: string, number: number | string): string =>
    createHash('sha256')
      .update(`${kind} ${number}`)
      .digest('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5')
  const events = populationEntries({ people: PEOPLE, days: 3, until: UNTIL, seed: 5 }).flatMap((entry) => entry.records)
  const track = events.map((event, index) => ({
    event: event.name,
    properties: {
      ...{ token: 'T', time: event.time / 1000, distinct_id: `user-${event.user}`, $user_id: `user-${event.user}` },
      ...{ $device_id: id('device', event.user ?? 0), $insert_id: `insert-${round}-${index}`, messageId: id('message', index) },
      ...{ $session_id: id('session', event.user ?? 0), $mp_replay_id: id('replay', event.user ?? 0), gclid: id('click', index) },
      ...{
        plan: event.properties?.['plan'],
        company: `company-${event.groups?.[0]?.ordinal ?? 'none'}`,
        mp_country_code: event.context?.country,
      },
      ...{
        $os: event.context?.os,
        $browser: event.context?.browser,
        $email: `user-${event.user}@mail.example`,
        page_view_id: id('page', index),
      },
    },
  }))
  const identify = Array.from({ length: PEOPLE }, (_, index) => ({
    event: '$identify',
    properties: {
      ...{ token: 'T', time: UNTIL / 1000 - random() * 1000, $identified_id: `user-${index + 1}`, $anon_id: id('device', index + 1) },
      ...{ distinct_id: `user-${index + 1}`, $insert_id: `identify-${round}-${index}` },
    },
  }))
  const engage = Array.from({ length: PEOPLE }, (_, index) => ({
    ...{
      $token: 'T',
      $distinct_id: `user-${index + 1}`,
      $set: { plan: 'team', $email: `user-${index + 1}@mail.example`, mp_country_code: 'US' },
    },
  }))
  return [
    { route: '/track', records: [...track, ...identify] },
    { route: '/engage', records: engage },
  ]
}

function configOf(clouds: readonly MixpanelCloud[]): Config {
  const none = { approved: [] }
  const destinations = clouds.map(
    ({ url }, index): DestinationConfig => ({
      ...{ id: `d-${index}`, vendor: 'v', protocol: 'mixpanel', url, token: 'PROJECT', deletionToken: undefined, grants: undefined },
      credentials: { kind: 'secret', secret: new Secret('sss') },
      events: { approved: [...POPULATION_EVENTS] },
      properties: { approved: ['plan'] },
    }),
  )
  return {
    sources: [SOURCE],
    vendors: [{ id: 'v', name: 'v', destinations }],
    store: { events: none, properties: none, paths: none, referrers: none },
  } as unknown as Config
}

/** One data set: rows of a vendor, flat, in the order in which they came, a list for each request. */
interface DataSet {
  name: string
  rows: Record<string, string>[]
}

function flatten(value: unknown, key: string, into: Record<string, string>): void {
  if (typeof value === 'object' && value !== null) for (const [inner, one] of Object.entries(value)) flatten(one, `${key}.${inner}`, into)
  else if (value !== null && value !== undefined) into[key] = String(value)
}

function rowsOf(cloud: MixpanelCloud, from: number): Record<string, string>[] {
  return cloud
    .loot()
    .slice(from)
    .map(({ record }) => {
      const row: Record<string, string> = {}
      flatten(record, '', row)
      return row
    })
}

/** Whom a row is about there. */
function subjectIn(row: Record<string, string>): string {
  return (row['.properties.distinct_id'] ?? row['.$distinct_id'] ?? '').replace('$device:', '')
}

/** What is granted as it is or coarse: by rare values of it and by behaviour people can be matched, which `policy risk` measures. */
const NO_IDENTIFIER = /\.(?:event|time|plan|\$os|\$browser|mp_country_code|\$country_code)$/

/** Values that stand for one subject alone, with it. */
function identifyingValues({ rows }: DataSet): Map<string, { column: string; subject: string }> {
  const found = new Map<string, { column: string; subject: string } | undefined>()
  for (const row of rows) {
    const subject = subjectIn(row)
    for (const [column, value] of Object.entries(row)) {
      if (NO_IDENTIFIER.test(column)) continue
      const known = found.get(value)
      if (known === undefined && !found.has(value)) found.set(value, { column, subject })
      else if (known !== undefined && known.subject !== subject) found.set(value, undefined)
    }
  }
  return new Map([...found].flatMap(([value, one]) => (one === undefined ? [] : [[value, one] as const])))
}

/** The value as it stands, and what somebody may make of it to compare. */
function formsOf(value: string): string[] {
  const bare = value.replace('$device:', '').replaceAll('-', '').toLowerCase()
  const hashes = ['md5', 'sha1', 'sha256'].flatMap((name) =>
    [value, bare].flatMap((text) => (['hex', 'base64'] as const).map((encoding) => createHash(name).update(text).digest(encoding))),
  )
  const parts = bare.length >= 24 ? [bare.slice(0, 14), bare.slice(-14), bare.slice(9, 23), [...bare].reverse().join('')] : []
  return [value, bare, ...hashes, ...parts]
}

/** Columns of the one that join with columns of the other, and by how many values. */
function joins(one: DataSet, other: DataSet): Map<string, number> {
  const there = new Map<string, string>()
  for (const [value, { column }] of identifyingValues(other)) for (const form of formsOf(value)) there.set(form, column)
  const found = new Map<string, number>()
  for (const [value, { column }] of identifyingValues(one)) {
    // Hashes of the one among plain values of the other, and the other way round.
    const match = formsOf(value)
      .map((form) => there.get(form))
      .find((name) => name !== undefined)
    if (match !== undefined) found.set(`${column} = ${match}`, (found.get(`${column} = ${match}`) ?? 0) + 1)
  }
  return found
}

test('no column of two vendors or two epochs joins people, whatever is tried', { timeout: 600_000 }, async (t) => {
  const account = { token: 'PROJECT', projectId: '1', credentials: { kind: 'secret' as const, secret: 'sss' } }
  const clouds = [await startMixpanelCloud(account), await startMixpanelCloud(account)]
  t.after(() => Promise.all(clouds.map((cloud) => cloud.close())))
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-law6-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const config = configOf(clouds)
  const policy: PolicyVersion = { version: 1, appliedAt: 0, policy: policyFromConfig(config) }

  await withVault(async (vault) => {
    const ledger = await openLedger({ dir, clock: systemClock })
    const log = testLog()
    const memory = new VaultMemory()
    const split = createSplit({ policy: compilePolicy(policy.policy), placeOf: () => ({}) })
    const flow = { vendor: 'v', state: 'open' as const, fence: 0, changedAt: 0, actor: 'a', reason: 'r' }
    const forwarders = config.vendors[0]?.destinations.map((destination) => {
      const decider = destinationDecider(policy, destination.id)
      const protocol = protocols.get('mixpanel')
      assert.ok(decider && protocol)
      return createForwarder({
        ...{
          destination,
          decider: () => decider,
          protocol,
          log,
          ledger,
          vault,
          manifests: new Manifests(vault),
          records: testRecords(flow),
        },
        ...{ send: createHttpSend(), clock: systemClock, random: Math.random, registry: new Registry(), tempo: { lingerMs: 0 } },
      })
    })
    assert.ok(forwarders)
    const sets: DataSet[] = []
    for (const epoch of [1, 2]) {
      const before = clouds.map((cloud) => cloud.loot().length)
      for (const { route, records } of wireRecords(epoch)) await ingest(route, records, { vault, memory, split, log })
      for (const forwarder of forwarders) while (forwarder.status().lag > 0) await forwarder.step()
      for (const [index, cloud] of clouds.entries())
        sets.push({ name: `vendor ${index}, epoch ${epoch}`, rows: rowsOf(cloud, before[index] ?? 0) })
      for (const index of clouds.keys()) vault.closeEpoch(`d-${index}`, epoch)
    }
    for (const forwarder of forwarders) await forwarder.close()
    await ledger.close()
    for (const cloud of clouds) assert.deepEqual(cloud.schemaErrors(), [])
    for (const { name, rows } of sets) assert.ok(new Set(rows.map(subjectIn)).size >= PEOPLE, `${name} has everybody`)

    for (const [index, one] of sets.entries()) {
      for (const other of sets.slice(index + 1)) {
        assert.deepEqual(joins(one, other), new Map(), `${one.name} joins ${other.name}`)
        assert.deepEqual(joins(other, one), new Map(), `${other.name} joins ${one.name}`)
      }
    }
    await checkOrder(sets, vault)
    checkSearch(sets)
  })
})

interface Way {
  vault: Vault
  memory: VaultMemory
  split: ReturnType<typeof createSplit>
  log: ReturnType<typeof testLog>
}

/** What the gateway does with a request, without its socket and its disk. */
async function ingest(route: string, records: readonly unknown[], { vault, memory, split, log }: Way): Promise<void> {
  const protocol = protocols.get('mixpanel')?.ingest
  const found = protocol?.route(route)
  assert.ok(protocol && found)
  for (let from = 0; from < records.length; from += 200) {
    const body = Buffer.from(JSON.stringify(records.slice(from, from + 200)))
    const request = { route: found, method: 'POST', query: new URLSearchParams(), body, basicUser: undefined, gunzip: () => undefined }
    const decoded: DecodedRequest = protocol.decode(request)
    assert.deepEqual(decoded.faults, [])
    const draft = split(decoded.records, { receivedAt: UNTIL, source: SOURCE, clientAddress: undefined, userAgent: undefined, consent: {} })
    const parts = [{ receivedAt: UNTIL, protocol: 'mixpanel', source: SOURCE, policy: 1, draft }]
    const window = buildWindow(parts, memory)
    const reply = await vault.commitWindow(window.request)
    learnOrdinals(window, reply, memory)
    const places = window.waiting.map(() => ({ folder: 1, offset: 0, length: 1 }))
    const [made] = logDrafts(window, reply, { day: 1, hashes: Buffer.alloc(16 * window.dedup.length), places })
    log.add(...(made?.records ?? []))
  }
}

/** Nobody stands in the same place at both; what one vendor sees first says nothing of what the other sees first. */
async function checkOrder(sets: readonly DataSet[], vault: Vault): Promise<void> {
  const orders = await Promise.all(
    sets.map(async ({ rows }, index) => {
      const subjects = [...new Set(rows.filter((row) => row['.$distinct_id'] !== undefined).map(subjectIn))]
      const resolved = await vault.resolvePseudonyms({ destination: `d-${index % 2}` }, subjects, LOOK)
      return resolved.map((one) => one?.ordinal ?? 0)
    }),
  )
  for (const [index, one] of orders.entries()) {
    assert.ok(one.length >= PEOPLE && !one.includes(0))
    assert.ok(Math.abs(rankCorrelation(one, one) - 1) < 1e-9)
    for (const other of orders.slice(index + 1)) {
      const inPlace = one.filter((ordinal, place) => other[place] === ordinal).length
      // A random order has one on average; more than twelve come once in ten billion runs.
      assert.ok(inPlace <= 12, `${inPlace} people stand in the same place`)
      // 250 people: a standard deviation of 0.063.
      assert.ok(Math.abs(rankCorrelation(one, other)) < 0.4, 'the order of the one tells the order of the other')
    }
  }
}

function rankCorrelation(one: readonly number[], other: readonly number[]): number {
  const places = new Map(other.map((ordinal, place) => [ordinal, place]))
  const pairs = one.flatMap((ordinal, place) => (places.has(ordinal) ? [[place, places.get(ordinal) as number] as const] : []))
  const squares = pairs.reduce((sum, [a, b]) => sum + (a - b) ** 2, 0)
  return 1 - (6 * squares) / (pairs.length * (pairs.length ** 2 - 1))
}

/** Joins that are there must be found, or finding none says nothing. */
function checkSearch([one, other]: readonly DataSet[]): void {
  assert.ok(one && other)
  assert.ok((joins(one, one).get('.properties.$insert_id = .properties.$insert_id') ?? 0) > PEOPLE)
  const column = '.properties.$insert_id'
  const plants: ((value: string) => string)[] = [
    (value) => value,
    (value) => createHash('sha256').update(value).digest('hex'),
    (value) => createHash('md5').update(value.replaceAll('-', '')).digest('base64'),
    (value) => `x${value.replaceAll('-', '').slice(-14)}`.slice(1),
  ]
  for (const plant of plants) {
    const rows = other.rows.map((row, index) => ({ ...row, planted: plant(one.rows[index]?.[column] ?? `none-${index}`) }))
    const found = joins({ ...other, rows }, one)
    assert.ok(
      [...found.keys()].some((name) => name.startsWith('planted')),
      `a planted join is found: ${plant}`,
    )
  }
}

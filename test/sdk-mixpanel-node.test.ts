/**
 * The official npm `mixpanel` with only its host changed: every call is told that it was taken, stands in the own
 * warehouse, and reaches the vendor reduced to what was granted. Over TLS, as its credentials demand.
 */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import sdk from 'mixpanel'
import { waitUntil } from '#drill/program.ts'
import { makeFolder, startBulkhead } from './support/bulkhead.ts'
import { makeCertificate } from './support/certificate.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { waitForWarehouse } from './support/counts.ts'
import { openServerSdk, told } from './support/server-sdk.ts'
import { eventsOf, startVendor } from './support/vendor.ts'
import { askWarehouse } from './support/warehouse.ts'

const SECRETS = ['asha', 'verma', 'mail.example', 'acme-id', 'user-1', 'user-2', 'Acme Corporation', '198.18.', 'private', 'Unapproved']

test('every call of the Node SDK', { timeout: 600_000 }, async (t) => {
  const vendor = await startVendor(t)
  const folder = makeFolder(t)
  mkdirSync(folder, { recursive: true })
  const { cert, key } = makeCertificate()
  writeFileSync(path.join(folder, 'cert.pem'), cert)
  writeFileSync(path.join(folder, 'key.pem'), key)
  setDefaultCACertificates([...getCACertificates('default'), cert])
  const config = testConfig({
    vendorUrl: vendor.url,
    events: ['Invoice paid', 'Key created', 'Imported'],
    properties: ['amount', 'count', 'plan', 'is_trial'],
    more: `gateway:\n  tls: {cert: ${path.join(folder, 'cert.pem')}, key: ${path.join(folder, 'key.pem')}}\n`,
  })
  const program = await startBulkhead(t, { folder, config, env: vendorEnvironment })
  assert.match(program.gatewayUrl, /^https:/)
  // Only the host differs from what an application has: credentials, protocol and agent are the SDK's own.
  const credentials = new sdk.ServiceAccountCredentials('account', 'secret', '12345')
  const { client, complaints } = openServerSdk(program.gatewayUrl, TOKENS.server, { credentials })
  const verbose = openServerSdk(program.gatewayUrl, TOKENS.server, { verbose: true, geolocate: true })

  const person = { distinct_id: 'user-1', $email: 'asha@mail.example', ip: '198.18.0.9', company: 'acme-id' }
  await told((done) => client.track('Invoice paid', { ...person, amount: 12.5, plan: 'pro', is_trial: false, note: 'private' }, done))
  await told((done) => client.track('Unapproved Asha', { ...person, amount: 1 }, done))
  await told((done) => verbose.client.track('Key created', { ...person, count: 2 }, done))
  const batch = Array.from({ length: 120 }, (_, n) => ({
    event: 'Key created',
    properties: { ...person, distinct_id: `user-2-${n}`, count: n },
  }))
  await told((done) => client.track_batch(batch, (errors) => done(errors)))
  await told((done) => client.import('Imported', new Date(Date.now() - 20 * 86_400_000), { ...person, count: 3 }, done))
  const history = Array.from({ length: 70 }, (_, n) => ({
    event: 'Imported',
    properties: { ...person, time: new Date(Date.now() - (30 + n) * 86_400_000), count: n },
  }))
  await told((done) => client.import_batch(history, (errors) => done(errors)))
  await told((done) => client.alias('user-1', 'user-1-private', done))
  const events = 1 + 1 + 1 + 120 + 1 + 70 + 1

  const { people, groups } = client
  await told((done) => people.set('user-1', { $name: 'Asha Verma', $email: 'asha@mail.example', plan: 'pro' }, { $ip: '198.18.0.9' }, done))
  await told((done) => people.set('user-1', 'plan', 'team', done))
  await told((done) => people.set_once('user-1', { $created: '2026-01-02', count: 1 }, done))
  await told((done) => people.increment('user-1', 'count', 5, done))
  await told((done) => people.increment('user-1', { count: 2, amount: 1 }, done))
  await told((done) => people.append('user-1', { plan: 'gold', note: 'private' }, done))
  await told((done) => people.union('user-1', { plan: ['gold'], friends: ['asha'] }, done))
  await told((done) => people.remove('user-1', { plan: 'gold' }, done))
  await told((done) => people.track_charge('user-1', 50, { plan: 'pro' }, done))
  await told((done) => people.clear_charges('user-1', done))
  await told((done) => people.unset('user-1', ['plan', 'private thing'], done))
  await told((done) => people.delete_user('user-2', done))
  await told((done) => groups.set('company', 'acme-id', { $name: 'Acme Corporation', count: 4 }, done))
  await told((done) => groups.set_once('company', 'acme-id', { count: 4, owner: 'asha@mail.example' }, done))
  await told((done) => groups.union('company', 'acme-id', { plan: ['pro'] }, done))
  await told((done) => groups.remove('company', 'acme-id', { plan: 'pro' }, done))
  await told((done) => groups.unset('company', 'acme-id', ['plan'], done))
  await told((done) => groups.delete_group('company', 'acme-id', done))
  assert.deepEqual([...complaints, ...verbose.complaints], [], 'the SDK complained about nothing')

  await waitForWarehouse(program, events)
  const expected = { 'Invoice paid': 1, 'Key created': 121, Imported: 71 }
  const atVendor = (): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const { event } of eventsOf(vendor.loot())) if (event in expected) counts[event] = (counts[event] ?? 0) + 1
    return counts
  }
  await waitUntil('the vendor has what was approved', () => Object.entries(expected).every(([name, count]) => atVendor()[name] === count))
  await waitUntil('profiles are there', () => vendor.loot().some((row) => row.route === '/engage'))
  await waitUntil('groups are there', () => vendor.loot().some((row) => row.route === '/groups'))

  const loot = vendor.loot()
  const text = JSON.stringify(loot) + JSON.stringify(vendor.requests())
  for (const secret of SECRETS) assert.ok(!text.toLowerCase().includes(secret.toLowerCase()), `${secret} reached the vendor`)
  assert.deepEqual(vendor.schemaErrors(), [])
  assert.deepEqual(
    loot.filter((row) => !row.accepted).map((row) => row.reason),
    [],
  )
  const paid = eventsOf(loot).find(({ event }) => event === 'Invoice paid')?.properties ?? {}
  assert.deepEqual(
    [paid.amount, paid.plan, paid.is_trial, paid.ip],
    [12.5, 'pro', false, 0],
    'granted values as they were, place switched off',
  )
  assert.match(String(paid.distinct_id), /^[0-9a-f]{8}-[0-9a-f]{4}-4/)
  assert.match(JSON.stringify(paid.company), /^\["[0-9a-f-]{36}"\]$/, 'the organisation as a pseudonym')
  const ids = eventsOf(loot)
    .filter(({ event }) => event === 'Imported')
    .map(({ properties }) => properties.distinct_id)
  assert.deepEqual([...new Set(ids)], [paid.distinct_id], 'one person is one pseudonym on every road')

  await program.stop()
  const rows = await askWarehouse<{ type: string; op: string; event: string; copies: number }>(
    path.join(program.dataDir, 'warehouse'),
    'SELECT type, op, event, toUInt32(count()) AS copies FROM events GROUP BY type, op, event',
  )
  const count = (wanted: Partial<{ type: string; op: string; event: string }>): number =>
    rows
      .filter((row) => Object.entries(wanted).every(([name, value]) => row[name as 'type'] === value))
      .reduce((sum, row) => sum + row.copies, 0)
  assert.equal(count({ event: 'Key created' }), 121)
  assert.equal(count({ event: 'Imported' }), 71)
  assert.equal(count({ type: 'event', event: '' }), 1, 'the unapproved name waits')
  assert.equal(count({ type: 'merge' }), 1, 'the alias')
  for (const [op, copies] of Object.entries({ set: 3, set_once: 1, add: 2, append: 2, union: 1, remove: 1, unset: 1, delete: 1 })) {
    assert.equal(count({ type: 'profile', op }), copies, `profile operation ${op}`)
  }
  assert.equal(count({ type: 'group' }), 6)
})

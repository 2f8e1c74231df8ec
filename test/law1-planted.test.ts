/**
 * Law 1: recognised identity and all unapproved text are stored sealed only. Thousands of planted values go in by every
 * door; afterwards none stands, in any encoding, in any byte of the data folder, in any text column of the warehouse, in
 * any output, or at the vendor.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Program, waitUntil } from '#drill/program.ts'
import { lastJson, startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { waitForWarehouse } from './support/counts.ts'
import { formBody, send } from './support/gateway-client.ts'
import { type Planted, startPlanting } from './support/planted.ts'
import { type Hit, scanBytes, scanFolder } from './support/search.ts'
import { openServerSdk, told } from './support/server-sdk.ts'
import { eventsOf, startVendor } from './support/vendor.ts'
import { askWarehouse } from './support/warehouse.ts'

const EVENTS_PER_FORM = 12

/** An event that carries planted text in every place. */
function plantedEvent(planted: Planted, token: string, n: number): Record<string, unknown> {
  const odd = `property ${planted.word()}`
  return {
    event: n % 3 === 0 ? 'Approved event' : n % 3 === 1 ? `Event ${planted.word()}` : `घटना ${planted.devanagari()}`,
    properties: {
      token,
      n,
      distinct_id: n % 2 === 0 ? planted.word() : planted.email(),
      $device_id: planted.word(),
      $user_id: planted.word(),
      $insert_id: planted.word(),
      time: Date.now() / 1000,
      $name: planted.name(),
      $email: planted.email(),
      $phone: planted.phone(),
      ip: planted.ip(),
      phone: planted.phone(),
      email: planted.email(),
      'Full Name': planted.devanagari(),
      company: planted.word(),
      $current_url: planted.url(),
      $referrer: planted.url(),
      $initial_referrer: planted.url(),
      $referring_domain: `${planted.word()}.example`,
      current_page_title: planted.name(),
      current_url_path: `/u/${planted.word()}/x`,
      current_url_search: `?q=${planted.word()}`,
      $user_agent: planted.userAgent(),
      $browser: planted.word(),
      $os: planted.word(),
      mp_keyword: planted.name(),
      utm_source: planted.word(),
      utm_campaign: planted.email(),
      gclid: planted.word(),
      $city: planted.word(),
      mp_country_code: planted.word(),
      mp_lib: planted.word(),
      $screen_width: planted.word(),
      [odd]: 1,
      [`${planted.email()}`]: true,
      free: planted.name(),
      list: [planted.name(), planted.phone(), [planted.ip()]],
      nested: { deep: { deeper: planted.email(), [planted.word()]: planted.devanagari() } },
      json: JSON.stringify({ in: planted.name(), at: [planted.email()] }),
      number_phone: Number(planted.phone().slice(1)),
      password: planted.word(),
      api_key: `sk-proj-${planted.word()}${'a'.repeat(30)}`,
      // Approved keys with a value that nobody could have approved.
      plan: planted.email(),
      amount: { [planted.word()]: planted.name() },
    },
  }
}

function plantedProfile(planted: Planted, token: string): Record<string, unknown> {
  return {
    $token: token,
    $distinct_id: planted.word(),
    $ip: planted.ip(),
    $set: {
      $name: planted.name(),
      $first_name: planted.devanagari(),
      $email: planted.email(),
      $phone: planted.phone(),
      [planted.word()]: planted.word(),
    },
    $set_once: { $avatar: planted.url(), first_seen_by: planted.name() },
    $union: { tags: [planted.word(), planted.devanagari()] },
    $append: { notes: planted.name() },
    $unset: [planted.word(), planted.email()],
  }
}

function plantedGroup(planted: Planted, token: string): Record<string, unknown> {
  return {
    $token: token,
    $group_key: Math.random() < 0.5 ? 'company' : planted.word(),
    $group_id: planted.word(),
    $set: { $name: planted.name(), owner: planted.email(), [planted.word()]: [planted.devanagari()] },
  }
}

/** Every body form, by both sources, with headers that carry text too. */
async function plantOverHttp(program: Program, planted: Planted): Promise<number> {
  const json = { 'content-type': 'application/json' }
  let sent = 0
  let n = 0
  const batch = (token: string): unknown[] => Array.from({ length: EVENTS_PER_FORM }, () => plantedEvent(planted, token, n++))
  const outer = (): Record<string, string> => ({
    'user-agent': planted.userAgent(),
    'x-forwarded-for': planted.ip(),
    referer: planted.url(),
    cookie: `session=${planted.word()}`,
    'accept-language': planted.word(),
    'x-odd': planted.word(),
  })
  const post = async (route: string, headers: Record<string, string>, body: string | Buffer): Promise<void> => {
    const answer = await send(`${program.gatewayUrl}${route}`, { headers: { ...outer(), ...headers }, body })
    assert.ok(answer.status === 200, `${route}: ${answer.status} ${answer.body.slice(0, 200)}`)
  }
  for (const token of [TOKENS.browser, TOKENS.server]) {
    await post('/track/?verbose=1&ip=1', {}, formBody(batch(token)))
    await post('/track', json, JSON.stringify(batch(token)))
    await post('/track', { ...json, 'content-encoding': 'gzip' }, gzipSync(JSON.stringify(batch(token))))
    await post(
      '/track',
      json,
      batch(token)
        .map((record) => JSON.stringify(record))
        .join('\n'),
    )
    sent += 4 * EVENTS_PER_FORM
    const one = Buffer.from(JSON.stringify(plantedEvent(planted, token, n++))).toString('base64')
    const got = await send(`${program.gatewayUrl}/track?data=${encodeURIComponent(one)}&odd=${planted.word()}`, { headers: outer() })
    assert.equal(got.body, '1')
    sent++
    await post('/engage/?verbose=1', {}, formBody(Array.from({ length: 10 }, () => plantedProfile(planted, token))))
    await post('/groups/', {}, formBody(Array.from({ length: 10 }, () => plantedGroup(planted, token))))
    const identities = [
      {
        event: '$identify',
        properties: {
          token,
          distinct_id: planted.word(),
          $anon_distinct_id: planted.word(),
          $user_id: planted.email(),
          $device_id: planted.word(),
        },
      },
      { event: '$create_alias', properties: { token, distinct_id: planted.word(), alias: planted.email() } },
    ]
    await post('/track', json, JSON.stringify(identities))
    sent += identities.length
  }
  const imported = batch(TOKENS.server)
  const login = `Basic ${Buffer.from(`${planted.word()}:${planted.word()}`).toString('base64')}`
  await post(`/import?project_id=${planted.word()}`, { ...json, authorization: login }, JSON.stringify(imported))
  sent += imported.length
  // What keeps nothing: flags, settings, recordings, unknown tokens, broken bodies, unknown paths.
  const context = encodeURIComponent(JSON.stringify({ distinct_id: planted.word(), email: planted.email() }))
  await send(`${program.gatewayUrl}/flags/?context=${context}&token=${TOKENS.browser}`, { headers: outer() })
  await send(`${program.gatewayUrl}/settings/?token=${planted.word()}`, { headers: outer() })
  const replay = new URLSearchParams({ distinct_id: planted.email(), $current_url: planted.url(), replay_id: planted.word() })
  await send(`${program.gatewayUrl}/record/?${replay}`, { headers: outer(), body: JSON.stringify([planted.name()]) })
  await send(`${program.gatewayUrl}/track`, {
    headers: { ...json, ...outer() },
    body: JSON.stringify([plantedEvent(planted, planted.word(), n++)]),
  })
  await send(`${program.gatewayUrl}/track`, { headers: { ...json, ...outer() }, body: `[{"event":"${planted.name()}", ${planted.email()}` })
  await send(`${program.gatewayUrl}/${planted.word()}?${planted.word()}`, { headers: outer() })
  return sent
}

async function plantOverSdk(program: Program, planted: Planted): Promise<number> {
  const { client: sdk } = openServerSdk(program.gatewayUrl, TOKENS.server)
  for (let count = 0; count < 15; count++) {
    const id = planted.word()
    const { properties } = plantedEvent(planted, TOKENS.server, count) as { properties: Record<string, unknown> }
    await told((done) => sdk.track(`Event ${planted.word()}`, { ...properties, distinct_id: id }, done))
    await told((done) =>
      sdk.people.set(
        id,
        { $name: planted.name(), $email: planted.email(), [planted.word()]: planted.phone() },
        { $ip: planted.ip() },
        done,
      ),
    )
    await told((done) => sdk.groups.set('company', planted.word(), { $name: planted.devanagari() }, done))
    await told((done) => sdk.alias(id, planted.email(), done))
  }
  return 30
}

test('law 1: no planted value in any byte, column or output', { timeout: 10 * 60_000 }, async (t) => {
  const planted = startPlanting()
  const vendor = await startVendor(t)
  const config = testConfig({
    vendorUrl: vendor.url,
    events: ['Approved event'],
    properties: ['n', 'plan', 'amount'],
    more: 'gateway: {trustProxy: ["127.0.0.1/32"]}\n',
  })
  const program = await startBulkhead(t, { config, env: vendorEnvironment })

  const known = { id: planted.word(), email: planted.email(), name: planted.name() }
  const csv = [known, ...Array.from({ length: 40 }, () => ({ id: planted.word(), email: planted.email(), name: planted.devanagari() }))]
  const file = path.join(program.folder, 'directory.csv')
  const lines = csv.map((row) => [row.id, row.email, row.name, planted.phone(), planted.word()].join(','))
  writeFileSync(file, `id,email,name,phone,company\n${lines.join('\n')}\n`)
  const imported = await program.cli(['directory', 'import', file, '--reason', 'test', '--json'])
  assert.equal(imported.code, 0, imported.stderr)
  const sent = (await plantOverHttp(program, planted)) + (await plantOverSdk(program, planted))
  const knownEvent = { event: 'Approved event', properties: { token: TOKENS.server, distinct_id: known.id, n: 1 } }
  assert.equal(
    (await send(`${program.gatewayUrl}/track`, { headers: { 'content-type': 'application/json' }, body: JSON.stringify([knownEvent]) }))
      .body,
    '1',
  )
  assert.ok(planted.count() >= 2000, `only ${planted.count()} values were planted`)
  t.diagnostic(`${planted.count()} values planted in ${sent + 1} events and more`)
  await waitForWarehouse(program, sent + 1)
  await waitUntil('the vendor has approved events', () => eventsOf(vendor.loot()).some(({ event }) => event === 'Approved event'))

  // Sealed, not thrown away: the vault gives them back to whoever gives a reason.
  await waitUntil(
    'who finds what was disclosed about the known person',
    async () => {
      const who = await program.cli(['who', known.email, '--reason', 'test', '--json'])
      return who.code === 0 && lastJson<{ disclosures: unknown[] }>(who.stdout).disclosures.length > 0
    },
    120_000,
    500,
  )
  const outputs: [where: string, text: string][] = []
  for (const args of [
    ['doctor', '--json'],
    ['doctor'],
    ['vendor', 'show', 'mixpanel', '--json'],
    ['vendor', 'list'],
    ['who', known.email, '--reason', 'test', '--json'],
    ['who', planted.email(), '--reason', 'test', '--json'],
    ['who', planted.name(), '--reason', 'test'],
    ['incident', 'affected', '--vendor', 'mixpanel', '--json'],
    ['incident', 'affected', '--vendor', 'mixpanel', '--json', '--list', path.join(program.folder, 'list.ndjson'), '--reason', 'test'],
  ]) {
    const result = await program.cli(args)
    outputs.push([`output of ${args.slice(0, 2).join(' ')}`, result.stdout + result.stderr])
  }
  outputs.push(['/metrics', (await send(`${program.consoleUrl}/metrics`)).body])
  const runtimeFolder = readdirSync(os.tmpdir()).filter((name) => name.startsWith(`bulkhead-${os.userInfo().uid}-`))
  assert.equal(await program.stop(), 0)
  outputs.push(['stdout', program.output().stdout], ['stderr', program.output().stderr])
  outputs.push(['the vendor', JSON.stringify(vendor.loot())], ['requests at the vendor', JSON.stringify(vendor.requests())])

  const patterns = planted.patterns()
  const hits: Hit[] = []
  for (const folder of [program.dataDir, program.keysDir, ...runtimeFolder.map((name) => path.join(os.tmpdir(), name))]) {
    if (!existsSync(folder)) continue
    const scanned = scanFolder(patterns, folder)
    t.diagnostic(`${path.basename(folder)}: ${scanned.files} files, ${(scanned.bytes / 1e6).toFixed(1)} MB`)
    hits.push(...scanned.hits)
  }
  for (const [where, text] of outputs) hits.push(...scanBytes(patterns, where, Buffer.from(text)))

  // The engine compresses its columns, so it is asked for every row of every table, its own logs included.
  const warehouseDir = path.join(program.dataDir, 'warehouse')
  const tables = await askWarehouse<{ database: string; name: string }>(
    warehouseDir,
    `SELECT database, name FROM system.tables WHERE database = currentDatabase() OR (database = 'system' AND name LIKE '%\\_log')`,
  )
  assert.ok(tables.some((table) => table.name === 'events') && tables.some((table) => table.name === 'disclosures'))
  for (const { database, name } of tables) {
    const rows = await askWarehouse<Record<string, unknown>>(warehouseDir, `SELECT * FROM \`${database}\`.\`${name}\``)
    hits.push(...scanBytes(patterns, `table ${name}`, Buffer.from(JSON.stringify(rows))))
    if (name === 'events') assert.ok(rows.length > sent, 'the table that was searched holds the events')
  }
  const summary = [...new Set(hits.map((hit) => `${hit.label} in ${hit.where.replace(program.folder, '')}`))].slice(0, 40)
  assert.deepEqual(summary, [])
})

/**
 * The official `mixpanel-browser` in real Chromium with only `api_host` changed: nothing is dropped, retried or complained
 * about, each event counts once, and the vendor sees none of what browsers send along.
 */
import assert from 'node:assert/strict'
import path from 'node:path'
import test from 'node:test'
import { type BrowserCall, openActor, openChromium, startProxy, startSite } from '#drill/browser.ts'
import { waitUntil } from '#drill/program.ts'
import { startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { eventCounts, waitForWarehouse } from './support/counts.ts'
import { eventsOf, startVendor } from './support/vendor.ts'
import { askWarehouse } from './support/warehouse.ts'

const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 SecretDevice'
const SECRETS = ['asha', 'verma', 'mail.example', 'acme', 'secret', '198.18.', 'token=', '131.0.0.0', 'inbox', '$device:user']

/** How SDKs are set up in the wild. */
const variants: [name: string, options: Record<string, unknown>][] = [
  ['as it comes', {}],
  ['beacons', { api_transport: 'sendBeacon' }],
  ['one request an event', { batch_requests: false }],
  ['JSON bodies', { api_payload_format: 'json' }],
  ['cookies for state, flags asked for', { persistence: 'cookie', flags: true, cross_subdomain_cookie: false }],
]

function calls(user: string, org: string): BrowserCall[] {
  return [
    ['register', { amount: 7, owner: 'Asha Verma' }],
    ['track', 'Page opened', { title: 'Secret plan' }],
    ['time_event', 'Key created'],
    ['identify', user],
    ['people.set', { $name: 'Asha Verma', $email: `asha.${user}@mail.example`, plan: 'pro' }],
    ['people.set_once', { first: 'secret' }],
    ['people.increment', 'count', 2],
    ['people.append', { notes: 'secret' }],
    ['people.union', { tags: ['secret'] }],
    ['people.remove', { tags: 'secret' }],
    ['people.track_charge', 5],
    ['people.clear_charges'],
    ['people.unset', ['notes']],
    ['set_group', 'company', org],
    ['add_group', 'company', `${org}-two`],
    ['get_group', 'company', org, 'set', { $name: 'Acme Secret', amount: 3 }],
    ['get_group', 'company', org, 'set_once', { founder: 'asha' }],
    ['get_group', 'company', org, 'union', { tags: ['secret'] }],
    ['get_group', 'company', org, 'unset', 'founder'],
    ['track', 'Key created', { plan: 'pro', note: 'for asha' }],
    ['track_with_groups', 'Key created', { plan: 'team' }, { company: org }],
    ['track_pageview', { page: 'secret' }],
    ['alias', `${user}-alias-asha`],
    ['track', 'Unapproved by Asha', {}],
  ]
}

test('every call of the browser SDK, in every common set-up', { timeout: 600_000 }, async (t) => {
  const vendor = await startVendor(t)
  const config = testConfig({
    vendorUrl: vendor.url,
    events: ['Page opened', 'Key created'],
    properties: ['amount', 'plan', 'count'],
    more: 'gateway: {trustProxy: ["127.0.0.1/32"]}\n',
  })
  const program = await startBulkhead(t, { config, env: vendorEnvironment })
  const browser = await openChromium()
  t.after(() => browser.close())
  const site = await startSite()
  t.after(() => site.close())
  const proxy = await startProxy({ target: program.gatewayUrl, clientAddress: '198.18.3.4' })
  t.after(() => proxy.close())
  let events = 0
  const open = (options: Record<string, unknown>): ReturnType<typeof openActor> =>
    openActor(browser, site, {
      gatewayUrl: proxy.url,
      token: TOKENS.browser,
      userAgent: AGENT,
      path: '/account/asha?reset_token=secrettoken&email=asha%40mail.example#secret',
      referrer: 'https://mail.example/inbox?user=asha',
      options,
    })

  for (const [index, [name, options]] of variants.entries()) {
    await t.test(name, async () => {
      const actor = await open(options)
      await actor.call(...calls(`secret-user-${index}`, `acme-${index}`))
      await actor.drained()
      await waitUntil('requests under way are answered', async () => (await eventCounts(program)).accepted >= events + 8)
      const handed = (await actor.sentInsertIds()).length
      const made = options.batch_requests === false ? 8 : handed
      assert.equal(made, 8, 'track ×4, page view, $identify ×2, $create_alias')
      events += made
      await waitForWarehouse(program, events)
      assert.equal((await eventCounts(program)).warehouse, events, 'each once')
      assert.deepEqual(actor.complaints, [])
      await actor.context.close()
    })
  }

  await t.test('a page that is left at once: repeats at unload count once', async () => {
    const actor = await open({ batch_flush_interval_ms: 2000 })
    await actor.call(['track', 'Page opened', {}], ['track', 'Key created', { plan: 'left' }])
    // The SDK queues behind a lock of its own; what is not in its queue when the page goes is lost before it reaches anyone.
    // On a slow machine they may have gone already.
    await waitUntil('both are queued', async () => {
      const queued = Number(await actor.page.evaluate(`window.queued('${TOKENS.browser}')`))
      return queued === 2 || (await actor.sentInsertIds()).length === 2
    })
    // Both visibilitychange and pagehide flush by beacon, and the queue is sent again by the next page.
    await actor.page.goto(`${site.url}/next`)
    await actor.page.evaluate(`window.start(${JSON.stringify(TOKENS.browser)}, ${JSON.stringify({ api_host: proxy.url })})`)
    await actor.drained()
    events += 2
    await waitForWarehouse(program, events)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    assert.equal((await eventCounts(program)).warehouse, events, 'each once')
    assert.deepEqual(actor.complaints, [])
    await actor.context.close()
  })

  await t.test('opting out and in', async () => {
    const actor = await open({})
    await actor.call(['identify', 'secret-optout'], ['people.set', { $name: 'Asha Verma' }], ['track', 'Page opened', {}])
    await actor.drained()
    const before = (await actor.sentInsertIds()).length
    await actor.call(['opt_out_tracking'], ['track', 'Page opened', {}], ['people.set', { plan: 'none' }])
    // The SDK holds its queues back while it is opted out; give it the time of several flushes to do otherwise.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    assert.equal((await actor.sentInsertIds()).length, before, 'the SDK keeps quiet')
    await actor.call(['opt_in_tracking'], ['track', 'Page opened', {}])
    await actor.drained()
    events += (await actor.sentInsertIds()).length
    await waitForWarehouse(program, events)
    assert.equal((await eventCounts(program)).warehouse, events)
    assert.deepEqual(actor.complaints, [])
    await actor.context.close()
  })

  await waitUntil(
    'the vendor has the approved events',
    () => eventsOf(vendor.loot()).filter(({ event }) => event === 'Key created').length >= 11,
  )
  const loot = vendor.loot()
  const requests = vendor.requests().map(({ path: requested, headers: { authorization: _, ...headers } }) => [requested, headers])
  const text = (JSON.stringify(loot) + JSON.stringify(requests)).toLowerCase()
  for (const secret of SECRETS) assert.ok(!text.includes(secret.toLowerCase()), `${secret} reached the vendor`)
  assert.deepEqual(vendor.schemaErrors(), [])
  assert.deepEqual(
    loot.filter((row) => !row.accepted).map((row) => row.reason),
    [],
  )
  for (const { event, properties } of eventsOf(loot)) {
    assert.ok(!/unapproved/i.test(event))
    assert.equal(properties.ip, 0, 'place is switched off')
    for (const name of ['$current_url', '$referrer', '$initial_referrer', 'owner', 'title', 'note'])
      assert.equal(properties[name], undefined, name)
    const device = properties.$device_id
    if (typeof device === 'string') assert.ok(!device.startsWith('$device:'))
    if (String(properties.distinct_id).startsWith('$device:')) assert.equal(properties.distinct_id, `$device:${device}`, 'prefix outside')
  }
  // Without batching the SDK does not keep the order of its requests, so the event is found by what it says.
  const created = eventsOf(loot).filter(({ event, properties }) => event === 'Key created' && properties.plan === 'pro')
  assert.ok(created.length > 0 && created.every(({ properties }) => properties.amount === 7), 'approved text and numbers arrive as sent')

  await program.stop()
  const rows = await askWarehouse<{ browser: string; os: string; medium: string; copies: number }>(
    path.join(program.dataDir, 'warehouse'),
    `SELECT browser, os, referrerMedium AS medium, toUInt32(count()) AS copies FROM events WHERE event = 'Key created' GROUP BY browser, os, medium`,
  )
  assert.ok(
    rows.every((row) => row.browser === 'Chrome' && row.os === 'Linux'),
    'coarse context is kept',
  )
})

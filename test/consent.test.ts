/**
 * Consent through the whole program: the official browser SDK in Chromium with the signals of browsers, its opt-out and in;
 * servers that say so of somebody; what waits for a vendor that is cut. What reaches the vendor is told by numbers in it.
 */
import assert from 'node:assert/strict'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { type BrowserActor, openActor, openChromium, startProxy, startSite } from '#drill/browser.ts'
import { waitUntil } from '#drill/program.ts'
import { startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS, vendorEnvironment } from './support/config.ts'
import { postEvents, send } from './support/gateway-client.ts'
import { eventsOf, startVendor } from './support/vendor.ts'
import { waitForWarehouse } from './support/counts.ts'
import { askWarehouse } from './support/warehouse.ts'

test('what people say of consent holds for what a vendor gets, from then on and for what waits', { timeout: 600_000 }, async (t) => {
  const vendor = await startVendor(t)
  const more = 'consent:\n  categories: { Analytics: product analytics }\n'
  const config = testConfig({ vendorUrl: vendor.url, events: ['Opened'], properties: ['n'], more }).replace(
    'surface: api}',
    'surface: api, consentKey: consent}',
  )
  const program = await startBulkhead(t, { config, env: vendorEnvironment })
  let last = 0
  let sent = 0
  const numbers = (): number[] =>
    eventsOf(vendor.loot()).flatMap(({ properties }) => (typeof properties['n'] === 'number' ? [properties['n']] : []))
  /** One event of a server; its number. */
  const serverEvent = async (user: string, properties: Record<string, unknown> = {}): Promise<number> => {
    const n = ++last
    const event = { event: 'Opened', properties: { distinct_id: user, $insert_id: `server-${n}`, n, ...properties } }
    assert.equal((await postEvents(program.gatewayUrl, TOKENS.server, [event])).body, '1')
    sent++
    return n
  }
  /** All that was accepted before is decided when an event of somebody who said nothing has come through. */
  const settled = async (): Promise<number[]> => {
    const n = await serverEvent('bystander')
    await waitUntil(`event ${n} is at the vendor`, () => numbers().includes(n))
    return numbers()
  }

  await t.test('a server states it, by country, switch and object', async () => {
    const missing = await serverEvent('anna', { mp_country_code: 'DE' })
    const given = await serverEvent('anna', { mp_country_code: 'DE', $opt_out: false })
    const after = await serverEvent('anna', { mp_country_code: 'DE' })
    const byObject = await serverEvent('bela', { mp_country_code: 'HU', consent: { categoryPreferences: { Analytics: true } } })
    assert.ok((await settled()).includes(byObject))
    const refused = await serverEvent('bela', { mp_country_code: 'HU', consent: { Analytics: false } })
    const elsewhere = await serverEvent('bela', { mp_country_code: 'US' })
    const found = await settled()
    for (const n of [given, after]) assert.ok(found.includes(n), `event ${n} is there`)
    for (const n of [missing, refused, elsewhere]) assert.ok(!found.includes(n), `event ${n} is not`)
  })

  await t.test('odd, repeated and contradictory headers: one yes is a yes', async () => {
    const withHeaders = async (headers: Record<string, string>): Promise<number> => {
      const n = ++last
      const record = { event: 'Opened', properties: { token: TOKENS.browser, distinct_id: `odd-${n}`, $insert_id: `odd-${n}`, n } }
      const body = JSON.stringify([record])
      const answer = await send(`${program.gatewayUrl}/track?verbose=0`, {
        headers: { 'content-type': 'application/json', ...headers },
        body,
      })
      assert.equal(answer.body, '1')
      sent++
      return n
    }
    const refusals = [{ 'sec-gpc': '1' }, { 'sec-gpc': '0, 1' }, { dnt: '1' }, { dnt: '1tracker' }, { dnt: '0,1', 'sec-gpc': '0' }]
    const others: Record<string, string>[] = [
      { 'sec-gpc': '0' },
      { 'sec-gpc': 'true' },
      { 'sec-gpc': '11' },
      { dnt: '0' },
      { dnt: 'null' },
      { dnt: '' },
    ]
    const held = await Promise.all(refusals.map((headers) => withHeaders(headers as Record<string, string>)))
    const free = await Promise.all(others.map(withHeaders))
    const found = await settled()
    for (const n of held) assert.ok(!found.includes(n))
    for (const n of free) assert.ok(found.includes(n))
  })

  await t.test('a withdrawal stops what waits', async () => {
    const cut = await program.cli(['vendor', 'cut', 'mixpanel', '--reason', 'test'])
    assert.equal(cut.code, 0, cut.stderr)
    const waiting = await serverEvent('carla')
    const kept = await serverEvent('dora')
    const leaving = await serverEvent('carla', { $opt_out: true })
    const restored = await program.cli(['vendor', 'restore', 'mixpanel', '--reason', 'test'])
    assert.equal(restored.code, 0, restored.stderr)
    const found = await settled()
    assert.deepEqual(
      [waiting, kept, leaving].map((n) => found.includes(n)),
      [false, true, false],
    )
  })

  await t.test('the browser SDK, its signals, its opt-out and in', async (inner) => {
    const open = await openActors(inner, program.gatewayUrl)
    const track = async (actor: BrowserActor): Promise<number> => {
      const n = ++last
      await actor.call(['track', 'Opened', { n }])
      await actor.drained()
      sent++
      return n
    }
    const signalling = await open({ 'sec-gpc': '1' })
    const quiet = await open({})
    await signalling.call(['identify', 'erika'])
    await quiet.call(['identify', 'fanny'], ['people.set', { n: 1 }])
    sent += 2
    const refused = await track(signalling)
    const before = await track(quiet)
    const byServer = await serverEvent('erika')
    let found = await settled()
    assert.deepEqual(
      [refused, before, byServer].map((n) => found.includes(n)),
      [false, true, false],
      'a signal holds for the person',
    )

    await quiet.call(['opt_out_tracking'])
    await waitUntil('the profile is deleted at the vendor', () => vendor.loot().some(({ record }) => '$delete' in (record as object)))
    const afterwards = await serverEvent('fanny')
    found = await settled()
    assert.ok(!found.includes(afterwards), 'the opt-out holds for the server too')

    // Opting out has forgotten who it was; whoever signs in again opts in for themselves.
    await quiet.call(['opt_in_tracking'], ['identify', 'fanny'])
    await quiet.call(['track', '$opt_in', {}])
    await quiet.drained()
    const again = await track(quiet)
    await waitUntil('events of who has opted in come through', () => numbers().includes(again))
    assert.deepEqual([...signalling.complaints, ...quiet.complaints], [])
  })

  await t.test('the own store keeps what it may, and of the rest a mark', async () => {
    await waitForWarehouse(program, sent)
    const metrics = await send(`${program.consoleUrl}/metrics`)
    assert.equal(await program.stop(), 0)
    const mark = "position(consent, 'withoutPerson') > 0"
    const rows = await askWarehouse(
      path.join(program.dataDir, 'warehouse'),
      `SELECT countIf(gpc = 1 AND user != 0) AS signalled, countIf(${mark}) AS marks,
        countIf(${mark} AND (user != 0 OR device != 0 OR properties != '' OR country != '')) AS leaks
      FROM events WHERE type = 'event'`,
    )
    const [row] = rows as Record<string, number>[]
    assert.ok(Number(row?.['signalled']) >= 3, 'a signal is about others: own analytics go on')
    assert.ok(Number(row?.['marks']) >= 2, 'carla’s last event, and fanny’s after she had left')
    assert.equal(Number(row?.['leaks']), 0)
    for (const reason of ['consent_denied', 'consent_missing', 'consent_withdrawn'])
      assert.match(metrics.body, new RegExp(`unsent_records_total\\{[^}]*reason="${reason}"[^}]*\\} [1-9]`), reason)
  })
})

/** Chromium has no switch for `Sec-GPC`, so a proxy adds it, as browsers that have one do: without a preflight. */
async function openActors(t: TestContext, target: string): Promise<(headers: Record<string, string>) => Promise<BrowserActor>> {
  const browser = await openChromium()
  t.after(() => browser.close())
  const site = await startSite()
  t.after(() => site.close())
  return async (headers) => {
    const proxy = await startProxy({ target, clientAddress: '198.18.3.4', headers })
    t.after(() => proxy.close())
    return openActor(browser, site, { gatewayUrl: proxy.url, token: TOKENS.browser, options: { batch_requests: false } })
  }
}

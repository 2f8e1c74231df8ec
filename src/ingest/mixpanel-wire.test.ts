/**
 * Mixpanel's protocol at the open door: bytes as its SDKs put them on the wire, answers as they read them (status, type and
 * body to the byte), and what was kept. What the payload means is tested beside the protocol.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import { protocols } from '#protocols/registry.ts'
import { type Answer, ask, type Running, raw, running, sourceOf } from './fixture.ts'

const WEB = 'web-token-0123'
const API = 'api-token-0123'
const ORIGIN = 'https://shop.example'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_TYPE = { 'content-type': 'application/json' }
const IMPORTED = '{"code":200,"num_records_imported":1,"status":"OK"}'

function withMixpanel(body: (running: Running) => Promise<void>, over: Parameters<typeof running>[0] = {}): Promise<void> {
  const sources = [
    sourceOf('web', { protocol: 'mixpanel', token: WEB }),
    sourceOf('api', { protocol: 'mixpanel', token: API, trust: 'server' }),
  ]
  return running({ protocols, sources, ...over }, body)
}

/** An event with text whose base64 holds `+` and `/`. */
function event(token: string, over: Record<string, unknown> = {}): Record<string, unknown> {
  return { event: 'Opened', properties: { token, distinct_id: 'u>>>???~~~ü', ...over } }
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')
const login = (user: string, password = ''): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
const shown = ({ status, headers, body }: Answer): string => `${status} ${headers['content-type']} ${body}`
const usersOf = ({ log }: Running): unknown[] => log.drafts.flatMap(({ source, records }) => records.map(({ user }) => [source, user]))

test('each form in which an SDK sends one event is kept once, as the same person', () =>
  withMixpanel(async (all) => {
    const text = base64(event(WEB))
    assert.match(text, /[+].*[/]|[/].*[+]/, 'the text has both characters that forms and addresses change')
    const sent: [what: string, path: string, given: Parameters<typeof ask>[2], answer: string][] = [
      [
        'browser',
        '/track/?verbose=1&ip=1&_=17',
        { headers: FORM, body: `data=${encodeURIComponent(text)}` },
        '200 application/json {"error":null,"status":1}',
      ],
      [
        'browser, api_payload_format json',
        '/track/?ip=1',
        { headers: FORM, body: `data=${encodeURIComponent(JSON.stringify(event(WEB)))}` },
        '200 text/plain 1',
      ],
      [
        'beacon',
        '/track/?ip=1',
        { headers: { 'content-type': 'text/plain;charset=UTF-8' }, body: `data=${encodeURIComponent(text)}` },
        '200 text/plain 1',
      ],
      ['node batch, not encoded', '/track', { headers: FORM, body: `data=${base64([event(WEB)])}` }, '200 text/plain 1'],
      ['a form parser between', '/track', { headers: FORM, body: `data=${text.replaceAll('+', ' ')}` }, '200 text/plain 1'],
      ['node, one event', `/track?ip=0&verbose=0&data=${encodeURIComponent(text)}`, {}, '200 text/plain 1'],
      ['an address that nobody encoded', `/track?data=${text}`, {}, '200 text/plain 1'],
      ['POST with the data in the address', `/track?data=${encodeURIComponent(text)}`, { method: 'POST' }, '200 text/plain 1'],
      [
        'python',
        '/track',
        { headers: FORM, body: `${new URLSearchParams({ data: JSON.stringify(event(WEB)), verbose: '1', ip: '0' })}` },
        '200 application/json {"error":null,"status":1}',
      ],
      ['JSON', '/track', { headers: JSON_TYPE, body: JSON.stringify([event(WEB)]) }, '200 text/plain 1'],
      ['JSON with a byte order mark', '/track', { headers: JSON_TYPE, body: `\uFEFF${JSON.stringify(event(WEB))}` }, '200 text/plain 1'],
      ['JSON that says form', '/track', { headers: FORM, body: JSON.stringify(event(WEB)) }, '200 text/plain 1'],
      ['form that says JSON', '/track', { headers: JSON_TYPE, body: `data=${text}` }, '200 text/plain 1'],
      ['no type at all', '/track', { body: `data=${text}` }, '200 text/plain 1'],
      [
        'gzip with its header',
        '/track',
        { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: gzipSync(JSON.stringify(event(WEB))) },
        '200 text/plain 1',
      ],
      ['gzip without a header', '/track', { headers: FORM, body: gzipSync(`data=${text}`) }, '200 text/plain 1'],
      ['below a prefix', '/any/prefix/track/', { headers: JSON_TYPE, body: JSON.stringify(event(WEB)) }, '200 text/plain 1'],
      ['a script tag', `/track/?callback=app.done&data=${encodeURIComponent(text)}`, {}, '200 text/javascript app.done(1);'],
      [
        'a script tag that wants words',
        `/track/?callback=f&verbose=1&data=${encodeURIComponent(text)}`,
        {},
        '200 text/javascript f({"error":null,"status":1});',
      ],
    ]
    for (const [what, path, given, answer] of sent) assert.equal(shown(await ask(all.gateway, path, given)), answer, what)
    const one = all.vault.ordinalOf('u>>>???~~~ü')
    assert.ok(one !== undefined)
    assert.deepEqual(
      usersOf(all),
      sent.map(() => ['web', one]),
    )
    // Sent as bytes: the length is the pixel's own, and no cache may swallow the next one.
    const pixel = await raw(
      all.gateway,
      `GET /track/?img=1&data=${encodeURIComponent(text)} HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n`,
    )
    assert.match(pixel, /^HTTP\/1\.1 200 [\s\S]*cache-control: no-cache, no-store[\s\S]*content-length: 42\r\n[\s\S]*\r\n\r\nGIF89a/i)
    assert.equal(all.log.head, sent.length + 1)
  }))

test('profiles and groups answer in every dress, too', () =>
  withMixpanel(async ({ gateway, log }) => {
    const profile = { $token: WEB, $distinct_id: 'u', $set: { plan: 'pro' } }
    const group = { $token: WEB, $group_key: 'company', $group_id: 'g', $set: { plan: 'pro' } }
    for (const [path, record] of [
      ['/engage', profile],
      ['/groups', group],
    ] as const) {
      const data = encodeURIComponent(base64(record))
      const answers: [string, Parameters<typeof ask>[2], string][] = [
        [`${path}/?verbose=1`, { headers: FORM, body: `data=${data}` }, '200 application/json {"error":null,"status":1}'],
        [
          path,
          { headers: FORM, body: `data=${encodeURIComponent(JSON.stringify([record]))}&verbose=1` },
          '200 application/json {"error":null,"status":1}',
        ],
        [`${path}?ip=0&data=${data}`, {}, '200 text/plain 1'],
        [`${path}?callback=f&data=${data}`, {}, '200 text/javascript f(1);'],
        [`${path}?strict=1`, { headers: JSON_TYPE, body: JSON.stringify([record]) }, `200 application/json ${IMPORTED}`],
        [
          `${path}?verbose=1`,
          { headers: JSON_TYPE, body: '[{"$set":{}}]' },
          '200 application/json {"error":"$token, missing or empty","status":0}',
        ],
      ]
      for (const [target, given, answer] of answers) assert.equal(shown(await ask(gateway, target, given)), answer, target)
    }
    assert.equal(log.head, 10)
  }))

test('import: each login and shape, and of a bad batch the good records are kept', () =>
  withMixpanel(async (all) => {
    const { gateway, log } = all
    const bare = (id: string, over: Record<string, unknown> = {}): unknown => ({
      event: 'Paid',
      properties: { distinct_id: id, time: 1_700_000_000, $insert_id: `insert-${id}`, ...over },
    })
    const lines = `${JSON.stringify(bare('a'))}\r\n\r\n${JSON.stringify(bare('b'))}\n`
    const ndjson = { 'content-type': 'application/x-ndjson', authorization: login(API) }
    const own = { authorization: login('account', 'secret') }
    const sent: [path: string, given: Parameters<typeof ask>[2], answer: string][] = [
      ['/import?strict=1', { headers: ndjson, body: lines }, '200 application/json {"code":200,"num_records_imported":2,"status":"OK"}'],
      [
        '/import?strict=1',
        { headers: { ...ndjson, 'content-encoding': 'gzip' }, body: gzipSync(`${JSON.stringify(bare('c'))}\n`) },
        `200 application/json ${IMPORTED}`,
      ],
      [
        '/import?strict=1&project_id=7',
        { headers: own, body: JSON.stringify([bare('d', { token: API })]) },
        `200 application/json ${IMPORTED}`,
      ],
      [`/import?api_key=key&data=${encodeURIComponent(base64(bare('e', { token: API })))}`, {}, '200 text/plain 1'],
      [
        '/import/?verbose=1',
        { headers: { ...FORM, ...own }, body: `data=${base64([bare('f', { token: API })])}` },
        '200 application/json {"error":null,"status":1}',
      ],
      [
        '/import?strict=1',
        { headers: ndjson, body: JSON.stringify([bare('bad', { time: null }), bare('g')]) },
        '400 application/json {"code":400,"error":"some data points in the request failed validation","failed_records":' +
          '[{"index":0,"insert_id":"insert-bad","field":"properties.time",' +
          '"message":"\'properties.time\' is invalid: must be specified as seconds since epoch"}],' +
          '"num_records_imported":1,"status":"Bad Request"}',
      ],
      [
        '/import?strict=1',
        { headers: JSON_TYPE, body: JSON.stringify([bare('nobody')]) },
        '401 application/json {"code":401,"error":"Invalid credentials","status":"Unauthorized"}',
      ],
      [
        '/import?strict=1',
        { headers: ndjson, body: '{"event":' },
        '400 application/json {"code":400,"error":"data, could not be decoded as JSON","status":"Bad Request"}',
      ],
    ]
    for (const [path, given, answer] of sent) assert.equal(shown(await ask(gateway, path, given)), answer, path)
    assert.deepEqual(
      usersOf(all),
      ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => ['api', all.vault.ordinalOf(id)]),
    )
    assert.equal(log.drafts[0]?.records.length, 2)
  }))

test('an unknown token gets the success of its route and is counted; one batch may hold several tokens', () =>
  withMixpanel(async (all) => {
    const { gateway, log } = all
    const nobody = 'nobody-knows-this'
    const strange = { event: 'Paid', properties: { distinct_id: 'u', time: 1_700_000_000, $insert_id: 'i-1' } }
    const sent: [path: string, given: Parameters<typeof ask>[2], answer: string][] = [
      ['/track', { body: `data=${base64(event(nobody))}` }, '200 text/plain 1'],
      ['/track?verbose=1', { body: JSON.stringify([event(nobody)]) }, '200 application/json {"error":null,"status":1}'],
      ['/engage', { body: JSON.stringify({ $token: nobody, $distinct_id: 'u', $set: { a: 1 } }) }, '200 text/plain 1'],
      ['/groups', { body: JSON.stringify({ $token: nobody, $group_key: 'k', $group_id: 'g', $set: { a: 1 } }) }, '200 text/plain 1'],
      [
        '/import?strict=1',
        { headers: { authorization: login(nobody) }, body: JSON.stringify([strange]) },
        `200 application/json ${IMPORTED}`,
      ],
      // A service account names no source: without a token in the record nobody knows whose it is.
      [
        '/import?strict=1&project_id=7',
        { headers: { authorization: login('account', 'secret') }, body: JSON.stringify([strange]) },
        `200 application/json ${IMPORTED}`,
      ],
    ]
    for (const [path, given, answer] of sent) assert.equal(shown(await ask(gateway, path, given)), answer, path)
    assert.equal(log.head, 0)
    assert.equal(gateway.stats().unknownTokens.count, sent.length)
    assert.deepEqual(gateway.stats().records.dropped, { unknown_token: sent.length })
    const mixed = JSON.stringify([event(WEB), event(nobody), event(API), event(WEB)])
    assert.equal((await ask(gateway, '/track', { headers: JSON_TYPE, body: mixed })).body, '1')
    assert.deepEqual(
      log.drafts.map(({ source, records }) => [source, records.length]),
      [
        ['web', 2],
        ['api', 1],
      ],
    )
  }))

test('side channels answer what lets the SDK carry on, and nothing of them is kept, not even in a count', () =>
  withMixpanel(async ({ gateway, log, vault }) => {
    const person = encodeURIComponent('{"distinct_id":"secret-person","device_id":"secret-device"}')
    const headers = { authorization: login(WEB), origin: ORIGIN, cookie: 'session=secret-cookie', traceparent: '00-1-1-01' }
    const replay = `/record/?%24current_url=https%3A%2F%2Fsecret-page&distinct_id=secret-person&replay_id=r&seq=0`
    const recorded = '200 application/json {"code":200,"status":"OK"}'
    const sent: [path: string, given: Parameters<typeof ask>[2], answer: string][] = [
      [`/flags/?context=${person}&token=${WEB}&mp_lib=web`, {}, '200 application/json {"flags":{},"pending_first_time_events":[]}'],
      [`/flags?context=${person}`, {}, '200 application/json {"flags":{},"pending_first_time_events":[]}'],
      [`/flags/definitions?token=${WEB}`, {}, '200 application/json {"flags":[]}'],
      ['/flags/f-1/first-time-events', { body: '{"distinct_id":"secret-person"}' }, recorded],
      ['/settings/?$lib_version=2.83.0&mp_lib=web&sdk_config=1', {}, '200 application/json {"sdk_config":{"config":{}}}'],
      [`${replay}&format=gzip`, { body: gzipSync('[{"data":"secret-page"}]') }, recorded],
      [`${replay}&format=body`, { body: '[{"data":"secret-page"}]' }, recorded],
      [
        '/decide/?distinct_id=secret-person',
        {},
        '200 application/json {"surveys":[],"notifications":[],"config":{"enable_collect_everything":false}}',
      ],
      ['/lookup-tables', {}, '401 application/json {"code":401,"error":"Invalid credentials","status":"Unauthorized"}'],
      [
        '/lookup-tables/7',
        { method: 'PUT', body: 'id,name\n1,secret-person\n' },
        '405 application/json {"code":405,"error":"method not allowed","status":"Method Not Allowed"}',
      ],
      [replay, {}, '405 application/json {"code":405,"error":"method not allowed","status":"Method Not Allowed"}'],
    ]
    for (const [path, given, answer] of sent) {
      const got = await ask(gateway, path, { ...given, headers })
      assert.equal(shown(got), answer, path)
      assert.equal(got.headers['access-control-allow-origin'], ORIGIN)
      assert.equal(got.headers['access-control-allow-credentials'], 'true')
      assert.equal(got.headers['set-cookie'], undefined)
    }
    assert.equal(log.head + vault.calls.length, 0)
    assert.doesNotMatch((await gateway.registry.metrics()) + JSON.stringify(gateway.stats()), /secret-/)
  }))

test('a page of another origin: no answer that the browser would hide, and cookies go nowhere', () =>
  withMixpanel(async ({ gateway, log, vault }) => {
    for (const path of ['/track/', '/engage/', '/groups/', '/flags/', '/settings/', '/record/']) {
      const asked = {
        origin: ORIGIN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,traceparent',
      }
      const { status, headers, body } = await ask(gateway, path, { method: 'OPTIONS', headers: asked })
      assert.deepEqual([status, body, headers['access-control-allow-origin']], [204, '', ORIGIN], path)
      assert.equal(headers['access-control-allow-headers'], 'authorization,traceparent')
    }
    const headers = {
      ...FORM,
      origin: ORIGIN,
      cookie: 'session=secret-cookie',
      referer: `${ORIGIN}/secret-page`,
      'sec-fetch-site': 'same-site',
    }
    const good = await ask(gateway, '/track/', { headers, body: `data=${encodeURIComponent(base64(event(WEB)))}` })
    assert.deepEqual([shown(good), good.headers['access-control-allow-origin']], ['200 text/plain 1', ORIGIN])
    assert.doesNotMatch(JSON.stringify([log.drafts, vault.calls]) + log.waiting.join(), /secret-/)
    // Refusals, too: without the header the SDK would see a network error and drop what it should halve or retry.
    const many = JSON.stringify(Array.from({ length: 2001 }, () => event(WEB)))
    const refused: [body: string | Buffer, answer: string][] = [
      [many, '413 application/json {"code":413,"error":"request exceeds max limit of 2000 records","status":"Request Entity Too Large"}'],
      [
        Buffer.alloc(10_485_761, 32),
        '413 application/json {"code":413,"error":"request exceeds max limit of 10485760 bytes","status":"Request Entity Too Large"}',
      ],
      ['data=', '200 text/plain 0'],
    ]
    for (const [body, answer] of refused) {
      const got = await ask(gateway, '/track/', { headers, body })
      assert.deepEqual([shown(got), got.headers['access-control-allow-origin']], [answer, ORIGIN])
    }
    log.fails = true
    const later = await ask(gateway, '/track/', { headers, body: `data=${base64(event(WEB))}` })
    assert.equal(
      shown(later),
      '503 application/json {"code":503,"error":"temporarily unavailable, please retry with exponential backoff","status":"Service Unavailable"}',
    )
    assert.deepEqual([later.headers['retry-after'], later.headers['access-control-allow-origin']], ['2', ORIGIN])
    assert.equal(log.head, 1)
  }))

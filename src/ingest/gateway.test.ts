import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import zlib from 'node:zlib'
import { dayOf, systemClock } from '#base/clock.ts'
import { openLogReader } from '#log/log-reader.ts'
import { openLogWriter } from '#log/log-writer.ts'
import { freeSpace } from './free-space.ts'
import { ask, MemoryVault, post, raw, running, sourceOf, toy, toySplit } from './fixture.ts'
import { startGateway } from './gateway.ts'

const SITE = 'site-token-0123'
const SERVER = 'server-token-0123'

function event(over: Record<string, unknown> = {}): string {
  return JSON.stringify([{ token: SITE, ...over }])
}

test('with the real log: acknowledged is on disk, repeats are written once, identifiers are numbers', async () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-gateway-'))
  const log = await openLogWriter({ dir: path.join(root, 'log'), waitingDir: path.join(root, 'waiting'), clock: systemClock })
  const reader = openLogReader({ dir: path.join(root, 'log') })
  const vault = new MemoryVault()
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    trustProxy: [],
    sources: [sourceOf('site')],
    protocols: new Map([['toy', toy]]),
    policy: () => ({ version: 3, split: toySplit }),
    vault,
    log,
    clock: systemClock,
  })
  try {
    for (const path of ['/take', '/take/', '/any/prefix/take']) {
      const answer = await ask(gateway, path, {
        body: event({ user: `u${path}`, device: 'd1', insertId: path, text: 'unapproved' }),
        headers: { 'sec-gpc': '1' },
      })
      assert.deepEqual([answer.status, answer.body], [200, 'good 1'])
      const [entry] = reader.read(reader.head(), { entries: 1, bytes: 1 })
      assert.equal(entry?.records[0]?.user, vault.ordinalOf(`u${path}`))
      assert.equal(entry?.records[0]?.device, vault.ordinalOf('d1'))
      assert.deepEqual(entry?.records[0]?.consent, { gpc: true })
      assert.equal(entry?.waiting?.day, dayOf(entry?.at ?? 0))
    }
    // The browser's batch at unload: three times the same.
    const batch = JSON.stringify(['a', 'b'].map((insertId) => ({ token: SITE, device: 'd1', insertId })))
    const answers = await Promise.all([1, 2, 3].map(() => ask(gateway, '/take', { body: batch })))
    assert.deepEqual(
      answers.map(({ body }) => body),
      ['good 2', 'good 2', 'good 2'],
    )
    assert.equal(reader.head(), 4)
    assert.deepEqual(gateway.stats().records, { kept: 5, repeats: 4, dropped: {} })
    const GET = await ask(gateway, `/take?data=0&data=${encodeURIComponent(event({ insertId: 'c' }))}`)
    assert.equal(GET.body, 'good 1', 'of repeated keys the last counts')
    assert.equal(reader.head(), 5)
  } finally {
    await gateway.close()
    reader.close()
    await log.close()
    rmSync(root, { recursive: true, force: true })
  }
})

test('nothing is acknowledged before the log has it', () =>
  running({}, async ({ gateway, log }) => {
    let open = (): void => undefined
    log.gate = new Promise((resolve) => {
      open = resolve
    })
    let answered = false
    const answer = ask(gateway, '/take', { body: event() }).finally(() => {
      answered = true
    })
    while (gateway.stats().windows === 0) await systemClock.sleep(1)
    await systemClock.sleep(30)
    assert.equal(answered, false)
    open()
    assert.equal((await answer).status, 200)
    assert.equal(log.head, 1)
  }))

test('when the vault or the log fails, the answer is 503 and nothing is in the log', () =>
  running({ limits: { vaultTimeoutMs: 30 } }, async ({ gateway, vault, log, failures }) => {
    for (const fails of ['unavailable', 'silent'] as const) {
      vault.fails = fails
      const answers = await Promise.all([1, 2, 3].map(() => ask(gateway, '/take', { body: event({ user: 'u1' }) })))
      assert.deepEqual(
        answers.map(({ status, body }) => [status, body]),
        Array(3).fill([503, 'no overloaded']),
      )
    }
    vault.fails = 'no'
    log.fails = true
    assert.equal((await ask(gateway, '/take', { body: event({ user: 'u1' }) })).status, 503)
    assert.equal(log.head, 0)
    log.fails = false
    assert.equal((await ask(gateway, '/take', { body: event({ user: 'u1' }) })).status, 200)
    assert.equal(log.drafts[0]?.records[0]?.user, vault.ordinalOf('u1'))
    assert.ok(failures.length >= 3)
  }))

test('one request that the vault refuses does not fail those beside it', () =>
  running({}, async ({ gateway, vault, log }) => {
    vault.refused = 'bad'
    const users = ['u1', 'bad', 'u2', 'u3']
    const answers = await Promise.all(users.map((user) => ask(gateway, '/take', { body: event({ user }) })))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 503, 200, 200],
    )
    assert.deepEqual(
      log.drafts.map(({ records }) => records[0]?.user).sort(),
      ['u1', 'u2', 'u3'].map((user) => vault.ordinalOf(user)).sort(),
    )
  }))

test('a split that throws refuses its request alone, and its text is told to nobody', () =>
  running({}, async ({ gateway, log, failures }) => {
    const [bad, good] = await Promise.all([
      ask(gateway, '/take', { body: event({ user: 'poison' }) }),
      ask(gateway, '/take', { body: event() }),
    ])
    assert.deepEqual([bad.status, good.status], [500, 200])
    assert.equal(log.head, 1)
    assert.deepEqual(
      failures.filter((failure) => failure.includes('ann')),
      [],
    )
  }))

test('the vault is asked only for what it does not hold', () =>
  running({}, async ({ gateway, vault }) => {
    const send = (over: Record<string, unknown>) => ask(gateway, '/take', { body: event(over) })
    await send({ user: 'u1', device: 'd1', email: 'a@example.com' })
    await send({ user: 'u1', device: 'd1', email: 'a@example.com' })
    await send({ user: 'u1', device: 'd1', email: 'b@example.com' })
    await send({ user: 'u2', device: 'd1' })
    await send({ user: 'u1', device: 'd1' })
    assert.deepEqual(
      vault.calls.map(({ identifiers, facts, edges }) => [identifiers.length, facts.length, edges.length]),
      [
        [2, 1, 1],
        [0, 1, 0],
        [1, 0, 1],
        [0, 0, 1],
      ],
    )
    const u1 = vault.ordinalOf('u1')
    assert.equal(vault.calls[0]?.facts[0]?.of, -1)
    assert.equal(vault.calls[1]?.facts[0]?.of, u1)
    await gateway.forget()
    await send({ user: 'u1', device: 'd1' })
    assert.deepEqual(
      vault.calls.at(-1)?.identifiers.map(([, , value, role]) => [value, role]),
      [
        ['u1', 'user'],
        ['d1', 'device'],
      ],
    )
  }))

test('records go to the source of their token; unknown tokens and browsers at a server source are dropped in silence', () =>
  running({}, async ({ gateway, log }) => {
    const mixed = JSON.stringify([SITE, SERVER, 'nobody-knows-this', SITE, ''].map((token, index) => ({ token, user: `u${index}` })))
    assert.equal((await ask(gateway, '/take', { body: mixed })).body, 'good 5')
    assert.deepEqual(
      log.drafts.map(({ source, records }) => [source, records.length]),
      [
        ['site', 2],
        ['server', 1],
      ],
    )
    for (const mark of ['origin', 'sec-fetch-site', 'sec-ch-ua-mobile']) {
      assert.equal((await ask(gateway, '/take', { body: mixed, headers: { [mark]: 'x' } })).body, 'good 5')
    }
    assert.deepEqual(
      log.drafts.slice(2).map(({ source }) => source),
      ['site', 'site', 'site'],
    )
    const { records, unknownTokens } = gateway.stats()
    assert.deepEqual(records.dropped, { unknown_token: 8, refused_browser_mark: 3 })
    assert.deepEqual(unknownTokens, {
      count: 8,
      tokens: [
        { token: 'nobo…', count: 4 },
        { token: '…', count: 4 },
      ],
    })
    for (let other = 0; other < 100; other++) await ask(gateway, '/take', { body: event({ token: `${other}-other-token` }) })
    assert.equal(gateway.stats().unknownTokens.tokens.length, 20)
    assert.match(await gateway.registry.metrics(), /bulkhead_gateway_records_total\{outcome="dropped",reason="unknown_token"\} 108/)
  }))

test('a source without a token takes every token of its protocol', () =>
  running({ sources: [sourceOf('any', { token: undefined }), sourceOf('site')] }, async ({ gateway, log }) => {
    await ask(gateway, '/take', { body: JSON.stringify([{ token: 'whatever' }, { token: SITE }]) })
    assert.deepEqual(
      log.drafts.map(({ source }) => source),
      ['any', 'site'],
    )
  }))

test('CORS: every origin is echoed, never a star, on answers and refusals alike', () =>
  running({}, async ({ gateway }) => {
    const origin = 'https://shop.example'
    const preflight = await ask(gateway, '/nowhere/at/all', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-headers': 'authorization, x-any', 'access-control-request-private-network': 'true' },
    })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers['access-control-allow-headers'], 'authorization, x-any')
    assert.equal(preflight.headers['access-control-allow-private-network'], 'true')
    assert.equal(preflight.headers['access-control-allow-methods'], 'GET, POST, OPTIONS')
    assert.ok(Number(preflight.headers['access-control-max-age']) > 0)
    const answers = await Promise.all([
      ask(gateway, '/take', { body: event(), headers: { origin } }),
      ask(gateway, '/take', { body: '{', headers: { origin } }),
      ask(gateway, '/nowhere', { headers: { origin } }),
      ask(gateway, '/take', { method: 'DELETE', headers: { origin } }),
      ask(gateway, '/look', { headers: { origin } }),
      ask(gateway, '/healthz', { headers: { origin } }),
    ])
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 400, 404, 405, 200, 200],
    )
    for (const { headers } of [preflight, ...answers]) {
      assert.equal(headers['access-control-allow-origin'], origin)
      assert.equal(headers['access-control-allow-credentials'], 'true')
      assert.match(String(headers.vary), /Origin/)
      assert.equal(headers.location, undefined)
    }
    const plain = await ask(gateway, '/take', { body: event() })
    assert.equal(plain.headers['access-control-allow-origin'], undefined)
    assert.equal((await ask(gateway, '/take', { method: 'HEAD' })).status, 405)
    assert.equal((await ask(gateway, '/')).status, 200)
  }))

test('Content-Encoding is undone with a cap; what is broken or too large is refused whole', () =>
  running({ limits: { inflatedBytesMax: 200_000, discardBytesMax: 50_000 } }, async ({ gateway, log }) => {
    const good = Buffer.from(event({ user: 'u1' }))
    const bomb = zlib.gzipSync(Buffer.alloc(5_000_000, 32))
    const cases: [string | undefined, Buffer, string][] = [
      ['gzip', zlib.gzipSync(good), 'good 1'],
      ['deflate', zlib.deflateSync(good), 'good 1'],
      ['deflate', zlib.deflateRawSync(good), 'good 1'],
      ['br', zlib.brotliCompressSync(good), 'good 1'],
      ['identity', good, 'good 1'],
      ['deflate, gzip', zlib.gzipSync(zlib.deflateSync(good)), 'good 1'],
      [undefined, zlib.gzipSync(good), 'good 1'],
      ['gzip', zlib.gzipSync(good).subarray(0, -9), 'no bad_encoding'],
      ['gzip', good, 'no bad_encoding'],
      ['zip', good, 'no bad_encoding'],
      ['gzip, gzip, gzip', zlib.gzipSync(good), 'no bad_encoding'],
      ['br', bomb, 'no bad_encoding'],
      ['gzip', bomb, 'no too_large'],
      ['deflate', zlib.deflateSync(Buffer.alloc(5_000_000)), 'no too_large'],
      ['br', zlib.brotliCompressSync(Buffer.alloc(5_000_000)), 'no too_large'],
      [undefined, bomb, 'no bad_encoding'],
      [undefined, Buffer.alloc(100_001, 32), 'no too_large'],
      [undefined, Buffer.alloc(0), 'no no_data'],
    ]
    for (const [encoding, body, expected] of cases) {
      const answer = await ask(gateway, '/take', {
        body,
        method: 'POST',
        headers: encoding === undefined ? {} : { 'content-encoding': encoding },
      })
      assert.equal(answer.body, expected, `${encoding} ${body.length}`)
    }
    assert.equal(log.head, cases.filter(([, , expected]) => expected === 'good 1').length)
    assert.equal(gateway.stats().heldBytes, 0)
    // Far too large: answered and closed without reading it all, whether the length was announced or not.
    assert.match(
      await raw(gateway, 'POST /take HTTP/1.1\r\nHost: gw\r\nContent-Length: 99999999\r\n\r\nab'),
      /^HTTP\/1\.1 413 .*Connection: close.*no too_large$/is,
    )
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
    assert.match(
      await raw(gateway, 'POST /take HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n', chunk.repeat(12)),
      /^HTTP\/1\.1 413 .*no too_large$/is,
    )
  }))

test('too many bytes in memory, or too little disk: overloaded, before anything is kept', async () => {
  await running({ limits: { heldBytesMax: 60_000 } }, async ({ gateway, log }) => {
    let open = (): void => undefined
    log.gate = new Promise((resolve) => {
      open = resolve
    })
    const padded = `${event()}${' '.repeat(40_000)}`
    const first = ask(gateway, '/take', { body: padded })
    while (gateway.stats().windows === 0) await systemClock.sleep(1)
    assert.equal((await ask(gateway, '/take', { body: padded })).body, 'no overloaded')
    open()
    assert.equal((await first).body, 'good 1')
    assert.equal((await ask(gateway, '/take', { body: padded })).body, 'good 1')
  })
  let free = 1e9
  const clock = { ...systemClock, sleep: (_ms: number, signal?: AbortSignal) => systemClock.sleep(1, signal) }
  await running(
    { clock, room: [freeSpace('log', async () => ({ free, total: 1e10 }), { freeBytesMin: 2e9, freeShareMin: 0.05 })] },
    async ({ gateway, log, vault }) => {
      assert.equal((await ask(gateway, '/take', { body: event() })).body, 'no overloaded')
      assert.equal((await ask(gateway, '/look')).status, 200, 'what keeps nothing is answered')
      assert.equal(log.head + vault.calls.length, 0)
      free = 3e9
      while (gateway.stats().diskLow) await systemClock.sleep(1)
      assert.equal((await ask(gateway, '/take', { body: event() })).body, 'good 1')
    },
  )
})

test('pipelined requests are answered in order, and an error after them comes last', () =>
  running({}, async ({ gateway, log }) => {
    const answers = await raw(
      gateway,
      `${post(event({ user: 'u1' }))}${post('{')}${post(event({ user: 'u2' }), 'X: 1\r\n')}NOT HTTP\r\n\r\n`,
    )
    assert.deepEqual(
      [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
      ['200', '400', '200', '400'],
    )
    assert.equal(log.head, 2)
  }))

test('hostile heads are refused and leave nothing behind', () =>
  running({ limits: { headerBytesMax: 4096 } }, async ({ gateway, log }) => {
    const heads: [string, RegExp][] = [
      [`GET /take HTTP/1.1\r\nHost: gw\r\nX: ${'a'.repeat(5000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
      [`GET /${'a'.repeat(5000)} HTTP/1.1\r\nHost: gw\r\n\r\n`, /^HTTP\/1\.1 431 /],
      ['GET /take HTTP/1.1\r\nHost : gw\r\n\r\n', /^HTTP\/1\.1 400 /],
      ['POST /take HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]x', /^HTTP\/1\.1 400 /],
      ['POST /take HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n[]', /^HTTP\/1\.1 400 /],
      ['POST /take HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n', /^HTTP\/1\.1 400 /],
      ['GET /take HTTP/1.1\r\nHost: gw\r\nOrigin: http://a\rX-Injected: 1\r\n\r\n', /^HTTP\/1\.1 400 /],
      ['\x16\x03\x01\x02\x00\x01\x00', /^HTTP\/1\.1 400 /],
    ]
    for (const [head, expected] of heads) assert.match(await raw(gateway, head), expected)
    // Line breaks that only a decoder would see come back nowhere in the head.
    const injected = await raw(
      gateway,
      'GET /take%0d%0aX-Injected:1?data=%0d%0aSet-Cookie:a HTTP/1.1\r\nHost: gw\r\nOrigin: http://a%0d%0aX-Injected:1\r\n' +
        'Connection: close\r\n\r\n',
    )
    assert.doesNotMatch(injected, /^(X-Injected|Set-Cookie)/im)
    assert.equal(log.head, 0)
  }))

test('a slow client is cut off, in head and in body, and one that goes away leaves nothing', () =>
  running({ limits: { headersTimeoutMs: 1500, requestTimeoutMs: 2000, connectionsCheckEveryMs: 50 } }, async ({ gateway, log }) => {
    const [head, body] = await Promise.all([
      raw(gateway, 'POST /take HTTP/1.1\r\nHost: gw\r\nX-Slow'),
      raw(gateway, `${post(event())}POST /take HTTP/1.1\r\nHost: gw\r\nContent-Length: 1000\r\n\r\n[{`),
    ])
    assert.match(head, /^HTTP\/1\.1 408 /)
    assert.match(body, /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 408 /, 'the whole request before it was answered')
    assert.equal(log.head, 1)
    assert.equal(gateway.stats().heldBytes, 0)
  }))

test('closing answers what was read whole', () =>
  running({ limits: { closeGraceMs: 2000 } }, async ({ gateway, log }) => {
    let open = (): void => undefined
    log.gate = new Promise((resolve) => {
      open = resolve
    })
    const answers = Promise.all([1, 2, 3].map((user) => ask(gateway, '/take', { body: event({ user: `u${user}` }) })))
    while (gateway.stats().windows === 0) await systemClock.sleep(1)
    await systemClock.sleep(20)
    const closed = gateway.close()
    open()
    assert.deepEqual(
      (await answers).map(({ status }) => status),
      [200, 200, 200],
    )
    await closed
    await assert.rejects(ask(gateway, '/healthz'))
    assert.equal(log.head, 3)
  }))

test('a request that was answered before its body broke gets no second answer', () =>
  running({}, async ({ gateway }) => {
    for (const [head, status] of [
      ['POST /nowhere HTTP/1.1', 404],
      ['OPTIONS /take HTTP/1.1', 204],
      ['POST /take HTTP/1.1\r\nExpect: nothing', 417],
    ] as const) {
      const answers = await raw(gateway, `${head}\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n1;\nx\r\n0\r\n\r\n`)
      assert.deepEqual(answers.match(/HTTP\/1\.1 \d+/g), [`HTTP/1.1 ${status}`])
    }
  }))

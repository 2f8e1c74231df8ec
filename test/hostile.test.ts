/** Bad input at the public door: the vendor's own error shape, the process up, nothing half-kept. */
import assert from 'node:assert/strict'
import net from 'node:net'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Program, waitUntil } from '#drill/program.ts'
import { startBulkhead } from './support/bulkhead.ts'
import { testConfig, TOKENS } from './support/config.ts'
import { eventCounts, waitForWarehouse } from './support/counts.ts'
import { formBody, postEvents, rawExchange, send, type Sending } from './support/gateway-client.ts'

const json = { 'content-type': 'application/json' }
const event = (properties: object = {}): object => ({
  event: 'Opened',
  properties: { token: TOKENS.browser, distinct_id: 'u', ...properties },
})

function nested(depth: number): string {
  const deep = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  return `[{"event":"Opened","properties":{"token":"${TOKENS.browser}","distinct_id":"u","deep":${deep}}}]`
}

interface Case {
  name: string
  path: string
  sending: Sending
  /** What may be kept of it, records of type event. */
  keeps: number | [min: number, max: number]
  /** Allowed statuses. */
  status: number[]
  body?: RegExp
}

const cases: Case[] = [
  {
    name: 'truncated gzip',
    path: '/track',
    sending: { headers: { ...json, 'content-encoding': 'gzip' }, body: gzipSync(JSON.stringify([event()])).subarray(0, 60) },
    keeps: 0,
    status: [200, 400],
    body: /^0$|error|invalid|failed/i,
  },
  {
    name: 'gzip magic without the header, broken',
    path: '/track',
    sending: { headers: json, body: Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(40, 7)]) },
    keeps: 0,
    status: [200, 400],
  },
  {
    name: 'gzip bomb',
    path: '/track',
    sending: { headers: { ...json, 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(300_000_000, 0x20)) },
    keeps: 0,
    status: [200, 400, 413],
  },
  {
    name: 'gzip bomb inside a form value',
    path: '/track',
    sending: { body: `data=${encodeURIComponent(gzipSync(Buffer.alloc(300_000_000, 0x20)).toString('base64'))}` },
    keeps: 0,
    status: [200, 400, 413],
  },
  {
    name: 'invalid UTF-8',
    path: '/track',
    sending: {
      headers: json,
      body: Buffer.concat([
        Buffer.from(`[{"event":"Opened`),
        Buffer.from([0xff, 0xfe, 0xc3]),
        Buffer.from(`","properties":{"token":"${TOKENS.browser}"}}]`),
      ]),
    },
    keeps: 0,
    status: [200, 400],
  },
  { name: 'deep nesting', path: '/track', sending: { headers: json, body: nested(50_000) }, keeps: 0, status: [200, 400, 413] },
  { name: 'deep arrays', path: '/track', sending: { headers: json, body: '['.repeat(200_000) }, keeps: 0, status: [200, 400, 413] },
  {
    name: '__proto__ and constructor keys',
    path: '/track',
    sending: {
      headers: json,
      body: `[{"event":"Opened","properties":{"token":"${TOKENS.browser}","distinct_id":"u","__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}}]`,
    },
    keeps: 1,
    status: [200],
  },
  {
    name: '10,000 properties',
    path: '/track',
    sending: {
      headers: json,
      body: JSON.stringify([event(Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`p${at}`, at])))]),
    },
    keeps: [0, 1],
    status: [200, 400],
  },
  ...[
    'null',
    '7',
    '"text"',
    'true',
    '{}',
    '[]',
    '[null]',
    '[[]]',
    '[7,"x",null]',
    '{"event":7}',
    '[{"event":{"a":1},"properties":[]}]',
  ].map((body): Case => ({ name: `wrong type ${body}`, path: '/track', sending: { headers: json, body }, keeps: 0, status: [200, 400] })),
  {
    name: 'wrong types of the known keys',
    path: '/track',
    sending: {
      headers: json,
      body: JSON.stringify([
        event({ time: 'yesterday', distinct_id: { a: 1 }, $insert_id: [1], $current_url: 7, $os: null, ip: [], $user_id: true }),
      ]),
    },
    keeps: [0, 1],
    status: [200, 400],
  },
  { name: 'broken base64', path: '/track', sending: { body: 'data=%%%%' }, keeps: 0, status: [200, 400] },
  { name: 'no data', path: '/track', sending: { body: '' }, keeps: 0, status: [200, 400] },
  { name: 'GET without data', path: '/track', sending: {}, keeps: 0, status: [200, 400] },
  { name: 'wrong method', path: '/track', sending: { method: 'DELETE' }, keeps: 0, status: [400, 404, 405] },
  {
    name: 'PUT',
    path: '/track',
    sending: { method: 'PUT', headers: json, body: JSON.stringify([event()]) },
    keeps: 0,
    status: [400, 404, 405],
  },
  { name: 'a path that is none', path: '/etc/passwd', sending: {}, keeps: 0, status: [404] },
  { name: 'dots in the path', path: '/track/../../../secret', sending: {}, keeps: 0, status: [200, 400, 404] },
  { name: 'broken percent escapes', path: '/track?data=%E0%A4%A&verbose=%', sending: {}, keeps: 0, status: [200, 400] },
  {
    name: 'a callback that is a script',
    path: `/track?callback=alert(1)//&data=${Buffer.from('[]').toString('base64')}`,
    sending: {},
    keeps: 0,
    status: [200, 400],
  },
  {
    name: 'import without a login or token',
    path: '/import?strict=1',
    sending: { headers: json, body: '[{"event":"x","properties":{}}]' },
    keeps: 0,
    status: [400, 401],
  },
  {
    name: 'one bad record beside good ones, strict import',
    path: '/import?strict=1',
    sending: {
      headers: { ...json, authorization: `Basic ${Buffer.from(`${TOKENS.server}:`).toString('base64')}` },
      body: JSON.stringify([
        { event: 'Opened', properties: { token: TOKENS.server, time: Date.now(), distinct_id: 'u', $insert_id: 'good-1' } },
        { properties: { time: Date.now(), distinct_id: 'u', $insert_id: 'bad-1' } },
        { event: 'Opened', properties: { token: TOKENS.server, time: Date.now(), distinct_id: 'u', $insert_id: 'good-2' } },
      ]),
    },
    keeps: 2,
    status: [400],
    body: /failed_records/,
  },
]

async function isAlive(program: Program): Promise<void> {
  const answer = await postEvents(program.gatewayUrl, TOKENS.browser, [{ event: 'Alive', properties: { distinct_id: 'u' } }])
  assert.deepEqual([answer.status, answer.body], [200, '1'])
}

test('hostile bodies', async (t) => {
  const program = await startBulkhead(t, { config: testConfig() })
  const pids = program.processes().map((one) => one.pid)
  let kept = 0
  for (const { name, path, sending, keeps, status, body } of cases) {
    await t.test(name, async () => {
      const before = (await eventCounts(program)).accepted
      const answer = await send(`${program.gatewayUrl}${path}`, sending)
      assert.ok(status.includes(answer.status), `status ${answer.status}: ${answer.body.slice(0, 300)}`)
      if (body !== undefined) assert.match(answer.body, body)
      assert.doesNotMatch(answer.body, /\bat .*:\d+:\d+|node_modules|\/src\//, 'no stack trace')
      assert.doesNotMatch(answer.body, /alert\(/, 'no echo of a script')
      const accepted = (await eventCounts(program)).accepted - before
      const [min, max] = typeof keeps === 'number' ? [keeps, keeps] : keeps
      assert.ok(accepted >= min && accepted <= max, `${accepted} were kept, expected ${min} to ${max}`)
      kept += accepted
      await isAlive(program)
      kept++
    })
  }
  await t.test('a body over the limit', async () => {
    const big = Buffer.alloc(64 * 1024 * 1024, 0x20)
    const answer = await send(`${program.gatewayUrl}/track`, { headers: json, body: big }).catch((error: Error) => error)
    // Refused with the vendor's shape, or cut off while it was still being sent: both are fine, keeping it is not.
    if (!(answer instanceof Error)) assert.equal(answer.status, 413)
    await isAlive(program)
    kept++
  })
  await waitForWarehouse(program, kept)
  const counts = await eventCounts(program)
  assert.deepEqual([counts.accepted, counts.warehouse], [kept, kept], 'kept whole or not at all')
  assert.deepEqual(
    program.processes().map((one) => one.pid),
    pids,
    'no process died',
  )
  assert.equal(({} as { admin?: boolean }).admin, undefined)
})

test('hostile connections', async (t) => {
  const program = await startBulkhead(t, { config: testConfig() })
  const pids = program.processes().map((one) => one.pid)
  const body = formBody([event()])
  const exchanges: [name: string, bytes: string | Buffer, answer: RegExp][] = [
    ['garbage', '\x00\x01\x02 nonsense\r\n\r\n', /^$|^HTTP\/1\.1 400/],
    ['TLS on a plain port', Buffer.from('16030100a5010000a10303', 'hex'), /^$|^HTTP\/1\.1 400/],
    ['header without end', `GET /track HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(200_000)}`, /^$|^HTTP\/1\.1 4(00|31)/],
    [
      'two content lengths',
      'POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\nhello',
      /^$|^HTTP\/1\.1 400/,
    ],
    [
      'length and chunked',
      'POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^$|^HTTP\/1\.1 400/,
    ],
    ['bare line feeds', 'GET /track HTTP/1.1\nHost: x\nX: y\n\n', /^$|^HTTP\/1\.1 [24]0/],
    ['a header with CR inside', 'GET /track HTTP/1.1\r\nHost: x\r\nX: a\rInjected: b\r\n\r\n', /^$|^HTTP\/1\.1 [24]0/],
    ['broken chunks', 'POST /track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n', /^$|^HTTP\/1\.1 400/],
    ['body shorter than said', `POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n${body}`, /^$|^HTTP\/1\.1 4/],
    ['upgrade', 'GET /track HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', /^$|^HTTP\/1\.1 [24]/],
    ['no host', 'GET /track HTTP/1.1\r\n\r\n', /^$|^HTTP\/1\.1 [24]/],
  ]
  for (const [name, bytes, answer] of exchanges) {
    await t.test(name, async () => {
      const { text } = await rawExchange(program.port, bytes, 1500)
      assert.match(text, answer)
    })
  }
  await t.test('pipelined requests are each answered', async () => {
    const post = (more: string): string =>
      `POST /track HTTP/1.1\r\nHost: x\r\n${more}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const [one, last] = [post(''), post('Connection: close\r\n')]
    const { text } = await rawExchange(program.port, one + one + last, 60_000)
    assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 3)
  })
  await t.test('a slow sender is cut off while others are served', { timeout: 600_000 }, async () => {
    const sockets = Array.from({ length: 50 }, () => net.connect(program.port, '127.0.0.1'))
    let closed = 0
    for (const socket of sockets) {
      socket.on('error', () => undefined)
      socket.on('close', () => closed++)
      socket.write('POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n')
    }
    const drip = setInterval(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.write('X-A: b\r\n')
    }, 500)
    await isAlive(program)
    try {
      await waitUntil('all were cut off', () => closed === sockets.length, 240_000, 250)
    } finally {
      clearInterval(drip)
      for (const socket of sockets) socket.destroy()
    }
  })
  await isAlive(program)
  await waitForWarehouse(program, 5)
  const counts = await eventCounts(program)
  // Three pipelined ones without an insert id, and two of ours.
  assert.deepEqual([counts.accepted, counts.warehouse], [5, 5])
  assert.deepEqual(
    program.processes().map((one) => one.pid),
    pids,
    'no process died',
  )
})

test('browsers may call from any origin, with credentials, and never with a star', async (t) => {
  const program = await startBulkhead(t, { config: testConfig() })
  for (const path of ['/track', '/track/', '/engage/', '/groups/', '/flags/', '/settings/', '/record/', '/import']) {
    const preflight = await send(`${program.gatewayUrl}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://shop.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,authorization',
      },
    })
    assert.ok(preflight.status < 300, `${path}: ${preflight.status}`)
    assert.equal(preflight.headers['access-control-allow-origin'], 'https://shop.example')
    assert.equal(preflight.headers['access-control-allow-credentials'], 'true')
    assert.match(String(preflight.headers['access-control-allow-headers']), /authorization/i)
  }
  const answer = await send(`${program.gatewayUrl}/track/?verbose=1&ip=1`, {
    headers: { origin: 'https://shop.example', cookie: 'session=secret', 'content-type': 'application/x-www-form-urlencoded' },
    body: formBody([event()]),
  })
  assert.deepEqual(JSON.parse(answer.body), { error: null, status: 1 })
  assert.equal(answer.headers['access-control-allow-origin'], 'https://shop.example')
  assert.match(String(answer.headers.vary), /origin/i)
  assert.equal(answer.headers['set-cookie'], undefined)
})

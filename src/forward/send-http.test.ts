import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { SendError } from './port.ts'
import { createHttpSend } from './send-http.ts'

const BODY = Buffer.from('[{"a":1}]')

async function listen(t: TestContext, server: net.Server | http.Server): Promise<number> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as net.AddressInfo).port
}

/** Sends once; what came of it, and how often the first byte was announced. */
async function outcomeOf(send: ReturnType<typeof createHttpSend>, url: string, signal = new AbortController().signal) {
  let announced = 0
  try {
    const answer = await send(
      { method: 'POST', url, headers: {}, authorization: 'Basic x', body: BODY },
      { signal, onFirstByte: () => void announced++ },
    )
    return { answer, announced }
  } catch (thrown) {
    assert.ok(thrown instanceof SendError)
    assert.equal(thrown.handed, announced === 1)
    return { failure: [thrown.reason, thrown.handed] }
  }
}

test('answers: kept connection, headers, a body cut at the limit, a redirect that is not followed', async (t) => {
  let connections = 0
  const server = http.createServer((incoming, reply) => {
    if (incoming.url === '/long') reply.end('x'.repeat(5_000))
    else if (incoming.url === '/away') reply.writeHead(302, { location: '/other' }).end()
    else
      incoming.toArray().then(
        (chunks) => reply.setHeader('retry-after', '7').end(`${incoming.headers.authorization} ${Buffer.concat(chunks)}`),
        () => undefined,
      )
  })
  server.keepAliveTimeout = 60_000
  server.on('connection', () => void connections++)
  const url = `http://127.0.0.1:${await listen(t, server)}`
  const send = createHttpSend({ bodyBytesMax: 1_000 })
  const { answer } = await outcomeOf(send, `${url}/a`)
  assert.deepEqual([answer?.status, answer?.body, answer?.headers['retry-after']], [200, `Basic x ${BODY}`, '7'])
  assert.equal((await outcomeOf(send, `${url}/away`)).answer?.status, 302)
  assert.equal(connections, 1)
  assert.equal((await outcomeOf(send, `${url}/long`)).answer?.body.length, 1_000)
  send.destroyAll()
})

test('whether a byte was handed over is known for every failure', async (t) => {
  const reached: string[] = []
  const silent = http.createServer((incoming) => void reached.push(incoming.url ?? ''))
  const port = await listen(t, silent)
  const rude = await listen(
    t,
    net.createServer((socket) => socket.once('data', () => socket.resetAndDestroy())),
  )
  const send = createHttpSend()
  const hasty = createHttpSend({ answerTimeoutMs: 500 })
  assert.deepEqual((await outcomeOf(send, 'http://127.0.0.1:1/')).failure, ['connect_failed', false])
  assert.deepEqual((await outcomeOf(send, `http://127.0.0.1:${rude}/`)).failure, ['broken_off', true])
  assert.deepEqual((await outcomeOf(hasty, `http://127.0.0.1:${port}/slow`)).failure, ['timeout', true])
  assert.deepEqual((await outcomeOf(send, `http://127.0.0.1:${port}/`, AbortSignal.abort())).failure, ['aborted', false])
  const early = new AbortController()
  const sending = outcomeOf(send, `http://127.0.0.1:${port}/early`, early.signal)
  early.abort()
  assert.deepEqual((await sending).failure, ['aborted', false])
  const late = new AbortController()
  const under = outcomeOf(send, `http://127.0.0.1:${port}/late`, late.signal)
  while (!reached.includes('/late')) await new Promise((resolve) => setImmediate(resolve))
  late.abort()
  assert.deepEqual((await under).failure, ['aborted', true])
  assert.deepEqual(reached, ['/slow', '/late'])
})

test('destroyAll ends what is under way with a reset', async (t) => {
  const errors: (string | undefined)[] = []
  let got = 0
  const port = await listen(
    t,
    net.createServer((socket) => {
      socket.on('data', (chunk) => {
        got += chunk.length
      })
      socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code))
    }),
  )
  const send = createHttpSend()
  const sending = outcomeOf(send, `http://127.0.0.1:${port}/`)
  while (got === 0) await new Promise((resolve) => setImmediate(resolve))
  send.destroyAll()
  assert.deepEqual((await sending).failure, ['broken_off', true])
  while (errors.length === 0) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(errors, ['ECONNRESET'])
})

test('TLS: a certificate that does not verify gets no byte of the request; one that does is used and can be reset', async (t) => {
  const { cert, key } = selfSigned('localhost')
  const reached: string[] = []
  const server = https.createServer({ cert, key }, (incoming, reply) => {
    reached.push(incoming.url ?? '')
    if (incoming.url !== '/hang') reply.end('ok')
  })
  server.on('clientError', (_, socket) => socket.destroy())
  const port = await listen(t, server)
  assert.deepEqual((await outcomeOf(createHttpSend(), `https://localhost:${port}/untrusted`)).failure, ['tls_failed', false])
  const wrongName = await outcomeOf(createHttpSend({ ca: cert }), `https://127.0.0.1:${port}/name`)
  assert.deepEqual(wrongName.failure, ['tls_failed', false])
  const send = createHttpSend({ ca: cert })
  assert.equal((await outcomeOf(send, `https://localhost:${port}/a`)).answer?.body, 'ok')
  const abort = new AbortController()
  const sending = outcomeOf(send, `https://localhost:${port}/hang`, abort.signal)
  while (!reached.includes('/hang')) await new Promise((resolve) => setImmediate(resolve))
  abort.abort()
  assert.deepEqual((await sending).failure, ['aborted', true])
  assert.deepEqual(reached, ['/a', '/hang'])
})

/** A certificate of today for the test, in X.509's DER: no key lies in the source. */
function selfSigned(name: string): { cert: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = (tag: number, ...parts: Buffer[]): Buffer => {
    const content = Buffer.concat(parts)
    const length =
      content.length < 128
        ? [content.length]
        : content.length < 256
          ? [0x81, content.length]
          : [0x82, content.length >> 8, content.length & 255]
    return Buffer.concat([Buffer.from([tag, ...length]), content])
  }
  const time = (offsetMs: number): Buffer =>
    der(0x18, Buffer.from(`${new Date(Date.now() + offsetMs).toISOString().replace(/[-:T]|\.\d+/g, '')}`))
  const ecdsaWithSha256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'))
  const subject = der(0x30, der(0x31, der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from(name)))))
  const tbs = der(
    0x30,
    der(0xa0, Buffer.from('020102', 'hex')),
    Buffer.from('020101', 'hex'),
    ecdsaWithSha256,
    subject,
    der(0x30, time(-3_600_000), time(3_600_000)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign('sha256', tbs, privateKey)
  const certificate = der(0x30, tbs, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature))
  const pem = `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  return { cert: pem, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

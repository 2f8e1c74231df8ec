/** Slow, idle and many: what connections may cost. Limits are short here, and no time is asserted. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import tls from 'node:tls'
import zlib from 'node:zlib'
import { systemClock } from '#base/clock.ts'
import { makeCertificate } from '#test/support/certificate.ts'
import { Crowd } from './crowd.ts'
import { ask, post, raw, running } from './fixture.ts'
import type { Gateway } from './gateway.ts'

const event = JSON.stringify([{ token: 'site-token-0123' }])

function connect(gateway: Gateway): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(gateway.port, '127.0.0.1', () => resolve(socket))
    socket.on('error', reject)
  })
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await systemClock.sleep(5)
}

test('one network holds so many connections and another its own; what it lets go it may open again', async () => {
  const crowd = new Crowd({ perNetwork: 3, total: 100, networkOf: (socket) => networks.get(socket.remotePort as number) })
  const networks = new Map<number, string>()
  const server = http.createServer()
  crowd.watch(server, () => 0)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = (server.address() as net.AddressInfo).port
  const open: net.Socket[] = []
  // The port is known before the connection is: the socket binds first.
  const dial = async (network: string): Promise<boolean> => {
    const localPort = await new Promise<number>((resolve) => {
      const probe = net.createServer().listen(0, '127.0.0.1', () => {
        const { port: free } = probe.address() as net.AddressInfo
        probe.close(() => resolve(free))
      })
    })
    networks.set(localPort, network)
    const before = crowd.stats()
    const socket = net.connect({ port, host: '127.0.0.1', localPort })
    const isConnected = new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'))
    })
    // Somebody else has it by now.
    if (!(await isConnected)) return dial(network)
    open.push(socket)
    await until(() => crowd.stats().refused.network > before.refused.network || crowd.stats().open > before.open)
    return crowd.stats().refused.network === before.refused.network
  }
  try {
    assert.deepEqual([await dial('a'), await dial('a'), await dial('a')], [true, true, true])
    assert.equal(await dial('a'), false)
    await until(() => crowd.stats().open === 3)
    assert.equal(await dial('b'), true)
    open[0]!.destroy()
    await until(() => crowd.stats().open === 3)
    assert.equal(await dial('a'), true)
    assert.equal(crowd.stats().refused.network, 1)
  } finally {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})

test('in a crowd those who only wait give way, and those who come are served', () =>
  running({ limits: { connectionsMax: 20, keepAliveTimeoutMs: 60_000 } }, async ({ gateway }) => {
    const waiting: net.Socket[] = []
    for (let n = 0; n < 17; n++) {
      const socket = await connect(gateway)
      socket.write(post(event))
      await new Promise((resolve) => socket.once('data', resolve))
      waiting.push(socket)
    }
    for (let n = 0; n < 40; n++) assert.equal((await ask(gateway, '/take', { body: event })).status, 200)
    await until(() => waiting.filter((socket) => socket.destroyed || socket.readableEnded || !socket.writable).length >= 10)
    for (const socket of waiting) socket.destroy()
  }))

test('who sends a head, a body or nothing at all drop by drop is cut off, and who does not read the answers too', () =>
  running(
    { limits: { headersTimeoutMs: 1500, requestTimeoutMs: 2000, connectionsCheckEveryMs: 50, stalledMs: 1500 } },
    async ({ gateway, log }) => {
      const slow = await Promise.all([
        raw(gateway),
        raw(gateway, 'POST /take HTTP/1.1\r\nHost: gw\r\nX-'),
        raw(gateway, `POST /take HTTP/1.1\r\nHost: gw\r\nContent-Length: ${event.length}\r\n\r\n${event.slice(0, 5)}`),
        raw(gateway, `POST /take HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n${event.slice(0, 5)}\r\n`),
      ])
      for (const answer of slow) assert.ok(answer === '' || (answer.match(/HTTP\/1\.1/g) ?? []).length === 1, answer)
      assert.equal(log.drafts.length, 0)
      // A reader that reads nothing: what it asked for piles up in both buffers, then nothing moves any more.
      const lazy = await connect(gateway)
      lazy.pause()
      let closed = false
      lazy.on('close', () => (closed = true)).on('error', () => (closed = true))
      const many = post(event).repeat(500)
      const flood = setInterval(() => lazy.writable && lazy.write(many), 20)
      await until(() => gateway.stats().connections.open === 0)
      clearInterval(flood)
      lazy.resume()
      await until(() => closed)
      assert.equal((await ask(gateway, '/take', { body: event })).status, 200)
    },
  ))

test('too many headers are refused, not left out', () =>
  running({ trustProxy: ['127.0.0.1/32'] }, async ({ gateway, log }) => {
    const headers = (count: number): string => Array.from({ length: count }, (_, at) => `x-${at}: 1\r\n`).join('')
    assert.match(await raw(gateway, post(event, `${headers(100)}Connection: close\r\n`)), /^HTTP\/1\.1 200/)
    assert.match(await raw(gateway, post(event, headers(300))), /^HTTP\/1\.1 431/)
    assert.equal(log.drafts.length, 1)
  }))

test('what unpacks to hundreds of times its size is refused before it is unpacked', () =>
  running({ limits: { inflatedBytesMax: 64 * 1024 ** 2 } }, async ({ gateway }) => {
    const bomb = zlib.gzipSync(Buffer.alloc(8 * 1024 ** 2, 0x20))
    const answer = await ask(gateway, '/take', { body: bomb, headers: { 'content-encoding': 'gzip' } })
    assert.deepEqual([answer.status, answer.body], [413, 'no too_large'])
    const batch = JSON.stringify(Array.from({ length: 2000 }, () => ({ token: 'site-token-0123', user: 'u' })))
    const honest = await ask(gateway, '/take', { body: zlib.gzipSync(batch), headers: { 'content-encoding': 'gzip' } })
    assert.equal(honest.body, 'good 2000', 'one line thousands of times over is no bomb')
    assert.equal(gateway.stats().records.kept, 2000)
  }))

test('TLS: a renewed certificate is used without a restart, a broken one is not, bad handshakes are counted and hold nothing', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-tls-'))
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') }
  const write = (pair: { cert: string; key: string }): void => {
    writeFileSync(files.cert, pair.cert)
    writeFileSync(files.key, pair.key)
  }
  const [first, second] = [makeCertificate(), makeCertificate()]
  write(first)
  try {
    await running({ tls: files, limits: { tlsLookEveryMs: 20 } }, async ({ gateway, failures }) => {
      const handshake = (options: tls.ConnectionOptions = {}): Promise<string> =>
        new Promise((resolve, reject) => {
          const socket = tls.connect({ port: gateway.port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
            resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '')
            socket.destroy()
          })
          socket.on('error', reject)
        })
      const before = await handshake()
      writeFileSync(files.cert, 'half a certificate')
      await until(() => failures.length > 0)
      assert.deepEqual(failures, ['tls config_invalid the new certificate and key cannot be used; the old ones stay in use'])
      assert.equal(await handshake(), before)
      write(second)
      let after = before
      while (after === before) after = await handshake()
      await assert.rejects(handshake({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }))
      for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x00\x05junk!', '\x00'.repeat(300)]) await raw(gateway, bytes)
      await until(() => gateway.stats().connections.open === 0)
      assert.ok(gateway.stats().connections.refused.handshake >= 4, 'counted')
      assert.equal(failures.length, 1, 'and not logged')
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

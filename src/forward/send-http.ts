/**
 * The way onto the wire: HTTP/1.1 with kept connections, to one destination. A request gets its socket only once that is
 * connected (and, for TLS, its certificate verified), so "no byte was handed over" is known, not guessed. Sockets
 * are destroyed with a reset: an ordinary close would let the kernel go on sending what it still holds.
 */
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import type { EgressRequest } from '#model/protocol.ts'
import { type Send, type SendAnswer, SendError, type SendOptions } from './port.ts'

export interface HttpSendOptions {
  connectTimeoutMs?: number
  /** From the first byte of the request to the last of the answer. */
  answerTimeoutMs?: number
  bodyBytesMax?: number
  /** Extra certificate authority, PEM. */
  ca?: string
}

type OnSocket = (error: Error | null, socket: net.Socket) => void

class ConnectError extends Error {
  readonly reason: 'connect_failed' | 'tls_failed'

  constructor(reason: 'connect_failed' | 'tls_failed', cause: unknown) {
    super(reason, { cause })
    this.reason = reason
  }
}

/** Plain sockets, and those under TLS ones: only a plain one can be reset. */
class OpenSockets {
  readonly #sockets = new Set<net.Socket>()
  readonly #rawOf = new WeakMap<net.Socket, net.Socket>()

  add(socket: net.Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  wrap(wrapped: net.Socket, raw: net.Socket): void {
    this.#rawOf.set(wrapped, raw)
  }

  reset(socket: net.Socket): void {
    const raw = this.#rawOf.get(socket) ?? socket
    if (raw.destroyed) return
    if (raw.connecting) raw.destroy()
    else raw.resetAndDestroy()
  }

  destroyAll(): void {
    for (const socket of this.#sockets) this.reset(socket)
  }
}

interface ConnectOptions {
  host: string
  port: number
  secure: boolean
  timeoutMs: number
  ca: string | undefined
}

/** Calls back once, with a socket that is ready for a request's first byte, or with the failure. */
function connect(options: ConnectOptions, sockets: OpenSockets, done: OnSocket): void {
  const raw = net.connect({ host: options.host, port: options.port, noDelay: true })
  sockets.add(raw)
  let settled = false
  const settle = (failure: ConnectError | null, socket: net.Socket): void => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    if (failure !== null) raw.destroy()
    done(failure, socket)
  }
  const timer = setTimeout(() => settle(new ConnectError('connect_failed', undefined), raw), options.timeoutMs)
  raw.on('error', (cause) => settle(new ConnectError('connect_failed', cause), raw))
  raw.once('close', () => settle(new ConnectError('connect_failed', undefined), raw))
  raw.once('connect', () => {
    if (!options.secure) return settle(null, raw)
    const servername = net.isIP(options.host) === 0 ? options.host : ''
    const wrapped = tls.connect({ socket: raw, host: options.host, servername, ...(options.ca === undefined ? {} : { ca: options.ca }) })
    sockets.wrap(wrapped, raw)
    wrapped.on('error', (cause) => settle(new ConnectError('tls_failed', cause), wrapped))
    wrapped.once('secureConnect', () => settle(null, wrapped))
    raw.once('close', () => wrapped.destroy())
  })
}

interface AgentTarget {
  host?: string | null
  port?: number | string | null
}

function keptAgent(secure: boolean, sockets: OpenSockets, options: HttpSendOptions): http.Agent {
  const Kept = secure ? https.Agent : http.Agent
  const agent = new Kept({ keepAlive: true, maxSockets: 4, maxFreeSockets: 2, timeout: 60_000 })
  const create = (target: AgentTarget, done: OnSocket): undefined => {
    const host = String(target.host ?? '').replace(/^\[|\]$/g, '')
    connect({ host, port: Number(target.port), secure, timeoutMs: options.connectTimeoutMs ?? 10_000, ca: options.ca }, sockets, done)
  }
  // The agent's own factory gives out sockets that are still connecting; this one waits.
  Object.assign(agent, { createConnection: create })
  return agent
}

export function createHttpSend(options: HttpSendOptions = {}): Send {
  const sockets = new OpenSockets()
  const agents = { 'http:': keptAgent(false, sockets, options), 'https:': keptAgent(true, sockets, options) }
  const send = (request: EgressRequest, sendOptions: SendOptions): Promise<SendAnswer> =>
    sendOnce(request, sendOptions, { agents, sockets, ...options })
  return Object.assign(send, { destroyAll: () => sockets.destroyAll() })
}

interface Wire extends HttpSendOptions {
  agents: Record<'http:' | 'https:', http.Agent>
  sockets: OpenSockets
}

function sendOnce(request: EgressRequest, { signal, onFirstByte }: SendOptions, wire: Wire): Promise<SendAnswer> {
  const { agents, sockets } = wire
  return new Promise((resolve, reject) => {
    const url = new URL(request.url)
    const secure = url.protocol === 'https:'
    let handed = false
    let answering = false
    let reason: SendError['reason'] | undefined
    if (signal.aborted) return reject(new SendError('aborted', false))
    const outgoing = (secure ? https : http).request(url, {
      method: request.method,
      agent: agents[secure ? 'https:' : 'http:'],
      headers: {
        ...request.headers,
        'content-length': String(request.body.length),
        ...(request.authorization === undefined ? {} : { authorization: request.authorization }),
      },
    })
    const stop = (why: SendError['reason']): void => {
      reason ??= why
      if (outgoing.socket !== null) sockets.reset(outgoing.socket)
      outgoing.destroy()
    }
    const onAbort = (): void => stop('aborted')
    signal.addEventListener('abort', onAbort, { once: true })
    let timer: NodeJS.Timeout | undefined
    const finish = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    const fail = (cause: unknown): void => {
      finish()
      const failure = cause instanceof ConnectError ? cause.reason : undefined
      reject(new SendError(reason ?? failure ?? 'broken_off', handed, cause))
    }
    outgoing.once('socket', () => {
      handed = true
      timer = setTimeout(() => stop('timeout'), wire.answerTimeoutMs ?? 30_000)
      onFirstByte()
    })
    outgoing.on('error', fail)
    outgoing.once('close', () => {
      if (!answering) fail(undefined)
    })
    outgoing.once('response', (incoming) => {
      answering = true
      readAnswer(incoming, wire.bodyBytesMax ?? 4 * 1024 * 1024).then((answer) => {
        finish()
        resolve(answer)
      }, fail)
    })
    outgoing.end(request.body)
  })
}

/** Reads the body up to the limit; what is longer is cut and its connection given up. */
function readAnswer(incoming: http.IncomingMessage, bodyBytesMax: number): Promise<SendAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const finish = (): void => {
      const body = Buffer.concat(chunks).subarray(0, bodyBytesMax).toString('utf8')
      resolve({ status: incoming.statusCode ?? 0, body, headers: singleHeaders(incoming.headers) })
    }
    incoming.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size < bodyBytesMax) return
      finish()
      incoming.destroy()
    })
    incoming.once('end', finish)
    incoming.once('error', reject)
    incoming.once('close', () => reject(new Error('answer broken off')))
  })
}

function singleHeaders(headers: http.IncomingHttpHeaders): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]))
}

/**
 * Calls between our processes over a unix socket. A frame is [u32 length of all][u32 length of header][JSON header]
 * [attachments]; attachments are bytes whose lengths stand in the header, so binary never goes through JSON and nothing
 * but JSON is parsed. The first frame of a connection is the caller's token, which decides its role.
 */
import { timingSafeEqual } from 'node:crypto'
import { chmodSync, rmSync } from 'node:fs'
import net from 'node:net'
import { BulkheadError, isErrorCode, toBulkheadError } from '#base/errors.ts'

const FRAME_BYTES_MAX = 256 * 1024 * 1024

export interface RpcMessage {
  /** JSON part. */
  body: unknown
  attachments: Buffer[]
}

export type RpcMethod = (body: never, attachments: Buffer[]) => Promise<RpcMessage | { body: unknown; attachments?: Buffer[] }>
export type RpcMethods = Record<string, RpcMethod>

interface Header {
  id: number
  method?: string
  body?: unknown
  error?: { code: string; message: string }
  sizes?: number[]
}

function encodeFrame(header: Header, attachments: readonly Uint8Array[]): Buffer[] {
  const text = Buffer.from(JSON.stringify(attachments.length > 0 ? { ...header, sizes: attachments.map((a) => a.length) } : header))
  const total = 4 + text.length + attachments.reduce((sum, a) => sum + a.length, 0)
  const head = Buffer.allocUnsafe(8)
  head.writeUInt32BE(total, 0)
  head.writeUInt32BE(text.length, 4)
  return [head, text, ...attachments.map((a) => Buffer.from(a.buffer, a.byteOffset, a.length))]
}

/** Cuts a byte stream into frames. Throws on a frame over the limit: the connection is then closed. */
class FrameReader {
  #chunks: Buffer[] = []
  #size = 0

  push(chunk: Buffer, onFrame: (header: Header, attachments: Buffer[]) => void): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    while (this.#size >= 8) {
      const first = this.#chunks[0] as Buffer
      if (first.length < 8) {
        this.#chunks = [Buffer.concat(this.#chunks)]
        continue
      }
      const total = first.readUInt32BE(0)
      if (total > FRAME_BYTES_MAX) throw new Error('frame over the limit')
      if (this.#size < 4 + total) return
      const all = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
      const rest = all.subarray(4 + total)
      this.#chunks = rest.length > 0 ? [rest] : []
      this.#size = rest.length
      const headerLength = all.readUInt32BE(4)
      const header = JSON.parse(all.toString('utf8', 8, 8 + headerLength)) as Header
      const attachments: Buffer[] = []
      let offset = 8 + headerLength
      for (const size of header.sizes ?? []) {
        attachments.push(all.subarray(offset, offset + size))
        offset += size
      }
      onFrame(header, attachments)
    }
  }
}

export interface RpcServer {
  close(): Promise<void>
}

/**
 * Serves `methodsByRole` on a socket file of mode 0600. `tokens` maps a role to its token; a caller with no known token
 * is disconnected. A method that a role does not have answers `vault_refused`.
 */
export async function serveRpc(options: {
  path: string
  tokens: Record<string, string>
  methodsByRole: Record<string, RpcMethods>
}): Promise<RpcServer> {
  rmSync(options.path, { force: true })
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let methods: RpcMethods | undefined
    const reader = new FrameReader()
    const send = (header: Header, attachments: readonly Uint8Array[]): void => {
      if (socket.destroyed) return
      socket.cork()
      for (const part of encodeFrame(header, attachments)) socket.write(part)
      socket.uncork()
    }
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk, (header, attachments) => {
          if (methods === undefined) {
            const role = roleOf(String(header.body), options.tokens)
            if (role === undefined) return void socket.destroy()
            methods = options.methodsByRole[role] ?? {}
            return send({ id: header.id, body: null }, [])
          }
          const method = Object.hasOwn(methods, header.method ?? '') ? methods[header.method as string] : undefined
          if (method === undefined) {
            return send({ id: header.id, error: { code: 'vault_refused', message: `no call ${header.method} for this role` } }, [])
          }
          method(header.body as never, attachments).then(
            (reply) => send({ id: header.id, body: reply.body }, reply.attachments ?? []),
            (thrown) => {
              const error = toBulkheadError(thrown)
              send({ id: header.id, error: { code: error.code, message: error.message } }, [])
            },
          )
        })
      } catch {
        socket.destroy()
      }
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.path, () => resolve())
  })
  chmodSync(options.path, 0o600)
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

function roleOf(token: string, tokens: Record<string, string>): string | undefined {
  const given = Buffer.from(token)
  for (const [role, expected] of Object.entries(tokens)) {
    const wanted = Buffer.from(expected)
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) return role
  }
  return undefined
}

/** A connection that is made on first use and made again after it broke. Calls under way when it breaks reject with `unavailable`. */
export class RpcClient {
  readonly #path: string
  readonly #token: string
  readonly #unavailable: 'vault_unavailable' | 'not_running'
  #socket: net.Socket | undefined
  #ready: Promise<net.Socket> | undefined
  #waiting = new Map<number, { resolve: (message: RpcMessage) => void; reject: (error: Error) => void }>()
  #nextId = 1
  #closed = false

  constructor(options: { path: string; token: string; unavailable?: 'vault_unavailable' | 'not_running' }) {
    this.#path = options.path
    this.#token = options.token
    this.#unavailable = options.unavailable ?? 'not_running'
  }

  async call(method: string, body: unknown, attachments: readonly Uint8Array[] = []): Promise<RpcMessage> {
    const socket = await this.#connect()
    return this.#send(socket, { id: this.#nextId++, method, body }, attachments)
  }

  close(): void {
    this.#closed = true
    this.#socket?.destroy()
  }

  #send(socket: net.Socket, header: Header, attachments: readonly Uint8Array[]): Promise<RpcMessage> {
    return new Promise((resolve, reject) => {
      if (socket.destroyed) return reject(this.#gone())
      this.#waiting.set(header.id, { resolve, reject })
      socket.cork()
      for (const part of encodeFrame(header, attachments)) socket.write(part)
      socket.uncork()
    })
  }

  #gone(): BulkheadError {
    return new BulkheadError(this.#unavailable, 'the process behind the socket does not answer')
  }

  #connect(): Promise<net.Socket> {
    if (this.#closed) return Promise.reject(this.#gone())
    this.#ready ??= new Promise<net.Socket>((resolve, reject) => {
      const socket = net.connect(this.#path)
      const reader = new FrameReader()
      this.#socket = socket
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        if (this.#socket === socket) {
          this.#socket = undefined
          this.#ready = undefined
        }
        for (const { reject: fail } of this.#waiting.values()) fail(this.#gone())
        this.#waiting.clear()
        reject(this.#gone())
      })
      socket.on('data', (chunk: Buffer) => {
        try {
          reader.push(chunk, (header, attachments) => {
            const waiter = this.#waiting.get(header.id)
            if (waiter === undefined) return
            this.#waiting.delete(header.id)
            if (header.error === undefined) waiter.resolve({ body: header.body, attachments })
            else waiter.reject(new BulkheadError(isErrorCode(header.error.code) ? header.error.code : 'internal', header.error.message))
          })
        } catch {
          socket.destroy()
        }
      })
      socket.on('connect', () => {
        this.#send(socket, { id: this.#nextId++, body: this.#token }, []).then(() => resolve(socket), reject)
      })
    })
    return this.#ready
  }
}

/**
 * A Mixpanel cloud on loopback for tests and rehearsals: it behaves as the published ingestion API does, keeps every record
 * that reaches it, and says when the first and the last byte of each request came. With `store` everything is appended to
 * a file as it happens, so that whoever reads it later needs nobody of this process alive.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { CloudDeletions, type TaskState } from './mixpanel-cloud-deletions.ts'
import { CloudFaults, decodeFault } from './mixpanel-cloud-faults.ts'
import type { CloudFault } from './mixpanel-cloud-faults.ts'
import { CloudIntake } from './mixpanel-cloud-intake.ts'
import type { CloudAccount, IntakeAnswer, LootRow } from './mixpanel-cloud-intake.ts'

export type { CloudFault, LootRow }

export interface CloudRequest {
  type: 'request'
  number: number
  /** Arrival of the first byte and, once there, of the last one; UTC ms. */
  at: number
  lastByteAt: number | null
  /** `/import`, `/engage`, `/groups`, `/track`; `?` when it broke off before its path was known. */
  route: string
  method: string
  /** As requested, with its query. */
  path: string
  /** Without the value of `authorization`. */
  headers: Record<string, string>
  bodyBytes: number
  /** 0: no answer was sent. */
  status: number
  /** The whole body came. */
  complete: boolean
}

export interface CloudOptions extends CloudAccount {
  port?: number
  store?: string
  /** With it the application host's deletion calls are served too. */
  deletionToken?: string
  /** Serves `/control/…` too, for a cloud in a process of its own. */
  control?: boolean
  now?: () => number
}

export interface MixpanelCloud {
  url: string
  port: number
  loot(): LootRow[]
  requests(): CloudRequest[]
  /** Violations of the request schemas: places and rules, no values. */
  schemaErrors(): string[]
  faults: CloudFaults
  deletions: CloudDeletions
  close(): Promise<void>
}

const ROUTES: ReadonlySet<string> = new Set(['/import', '/engage', '/groups', '/track'])
const BODY_BYTES_READ_MAX = 64 * 1024 * 1024

export async function startMixpanelCloud(options: CloudOptions): Promise<MixpanelCloud> {
  const cloud = new Cloud(options)
  await cloud.listen(options.port ?? 0)
  return cloud
}

/** Reads a store; a line that was cut short by a kill is left out. */
export function readCloudStore(file: string): { loot: LootRow[]; requests: CloudRequest[]; schemaErrors: string[] } {
  const read: { loot: LootRow[]; requests: CloudRequest[]; schemaErrors: string[] } = { loot: [], requests: [], schemaErrors: [] }
  for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
    const row = JSON.parse(line) as LootRow | CloudRequest | { type: 'schema'; error: string }
    if (row.type === 'loot') read.loot.push(row)
    else if (row.type === 'request') read.requests.push(row)
    else read.schemaErrors.push(row.error)
  }
  return read
}

/** State of one connection: when the first byte of the request under way came. */
interface Line {
  firstByteAt: number | undefined
  current: CloudRequest | undefined
  /** We reset it ourselves: what still arrives belongs to a request that is on record. */
  isReset: boolean
}

class Cloud implements MixpanelCloud {
  readonly faults = new CloudFaults()
  readonly deletions: CloudDeletions
  readonly #options: CloudOptions
  readonly #now: () => number
  readonly #intake: CloudIntake
  readonly #server: http.Server
  readonly #lines = new Map<Socket, Line>()
  readonly #loot: LootRow[] = []
  readonly #requests: CloudRequest[] = []
  readonly #schemaErrors: string[] = []

  constructor(options: CloudOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#intake = new CloudIntake(options, this.#now)
    this.deletions = new CloudDeletions({ deletionToken: options.deletionToken ?? '', token: options.token })
    this.#server = http.createServer({ keepAliveTimeout: 30_000, requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
      this.#answer(request, response).catch(() => request.socket.destroy())
    })
    this.#server.on('connection', (socket) => this.#watch(socket))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, '127.0.0.1', () => resolve())
    })
  }

  loot(): LootRow[] {
    return [...this.#loot]
  }

  requests(): CloudRequest[] {
    return this.#requests.map((request) => ({ ...request }))
  }

  schemaErrors(): string[] {
    return [...this.#schemaErrors]
  }

  close(): Promise<void> {
    this.faults.clear()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      for (const socket of this.#lines.keys()) socket.destroy()
      this.faults.release()
    })
  }

  /** The server tells of a request when its headers are whole; whether one *began* shows only on the socket. */
  #watch(socket: Socket): void {
    const line: Line = { firstByteAt: undefined, current: undefined, isReset: false }
    this.#lines.set(socket, line)
    socket.on('data', () => {
      line.firstByteAt ??= this.#now()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#lines.delete(socket)
      if (line.firstByteAt !== undefined && line.current === undefined && !line.isReset) this.#finish(line, this.#begin(line, undefined))
    })
  }

  #begin(line: Line, request: http.IncomingMessage | undefined): CloudRequest {
    const path = request?.url ?? ''
    const pathname = path.split('?')[0]?.replace(/\/+$/, '') ?? ''
    const begun: CloudRequest = {
      type: 'request',
      number: this.#requests.length + 1,
      at: line.firstByteAt ?? this.#now(),
      lastByteAt: null,
      route: request === undefined ? '?' : pathname,
      method: request?.method ?? '',
      path,
      headers: headersOf(request),
      bodyBytes: 0,
      status: 0,
      complete: false,
    }
    this.#requests.push(begun)
    line.current = begun
    return begun
  }

  /** The row goes to the file when all is known about the request. */
  #finish(line: Line, request: CloudRequest): void {
    line.firstByteAt = undefined
    line.current = undefined
    this.#append([request])
  }

  #append(rows: readonly unknown[]): void {
    if (this.#options.store === undefined || rows.length === 0) return
    appendFileSync(this.#options.store, `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`)
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    if (this.#options.control === true && request.url?.startsWith('/control/')) return this.#control(request, response)
    const line = this.#lines.get(request.socket) ?? { firstByteAt: undefined, current: undefined, isReset: false }
    const seen = this.#begin(line, request)
    const fault = this.faults.next({ number: seen.number, route: seen.route })
    if (fault?.kind === 'reset' && fault.when === 'headers') {
      return this.#reset(request, line, seen)
    }
    const body = await readBody(request, seen)
    seen.lastByteAt = this.#now()
    seen.complete = body !== undefined
    if (body === undefined || (fault?.kind === 'reset' && fault.when === 'body')) {
      return this.#reset(request, line, seen)
    }
    const answer = this.#store(seen, request, body, fault)
    if (fault?.kind === 'hang') await this.faults.hang()
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms))
    if (fault?.kind === 'reset' || request.socket.destroyed) return this.#reset(request, line, seen)
    seen.status = answer.status
    this.#finish(line, seen)
    const retryAfter = fault?.kind === 'status' ? fault.retryAfter : undefined
    response.writeHead(answer.status, { 'content-type': answer.type, ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }) })
    response.end(answer.body)
  }

  #reset(request: http.IncomingMessage, line: Line, seen: CloudRequest): void {
    line.isReset = true
    this.#finish(line, seen)
    request.socket.resetAndDestroy()
  }

  /** Loot stands in the file before the answer leaves, as it would at a vendor that stores before it answers. */
  #store(seen: CloudRequest, request: http.IncomingMessage, body: Buffer, fault: CloudFault | undefined): IntakeAnswer {
    const told = this.#options.deletionToken === undefined ? undefined : this.#askDeletions(request, seen, body)
    if (told !== undefined) return told
    if (!ROUTES.has(seen.route)) {
      const body = JSON.stringify({ code: 404, error: 'Not Found', status: 'Not Found' })
      return { status: 404, type: 'application/json', body, loot: [], schemaErrors: [] }
    }
    const partial = fault?.kind === 'partial' ? fault : undefined
    const answer = this.#intake.take({
      number: seen.number,
      at: seen.at,
      route: seen.route,
      method: seen.method,
      query: new URL(seen.path, 'http://loopback').searchParams,
      authorization: request.headers.authorization,
      contentEncoding: request.headers['content-encoding'],
      body,
      refuse: { indexes: new Set(partial?.indexes ?? []), naming: partial?.naming ?? 'index' },
      isDenied: fault?.kind === 'status' && fault.keeps !== true,
    })
    for (const row of answer.loot) this.#loot.push(row)
    this.#schemaErrors.push(...answer.schemaErrors)
    this.#append([...answer.loot, ...answer.schemaErrors.map((error) => ({ type: 'schema', error }))])
    if (fault?.kind !== 'status') return answer
    const text = fault.body ?? JSON.stringify({ code: fault.status, error: 'ordered by the test', status: 'Error' })
    return { ...answer, status: fault.status, type: 'application/json', body: text }
  }

  #askDeletions(request: http.IncomingMessage, seen: CloudRequest, body: Buffer): IntakeAnswer | undefined {
    const { authorization } = request.headers
    const reply = this.deletions.take({ method: seen.method, url: seen.path, authorization, body })
    if (reply === undefined) return undefined
    return { status: reply.status, type: 'application/json', body: JSON.stringify(reply.body), loot: [], schemaErrors: [] }
  }

  async #control(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const line = this.#lines.get(request.socket)
    const body = await readBody(request, undefined)
    if (line !== undefined) line.firstByteAt = undefined
    const reply = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    switch (`${request.method} ${request.url}`) {
      case 'GET /control/requests':
        return reply(200, this.#requests)
      case 'GET /control/loot':
        return reply(200, this.#loot)
      case 'GET /control/schema-errors':
        return reply(200, this.#schemaErrors)
      case 'DELETE /control/faults':
        this.faults.clear()
        this.faults.release()
        return reply(200, { pending: 0 })
      case 'GET /control/deletions':
        return reply(200, { tasks: this.deletions.tasks, complaints: this.deletions.complaints })
      case 'POST /control/deletions': {
        const { state } = JSON.parse((body ?? Buffer.from('{}')).toString('utf8')) as { state?: TaskState }
        for (const task of this.deletions.tasks) task.state = state ?? task.state
        return reply(200, { tasks: this.deletions.tasks.length })
      }
      case 'POST /control/faults': {
        const asked = JSON.parse((body ?? Buffer.from('null')).toString('utf8')) as { fault?: unknown; times?: number } | null
        const fault = decodeFault(asked?.fault)
        if (fault === undefined) return reply(400, { error: 'no such fault' })
        this.faults.push(fault, asked?.times ?? 1)
        return reply(200, { pending: this.faults.pending })
      }
      default:
        return reply(404, { error: 'no such control' })
    }
  }
}

function headersOf(request: http.IncomingMessage | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request?.headers ?? {}).map(([name, value]) => [name, name === 'authorization' ? '[secret]' : String(value)]),
  )
}

/** Undefined when the sender broke off, or sends without end. */
async function readBody(request: http.IncomingMessage, seen: CloudRequest | undefined): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (seen !== undefined) seen.bodyBytes = size
      if (size > BODY_BYTES_READ_MAX) return undefined
    }
  } catch {
    return undefined
  }
  return request.complete ? Buffer.concat(chunks) : undefined
}

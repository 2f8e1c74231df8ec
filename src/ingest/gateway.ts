/**
 * The public edge: route, read, decode, find the source, split, commit, answer. It answers as the vendor would, keeps
 * what it acknowledges, and keeps nothing of what it refuses. Cookies and headers are read here or not at all.
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo, BlockList } from 'node:net'
import { Registry } from 'prom-client'
import type { Clock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import type { LogWriter } from '#log/port.ts'
import type { SourceConfig } from '#model/config.ts'
import { NETWORK_BITS, type NetworkBits } from '#model/source-limits.ts'
import type { IngestRequest, IngestRoute, Protocol, Refusal, Reply } from '#model/protocol.ts'
import type { GatewayVault } from '#vault/port.ts'
import { basicUser, clientAddress, decodeTrustedProxies, peerAddress } from './client.ts'
import { CommitQueue } from './commit.ts'
import { Connections } from './connection.ts'
import { Crowd } from './crowd.ts'
import { corsHeaders, preflightHeaders } from './cors.ts'
import { GatewayCounts, type GatewayStats } from './counts.ts'
import { type RoomProbe, RoomWatch } from './free-space.ts'
import { type Intake, keepRecords, type PolicyInForce } from './intake.ts'
import { GATEWAY_LIMITS, type GatewayLimits } from './limits.ts'
import { type Origin, Origins } from './network.ts'
import { answerPage, type PublicPage } from './public-page.ts'
import { Quotas } from './quota.ts'
import { QuotaFile } from './quota-file.ts'
import { type BodyOutcome, HeldBytes, Inflater, readBody } from './request-body.ts'
import { splitUrl } from './request-url.ts'
import { SourceTable } from './sources.ts'
import { TLS_SETTINGS, TlsFiles } from './tls-files.ts'

export interface GatewayOptions {
  host: string
  port: number
  /** PEM text, or the paths of PEM files. */
  tls?: { cert: string; key: string } | undefined
  trustProxy: string[]
  /** What counts as one network for quotas. */
  networks?: NetworkBits | undefined
  connectionsPerNetwork?: number | undefined
  /** Where the use of the disk budgets is kept over restarts; without it, in memory only. */
  quotaFile?: string
  sources: SourceConfig[]
  protocols: ReadonlyMap<string, Protocol>
  /** Asked for each part of a request: a policy may be applied while this runs. */
  policy: () => PolicyInForce
  vault: GatewayVault
  log: LogWriter
  clock: Clock
  limits?: Partial<GatewayLimits>
  /** What must be left of disks and log for anything more to be taken; without it nothing is watched. */
  room?: readonly RoomProbe[]
  /** What else answers here, where no protocol does. */
  page?: PublicPage | undefined
  /** Where the metrics register; a registry of its own by default. */
  registry?: Registry
  /** For the trace: which stage failed a request or a window. Carries no content. */
  onFailure?: (stage: string, error: BulkheadError) => void
}

export interface Gateway {
  address: string
  port: number
  registry: Registry
  stats(): GatewayStats
  /**
   * Forgets what it believes the vault to hold: after an erasure or a merge that it was not asked for. When it returns, all
   * that was made of it is in the log.
   */
  forget(): Promise<void>
  /** Takes no more, answers what was read whole, then closes. The log stays open: it is its owner's. */
  close(): Promise<void>
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const limits = { ...GATEWAY_LIMITS, ...options.limits }
  const registry = options.registry ?? new Registry()
  const room = await RoomWatch.start(options.room ?? [], options.clock)
  const held = new HeldBytes(limits.heldBytesMax)
  const onFailure = (stage: string, error: BulkheadError): void => {
    counts.failure(stage)
    options.onFailure?.(stage, error)
  }
  const commits = new CommitQueue({
    vault: options.vault,
    log: options.log,
    vaultTimeoutMs: limits.vaultTimeoutMs,
    clock: options.clock,
    onFailure,
  })
  const quotas = new Quotas(options.sources)
  const quotaFile =
    options.quotaFile === undefined
      ? undefined
      : new QuotaFile({ file: options.quotaFile, quotas, now: options.clock.now(), onFailure: (error) => onFailure('quota', error) })
  const counts = new GatewayCounts(
    () => ({
      quotas: quotas.stats(),
      refusedNewcomers: commits.refusedNewcomers,
      connections: edge.connections,
      windows: commits.windows,
      heldBytes: held.held,
      diskLow: room.low,
      short: room.short,
    }),
    registry,
  )
  const edge = new Edge(options, { limits, room, held, commits, counts, quotas, onFailure })
  const server = await edge.listen()
  const { address, port } = server.address() as AddressInfo
  return {
    address,
    port,
    registry,
    stats: () => counts.stats(),
    forget: () => commits.forget(),
    close: async () => {
      await edge.close()
      await commits.drain()
      room.stop()
      quotaFile?.close()
    },
  }
}

interface EdgeParts {
  limits: GatewayLimits
  room: RoomWatch
  held: HeldBytes
  commits: CommitQueue
  counts: GatewayCounts
  quotas: Quotas
  onFailure: (stage: string, error: BulkheadError) => void
}

const NO_BODY = Buffer.alloc(0)
const PLAIN = { 'content-type': 'text/plain; charset=utf-8' }

class Edge {
  readonly #options: GatewayOptions
  readonly #parts: EdgeParts
  readonly #intake: Intake
  readonly #inflater: Inflater
  readonly #trusted: BlockList
  readonly #origins: Origins
  readonly #connections = new Connections()
  readonly #crowd: Crowd
  readonly #tls: TlsFiles | undefined
  #server: http.Server | undefined
  #closing = false

  constructor(options: GatewayOptions, parts: EdgeParts) {
    this.#options = options
    this.#parts = parts
    this.#inflater = new Inflater(parts.limits.inflatedBytesMax)
    this.#trusted = decodeTrustedProxies(options.trustProxy)
    this.#origins = new Origins(options.networks ?? NETWORK_BITS)
    this.#tls = options.tls === undefined ? undefined : new TlsFiles(options.tls)
    this.#crowd = new Crowd({
      perNetwork: options.connectionsPerNetwork ?? parts.limits.connectionsPerNetworkMax,
      total: parts.limits.connectionsMax,
      networkOf: (socket) => {
        const peer = peerAddress(socket, this.#trusted)
        return peer === undefined ? undefined : this.#origins.of(peer).network
      },
    })
    this.#intake = {
      sources: new SourceTable(options.sources),
      policy: options.policy,
      commits: parts.commits,
      counts: parts.counts,
      quotas: parts.quotas,
      onFailure: parts.onFailure,
    }
  }

  get connections(): ReturnType<Crowd['stats']> {
    return this.#crowd.stats()
  }

  async listen(): Promise<http.Server> {
    const { limits } = this.#parts
    const { host, port, clock } = this.#options
    const settings: http.ServerOptions = {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.connectionsCheckEveryMs,
      insecureHTTPParser: false,
      // Asked for below: Node's own answer would be followed by a second one when the body then breaks.
      requireHostHeader: false,
      noDelay: true,
    }
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => void this.#exchange(request, response)
    const server =
      this.#tls === undefined
        ? http.createServer(settings, onRequest)
        : https.createServer({ ...settings, ...TLS_SETTINGS, ...this.#tls.current }, onRequest)
    server.maxHeadersCount = limits.headersMax + 1
    server.on('checkExpectation', onRequest)
    server.timeout = limits.stalledMs
    this.#connections.watch(server)
    this.#crowd.watch(server, () => clock.now())
    if (server instanceof https.Server) this.#tls?.watch(server, limits.tlsLookEveryMs, (error) => this.#parts.onFailure('tls', error))
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        reject(error.code === 'EADDRINUSE' ? new BulkheadError('port_taken', `port ${port} is in use`, { cause: error }) : error)
      })
      server.listen(port, host, resolve)
    })
    this.#server = server
    return server
  }

  async close(): Promise<void> {
    const server = this.#server
    if (server === undefined || this.#closing) return
    this.#closing = true
    this.#tls?.close()
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    // A request that never becomes whole must not hold up the end.
    const grace = setTimeout(() => server.closeAllConnections(), this.#parts.limits.closeGraceMs)
    await closed
    clearTimeout(grace)
  }

  async #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const connection = this.#connections.begin(request, response)
    const hold = this.#parts.held.hold()
    response.on('error', () => undefined)
    response.once('close', () => connection.end())
    try {
      const fault = this.#faultOfHead(request)
      if (fault !== undefined) return this.#answerFault(request, response, fault)
      const { path, query } = splitUrl(request.url ?? '/')
      if (request.method === 'OPTIONS')
        return this.#send(request, response, { status: 204, headers: preflightHeaders(request.headers), body: '' })
      const found = path === '/' || path === '/healthz' ? undefined : this.#route(path)
      if (found === undefined) {
        const { page } = this.#options
        if (page?.isAt(path, request.headers.host) !== true) return this.#answerPlainly(request, response, path)
        const origin = this.#origins.of(clientAddress(request, this.#trusted))
        const answered = await answerPage({ page, request, query, origin, hold, connection, limits: this.#parts.limits })
        if (answered === undefined) return connection.end()
        this.#parts.counts.request('page', 'check', answered.reply.status)
        return this.#send(request, response, answered.reply, answered.close)
      }
      const { protocol, route } = found
      const origin = this.#origins.of(clientAddress(request, this.#trusted))
      const refusal = this.#refusalAtOnce(request, route) ?? this.#refusalAtDoor(route, origin)
      const { inflatedBytesMax, discardBytesMax } = this.#parts.limits
      const limits = { bodyBytesMax: route.bodyBytesMax, inflatedBytesMax, discardBytesMax }
      const body = await readBody(request, { limits, hold, reading: connection.reading, refusal })
      connection.bodyRead()
      if (body.kind === 'gone') return connection.end()
      const work = { bytes: request.url?.length ?? 0 }
      const asked: IngestRequest = {
        route,
        method: request.method ?? '',
        query,
        body: NO_BODY,
        basicUser: basicUser(request.headers),
        gunzip: (bytes) => {
          const plain = this.#inflater.gunzip(bytes)
          work.bytes += plain?.length ?? 0
          return plain
        },
      }
      const reply = await this.#take(request, { asked, body, protocol, hold, origin, work })
      this.#parts.counts.request(protocol.id, route.name, reply.status)
      this.#send(
        request,
        response,
        { ...reply, headers: { ...reply.headers, ...corsHeaders(request.headers) } },
        body.kind === 'refused' && body.close,
      )
    } catch (thrown) {
      this.#parts.onFailure(
        'edge',
        thrown instanceof BulkheadError ? thrown : new BulkheadError('internal', 'a request could not be answered', { cause: thrown }),
      )
      if (response.headersSent) response.destroy()
      else this.#send(request, response, { status: 500, headers: { 'content-type': 'application/json' }, body: '{"error":"internal"}' })
    } finally {
      hold.release()
    }
  }

  #route(path: string): { protocol: Protocol; route: IngestRoute } | undefined {
    for (const protocol of this.#options.protocols.values()) {
      const route = protocol.ingest.route(path)
      if (route !== undefined) return { protocol, route }
    }
    return undefined
  }

  /** Known from the head alone: such a body is read away, not held. */
  #refusalAtOnce(request: IncomingMessage, route: IngestRoute): Refusal | undefined {
    if (request.method !== 'GET' && request.method !== 'POST') return 'bad_method'
    if (!route.methods.includes(request.method)) return 'bad_method'
    return route.keeps && this.#parts.room.low ? 'overloaded' : undefined
  }

  #refusalAtDoor(route: IngestRoute, { place }: Origin): Refusal | undefined {
    return route.keeps && this.#parts.quotas.atDoor(place, this.#options.clock.now()) > 0 ? 'over_quota' : undefined
  }

  async #take(
    request: IncomingMessage,
    given: {
      asked: IngestRequest
      body: Exclude<BodyOutcome, { kind: 'gone' }>
      protocol: Protocol
      hold: { add(bytes: number): boolean }
      origin: Origin
      /** Bytes of the address, and of what the protocol unpacks by itself. */
      work: { bytes: number }
    },
  ): Promise<Reply> {
    const { asked, body, protocol, hold, origin, work } = given
    const refuse = (refusal: Refusal, retryAfterMs?: number): Reply => {
      this.#parts.counts.refused(refusal)
      if (refusal !== 'overloaded' && refusal !== 'internal') this.#parts.quotas.stray(origin.place, this.#options.clock.now())
      return protocol.ingest.refused(asked, refusal, retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000))
    }
    if (body.kind === 'refused') return refuse(body.refusal)
    this.#parts.counts.body(body.bytes.length)
    if (!asked.route.keeps) return protocol.ingest.accepted(asked, { records: [], faults: [], flags: {} })
    const inflated = await this.#inflater.undo(body.bytes, request.headers['content-encoding'], asked.route.bodyBytesMax)
    if (typeof inflated === 'string') return refuse(inflated)
    if (inflated !== body.bytes && !hold.add(inflated.length)) return refuse('overloaded')
    asked.body = inflated
    // One JSON.parse for a whole body: 2,000 events take some 5 ms, and a body at the limit of bytes some 30.
    const decoded = protocol.ingest.decode(asked)
    if (decoded.refusal !== undefined) return refuse(decoded.refusal)
    if (decoded.faults.length > 0) this.#parts.counts.dropped('bad_record', decoded.faults.length)
    const refused = await keepRecords(this.#intake, {
      request,
      origin,
      bytes: inflated.length + work.bytes,
      records: decoded.records,
      protocol: protocol.id,
      receivedAt: this.#options.clock.now(),
    })
    return refused === undefined ? protocol.ingest.accepted(asked, decoded) : refuse(refused.refusal, refused.retryAfterMs)
  }

  /** What HTTP wants refused, and only that. */
  #faultOfHead({ rawHeaders, headers, httpVersion }: IncomingMessage): 400 | 417 | 431 | undefined {
    if (rawHeaders.length > 2 * this.#parts.limits.headersMax) return 431
    if (headers.host === undefined && httpVersion === '1.1') return 400
    return headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue' ? 417 : undefined
  }

  #answerFault(request: IncomingMessage, response: ServerResponse, status: 400 | 417 | 431): void {
    request.resume()
    this.#parts.counts.request('none', 'unknown', status)
    const body = JSON.stringify({ error: http.STATUS_CODES[status] })
    this.#send(request, response, { status, headers: { 'content-type': 'application/json' }, body }, true)
  }

  #answerPlainly(request: IncomingMessage, response: ServerResponse, path: string): void {
    request.resume()
    const headers = corsHeaders(request.headers)
    if (path === '/healthz') return this.#send(request, response, { status: 200, headers: { ...headers, ...PLAIN }, body: 'ok\n' })
    if (path === '/') return this.#send(request, response, { status: 200, headers: { ...headers, ...PLAIN }, body: 'Bulkhead gateway\n' })
    this.#parts.counts.request('none', 'unknown', 404)
    this.#send(request, response, {
      status: 404,
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"error":"not found"}',
    })
  }

  #send(_request: IncomingMessage, response: ServerResponse, reply: Reply, close = false): void {
    if (response.destroyed) return
    const headers: http.OutgoingHttpHeaders = { ...reply.headers }
    if (reply.status !== 204) headers['content-length'] = Buffer.byteLength(reply.body)
    if (close || this.#closing) headers.connection = 'close'
    response.writeHead(reply.status, headers)
    response.end(reply.body)
  }
}

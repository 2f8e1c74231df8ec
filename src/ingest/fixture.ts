/** For the tests of this folder: a small protocol and split of their own, and stores that live in memory and can fail. */
import { createHmac } from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import { systemClock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import type { AppendResult, LogDraft, LogWriter } from '#log/port.ts'
import type { SourceConfig } from '#model/config.ts'
import type { DecodedRequest, IngestProtocol, IngestRequest, Protocol, Reply } from '#model/protocol.ts'
import type { IdentifierRequest, Split, SplitDraft } from '#model/split-draft.ts'
import type { WireRecord } from '#model/wire-record.ts'
import type { Door, GatewayVault, WindowReply, WindowRequest } from '#vault/port.ts'
import { type Gateway, type GatewayOptions, startGateway } from './gateway.ts'

export function sourceOf(id: string, over: Partial<SourceConfig> = {}): SourceConfig {
  return { id, protocol: 'toy', token: `${id}-token-0123`, trust: 'browser', namespace: 'default', surface: id, groupKeys: [], ...over }
}

/** Paths `take` (kept) and `look` (GET, not kept). Body: JSON list of `{token, user?, device?, insertId?, email?, text?}`. */
const toyIngest: IngestProtocol = {
  route: (path) => {
    const name = path
      .split('/')
      .filter((segment) => segment !== '')
      .at(-1)
    if (name === 'take') return { name, methods: ['GET', 'POST'], keeps: true, bodyBytesMax: 100_000 }
    return name === 'look' ? { name, methods: ['GET'], keeps: false, bodyBytesMax: 1000 } : undefined
  },
  decode: (request): DecodedRequest => {
    const bytes = request.body[0] === 0x1f ? request.gunzip(request.body) : request.body
    if (bytes === undefined) return { records: [], faults: [], flags: {}, refusal: 'bad_encoding' }
    const text = request.method === 'GET' ? (request.query.get('data') ?? '') : bytes.toString('utf8')
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch {
      return { records: [], faults: [], flags: {}, refusal: text === '' ? 'no_data' : 'bad_json' }
    }
    const list = Array.isArray(parsed) ? parsed : [parsed]
    const records = list.filter((one): one is Record<string, string> => typeof one === 'object' && one !== null)
    return {
      records: records.map(
        (one): WireRecord => ({
          type: 'event',
          token: String(one.token),
          name: 'Clicked',
          values: ['email', 'text'].flatMap((key) => (one[key] === undefined ? [] : [{ field: undefined, key, value: one[key] }])),
          ...(one.user === undefined ? {} : { user: one.user }),
          ...(one.device === undefined ? {} : { device: one.device }),
          ...(one.insertId === undefined ? {} : { insertId: one.insertId }),
        }),
      ),
      faults: list.flatMap((one, index) =>
        typeof one === 'object' && one !== null ? [] : [{ index, field: '', message: 'not an object' }],
      ),
      flags: {},
    }
  },
  requestOf: () => undefined,
  accepted: (_request, decoded): Reply => ({
    status: 200,
    headers: { 'content-type': 'text/plain' },
    body: `good ${decoded.records.length}`,
  }),
  refused: (_request: IngestRequest, refusal): Reply => ({
    status: { overloaded: 503, internal: 500, too_large: 413, bad_method: 405 }[refusal as string] ?? 400,
    headers: { 'content-type': 'text/plain' },
    body: `no ${refusal}`,
  }),
}

export const toy = { id: 'toy', ingest: toyIngest, egress: undefined } as unknown as Protocol

export const toySplit: Split = (records, { source, receivedAt, consent }) => {
  const draft: SplitDraft = {
    trust: source.trust,
    records: [],
    identifiers: [],
    facts: [],
    edges: [],
    memberships: [],
    waiting: [],
    consents: [],
    insertIds: [],
    destroyed: {},
  }
  const indexOf = (value: string, role: IdentifierRequest['role']): number =>
    draft.identifiers.push({ namespace: source.namespace, kind: 'id', value, role }) - 1
  for (const [index, record] of records.entries()) {
    const user = record.user === undefined ? undefined : indexOf(record.user, 'user')
    const device = record.device === undefined ? undefined : indexOf(record.device, 'device')
    if (record.user === 'poison') throw new Error('a value that must not be quoted: ann@example.com')
    for (const { key, value } of record.values) {
      if (key === 'email' && user !== undefined) draft.facts.push({ identifier: user, field: 'email', value: String(value), once: false })
      if (key === 'text') draft.waiting.push({ record: index, pairs: [[key, value]] })
    }
    if (user !== undefined && device !== undefined) draft.edges.push({ kind: 'device', from: device, to: user, at: receivedAt })
    draft.records.push({
      type: 'event',
      name: record.name ?? null,
      time: receivedAt,
      consent,
      ...(user === undefined ? {} : { user }),
      ...(device === undefined ? {} : { device }),
    })
    draft.insertIds.push(record.insertId)
  }
  return draft
}

export class MemoryVault implements GatewayVault {
  readonly calls: WindowRequest[] = []
  readonly ordinals = new Map<string, number>()
  fails: 'no' | 'unavailable' | 'silent' = 'no'
  /** Refuses every window that names this identifier. */
  refused: string | undefined
  gate: Promise<void> = Promise.resolve()

  async commitWindow(window: WindowRequest): Promise<WindowReply> {
    await this.gate
    if (this.fails === 'unavailable') throw new BulkheadError('vault_unavailable', 'gone')
    if (this.fails === 'silent') return new Promise(() => undefined)
    if (window.identifiers.some(([, , value]) => value === this.refused)) throw new Error('refused')
    this.calls.push(structuredClone(window))
    return {
      ordinals: window.identifiers.map(([namespace, kind, value]) => {
        const key = JSON.stringify([namespace, kind, value])
        const ordinal = this.ordinals.get(key) ?? this.ordinals.size + 1000
        this.ordinals.set(key, ordinal)
        return ordinal
      }),
    }
  }

  async door(day: number): Promise<Door> {
    if (this.fails === 'unavailable') throw new BulkheadError('vault_unavailable', 'gone')
    if (this.fails === 'silent') return new Promise(() => undefined)
    return {
      day,
      seal: (text) => Buffer.from(`sealed ${text}`),
      dedup: (texts) => Buffer.concat(texts.map((text) => createHmac('sha256', 'key').update(text).digest().subarray(0, 16))),
    }
  }

  ordinalOf(value: string): number | undefined {
    return this.ordinals.get(JSON.stringify(['default', 'id', value]))
  }
}

/** Keeps drafts; a commit waits for `gate`, so that a test can look between the append and its end. */
export class MemoryLog implements LogWriter {
  readonly drafts: LogDraft[] = []
  readonly waiting: Buffer[] = []
  readonly folder = 1
  gate: Promise<void> = Promise.resolve()
  fails = false

  get head(): number {
    return this.drafts.length
  }

  async append(drafts: readonly LogDraft[]): Promise<AppendResult[]> {
    await this.gate
    if (this.fails) throw new BulkheadError('log_unwritable', 'full')
    return drafts.map((draft) => ({ seq: this.drafts.push(draft), kept: draft.records.length, repeats: 0 }))
  }

  async appendWaiting(blobs: readonly Buffer[]): Promise<{ folder: number; offset: number; length: number }[]> {
    return blobs.map((blob) => ({ folder: 1, offset: this.waiting.push(blob) - 1, length: blob.length }))
  }

  async dropWaiting(): Promise<number> {
    return 0
  }

  bytes(): number {
    return 0
  }

  async dropBelow(): Promise<number> {
    return 0
  }

  async close(): Promise<void> {}
}

export interface Running {
  gateway: Gateway
  vault: MemoryVault
  log: MemoryLog
  failures: string[]
}

export async function running(over: Partial<GatewayOptions>, body: (running: Running) => Promise<void>): Promise<void> {
  const vault = new MemoryVault()
  const log = new MemoryLog()
  const failures: string[] = []
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    trustProxy: [],
    sources: [sourceOf('site'), sourceOf('server', { trust: 'server' })],
    protocols: new Map([['toy', toy]]),
    policy: () => ({ version: 3, split: toySplit }),
    vault,
    log,
    clock: systemClock,
    onFailure: (stage, error) => failures.push(`${stage} ${error.code} ${error.message}`),
    ...over,
  })
  try {
    await body({ gateway, vault, log, failures })
  } finally {
    await gateway.close()
  }
}

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
}

export function ask(
  gateway: Gateway,
  path: string,
  given: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port: gateway.port,
        path,
        method: given.method ?? (given.body === undefined ? 'GET' : 'POST'),
        headers: given.headers ?? {},
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }),
        )
        response.on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(given.body)
  })
}

/** Sends bytes as they are and returns everything that comes back until the gateway closes the connection. */
export function raw(gateway: Gateway, ...parts: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(gateway.port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
    socket.on('error', () => undefined)
    for (const part of parts) socket.write(part)
  })
}

export function post(body: string, headers = ''): string {
  return `POST /take HTTP/1.1\r\nHost: gw\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`
}

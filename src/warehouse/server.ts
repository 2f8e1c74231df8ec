/**
 * The warehouse process: the embedded engine behind a unix socket that speaks as much of ClickHouse's HTTP interface as
 * `@clickhouse/client` needs (https://clickhouse.com/docs/interfaces/http), so that a real ClickHouse can stand there later.
 *
 * User = session name, password = token of the role. Questions are read-only and their settings are ours; inserts are
 * `INSERT INTO <table> FORMAT RowBinary` into known tables, by the loader alone. An error leaves as number and name.
 *
 * The engine is known to crash when it is torn down, so nothing is torn down: after `close()` the process kills itself.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { availableParallelism, totalmem } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from '#base/errors.ts'
import { EngineError, insertStatement, killStatement, openConnection } from '#warehouse/engine.ts'
import type { EngineConnection, EngineLimits } from '#warehouse/engine.ts'
import { markFolder, prepareFolder, refuseNewerFolder } from '#warehouse/format.ts'
import { eraseEvents } from '#warehouse/erase.ts'
import { fillDay, prepareOpenings } from '#warehouse/fill.ts'
import { freeze, isFrozen, thaw } from '#warehouse/freeze.ts'
import type { ErasedPeople, WarehouseSession } from '#warehouse/port.ts'
import { OPENINGS, tableOf } from '#warehouse/schema.ts'

export type WarehouseRole = 'worker' | 'staff'

export interface WarehouseServer {
  /** Takes nothing more, waits for what runs, and resolves; inserts were flushed when they were answered. */
  close(): Promise<void>
}

const ROLE_OF: Record<WarehouseSession, WarehouseRole> = { loader: 'worker', badday: 'staff', analytics: 'staff' }

/** Parameters travel in the URL: a list of 100,000 ordinals is about 1.7 MB there. */
const HEADER_BYTES_MAX = 16 << 20
const QUESTION_BYTES_MAX = 1 << 20
const INSERT_BYTES_MAX = 1 << 30
const SLICE_BYTES = 1 << 20
const KILL_AGAIN_MS = 20
const SPOOL_NAME = /^insert-\d+\.rowbinary$/

interface Front {
  dir: string
  digests: Record<WarehouseRole, Buffer>
  questions: Record<WarehouseSession, EngineConnection>
  writer: EngineConnection
  control: EngineConnection
  spoolDir: string
  nextSpool: number
  /** Ends with what runs alone now. */
  alone: Promise<unknown>
}

/**
 * Opens the engine on `dir` (one process a folder), makes what is absent, and listens on `path` (mode 0600). Throws
 * `data_format_newer`. Insert bodies pass through `spoolDir`, best a tmpfs, for the time of the insert.
 */
export async function serveWarehouse(options: {
  dir: string
  path: string
  tokens: Record<WarehouseRole, string>
  spoolDir: string
  /** Other bounds for analysts than the machine's: for tests that reach them. */
  analytics?: Partial<EngineLimits>
}): Promise<WarehouseServer> {
  for (const token of [options.tokens.worker, options.tokens.staff]) assert(token?.length >= 8, 'each role has a token')
  // Every running query holds a thread of the pool, and there are more connections than its usual four.
  process.env.UV_THREADPOOL_SIZE ??= '16'
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  mkdirSync(options.spoolDir, { recursive: true, mode: 0o700 })
  // What a killed process left behind; its inserts are repeated by their plan.
  for (const name of readdirSync(options.spoolDir)) if (SPOOL_NAME.test(name)) rmSync(path.join(options.spoolDir, name))

  refuseNewerFolder(options.dir)
  thaw(options.dir)
  markFolder(options.dir)
  const writer = openConnection(options.dir, 'writer', { readOnly: false, queueMax: 64 })
  await prepareFolder(writer)
  const front: Front = {
    dir: options.dir,
    digests: { worker: digest(options.tokens.worker), staff: digest(options.tokens.staff) },
    questions: {
      loader: openConnection(options.dir, 'loader', { readOnly: true, threads: 1, queueMax: 64 }),
      badday: openConnection(options.dir, 'badday', { readOnly: true, priority: 1, queueMax: 256 }),
      analytics: openConnection(options.dir, 'analytics', { ...analyticsLimits(), ...options.analytics }),
    },
    writer,
    control: openConnection(options.dir, 'control', { readOnly: false, threads: 1, queueMax: 256 }),
    spoolDir: options.spoolDir,
    nextSpool: 1,
    alone: Promise.resolve(),
  }
  // A start that cannot answer is found here, not by the first caller.
  for (const connection of Object.values(front.questions)) await connection.ask('SELECT 1', new Map())

  rmSync(options.path, { force: true })
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX, keepAliveTimeout: 3_600_000, requestTimeout: 0 }, (request, response) => {
    answer(front, request, response).catch((thrown: unknown) => refuse(request, response, thrown))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.path, () => resolve())
  })
  chmodSync(options.path, 0o600)
  return { close: () => closeFront(server, front) }
}

/**
 * An analyst gets half of the threads, a sixteenth of the memory, a minute, and gives way to the bad day: a running question of
 * `badday` makes those of `analytics` pause (the engine's `priority`), and none waits in the other's line.
 */
function analyticsLimits(): EngineLimits {
  return {
    readOnly: true,
    threads: Math.max(1, Math.floor(availableParallelism() / 2)),
    memoryBytes: Math.max(512 << 20, Math.floor(totalmem() / 16)),
    seconds: 60,
    resultBytes: 64 << 20,
    priority: 2,
    queueMax: 32,
  }
}

async function closeFront(server: Server, front: Front): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  await Promise.all([front.writer, front.control, ...Object.values(front.questions)].map((connection) => connection.drained()))
  // Answers that are being written get a moment; then the sockets go, so that an idle caller cannot hold us.
  await Promise.race([closed, sleep(200)])
  server.closeAllConnections()
  await closed
}

async function answer(front: Front, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://warehouse')
  if (url.pathname === '/ping') return void response.writeHead(200, { 'Content-Type': 'text/plain' }).end('Ok.\n')
  const session = sessionOf(front, request)
  if (session === undefined) throw new EngineError(516, 'AUTHENTICATION_FAILED')
  if (ROLE_OF[session] === 'staff' && (url.pathname === '/freeze' || url.pathname === '/thaw')) {
    if (url.pathname === '/freeze') await alone(front, () => freeze(front.dir, front.control))
    else thaw(front.dir)
    return void response.writeHead(200).end()
  }
  if (session === 'loader' && url.pathname === '/fill') {
    request.resume()
    const [day, fill] = [url.searchParams.get('day') ?? '', Number(url.searchParams.get('fill'))]
    const rows = await alone(front, async () => {
      if (isFrozen(front.dir)) throw new EngineError(473, 'DEADLOCK_AVOIDED')
      return fillDay(front.writer, day, fill)
    })
    return void response.writeHead(200, HEADERS).end(JSON.stringify({ rows }))
  }
  if (session === 'loader' && url.pathname === '/erase') {
    const people = JSON.parse(await readText(request)) as ErasedPeople
    const rows = await alone(front, async () => {
      // Links to the frozen parts are being copied under the table's own place, which would be another one.
      if (isFrozen(front.dir)) throw new EngineError(473, 'DEADLOCK_AVOIDED')
      return eraseEvents(front.writer, people)
    })
    return void response.writeHead(200, HEADERS).end(JSON.stringify({ rows }))
  }
  if (request.headers['content-encoding'] !== undefined) throw new EngineError(48, 'NOT_IMPLEMENTED')
  const inUrl = url.searchParams.get('query')
  const insert = inUrl === null ? null : INSERT.exec(inUrl)
  if (insert !== null) {
    if (session !== 'loader') throw new EngineError(497, 'ACCESS_DENIED')
    await insertRows(front, request, insert[1] as string, url.searchParams.get('insert_deduplication_token') ?? '')
    return void response.writeHead(200, HEADERS).end()
  }
  const sql = [inUrl, await readText(request)].filter((part) => part !== null && part !== '').join('\n')
  const parameters = new Map<string, string>()
  for (const [name, value] of url.searchParams) if (name.startsWith('param_')) parameters.set(name.slice(6), value)
  await answerQuestion(front, session, { sql, parameters }, response)
}

/** What changes a table's place and what copies it do not run side by side. */
async function alone<Result>(front: Front, work: () => Promise<Result>): Promise<Result> {
  const turn = front.alone.then(work)
  front.alone = turn.catch(() => undefined)
  return turn
}

const HEADERS = { 'Content-Type': 'application/x-ndjson; charset=UTF-8', 'X-ClickHouse-Format': 'JSONEachRow' }
const INSERT = /^\s*INSERT INTO (\w+) FORMAT RowBinary\s*$/

async function answerQuestion(
  front: Front,
  session: WarehouseSession,
  question: { sql: string; parameters: Map<string, string> },
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  if (response.destroyed) gone.abort()
  // When the caller goes away its query is ended: only while it is the one that runs, and no other starts until that is over.
  let isOver = false
  let ending: Promise<void> | undefined
  const killUntilOver = async (): Promise<void> => {
    // Again and again, since a query that the engine does not know yet is not found.
    while (!isOver) {
      await front.control.execute(killStatement(session)).catch(() => undefined)
      if (!isOver) await sleep(KILL_AGAIN_MS)
    }
  }
  const end = (): void => {
    ending = killUntilOver()
  }
  const bytes = await front.questions[session].ask(question.sql, question.parameters, {
    signal: gone.signal,
    onStart: () => gone.signal.addEventListener('abort', end, { once: true }),
    beforeEnd: async () => {
      isOver = true
      gone.signal.removeEventListener('abort', end)
      await ending
    },
  })
  response.writeHead(200, { ...HEADERS, 'Content-Length': bytes.length })
  for (let from = 0; from < bytes.length && !gone.signal.aborted; from += SLICE_BYTES) {
    const more = response.write(bytes.subarray(from, from + SLICE_BYTES))
    if (!more) await once(response, 'drain', { signal: gone.signal }).catch(() => undefined)
  }
  response.end()
}

/** The body goes to a file of its own and is gone again whatever happens. A body that breaks off inserts nothing. */
async function insertRows(front: Front, request: IncomingMessage, tableName: string, token: string): Promise<void> {
  const table = tableOf(tableName)
  if (table === undefined) throw new EngineError(60, 'UNKNOWN_TABLE')
  if (!/^[\w:.-]{1,200}$/.test(token)) throw new EngineError(36, 'BAD_ARGUMENTS')
  if (table === OPENINGS) await prepareOpenings(front.writer)
  const file = path.join(front.spoolDir, `insert-${front.nextSpool++}.rowbinary`)
  try {
    await spool(request, file)
    await front.writer.execute(insertStatement(table, file, token))
  } finally {
    rmSync(file, { force: true })
  }
}

/**
 * Copies a body into a new file. Written in place, not by the thread pool: its threads are busy with queries, and a tmpfs
 * takes a chunk in microseconds. A body that breaks off throws.
 */
async function spool(request: IncomingMessage, file: string): Promise<void> {
  const handle = openSync(file, 'wx', 0o600)
  try {
    let bytes = 0
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > INSERT_BYTES_MAX) throw new EngineError(307, 'TOO_MANY_BYTES')
      for (let at = 0; at < chunk.length; ) at += writeSync(handle, chunk, at)
    }
    if (!request.complete) throw new EngineError(210, 'NETWORK_ERROR')
  } finally {
    closeSync(handle)
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > QUESTION_BYTES_MAX) throw new EngineError(307, 'TOO_MANY_BYTES')
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** User and key come in ClickHouse's own headers or as HTTP Basic. */
function sessionOf(front: Front, request: IncomingMessage): WarehouseSession | undefined {
  let user = String(request.headers['x-clickhouse-user'] ?? '')
  let key = String(request.headers['x-clickhouse-key'] ?? '')
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/.exec(request.headers.authorization ?? '')
  if (user === '' && basic !== null) {
    const text = Buffer.from(basic[1] as string, 'base64').toString()
    user = text.slice(0, Math.max(0, text.indexOf(':')))
    key = text.slice(text.indexOf(':') + 1)
  }
  if (!Object.hasOwn(ROLE_OF, user)) return undefined
  const session = user as WarehouseSession
  return timingSafeEqual(digest(key), front.digests[ROLE_OF[session]]) ? session : undefined
}

/** Of equal length for every key, as the comparison wants it. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
  const error = thrown instanceof EngineError ? thrown : new EngineError(1001, 'STD_EXCEPTION')
  if (response.headersSent || response.destroyed) return void response.destroy()
  // What is left of a refused body is not read.
  if (!request.complete) response.setHeader('Connection', 'close')
  response.writeHead(error.engineCode === 516 ? 403 : 500, {
    'Content-Type': 'text/plain',
    'X-ClickHouse-Exception-Code': error.engineCode,
  })
  response.end(`${error.message}\n`)
}

/**
 * The warehouse as its callers see it, over `@clickhouse/client` on the unix socket: the same client that a ClickHouse
 * server would get. Nothing is retried here; a repeated insert with its token is the caller's plan.
 */
import { Agent } from 'node:http'
import { Readable } from 'node:stream'
import { setImmediate as letOthersRun } from 'node:timers/promises'
import { ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { ClickHouseClient } from '@clickhouse/client'
import { BulkheadError, assert } from '#base/errors.ts'
import { dayOf } from '#base/clock.ts'
import type { LogEntry } from '#model/log-entry.ts'
import { decodeNative } from '#warehouse/native.ts'
import type { ColumnBlock } from '#warehouse/native.ts'
import { askErase } from '#warehouse/erase.ts'
import { askFill } from '#warehouse/ask-fill.ts'
import type { DisclosureRow, Warehouse, WarehouseEraser, WarehouseFiller, WarehouseSession } from '#warehouse/port.ts'
import { encodeDisclosures, encodeEvents, encodeOpenings } from '#warehouse/rowbinary.ts'
import { WAREHOUSE_FORMAT } from '#warehouse/schema.ts'
import type { TableName } from '#warehouse/schema.ts'

const SESSIONS = { worker: ['loader'], staff: ['badday', 'analytics'] } as const satisfies Record<string, readonly WarehouseSession[]>

/**
 * Silence on the socket for longer than this is a failure. Questions of the bad day may take minutes; a loader that waited as
 * long for an answer that is lost would load nothing meanwhile, and it can repeat what it asked.
 */
const REQUEST_TIMEOUT_MS: Readonly<Record<WarehouseSession, number>> = { loader: 120_000, badday: 600_000, analytics: 600_000 }

export function openWarehouse(options: {
  path: string
  token: string
  role: keyof typeof SESSIONS
}): Warehouse & WarehouseFiller & WarehouseEraser {
  const clients = new Map<WarehouseSession, ClickHouseClient>(
    SESSIONS[options.role].map((session) => [session, openClient(options.path, session, options.token)]),
  )
  const clientOf = (session: WarehouseSession): ClickHouseClient => {
    const client = clients.get(session)
    if (client === undefined) throw new BulkheadError('warehouse_failed', `the role ${options.role} has no session ${session}`)
    return client
  }
  const insert = async (table: TableName, chunks: Iterable<Buffer>, token: string): Promise<void> => {
    const client = clientOf('loader')
    const body = Readable.from(unhurried(chunks), { objectMode: false })
    // A row that cannot be encoded breaks the body off; the reason is then here and not in the answer.
    let unencodable: Error | undefined
    body.once('error', (error) => {
      unencodable = error
    })
    try {
      const { stream } = await client.exec({
        query: `INSERT INTO ${table} FORMAT RowBinary`,
        values: body,
        clickhouse_settings: { insert_deduplication_token: token },
      })
      stream.resume()
    } catch (thrown) {
      throw unencodable === undefined ? toWarehouseError(thrown) : unencodable
    } finally {
      body.destroy()
    }
  }

  return {
    migrate: async () => {
      // The process that owns the folder made the tables; this checks that both programs mean the same ones.
      const [found] = await ask<{ format: number }>(
        clientOf(SESSIONS[options.role][0]),
        'SELECT max(version) AS format FROM bulkhead_format',
        {},
      )
      if (found?.format !== WAREHOUSE_FORMAT) {
        throw new BulkheadError(
          'data_format_newer',
          `the warehouse has format ${found?.format ?? 0}, this program knows ${WAREHOUSE_FORMAT}`,
        )
      }
    },
    insertEvents: async (entries, token) => {
      assertOneDay(entries.map((entry) => entry.at))
      const rows = entries.reduce((sum, entry) => sum + entry.records.length, 0)
      if (rows > 0) await insert('events', encodeEvents(entries as readonly LogEntry[]), token)
      return { rows }
    },
    insertDisclosures: async (rows: readonly DisclosureRow[], token) => {
      assertOneDay(rows.map((row) => row.sentAt))
      if (rows.length > 0) await insert('disclosures', encodeDisclosures(rows), token)
      return { rows: rows.length }
    },
    insertOpenings: async (fill, rows, token) => {
      if (rows.length > 0) await insert('openings', encodeOpenings(fill, rows), token)
    },
    fillDay: (day, fill) => askFill(options.path, options.token, day, fill),
    eraseEvents: (people) => askErase(options.path, options.token, people),
    query: async (sql, parameters, session, signal) => ask(clientOf(session), sql, parameters, signal),
    columns: async (sql, parameters, session) => askColumns(clientOf(session), sql, parameters),
    stream: (sql, parameters, session) => streamRows(clientOf(session), sql, parameters),
    close: async () => {
      for (const client of clients.values()) await client.close()
    },
  }
}

function openClient(socketPath: string, session: WarehouseSession, token: string): ClickHouseClient {
  // The agent hands `socketPath` to every connection that it makes; the type declarations do not know that.
  const agentOptions = { keepAlive: true, maxSockets: 16, socketPath }
  return createClient({
    url: 'http://warehouse.invalid',
    username: session,
    password: token,
    // One agent a client: the client's idle timers hang on the sockets and would cut those that another client reuses.
    http_agent: new Agent(agentOptions),
    keep_alive: { enabled: true, idle_socket_ttl: 0 },
    request_timeout: REQUEST_TIMEOUT_MS[session],
    compression: { request: false, response: false },
    // Its log lines carry parameters.
    log: { level: ClickHouseLogLevel.OFF },
  })
}

async function ask<Row>(client: ClickHouseClient, sql: string, parameters: Record<string, unknown>, signal?: AbortSignal): Promise<Row[]> {
  try {
    const answer = await client.query({
      query: sql,
      query_params: parameters,
      format: 'JSONEachRow',
      ...(signal === undefined ? {} : { abort_signal: signal }),
    })
    return await answer.json<Row>()
  } catch (thrown) {
    throw toWarehouseError(thrown)
  }
}

async function askColumns(client: ClickHouseClient, sql: string, parameters: Record<string, unknown>): Promise<ColumnBlock[]> {
  const chunks: Buffer[] = []
  try {
    const { stream } = await client.exec({ query: `${sql} FORMAT Native`, query_params: parameters })
    for await (const chunk of stream) chunks.push(chunk as Buffer)
  } catch (thrown) {
    throw toWarehouseError(thrown)
  }
  return decodeNative(Buffer.concat(chunks))
}

async function* streamRows<Row>(client: ClickHouseClient, sql: string, parameters: Record<string, unknown>): AsyncGenerator<Row, void> {
  try {
    const answer = await client.query({ query: sql, query_params: parameters, format: 'JSONEachRow' })
    for await (const rows of answer.stream<Row>()) {
      for (const row of rows) yield row.json()
    }
  } catch (thrown) {
    throw toWarehouseError(thrown)
  }
}

/** Encoding a large batch takes a tenth of a second; between its chunks the rest of the process runs. */
async function* unhurried(chunks: Iterable<Buffer>): AsyncGenerator<Buffer, void> {
  for (const chunk of chunks) {
    yield chunk
    await letOthersRun()
  }
}

function assertOneDay(instants: readonly number[]): void {
  const day = dayOf(instants[0] ?? 0)
  assert(
    instants.every((instant) => dayOf(instant) === day),
    'an insert holds rows of one partition',
  )
}

function toWarehouseError(thrown: unknown): BulkheadError {
  if (thrown instanceof BulkheadError) return thrown
  if (thrown instanceof ClickHouseError) {
    return new BulkheadError('warehouse_failed', `the warehouse refused (code ${thrown.code} ${thrown.type ?? ''})`.replace(' )', ')'))
  }
  return new BulkheadError('warehouse_failed', 'the warehouse does not answer')
}

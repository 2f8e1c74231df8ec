/**
 * The embedded engine: one chDB connection for each session name, one query at a time in each, side by side with the
 * others. What was measured and read in chDB 3.4.0 (engine 26.7) shapes this file:
 *
 * - `queryBindAsync` is chained through ONE queue for the whole process, so a question on the bad day would wait behind an
 *   analyst. Parameters are therefore set with `SET param_x` in the connection's own session, where they do not meet.
 * - `queryStream` plans on the event loop (an `IN (SELECT …)` blocked it for 8 s), so answers are fetched whole, off the loop.
 * - The inline insert executes SQL that stands behind a blank line of the rows; rows come from a file of our own encoding.
 * - `readonly = 1` refuses writes, table functions and changed settings, but not `INTO OUTFILE` nor the scalar `file(…)`.
 * - What a query had put out before it failed or was killed stays in the connection and comes out before the next answer.
 */
import { totalmem } from 'node:os'
import { Session } from 'chdb'
import { assert } from '#base/errors.ts'
import { keptColumns, structureOf } from '#warehouse/schema.ts'
import type { Table } from '#warehouse/schema.ts'

export interface EngineLimits {
  readOnly: boolean
  threads?: number
  memoryBytes?: number
  seconds?: number
  resultBytes?: number
  /** Engine's `priority`: a running query of a lower number makes the higher ones pause. 0 = takes no part. */
  priority?: number
  queueMax: number
}

/** A refusal of the engine. The text is made here: the engine's own may quote rows. */
export class EngineError extends Error {
  readonly engineCode: number
  readonly engineName: string

  constructor(engineCode: number, engineName: string) {
    super(`Code: ${engineCode}. DB::Exception: refused by the engine. (${engineName})`)
    this.name = 'EngineError'
    this.engineCode = engineCode
    this.engineName = engineName
  }
}

export interface EngineConnection {
  /** Runs when its turn comes. `parameters` are as on ClickHouse's HTTP wire (escaped text), without `param_`. */
  ask(sql: string, parameters: ReadonlyMap<string, string>, caller?: Caller): Promise<Uint8Array>
  /** Statement of our own; never text from outside. */
  execute(sql: string): Promise<Uint8Array>
  /** Several statements of our own with nobody else's between them. */
  exclusively<Result>(work: (execute: (sql: string) => Promise<Uint8Array>) => Promise<Result>): Promise<Result>
  /** Resolves when nothing runs and nothing waits. */
  drained(): Promise<void>
}

/** Whoever asked: may be gone before the turn comes, and wants to know which query is the running one. */
export interface Caller {
  signal: AbortSignal
  onStart(): void
  /** Awaited before the next query of this session may start. */
  beforeEnd(): Promise<unknown>
}

/** Placeholders of the engine: `{name:Type}`. */
const PLACEHOLDER = /\{\s*([A-Za-z_]\w*)\s*:/g
const PARAMETER_NAME = /^[A-Za-z_]\w{0,63}$/
/**
 * Questions are built in our own code, with all values bound; these have no business there. `;` starts a second statement,
 * a backslash can spell a quoted function name, `file` and `OUTFILE` reach the disk although the session is read-only.
 */
const REFUSED = /;|\\|\b(?:in|out)?file\b/i
const QUESTION = /^\s*(?:SELECT|WITH)\b/i

/**
 * What the engine as a whole may hold. Its own defaults are those of a machine that does nothing else: caches of 5 GB, 90 %
 * of the memory. The first connection of the process decides.
 *
 * - marks and primary keys: 100 M disclosure rows have some 20 MB of them, so 64 MB each keep all that questions touch.
 * - nothing uncompressed is kept: the page cache has the files, and LZ4 is read faster than it would be found again.
 * - the query condition cache only flatters a question that is repeated.
 * - a limit for everything, so that one wrong question is refused and the machine's other roles live.
 */
const ENGINE_ARGUMENTS: readonly string[] = [
  `--max_server_memory_usage=${Math.floor(Math.min(totalmem() / 3, 8 * 2 ** 30))}`,
  `--mark_cache_size=${64 << 20}`,
  `--index_mark_cache_size=${16 << 20}`,
  `--primary_index_cache_size=${64 << 20}`,
  '--uncompressed_cache_size=0',
  `--query_condition_cache_size=${1 << 20}`,
]

export function openConnection(dir: string, name: string, limits: EngineLimits): EngineConnection {
  assert(/^[a-z]+$/.test(name), 'a session name is a plain word')
  const session = new Session(dir, { connectionArgs: [...ENGINE_ARGUMENTS] })
  let tail: Promise<unknown> = Promise.resolve()
  let waiting = 0

  let hasLeftover = false
  const discardLeftover = async (): Promise<void> => {
    await session.queryAsync('SELECT 1', { format: 'JSONEachRow' })
    hasLeftover = false
  }
  const run = async (sql: string): Promise<Uint8Array> => {
    try {
      if (hasLeftover) await discardLeftover()
      return (await session.queryAsync(sql, { format: 'JSONEachRow' })).bytes()
    } catch (thrown) {
      hasLeftover = true
      // At once, for its memory. Where that fails, nothing is answered before it has succeeded.
      await discardLeftover().catch(() => undefined)
      throw toEngineError(thrown)
    }
  }
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    if (waiting >= limits.queueMax) return Promise.reject(new EngineError(202, 'TOO_MANY_SIMULTANEOUS_QUERIES'))
    waiting += 1
    const turn = tail.then(work).finally(() => {
      waiting -= 1
    })
    tail = turn.catch(() => undefined)
    return turn
  }
  const prepared = inTurn(() => run(`SET ${sessionSettings(name, limits)}`))
  prepared.catch(() => undefined)

  return {
    ask: (sql, parameters, caller) => {
      const refusal = refusalOf(sql, parameters)
      if (refusal !== undefined) return Promise.reject(refusal)
      const text = parameters.size === 0 ? sql : `SET ${[...parameters].map(setParameter).join(', ')}; ${sql}`
      return inTurn(async () => {
        await prepared
        if (caller?.signal.aborted) throw new EngineError(394, 'QUERY_WAS_CANCELLED')
        caller?.onStart()
        try {
          return await run(text)
        } finally {
          await caller?.beforeEnd()
        }
      })
    },
    execute: (sql) =>
      inTurn(async () => {
        await prepared
        return run(sql)
      }),
    exclusively: (work) =>
      inTurn(async () => {
        await prepared
        return work(run)
      }),
    drained: async () => {
      while (waiting > 0) await tail
    },
  }
}

/** Ends the query that now runs in session `name`, unless the engine still parses it; another connection has to ask for it. */
export function killStatement(name: string): string {
  return `KILL QUERY WHERE Settings['log_comment'] = '${name}' ASYNC`
}

/**
 * One block, one part: the whole file is squashed before it is written, and a second partition is refused, so an insert
 * is there whole or not at all. The token makes its repetition a no-op. `token` and `file` are checked by the caller.
 */
export function insertStatement(table: Table, file: string, token: string): string {
  assert(/^[\w:.-]{1,200}$/.test(token), 'a token is plain text')
  const structure = structureOf(table).replaceAll("'", "\\'")
  const { names, values } = keptColumns(table)
  return `INSERT INTO ${table.name} (${names})
    SELECT ${values} FROM file(${quote(file)}, 'RowBinary', '${structure}')
    SETTINGS insert_deduplication_token = '${token}', insert_deduplicate = 1, async_insert = 0, max_partitions_per_insert_block = 1,
      max_threads = 1, max_insert_threads = 1, input_format_parallel_parsing = 0, max_block_size = 65536,
      max_insert_block_size = 20000000, min_insert_block_size_rows = 20000000, min_insert_block_size_bytes = 4000000000`
}

/** A literal of which every byte is an escape: nothing in it can end it. */
export function quote(text: string): string {
  return `'${Buffer.from(text).toString('hex').replaceAll(/../g, '\\x$&')}'`
}

function setParameter([name, wire]: [string, string]): string {
  return `param_${name} = ${quote(wire)}`
}

/** Nothing spills to disk, nothing is logged; what a session may use is fixed before it becomes read-only. */
function sessionSettings(name: string, limits: EngineLimits): string {
  const settings: Record<string, string | number> = {
    log_comment: `'${name}'`,
    log_queries: 0,
    max_query_size: 64 << 20,
    max_bytes_before_external_group_by: 0,
    max_bytes_ratio_before_external_group_by: 0,
    max_bytes_before_external_sort: 0,
    max_bytes_ratio_before_external_sort: 0,
    max_bytes_before_external_join: 0,
    max_bytes_ratio_before_external_join: 0,
    output_format_json_quote_64bit_integers: 0,
    // Compiling pays for a question that is asked often; ours have other values each time. `who` takes 8 ms without, 12 with.
    compile_expressions: 0,
    compile_aggregate_expressions: 0,
  }
  if (limits.threads !== undefined) settings.max_threads = limits.threads
  if (limits.memoryBytes !== undefined) settings.max_memory_usage = limits.memoryBytes
  if (limits.seconds !== undefined) settings.max_execution_time = limits.seconds
  if (limits.resultBytes !== undefined) settings.max_result_bytes = limits.resultBytes
  if (limits.priority !== undefined) settings.priority = limits.priority
  if (limits.readOnly) settings.readonly = 1
  return Object.entries(settings)
    .map(([setting, value]) => `${setting} = ${value}`)
    .join(', ')
}

function refusalOf(sql: string, parameters: ReadonlyMap<string, string>): EngineError | undefined {
  if (!QUESTION.test(sql) || REFUSED.test(sql)) return new EngineError(164, 'READONLY')
  for (const name of parameters.keys()) {
    if (!PARAMETER_NAME.test(name)) return new EngineError(36, 'BAD_ARGUMENTS')
  }
  // The session remembers the parameters of earlier questions; a forgotten one must not be answered with those.
  for (const match of sql.matchAll(PLACEHOLDER)) {
    if (!parameters.has(match[1] as string)) return new EngineError(456, 'UNKNOWN_QUERY_PARAMETER')
  }
  return undefined
}

function toEngineError(thrown: unknown): EngineError {
  const message = thrown instanceof Error ? thrown.message : ''
  const code = /\bCode: (\d+)\./.exec(message)
  const name = /\(([A-Z][A-Z0-9_]{2,})\)\s*$/.exec(message)
  return new EngineError(code === null ? 1001 : Number(code[1]), name?.[1] ?? 'STD_EXCEPTION')
}

import { createWriteStream, renameSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { type AffectedResult, ROUTES, type WhoResult } from '#api/contract.ts'
import { INCIDENTS_ROUTE } from '#api/incident-contract.ts'
import { BulkheadError, type ErrorCode, isErrorCode } from '#base/errors.ts'
import { syncFolder } from '#base/files.ts'
import { decodeWindows } from '#incidents/windows.ts'
import { clearFile } from './clear-file.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { renderAffected } from './render-affected.ts'
import { count, renderWho } from './render.ts'
import { connect, type StaffClient } from './staff-client.ts'

const NEWLINE = 0x0a

export interface WhoOptions {
  reason?: string
  /** `true`: to the standard output alone. */
  statement?: string | true
}

export async function whoCommand(context: Context, query: string, options: WhoOptions): Promise<void> {
  const reason = demandReason(options.reason)
  if (options.statement !== undefined) {
    await (await import('./statement-command.ts')).statementCommand(context, query, { file: options.statement, reason })
    return
  }
  const answer = await connect(context).post<WhoResult>(ROUTES.who, { query, reason })
  printAnswer(context, answer, renderWho)
}

export interface AffectedOptions {
  /** An incident, or else a vendor. */
  incident?: number
  version?: number
  added?: boolean
  vendor?: string
  destination?: string
  accessFrom?: string
  accessTo?: string
  from?: string
  to?: string
  surface?: string[]
  list?: string
  organisations?: string
  identities?: boolean
  reason?: string
}

export async function affectedCommand(context: Context, options: AffectedOptions): Promise<void> {
  // Before anything is asked: a mistyped window must not cost a minute.
  decodeWindows(options)
  const { list, organisations, identities, reason, surface, ...rest } = options
  if (list !== undefined && organisations !== undefined)
    throw new BulkheadError('bad_usage', '--list and --organisations are two questions: ask one after the other')
  const file = list ?? organisations
  if (identities === true && file === undefined)
    throw new BulkheadError('bad_usage', '--identities goes with --list FILE or --organisations FILE')
  const { route, query } = questionOf({ ...rest, ...(surface === undefined ? {} : { surfaces: surface }) })
  const client = connect(context)
  if (file === undefined) {
    printAnswer(context, await client.post<AffectedResult>(route, query), renderAffected)
    return
  }
  const kind = list === undefined ? { organisations: true } : { list: true }
  const body = { ...query, ...kind, identities: identities === true, reason: demandReason(reason) }
  const { answer, lines } = await writeList(client, { route, body }, clearFile(context, file))
  printAnswer(context, answer, renderAffected)
  context.err(`${count(lines, 'line')} written to ${file}${identities === true ? ', with names and addresses: keep it safe' : ''}\n`)
}

/** Of an incident the scope is on record; of a vendor it is given. */
function questionOf(
  asked: Omit<AffectedOptions, 'list' | 'organisations' | 'identities' | 'reason' | 'surface'> & { surfaces?: string[] },
): { route: string; query: object } {
  const { incident, version, added, vendor, ...scope } = asked
  if (incident === undefined) {
    if (vendor === undefined) throw new BulkheadError('bad_usage', 'name an incident, or a vendor with --vendor')
    if (version !== undefined || added !== undefined) throw new BulkheadError('bad_usage', '--version and --added go with an incident')
    return { route: ROUTES.affected, query: { vendor, ...scope } }
  }
  const given = Object.entries({ vendor, ...scope }).find(([, value]) => value !== undefined)
  if (given !== undefined)
    throw new BulkheadError('bad_usage', 'the scope of an incident is on record: change it with `bulkhead incident amend`')
  return { route: `${INCIDENTS_ROUTE}/${incident}/affected`, query: { version, added } }
}

/**
 * The file appears whole or not at all, readable by its owner alone. Lines are written as they come and never read here,
 * but for the last one, which says whether the list is whole.
 */
async function writeList(
  client: StaffClient,
  { route, body }: { route: string; body: object },
  file: string,
): Promise<{ answer: AffectedResult; lines: number }> {
  const temporary = `${file}.${process.pid}.part`
  const stream = createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true })
  let lines = 0
  let held: Buffer = Buffer.alloc(0)
  try {
    await once(stream, 'open')
    for await (const chunk of client.bytes(route, body)) {
      const all = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      // Whatever stands behind the last line end but one may be the last line.
      const end = all.lastIndexOf(NEWLINE, all.length - 2) + 1
      held = all.subarray(end)
      if (end === 0) continue
      const whole = all.subarray(0, end)
      for (let at = whole.indexOf(NEWLINE); at >= 0; at = whole.indexOf(NEWLINE, at + 1)) lines++
      if (!stream.write(whole)) await once(stream, 'drain')
    }
    const answer = readLastLine(held)
    stream.end()
    await finished(stream)
    renameSync(temporary, file)
    syncFolder(path.dirname(file))
    return { answer, lines }
  } catch (thrown) {
    stream.destroy()
    rmSync(temporary, { force: true })
    const code = (thrown as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
      throw new BulkheadError('bad_usage', `the list cannot be written to ${file} (${code})`)
    throw thrown
  }
}

function readLastLine(line: Buffer): AffectedResult {
  const broken = (): BulkheadError => new BulkheadError('not_running', 'the answer broke off before its end; no list was written')
  if (line.at(-1) !== NEWLINE) throw broken()
  const last = JSON.parse(line.toString()) as { affected?: AffectedResult; error?: { code: string; message: string } }
  if (last.error !== undefined) throw new BulkheadError(codeOf(last.error.code), last.error.message)
  if (last.affected === undefined) throw broken()
  return last.affected
}

function codeOf(text: string): ErrorCode {
  return isErrorCode(text) ? text : 'internal'
}

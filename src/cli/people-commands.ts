import { createWriteStream, renameSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { type AffectedBody, type AffectedResult, ROUTES, type WhoResult } from '#api/contract.ts'
import { BulkheadError, type ErrorCode, isErrorCode } from '#base/errors.ts'
import { syncFolder } from '#base/files.ts'
import { decodeWindows } from '#incidents/windows.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { count, renderAffected, renderWho } from './render.ts'
import { connect, type StaffClient } from './staff-client.ts'

export async function whoCommand(context: Context, query: string, options: { reason?: string }): Promise<void> {
  const reason = demandReason(options.reason)
  const answer = await connect(context).post<WhoResult>(ROUTES.who, { query, reason })
  printAnswer(context, answer, renderWho)
}

export interface AffectedOptions {
  vendor: string
  destination?: string
  accessFrom?: string
  accessTo?: string
  from?: string
  to?: string
  list?: string
  identities?: boolean
  reason?: string
}

export async function affectedCommand(context: Context, options: AffectedOptions): Promise<void> {
  // Before anything is asked: a mistyped window must not cost a minute.
  decodeWindows(options)
  if (options.identities === true && options.list === undefined) throw new BulkheadError('bad_usage', '--identities goes with --list FILE')
  const { list, identities, reason, ...query } = options
  const client = connect(context)
  if (list === undefined) {
    printAnswer(context, await client.post<AffectedResult>(ROUTES.affected, query), renderAffected)
    return
  }
  const body: AffectedBody = { ...query, list: true, identities: identities === true, reason: demandReason(reason) }
  const { answer, lines } = await writeList(client, body, path.resolve(list))
  printAnswer(context, answer, renderAffected)
  context.err(`${count(lines, 'line')} written to ${list}${identities === true ? ', with names and addresses: keep it safe' : ''}\n`)
}

/** The file appears whole or not at all, readable by its owner alone. */
async function writeList(client: StaffClient, body: AffectedBody, file: string): Promise<{ answer: AffectedResult; lines: number }> {
  const temporary = `${file}.${process.pid}.part`
  const stream = createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true })
  let answer: AffectedResult | undefined
  let lines = 0
  try {
    await once(stream, 'open')
    for await (const line of client.lines(ROUTES.affected, body)) {
      const parsed = JSON.parse(line) as { person?: unknown; affected?: AffectedResult; error?: { code: string; message: string } }
      if (parsed.error !== undefined) throw new BulkheadError(codeOf(parsed.error.code), parsed.error.message)
      if (parsed.affected !== undefined) answer = parsed.affected
      if (parsed.person === undefined) continue
      lines++
      if (!stream.write(`${JSON.stringify(parsed.person)}\n`)) await once(stream, 'drain')
    }
    if (answer === undefined) throw new BulkheadError('not_running', 'the answer broke off before its end; no list was written')
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

function codeOf(text: string): ErrorCode {
  return isErrorCode(text) ? text : 'internal'
}

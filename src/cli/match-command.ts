/** `incident match`: the file goes to the running Bulkhead, which seals it before it reads it; progress on standard error. */
import path from 'node:path'
import { Transform } from 'node:stream'
import { INCIDENTS_ROUTE } from '#api/incident-contract.ts'
import type { LeakedFileResult, MatchAnswer } from '#api/match-contract.ts'
import { BulkheadError, isErrorCode } from '#base/errors.ts'
import { decodeMapping } from '#incidents/match-columns.ts'
import { ROW_FORMATS } from '#incidents/row-file.ts'
import { readable } from '#incidents/written.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { upload } from './incident-commands.ts'
import { count, table } from './render.ts'
import { connect } from './staff-client.ts'

export interface MatchOptions {
  file: string
  format: string
  map?: string[]
  reason?: string
}

const PROGRESS_MS = 2000

export async function matchCommand(context: Context, id: number, options: MatchOptions): Promise<void> {
  const { file, format, map = [] } = options
  const reason = demandReason(options.reason)
  // Before gigabytes are sent.
  if (!(ROW_FORMATS as readonly string[]).includes(format))
    throw new BulkheadError('bad_usage', `--format is none of ${ROW_FORMATS.join(', ')}`)
  decodeMapping(map)
  const claims = { file: path.basename(file), reason }
  const { evidence, known } = await upload<LeakedFileResult>(context, `${id}/leaked`, file, claims, (size) => said(context, size))
  const words = known ? 'was sealed for this incident before' : 'sealed'
  context.err(`${words}: evidence ${evidence.id}, ${count(evidence.bytes, 'byte')}, sha256 ${evidence.sha256}\n`)
  const body = { evidence: evidence.id, file: path.basename(file), reason, format, map }
  printAnswer(context, await follow(context, `${INCIDENTS_ROUTE}/${id}/match`, body), renderMatch)
}

/** Passes bytes on and says now and then how far they have come. */
function said(context: Context, size: number): Transform {
  let sent = 0
  let last = Date.now()
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      sent += chunk.length
      if (Date.now() - last >= PROGRESS_MS) {
        last = Date.now()
        context.err(`sealing: ${(sent / 1e6).toFixed(0)} of ${(size / 1e6).toFixed(0)} MB\n`)
      }
      done(null, chunk)
    },
  })
}

async function follow(context: Context, route: string, body: object): Promise<MatchAnswer> {
  let held = ''
  let last = Date.now()
  for await (const chunk of connect(context).bytes(route, body)) {
    held += chunk.toString('utf8')
    const lines = held.split('\n')
    held = lines.pop() ?? ''
    for (const text of lines) {
      const line = JSON.parse(text) as {
        progress?: { rows: number }
        match?: MatchAnswer
        error?: { code: string; message: string; hint?: string }
      }
      if (line.error !== undefined) {
        const { code, message, hint } = line.error
        throw new BulkheadError(isErrorCode(code) ? code : 'internal', message, hint === undefined ? {} : { hint })
      }
      if (line.match !== undefined) return line.match
      if (line.progress === undefined || Date.now() - last < PROGRESS_MS) continue
      last = Date.now()
      context.err(`matching: ${count(line.progress.rows, 'row')}\n`)
    }
  }
  throw new BulkheadError('not_running', 'the answer broke off before its end; nothing was recorded but the sealed file')
}

export function renderMatch(answer: MatchAnswer): string {
  const { matched, reconciled, peopleBy } = answer
  const rows: string[][] = [
    ['A', 'a pseudonym of ours that the ledger holds', figure(matched.a), figure(peopleBy.a)],
    ['B', 'an id as our systems know it', figure(matched.b), figure(peopleBy.b)],
    ['C', 'an address, telephone number or name', figure(matched.c), figure(peopleBy.c)],
  ]
  const lines = [
    `${count(answer.rows, 'row')} (${answer.format}), beside ledger entries 1..${answer.entries}`,
    table([['GRADE', 'NAMED BY', 'ROWS', 'PEOPLE (BY BEST GRADE)'], ...rows], '  '),
    `Outside the window: ${count(answer.outsideWindow, 'row')}`,
    `Not sent through Bulkhead (bypass, older data, another breach or fabrication): ${count(answer.notSentThroughBulkhead, 'row')},`,
    `  ${figure(answer.unknown)} that name nobody known here,`,
    `  ${figure(answer.knownNothingSent)} of people about whom nothing was sent to this vendor`,
    `The file says ${count(answer.people, 'person', 'people')}:`,
    `  ${figure(reconciled.inBoth)} of them in the scope of the incident, ${figure(reconciled.onlyInFile)} not.`,
    `  In the scope and not in the file: ${figure(reconciled.onlyInLedger)}. A file takes nobody out of the scope by itself.`,
  ]
  for (const { column, field, rows: held } of answer.columnsNotInLedger) {
    const meaning = field === null ? '' : ` (${field})`
    lines.push(`Never sent to this vendor through Bulkhead: column ${readable(column)}${meaning}, ${count(held, 'row')}`)
  }
  for (const { destination, epoch, state, rows: held } of answer.epochs)
    lines.push(`Pseudonyms of ${destination}, epoch ${epoch} (${state}): ${count(held, 'row')}`)
  for (const { vendor, destination, epoch, rows: held } of answer.foreignEpochs) {
    const whose =
      vendor === null
        ? 'of our own answers: the file, or a part of it, comes from here'
        : `of another vendor, ${vendor} (${destination}, epoch ${epoch})`
    lines.push(`Pseudonyms ${whose}: ${count(held, 'row')}`)
  }
  for (const { destination, epoch } of answer.destroyedEpochs)
    lines.push(`Epoch ${epoch} of ${destination} was destroyed: its pseudonyms count as rows that name nobody known here.`)
  if (answer.notInLedger > 0)
    lines.push(
      `Pseudonyms that we made and the ledger does not hold: ${count(answer.notInLedger, 'row')}. A part of the ledger is missing.`,
    )
  if (answer.ambiguous > 0)
    lines.push(`Named by what several people share, or by a device in nobody's hands: ${count(answer.ambiguous, 'row')}`)
  if (answer.unidentified > 0) lines.push(`Rows that hold nothing that could name anybody: ${answer.unidentified}`)
  if (answer.malformed + answer.readInPart > 0) {
    const shown = answer.faults.slice(0, 10).map(({ number, fault }) => `${number} (${fault.replace('_', ' ')})`)
    lines.push(`Not read: ${count(answer.malformed, 'row')}; read in part: ${answer.readInPart}. First: ${shown.join(', ')}`)
  }
  lines.push(`Sealed as evidence ${answer.evidence.id}, sha256 ${answer.evidence.sha256}; recorded in incident ${answer.incident}.`)
  return lines.join('\n')
}

function figure(number: number): string {
  return number.toLocaleString('en-US')
}

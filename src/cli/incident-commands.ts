/** `incident …`. All of them need a running Bulkhead. */
import { createHash } from 'node:crypto'
import { constants, createWriteStream, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  CLAIMS_HEADER,
  INCIDENTS_ROUTE,
  type IncidentAmendResult,
  type IncidentEvidenceFile,
  type IncidentEvidenceResult,
  type IncidentList,
  type IncidentOpened,
  type IncidentReportResult,
  type IncidentRowResult,
  type IncidentShow,
  type IncidentStatementResult,
} from '#api/incident-contract.ts'
import { BulkheadError } from '#base/errors.ts'
import { AUDIENCES, SAYINGS, SIGNERS, SOURCES } from '#incidents/incident-bodies.ts'
import { clearFile } from './clear-file.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { renderAmended, renderIncident, renderIncidents, renderLeft, renderStatement } from './incident-render.ts'
import { connect } from './staff-client.ts'

/** Of what Node takes as headers, 16 KiB, the claims may have the larger part. */
const CLAIMS_LENGTH_MAX = 12_000

interface Access {
  accessFrom?: string
  accessTo?: string
}

interface Data {
  from?: string
  to?: string
}

interface Named {
  surface?: string[]
  destination?: string[]
}

export interface TimesOptions {
  told?: string
  aware?: string
  vendorAware?: string
  eventFrom?: string
  eventTo?: string
  reason?: string
}

export interface OpenOptions extends TimesOptions, Access, Named {
  vendor: string
  told: string
  title?: string
  source?: string
  signal?: number
}

export interface StatementOptions extends Access, Data {
  file: string
  says: string
  received?: string
  fields?: string
  people?: number
  reason?: string
}

export interface AmendOptions extends Access, Data, Named {
  only?: boolean
  statement?: number
  wholeLedger?: boolean
  narrowToFile?: string
  reason?: string
}

export interface EvidenceOptions {
  note?: string
  reason?: string
}

export interface ReportOptions {
  for: string
  md?: string
  zone?: string
}

export interface SignOffOptions {
  as: string
  name: string
  reason?: string
}

export async function openIncident(context: Context, options: OpenOptions): Promise<void> {
  if (options.source !== undefined) oneOf('--source', options.source, SOURCES)
  const { vendor, title, source, signal, told, aware, vendorAware, eventFrom, eventTo, accessFrom, accessTo, reason } = options
  const body = {
    vendor,
    title,
    source,
    signal,
    told,
    aware,
    vendorAware,
    eventFrom,
    eventTo,
    accessFrom,
    accessTo,
    reason,
    ...names(options),
  }
  const answer = await connect(context).post<IncidentOpened>(INCIDENTS_ROUTE, body)
  printAnswer(context, answer, ({ id }) =>
    [
      `Incident ${id} is open. Erasures and the epochs of ${vendor} are held until it is closed.`,
      `Who may be affected: bulkhead incident affected ${id}    What is due when: bulkhead incident clocks ${id}`,
      `All of it: bulkhead incident show ${id}    If events still flow to it: bulkhead vendor cut ${vendor}`,
    ].join('\n'),
  )
}

export async function listIncidents(context: Context): Promise<void> {
  printAnswer(context, await connect(context).get<IncidentList>(INCIDENTS_ROUTE), renderIncidents)
}

export async function showIncident(context: Context, id: number): Promise<void> {
  printAnswer(context, await connect(context).get<IncidentShow>(`${INCIDENTS_ROUTE}/${id}`), renderIncident)
}

export async function stateIncident(context: Context, id: number, options: StatementOptions): Promise<void> {
  oneOf('--says', options.says, SAYINGS)
  const { file, says, received, fields, people, reason, accessFrom, accessTo, from, to } = options
  const list =
    fields === undefined
      ? {}
      : {
          fields: fields
            .split(',')
            .map((field) => field.trim())
            .filter((field) => field !== ''),
        }
  const claims = { file: path.basename(file), says, received, people, reason, accessFrom, accessTo, from, to, ...list }
  const answer = await upload<IncidentStatementResult>(context, `${id}/statements`, file, claims)
  const now = 'It counts as received now, and clocks may start there: --received INSTANT says when it came, if that was earlier.'
  printAnswer(context, answer, (result) => (received === undefined ? `${renderStatement(result)}\n${now}` : renderStatement(result)))
}

export async function addEvidence(context: Context, id: number, file: string, options: EvidenceOptions): Promise<void> {
  const { note, reason } = options
  const answer = await upload<IncidentEvidenceResult>(context, `${id}/evidence`, file, { file: path.basename(file), note, reason })
  printAnswer(context, answer, ({ evidence }) => `Sealed as evidence ${evidence.id}: ${evidence.bytes} bytes, sha256 ${evidence.sha256}.`)
}

/** The file appears whole, with the hash that is on record, or not at all. */
export async function getEvidence(
  context: Context,
  of: { incident: number; evidence: string },
  options: { out: string; reason?: string },
): Promise<void> {
  const reason = demandReason(options.reason)
  const file = clearFile(context, options.out)
  if (existsSync(file)) throw new BulkheadError('bad_usage', `${file} is there already`)
  const client = connect(context)
  const { evidence } = await client.get<IncidentShow>(`${INCIDENTS_ROUTE}/${of.incident}`)
  const known = evidence.find(({ id }) => id === of.evidence)
  const route = `${INCIDENTS_ROUTE}/${of.incident}/evidence/${encodeURIComponent(of.evidence)}/open`
  const temporary = `${file}.${process.pid}.part`
  const hash = createHash('sha256')
  let bytes = 0
  const counted = async function* (): AsyncGenerator<Buffer, void> {
    for await (const chunk of client.bytes(route, { reason })) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
  }
  try {
    await pipeline(counted(), createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }))
    const sha256 = hash.digest('hex')
    if (sha256 !== known?.sha256) throw new BulkheadError('evidence_corrupt', 'what came is not the file that is on record')
    renameSync(temporary, file)
    const answer: IncidentEvidenceFile = { id: of.evidence, sha256, bytes, file }
    printAnswer(context, answer, () => `${bytes} bytes written to ${options.out}, sha256 ${sha256}.`)
  } catch (thrown) {
    rmSync(temporary, { force: true })
    if (thrown instanceof BulkheadError) throw thrown
    const { code } = thrown as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES')
      throw new BulkheadError('bad_usage', `the file cannot be written to ${file} (${code})`, { cause: thrown })
    throw new BulkheadError('not_running', 'the answer broke off before its end; no file was written', { cause: thrown })
  }
}

export async function amendIncident(context: Context, id: number, options: AmendOptions): Promise<void> {
  const { only, statement, wholeLedger, reason, accessFrom, accessTo, from, to } = options
  const body = { only, statement, wholeLedger, reason, accessFrom, accessTo, from, to, ...names(options) }
  printAnswer(context, await connect(context).post<IncidentAmendResult>(`${INCIDENTS_ROUTE}/${id}/amend`, body), renderAmended)
}

export async function timeIncident(context: Context, id: number, options: TimesOptions): Promise<void> {
  const { told, aware, vendorAware, eventFrom, eventTo, reason } = options
  await addRow(context, id, 'times', { told, aware, vendorAware, eventFrom, eventTo, reason })
}

export async function noteIncident(context: Context, id: number, text: string, { at }: { at?: string }): Promise<void> {
  await addRow(context, id, 'note', { text, at })
}

export async function signOffIncident(context: Context, id: number, options: SignOffOptions): Promise<void> {
  oneOf('--as', options.as, SIGNERS)
  await addRow(context, id, 'sign-off', { as: options.as, name: options.name, reason: demandReason(options.reason) })
}

export async function endIncident(context: Context, id: number, verb: 'close' | 'reopen', options: { reason?: string }): Promise<void> {
  await addRow(context, id, verb, { reason: demandReason(options.reason) })
  if (verb === 'close' && !context.json) context.out(renderLeft(await connect(context).get<IncidentShow>(`${INCIDENTS_ROUTE}/${id}`)))
}

export async function reportIncident(context: Context, id: number, options: ReportOptions): Promise<void> {
  oneOf('--for', options.for, AUDIENCES)
  const body = { audience: options.for, zone: options.zone }
  const file = options.md === undefined ? undefined : clearFile(context, options.md)
  const answer = await connect(context).post<IncidentReportResult>(`${INCIDENTS_ROUTE}/${id}/report`, body)
  if (file !== undefined) writeReport(file, answer.markdown)
  printAnswer(context, answer, ({ markdown }) => (options.md === undefined ? markdown : `Written to ${options.md}.`))
}

async function addRow(context: Context, id: number, what: string, body: object): Promise<void> {
  const answer = await connect(context).post<IncidentRowResult>(`${INCIDENTS_ROUTE}/${id}/${what}`, body)
  printAnswer(context, answer, ({ incident, row, state }) => `Row ${row} of incident ${incident}, which is ${state}.`)
}

function writeReport(file: string, markdown: string): void {
  try {
    writeFileSync(file, markdown, { mode: 0o600 })
  } catch (thrown) {
    const { code = 'unknown' } = thrown as NodeJS.ErrnoException
    throw new BulkheadError('bad_usage', `the report cannot be written to ${file} (${code})`, { cause: thrown })
  }
}

function names({ surface, destination }: Named): { surfaces?: string[]; destinations?: string[] } {
  return {
    ...(surface === undefined ? {} : { surfaces: surface }),
    ...(destination === undefined ? {} : { destinations: destination }),
  }
}

/** `through`: what the bytes pass on their way. */
export async function upload<Answer>(
  context: Context,
  route: string,
  file: string,
  claims: object,
  through?: (size: number) => Duplex,
): Promise<Answer> {
  const header = Buffer.from(JSON.stringify(claims)).toString('base64url')
  if (header.length > CLAIMS_LENGTH_MAX) throw new BulkheadError('incident_invalid', 'what is said beside the file is too long')
  const client = connect(context)
  const handle = await openFile(file)
  try {
    const read = handle.createReadStream({ autoClose: false })
    const passed = through?.((await handle.stat()).size)
    if (passed !== undefined) read.on('error', (error) => passed.destroy(error)).pipe(passed)
    const content = passed ?? read
    return await client.upload<Answer>(`${INCIDENTS_ROUTE}/${route}`, content, { [CLAIMS_HEADER]: header })
  } finally {
    await handle.close()
  }
}

async function openFile(file: string): Promise<FileHandle> {
  const unreadable = (code: string, cause?: unknown): BulkheadError =>
    new BulkheadError('bad_usage', `the file ${JSON.stringify(file)} cannot be read (${code})`, { cause })
  let handle: FileHandle
  try {
    // A pipe that nobody writes to would be waited for without an end.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (thrown) {
    throw unreadable((thrown as NodeJS.ErrnoException).code ?? 'unknown', thrown)
  }
  const found = await handle.stat()
  if (found.isFile()) return handle
  await handle.close()
  throw unreadable(found.isDirectory() ? 'EISDIR' : 'a pipe, socket or device is no file: write what comes from it to one')
}

function oneOf(option: string, given: string, known: readonly string[]): void {
  if (!known.includes(given)) throw new BulkheadError('bad_usage', `${option} is none of ${known.join(', ')}`)
}

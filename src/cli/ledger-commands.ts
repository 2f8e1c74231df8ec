import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ROUTES } from '#api/contract.ts'
import type { SentPlaceResult } from '#api/statement-contract.ts'
import type { LedgerAcknowledge, LedgerCheckpoint, LedgerProve, LedgerRepair, LedgerVerify } from '#api/ledger-contract.ts'
import { openInstance, readRun, tilesDir } from '#app/instance.ts'
import { readCheckpoint, verifyStopped } from '#app/ledger-checking.ts'
import { BulkheadError, isErrorCode } from '#base/errors.ts'
import { type NoteVerifier, noteVerifier, parseVerifierKey } from '#ledger/note.ts'
import { PinnedTiles, tilesIn } from '#ledger/pinned-tiles.ts'
import { proveIndex } from '#ledger/prove.ts'
import { openEntryBytes } from '#ledger/stored-entries.ts'
import { type OnProgress, verifyFiles } from '#ledger/verify.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { count, table } from './render.ts'
import { connect, openClient } from './staff-client.ts'

const SAID_EVERY_MS = 2_000
const SHOWN_MAX = 20

/** The exit code. */
export async function checkpointCommand(context: Context, send: boolean): Promise<number> {
  const instance = openInstance({ dataDir: context.dataDir, create: false, env: context.env })
  const run = readRun(instance.dataDir)
  if (send && run === undefined) throw new BulkheadError('not_running', 'checkpoints are sent by a Bulkhead that runs')
  const answer: LedgerCheckpoint =
    run === undefined
      ? readCheckpoint(instance, null)
      : await openClient(run.consoleUrl, instance, context).get(`${ROUTES.ledger}/checkpoint`)
  if (!send || run === undefined) {
    printAnswer(context, answer, renderCheckpoint)
    return 0
  }
  const { places } = await openClient(run.consoleUrl, instance, context).post<{ places: SentPlaceResult[] }>(ROUTES.sendCheckpoint, {})
  printAnswer(context, { ...answer, places }, renderCheckpoint)
  return places.some(({ state }) => state === 'held') && places.every(({ state }) => state !== 'forked') ? 0 : 1
}

function renderCheckpoint({ note, key, places }: LedgerCheckpoint): string {
  const rows = (places ?? []).map(({ id, kind, state, size, what }) => [id, kind, state, size === null ? '-' : String(size), what ?? ''])
  const sent = rows.length === 0 ? 'No place outside is configured.' : table([['PLACE', 'KIND', 'STATE', 'SIZE', ''], ...rows])
  return [note.trimEnd(), '', `key: ${key ?? 'shown while Bulkhead runs'}`, ...(places === undefined ? [] : ['', sent])].join('\n')
}

export async function proveCommand(context: Context, index: number): Promise<void> {
  const instance = openInstance({ dataDir: context.dataDir, create: false, env: context.env })
  const bytes = openEntryBytes(instance.ledgerDir)
  try {
    const proof: LedgerProve = proveIndex(index, PinnedTiles.read(tilesDir(instance)), bytes)
    printAnswer(context, proof, renderProof)
  } finally {
    await bytes.close()
  }
}

function renderProof({ index, entry, size, origin, root, header, proof }: LedgerProve): string {
  const fields = Object.entries(header).map(([name, value]) => [name, renderHeaderField(name, value)])
  return [
    `Entry ${entry} (index ${index}) stands in the tree of ${count(size, 'entry', 'entries')}, root ${root}`,
    `of ${origin}, shown by ${count(proof.length, 'hash', 'hashes')} (--json has them).`,
    table(fields, '  '),
  ].join('\n')
}

const HEADER_TIMES: readonly string[] = ['at', 'first', 'last']

/** As it is committed to; of instants also what they are. */
function renderHeaderField(name: string, value: unknown): string {
  if (typeof value === 'number' && HEADER_TIMES.includes(name)) return `${value} (${new Date(value).toISOString()})`
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

export async function repairCommand(context: Context, reason: string | undefined): Promise<void> {
  const instance = openInstance({ dataDir: context.dataDir, create: false, env: context.env })
  const run = readRun(instance.dataDir)
  if (run === undefined) throw new BulkheadError('not_running', 'files are made again by a Bulkhead that runs')
  const body = reason === undefined ? {} : { reason }
  const answer = await openClient(run.consoleUrl, instance, context).post<LedgerRepair>(`${ROUTES.ledger}/repair`, body)
  printAnswer(context, answer, ({ size, repaired }) =>
    repaired.length === 0
      ? `All files of the tree of ${count(size, 'entry', 'entries')} are as they were signed.`
      : ['Made again, as they were signed:', ...repaired.map((place) => `  ${place}`)].join('\n'),
  )
}

/** Says that somebody knows of what a restore has lost; until then doctor is red. */
export async function acknowledgeCommand(context: Context, entry: number, reason: string | undefined): Promise<void> {
  const body = { entry, reason: demandReason(reason) }
  const answer = await connect(context).post<LedgerAcknowledge>(`${ROUTES.ledger}/acknowledge`, body)
  printAnswer(
    context,
    answer,
    ({ from, to }) => `On record: the ledger was rolled back from ${Math.max(to, from - 1)} to ${from - 1} entries.`,
  )
}

export interface VerifyOptions {
  statement?: string
  files?: string
  key?: string
}

/** The exit code. */
export async function verifyCommand(context: Context, { files, key, statement }: VerifyOptions): Promise<number> {
  if (statement !== undefined) {
    if (files !== undefined || key === undefined) throw new BulkheadError('bad_usage', '--statement goes with --key, and without --files')
    return (await import('./statement-command.ts')).checkStatementCommand(context, statement, (name) => verifiersIn(key, name))
  }
  if ((files === undefined) !== (key === undefined)) throw new BulkheadError('bad_usage', '--files and --key go together')
  const said = saying(context)
  const verified: LedgerVerify = files === undefined ? await verifyData(context, said) : checkFiles(files, key as string, said)
  printAnswer(context, verified, renderVerified)
  return verified.ok ? 0 : 1
}

function checkFiles(files: string, key: string, onProgress: OnProgress): LedgerVerify {
  const dir = tilesIn(files)
  return verifyFiles(dir, verifiersIn(key, PinnedTiles.read(dir).head?.origin), onProgress)
}

/** Lines of key texts, or one key in PEM, which bears no name: it is taken for the one that the checkpoint gives itself. */
export function verifiersIn(file: string, origin: string | undefined): NoteVerifier[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (thrown) {
    throw new BulkheadError(
      'verifier_key_invalid',
      `${file} cannot be read (${(thrown as NodeJS.ErrnoException).code ?? 'no reason given'})`,
    )
  }
  if (!text.startsWith('-----BEGIN')) return text.split('\n').map((line) => parseVerifierKey(line.trim()))
  const publicKey = pemKey(text)
  return origin === undefined ? [] : [noteVerifier(origin, publicKey)]
}

function pemKey(text: string): KeyObject {
  try {
    const key = createPublicKey(text)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    // Said below.
  }
  throw new BulkheadError('verifier_key_invalid', 'this is no Ed25519 public key in PEM')
}

async function verifyData(context: Context, onProgress: OnProgress): Promise<LedgerVerify> {
  const instance = openInstance({ dataDir: context.dataDir, create: false, env: context.env })
  if (instance.creating) throw new BulkheadError('not_running', `${instance.dataDir} is being made: there is nothing to verify yet`)
  const run = readRun(instance.dataDir)
  if (run === undefined) return verifyStopped(instance, context.env, onProgress)
  let rest = ''
  for await (const chunk of openClient(run.consoleUrl, instance, context).bytes(`${ROUTES.ledger}/verify`, {})) {
    const lines = (rest + chunk.toString('utf8')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const said = JSON.parse(line) as Said
      if (said.verified !== undefined) return said.verified
      if (said.progress !== undefined) onProgress(said.progress.entries, said.progress.of)
      if (said.error !== undefined) throw new BulkheadError(isErrorCode(said.error.code) ? said.error.code : 'internal', said.error.message)
    }
  }
  throw new BulkheadError('not_running', 'the staff API has ended before the ledger was verified')
}

interface Said {
  progress?: { entries: number; of: number }
  verified?: LedgerVerify
  error?: { code: string; message: string }
}

function saying(context: Context): OnProgress {
  let next = Date.now() + SAID_EVERY_MS
  return (entries, of) => {
    if (Date.now() < next) return
    next = Date.now() + SAID_EVERY_MS
    context.err(`verify: ${entries} of ${of} entries\n`)
  }
}

function renderVerified(answer: LedgerVerify): string {
  const { entries, ok, problems, moreProblems, checkpoint, totals, pending, notChecked } = answer
  const lines = [
    checkpoint === null
      ? 'No signed checkpoint can be read.'
      : `Checkpoint: ${count(checkpoint.size, 'entry', 'entries')}, root ${checkpoint.root}, ${checkpoint.origin}`,
    ok
      ? `${count(entries, 'entry', 'entries')}: all as they were signed.`
      : `${count(entries, 'entry', 'entries')}: something does not fit.`,
    ...problems.slice(0, SHOWN_MAX).map(({ index, kind, what }) => `  ${kind}${index === null ? '' : ` at index ${index}`}: ${what}`),
  ]
  const hidden = problems.length + moreProblems - Math.min(problems.length, SHOWN_MAX)
  if (hidden > 0) lines.push(`  and ${hidden} more (--json)`)
  if (totals !== null && problems.some(({ kind }) => kind === 'tile' || kind === 'bundle'))
    lines.push('Tiles and bundles are made again from the entries by `bulkhead ledger repair --reason "…"`, as far as those are whole.')
  if (totals !== null && totals.length > 0) {
    const rows = totals.map(({ destination, state, rows: all, people, events }) => [
      destination,
      state,
      ...[all, people, events].map(String),
    ])
    lines.push(table([['DESTINATION', 'STATE', 'ROWS', 'PEOPLE', 'EVENTS'], ...rows], '  '))
  }
  if (pending > 0) lines.push(`${count(pending, 'entry is', 'entries are')} newer than the checkpoint.`)
  if (notChecked.length > 0) lines.push(`Not looked at: ${notChecked.join(', ')}.`)
  return lines.join('\n')
}

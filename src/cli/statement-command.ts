/** `who X --statement`: a person's statement, as a file that they can be handed and check. */
import { readFileSync, statSync } from 'node:fs'
import { ROUTES } from '#api/contract.ts'
import type { StatementCheck } from '#api/statement-contract.ts'
import { writeFileDurably } from '#base/files.ts'
import { BulkheadError } from '#base/errors.ts'
import type { NoteVerifier } from '#ledger/note.ts'
import { checkStatement, type StatedDisclosure, type Statement } from '#ledger/statement.ts'
import { clearFile } from './clear-file.ts'
import { type Context, printAnswer } from './context.ts'
import { count, table, wrap } from './render.ts'
import { connect } from './staff-client.ts'

const STATEMENT_BYTES_MAX = 256 * 1024 * 1024

/** `file`: where it is written to, `true` for none. */
export async function statementCommand(
  context: Context,
  query: string,
  { file, reason }: { file: string | true; reason: string },
): Promise<void> {
  const place = file === true ? undefined : clearFile(context, file)
  const statement = await connect(context).post<Statement>(ROUTES.statement, { query, reason })
  if (place !== undefined) write(place, statement)
  printAnswer(context, statement, renderStatement)
  if (file !== true) context.err(`written to ${file}, with what was asked in it: keep it safe\n`)
}

function write(file: string, statement: Statement): void {
  try {
    writeFileDurably(file, `${JSON.stringify(statement, null, 2)}\n`)
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'no reason given'
    throw new BulkheadError('bad_usage', `${file} cannot be written (${code})`, { cause: thrown })
  }
}

/** The exit code. `keysOf` gives the keys that may be under a name. */
export async function checkStatementCommand(context: Context, file: string, keysOf: (name: string) => NoteVerifier[]): Promise<number> {
  // A key that is none is said before anything is read.
  keysOf('bulkhead')
  const checked: StatementCheck = checkStatement(read(file), (name) => {
    const verifier = keysOf(name).find((known) => known.name === name)
    if (verifier === undefined) throw new BulkheadError('verifier_key_invalid', 'the key that was given is not of the ledger that it names')
    return verifier
  })
  printAnswer(context, checked, renderCheck)
  return checked.ok ? 0 : 1
}

function read(file: string): string {
  try {
    if (statSync(file).size <= STATEMENT_BYTES_MAX) return readFileSync(file, 'utf8')
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'no reason given'
    throw new BulkheadError('bad_usage', `${file} cannot be read (${code})`, { cause: thrown })
  }
  throw new BulkheadError('statement_invalid', `${file} is larger than any statement`)
}

function renderCheck({ ok, disclosures, proved, problems, checkpoint }: StatementCheck): string {
  const of =
    checkpoint === null ? 'no checkpoint' : `the checkpoint of size ${checkpoint.size}, root ${checkpoint.root}, ${checkpoint.origin}`
  return [
    ok
      ? `As it was signed: ${count(disclosures, 'disclosure')}, ${proved} of them proved up to ${of}.`
      : `Not as it was signed: ${count(problems.length, 'problem')} in ${count(disclosures, 'disclosure')}.`,
    ...problems.map(({ entry, what }) => `  ${entry === null ? 'the statement' : `entry ${entry}`}: ${what}`),
    ...(ok ? ['It does not show that nothing is missing; see what it says under "limits".'] : []),
  ].join('\n')
}

export function renderStatement({ disclosures, notSent, limits, checkpoint, madeAt }: Statement): string {
  const proved = disclosures.filter(({ proof }) => proof !== null).length
  const rows = disclosures.map(({ entry, date, recipient, purpose, state, description }) => [
    String(entry),
    date,
    `${recipient.name} (${recipient.destination})`,
    purpose,
    state,
    String(description.reduce((sum, { events }) => sum + events, 0)),
  ])
  return [
    `${count(disclosures.length, 'disclosure')}, ${proved} with proofs, as of ${madeAt}`,
    ...(rows.length === 0 ? [] : ['', table([['ENTRY', 'DATE', 'RECIPIENT', 'PURPOSE', 'STATE', 'EVENTS'], ...rows], '  ')]),
    ...(disclosures.length === 0 ? [] : ['', 'What was sent', wrap(fieldsOf(disclosures), '  ')]),
    '',
    'Was not among the fields that we sent',
    wrap(notSent, '  '),
    '',
    'What it cannot say',
    ...limits.map((limit) => `  ${limit}`),
    '',
    checkpoint === null ? 'No checkpoint of the ledger yet.' : `Checkpoint: size ${checkpoint.size}, root ${checkpoint.root}`,
  ].join('\n')
}

function fieldsOf(disclosures: readonly StatedDisclosure[]): string[] {
  return [...new Set(disclosures.flatMap(({ description }) => description.flatMap(({ fields }) => fields.split(','))))].sort()
}

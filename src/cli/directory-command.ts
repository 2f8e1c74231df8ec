import { type DirectoryBody, type DirectoryResult, ROUTES } from '#api/contract.ts'
import type { DirectoryRow } from '#vault/port.ts'
import { type Context, printAnswer } from './context.ts'
import { openDirectoryFile } from './directory-csv.ts'
import { count, renderDirectory } from './render.ts'
import { connect } from './staff-client.ts'

const ROWS_A_BATCH = 2000

/** Imports a user table. Repeating it changes nothing, so an import that broke off is simply run again. */
export async function importDirectoryCommand(
  context: Context,
  file: string,
  options: { namespace: string; reason?: string },
): Promise<void> {
  const client = connect(context)
  const directory = openDirectoryFile(file)
  const { ignoredColumns } = await directory.check()
  if (ignoredColumns > 0) context.err(`${count(ignoredColumns, 'column')} left out that mean nothing here (see docs/directory.md).\n`)
  const total: DirectoryResult = { rows: 0, newPeople: 0, facts: 0 }
  const send = async (rows: DirectoryRow[]): Promise<void> => {
    const body: DirectoryBody = { namespace: options.namespace, rows, ...(options.reason === undefined ? {} : { reason: options.reason }) }
    const answer = await client.post<DirectoryResult>(ROUTES.directory, body)
    total.rows += answer.rows
    total.newPeople += answer.newPeople
    total.facts += answer.facts
  }
  let batch: DirectoryRow[] = []
  for await (const row of directory.rows()) {
    batch.push(row)
    if (batch.length < ROWS_A_BATCH) continue
    await send(batch)
    batch = []
  }
  if (batch.length > 0) await send(batch)
  printAnswer(context, total, renderDirectory)
}

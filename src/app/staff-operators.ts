/** Who may use the staff API, as it starts: the key folder's word before the records', and the first operator of this machine. */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import { writeFileDurably } from '#base/files.ts'
import { alignOperators, openOperatorBook, type OperatorBook } from '#records/operator-book.ts'
import type { OperatorRows } from '#records/port.ts'
import type { Remembering, StaffVault } from '#vault/port.ts'
import { FIRST_OPERATOR, type Instance, readOperatorCredential } from './instance.ts'
import { trace } from './trace.ts'

/** The key folder says who they are; only when it has not heard of any do the records. */
export async function knownOperators(
  instance: Instance,
  rows: OperatorRows,
  { vault, remember }: { vault: Pick<StaffVault, 'describe' | 'recordLook'>; remember: Remembering },
): Promise<OperatorBook> {
  const { newest } = await vault.describe()
  const foreign = alignOperators(rows, newest.operators)
  if (foreign.length > 0) {
    const reason = `the records said something else than the key folder of ${foreign.join(', ')}`
    await vault.recordLook({ actor: 'vault', action: 'operator align', reason, subjects: 0 })
    trace('error', 'staff', `operators: ${reason}; the key folder counts`)
  }
  takeFirstCredential(instance, rows)
  return openOperatorBook(rows, (operators) => remember.remember({ operators }), foreign)
}

/**
 * The first start gives the operator of this machine a credential of their own; it opens no data by itself. Who was removed does
 * not come back by it.
 */
function takeFirstCredential(instance: Instance, operators: OperatorRows): void {
  const file = path.join(instance.keysDir, FIRST_OPERATOR)
  if (!existsSync(instance.keysDir)) throw new BulkheadError('key_missing', `there is no key folder ${instance.keysDir}`)
  if (operators.list().some(({ name, removedAt }) => name === FIRST_OPERATOR && removedAt !== null)) return
  if (!existsSync(file)) writeFileDurably(file, `${randomBytes(32).toString('base64url')}\n`)
  operators.adoptFirst(FIRST_OPERATOR, createHash('sha256').update(readOperatorCredential(instance)).digest('hex'))
}

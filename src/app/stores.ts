/**
 * Whether the stores of an instance are still there. The file `ESTABLISHED` is written once all of Bulkhead has been ready for
 * the first time: from then on a store that is absent or empty was lost, and none is made in its place. Records made anew,
 * for one, would not know whose flow is cut.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { BulkheadError, type ErrorCode } from '#base/errors.ts'
import { writeFileDurably } from '#base/files.ts'
import type { Instance } from './instance.ts'

export function markEstablished(instance: Instance): void {
  const file = establishedFile(instance)
  if (!existsSync(file)) writeFileDurably(file, `${new Date().toISOString()}\n`)
}

/** Throws the code of the first store that is not there. */
export function assertStoresPresent(instance: Instance): void {
  if (!existsSync(establishedFile(instance))) return
  const stores: [file: string, code: ErrorCode][] = [
    [path.join(instance.dataDir, 'vault.db'), 'vault_corrupt'],
    [instance.recordsPath, 'records_corrupt'],
    [path.join(instance.ledgerDir, 'ledger.mdb'), 'ledger_corrupt'],
    [path.join(instance.logDir, newestFolder(instance.logDir), 'data.mdb'), 'log_corrupt'],
  ]
  for (const [file, code] of stores) {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
    if (size === 0) throw new BulkheadError(code, `${path.relative(instance.dataDir, file)} is not there or is empty, and it held data`)
  }
}

function newestFolder(logDir: string): string {
  const names = existsSync(logDir) ? readdirSync(logDir) : []
  return (
    names
      .filter((name) => /^\d+$/.test(name))
      .sort((a, b) => Number(a) - Number(b))
      .at(-1) ?? 'folder'
  )
}

function establishedFile(instance: Instance): string {
  return path.join(instance.dataDir, 'ESTABLISHED')
}

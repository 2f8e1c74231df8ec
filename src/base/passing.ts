/** What passes by itself: a process that is started again, and a disk that somebody makes room on. */
import { toBulkheadError } from './errors.ts'

const PASSING: ReadonlySet<string> = new Set(['vault_unavailable', 'key_service_unavailable', 'disk_full'])
const SQLITE_FULL = 13

export function passesByItself(thrown: unknown): boolean {
  const { errcode, code } = thrown as { errcode?: number; code?: string }
  return PASSING.has(toBulkheadError(thrown).code) || errcode === SQLITE_FULL || code === 'ENOSPC'
}

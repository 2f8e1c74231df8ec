/**
 * What stands plain in `keys.db`, read without opening it as its owner does: nothing is made, locked or changed. What its
 * owner has written since its last checkpoint is not seen.
 */
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { GAPS_ACKNOWLEDGED } from './gap-book.ts'

export interface KeyMeta {
  format?: number
  newest?: unknown
  backups?: unknown
  gapsAcknowledged?: unknown
}

/** Empty when it cannot be read. */
export function readKeyMeta(keysDir: string): KeyMeta {
  const meta = readPlainMeta(path.join(keysDir, 'keys.db'))
  const parsed = (name: string): unknown => (typeof meta.get(name) === 'string' ? JSON.parse(meta.get(name) as string) : undefined)
  const format = meta.get('format')
  const known = { newest: parsed('newest'), backups: parsed('backups'), gapsAcknowledged: parsed(GAPS_ACKNOWLEDGED) }
  return { ...(typeof format === 'number' ? { format } : {}), ...known }
}

/** The table `meta` of a store of the vault. */
export function readPlainMeta(file: string): Map<string, unknown> {
  const url = pathToFileURL(file)
  url.search = '?immutable=1'
  try {
    const database = new DatabaseSync(url, { readOnly: true })
    try {
      const rows = database.prepare('SELECT name, value FROM meta').all()
      return new Map(rows.map((row) => [row.name as string, row.value]))
    } finally {
      database.close()
    }
  } catch {
    return new Map()
  }
}

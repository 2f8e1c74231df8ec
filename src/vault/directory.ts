import { BulkheadError } from '#base/errors.ts'
import { canonicalId } from './canonical.ts'
import type { Change } from './commit.ts'
import type { DirectoryRow } from './port.ts'

/** The company's own user table as statements of the highest trust. Throws `directory_invalid`. */
export function directoryChange(rows: readonly DirectoryRow[], namespace: string, at: number): Change {
  const change: Change = { identifiers: [], facts: [], edges: [], memberships: [] }
  const add = (kind: string, value: string, role: 'user' | 'group'): number => -change.identifiers.push([namespace, kind, value, role])
  rows.forEach((row, number) => {
    if (canonicalId(row.id) === '') throw new BulkheadError('directory_invalid', `row ${number + 1} of this batch has no id`)
    const person = add('id', row.id, 'user')
    for (const field of ['email', 'name', 'phone', 'country', 'region', 'language'] as const) {
      const value = row[field]
      if (value !== undefined && value !== '') change.facts.push({ of: person, field, value, once: false, trust: 'directory', at })
    }
    for (const { key, value, admin } of row.groups) {
      change.memberships.push({ person, group: add(`group:${key}`, value, 'group'), trust: 'directory', at, admin })
    }
  })
  return change
}

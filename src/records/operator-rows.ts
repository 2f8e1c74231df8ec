/** Operators and approvals in the records; who may do what with them is `approvals.ts`' business. */
import type { DatabaseSync } from 'node:sqlite'
import { BulkheadError } from '#base/errors.ts'
import type { Approval, ApprovalRows, Operator, OperatorRows, RememberedOperator } from './port.ts'

type Transact = <Result>(act: () => Result) => Result

const OPERATOR_COLUMNS = 'name, added_at AS addedAt, added_by AS addedBy, removed_at AS removedAt, removed_by AS removedBy'

export function operatorRows(database: DatabaseSync, transact: Transact): OperatorRows {
  const list = database.prepare(`SELECT ${OPERATOR_COLUMNS} FROM operator ORDER BY added_at, name`)
  const get = database.prepare(`SELECT ${OPERATOR_COLUMNS} FROM operator WHERE name = ?`)
  const named = database.prepare('SELECT name FROM operator WHERE credential_sha256 = ? AND removed_at IS NULL')
  const insert = database.prepare('INSERT INTO operator (name, credential_sha256, added_at, added_by) VALUES (?, ?, ?, ?)')
  const remembered = database.prepare(
    `SELECT ${OPERATOR_COLUMNS}, credential_sha256 AS credentialSha256 FROM operator ORDER BY added_at, name`,
  )
  const count = database.prepare('SELECT count(*) AS live FROM operator WHERE removed_at IS NULL')
  // The hash goes too: what opens nothing any more need not be known.
  const remove = database.prepare('UPDATE operator SET credential_sha256 = NULL, removed_at = ?, removed_by = ? WHERE name = ?')
  const replace = database.prepare('UPDATE operator SET credential_sha256 = ? WHERE name = ?')
  const forget = database.prepare('DELETE FROM operator')
  const put = database.prepare(
    'INSERT INTO operator (name, credential_sha256, added_at, added_by, removed_at, removed_by) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const find = (name: string): Operator | undefined => get.get(name) as Operator | undefined
  return {
    list: () => list.all() as unknown as Operator[],
    named: (credentialSha256) => (named.get(credentialSha256) as { name: string } | undefined)?.name,
    add: ({ name, credentialSha256, at, by }) =>
      transact(() => {
        const known = find(name)
        if (known !== undefined)
          throw new BulkheadError('operator_exists', `${name} ${known.removedAt === null ? 'is an operator' : 'was one, and is not again'}`)
        if (named.get(credentialSha256) !== undefined) throw new BulkheadError('operator_exists', 'this credential is another operator’s')
        insert.run(name, credentialSha256, at, by)
        return find(name) as Operator
      }),
    remove: (name, { at, by }) =>
      transact(() => {
        const known = find(name)
        if (known === undefined || known.removedAt !== null)
          throw new BulkheadError('operator_unknown', `no operator is called ${JSON.stringify(name.slice(0, 64))}`)
        if ((count.get() as { live: number }).live <= 1)
          throw new BulkheadError('operator_last', `${name} is the only operator: nobody could do anything any more`)
        remove.run(at, by, name)
        return find(name) as Operator
      }),
    remembered: () => remembered.all() as unknown as RememberedOperator[],
    adopt: (operators) =>
      transact(() => {
        for (const { name, credentialSha256, addedAt, addedBy, removedAt, removedBy } of operators) {
          const known = find(name)
          if (known === undefined) insert.run(name, removedAt === null ? credentialSha256 : null, addedAt, addedBy)
          if (removedAt !== null && (known?.removedAt ?? null) === null) remove.run(removedAt, removedBy, name)
        }
      }),
    replace: (operators) =>
      transact(() => {
        forget.run()
        for (const { name, credentialSha256, addedAt, addedBy, removedAt, removedBy } of operators)
          put.run(name, credentialSha256, addedAt, addedBy, removedAt, removedBy)
      }),
    adoptFirst: (name, credentialSha256) =>
      transact(() => {
        const known = find(name)
        if (known === undefined) insert.run(name, credentialSha256, 0, '')
        else if (known.removedAt !== null) return false
        else replace.run(credentialSha256, name)
        return true
      }),
  }
}

const COLUMNS: Record<keyof Approval, string> = {
  id: 'id',
  kind: 'kind',
  what: 'what',
  sha256: 'sha256',
  origin: 'origin',
  proposedBy: 'proposed_by',
  proposedAt: 'proposed_at',
  reason: 'reason',
  approvedBy: 'approved_by',
  approvedAt: 'approved_at',
  approvedReason: 'approved_reason',
  countsFrom: 'counts_from',
  rejectedBy: 'rejected_by',
  rejectedAt: 'rejected_at',
  rejectedReason: 'rejected_reason',
  expiresAt: 'expires_at',
  usedAt: 'used_at',
}

export function approvalRows(database: DatabaseSync, transact: Transact): ApprovalRows {
  const columns = Object.entries(COLUMNS).map(([name, column]) => `${column} AS ${name}`)
  const select = `SELECT ${columns.join(', ')} FROM approval`
  const list = database.prepare(`${select} ORDER BY id DESC`)
  const get = database.prepare(`${select} WHERE id = ?`)
  const names = Object.keys(COLUMNS) as (keyof Approval)[]
  const insert = database.prepare(
    `INSERT INTO approval (${names.map((name) => COLUMNS[name]).join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
  )
  return {
    list: () => list.all() as unknown as Approval[],
    get: (id) => get.get(id) as Approval | undefined,
    add: (approval) =>
      transact(() => {
        insert.run(...names.map((name) => approval[name]))
        return get.get(approval.id) as unknown as Approval
      }),
    update: (id, change) =>
      transact(() => {
        const set = Object.entries(change) as [keyof Approval, string | number | null][]
        const text = set.map(([name]) => `${COLUMNS[name]} = ?`).join(', ')
        database.prepare(`UPDATE approval SET ${text} WHERE id = ?`).run(...set.map(([, value]) => value), id)
        return get.get(id) as unknown as Approval
      }),
  }
}

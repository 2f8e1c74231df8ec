/** Rows of incidents in the records: only ever added. */
import type { DatabaseSync } from 'node:sqlite'
import { BulkheadError } from '#base/errors.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import type { IncidentRecords } from './port.ts'

const COLUMNS = `incident, row_no AS "row", instance, kind, at, actor, body, texts_sha256 AS textsSha256, before_sha256 AS "before",
  sealed, signing_key AS "key", signature`

/** `signal_row` holds signals, of the same shape. */
export function incidentRecords(
  database: DatabaseSync,
  transact: <Result>(act: () => Result) => Result,
  table: 'incident_row' | 'signal_row' = 'incident_row',
): IncidentRecords {
  const all = database.prepare(`SELECT ${COLUMNS} FROM ${table} ORDER BY incident, row_no`)
  const one = database.prepare(`SELECT ${COLUMNS} FROM ${table} WHERE incident = ? ORDER BY row_no`)
  const last = database.prepare(`SELECT max(row_no) AS last FROM ${table} WHERE incident = ?`)
  const heads = database.prepare(`SELECT incident, max(row_no) AS "row" FROM ${table} GROUP BY incident ORDER BY incident`)
  const insert = database.prepare(
    `INSERT INTO ${table} (incident, row_no, instance, kind, at, actor, body, texts_sha256, before_sha256, sealed, signing_key, signature)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  return {
    incidentRows: (incident) => (incident === undefined ? all.all() : one.all(incident)) as unknown as IncidentRow[],
    incidentHeads: () => heads.all().map((head) => ({ incident: Number(head.incident), row: Number(head.row) })),
    addIncidentRow: (row) =>
      transact(() => {
        const before = Number((last.get(row.incident) as { last: number | null }).last ?? 0)
        if (row.row !== before + 1) throw new BulkheadError('incident_changed', `incident ${row.incident} has ${before} rows by now`)
        const { instance, incident, kind, at, actor, body, textsSha256, before: former, sealed, key, signature } = row
        insert.run(incident, row.row, instance, kind, at, actor, body, textsSha256, former, sealed, key, signature)
      }),
  }
}

/**
 * Records in SQLite (WAL, `synchronous=FULL`): a write has reached the disk when its call returns. The port is
 * synchronous because a flow is read between two batches of a forwarder, so these are plain prepared statements; a query
 * builder whose every call is a promise would put an await into that path and buys nothing for six statements.
 */
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { canonicalJson } from '#base/canonical-json.ts'
import { BulkheadError } from '#base/errors.ts'
import { isDamaged, syncDatabase } from '#base/files.ts'
import type { Room } from '#base/reserve.ts'
import type { Policy, PolicyVersion } from '#model/policy.ts'
import type { PolicySeal } from '#model/policy-statement.ts'
import { incidentRecords } from './incident-rows.ts'
import { evidenceRecords } from './evidence-records.ts'
import { readingBaselines, writingBaselines } from './baselines.ts'
import { LEAVING_STEP, readLeaving, writeLeaving } from './leaving-records.ts'
import { noticeRecords } from './notice-rows.ts'
import { formatOf, migrate, RECORDS_FORMAT, recordsFormat, refuseNewer } from './migrations.ts'
import { approvalRows, operatorRows } from './operator-rows.ts'
import type { Records, RecordsReader, VendorFlow } from './port.ts'

/** Two processes meet here only for a moment (a cut from the command line while `staff` restarts). */
const BUSY_MS = 5000

const FLOW_COLUMNS = 'vendor, state, fence, changed_at AS changedAt, actor, reason'

/**
 * Opens the records for their one writer; makes and migrates them. `room` finds space for what is written while the disk
 * is full: a cut above all. Throws `data_format_newer`, `disk_full`.
 */
export function openRecords(options: { path: string; room?: Room }): Records {
  const { room = (write) => write() } = options
  return room(() => {
    const database = new DatabaseSync(options.path, { timeout: BUSY_MS })
    try {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      migrate(database)
      syncDatabase(options.path)
      return { ...reading(database), ...writing(database, room) }
    } catch (thrown) {
      database.close()
      if (isDamaged(thrown)) throw new BulkheadError('records_corrupt', `${options.path} is damaged`, { cause: thrown })
      throw thrown
    }
  })
}

/** Opens records that exist, without the right to change them. Sees each commit of the writer at its next call. */
export function openRecordsReader(options: { path: string }): RecordsReader {
  if (!existsSync(options.path)) throw new BulkheadError('not_running', 'there are no records yet')
  const database = new DatabaseSync(options.path, { readOnly: true, timeout: BUSY_MS })
  try {
    const found = recordsFormat(database)
    refuseNewer(found)
    // An older one is read as far as it goes: a cut with nothing running must not wait for the first start of a newer program.
    if (found === 0) throw new BulkheadError('not_running', 'the records are empty and wait for their writer')
    return reading(database, found)
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

const SIGNED_SINCE = 2

function reading(database: DatabaseSync, format = RECORDS_FORMAT): RecordsReader {
  const currentPolicy = database.prepare('SELECT version, applied_at, policy FROM policy_version ORDER BY version DESC LIMIT 1')
  const policy = database.prepare('SELECT version, applied_at, policy FROM policy_version WHERE version = ?')
  const isSigned = format >= SIGNED_SINCE
  const policySeal = isSigned ? database.prepare('SELECT seal FROM policy_version WHERE version = ?') : undefined
  const policyNumber = database.prepare('SELECT max(version) AS version FROM policy_version')
  const file = isSigned ? database.prepare('SELECT policy FROM policy_file') : undefined
  const flow = database.prepare(`SELECT ${FLOW_COLUMNS} FROM vendor_flow WHERE vendor = ? ORDER BY fence DESC LIMIT 1`)
  const flows = database.prepare(
    `SELECT ${FLOW_COLUMNS} FROM vendor_flow AS f
     WHERE fence = (SELECT max(fence) FROM vendor_flow AS g WHERE g.vendor = f.vendor) ORDER BY vendor`,
  )
  return {
    currentPolicy: () => decodePolicy(currentPolicy.get()),
    policy: (version) => decodePolicy(policy.get(version)),
    policyNumber: () => Number((policyNumber.get() as { version: number | null }).version ?? 0),
    policySeal: (version) => {
      const text = (policySeal?.get(version) as { seal: string | null } | undefined)?.seal
      return typeof text === 'string' ? (JSON.parse(text) as PolicySeal) : undefined
    },
    filePolicy: () => {
      const row = file?.get() as { policy: string } | undefined
      return row === undefined ? undefined : (JSON.parse(row.policy) as Policy)
    },
    flow: (vendor) => (flow.get(vendor) as VendorFlow | undefined) ?? openFlow(vendor),
    flows: () => flows.all() as unknown as VendorFlow[],
    ...readLeaving(database, format >= formatOf(LEAVING_STEP)),
    close: () => database.close(),
  }
}

function writing(database: DatabaseSync, room: Room): Omit<Records, keyof RecordsReader> {
  const reader = reading(database)
  const insertPolicy = database.prepare('INSERT INTO policy_version (version, applied_at, policy, seal) VALUES (?, ?, ?, ?)')
  const insertFile = database.prepare(
    'INSERT INTO policy_file (id, policy) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET policy = excluded.policy',
  )
  const insertFlow = database.prepare('INSERT INTO vendor_flow (vendor, fence, state, changed_at, actor, reason) VALUES (?, ?, ?, ?, ?, ?)')
  const history = database.prepare(`SELECT ${FLOW_COLUMNS} FROM vendor_flow WHERE vendor = ? ORDER BY fence`)
  const transact = <Result>(act: () => Result): Result => room(() => inTransaction(database, act))
  const change = (vendor: string, state: VendorFlow['state'], by: { at: number; actor: string; reason: string }): VendorFlow =>
    transact(() => {
      const before = reader.flow(vendor)
      if (state === 'open' && before.state === 'retired') throw new BulkheadError('vendor_retired', `${vendor} was left for good`)
      if (state === 'open' && before.state === 'open') throw new BulkheadError('vendor_not_cut', `the flow to ${vendor} is not cut`)
      const kept = before.state === 'retired' ? before.state : state
      const next: VendorFlow = { vendor, state: kept, fence: before.fence + 1, changedAt: by.at, actor: by.actor, reason: by.reason }
      insertFlow.run(vendor, next.fence, kept, by.at, by.actor, by.reason)
      return next
    })
  return {
    ...incidentRecords(database, transact),
    signals: incidentRecords(database, transact, 'signal_row'),
    operators: operatorRows(database, transact),
    approvals: approvalRows(database, transact),
    ...readingBaselines(database),
    ...writingBaselines(database, transact),
    applyPolicy: (next, at) =>
      transact(() => {
        const current = reader.currentPolicy()
        if (current !== undefined && canonicalJson(current.policy) === canonicalJson(next)) return current
        const version = (current?.version ?? 0) + 1
        insertPolicy.run(version, at, canonicalJson(next), null)
        return { version, appliedAt: at, policy: next }
      }),
    recordPolicy: ({ policy, seal, file }) =>
      transact(() => {
        const { version, appliedAt } = seal.statement
        if (version !== reader.policyNumber() + 1) throw new BulkheadError('policy_changed', `another policy became version ${version}`)
        insertPolicy.run(version, appliedAt, canonicalJson(policy), canonicalJson(seal))
        if (file !== undefined) insertFile.run(canonicalJson(file))
        return { version, appliedAt, policy }
      }),
    recordFilePolicy: (policy) => transact(() => void insertFile.run(canonicalJson(policy))),
    // Cutting a vendor that is cut already raises the fence again: whoever asks wants to be sure of it now.
    cut: (vendor, by) => change(vendor, 'cut', by),
    restore: (vendor, by) => change(vendor, 'open', by),
    retire: (vendor, by) => change(vendor, 'retired', by),
    ...writeLeaving(database, transact),
    adopt: (flow) =>
      inTransaction(database, () => {
        if (flow.fence <= reader.flow(flow.vendor).fence) return false
        insertFlow.run(flow.vendor, flow.fence, flow.state, flow.changedAt, flow.actor, flow.reason)
        return true
      }),
    history: (vendor) => history.all(vendor) as unknown as VendorFlow[],
    ...evidenceRecords(database, transact),
    ...noticeRecords(database, transact),
  }
}

function inTransaction<Result>(database: DatabaseSync, act: () => Result): Result {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = act()
    database.exec('COMMIT')
    return result
  } catch (thrown) {
    // A full disk may have ended the transaction already.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw thrown
  }
}

function openFlow(vendor: string): VendorFlow {
  return { vendor, state: 'open', fence: 0, changedAt: 0, actor: '', reason: '' }
}

function decodePolicy(row: unknown): PolicyVersion | undefined {
  if (row === undefined) return undefined
  const { version, applied_at: appliedAt, policy } = row as { version: number; applied_at: number; policy: string }
  return { version, appliedAt, policy: JSON.parse(policy) as Policy }
}

/**
 * `vault.db`: who is who, with every value from outside sealed or as a keyed hash. Only numbers, times and flags stand
 * plain, so a copy of this file without the key folder says nothing about anyone.
 */
import { existsSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { BulkheadError } from '#base/errors.ts'
import { isDamaged } from '#base/files.ts'
import { TRUSTS, type Trust } from '#model/field.ts'
import { checkpoint, copyDatabase, openDatabase, transact } from './database.ts'
import { NOTICE_TABLES, NoticeRows } from './notice-rows.ts'

/** 2: with residences, which an earlier program would leave behind when somebody is erased. */
export const ROWS_FORMAT = 2
export const ROLE_BITS = { user: 1, device: 2, group: 4 } as const
export const EDGE_CODES = { device: 1, merge: 2 } as const

const SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE identifiers (ordinal INTEGER PRIMARY KEY, scope INTEGER NOT NULL, version INTEGER NOT NULL, hash BLOB NOT NULL,
    roles INTEGER NOT NULL, sealed BLOB NOT NULL);
  CREATE UNIQUE INDEX identifiers_hash ON identifiers (scope, hash);
  CREATE TABLE facts (ordinal INTEGER NOT NULL, field TEXT NOT NULL, trust INTEGER NOT NULL, at INTEGER NOT NULL, sealed BLOB NOT NULL,
    lookup BLOB, PRIMARY KEY (ordinal, field, trust)) WITHOUT ROWID;
  CREATE INDEX facts_lookup ON facts (lookup) WHERE lookup IS NOT NULL;
  CREATE TABLE edges (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, source INTEGER NOT NULL, target INTEGER NOT NULL, at INTEGER NOT NULL,
    trust INTEGER NOT NULL);
  CREATE UNIQUE INDEX edges_once ON edges (kind, source, target, at);
  CREATE INDEX edges_target ON edges (kind, target);
  CREATE TABLE memberships (id INTEGER PRIMARY KEY, person INTEGER NOT NULL, target INTEGER NOT NULL, trust INTEGER NOT NULL,
    admin INTEGER NOT NULL, since INTEGER NOT NULL);
  CREATE UNIQUE INDEX memberships_once ON memberships (person, target, trust);`

/** Came later than the rest, so a file made before gets it when it is opened. `tag` is a keyed hash. */
const NEWCOMERS = `CREATE TABLE IF NOT EXISTS newcomers (tag BLOB PRIMARY KEY, source TEXT, paid_at REAL NOT NULL) WITHOUT ROWID`

/**
 * What is left of an erased person, numbers alone: under which number the person's other identifiers counted, and when they
 * signed in on a device. Without it what others are told of the device, and how many people a report counts, would change.
 */
const TOMBSTONES = `CREATE TABLE IF NOT EXISTS tombstones (kind INTEGER NOT NULL, source INTEGER NOT NULL, person INTEGER NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY (kind, source, person, at)) WITHOUT ROWID`

/** Came later too. `block` is sealed (residence.ts). */
const RESIDENCES = 'CREATE TABLE IF NOT EXISTS residences (ordinal INTEGER PRIMARY KEY, block BLOB NOT NULL)'

export interface IdentifierRow {
  ordinal: number
  scope: number
  version: number
  hash: Buffer
  roles: number
  sealed: Uint8Array
}

export interface FactRow {
  ordinal: number
  field: string
  trust: Trust
  at: number
  sealed: Uint8Array
}

export interface EdgeRow {
  id: number
  kind: number
  source: number
  target: number
  at: number
}

export interface EdgeRowWithRoles extends EdgeRow {
  sourceRoles: number
  targetRoles: number
}

export interface MembershipRow {
  id: number
  person: number
  target: number
  /** Rank of who said so. */
  trust: number
  admin: boolean
}

/** Rows that one read of a long table takes before others get their turn. */
export const CHUNK_ROWS = 20_000

/** Opens the rows of an instance; makes the file only for keys that no rows were ever made with. */
export function openRows(options: { file: string; instance: string; keysBatch: number }): Rows {
  const { file, instance, keysBatch } = options
  if (!existsSync(file) && keysBatch > 0) {
    throw new BulkheadError('key_wrong', `the key folder knows people, but ${file} is not there`, {
      hint: 'Restore the data folder that belongs to these keys, or name the right one with --data.',
    })
  }
  const db = openWhole(file)
  try {
    if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get() === undefined) {
      if (keysBatch > 0) throw new BulkheadError('vault_corrupt', `the key folder knows people, but ${file} is empty`)
      transact(db, () => {
        db.exec(SCHEMA)
        db.prepare("INSERT INTO meta (name, value) VALUES ('format', ?), ('instance', ?), ('batch', 0), ('people', 0)").run(
          ROWS_FORMAT,
          instance,
        )
      })
    }
    const rows = new Rows(db)
    const format = rows.meta('format') as number
    if (format > ROWS_FORMAT)
      throw new BulkheadError('data_format_newer', `${file} has format ${format}, this program knows up to ${ROWS_FORMAT}`)
    if (rows.meta('instance') !== instance) throw new BulkheadError('key_wrong', `${file} belongs to another instance than the keys`)
    db.exec(`${NEWCOMERS}; ${TOMBSTONES}; ${RESIDENCES}; ${NOTICE_TABLES}`)
    if (format < ROWS_FORMAT) rows.setMeta('format', ROWS_FORMAT)
    if (rows.batch > keysBatch) throw new BulkheadError('key_wrong', `the key store is an older copy than ${file}`)
    return rows
  } catch (thrown) {
    db.close()
    if (isDamaged(thrown)) throw new BulkheadError('vault_corrupt', `${file} is damaged`, { cause: thrown })
    throw thrown
  }
}

function openWhole(file: string): DatabaseSync {
  try {
    return openDatabase(file)
  } catch (thrown) {
    if (isDamaged(thrown)) throw new BulkheadError('vault_corrupt', `${file} is damaged`, { cause: thrown })
    throw thrown
  }
}

export class Rows {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly notices: NoticeRows

  constructor(db: DatabaseSync) {
    this.#db = db
    this.notices = new NoticeRows(db)
  }

  transact<Result>(write: () => Result): Result {
    return transact(this.#db, write)
  }

  meta(name: string): unknown {
    return this.#run('SELECT value FROM meta WHERE name = ?').get(name)?.value
  }

  setMeta(name: string, value: number): void {
    this.#run('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value').run(name, value)
  }

  get batch(): number {
    return this.meta('batch') as number
  }

  get ordinalHigh(): number {
    return (this.#run('SELECT max(ordinal) AS high FROM identifiers').get()?.high as number | null) ?? 0
  }

  // ------------------------------------------------------------------------------------------- identifiers

  findIdentifier(scope: number, hash: Uint8Array): { ordinal: number; roles: number } | undefined {
    const row = this.#run('SELECT ordinal, roles FROM identifiers WHERE scope = ? AND hash = ?').get(scope, hash)
    return row as { ordinal: number; roles: number } | undefined
  }

  identifier(ordinal: number): { scope: number; roles: number; sealed: Uint8Array } | undefined {
    const row = this.#run('SELECT scope, roles, sealed FROM identifiers WHERE ordinal = ?').get(ordinal)
    return row as { scope: number; roles: number; sealed: Uint8Array } | undefined
  }

  addIdentifier(row: IdentifierRow): void {
    this.#run('INSERT INTO identifiers (ordinal, scope, version, hash, roles, sealed) VALUES (?, ?, ?, ?, ?, ?)').run(
      row.ordinal,
      row.scope,
      row.version,
      row.hash,
      row.roles,
      row.sealed,
    )
  }

  setRoles(ordinal: number, roles: number): void {
    this.#run('UPDATE identifiers SET roles = ? WHERE ordinal = ?').run(roles, ordinal)
  }

  // --------------------------------------------------------------------------------------------- newcomers

  newcomers(): { tag: Uint8Array; source: string | null; paidAt: number }[] {
    const rows = this.#run('SELECT tag, source, paid_at AS paidAt FROM newcomers').all()
    return rows as unknown as { tag: Uint8Array; source: string | null; paidAt: number }[]
  }

  putNewcomers(tag: Uint8Array, source: string | null, paidAt: number): void {
    this.#run(
      'INSERT INTO newcomers (tag, source, paid_at) VALUES (?, ?, ?) ON CONFLICT (tag) DO UPDATE SET paid_at = excluded.paid_at',
    ).run(tag, source, paidAt)
  }

  dropNewcomers(tag: Uint8Array): void {
    this.#run('DELETE FROM newcomers WHERE tag = ?').run(tag)
  }

  // ------------------------------------------------------------------------------------------------- facts

  /** A newer fact replaces an older one of the same trust; a late retry, or `once` when there is one, changes nothing. */
  putFact(fact: FactRow & { lookup: Uint8Array | null; once: boolean }): boolean {
    const conflict = fact.once
      ? 'DO NOTHING'
      : 'DO UPDATE SET at = excluded.at, sealed = excluded.sealed, lookup = excluded.lookup WHERE excluded.at >= facts.at'
    const statement = this.#run(
      `INSERT INTO facts (ordinal, field, trust, at, sealed, lookup) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (ordinal, field, trust) ${conflict}`,
    )
    return statement.run(fact.ordinal, fact.field, TRUSTS.indexOf(fact.trust), fact.at, fact.sealed, fact.lookup).changes === 1
  }

  /** The same value was said again, later. */
  touchFact(ordinal: number, field: string, trust: Trust, at: number): void {
    this.#run('UPDATE facts SET at = ? WHERE ordinal = ? AND field = ? AND trust = ? AND at < ?').run(
      at,
      ordinal,
      field,
      TRUSTS.indexOf(trust),
      at,
    )
  }

  /** Every stored fact of an identifier, the most trusted first. */
  facts(ordinal: number): FactRow[] {
    const rows = this.#run('SELECT ordinal, field, trust, at, sealed FROM facts WHERE ordinal = ? ORDER BY trust DESC, field').all(ordinal)
    return rows.map((row) => ({ ...row, trust: TRUSTS[row.trust as number] })) as unknown as FactRow[]
  }

  /** Identifiers whose best fact of that field has this keyed hash: a weaker origin does not count where a stronger spoke. */
  findByFact(field: string, lookup: Uint8Array): { ordinal: number; at: number; rank: number }[] {
    const rows = this.#run(
      `SELECT ordinal, at, trust AS rank FROM facts f WHERE lookup = ? AND field = ? AND NOT EXISTS
        (SELECT 1 FROM facts better WHERE better.ordinal = f.ordinal AND better.field = f.field AND better.trust > f.trust)
        ORDER BY trust DESC, ordinal`,
    ).all(lookup, field)
    return rows as unknown as { ordinal: number; at: number; rank: number }[]
  }

  // --------------------------------------------------------------------------------- edges and memberships

  addEdge(kind: number, source: number, target: number, at: number, trust: Trust): boolean {
    const statement = this.#run(
      `INSERT INTO edges (kind, source, target, at, trust) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (kind, source, target, at) DO UPDATE SET trust = excluded.trust WHERE excluded.trust > edges.trust`,
    )
    return statement.run(kind, source, target, at, TRUSTS.indexOf(trust)).changes === 1
  }

  edgesFrom(kind: number, source: number): EdgeRow[] {
    const rows = this.#run('SELECT id, kind, source, target, at FROM edges WHERE kind = ? AND source = ? ORDER BY at, id').all(kind, source)
    return rows as unknown as EdgeRow[]
  }

  edgesTo(kind: number, target: number): EdgeRow[] {
    return this.#run('SELECT id, kind, source, target, at FROM edges WHERE kind = ? AND target = ?').all(
      kind,
      target,
    ) as unknown as EdgeRow[]
  }

  edgesAfter(id: number): EdgeRowWithRoles[] {
    const rows = this.#run(
      `SELECT e.id, e.kind, e.source, e.target, e.at, s.roles AS sourceRoles, t.roles AS targetRoles
        FROM edges e JOIN identifiers s ON s.ordinal = e.source JOIN identifiers t ON t.ordinal = e.target
        WHERE e.id > ? ORDER BY e.id LIMIT ${CHUNK_ROWS}`,
    ).all(id)
    return rows as unknown as EdgeRowWithRoles[]
  }

  /** Number of its row. */
  putMembership({ person, target, trust, admin, since }: Omit<MembershipRow, 'id'> & { since: number }): number {
    const row = this.#run(
      `INSERT INTO memberships (person, target, trust, admin, since) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (person, target, trust) DO UPDATE SET admin = excluded.admin, since = min(since, excluded.since) RETURNING id`,
    ).get(person, target, trust, admin ? 1 : 0, since)
    return row?.id as number
  }

  membershipsAfter(id: number): MembershipRow[] {
    const sql = `SELECT id, person, target, trust, admin FROM memberships WHERE id > ? ORDER BY id LIMIT ${CHUNK_ROWS}`
    return this.#run(sql)
      .all(id)
      .map((row) => ({ ...row, admin: row.admin === 1 })) as unknown as MembershipRow[]
  }

  // -------------------------------------------------------------------------------------------- residences

  putResidence(ordinal: number, block: Uint8Array): void {
    this.#run('INSERT INTO residences (ordinal, block) VALUES (?, ?) ON CONFLICT (ordinal) DO UPDATE SET block = excluded.block').run(
      ordinal,
      block,
    )
  }

  residence(ordinal: number): Uint8Array | undefined {
    return this.#run('SELECT block FROM residences WHERE ordinal = ?').get(ordinal)?.block as Uint8Array | undefined
  }

  residencesAfter(ordinal: number): { ordinal: number; block: Uint8Array }[] {
    const sql = `SELECT ordinal, block FROM residences WHERE ordinal > ? ORDER BY ordinal LIMIT ${CHUNK_ROWS}`
    return this.#run(sql).all(ordinal) as unknown as { ordinal: number; block: Uint8Array }[]
  }

  /** Identifiers above `ordinal` of which somebody other than a browser said that field, ascending. */
  trustedAfter(field: string, ordinal: number): number[] {
    const sql = `SELECT DISTINCT ordinal FROM facts WHERE ordinal > ? AND field = ? AND trust > 0 ORDER BY ordinal LIMIT ${CHUNK_ROWS}`
    return this.#run(sql)
      .all(ordinal, field)
      .map((row) => row.ordinal as number)
  }

  /** Ordinals above `after`, ascending. */
  ordinalsAfter(after: number): number[] {
    const rows = this.#run(`SELECT ordinal FROM identifiers WHERE ordinal > ? ORDER BY ordinal LIMIT ${CHUNK_ROWS}`).all(after)
    return rows.map((row) => row.ordinal as number)
  }

  highestScope(): number {
    return (this.#run('SELECT max(scope) AS scope FROM identifiers').get()?.scope as number | null) ?? 0
  }

  // ---------------------------------------------------------------------------------------------- erasures

  bury(kind: number, source: number, person: number, at: number): void {
    this.#run('INSERT OR IGNORE INTO tombstones (kind, source, person, at) VALUES (?, ?, ?, ?)').run(kind, source, person, at)
  }

  /** As edges from an identifier to the number of an erased person; of one kind and source, or all. */
  tombstones(kind?: number, source?: number): EdgeRow[] {
    const columns = 'SELECT 0 AS id, kind, source, person AS target, at FROM tombstones'
    const rows =
      kind === undefined || source === undefined
        ? this.#run(`${columns} ORDER BY at`).all()
        : this.#run(`${columns} WHERE kind = ? AND source = ? ORDER BY at`).all(kind, source)
    return rows as unknown as EdgeRow[]
  }

  /** Lookup hashes of all facts of an identifier, with their fields. */
  lookups(ordinal: number): { field: string; lookup: Uint8Array }[] {
    const rows = this.#run('SELECT DISTINCT field, lookup FROM facts WHERE ordinal = ? AND lookup IS NOT NULL').all(ordinal)
    return rows as unknown as { field: string; lookup: Uint8Array }[]
  }

  hashOf(ordinal: number): { scope: number; hash: Uint8Array } | undefined {
    return this.#run('SELECT scope, hash FROM identifiers WHERE ordinal = ?').get(ordinal) as never
  }

  /** Everything about these identifiers; returns how many of them there were. Within a transaction of the caller's. */
  remove(ordinals: readonly number[]): number {
    let removed = 0
    for (const ordinal of ordinals) {
      const role = this.#run('SELECT roles FROM identifiers WHERE ordinal = ?').get(ordinal)
      if (role === undefined) continue
      removed += 1
      this.#run('DELETE FROM identifiers WHERE ordinal = ?').run(ordinal)
      this.#run('DELETE FROM facts WHERE ordinal = ?').run(ordinal)
      this.#run('DELETE FROM residences WHERE ordinal = ?').run(ordinal)
      this.#run('DELETE FROM edges WHERE source = ? OR target = ?').run(ordinal, ordinal)
      this.#run('DELETE FROM memberships WHERE person = ? OR target = ?').run(ordinal, ordinal)
      if (((role.roles as number) & ROLE_BITS.user) !== 0) this.setMeta('people', (this.meta('people') as number) - 1)
    }
    return removed
  }

  /** Leaves nothing of what was removed in the file or its journal. */
  checkpoint(): void {
    checkpoint(this.#db)
  }

  copyTo(file: string): Promise<void> {
    return copyDatabase(this.#db, file)
  }

  close(): void {
    this.#statements.clear()
    checkpoint(this.#db)
    this.#db.close()
  }

  #run(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

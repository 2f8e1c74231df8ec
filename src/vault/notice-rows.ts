/**
 * What `vault.db` holds of notices. Rows lie in the order of keyed hashes and name no person, so nothing of them goes with
 * an erasure and nothing in them says who was written to. Added later than the rest: made when a file of before is opened.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { trustRank } from '#model/field.ts'
import type { NoticeAlert, NoticeVersion } from './notice-port.ts'

export const NOTICE_TABLES = `
  CREATE TABLE IF NOT EXISTS notice_versions (id INTEGER PRIMARY KEY, version_id TEXT NOT NULL UNIQUE, incident INTEGER NOT NULL,
    version INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS notice_sheets (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, shape TEXT NOT NULL, language TEXT NOT NULL,
    marks BLOB NOT NULL, subject BLOB, UNIQUE (version, shape, language));
  CREATE TABLE IF NOT EXISTS notices (code BLOB PRIMARY KEY, fits BLOB NOT NULL, sheet INTEGER NOT NULL, day INTEGER NOT NULL,
    places BLOB NOT NULL, marks BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS notice_uses (code BLOB NOT NULL, network BLOB NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (code, network)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS notice_alerts (code BLOB PRIMARY KEY, incident INTEGER NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
    networks INTEGER NOT NULL) WITHOUT ROWID`

export interface NoticeRow {
  fits: Uint8Array
  day: number
  places: Uint8Array
  marks: Uint8Array
  shape: string
  language: string
  common: Uint8Array
  subject: Uint8Array | null
  versionId: string
  incident: number
  version: number
}

export interface UseRow {
  code: Uint8Array
  network: Uint8Array
  at: number
}

export class NoticeRows {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  addVersion({ versionId, incident, version }: NoticeVersion): number {
    this.#run('INSERT INTO notice_versions (version_id, incident, version) VALUES (?, ?, ?) ON CONFLICT (version_id) DO NOTHING').run(
      versionId,
      incident,
      version,
    )
    return this.versionNumber(versionId) as number
  }

  versionNumber(versionId: string): number | undefined {
    return this.#run('SELECT id FROM notice_versions WHERE version_id = ?').get(versionId)?.id as number | undefined
  }

  putSheet(version: number, shape: string, language: string, marks: Uint8Array, subject: Uint8Array | null): void {
    this.#run(
      `INSERT INTO notice_sheets (version, shape, language, marks, subject) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (version, shape, language) DO UPDATE SET marks = excluded.marks, subject = excluded.subject`,
    ).run(version, shape, language, marks, subject)
  }

  sheet(version: number, shape: string, language: string): number | undefined {
    const row = this.#run('SELECT id FROM notice_sheets WHERE version = ? AND shape = ? AND language = ?').get(version, shape, language)
    return row?.id as number | undefined
  }

  putNotice(row: { code: Uint8Array; fits: Uint8Array; sheet: number; day: number; places: Uint8Array; marks: Uint8Array }): void {
    this.#run('INSERT OR REPLACE INTO notices (code, fits, sheet, day, places, marks) VALUES (?, ?, ?, ?, ?, ?)').run(
      row.code,
      row.fits,
      row.sheet,
      row.day,
      row.places,
      row.marks,
    )
  }

  notice(code: Uint8Array): NoticeRow | undefined {
    const row = this.#run(
      `SELECT n.fits, n.day, n.places, n.marks, s.shape, s.language, s.marks AS common, s.subject, v.version_id AS versionId, v.incident, v.version
        FROM notices n JOIN notice_sheets s ON s.id = n.sheet JOIN notice_versions v ON v.id = s.version WHERE n.code = ?`,
    ).get(code)
    return row as unknown as NoticeRow | undefined
  }

  // ------------------------------------------------------------------------------------------------ uses of codes

  usesSince(at: number): UseRow[] {
    return this.#run('SELECT code, network, at FROM notice_uses WHERE at > ?').all(at) as unknown as UseRow[]
  }

  putUse({ code, network, at }: UseRow): void {
    this.#run('INSERT OR REPLACE INTO notice_uses (code, network, at) VALUES (?, ?, ?)').run(code, network, at)
  }

  dropUses(until: number): void {
    this.#run('DELETE FROM notice_uses WHERE at <= ?').run(until)
  }

  /** Once for a code: a second one changes nothing. */
  putAlert(code: Uint8Array, { incident, version, at, networks }: NoticeAlert): void {
    this.#run('INSERT OR IGNORE INTO notice_alerts (code, incident, version, at, networks) VALUES (?, ?, ?, ?, ?)').run(
      code,
      incident,
      version,
      at,
      networks,
    )
  }

  alerts(): NoticeAlert[] {
    return this.#run(
      'SELECT incident, version, at, networks FROM notice_alerts ORDER BY at, incident, version',
    ).all() as unknown as NoticeAlert[]
  }

  // ------------------------------------------------------------------------------------------------ the directory

  /** What a list of members asks: only the directory's word counts; undefined: nothing. */
  directoryMembership(person: number, group: number): 'administrator' | 'member' | undefined {
    const sql = 'SELECT admin FROM memberships WHERE person = ? AND target = ? AND trust = ?'
    const row = this.#run(sql).get(person, group, trustRank('directory'))
    if (row === undefined) return undefined
    return row.admin === 1 ? 'administrator' : 'member'
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

/** What is kept of sealed files beside the files themselves: whose they are, how long, and the hash of what they hold. */
import type { DatabaseSync } from 'node:sqlite'

/** `file`: as somebody put it there. The others are what a command received or made. */
export const EVIDENCE_KINDS = ['file', 'statement', 'leak', 'baseline', 'people', 'result'] as const
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number]

export interface EvidenceRow {
  /** UUID; the name of the sealed file. */
  id: string
  /** What it belongs to, `incident:3` or `vendor:acme`. */
  owner: string
  kind: EvidenceKind
  /** When it was whole and durable, UTC ms. */
  at: number
  actor: string
  /** Of the plain content. */
  bytes: number
  /** Of the plain content, hex. */
  sha256: string
  /** Since then nobody can read it; null while it can be read. */
  destroyedAt: number | null
}

export interface EvidenceRecords {
  addEvidence(row: Omit<EvidenceRow, 'destroyedAt'>): void
  evidence(id: string): EvidenceRow | undefined
  /** In the order in which they came. */
  evidenceOf(owner: string): EvidenceRow[]
  /** Of all that can be read. */
  evidenceIds(): string[]
  destroyEvidence(id: string, at: number): void
}

export const EVIDENCE_STEP = `CREATE TABLE evidence (
     id TEXT NOT NULL PRIMARY KEY,
     owner TEXT NOT NULL,
     kind TEXT NOT NULL,
     at BIGINT NOT NULL,
     actor TEXT NOT NULL,
     bytes BIGINT NOT NULL,
     sha256 TEXT NOT NULL,
     destroyed_at BIGINT
   );
   CREATE INDEX evidence_owner ON evidence (owner);`

const COLUMNS = 'id, owner, kind, at, actor, bytes, sha256, destroyed_at AS destroyedAt'

export function evidenceRecords(database: DatabaseSync, write: <Result>(act: () => Result) => Result): EvidenceRecords {
  const insert = database.prepare('INSERT INTO evidence (id, owner, kind, at, actor, bytes, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)')
  const one = database.prepare(`SELECT ${COLUMNS} FROM evidence WHERE id = ?`)
  const owned = database.prepare(`SELECT ${COLUMNS} FROM evidence WHERE owner = ? ORDER BY at, id`)
  const ids = database.prepare('SELECT id FROM evidence WHERE destroyed_at IS NULL ORDER BY id')
  const destroy = database.prepare('UPDATE evidence SET destroyed_at = ? WHERE id = ? AND destroyed_at IS NULL')
  return {
    addEvidence: ({ id, owner, kind, at, actor, bytes, sha256 }) => write(() => void insert.run(id, owner, kind, at, actor, bytes, sha256)),
    evidence: (id) => decode(one.get(id)),
    evidenceOf: (owner) => owned.all(owner).map((row) => decode(row) as EvidenceRow),
    evidenceIds: () => ids.all().map((row) => row.id as string),
    destroyEvidence: (id, at) => write(() => void destroy.run(at, id)),
  }
}

/** The driver's rows have no prototype. */
function decode(row: Record<string, unknown> | undefined): EvidenceRow | undefined {
  return row === undefined ? undefined : ({ ...row } as unknown as EvidenceRow)
}

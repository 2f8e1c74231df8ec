/**
 * Everything that is ever said of an incident is a row, and no row is ever changed: what was wrong is corrected by a later one. A
 * row's `body` holds numbers, instants, configured names and hashes; what people wrote (titles, reasons, names of files) stands
 * beside it, sealed. Rows of an incident make a chain, and the vault signs each: none can be changed, left out or slipped in
 * without a signature that does not fit.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { canonicalJson } from '#base/canonical-json.ts'

/** Stable names; a newer program's may be met in older answers, so readers pass over kinds that they do not know. */
export const INCIDENT_ROW_KINDS = [
  'opened',
  'held',
  'statement',
  'amendment',
  'counted',
  'times',
  'evidence',
  'match',
  'note',
  'signed-off',
  'reported',
  'closed',
  'released',
  'reopened',
  // Of clocks (clock.ts).
  'mark',
  'assessed',
  'done',
  'surveyed',
  'clocks',
  'clock-warned',
  'clocks-signed-off',
  // Of signals (signal.ts), in chains of their own.
  'signal',
  'triaged',
  'notice-proposed',
  'notice-begun',
  'notice-ended',
  'notice-settled',
] as const
export type IncidentRowKind = (typeof INCIDENT_ROW_KINDS)[number]

/** What is signed. */
export interface IncidentRowHead {
  instance: string
  incident: number
  /** From 1, without gaps in an incident. */
  row: number
  kind: IncidentRowKind
  /** UTC ms. */
  at: number
  actor: string
  /** Canonical JSON. */
  body: string
  /** SHA-256 of the sealed texts, hex; '' when there are none. */
  textsSha256: string
  /** Hash of the incident's row before, hex; '' for the first. */
  before: string
}

export interface IncidentRow extends IncidentRowHead {
  /** What people wrote, sealed by the vault, base64; null when there is nothing. */
  sealed: string | null
  /** Ed25519: the public key as SPKI and the signature, base64. */
  key: string
  signature: string
}

const LABEL = 'bulkhead/incident-row/v1'

/** The bytes that are signed. They begin with a label of their own, so that no other use of the key can collide. */
export function incidentRowBytes(head: IncidentRowHead): Buffer {
  const { instance, incident, row, kind, at, actor, body, textsSha256, before } = head
  return Buffer.from(`${LABEL}\n${canonicalJson({ instance, incident, row, kind, at, actor, body, textsSha256, before })}`)
}

export function incidentRowHash(head: IncidentRowHead): string {
  return createHash('sha256').update(incidentRowBytes(head)).digest('hex')
}

export function sealedHash(sealed: string | null): string {
  return sealed === null ? '' : createHash('sha256').update(Buffer.from(sealed, 'base64')).digest('hex')
}

/** Numbers of the rows that are not as the holder of `key` (SPKI, base64) signed them, or do not follow the one before. */
export function brokenRows(rows: readonly IncidentRow[], key: string | null): number[] {
  let before = ''
  return rows.flatMap((row, index) => {
    const follows = row.row === index + 1 && row.before === before && row.textsSha256 === sealedHash(row.sealed)
    before = incidentRowHash(row)
    return follows && isSigned(row, key) ? [] : [row.row]
  })
}

/** Whether the row by itself is not as the holder of `key` signed it. */
export function brokenSignature(row: IncidentRow, key: string | null): boolean {
  return row.textsSha256 !== sealedHash(row.sealed) || !isSigned(row, key)
}

function isSigned(row: IncidentRow, key: string | null): boolean {
  if (key === null || row.key !== key) return false
  const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' })
  return verify(null, incidentRowBytes(row), publicKey, Buffer.from(row.signature, 'base64'))
}

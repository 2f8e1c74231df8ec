/** Copies for backups, made by the one process that has the files open; and what is known of a data folder that a copy may lack. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import { syncFile, syncFolder } from '#base/files.ts'
import { type PolicySeal, type PolicyStatement, statementBytes } from '#model/policy-statement.ts'
import { ApprovalBook } from './approval-book.ts'
import { GapBook } from './gap-book.ts'
import { IncidentKeeping } from './incident-keeping.ts'
import type { KeyStore } from './key-store.ts'
import { LABELS } from './labels.ts'
import { removeUnreadable } from './erasures.ts'
import { checkLook, type Looks } from './looks.ts'
import type { Backups, BackupVault, Newest, PolicySigner, Remember, Remembering } from './port.ts'
import { Remembered } from './remembered.ts'
import type { Rows } from './rows.ts'
import { deriveKey } from './seal.ts'

/** Files of the key folder beside the store. */
const KEY_FILES = ['kek', 'operator'] as const

export class Keeping implements BackupVault, Remembering, PolicySigner {
  readonly #keys: KeyStore
  readonly #rows: Rows
  readonly #dataDir: string
  readonly #keysDir: string
  readonly #remembered: Remembered
  readonly #looks: Looks
  readonly #instance: string
  readonly #now: () => number
  readonly incidents: IncidentKeeping
  readonly approvals: ApprovalBook
  readonly gaps: GapBook

  constructor(parts: {
    keys: KeyStore
    rows: Rows
    looks: Looks
    instance: string
    dataDir: string
    keysDir: string
    now: () => number
  }) {
    this.#looks = parts.looks
    this.#instance = parts.instance
    this.#now = parts.now
    this.#keys = parts.keys
    this.#rows = parts.rows
    this.#dataDir = parts.dataDir
    this.#keysDir = parts.keysDir
    this.#remembered = new Remembered(parts.keys, parts.now)
    this.approvals = new ApprovalBook(parts)
    this.gaps = new GapBook(parts)
    this.incidents = new IncidentKeeping({
      ...parts,
      key: deriveKey(parts.keys.named('ledger'), LABELS.incident),
      sign: (bytes) => this.signLedger(bytes),
    })
  }

  async remember(part: Remember): Promise<void> {
    this.#remembered.remember(part)
  }

  replaceNewest(newest: Newest): void {
    this.#remembered.replace(newest)
  }

  async backupRows(dir: string): Promise<void> {
    await copyRows(this.#rows, this.#dataDir, dir)
  }

  async backupKeys(dir: string): Promise<void> {
    this.#remembered.write()
    await copyKeyFolder(this.#keys, this.#keysDir, dir)
  }

  async recordBackup(kind: keyof Backups, made: { at: number; dir: string }): Promise<void> {
    this.#remembered.recordBackup(kind, made)
  }

  /** For rows from a backup: removes all whose secret is gone, however that came. Throws `key_wrong` for keys that are too old. */
  removeUnreadable(): number {
    assertKeysKnow(this.#keys, this.#rows)
    return removeUnreadable(this.#keys, this.#rows)
  }

  /** Ed25519 over bytes that begin with a label of their own; makes the key at the first call. */
  signLedger(statement: Uint8Array): { signature: string; key: string } {
    return signLedger(this.#keys, statement)
  }

  async signPolicy(statement: Omit<PolicyStatement, 'instance'>): Promise<PolicySeal> {
    const { actor, origin, reason, version, approvedBy } = statement
    checkLook({ actor, action: origin, reason })
    this.#looks.append({
      at: this.#now(),
      actor,
      action: `policy ${origin}${approvedBy === undefined ? '' : `, approved by ${approvedBy}`}`,
      reason,
      counts: { version },
    })
    const whole = { ...statement, instance: this.#instance }
    return { statement: whole, ...this.signLedger(statementBytes(whole)) }
  }

  describe(): { newest: Newest; backups: Backups; ledgerKey: string | null; gapsAcknowledged: string[] } {
    const { newest } = this.#remembered
    const gapsAcknowledged = this.gaps.acknowledged
    return { newest, backups: this.#remembered.backups(), ledgerKey: ledgerKey(this.#keys), gapsAcknowledged }
  }

  close(): void {
    this.#remembered.write()
  }
}

async function copyRows(rows: Rows, dataDir: string, dir: string): Promise<void> {
  mkdirSync(path.join(dir, 'looks'), { recursive: true, mode: 0o700 })
  await rows.copyTo(path.join(dir, 'vault.db'))
  // Append only: a copy that ends within a line is cut back when it is opened, and the key store knows how many there were.
  const copy = path.join(dir, 'looks', 'looks.log')
  copyFileSync(path.join(dataDir, 'looks', 'looks.log'), copy)
  syncFile(copy)
  syncFolder(path.join(dir, 'looks'))
}

async function copyKeyFolder(keys: KeyStore, keysDir: string, dir: string): Promise<void> {
  mkdirSync(dir, { mode: 0o700 })
  await keys.copyTo(path.join(dir, 'keys.db'))
  for (const name of KEY_FILES) {
    if (!existsSync(path.join(keysDir, name))) continue
    copyFileSync(path.join(keysDir, name), path.join(dir, name))
    syncFile(path.join(dir, name))
  }
  syncFolder(dir)
}

/** Nobody may be taken for erased only because the keys are an older copy than the rows. */
function assertKeysKnow(keys: KeyStore, rows: Rows): void {
  const scopes = Math.max(0, ...keys.scopes().map((scope) => scope.id))
  if (rows.ordinalHigh <= keys.ordinalHigh && rows.highestScope() <= scopes) return
  throw new BulkheadError('key_wrong', 'the key store is older than the data: it lacks secrets of people whom the data names')
}

function signLedger(keys: KeyStore, statement: Uint8Array): { signature: string; key: string } {
  const key = keys.signingKey(true) as KeyObject
  return { signature: sign(null, statement, key).toString('base64'), key: publicText(key) }
}

function ledgerKey(keys: KeyStore): string | null {
  const key = keys.signingKey(false)
  return key === undefined ? null : publicText(key)
}

/** SPKI in base64. */
export function publicText(key: KeyObject): string {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64')
}

/**
 * `bulkhead backup`: a copy of the data folder that opens, whether something runs or not. Each store is copied as of one
 * moment; the order of the moments is chosen so that nothing in the copy points at what the copy lacks (docs/ARCHITECTURE.md,
 * "Backup and restore", goes through the pairs):
 *
 *   pin the log's folders → repeat hashes → tree → [loads held: warehouse and ledger] → log → waiting room → vault → records →
 *   sealed evidence
 *
 * The key folder is not part of it. It has backups of its own, of which none is kept longer than 30 days, since an erased
 * person is unreadable for good only when the last copy of their secret is gone.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { DAY_MS } from '#base/clock.ts'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import { makeFolderDurably, syncFolder } from '#base/files.ts'
import { openLedgerReader } from '#ledger/ledger-reader.ts'
import { openLogReader } from '#log/log-reader.ts'
import { KEY_BACKUP_DAYS } from '#vault/port.ts'
import { filesOfWarehouse } from '#warehouse/freeze.ts'
import { MANIFEST_FORMAT, MemberWriter, type Progress, readManifest, sealManifest } from './backup-manifest.ts'
import { copyTiles } from './backup-tiles.ts'
import { copyEvidence, copyLedger, copyRecords, copyRepeats, copyWaiting, PinnedLog } from './backup-stores.ts'
import { type Instance, tilesDir } from './instance.ts'

/** What only the owners of the open files can do; see `backup-owner.ts`. */
export interface BackupOwner {
  /** A running engine: only its frozen parts are whole. */
  isRunning: boolean
  freeze(): Promise<void>
  resume(): Promise<boolean>
  thaw(): Promise<void>
  rows(dir: string): Promise<void>
  keys(dir: string): Promise<void>
  record(kind: 'data' | 'keys', made: { at: number; dir: string }): Promise<void>
  /** With nothing running: log and ledger end where they end, which the key folder then knows for certain. */
  remember?(heads: { log: number; ledger: number }): Promise<void>
}

export interface BackupMade {
  entries: number
  logHead: number
  takenAt: number
  files: number
  bytes: number
}

/** Where the whole backup lies in its folder, and where one is being made. */
const WHOLE = 'data'
const MAKING = 'data.new'
const FORMER = 'data.old'

export async function backUp(options: {
  instance: Instance
  dir: string
  owner: BackupOwner
  version: string
  progress: Progress
  now: number
}): Promise<BackupMade> {
  const { instance, owner, version, progress, now } = options
  const dir = preparePlace(options.dir, instance)
  const making = path.join(dir, MAKING)
  rmSync(making, { recursive: true, force: true })
  mkdirSync(making, { mode: 0o700 })
  const pinned = new PinnedLog(instance.logDir)
  try {
    const writer = new MemberWriter(making, progress)
    await copyStores({ instance, owner, making, writer, pinned, progress })
    writer.write(readFileSync(path.join(instance.dataDir, 'FORMAT'), 'utf8'), 'FORMAT')
    const heads = await headsOf(making)
    progress('reading the copy again')
    const head = { format: MANIFEST_FORMAT, kind: 'data' as const, instance: instance.instanceId, takenAt: now, version }
    await sealManifest(making, { ...head, ...heads, members: writer.members })
    putInPlace(dir)
    await owner.remember?.(heads)
    await owner.record('data', { at: now, dir })
    return { entries: heads.ledger, logHead: heads.log, takenAt: now, files: writer.members.length, bytes: writer.bytes }
  } catch (thrown) {
    rmSync(making, { recursive: true, force: true })
    throw failed(thrown)
  } finally {
    pinned.close()
  }
}

async function copyStores(work: {
  instance: Instance
  owner: BackupOwner
  making: string
  writer: MemberWriter
  pinned: PinnedLog
  progress: Progress
}): Promise<void> {
  const { instance, owner, making, writer, pinned, progress } = work
  await copyRepeats(instance.logDir, path.join(making, 'log', 'dedup'))
  if (existsSync(path.join(making, 'log', 'dedup', 'data.mdb'))) await writer.found('log/dedup/data.mdb')
  progress('ledger and warehouse')
  copyTiles(writer, tilesDir(instance), 'ledger/tiles', progress)
  try {
    await owner.freeze()
    await copyLedger(instance.ledgerDir, path.join(making, 'ledger'), async () => {
      if (!(await owner.resume())) throw new BulkheadError('backup_failed', 'the ledger could not be read before loads went on')
    })
    if (existsSync(path.join(making, 'ledger', 'ledger.mdb'))) await writer.found('ledger/ledger.mdb')
    for (const [own, from] of filesOfWarehouse(instance.warehouseDir, owner.isRunning)) writer.take(from, `warehouse/${own}`)
  } finally {
    await owner.resume().catch(() => undefined)
    await owner.thaw().catch(() => undefined)
  }
  progress('log and waiting room')
  await pinned.copyTo(writer, making)
  copyWaiting(writer, instance.waitingDir)
  progress('vault and records')
  await owner.rows(making)
  await writer.found('vault.db')
  await writer.found('looks/looks.log')
  await copyRecords(instance.recordsPath, path.join(making, 'records.db'))
  if (existsSync(path.join(making, 'records.db'))) await writer.found('records.db')
  // After the records: what they name was whole before.
  copyEvidence(writer, instance.evidenceDir)
}

/** The copy's own, as it will be opened. Readers leave lock files, which are no part of a backup. */
async function headsOf(making: string): Promise<{ ledger: number; log: number }> {
  const ledger = openLedgerReader({ dir: path.join(making, 'ledger') })
  const log = openLogReader({ dir: path.join(making, 'log') })
  try {
    return { ledger: ledger.head(), log: log.head() }
  } finally {
    ledger.close()
    log.close()
    for (const file of readdirSync(making, { recursive: true, encoding: 'utf8' })) {
      if (/(^|\/)lock\.mdb$|\.mdb-lock$/.test(file)) rmSync(path.join(making, file))
    }
  }
}

/** The former backup stays whole until this one is. */
function putInPlace(dir: string): void {
  const [whole, making, former] = [path.join(dir, WHOLE), path.join(dir, MAKING), path.join(dir, FORMER)]
  rmSync(former, { recursive: true, force: true })
  if (existsSync(whole)) renameSync(whole, former)
  renameSync(making, whole)
  syncFolder(dir)
  rmSync(former, { recursive: true, force: true })
}

/** The backup in a folder: the newest whole one, also when a crash came in the middle of putting one in place. */
export function wholeBackupIn(dir: string): string {
  const found = [WHOLE, MAKING, FORMER].map((name) => path.join(dir, name)).find((place) => existsSync(path.join(place, 'MANIFEST.json')))
  if (found === undefined) throw new BulkheadError('backup_invalid', `${dir} holds no finished backup`)
  return found
}

// ----------------------------------------------------------------------------------------------------------- keys

const KEY_BACKUP = /^keys-(\d{8}T\d{6}Z)$/

/** A copy of the key folder beside earlier ones; those older than 30 days are removed. */
export async function backUpKeys(options: {
  instance: Instance
  dir: string
  dataBackup: string
  owner: BackupOwner
  version: string
  now: number
}): Promise<{ folder: string; removed: string[] }> {
  const { instance, owner, version, now } = options
  const dir = path.resolve(options.dir)
  for (const other of [options.dataBackup, instance.dataDir, instance.keysDir]) {
    if (isWithin(dir, other) || isWithin(other, dir)) {
      throw new BulkheadError('backup_place_wrong', `${dir} and ${path.resolve(other)} lie within each other: who takes one takes both`)
    }
  }
  makeFolderDurably(dir)
  const folderAt = (at: number): string => path.join(dir, `keys-${new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`)
  let named = now
  // Of two in one second the later is named for the next.
  while (existsSync(folderAt(named))) named += 1000
  const folder = folderAt(named)
  const making = `${folder}.new`
  try {
    for (const name of readdirSync(dir)) if (name.endsWith('.new')) rmSync(path.join(dir, name), { recursive: true, force: true })
    await owner.keys(making)
    const writer = new MemberWriter(making, () => undefined)
    for (const name of readdirSync(making).sort()) await writer.found(name)
    const head = { format: MANIFEST_FORMAT, kind: 'keys' as const, instance: instance.instanceId, takenAt: now, version, ledger: 0, log: 0 }
    await sealManifest(making, { ...head, members: writer.members })
    renameSync(making, folder)
    syncFolder(dir)
    await owner.record('keys', { at: now, dir: folder })
  } catch (thrown) {
    rmSync(making, { recursive: true, force: true })
    throw failed(thrown)
  }
  return { folder, removed: removeOldKeys(dir, now) }
}

function removeOldKeys(dir: string, now: number): string[] {
  const old = readdirSync(dir).filter((name) => {
    const match = KEY_BACKUP.exec(name)
    return match !== null && now - instantOf(match[1] as string) > KEY_BACKUP_DAYS * DAY_MS
  })
  for (const name of old) rmSync(path.join(dir, name), { recursive: true, force: true })
  if (old.length > 0) syncFolder(dir)
  return old.map((name) => path.join(dir, name))
}

function instantOf(text: string): number {
  return Date.parse(text.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

/** The newest backup of keys in a folder, or the folder itself when it is one. */
export async function newestKeys(dir: string): Promise<{ folder: string; takenAt: number; instance: string }> {
  const names = existsSync(dir) && statSync(dir).isDirectory() ? readdirSync(dir).filter((name) => KEY_BACKUP.test(name)) : []
  const newest = names.sort().at(-1)
  const folder = newest === undefined ? dir : path.join(dir, newest)
  const { takenAt, instance } = await readManifest(folder, 'keys')
  return { folder, takenAt, instance }
}

// ---------------------------------------------------------------------------------------------------------- places

export function isWithin(inner: string, outer: string): boolean {
  return `${path.resolve(inner)}${path.sep}`.startsWith(`${path.resolve(outer)}${path.sep}`)
}

/** Empty, absent, or ours. */
function preparePlace(given: string, instance: Instance): string {
  const dir = path.resolve(given)
  for (const other of [instance.dataDir, instance.keysDir]) {
    if (isWithin(dir, other) || isWithin(other, dir))
      throw new BulkheadError('backup_place_wrong', `${dir} and ${other} lie within each other`)
  }
  if (existsSync(dir) && !statSync(dir).isDirectory()) throw new BulkheadError('backup_place_wrong', `${dir} is a file, not a folder`)
  const strangers = (existsSync(dir) ? readdirSync(dir) : []).filter((name) => ![WHOLE, MAKING, FORMER, 'lost+found'].includes(name))
  if (strangers.length > 0) throw new BulkheadError('backup_place_wrong', `${dir} is not empty and is no earlier backup`)
  try {
    makeFolderDurably(dir)
  } catch (thrown) {
    throw new BulkheadError('backup_place_wrong', `${dir} cannot be made (${(thrown as NodeJS.ErrnoException).code ?? 'no reason given'})`)
  }
  return dir
}

/** What lies on the same disk is lost with it. */
export function sharedDisks(instance: Instance, dir: string, keysDir: string | undefined): string[] {
  const device = (place: string): number => statSync(place).dev
  const warnings: string[] = []
  if (device(dir) === device(instance.dataDir)) warnings.push(`${dir} lies on the file system of the data: one broken disk takes both`)
  if (keysDir !== undefined && device(keysDir) === device(dir)) {
    warnings.push(`${keysDir} lies on the file system of the backup: who takes the disk takes data and keys`)
  }
  return warnings
}

function failed(thrown: unknown): BulkheadError {
  const error = toBulkheadError(thrown)
  if (error.code !== 'internal') return error
  const code = (thrown as NodeJS.ErrnoException).code
  const why = code === 'ENOSPC' ? 'there is no space left' : (code ?? error.message)
  return new BulkheadError('backup_failed', `the backup was not finished: ${why}`, { cause: thrown })
}

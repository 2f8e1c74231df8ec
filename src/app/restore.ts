/**
 * `bulkhead restore`: data of any age with the newest keys. Everything is checked before anything is written, the new folder
 * gets its `FORMAT` last, so that half a restore is never started, and what the backup cannot know is put right before any
 * role starts: erasures that came later, cuts that came later, numbers that were given out later, and what is lost.
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import path from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { makeFolderDurably, syncFolder } from '#base/files.ts'
import type { SignedCheckpoint } from '#ledger/checkpoint.ts'
import { openLedgerReader } from '#ledger/ledger-reader.ts'
import { readTree, treeVerifiers } from '#ledger/tree-snapshot.ts'
import { appendGap, distrustUpTo, epochsUsed, ledgerHead } from '#ledger/restored-ledger.ts'
import { goOnAbove, lastOfLog } from '#log/restored-log.ts'
import type { Gap } from '#model/disclosure.ts'
import type { RememberedOperator } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import type { ApprovalMark } from '#vault/approval-port.ts'
import type { Newest } from '#vault/port.ts'
import { openVault, type Vault } from '#vault/vault.ts'
import { closeUnknown } from './approval-record.ts'
import { isWithin, newestKeys, wholeBackupIn } from './backup.ts'
import { foldersIn, type Manifest, MemberWriter, type Progress, readManifest } from './backup-manifest.ts'
import { type Instance, type InstanceLock, lockPlace, RESTORING, restoringInstance, tilesDir } from './instance.ts'
import { askOutside, type KnownOutside } from './restored-outside.ts'
import { keyWrapFor } from './key-service.ts'

const FORMAT = 'FORMAT'

export interface Restored {
  entries: number
  gap: Gap | undefined
  erasuresReplayed: number
  takenAt: number
  logFrom: number
  cut: string[]
  /** Versions of notices that were begun and go on only by somebody's word. */
  noticesStopped: number
  /** Proposals and approvals of which later steps are known, or that nobody made. */
  approvalsClosed: number
  keysDir: string
  /** What places outside know of how far the ledger had come. */
  outside: KnownOutside[]
}

export interface RestoreOptions {
  dir: string
  dataDir: string
  /** A folder with backups of keys, for when the key folder itself is lost. */
  keys: string | undefined
  /** Last ledger entry that is known from elsewhere: a checkpoint, a report. */
  ledgerHead: number | undefined
  env: NodeJS.ProcessEnv
  progress: Progress
}

export async function restore(options: RestoreOptions): Promise<Restored> {
  const { progress, env } = options
  const source = wholeBackupIn(path.resolve(options.dir))
  const target = path.resolve(options.dataDir)
  assertFree(target, options.dir)
  progress('checking the backup')
  const manifest = await readManifest(source, 'data')
  const made = !existsSync(target)
  makeFolderDurably(target)
  // What an earlier restore left that was killed.
  if (isUnfinished(target)) empty(target)
  let place: InstanceLock | undefined
  try {
    const instance = await layOut(source, target, manifest, { env, progress })
    // Whoever runs this instance has its keys open, and goes on writing what this restore would declare lost.
    place = lockPlace(instance)
    await provideKeys(options.keys, instance)
    progress('opening the copy')
    await assertEngineOpens(instance.warehouseDir)
    return await putRight(instance, manifest, {
      ledgerHead: options.ledgerHead,
      env,
      areKeysCopied: options.keys !== undefined,
      progress,
      finish: () => {
        for (const folder of foldersIn(target)) syncFolder(folder)
        renameSync(path.join(target, RESTORING), path.join(target, FORMAT))
        syncFolder(target)
      },
    })
  } catch (thrown) {
    empty(target)
    if (made) rmSync(target, { recursive: true, force: true })
    throw thrown
  } finally {
    place?.release()
  }
}

/** It has the name of the half restore's `FORMAT` and no other: nothing in it is anybody's. */
function isUnfinished(folder: string): boolean {
  return existsSync(path.join(folder, RESTORING)) && !existsSync(path.join(folder, FORMAT))
}

/** The mark of the half restore goes last: who is killed here begins again as well. */
function empty(folder: string): void {
  const names = readdirSync(folder).sort((a, b) => Number(a === RESTORING) - Number(b === RESTORING))
  for (const name of names) rmSync(path.join(folder, name), { recursive: true, force: true })
}

function assertFree(target: string, backup: string): void {
  const isTaken = existsSync(target) && (!statSync(target).isDirectory() || (readdirSync(target).length > 0 && !isUnfinished(target)))
  if (isTaken) {
    throw new BulkheadError('data_dir_foreign', `${target} is not empty: a restore goes into a folder of its own`)
  }
  if (isWithin(target, backup) || isWithin(path.resolve(backup), target)) {
    throw new BulkheadError('backup_place_wrong', `${target} and the backup lie within each other`)
  }
}

/** `FORMAT` comes first, under another name, which says until the end that this is half a restore. */
async function layOut(
  source: string,
  target: string,
  manifest: Manifest,
  { env, progress }: Pick<RestoreOptions, 'env' | 'progress'>,
): Promise<Instance> {
  const writer = new MemberWriter(target, progress)
  const members = [...manifest.members].sort((a, b) => Number(b.path === FORMAT) - Number(a.path === FORMAT))
  for (const { path: own } of members) {
    writer.take(path.join(source, own), own === FORMAT ? RESTORING : own)
    if (own === FORMAT) syncFolder(target)
  }
  for (const [index, member] of members.entries()) {
    const copied = writer.members[index]
    // Paired with the check of the backup: what was copied is what was checked.
    if (copied !== undefined && 'sha256' in member && (!('sha256' in copied) || copied.sha256 !== member.sha256)) {
      throw new BulkheadError('backup_invalid', `${member.path} changed while it was copied`)
    }
  }
  return restoringInstance(target, env)
}

/** The key folder that lives is always the newest. Copies of it count only when it is gone. */
async function provideKeys(keys: string | undefined, instance: Instance): Promise<void> {
  const { keysDir } = instance
  if (keys === undefined) return
  const backup = await newestKeys(path.resolve(keys))
  if (backup.instance !== instance.instanceId)
    throw new BulkheadError('key_wrong', `the keys in ${backup.folder} belong to another instance`)
  if (existsSync(path.join(keysDir, 'keys.db'))) {
    throw new BulkheadError('key_exists', `${keysDir} holds the keys of this instance, and they are newer than any copy`, {
      hint: 'Leave --keys out; the folder named above is used. Only when it is lost does a backup of it take its place.',
    })
  }
  const making = `${keysDir}.restoring`
  rmSync(making, { recursive: true, force: true })
  makeFolderDurably(making)
  const writer = new MemberWriter(making, () => undefined)
  const manifest = await readManifest(backup.folder, 'keys')
  for (const { path: own } of manifest.members) writer.take(path.join(backup.folder, own), own)
  rmSync(keysDir, { recursive: true, force: true })
  renameSync(making, keysDir)
  syncFolder(path.dirname(keysDir))
}

/** The engine in a process of its own, since it owns a folder for the life of a process. */
async function assertEngineOpens(warehouseDir: string): Promise<void> {
  if (!existsSync(warehouseDir)) return
  const probe = fileURLToPath(new URL('./warehouse-probe.ts', import.meta.url))
  const args = ['--disable-warning=ExperimentalWarning', probe, warehouseDir]
  await promisify(execFile)(process.execPath, args, { killSignal: 'SIGKILL' }).catch(() => {
    throw new BulkheadError('backup_invalid', 'the engine of the warehouse does not open the copy')
  })
}

interface Finish {
  /** They may be older than the data, and know less of who is an operator. */
  areKeysCopied: boolean
  finish: () => void
}

/** `finish` makes the folder one that starts. What the key folder knows is changed behind it: a restore that is repeated needs it. */
async function putRight(
  instance: Instance,
  manifest: Manifest,
  { ledgerHead, env, areKeysCopied, progress, finish }: Pick<RestoreOptions, 'ledgerHead' | 'env' | 'progress'> & Finish,
): Promise<Restored> {
  const { dataDir, keysDir, instanceId } = instance
  const vault = await openVault({ dataDir, keysDir, instance: instanceId, clock: systemClock, ...keyWrapFor(keysDir, env) })
  try {
    if (hasLedger(instance)) await assertEpochsKnown(vault, await epochsUsed(instance.ledgerDir))
    const erasuresReplayed = vault.erasuresReplayed + vault.keeping.removeUnreadable()
    // Their events and their text came back with the copy: what takes them out begins anew with the first start.
    vault.erasing.repeatErasures(manifest.takenAt)
    const { newest, ledgerKey } = await vault.describe()
    const marks = await vault.keeping.approvals.approvalMarks()
    const { cut, noticesStopped, approvals, operators } = adoptNewer(instance, newest, marks)
    const outside = await askOutside({ key: ledgerKey, instance: instanceId, newest: checkpointOf(instance, ledgerKey), env })
    const given = Math.max(ledgerHead ?? 0, ...outside.map(({ size }) => size ?? 0))
    const numbers = await settleNumbers(instance, vault, { newest, manifest, given })
    openOrigin(instance, vault)
    finish()
    // Else who was removed after the keys were copied would be let in again, and who was added thrown out.
    if (areKeysCopied) progress(`the keys are a copy, so operators are as the data and they say together: ${liveNames(operators)}`)
    const known = areKeysCopied ? { ...newest, operators } : newest
    vault.keeping.replaceNewest({ ...known, ...numbers.newest, at: systemClock.now() })
    if (approvals.marks !== undefined) vault.keeping.approvals.replaceApprovals(approvals.marks)
    const { takenAt } = manifest
    return { ...numbers.restored, erasuresReplayed, takenAt, cut, noticesStopped, approvalsClosed: approvals.closed, keysDir, outside }
  } finally {
    await vault.close()
  }
}

function liveNames(operators: readonly RememberedOperator[]): string {
  return operators.flatMap(({ name, removedAt }) => (removedAt === null ? [name] : [])).join(', ')
}

interface Adopted {
  cut: string[]
  /** As the copy has them, with who came and went by the key folder. */
  operators: RememberedOperator[]
  noticesStopped: number
  approvals: ReturnType<typeof closeUnknown>
}

/**
 * A vendor that was cut after the backup was made must not get the flow back by a restore, nor an operator who was removed the access;
 * and nobody is told again by notices that went on after it; what was approved, used or rejected since counts for nothing.
 */
function adoptNewer(instance: Instance, newest: Newest, marks: ApprovalMark[] | null): Adopted {
  const records = openRecords({ path: instance.recordsPath })
  try {
    const at = systemClock.now()
    const reason = 'known from the key folder: later than the backup'
    records.operators.adopt(newest.operators ?? [])
    const operators = records.operators.remembered()
    const adopted = newest.flows.filter((flow) => records.adopt({ ...flow, changedAt: at, actor: 'restore', reason }))
    const noticesStopped = records.stopNotices(newest.notices ?? [], at)
    const approvals = closeUnknown(records.approvals, marks, at)
    const cut = adopted.filter((flow) => flow.state !== 'open').map((flow) => flow.vendor)
    return { cut, operators, noticesStopped, approvals }
  } finally {
    records.close()
  }
}

async function settleNumbers(
  instance: Instance,
  vault: Vault,
  known: { newest: Newest; manifest: Manifest; given: number },
): Promise<{ newest: Partial<Newest>; restored: Pick<Restored, 'entries' | 'gap' | 'logFrom'> }> {
  const { newest, manifest, given } = known
  const head = await headOf(instance)
  const last = await lastOfLog(instance.logDir)
  // What was signed of the ledger may be later than what was last told of it.
  const signed = await vault.tree.signedTree()
  const lastKnown = Math.max(newest.ledger, given, signed?.size ?? 0)
  // A clean end tells everything; after any other the true numbers may be higher than what is known of them.
  const isAllThere = newest.exact && lastKnown <= head && newest.log <= last
  if (isAllThere)
    return { newest: { ledger: head, log: last, exact: true }, restored: { entries: head, gap: undefined, logFrom: last + 1 } }
  const { next } = await goOnAbove(instance.logDir, newest.log)
  await distrustUpTo(instance.ledgerDir, last)
  const lost = { known: lastKnown, exact: newest.exact && newest.ledger >= lastKnown, backupAt: manifest.takenAt, at: systemClock.now() }
  const gap =
    lastKnown <= head && newest.exact ? undefined : await appendGap(instance.ledgerDir, lost, (header) => vault.keeping.signLedger(header))
  const entries = await headOf(instance)
  return { newest: { ledger: entries, log: next - 1, exact: true }, restored: { entries, gap, logFrom: next } }
}

/** The tree goes on under the last origin, also one that a copy of the keys is too old to know. */
function openOrigin(instance: Instance, vault: Vault): void {
  const ledger = openLedgerReader({ dir: instance.ledgerDir })
  try {
    const gap = ledger.gaps().at(-1)
    if (gap !== undefined) vault.tree.openOrigin(gap.origin)
  } finally {
    ledger.close()
  }
}

/** The copy's own; undefined where it has none that its key has signed. */
function checkpointOf(instance: Instance, key: string | null): SignedCheckpoint | undefined {
  if (key === null || !hasLedger(instance)) return undefined
  const ledger = openLedgerReader({ dir: instance.ledgerDir })
  try {
    return readTree(tilesDir(instance), treeVerifiers(key, instance.instanceId, ledger.gaps()))?.newest
  } catch {
    // Damaged: the tree is made again from the entries, and a witness is then said as not asked.
    return undefined
  } finally {
    ledger.close()
  }
}

function hasLedger(instance: Instance): boolean {
  return existsSync(path.join(instance.ledgerDir, 'ledger.mdb'))
}

async function headOf(instance: Instance): Promise<number> {
  return hasLedger(instance) ? ledgerHead(instance.ledgerDir) : 0
}

async function assertEpochsKnown(vault: Vault, used: readonly { destination: string; epoch: number }[]): Promise<void> {
  const known = new Set((await vault.describe()).epochs.map(({ destination, epoch }) => `${destination}/${epoch}`))
  const missing = used.find(({ destination, epoch }) => !known.has(`${destination}/${epoch}`))
  if (missing === undefined) return
  throw new BulkheadError('key_wrong', `the key store is older than the data: it lacks epoch ${missing.epoch} of ${missing.destination}`)
}

/**
 * Cut and restore without the staff API: with nothing running, and when what runs does not answer. A cut must not wait
 * for a healthy Bulkhead.
 *
 * When something runs but is silent, only the two processes that are in the way are killed: `staff`, the writer of the
 * records, and the worker. The gateway goes on taking traffic, and the supervisor starts both again; a worker that
 * starts after the record is durable sees the cut. SQLite's own lock decides if the new `staff` writes at that moment.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import {
  type Child,
  FIRST_OPERATOR,
  type Instance,
  type InstanceLock,
  killChild,
  killSurvivors,
  lockInstance,
  lockPlace,
  openInstance,
  readChildren,
  readOperatorCredential,
  readRun,
} from '#app/instance.ts'
import { reservePath } from '#app/role.ts'
import { systemClock } from '#base/clock.ts'
import { assertStoresPresent } from '#app/stores.ts'
import { BulkheadError } from '#base/errors.ts'
import { isSameProcess } from '#base/processes.ts'
import { roomOf } from '#base/reserve.ts'
import { openLedgerReader } from '#ledger/ledger-reader.ts'
import { openLogReader } from '#log/log-reader.ts'
import type { Records } from '#records/port.ts'
import { openRecords, openRecordsReader } from '#records/records.ts'
import { type CredentialToRotate, credentialsToRotate } from '#vendors/credentials.ts'
import { type CutResult, cutVendor, type RestoreResult, restoreVendor } from '#vendors/cut.ts'
import { countHeld } from '#vendors/held.ts'
import { assertVendorKnown, destinationsOf, vendorNames } from '#vendors/register.ts'

/** Who acts by the right to the files alone, without any credential. */
const BY_FILES = 'break-glass'
const GONE_MS = 5000
const HOLDER_MS = 3000

export interface FlowOrder {
  vendor: string
  reason: string
  /** Of who orders it; undefined: that of the first operator counts, where it lies here. */
  credential?: string | undefined
}

/** Cuts by writing the record itself; throws `vendor_unknown`. */
export async function cutDirectly(instance: Instance, order: FlowOrder): Promise<CutResult & { credentials: CredentialToRotate[] }> {
  assertOnRecord(instance, order.vendor)
  const lock = await lockOrHolder(instance)
  let place: InstanceLock | undefined
  try {
    if (lock !== undefined) place = lockPlace(instance)
    // The lock is free: no supervisor lives. What is left of an earlier run is found by pid and start time.
    if (lock === undefined) await endAll(instance, 'staff')
    return await withRecords(instance, order.vendor, async (records, heldEvents) => {
      const isWorkerAlive = living(instance, 'worker').length > 0
      const killWorker = (): Promise<{ pid: number; gone: boolean }> =>
        lock === undefined ? endWorkerOfHolder(instance) : endSurvivors(instance)
      const fence = lock === undefined || isWorkerAlive ? () => Promise.reject(new Error('nobody to ask')) : undefined
      const given = ordered(instance, records, order)
      const result = await cutVendor({ ...given, records, fence, killWorker, heldEvents, clock: systemClock })
      return { ...result, credentials: credentialsToRotate(order.vendor, records, []) }
    })
  } finally {
    place?.release()
    lock?.release()
  }
}

/** Restores with nothing running; throws `already_running` otherwise. */
export async function restoreDirectly(instance: Instance, order: FlowOrder): Promise<RestoreResult> {
  const lock = lockInstance(instance.dataDir)
  let place: InstanceLock | undefined
  try {
    place = lockPlace(instance)
    await killSurvivors(instance.dataDir)
    const restore = (records: Records, heldEvents: () => Promise<number>): Promise<RestoreResult> =>
      restoreVendor({ ...ordered(instance, records, order), records, heldEvents, clock: systemClock })
    return await withRecords(instance, order.vendor, restore, 'opens')
  } finally {
    place?.release()
    lock.release()
  }
}

function ordered(instance: Instance, records: Records, order: FlowOrder): { vendor: string; reason: string; actor: string } {
  return { vendor: order.vendor, reason: order.reason, actor: actorOf(instance, records, order) }
}

/** With no credential, or a wrong one, the right to the files has to do: a cut never waits for one to be found. */
function actorOf(instance: Instance, { operators }: Pick<Records, 'operators'>, { credential }: FlowOrder): string {
  const file = path.join(instance.keysDir, FIRST_OPERATOR)
  const shown = credential ?? (existsSync(file) ? readOperatorCredential(instance) : undefined)
  const name = shown === undefined ? undefined : operators.named(createHash('sha256').update(shown).digest('hex'))
  if (name !== undefined) return name
  // Records of before there were several know nobody yet.
  return operators.list().length === 0 ? FIRST_OPERATOR : BY_FILES
}

/** The instance on a data folder and, when one lives, the address of its staff API ('' while it starts). */
export function findInstance(dataDir: string, env: NodeJS.ProcessEnv): { instance: Instance; consoleUrl: string | undefined } {
  const instance = openInstance({ dataDir, create: false, env })
  return { instance, consoleUrl: readRun(instance.dataDir)?.consoleUrl }
}

/**
 * The lock, or undefined once its holder is seen. Another command holds it for a moment only, and a start says soon who
 * it is; a holder that stays unseen (in another container, say) is one whose worker we cannot end.
 */
async function lockOrHolder(instance: Instance): Promise<InstanceLock | undefined> {
  const deadline = performance.now() + HOLDER_MS
  for (;;) {
    const lock = tryLock(instance)
    if (lock !== undefined || readRun(instance.dataDir) !== undefined || performance.now() > deadline) return lock
    await systemClock.sleep(50)
  }
}

function tryLock(instance: Instance): InstanceLock | undefined {
  try {
    return lockInstance(instance.dataDir)
  } catch (thrown) {
    if (thrown instanceof BulkheadError && thrown.code === 'already_running') return undefined
    throw thrown
  }
}

/** Before anything is ended: a typing error must not cost a running Bulkhead its staff. */
function assertOnRecord(instance: Instance, vendor: string): void {
  if (!existsSync(instance.recordsPath)) return
  const records = openRecordsReader({ path: instance.recordsPath })
  try {
    assertVendorKnown(vendor, vendorNames(records, []))
  } finally {
    records.close()
  }
}

async function withRecords<Result>(
  instance: Instance,
  vendor: string,
  act: (records: Records, heldEvents: () => Promise<number>) => Promise<Result>,
  goes: 'opens' | 'waits' = 'waits',
): Promise<Result> {
  assertStoresPresent(instance)
  const records = openRecords({ path: instance.recordsPath, room: roomOf(reservePath(instance, 'staff')) })
  try {
    assertVendorKnown(vendor, vendorNames(records, []))
    return await act(records, async () => {
      const { dropped, kept } = records.heldSkips(vendor)
      return held(instance, destinationsOf(vendor, records, []), goes === 'opens' ? kept : dropped)
    })
  } finally {
    records.close()
  }
}

function held(instance: Instance, destinations: readonly string[], above: number): number {
  if (!existsSync(instance.logDir)) return 0
  const ledger = openLedgerReader({ dir: instance.ledgerDir })
  const log = openLogReader({ dir: instance.logDir })
  try {
    return countHeld({ log, ledger, destinations, clock: systemClock, above })
  } finally {
    log.close()
    ledger.close()
  }
}

function living(instance: Instance, role: string): Child[] {
  return readChildren(instance.dataDir).filter((child) => child.role === role && isSameProcess(child.pid, child.startTime))
}

/** SIGKILL to every living process of a role, and waits for its end; works on stopped ones too. */
async function endAll(instance: Instance, role: string): Promise<{ pid: number; gone: boolean }> {
  const children = living(instance, role)
  for (const child of children) killChild(child)
  const deadline = performance.now() + GONE_MS
  for (;;) {
    const left = children.find((child) => isSameProcess(child.pid, child.startTime))
    if (left === undefined) return { pid: children[0]?.pid ?? 0, gone: true }
    if (performance.now() > deadline) return { pid: left.pid, gone: false }
    await systemClock.sleep(20)
  }
}

async function endWorkerOfHolder(instance: Instance): Promise<{ pid: number; gone: boolean }> {
  if (readRun(instance.dataDir) === undefined) return { pid: 0, gone: false }
  return endAll(instance, 'worker')
}

async function endSurvivors(instance: Instance): Promise<{ pid: number; gone: boolean }> {
  const [worker] = living(instance, 'worker')
  await killSurvivors(instance.dataDir).catch(() => undefined)
  return { pid: worker?.pid ?? 0, gone: living(instance, 'worker').length === 0 }
}

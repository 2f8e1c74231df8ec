/**
 * The vault: the only code that reads key bytes. `createKeys` makes the keys of a new instance; `openVault` opens what is
 * there and makes no key that old data would need.
 */
import type { KeyObject } from 'node:crypto'
import path from 'node:path'
import { type Clock, DAY_MS, dayOf } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { Census } from './census.ts'
import { ClearOpening } from './clear-opening.ts'
import { Committer } from './commit.ts'
import { Keeping } from './keeping.ts'
import { directoryChange } from './directory.ts'
import { openDoor, openWaitingText } from './door.ts'
import { erasePeople, replayErasures } from './erasures.ts'
import type { KeyStore, WaitingKeys } from './key-store.ts'
import { EpochKeeping } from './epoch-keeping.ts'
import type { LeavingVault } from './erasure-port.ts'
import { Erasing } from './erasing.ts'
import { FileKeeping } from './file-keys.ts'
import { deletionPseudonyms, type DiscloseBlocks, discloseBlocks, type Resolved, resolveIn, staffTexts } from './identifiers.ts'
import { type OpenKeys, openKeysToRotate } from './keys.ts'
import { KeyRotating } from './key-rotating.ts'
import { LABELS } from './labels.ts'
import { leavingVaultOf } from './leaving.ts'
import { Matching } from './matching.ts'
import { checkLook, type LookEntry, Looks, type ReadLook } from './looks.ts'
import { type LookQuery, openQuery, sealQuery } from './look-query.ts'
import { Newcomers } from './newcomers.ts'
import { NoticeKeeping } from './notice-keeping.ts'
import type { CensusVault } from './survey.ts'
import { NoticeOpening } from './notice-opening.ts'
import type {
  DeletionVault,
  DirectoryRow,
  DiscloseReply,
  DiscloseRequest,
  Door,
  DoorKeys,
  GatewayVault,
  Identity,
  Look,
  PeopleGraph,
  Person,
  StaffVault,
  WindowReply,
  WindowRequest,
  WorkerVault,
} from './port.ts'
import { packSubjects } from './pseudonym.ts'
import { Reading } from './reading.ts'
import { openRows, type Rows } from './rows.ts'
import { bind, deriveBytes, deriveKey, open, seal } from './seal.ts'
import { Uuids } from './uuids.ts'
import { TreeKeeping } from './tree-keeping.ts'
import type { VaultOptions } from './open-options.ts'
import { SteadyClock } from './steady-clock.ts'

export { createKeys } from './keys.ts'

/** Calls that no other process may make yet, beside those of the three roles. */
export interface Vault extends GatewayVault, WorkerVault, DeletionVault, Omit<StaffVault, keyof CensusVault> {
  /** As `disclose`, with 16 bytes an id instead of text. */
  discloseBlocks(request: DiscloseRequest): DiscloseBlocks
  /** As `staffPseudonyms`, of packed subjects. */
  staffTexts(subjects: Float64Array): string[]
  openManifests(manifests: readonly { entry: number; sealed: string }[]): Promise<Buffer[]>
  /** Whom pseudonyms name, over all epochs of a destination that were not destroyed. The look is durable before the answer. */
  resolvePseudonyms(from: { destination: string } | 'staff', uuids: readonly string[], look: Look): Promise<(Resolved | undefined)[]>
  /** What the door is made of, to be opened in the gateway's own process. */
  doorKeys(day: number): Promise<DoorKeys>
  /** Text of a waiting blob; undefined when its key was destroyed or it was changed. */
  openWaiting(day: number, sealed: Uint8Array): string | undefined
  destroyWaitingKeys(beforeDay: number): number
  /** Destroys the keys of text that has waited for `holdDays`, unless the clock was set since yesterday. Called now and then. */
  sweepWaiting(holdDays: number): number
  /** Text of days before this one cannot be opened by anyone any more. */
  waitingSwept(): number
  closeEpoch(destination: string, epoch: number): void
  destroyEpoch(destination: string, epoch: number): void
  readLooks(): ReadLook[]
  /** Erases identifiers for ever: their secrets, then everything about them here. Returns how many there were. */
  erase(ordinals: readonly number[]): Promise<number>
  /** Identifiers that were removed when this vault opened because they were erased after these rows were copied. */
  readonly erasuresReplayed: number
  /** For backups and what comes after one. */
  readonly keeping: Keeping
  readonly erasing: Erasing
  readonly epochs: EpochKeeping
  readonly leaving: LeavingVault
  readonly rotating: KeyRotating
  readonly clear: ClearOpening
  readonly tree: TreeKeeping
  readonly files: FileKeeping
  readonly census: Census
  readonly matching: Matching
  readonly notices: NoticeKeeping
  readonly noticeOpening: NoticeOpening
  close(): Promise<void>
}

/**
 * Opens the vault of an instance. `room` finds space for looks on the disk of the data folder, `keysRoom` on that of the
 * key folder, when it is full. Throws `key_missing`, `key_wrong`, `data_format_newer` or `already_running`.
 */
export async function openVault(options: VaultOptions): Promise<Vault> {
  const { dataDir, instance, clock, room, keysRoom = (write) => write() } = options
  const opened = await openKeysToRotate({ ...options, now: () => clock.now() })
  const { keys } = opened
  let rows: Rows | undefined
  try {
    rows = openRows({ file: path.join(dataDir, 'vault.db'), instance, keysBatch: keys.batch })
    keys.sweep(rows.batch, rows.ordinalHigh)
    const erasuresReplayed = replayErasures(keys, rows)
    const looks = new Looks({
      dir: path.join(dataDir, 'looks'),
      key: deriveKey(keys.named('looks'), LABELS.looks),
      anchor: { read: () => keys.looksAnchor(), write: (anchor) => keysRoom(() => keys.setLooksAnchor(anchor)) },
      now: () => clock.now(),
      ...(room === undefined ? {} : { room }),
    })
    return new OpenVault({ ...options, opened, keys, rows, looks, erasuresReplayed })
  } catch (thrown) {
    rows?.close()
    keys.close()
    throw thrown
  }
}

class OpenVault implements Vault {
  readonly #keys: KeyStore
  readonly #rows: Rows
  readonly #looks: Looks
  readonly #clock: Clock
  readonly #steady: SteadyClock
  readonly #keysDir: string
  readonly #instance: string
  readonly #committer: Committer
  readonly #reading: Reading
  readonly #ledger: KeyObject
  readonly #staff: KeyObject
  #closed = false

  readonly erasuresReplayed: number
  readonly keeping: Keeping
  readonly erasing: Erasing
  readonly epochs: EpochKeeping
  readonly leaving: LeavingVault
  readonly rotating: KeyRotating
  readonly clear: ClearOpening
  readonly tree: TreeKeeping
  readonly files: FileKeeping
  readonly census: Census
  readonly matching: Matching
  readonly notices: NoticeKeeping
  readonly noticeOpening: NoticeOpening

  constructor(parts: VaultOptions & { opened: OpenKeys; keys: KeyStore; rows: Rows; looks: Looks; erasuresReplayed: number }) {
    this.erasuresReplayed = parts.erasuresReplayed
    this.keeping = new Keeping({ ...parts, now: () => parts.clock.now() })
    this.#keys = parts.keys
    this.#rows = parts.rows
    this.#looks = parts.looks
    this.#clock = parts.clock
    this.#steady = new SteadyClock({ read: () => parts.keys.seenClock(), write: (seen) => parts.keys.setSeenClock(seen) }, parts.clock)
    this.#keysDir = parts.keysDir
    this.#instance = parts.instance
    const key = deriveKey(parts.keys.named('dedup'), LABELS.newcomers)
    const newcomers = new Newcomers({ sources: parts.sources ?? [], key, rows: parts.rows, clock: parts.clock })
    this.#committer = new Committer(parts.keys, parts.rows, newcomers)
    this.#reading = new Reading(parts.keys, parts.rows, this.#committer)
    this.tree = new TreeKeeping({ ...parts, committer: this.#committer })
    this.census = new Census(parts.keys, parts.rows, this.#committer)
    const ledgerKey = (): string | null => this.keeping.describe().ledgerKey
    this.clear = new ClearOpening({
      rows: parts.rows,
      committer: this.#committer,
      instance: parts.instance,
      ledgerKey,
      now: () => parts.clock.now(),
    })
    this.#ledger = deriveKey(parts.keys.named('ledger'), LABELS.ledger)
    this.#staff = deriveKey(parts.keys.named('staff-view'), LABELS.staffView)
    const record = (look: Look, counts: Record<string, number>): void => this.#record(look, counts)
    const kept = { keys: parts.keys, now: () => parts.clock.now(), record }
    this.rotating = new KeyRotating({ ...kept, ...parts.opened, steady: this.#steady })
    this.epochs = new EpochKeeping(kept)
    this.matching = new Matching({ ...kept, rows: parts.rows, committer: this.#committer, staff: this.#staff })
    this.notices = new NoticeKeeping({ secret: parts.keys.named('ledger'), rows: parts.rows, now: kept.now })
    this.noticeOpening = new NoticeOpening({ ...kept, ...parts, committer: this.#committer, ledgerKey })
    this.files = new FileKeeping({ ...kept, keys: parts.keys.files })
    this.leaving = leavingVaultOf(kept)
    this.erasing = new Erasing({
      ...kept,
      rows: parts.rows,
      committer: this.#committer,
      resolve: (query) => this.#reading.resolve(query),
      record: (look, counts, query) => this.#record(look, counts, query),
      backups: () => this.keeping.describe().backups,
    })
  }

  // ----------------------------------------------------------------------------------------------- gateway

  async commitWindow(window: WindowRequest): Promise<WindowReply> {
    this.#checkOpen()
    const { ordinals } = await this.#committer.commit(window)
    return { ordinals }
  }

  async doorKeys(day: number): Promise<DoorKeys> {
    this.#checkOpen()
    if (!Number.isSafeInteger(day) || day < 0) throw new BulkheadError('vault_refused', 'the call names no day')
    const { pair } = this.#keys.waitingKeys(day, true) as WaitingKeys
    return { day, waiting: pair.publicKey, dedup: deriveBytes(this.#keys.named('dedup'), LABELS.dedupBlock) }
  }

  async door(day: number): Promise<Door> {
    return openDoor(await this.doorKeys(day))
  }

  openWaiting(day: number, sealed: Uint8Array): string | undefined {
    const keys = this.#keys.waitingKeys(day, false)
    if (keys === undefined) return undefined
    return sealed[0] === 1 ? open(keys.sealing, bind('waiting', day), sealed)?.toString('utf8') : openWaitingText(keys.pair, day, sealed)
  }

  destroyWaitingKeys(beforeDay: number): number {
    return this.#keys.destroyWaitingKeys(beforeDay)
  }

  waitingSwept(): number {
    return this.#keys.waitingSwept
  }

  sweepWaiting(holdDays: number): number {
    if (this.#steady.look() < DAY_MS) return 0
    return this.destroyWaitingKeys(dayOf(this.#clock.now()) - holdDays)
  }

  // ------------------------------------------------------------------------------------------------ worker

  async activeEpoch(destination: string): Promise<number> {
    this.#checkOpen()
    return this.#keys.epochs.active(destination, this.#clock.now())
  }

  async erasedPeople(): ReturnType<DeletionVault['erasedPeople']> {
    return this.erasing.erasedPeople()
  }

  async deletionPseudonyms(request: Pick<DiscloseRequest, 'destination' | 'epoch' | 'subjects'>): Promise<string[]> {
    this.#checkOpen()
    return deletionPseudonyms(this.#keys, request)
  }

  async disclose(request: DiscloseRequest): Promise<DiscloseReply> {
    const { pseudonyms, insertIds, phases } = this.discloseBlocks(request)
    return { pseudonyms: new Uuids(pseudonyms), insertIds: new Uuids(insertIds), phases }
  }

  discloseBlocks(request: DiscloseRequest): DiscloseBlocks {
    this.#checkOpen()
    return discloseBlocks(this.#keys, request)
  }

  async sealManifests(manifests: readonly { entry: number; packed: Uint8Array }[]): Promise<string[]> {
    this.#checkOpen()
    return manifests.map(({ entry, packed }) => seal(this.#ledger, bind('manifest', entry), packed).toString('base64'))
  }

  async openManifests(manifests: readonly { entry: number; sealed: string }[]): Promise<Buffer[]> {
    return manifests.map(({ entry, sealed }) => {
      const bytes = open(this.#ledger, bind('manifest', entry), Buffer.from(sealed, 'base64'))
      if (bytes === undefined) throw new BulkheadError('ledger_corrupt', `the manifest of ledger entry ${entry} does not open`)
      return bytes
    })
  }

  // ------------------------------------------------------------------------------------------------- staff

  async resolve(query: string, look: Look): Promise<Person[]> {
    this.#checkOpen()
    checkLook(look)
    const people = this.#reading.resolve(query)
    this.#record(look, { people: people.length }, { text: query, about: people[0]?.person })
    return people
  }

  async graph(): Promise<PeopleGraph> {
    this.#checkOpen()
    return this.#reading.graph()
  }

  async staffPseudonyms(subjects: Parameters<StaffVault['staffPseudonyms']>[0]): Promise<string[]> {
    return this.staffTexts(packSubjects(subjects))
  }

  staffTexts(subjects: Float64Array): string[] {
    return staffTexts(this.#staff, subjects)
  }

  async identities(people: readonly number[][], look: Look): Promise<Identity[]> {
    this.#checkOpen()
    checkLook(look)
    this.#record(look, { people: people.length, identifiers: people.reduce((sum, ordinals) => sum + ordinals.length, 0) })
    return this.#reading.identities(people)
  }

  async recordLook(look: Look & { subjects: number }): Promise<void> {
    this.#checkOpen()
    checkLook(look)
    this.#record(look, { subjects: look.subjects })
  }

  async importDirectory(
    rows: readonly DirectoryRow[],
    namespace: string,
    look: Look,
  ): Promise<{ rows: number; newPeople: number; facts: number }> {
    this.#checkOpen()
    checkLook(look)
    const change = directoryChange(rows, namespace, this.#clock.now())
    this.#record(look, { rows: rows.length })
    const { newUsers } = await this.#committer.commit(change)
    return { rows: rows.length, newPeople: newUsers, facts: change.facts.length }
  }

  async resolvePseudonyms(
    from: { destination: string } | 'staff',
    uuids: readonly string[],
    look: Look,
  ): Promise<(Resolved | undefined)[]> {
    this.#checkOpen()
    checkLook(look)
    const found = resolveIn(this.#keys, this.#staff, from, uuids)
    this.#record(look, { pseudonyms: uuids.length, found: found.filter((subject) => subject !== undefined).length })
    return found
  }

  async describe(): ReturnType<StaffVault['describe']> {
    this.#checkOpen()
    return {
      keyFolder: this.#keysDir,
      instance: this.#instance,
      people: this.#rows.meta('people') as number,
      epochs: this.#keys.epochs.list(),
      looks: this.#looks.count,
      refusedMerges: this.#committer.refusedMerges,
      ...this.keeping.describe(),
      erasures: this.erasing.counts(),
      root: this.rotating.state(),
      keyBackups: this.rotating.backups(),
    }
  }

  async erase(ordinals: readonly number[]): Promise<number> {
    this.#checkOpen()
    this.#committer.drain()
    const removed = erasePeople(this.#keys, this.#rows, ordinals, this.#clock.now())
    this.#committer.forget(ordinals)
    return removed
  }

  closeEpoch(destination: string, epoch: number): void {
    this.#keys.epochs.close(destination, epoch)
  }

  destroyEpoch(destination: string, epoch: number): void {
    this.#keys.epochs.destroy(destination, epoch)
  }

  readLooks(): ReadLook[] {
    return this.#looks.read().map((look) => openQuery(look, (ordinal) => this.#committer.sealKey(ordinal)))
  }

  /** Writes what still waits and closes the files. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#committer.drain()
    this.#closed = true
    this.census.stop()
    this.rotating.stop()
    this.notices.stop()
    this.keeping.close()
    this.#looks.close()
    this.#rows.close()
    this.#keys.close()
  }

  #record(look: Look, counts: LookEntry['counts'], query?: LookQuery): void {
    const { actor, action, reason } = look
    const asked = query === undefined ? {} : sealQuery(query, (ordinal) => this.#committer.sealKey(ordinal))
    this.#looks.append({ at: this.#clock.now(), actor, action, reason, ...asked, counts })
  }

  #checkOpen(): void {
    if (this.#closed) throw new BulkheadError('vault_unavailable', 'the vault is stopping')
  }
}

/** What the staff API stands on. `app` gives it ports; nothing here knows how they are reached. */
import type { CheckDesk } from '#notices/check/check-desk.ts'
import type { OfficialMarks } from '#notices/check/read-notice.ts'
import type { NoticeAlert } from '#vault/notice-port.ts'
import type { Clock } from '#base/clock.ts'
import type { FillPorts } from '#grants/fill-back.ts'
import type { Erasures } from '#erasure/erase.ts'
import type { EvidenceStore } from '#incidents/evidence.ts'
import type { DisclosurePorts } from '#incidents/affected.ts'
import type { IncidentBook } from '#incidents/incident-book.ts'
import type { ReportContact } from '#incidents/incident-report.ts'
import type { SignalBook } from '#incidents/signal-book.ts'
import type { Snapshot } from '#incidents/rows.ts'
import type { StatementPorts } from '#incidents/statement.ts'
import type { PlaceState } from '#ledger/outside/state.ts'
import type { Repaired } from '#ledger/tree-writer.ts'
import type { OnProgress, Verified } from '#ledger/verify.ts'
import type { Config } from '#model/config.ts'
import type { Gap } from '#model/disclosure.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { Protocol } from '#model/protocol.ts'
import type { Split } from '#model/split-draft.ts'
import type { CompiledPolicy } from '#policy/policy.ts'
import type { NoticeDesk } from '#notices/desk.ts'
import type { GapVault } from '#vault/gap-book.ts'
import type { Approvals } from '#records/approvals.ts'
import type { OperatorBook } from '#records/operator-book.ts'
import type { Records } from '#records/port.ts'
import type { ErasingVault, LeavingVault } from '#vault/erasure-port.ts'
import type { MatchVault } from '#vault/match-port.ts'
import type { NoticeOpener } from '#vault/notice-opening-port.ts'
import type { EpochVault, PolicySigner, RotatingVault, StaffVault, WaitingVault } from '#vault/port.ts'
import type { HeldInWarehouse } from '#vendors/held.ts'
import type { HeldFrom } from '#vendors/held-kinds.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { LedgerCheckpoint } from './ledger-contract.ts'
import type { LegalClocks } from './clock-port.ts'
import type { PlaceFacts, RoleView } from './facts.ts'

/** The parts of a backup that only the owners of the files can make (src/app/backup.ts has the order). */
export interface BackupPort {
  /** No load begins, and the warehouse's parts are frozen as they are now. */
  freeze(): Promise<void>
  /** Loads go on. False: they went on before that by themselves. */
  resume(): Promise<boolean>
  /** The frozen links are of no use any more. */
  thaw(): Promise<void>
  rows(dir: string): Promise<void>
  keys(dir: string): Promise<void>
  record(kind: 'data' | 'keys', made: { at: number; dir: string }): Promise<void>
}

/** The tree over the ledger's entries, to be looked at and checked. */
export interface LedgerTreePort {
  /** The newest checkpoint, once it covers what is in the ledger now. Throws `not_found`. */
  checkpoint(): Promise<LedgerCheckpoint>
  verify(onProgress: OnProgress): Promise<Verified>
  /** Makes files again that are not those that were signed. Throws `ledger_tree_broken`. */
  repair(): Promise<Repaired>
}

/** What lies behind the questions about policy. */
export interface PolicyPorts {
  signer: PolicySigner
  waiting: WaitingVault
  /** Folder of the gateway's sealed files. */
  waitingDir: string
  fill: Pick<FillPorts, 'sentUpTo' | 'insertOpenings' | 'fillDay'>
  /** Makes the gateway look for a new version; the one that it has then, undefined when it does not answer. */
  gatewayTakes(): Promise<number | undefined>
  splitOf(policy: CompiledPolicy): Split
  protocols: ReadonlyMap<string, Protocol>
  /** A record of the log, wherever it is kept by now. Throws `not_found`. */
  recordAt(seq: number, index: number): Promise<LogRecord>
}

export interface StaffDeps {
  host: string
  /** 0 takes a free one. */
  port: number
  version: string
  instanceId: string
  startedAt: number
  /** Without secrets: this process needs none. */
  config: Pick<Config, 'sources' | 'vendors'>
  records: Records
  vault: StaffVault
  warehouse: Warehouse
  worker: {
    fence(vendor: string, fence: number): Promise<unknown>
    /** Waits until the warehouse holds all that is closed; gives the head that it saw and the rows of open intents. */
    barrier(): Promise<Snapshot>
    /** No request to the vendor is under way that was begun before. */
    turnOver(vendor: string): Promise<void>
    status(): Promise<unknown>
    /** One round with every place outside that holds checkpoints. */
    sendCheckpoint(): Promise<PlaceState[]>
  }
  /** Erasures, holds and epochs, as the vault keeps them. */
  erasing: ErasingVault & EpochVault & RotatingVault
  /** What brings an erasure to its end. */
  erasures: Pick<Erasures, 'finish'>
  /** What vendors owe, and asking them how far they are. */
  leaving: { vault: LeavingVault; look(vendor?: string): Promise<void>; wake(): void }
  gateway: { status(): Promise<unknown> }
  supervisor: { status(): Promise<RoleView[]>; killWorker(): Promise<{ pid: number; gone: boolean }> }
  /**
   * Events that wait for a vendor's destinations, none of log entries up to `above`. Must not need the worker, which may have
   * just been killed.
   */
  heldEvents(destinations: readonly string[], above?: number): Promise<number>
  /** The same for who asks what waits there. */
  held: {
    /** All that is in the log is in the warehouse. */
    eventsLoaded(): Promise<unknown>
    /** From where on records wait, none of them up to the entry `above`. */
    from(destinations: readonly string[], above: number): HeldFrom[]
    /** Last entry of the log. */
    logHead(): number
  }
  /** Of those, what the log has given up and the warehouse keeps for them. */
  heldInWarehouse(destinations: readonly string[]): HeldInWarehouse[]
  /** Prometheus text of all roles. */
  metrics(): Promise<string>
  backup: BackupPort
  policies: PolicyPorts
  evidence: EvidenceStore
  /** The tree over the ledger's entries. */
  ledgerTree: LedgerTreePort
  matching: MatchVault
  incidents: IncidentBook
  clocks: LegalClocks
  /** Whom people and authorities may ask; undefined where the configuration does not say. */
  contact?: ReportContact | undefined
  /** Undefined: nobody is told anything through this program, so there is nothing to check. */
  noticeCheck?: { desk: CheckDesk; marks: OfficialMarks } | undefined
  /** Codes that many networks tried. */
  noticeAlerts?(): Promise<NoticeAlert[]>
  signals: SignalBook
  /** What restores from older backups have lost of the ledger. */
  gaps(): Gap[]
  acknowledgeGap: GapVault['acknowledgeGap']
  /** Latest checkpoint of the ledger's tree; null while there is none. */
  checkpoint(): Promise<{ size: number; root: string } | null>
  /** What a person's statement is made of. */
  statements: Omit<StatementPorts, keyof DisclosurePorts | 'namespaces' | 'clock'>
  /** What lies on the disk, for `doctor`. */
  place(): Promise<PlaceFacts>
  /** Diagnostics of faults: names of places, never messages that may quote what was asked. */
  trace(text: string): void
  /** Versions of notices and who brings them to people. */
  notices: NoticeDesk
  noticeOpener: NoticeOpener
  /** What needs a second person. */
  approvals: Approvals
  operators: OperatorBook
  /** Brings about what counts by now. */
  settleApprovals(): Promise<void>
  singleOperatorDelayHours: number
  /** An identity field is granted in the clear for so many days at most. */
  clearDaysMax: number
  clock: Clock
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose credential it carries: the actor of everything that is done by it. */
    operator: string
  }
}

/** Ready means that all of these are. */
export const ALL_ROLES: readonly string[] = ['vault', 'warehouse', 'staff', 'worker', 'gateway']

/** What the staff API stands on. `app` gives it ports; nothing here knows how they are reached. */
import type { Clock } from '#base/clock.ts'
import type { Snapshot } from '#incidents/rows.ts'
import type { Config } from '#model/config.ts'
import type { Records } from '#records/port.ts'
import type { StaffVault } from '#vault/port.ts'
import type { Warehouse } from '#warehouse/port.ts'

/** A role as the supervisor sees it; `since` in UTC ms. */
export interface RoleView {
  role: string
  pid: number
  state: string
  restarts: number
  since: number
  /** Ends in a row. */
  failures?: number
  /** What it said when it ended last, while it is not ready again. */
  fault?: { code: string; message: string }
}

export interface Check {
  /** Stable name, for scripts. */
  id: string
  state: 'ok' | 'warn' | 'fail' | 'cannot_tell'
  what: string
  /** What to do; empty when all is well. */
  fix: string
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
    status(): Promise<unknown>
  }
  gateway: { status(): Promise<unknown> }
  supervisor: { status(): Promise<RoleView[]>; killWorker(): Promise<{ pid: number; gone: boolean }> }
  /** Events that wait for a vendor's destinations. Must not need the worker, which may have just been killed. */
  heldEvents(destinations: readonly string[]): Promise<number>
  /** Prometheus text of all roles. */
  metrics(): Promise<string>
  /** Further checks of `doctor` that only the composition can make. */
  checks?(): Promise<Check[]>
  /** Diagnostics of faults: names of places, never messages that may quote what was asked. */
  trace(text: string): void
  /** The operator's credential. */
  credential: string
  clock: Clock
}

/** Who acts in the `single-operator` mode. */
export const ACTOR = 'operator'

/** Ready means that all of these are. */
export const ALL_ROLES: readonly string[] = ['vault', 'warehouse', 'staff', 'worker', 'gateway']

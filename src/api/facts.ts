/** What `doctor` judges: everything that was found out, as plain values. What could not be found out is undefined. */
import type { NoticeAlert } from '#vault/notice-port.ts'
import type { PlaceState } from '#ledger/outside/state.ts'
import type { Config } from '#model/config.ts'
import type { Gap } from '#model/disclosure.ts'
import type { PolicyVersion } from '#model/policy.ts'
import type { Backups, ErasureCounts, Newest, RootState } from '#vault/port.ts'

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

/** Seen from the outside, also with nothing running. */
export interface PlaceFacts {
  dataDir: string
  keysDir: string
  /** Free and total bytes where each store lies. */
  disks: { store: string; free: number; total: number }[]
  keysPresent: boolean
  keysShareDisk: boolean
  /** Files and folders that others can read, or that belong to somebody else. */
  exposed: string[]
  /** Latest time that a file of ours carries, UTC ms: one in the future means that the clock was set back. */
  lastWritten: number
  certificate: { validTo: number } | 'unreadable' | undefined
  /** A rehearsal moves the clock (`BULKHEAD_CLOCK`). */
  clockMoved?: boolean
  newest: Newest | undefined
  /** Origins of gaps of which somebody has said that they know. */
  gapsAcknowledged: readonly string[]
  backups: Backups | undefined
  ledgerHead: number | undefined
  /** Places that are to hold checkpoints, with what is known of them. */
  outside: { id: string; kind: string; state: PlaceState | undefined }[]
}

export interface LeavingFacts {
  vendor: string
  state: string
  /** Names of credentials that nobody has changed since the flow was closed. */
  toRotate: string[]
  /** Identifiers by state; undefined: the vault does not answer. */
  deletions: Record<'due' | 'asked' | 'done' | 'overdue' | 'refused', number> | undefined
  heldDecided: boolean
}

export interface ClockFacts {
  /** `incident 3: eu-sa`, by what is the matter. */
  overdue: readonly string[]
  soon: readonly string[]
  unassessed: readonly string[]
  /** Not met in incidents that were closed; nobody is warned of them. */
  closed: readonly string[]
  running: number
  /** Due first of all, UTC ms. */
  next: number | undefined
  /** So long ago people were counted, in the incident where that is longest, ms; undefined: in one of them they never were. */
  counted: number | undefined
  signals: readonly { id: number; hours: number }[]
}

export interface Facts {
  now: number
  /** Numbers of proposals that wait for a second person. Absent: nothing runs. */
  waiting?: readonly number[]
  isRunning: boolean
  config: Pick<Config, 'sources' | 'vendors'>
  place: PlaceFacts | undefined
  roles: RoleView[] | undefined
  /** As the parts describe themselves. */
  gateway: Record<string, unknown> | undefined
  worker: Record<string, unknown> | undefined
  vault: { people: number; erasures: ErasureCounts; root: RootState; keyBackups: { at: number; dir: string }[] } | undefined
  warehouseRows: number | undefined
  policy: PolicyVersion | undefined
  vendors: readonly { vendor: string; state: string }[]
  leaving?: readonly LeavingFacts[]
  /** Codes that many networks tried. */
  noticeAlerts?: readonly NoticeAlert[]
  /** Versions of notices that were begun, and of which people wait while nothing goes on by itself. */
  noticesStanding?: readonly { incident: number; version: number; why: string }[]
  /** Numbers of open incidents, and of those whose record is not as it was signed. */
  incidents?: { open: readonly number[]; broken: readonly number[]; brokenSignals?: readonly number[] }
  /** Legal clocks of open incidents that somebody has to act on, and signals that nobody has triaged. */
  clocks?: ClockFacts
  gaps: readonly Gap[]
  approvalProblems?: { altered: readonly number[]; missing: readonly number[]; operators: readonly string[] }
  gapsSigned: boolean
}

/** `of`: which one, when a rule speaks of several; it stands behind the rule's id. */
export interface Finding extends Omit<Check, 'id'> {
  of?: string
}

/** One matter that doctor looks at. No finding: there is nothing of the kind. */
export interface CheckRule {
  id: string
  /** Needs something that runs: with nothing running it is `cannot_tell`. */
  needs?: 'gateway' | 'worker' | 'vault' | 'warehouse' | 'processes'
  look(facts: Facts): Finding | readonly Finding[] | undefined
}

export const ok = (what: string): Finding => ({ state: 'ok', what, fix: '' })
export const warn = (what: string, fix: string): Finding => ({ state: 'warn', what, fix })
export const fail = (what: string, fix: string): Finding => ({ state: 'fail', what, fix })
export const cannotTell = (what: string, fix: string): Finding => ({ state: 'cannot_tell', what, fix })
export const named = (of: string, finding: Finding): Finding => ({ ...finding, of })

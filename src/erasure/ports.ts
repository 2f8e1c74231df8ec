/** What an erasure needs of the processes whose files it changes. Every call may be repeated: a job goes on after a kill. */
import type { Ordinal } from '#model/log-entry.ts'
import type { DeletionProgress } from '#model/protocol.ts'
import type { DisclosureRow, ErasedPeople, Warehouse } from '#warehouse/port.ts'
import type { ErasingVault, LeavingVault } from '#vault/erasure-port.ts'

export interface WaitingPlace {
  folder: number
  offset: number
  length: number
}

export type DeletionAnswer =
  | { state: 'asked'; entry: number; tasks: string[] }
  | { state: 'due'; why: string; entry?: number; refused?: true; retryAfterMs?: number }

export interface DeletionSubjects {
  users: readonly Ordinal[]
  devices: readonly Ordinal[]
}

/** What the worker asks of vendors about deletions. */
export interface VendorCalls {
  askDeletion(destination: string, of: DeletionSubjects & { epoch: number }): Promise<DeletionAnswer>
  deletionProgress(destination: string, task: string): Promise<DeletionProgress>
  /** How long the vendor may take, as it or the configuration says. */
  promiseDays(destination: string): number
  /** Identifiers in one request. */
  idsMax(destination: string): number
}

export interface ErasurePorts {
  vault: ErasingVault & Pick<LeavingVault, 'awaitedErasures'>
  gateway: {
    /** Forgets who is known; returns when all that was made of it is in the log. */
    forget(): Promise<void>
    replaceWaiting(replacements: readonly { folder: number; offset: number; blob: Buffer }[]): Promise<void>
  }
  worker: {
    /** Nothing that names them is under way to a vendor when it returns, and none begins. */
    refuse(people: ErasedPeople): Promise<void>
    /** All that is in the log is in the warehouse. */
    eventsLoaded(): Promise<void>
    /** All closed disclosures are loaded; gives those of open intents. */
    barrier(): Promise<{ open: readonly DisclosureRow[] }>
    eraseEvents(people: ErasedPeople): Promise<void>
    /** All that names them is in the tree over the ledger, and what proofs will need of their rows is kept. */
    keepRows(subjects: readonly Ordinal[]): Promise<void>
  }
  calls: VendorCalls
  warehouse: Pick<Warehouse, 'query'>
  /** The sealed blob; undefined when its file is gone. */
  readWaiting(place: WaitingPlace): Buffer | undefined
}

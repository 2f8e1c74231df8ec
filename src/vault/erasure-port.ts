/**
 * Erasing as the other processes see it. A job is one row of the key store: what is to be done next stands there before it is
 * done, so whoever is killed in the middle goes on, and a restore from an older copy of the data does the rest again. A job
 * holds numbers, times and configured names, and nothing that says who the person was.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { DeviceInterval, Look } from './port.ts'

/**
 * In this order. `unlink`: nobody finds the person any more, and one who returns is new. `settle`: nobody sends or loads what
 * names them, and what vendors were sent is known. `waiting`, `events`: their text and their events are taken out.
 * `secret`: their secret is destroyed.
 */
export const ERASURE_STEPS = ['unlink', 'settle', 'waiting', 'events', 'secret', 'done'] as const
export type ErasureStep = (typeof ERASURE_STEPS)[number]

/**
 * What one vendor is to be asked: to delete what it holds under identifiers of one epoch. `due`: to be asked; `asked`: it says
 * that it will; `done`: it says that it has.
 */
export interface Asking {
  vendor: string
  destination: string
  epoch: number
  state: 'due' | 'asked' | 'done'
  /** Since when it is in that state, UTC ms. */
  at: number
  /** Reason code of what is due. */
  why?: string
  /** Ledger entry of the last request, and how many there were. */
  entry?: number
  attempts?: number
  /** The vendor said no to the last request. */
  refused?: true
  /** When it said that it would for the first time, and by when it promised: asking again does not move either. */
  askedAt?: number
  dueAt?: number
  /** Names of the last request's tasks at the vendor. */
  tasks?: string[]
  /** Not to be asked again before that. */
  notBefore?: number
}

/** For one erased person. */
export interface Deletion extends Asking {
  users: Ordinal[]
  devices: Ordinal[]
}

/** For a vendor that is left: whoever was sent to it, a part at a time. */
export interface LeavingDeletion extends Asking {
  /** From 1, over all vendors. */
  id: number
  /** Whose identifiers: all that were sent above the first number up to the second, or the list. */
  subjects: { kind: 'user' | 'device'; above: number; upTo: number } | { users: Ordinal[]; devices: Ordinal[] }
  /** Identifiers in it. */
  count: number
}

export interface ErasureJob {
  id: number
  person: Ordinal
  /** Identifiers that are destroyed. */
  ordinals: Ordinal[]
  /** When a device that others use too was in this person's hands. */
  shared: DeviceInterval[]
  step: ErasureStep
  /** UTC ms. */
  askedAt: number
  suppress: boolean
  /** Other people who match what was asked for. */
  others: number
  deletions: Deletion[]
  erasedAt?: number
  /** When the last copy that could bring anything back is gone. */
  finalAt?: number
  /** Begun again from an older copy of the data. */
  again?: true
}

/** What keeps anything from being destroyed: a lawsuit, an open incident. */
export interface Hold {
  id: number
  openedAt: number
  closedAt: number | null
  /** Undefined: it holds everything. */
  vendor?: string
  reason: string
}

/** Which texts of a sealed blob go. */
export interface WaitingDrop {
  /** Which list of the blob; undefined: the blob is one list. */
  part: number | undefined
  /** Records in the list's own numbering; undefined: all of them. */
  records: number[] | undefined
}

/** Deletions that vendors owe, and what is kept of leaving a vendor. */
export interface LeavingVault {
  /** All of one vendor, or of all: what erasures asked for, and what leaving did. */
  deletions(vendor?: string): Promise<{ erasures: { erasure: number; deletions: Deletion[] }[]; leaving: LeavingDeletion[] }>
  /** Erasures of which a vendor has not said yet that it is done, although it was asked. */
  awaitedErasures(): Promise<ErasureJob[]>
  /** Writes down that a vendor that is left is to delete everybody; what exactly is planned later. */
  wishLeaving(vendor: string): Promise<void>
  /** Vendors for which that is not planned yet. */
  leavingWished(): Promise<string[]>
  /** Writes what such a vendor is to be asked; all or nothing, once a vendor. */
  planLeaving(vendor: string, plan: readonly Omit<LeavingDeletion, 'id'>[]): Promise<void>
  /** What is to be asked (`due`) or was asked (`asked`), in order. */
  leavingIn(state: 'due' | 'asked'): Promise<LeavingDeletion[]>
  putLeaving(deletion: LeavingDeletion): Promise<void>
  /** Ends the active epoch of a destination; no other begins by itself. Nothing when there is none. */
  closeEpochs(destinations: readonly string[], look: Look): Promise<void>
}

export interface ErasingVault {
  /** Writes the job down. One that is not done is given again. Throws `not_found`. */
  beginErasure(query: string, options: { suppress: boolean }, look: Look): Promise<ErasureJob>
  /** All that are not done, or whose vendors were not all asked. */
  openErasures(): Promise<ErasureJob[]>
  erasure(id: number): Promise<ErasureJob>
  /** Removes the person's rows. Throws `erase_deferred` while a hold is open. */
  unlinkErased(id: number): Promise<ErasureJob>
  /** Writes what is known and what comes next. */
  advanceErasure(id: number, change: Partial<Pick<ErasureJob, 'step' | 'deletions'>>): Promise<ErasureJob>
  /** The end: destroys the secrets. */
  destroyErased(id: number): Promise<ErasureJob>
  /** The same blob without some of its texts, as long as before; undefined when its key is gone or nothing of it goes. */
  resealWaiting(day: number, sealed: Uint8Array, drops: readonly WaitingDrop[]): Promise<Buffer | undefined>
  openHold(hold: { vendor?: string | undefined }, look: Look): Promise<Hold>
  closeHold(id: number, look: Look): Promise<Hold>
  holds(): Promise<Hold[]>
}

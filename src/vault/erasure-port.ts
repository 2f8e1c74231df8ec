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

/** What one vendor is to be asked: to delete what it holds under the identifiers of one epoch. */
export interface Deletion {
  vendor: string
  destination: string
  epoch: number
  users: Ordinal[]
  devices: Ordinal[]
  state: 'due' | 'asked'
  /** Since when it is in that state, UTC ms. */
  at: number
  /** Reason code of what is due. */
  why?: string
  /** Ledger entry of the last request, and how many there were. */
  entry?: number
  attempts?: number
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

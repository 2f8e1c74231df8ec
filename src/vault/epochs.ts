/**
 * Epochs of the destinations: each begins with a secret of its own, and what identifiers one destination gets follows from it.
 * `active` makes identifiers; `closed` makes none and still says whom they named; of a `destroyed` one nobody can say that.
 */
import type { KeyObject } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { assert, BulkheadError } from '#base/errors.ts'
import { checkpoint, transact } from './database.ts'
import { LABELS } from './labels.ts'
import { bind, deriveKey, newKeyBytes } from './seal.ts'

export type EpochState = 'active' | 'closed' | 'destroyed'

export interface Epoch {
  destination: string
  epoch: number
  state: EpochState
}

export interface EpochKeys {
  pseudonym: KeyObject
  insertId: KeyObject
  time: KeyObject
}

/** Under the root key. */
export interface Wrapping {
  wrap(secret: Uint8Array, bound: string): Buffer
  unwrap(wrapped: Uint8Array, bound: string): KeyObject
}

export class Epochs {
  readonly #db: DatabaseSync
  readonly #wrapping: Wrapping
  readonly #keys = new Map<string, EpochKeys>()

  constructor(db: DatabaseSync, wrapping: Wrapping) {
    this.#db = db
    this.#wrapping = wrapping
  }

  list(): Epoch[] {
    const rows = this.#db.prepare('SELECT destination, epoch, state FROM epochs ORDER BY destination, epoch').all()
    return rows.map((row) => ({ ...row }) as unknown as Epoch)
  }

  /** Begun when there is none. */
  active(destination: string, at: number): number {
    const latest = this.#latest(destination)
    return latest?.state === 'active' ? latest.epoch : this.#begin(destination, (latest?.epoch ?? 0) + 1, at)
  }

  /** Closes the active epoch and begins the next, in one commit: no moment without an active one. */
  rotate(destination: string, at: number): number {
    return transact(this.#db, () => {
      const latest = this.#latest(destination)
      if (latest?.state === 'active') this.close(destination, latest.epoch)
      return this.#begin(destination, (latest?.epoch ?? 0) + 1, at)
    })
  }

  state(destination: string, epoch: number): EpochState | undefined {
    const row = this.#db.prepare('SELECT state FROM epochs WHERE destination = ? AND epoch = ?').get(destination, epoch)
    return row?.state as EpochState | undefined
  }

  close(destination: string, epoch: number): void {
    this.#db.prepare("UPDATE epochs SET state = 'closed' WHERE destination = ? AND epoch = ? AND state = 'active'").run(destination, epoch)
  }

  /** From here on nobody can say whom the epoch's pseudonyms named. Throws `epoch_state_wrong` unless it is closed. */
  destroy(destination: string, epoch: number): void {
    const state = this.state(destination, epoch)
    if (state === 'destroyed') return
    if (state !== 'closed') {
      throw new BulkheadError(
        'epoch_state_wrong',
        `epoch ${epoch} of ${destination} is ${state ?? 'unknown'}: only a closed one is destroyed`,
      )
    }
    this.#db.prepare("UPDATE epochs SET state = 'destroyed', wrapped = NULL WHERE destination = ? AND epoch = ?").run(destination, epoch)
    this.#keys.delete(bind(destination, epoch))
    checkpoint(this.#db)
  }

  /** Undefined when there is no such epoch or it was destroyed. */
  keys(destination: string, epoch: number): EpochKeys | undefined {
    const name = bind(destination, epoch)
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const row = this.#db.prepare('SELECT wrapped FROM epochs WHERE destination = ? AND epoch = ?').get(destination, epoch)
    if (row === undefined || row.wrapped === null) return undefined
    const secret = this.#wrapping.unwrap(row.wrapped as Uint8Array, bind('epoch', destination, epoch))
    const keys = {
      pseudonym: deriveKey(secret, LABELS.pseudonym),
      insertId: deriveKey(secret, LABELS.insertId),
      time: deriveKey(secret, LABELS.time),
    }
    this.#keys.set(name, keys)
    return keys
  }

  #latest(destination: string): { epoch: number; state: EpochState } | undefined {
    assert(typeof destination === 'string' && destination !== '', 'a destination has a name')
    const row = this.#db.prepare('SELECT epoch, state FROM epochs WHERE destination = ? ORDER BY epoch DESC LIMIT 1').get(destination)
    return row as { epoch: number; state: EpochState } | undefined
  }

  #begin(destination: string, epoch: number, at: number): number {
    const secret = newKeyBytes()
    const wrapped = this.#wrapping.wrap(secret, bind('epoch', destination, epoch))
    secret.fill(0)
    this.#db
      .prepare("INSERT INTO epochs (destination, epoch, state, started_at, wrapped) VALUES (?, ?, 'active', ?, ?)")
      .run(destination, epoch, at, wrapped)
    return epoch
  }
}

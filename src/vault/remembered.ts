/**
 * What the key folder remembers of the data folder, so that an older copy of the data is known for what it is: the last
 * number that log and ledger gave out, and which flows were cut. Numbers, times and configured names only. Written every
 * few seconds, since each write is a flush: after an unclean end the true numbers may be a little higher.
 */
import { isDiskFull } from '#base/reserve.ts'
import { KEY_BACKUPS, readKeyBackups } from './key-rotating.ts'
import type { KeyStore } from './key-store.ts'
import type { Backups, Newest, Remember } from './port.ts'

const WRITE_EVERY_MS = 2000
const NOTHING: Newest = { log: 0, ledger: 0, flows: [], at: 0, exact: false }

export class Remembered {
  readonly #keys: KeyStore
  readonly #now: () => number
  readonly #final = new Set<string>()
  #newest: Newest
  #written: Newest

  constructor(keys: KeyStore, now: () => number) {
    this.#keys = keys
    this.#now = now
    this.#newest = parse<Newest>(keys.meta('newest')) ?? NOTHING
    this.#written = this.#newest
    if (this.#newest.exact) for (const part of ['log', 'ledger']) this.#final.add(part)
  }

  get newest(): Newest {
    return this.#newest
  }

  /** Numbers never go down here: that an older copy runs must not make the newer one forgotten. */
  remember({ log, ledger, flows, operators = this.#newest.operators, notices = this.#newest.notices, final = false }: Remember): void {
    for (const [part, value] of Object.entries({ log, ledger })) {
      if (value === undefined) continue
      if (final) this.#final.add(part)
      else this.#final.delete(part)
    }
    const before = this.#newest.operators
    const isNews = operators !== before
    this.#newest = {
      log: Math.max(this.#newest.log, log ?? 0),
      ledger: Math.max(this.#newest.ledger, ledger ?? 0),
      flows: flows ?? this.#newest.flows,
      ...(operators && { operators }),
      ...(notices && { notices }),
      at: this.#now(),
      exact: this.#final.size === 2,
    }
    const isDue = Math.abs(this.#newest.at - this.#written.at) >= WRITE_EVERY_MS
    // A running Bulkhead must never be taken for one that stopped cleanly, and a cut or an operator is remembered at once.
    const isOwed = this.#newest.exact !== this.#written.exact || flows !== undefined || isNews
    if (!isDue && !isOwed) return
    try {
      this.write()
    } catch (thrown) {
      // Whoever is told that an operator was not added must not find one later.
      if (isNews) this.#newest = withOperators(this.#newest, before)
      // Numbers may lag, and a part that ended while the disk is full must be able to start again.
      if (isOwed || !isDiskFull(thrown)) throw thrown
    }
  }

  /** Only `restore` does that, which writes down what is lost. */
  replace(newest: Newest): void {
    this.#newest = newest
    this.write()
  }

  write(): void {
    if (this.#newest === this.#written) return
    this.#keys.setMeta('newest', JSON.stringify(this.#newest))
    this.#written = this.#newest
  }

  backups(): Backups {
    return parse<Backups>(this.#keys.meta('backups')) ?? {}
  }

  recordBackup(kind: keyof Backups, made: { at: number; dir: string }): void {
    this.#keys.setMeta('backups', JSON.stringify({ ...this.backups(), [kind]: made }))
    // Each copy of keys is remembered until it is removed (key-rotating.ts).
    if (kind === 'keys') this.#keys.setMeta(KEY_BACKUPS, JSON.stringify([...readKeyBackups(this.#keys), made]))
  }
}

function withOperators({ operators: _, ...newest }: Newest, operators: Newest['operators']): Newest {
  return { ...newest, ...(operators && { operators }) }
}

function parse<Value>(text: unknown): Value | undefined {
  return typeof text === 'string' ? (JSON.parse(text) as Value) : undefined
}

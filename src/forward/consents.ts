/**
 * What people have said of consent, kept for each identifier in the ledger's file: made of the log alone, in its order, so
 * a crash leaves a state that reading on completes. It is read ahead of the forwarders, up to the head of the log, because
 * a withdrawal counts for what waits before it. Most entries say nothing and are passed over undecoded.
 */
import type { Clock } from '#base/clock.ts'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import { LedgerStopped } from '#ledger/ledger.ts'
import type { Ledger } from '#ledger/port.ts'
import type { LogReader } from '#log/port.ts'
import type { LogEntry, Ordinal } from '#model/log-entry.ts'
import { packPersonConsent, type PersonConsent, unpackPersonConsent, withStatement } from '#policy/policy.ts'
import type { PeopleConsent } from './port.ts'

const MARK = '"consents":'
const ENTRIES_AT_ONCE = 2_000
/** The place is written at least so often: the log is kept from there on. */
const PASSED_MAX = 20_000
const IDLE_MS = 1_000
/** Look-ups that are remembered, those that found nothing too. */
const REMEMBERED_MAX = 500_000

const NOTHING_SAID: PersonConsent = {}

export class Consents implements PeopleConsent {
  readonly #log: Pick<LogReader, 'head' | 'tail' | 'find'>
  readonly #ledger: Ledger
  readonly #clock: Clock
  /** By identifier; null where nothing is said. Nobody else writes these rows. */
  readonly #known = new Map<Ordinal, PersonConsent | null>()
  readonly #unsaved = new Map<Ordinal, PersonConsent>()
  /** First entry that has not been read. */
  #next: number
  #reading: Promise<void> | undefined
  #changes = 0
  /** While nobody has ever said anything, nobody is looked up. */
  #anybody: boolean

  constructor(parts: { log: Pick<LogReader, 'head' | 'tail' | 'find'>; ledger: Ledger; clock: Clock }) {
    this.#log = parts.log
    this.#ledger = parts.ledger
    this.#clock = parts.clock
    this.#next = this.#ledger.consentCursor()
    this.#anybody = this.#ledger.hasConsents()
  }

  /** Grows with each change of what anybody has said: while it is the same, decisions are. */
  get changes(): number {
    return this.#changes
  }

  /** First entry that is still needed. */
  needed(): number {
    return this.#ledger.consentCursor()
  }

  of(ordinal: Ordinal): PersonConsent | undefined {
    if (!this.#anybody) return undefined
    const known = this.#known.get(ordinal)
    if (known !== undefined) return known ?? undefined
    const found = this.#unsaved.get(ordinal) ?? readStored(this.#ledger.consent(ordinal))
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear()
    this.#known.set(ordinal, found ?? null)
    return found
  }

  /** Returns when everything is read that the log held at the call. */
  async catchUp(): Promise<void> {
    const head = this.#log.head()
    while (this.#next <= head) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined
      })
      await this.#reading
    }
  }

  /** Of erased people, once the log names them no more: nothing is kept of what they said, since nothing of theirs is sent. */
  async forget(ordinals: readonly Ordinal[]): Promise<void> {
    await this.catchUp()
    await this.#save()
    for (const ordinal of ordinals) {
      this.#unsaved.delete(ordinal)
      this.#known.set(ordinal, null)
    }
    await this.#ledger.saveConsents(
      ordinals.map((ordinal) => [ordinal, undefined]),
      this.#ledger.consentCursor(),
    )
  }

  /** For when nobody sends: the log must not be kept for want of a reader. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.catchUp()
        if (this.#next > this.#ledger.consentCursor()) await this.#save()
      } catch (thrown) {
        // A log that cannot be read stops each forwarder, which says so.
        if (thrown instanceof LedgerStopped || toBulkheadError(thrown).code === 'ledger_corrupt') throw thrown
      }
      await this.#clock.sleep(IDLE_MS, signal)
    }
  }

  async #read(): Promise<void> {
    const { entries, next } = this.#log.find(Math.max(this.#next, this.#log.tail()), MARK, ENTRIES_AT_ONCE)
    for (const entry of entries) this.#take(entry)
    if (next <= this.#next) throw new BulkheadError('log_corrupt', `log entry ${this.#next} is not there, and the log goes on behind it`)
    this.#next = next
    // In memory it counts at once; on disk it must be before the log may forget it.
    if (this.#unsaved.size > 0 || this.#next - this.#ledger.consentCursor() >= PASSED_MAX) await this.#save()
    else await this.#clock.sleep(0)
  }

  #take({ seq, trust, consents = [] }: LogEntry): void {
    for (const { of, ...said } of consents) {
      for (const ordinal of of) {
        const before = this.of(ordinal) ?? NOTHING_SAID
        const after = withStatement(before, said, seq, trust)
        if (after === before) continue
        this.#changes++
        this.#anybody = true
        this.#known.set(ordinal, after)
        this.#unsaved.set(ordinal, after)
      }
    }
  }

  async #save(): Promise<void> {
    const changed = [...this.#unsaved]
    await this.#ledger.saveConsents(
      changed.map(([ordinal, person]) => [ordinal, packPersonConsent(person)]),
      this.#next,
    )
    for (const [ordinal, person] of changed) if (this.#unsaved.get(ordinal) === person) this.#unsaved.delete(ordinal)
  }
}

function readStored(packed: unknown): PersonConsent | undefined {
  if (packed === undefined) return undefined
  const person = unpackPersonConsent(packed)
  if (person === undefined) throw new BulkheadError('ledger_corrupt', 'what somebody said of consent is malformed in the ledger')
  return person
}

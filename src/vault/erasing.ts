/**
 * The vault's part in erasing a person: the jobs and their order, rows and secrets, sealed text without the person's, and
 * the holds that keep all of it waiting. What other stores have to do is done by `#vendors/erase.ts`, step by step.
 */
import { DAY_MS } from '#base/clock.ts'
import { assert, BulkheadError } from '#base/errors.ts'
import { type Ordinal, WAITING_DAYS } from '#model/log-entry.ts'
import type { Committer } from './commit.ts'
import { removePeople, erasePeople } from './erasures.ts'
import type { HoldRow } from './erasure-book.ts'
import { ERASURE_STEPS, type ErasingVault, type ErasureJob, type Hold, type WaitingDrop } from './erasure-port.ts'
import type { KeyStore } from './key-store.ts'
import { LABELS } from './labels.ts'
import { PeopleFinder } from './people.ts'
import { type Backups, type DeviceInterval, type ErasureCounts, KEY_BACKUP_DAYS, type Look, type Person } from './port.ts'
import { EDGE_CODES, ROLE_BITS, type Rows } from './rows.ts'
import { bind, deriveKey, open, seal } from './seal.ts'
import { factTag, identifierTag } from './suppression.ts'
import { resealBlob } from './waiting-blob.ts'

/** Beyond what a day's key is kept for it may live a day longer (steady-clock.ts). */
const WAITING_KEPT_MS = (WAITING_DAYS + 1) * DAY_MS

export interface ErasingParts {
  keys: KeyStore
  rows: Rows
  committer: Committer
  now: () => number
  /** The people whom a question names, best founded first. */
  resolve: (query: string) => Person[]
  record: (look: Look, counts: Record<string, number>, query?: { text: string; about: number | undefined }) => void
  backups: () => Backups
}

export class Erasing implements ErasingVault {
  readonly #parts: ErasingParts

  constructor(parts: ErasingParts) {
    this.#parts = parts
  }

  async beginErasure(query: string, { suppress }: { suppress: boolean }, look: Look): Promise<ErasureJob> {
    const { keys, rows, now } = this.#parts
    const [found, ...others] = this.#parts.resolve(query)
    this.#parts.record(look, { people: others.length + (found === undefined ? 0 : 1) }, { text: query, about: found?.person })
    if (found === undefined) throw new BulkheadError('not_found', 'nobody with this address or id is known')
    const known = keys.erasures.jobs().find((job) => job.step !== 'done' && job.person === found.person)
    if (known !== undefined) return suppress && known.step === 'unlink' ? keys.erasures.put({ ...known, suppress }) : known
    return keys.erasures.add({
      person: found.person,
      ...extentOf(found, rows),
      step: 'unlink',
      askedAt: now(),
      suppress,
      others: others.length,
      deletions: [],
    })
  }

  async openErasures(): Promise<ErasureJob[]> {
    return this.#parts.keys.erasures.jobs().filter((job) => job.step !== 'done' || job.deletions.some(({ state }) => state === 'due'))
  }

  async erasure(id: number): Promise<ErasureJob> {
    return this.#parts.keys.erasures.job(id)
  }

  async unlinkErased(id: number): Promise<ErasureJob> {
    const { keys, rows, committer } = this.#parts
    const job = keys.erasures.job(id)
    if (job.step !== 'unlink') return job
    const hold = keys.erasures.holds().find(({ closedAt }) => closedAt === null)
    if (hold !== undefined) {
      throw new BulkheadError('erase_deferred', `erasure ${id} is on record and waits for hold ${hold.id} to be closed`)
    }
    // What was said up to now is written first, so that it goes with the rest.
    committer.drain()
    // First that they must not come back: a crash between the two would let them in.
    if (job.suppress) keys.erasures.put(job, this.#tagsOf(job))
    rows.transact(() => removePeople(rows, job.ordinals))
    rows.checkpoint()
    committer.forget(job.ordinals)
    return keys.erasures.put({ ...job, step: 'settle' })
  }

  async advanceErasure(id: number, change: Partial<Pick<ErasureJob, 'step' | 'deletions'>>): Promise<ErasureJob> {
    const job = this.#parts.keys.erasures.job(id)
    const [from, to] = [ERASURE_STEPS.indexOf(job.step), ERASURE_STEPS.indexOf(change.step ?? job.step)]
    assert(to === from || (to === from + 1 && change.step !== 'done' && job.step !== 'unlink'), 'an erasure goes step by step')
    return this.#parts.keys.erasures.put({ ...job, ...change })
  }

  async destroyErased(id: number): Promise<ErasureJob> {
    const { keys, rows, committer, now } = this.#parts
    const job = keys.erasures.job(id)
    if (job.step === 'done') return job
    assert(job.step === 'secret', 'the secret is destroyed last')
    committer.drain()
    const erasedAt = job.erasedAt ?? now()
    const done: ErasureJob = { ...job, step: 'done', erasedAt, finalAt: finalAt(erasedAt, this.#parts.backups()) }
    erasePeople(keys, rows, job.ordinals, erasedAt, done)
    committer.forget(job.ordinals)
    return done
  }

  async resealWaiting(day: number, sealed: Uint8Array, drops: readonly WaitingDrop[]): Promise<Buffer | undefined> {
    const keys = this.#parts.keys.waitingKeys(day, false)
    return keys && resealBlob(keys, day, sealed, drops)
  }

  counts(): ErasureCounts {
    const { erasures } = this.#parts.keys
    const jobs = erasures.jobs()
    return {
      open: jobs.filter(({ step }) => step !== 'done').length,
      due: jobs.reduce((sum, { deletions }) => sum + deletions.filter(({ state }) => state === 'due').length, 0),
      holds: erasures.holds().filter(({ closedAt }) => closedAt === null).length,
    }
  }

  /** Whose events nobody sends any more. */
  erasedPeople(): { ordinals: Ordinal[]; shared: DeviceInterval[] } {
    const { erasures } = this.#parts.keys
    const jobs = erasures.jobs().filter(({ step }) => step !== 'unlink')
    const ordinals = new Set([...jobs.flatMap((job) => job.ordinals), ...erasures.erasedSince(0).ordinals])
    return { ordinals: [...ordinals], shared: jobs.flatMap(({ shared }) => shared) }
  }

  /** For data from a backup of that moment: what was taken out of the stores since then is there again. */
  repeatErasures(since: number): number {
    const { erasures } = this.#parts.keys
    const redone = erasures.jobs().filter((job) => job.step !== 'unlink' && !((job.erasedAt ?? Infinity) < since))
    // Whose secret lives still is found again in the older rows.
    for (const job of redone) erasures.put({ ...job, step: job.erasedAt === undefined ? 'unlink' : 'settle', again: true })
    return redone.length
  }

  // ------------------------------------------------------------------------------------------------------- holds

  async openHold({ vendor }: { vendor?: string | undefined }, look: Look): Promise<Hold> {
    const { keys, now, record } = this.#parts
    record(look, {})
    const id = keys.erasures.openHold({
      at: now(),
      vendor: vendor ?? null,
      seal: (own) => seal(this.#holdKey(), bind('hold', own), look.reason),
    })
    return this.#hold(id)
  }

  async closeHold(id: number, look: Look): Promise<Hold> {
    const { keys, now, record } = this.#parts
    this.#hold(id)
    record(look, { hold: id })
    keys.erasures.closeHold(id, now())
    return this.#hold(id)
  }

  async holds(): Promise<Hold[]> {
    return this.#parts.keys.erasures.holds().map((row) => this.#decodeHold(row))
  }

  #hold(id: number): Hold {
    const row = this.#parts.keys.erasures.holds().find((hold) => hold.id === id)
    if (row === undefined) throw new BulkheadError('not_found', `there is no hold ${id}`)
    return this.#decodeHold(row)
  }

  #decodeHold({ id, openedAt, closedAt, vendor, sealed }: HoldRow): Hold {
    const reason = open(this.#holdKey(), bind('hold', id), sealed)
    if (reason === undefined) throw new BulkheadError('key_wrong', 'the reason of a hold does not open')
    return { id, openedAt, closedAt, ...(vendor === null ? {} : { vendor }), reason: reason.toString('utf8') }
  }

  #holdKey(): ReturnType<typeof deriveKey> {
    return deriveKey(this.#parts.keys.named('looks'), LABELS.hold)
  }

  /** A device is not suppressed: somebody else may use it next. */
  #tagsOf({ ordinals }: ErasureJob): Buffer[] {
    const { keys, rows } = this.#parts
    const users = ordinals.filter((ordinal) => ((rows.identifier(ordinal)?.roles ?? 0) & ROLE_BITS.user) !== 0)
    return users.flatMap((ordinal) => {
      const row = rows.hashOf(ordinal)
      const facts = rows.lookups(ordinal).map(({ field, lookup }) => factTag(keys, field, lookup))
      return row === undefined ? facts : [identifierTag(keys, row.scope, row.hash), ...facts]
    })
  }
}

/** A device that somebody else has signed in on too stays, and with it what it was for others. */
function extentOf(found: Person, rows: Rows): Pick<ErasureJob, 'ordinals' | 'shared'> {
  const finder = new PeopleFinder(rows)
  const isShared = (device: number): boolean => {
    const signIns = [...rows.edgesFrom(EDGE_CODES.device, device), ...rows.tombstones(EDGE_CODES.device, device)]
    return signIns.some(({ target }) => finder.personOf(target) !== found.person)
  }
  const devices = [...new Set(found.devices.map(({ device }) => device))].filter((device) => !found.users.includes(device))
  const own = devices.filter((device) => !isShared(device) && finder.personOf(device) === device)
  const shared = found.devices.filter(({ device }) => !own.includes(device) && !found.users.includes(device))
  return { ordinals: [...found.users, ...own], shared }
}

/**
 * The last copies that hold the secret are copies of keys. Sealed text opens until its day's key is gone: what an SDK sent
 * twice lies in the waiting room a second time, where nobody knows whose it is, and copies of the data hold the first.
 */
function finalAt(erasedAt: number, { keys }: Backups): number {
  return Math.max(erasedAt + WAITING_KEPT_MS, keys === undefined ? 0 : keys.at + KEY_BACKUP_DAYS * DAY_MS)
}

/**
 * What vendors owe: everybody's deletion at a vendor that is left, asked for part by part at the vendor's pace, and the progress
 * of all that was asked for, erasures included. Each step stands in the key store before the next: a kill repeats one request.
 */
import type { Clock } from '#base/clock.ts'
import { type BulkheadError, toBulkheadError } from '#base/errors.ts'
import { DELETION_PURPOSE } from '#model/disclosure.ts'
import type { LeavingDeletion, LeavingVault } from '#vault/erasure-port.ts'
import type { DisclosureRow, Warehouse } from '#warehouse/port.ts'
import { askOnce, isEarly, lookAfter } from './asking.ts'
import type { DeletionSubjects, VendorCalls } from './ports.ts'

export interface VendorDeletionPorts {
  vault: LeavingVault
  calls: VendorCalls
  /** All closed disclosures are loaded; gives those of open intents. */
  barrier(): Promise<{ open: readonly DisclosureRow[] }>
  warehouse: Pick<Warehouse, 'query'>
  lookAfterErasures(vendor?: string): Promise<void>
}

const REST_MS = 30_000
const BUSY_MS = 5000
/** A destination that did not say yes rests, each time for twice as long. */
const PAUSE_MS = 5000
const PAUSE_MS_MAX = 3_600_000
/** Deletions take vendors days. */
const LOOK_EVERY_MS = 6 * 3_600_000
const FIRST_LOOK_MS = 600_000

const SENT = `SELECT DISTINCT destination, epoch, kind, subject FROM disclosures
  WHERE vendor = {vendor:String} AND kind IN ('user', 'device') AND purpose != {deletion:String}`
const PARTS = `SELECT destination, epoch, toString(kind) AS kind, count() AS subjects FROM (${SENT}) GROUP BY destination, epoch, kind
  ORDER BY destination, epoch, kind`
const OF_PART = `SELECT DISTINCT subject FROM disclosures WHERE subject > {above:UInt64} AND subject <= {upTo:UInt64}
  AND vendor = {vendor:String} AND destination = {destination:String} AND epoch = {epoch:UInt32} AND kind = {kind:String}
  AND purpose != {deletion:String}`
const ENDS = `SELECT subject FROM (SELECT subject, row_number() OVER (ORDER BY subject) AS place FROM (${OF_PART}))
  WHERE place % {idsMax:UInt32} = 0 ORDER BY subject`
const ALL = { above: 0, upTo: Number.MAX_SAFE_INTEGER }

interface Part {
  destination: string
  epoch: number
  kind: 'user' | 'device'
  subjects: number
}

export class VendorDeletions {
  readonly #ports: VendorDeletionPorts
  readonly #clock: Clock
  readonly #onFailure: (error: BulkheadError) => void
  readonly #pauses = new Map<string, { until: number; ms: number }>()
  #looks: Promise<unknown> = Promise.resolve()
  #waking = new AbortController()

  constructor(ports: VendorDeletionPorts, options: { clock: Clock; onFailure: (error: BulkheadError) => void }) {
    this.#ports = ports
    this.#clock = options.clock
    this.#onFailure = options.onFailure
  }

  async run(signal: AbortSignal): Promise<void> {
    let lookedAt = this.#clock.now() - LOOK_EVERY_MS + FIRST_LOOK_MS
    const failed = (thrown: unknown): void => this.#onFailure(toBulkheadError(thrown))
    while (!signal.aborted) {
      const left = await this.askAll(signal).catch(failed)
      if (Math.abs(this.#clock.now() - lookedAt) >= LOOK_EVERY_MS) {
        lookedAt = this.#clock.now()
        await this.look().catch(failed)
      }
      await this.#clock.sleep(left === undefined || left > 0 ? BUSY_MS : REST_MS, AbortSignal.any([signal, this.#waking.signal]))
      this.#waking = new AbortController()
    }
  }

  /** There is something to ask. */
  wake(): void {
    this.#waking.abort()
  }

  /** Plans what is not planned, and asks once for each part that is due; returns how many are still. */
  async askAll(signal?: AbortSignal): Promise<number> {
    const { vault, calls } = this.#ports
    for (const vendor of await vault.leavingWished()) await this.#plan(vendor)
    const due = await vault.leavingIn('due')
    let left = due.length
    for (const owed of due) {
      const now = this.#clock.now()
      if (signal?.aborted === true) break
      if (isEarly(owed, now) || this.#isPaused(owed.destination, now)) continue
      const answered = await askOnce(owed, { calls, now: () => this.#clock.now(), subjects: () => this.#subjectsOf(owed) })
      if (answered !== owed) await vault.putLeaving(answered)
      this.#pause(owed.destination, answered)
      if (answered.state === 'asked') left--
    }
    return left
  }

  /** Asks vendors how far they are; one look at a time. */
  look(vendor?: string): Promise<void> {
    const look = this.#looks.then(() => this.#look(vendor))
    this.#looks = look.catch(() => undefined)
    return look
  }

  async #look(vendor: string | undefined): Promise<void> {
    const { vault, calls } = this.#ports
    await this.#ports.lookAfterErasures(vendor)
    const silent = new Set<string>()
    for (const owed of await vault.leavingIn('asked')) {
      if (vendor !== undefined && owed.vendor !== vendor) continue
      const seen = await lookAfter(owed, { calls, now: () => this.#clock.now(), silent })
      if (seen !== owed) await vault.putLeaving(seen)
    }
  }

  #isPaused(destination: string, now: number): boolean {
    const pause = this.#pauses.get(destination)
    return pause !== undefined && now < pause.until && pause.until - now <= PAUSE_MS_MAX
  }

  #pause(destination: string, { state, notBefore = 0 }: LeavingDeletion): void {
    if (state === 'asked') return void this.#pauses.delete(destination)
    const ms = Math.min((this.#pauses.get(destination)?.ms ?? PAUSE_MS / 2) * 2, PAUSE_MS_MAX)
    const now = this.#clock.now()
    this.#pauses.set(destination, { until: Math.min(Math.max(now + ms, notBefore), now + PAUSE_MS_MAX), ms })
  }

  /** The parts are ranges, not lists: what is loaded later falls into them too. */
  async #plan(vendor: string): Promise<void> {
    const { vault, warehouse, calls } = this.#ports
    const { open } = await this.#ports.barrier()
    const at = this.#clock.now()
    const plan: Omit<LeavingDeletion, 'id'>[] = []
    const given = { vendor, deletion: DELETION_PURPOSE }
    for (const { destination, epoch, kind, subjects } of await warehouse.query<Part>(PARTS, given, 'badday')) {
      const idsMax = calls.idsMax(destination)
      const of = { ...given, ...ALL, destination, epoch: Number(epoch), kind, idsMax }
      const ends = (await warehouse.query<{ subject: number }>(ENDS, of, 'badday')).map(({ subject }) => Number(subject))
      const total = Number(subjects)
      if (total > 0 && total % idsMax === 0) ends.pop()
      for (const [index, upTo] of [...ends, ALL.upTo].entries()) {
        const count = index < ends.length ? idsMax : total - ends.length * idsMax
        const range = { kind, above: ends[index - 1] ?? ALL.above, upTo }
        plan.push({ vendor, destination, epoch: Number(epoch), state: 'due', at, subjects: range, count })
      }
    }
    await vault.planLeaving(vendor, [...plan, ...openParts(vendor, open, at)])
  }

  async #subjectsOf({ vendor, destination, epoch, subjects }: LeavingDeletion): Promise<DeletionSubjects> {
    if ('users' in subjects) return subjects
    const of = { vendor, destination, epoch, deletion: DELETION_PURPOSE, ...subjects }
    const rows = await this.#ports.warehouse.query<{ subject: number }>(`${OF_PART} ORDER BY subject`, of, 'badday')
    const found = rows.map(({ subject }) => Number(subject))
    return subjects.kind === 'user' ? { users: found, devices: [] } : { users: [], devices: found }
  }
}

/** What may be under way stands in no table yet. */
function openParts(vendor: string, open: readonly DisclosureRow[], at: number): Omit<LeavingDeletion, 'id'>[] {
  const parts = new Map<string, { destination: string; epoch: number; users: Set<number>; devices: Set<number> }>()
  for (const row of open) {
    if (row.vendor !== vendor || row.kind === 'group' || row.purpose === DELETION_PURPOSE) continue
    const { destination, epoch, kind, subject } = row
    const part = parts.get(`${destination} ${epoch}`) ?? { destination, epoch, users: new Set(), devices: new Set() }
    parts.set(`${destination} ${epoch}`, part)
    const list = kind === 'user' ? part.users : part.devices
    list.add(subject)
  }
  return [...parts.values()].map(({ destination, epoch, users, devices }) => ({
    ...{ vendor, destination, epoch, at, state: 'due' as const },
    subjects: { users: [...users], devices: [...devices] },
    count: users.size + devices.size,
  }))
}

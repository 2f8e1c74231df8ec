/** Whose records are not sent any more, although they stand in the log. */
import { DAY_MS } from '#base/clock.ts'
import type { LogEntry, LogRecord, Ordinal } from '#model/log-entry.ts'

/** Identifiers, and when a device that others use too was in an erased person's hands. */
export interface Erased {
  ordinals: readonly Ordinal[]
  shared: readonly { device: Ordinal; from: number; to: number }[]
}

export class ErasedSubjects {
  readonly #ordinals = new Set<Ordinal>()
  readonly #shared = new Map<Ordinal, { from: number; to: number }[]>()

  constructor(erased: Erased = { ordinals: [], shared: [] }) {
    this.add(erased)
  }

  add({ ordinals, shared }: Erased): void {
    for (const ordinal of ordinals) this.#ordinals.add(ordinal)
    for (const { device, from, to } of shared) this.#shared.set(device, [...(this.#shared.get(device) ?? []), { from, to }])
  }

  /** A record that names an erased person beside another goes as a whole: its names belong together. */
  isIn({ user, device, linked, time, erased }: LogRecord): boolean {
    if (erased === true) return true
    if (this.#ordinals.size === 0) return false
    if (user !== undefined && this.#ordinals.has(user)) return true
    if (device !== undefined && this.#ordinals.has(device)) return true
    if (linked?.some(({ ordinal }) => this.#ordinals.has(ordinal)) === true) return true
    if (user !== undefined || device === undefined) return false
    return this.#shared.get(device)?.some(({ from, to }) => time >= from && time < to) === true
  }

  /** The same entries with as many records, theirs as counts. */
  withoutIn(entries: readonly LogEntry[]): readonly LogEntry[] {
    if (this.#ordinals.size === 0) return entries
    return entries.map((entry) => {
      if (!entry.records.some((record) => this.isIn(record))) return entry
      return { ...entry, records: entry.records.map((record) => (this.isIn(record) ? countOf(record) : record)) }
    })
  }
}

/** As an erasure leaves a row in the warehouse. */
function countOf({ type, name, reserved, time }: LogRecord): LogRecord {
  const day = Math.floor(time / DAY_MS) * DAY_MS
  return { type, ...(name === undefined ? {} : { name }), ...(reserved === undefined ? {} : { reserved }), time: day, erased: true }
}

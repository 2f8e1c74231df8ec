/**
 * Entries that were decoded lately. Loader and forwarders read the same ones within a second or so, and decoding is most of
 * what reading costs. Whoever gets an entry shares it and changes nothing in it.
 */
import type { LogEntry } from '#model/log-entry.ts'

export class RecentEntries {
  readonly #bytesMax: number
  /** In the order in which they were decoded. */
  readonly #entries = new Map<number, { entry: LogEntry; bytes: number }>()
  #bytes = 0

  /** `bytesMax` counts the entries as they lie in the log; in memory they are about three times as large. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get(seq: number, bytes: number): LogEntry | undefined {
    const known = this.#entries.get(seq)
    return known?.bytes === bytes ? known.entry : undefined
  }

  add(entry: LogEntry, bytes: number): void {
    this.#forget(entry.seq)
    this.#entries.set(entry.seq, { entry, bytes })
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) break
      this.#forget(oldest)
    }
  }

  #forget(seq: number): void {
    const known = this.#entries.get(seq)
    if (known === undefined) return
    this.#entries.delete(seq)
    this.#bytes -= known.bytes
  }
}

/** From a draft and the records that are kept to the entry that stands in the log, and back to its repeat hashes. */
import type { LogEntry } from '#model/log-entry.ts'
import { HASH_BYTES } from './dedup-index.ts'
import type { LogDraft } from './port.ts'

/** Stands where the SDK sent no insert id; as latin1 text. */
export const NO_HASH = '\0'.repeat(HASH_BYTES)

export function entryOf(
  rest: Omit<LogDraft, 'dedup'>,
  given: { seq: number; kept: readonly number[]; dedup: Buffer; hashed: boolean },
): LogEntry {
  const { seq, kept, dedup, hashed } = given
  const entry: LogEntry = { seq, ...rest }
  let hashes = dedup
  if (kept.length < rest.records.length) {
    entry.records = kept.map((record) => rest.records[record] as LogEntry['records'][number])
    hashes = Buffer.concat(kept.map((record) => dedup.subarray(record * HASH_BYTES, (record + 1) * HASH_BYTES)))
    if (rest.waiting !== undefined) {
      const keptSet = new Set(kept)
      entry.waiting = { ...rest.waiting, skipped: rest.records.map((_, record) => record).filter((record) => !keptSet.has(record)) }
    }
  }
  if (hashed) entry.dedup = hashes.toString('base64')
  return entry
}

/** The repeat hashes of an entry as latin1 text, without the empty ones. */
export function hashesOf(entry: LogEntry): string[] {
  if (entry.dedup === undefined) return []
  const text = Buffer.from(entry.dedup, 'base64').toString('latin1')
  const hashes: string[] = []
  for (let at = 0; at < text.length; at += HASH_BYTES) {
    const hash = text.slice(at, at + HASH_BYTES)
    if (hash !== NO_HASH) hashes.push(hash)
  }
  return hashes
}

/** About what LMDB uses: small values share pages, large ones get whole pages of 4 KiB. */
export function bytesInFolder(blobBytes: number): number {
  return blobBytes < 2000 ? blobBytes + 32 : Math.ceil((blobBytes + 24) / 4096) * 4096 + 32
}

/**
 * The canonical bytes of an entry and of its rows: what a leaf of the tree commits to (leaf.ts). They are fixed, so that
 * leaves can be computed at any later time from entries that exist.
 *
 * Rows, as of the first leaf, name neither subject nor groups by their ordinals: whose row it is follows from the key that
 * commits to it, and a group stands as a tag of this entry alone. So a row can be shown to its subject, who is told no number
 * that the vault uses inside.
 *
 * Encoding: fields in the order written below, nothing left out, so that equal bytes mean equal entries.
 * - text: length in bytes (u32, big endian), then UTF-8
 * - number, instant: i64, big endian, two's complement
 * - list: count (u32), then the elements
 * The first field is a label with the kind of entry and the version of this encoding.
 */
import type { Gap, Intent, LedgerEntry, ManifestRow, Outcome, SubjectKind } from '#model/disclosure.ts'
import { assert } from '#base/errors.ts'

const INTENT_LABEL = 'bulkhead/ledger/intent/v1'
const OUTCOME_LABEL = 'bulkhead/ledger/outcome/v1'
const GAP_LABEL = 'bulkhead/ledger/gap/v1'
const ROW_LABEL = 'bulkhead/ledger/row/v1'

const KIND_ORDER: Record<SubjectKind, number> = { user: 0, device: 1, group: 2 }

class CanonicalWriter {
  readonly #parts: Buffer[] = []

  text(value: string): this {
    const bytes = Buffer.from(value, 'utf8')
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    this.#parts.push(length, bytes)
    return this
  }

  integer(value: number): this {
    assert(Number.isSafeInteger(value), 'canonical numbers are whole')
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(BigInt(value))
    this.#parts.push(bytes)
    return this
  }

  list<T>(values: readonly T[], write: (value: T) => void): this {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(values.length)
    this.#parts.push(count)
    for (const value of values) write(value)
    return this
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/**
 * All fields of the entry but `salt` (the HMAC's key), `manifest` (ciphertext: a leaf commits to plain content), and the
 * signature that is made over these bytes.
 */
export function canonicalHeader(entry: LedgerEntry): Buffer {
  if (entry.type === 'gap') return gapHeader(entry)
  return entry.type === 'intent' ? intentHeader(entry) : outcomeHeader(entry)
}

export function gapHeader(gap: Omit<Gap, 'key' | 'signature'>): Buffer {
  return new CanonicalWriter()
    .text(GAP_LABEL)
    .integer(gap.version)
    .integer(gap.entry)
    .integer(gap.at)
    .integer(gap.from)
    .integer(gap.to)
    .integer(gap.exact ? 1 : 0)
    .text(gap.origin)
    .integer(gap.backupAt)
    .bytes()
}

function intentHeader(entry: Intent): Buffer {
  return new CanonicalWriter()
    .text(INTENT_LABEL)
    .integer(entry.version)
    .integer(entry.entry)
    .integer(entry.at)
    .text(entry.vendor)
    .text(entry.destination)
    .text(entry.route)
    .integer(entry.epoch)
    .integer(entry.policy)
    .integer(entry.encoder)
    .text(entry.purpose)
    .integer(entry.from.seq)
    .integer(entry.from.index)
    .integer(entry.to.seq)
    .integer(entry.to.index)
    .text(entry.bodySha256)
    .integer(entry.records)
    .integer(entry.subjects)
    .integer(entry.first)
    .integer(entry.last)
    .integer(entry.fence)
    .bytes()
}

function outcomeHeader(entry: Outcome): Buffer {
  const writer = new CanonicalWriter()
  return writer
    .text(OUTCOME_LABEL)
    .integer(entry.version)
    .integer(entry.entry)
    .integer(entry.at)
    .integer(entry.intent)
    .text(entry.state)
    .integer(entry.attempts)
    .integer(entry.status)
    .list(entry.refused, (refusal) => writer.text(refusal.reason).integer(refusal.count))
    .bytes()
}

/**
 * What the commitment of each row covers, in the order of the rows; `groupTag` gives the tag of a group in this entry. The
 * entry's number keeps a row of one entry from standing in another. Written in one piece a row, since there may be one for
 * every event.
 */
export function canonicalRowBytes(entry: number, rows: readonly ManifestRow[], groupTag: (group: number) => Uint8Array): Buffer[] {
  const head = new CanonicalWriter().text(ROW_LABEL).integer(entry).bytes()
  const words = new Map<string, Buffer>()
  const wordOf = (word: string): Buffer => {
    const known = words.get(word) ?? new CanonicalWriter().text(word).bytes()
    words.set(word, known)
    return known
  }
  return rows.map(({ kind, surface, shape, events, first, last, groups }) => {
    const texts = [wordOf(kind), wordOf(surface), wordOf(shape)]
    const tags = groups.map(groupTag)
    const length = texts.reduce((sum, text) => sum + text.length, head.length + 3 * 8 + 4)
    const bytes = Buffer.allocUnsafe(tags.reduce((sum, tag) => sum + 4 + tag.length, length))
    let at = head.copy(bytes)
    for (const text of texts) at += text.copy(bytes, at)
    for (const number of [events, first, last]) {
      assert(Number.isSafeInteger(number), 'canonical numbers are whole')
      at = bytes.writeBigInt64BE(BigInt(number), at)
    }
    at = bytes.writeUInt32BE(tags.length, at)
    for (const tag of tags) {
      at = bytes.writeUInt32BE(tag.length, at)
      bytes.set(tag, at)
      at += tag.length
    }
    return bytes
  })
}

/** Order of rows: kind (user, device, group), subject, then surface and shape by their UTF-8 bytes. */
export function compareRows(a: ManifestRow, b: ManifestRow): number {
  return (
    KIND_ORDER[a.kind] - KIND_ORDER[b.kind] || a.subject - b.subject || compareText(a.surface, b.surface) || compareText(a.shape, b.shape)
  )
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Sorted copy; rows are unique in (kind, subject, surface, shape), so the order is total. */
export function canonicalRows(rows: readonly ManifestRow[]): ManifestRow[] {
  return rows.toSorted(compareRows)
}

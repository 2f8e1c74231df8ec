/** Rows to be committed to, in the columns that cross the socket; numbers are 64-bit floats. */
import { BulkheadError } from '#base/errors.ts'
import { COMMITMENT_BYTES, type RowColumns } from './tree-port.ts'
import { alignedCopy, bytesOf } from './wire.ts'

export interface Row {
  entry: number
  subject: number
  nth: number
  bytes: Uint8Array
}

export function packRows(rows: readonly Row[]): RowColumns {
  return {
    entries: Float64Array.from(rows, ({ entry }) => entry),
    subjects: Float64Array.from(rows, ({ subject }) => subject),
    nths: Float64Array.from(rows, ({ nth }) => nth),
    lengths: Float64Array.from(rows, ({ bytes }) => bytes.length),
    bytes: Buffer.concat(rows.map(({ bytes }) => bytes)),
  }
}

/** Undefined where the vault answered zeros. */
export function unpackCommitments(bytes: Buffer): (Buffer | undefined)[] {
  const none = Buffer.alloc(COMMITMENT_BYTES)
  return Array.from({ length: bytes.length / COMMITMENT_BYTES }, (_, index) => {
    const one = bytes.subarray(index * COMMITMENT_BYTES, (index + 1) * COMMITMENT_BYTES)
    return one.equals(none) ? undefined : one
  })
}

export function encodeColumns({ entries, subjects, nths, lengths, bytes }: RowColumns): Uint8Array[] {
  return [bytesOf(entries), bytesOf(subjects), bytesOf(nths), bytesOf(lengths), bytes]
}

/** Throws `vault_refused` for columns that are not of one length or do not add up to the bytes. */
export function decodeColumns(attachments: readonly Uint8Array[]): RowColumns {
  const [entries, subjects, nths, lengths] = attachments.slice(0, 4).map((column) => {
    if (column.length % 8 !== 0) throw new BulkheadError('vault_refused', 'the call gives no columns of rows')
    return new Float64Array(alignedCopy(column))
  })
  const bytes = attachments[4]
  if (entries === undefined || subjects === undefined || nths === undefined || lengths === undefined || bytes === undefined)
    throw new BulkheadError('vault_refused', 'the call gives no columns of rows')
  const isWhole = [entries, subjects, nths, lengths].every(
    (column) => column.length === entries.length && column.every((value) => Number.isSafeInteger(value) && value >= 0),
  )
  const isSum = lengths.reduce((sum, length) => sum + length, 0) === bytes.length
  if (!isWhole || !isSum) throw new BulkheadError('vault_refused', 'the call gives no columns of rows')
  return { entries, subjects, nths, lengths, bytes }
}

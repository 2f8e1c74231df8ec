/**
 * Commitments to rows of the ledger (src/ledger/leaf.ts has the construction), made where the subjects' secrets are. In slices
 * between the vault's other work, because the gateway waits for this process and the tree does not.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { COMMITMENT_BYTES, type CommittingVault, type RowColumns } from './tree-port.ts'

const ROWS_PER_SLICE = 200

export interface CommitmentParts {
  /** Undefined when the secret was destroyed or never was. */
  commitKey: (subject: number) => KeyObject | undefined
  kept: (entry: number, subject: number, nth: number) => Uint8Array | undefined
  keep: (rows: readonly { entry: number; subject: number; nth: number; commitment: Uint8Array }[]) => void
}

export class Commitments implements CommittingVault {
  readonly #parts: CommitmentParts

  constructor(parts: CommitmentParts) {
    this.#parts = parts
  }

  async commitRows(rows: RowColumns): Promise<Buffer> {
    const commitments = Buffer.alloc(rows.entries.length * COMMITMENT_BYTES)
    await inSlices(rows, (row, index) => this.#commit(row)?.copy(commitments, index * COMMITMENT_BYTES))
    return commitments
  }

  async keepRows(rows: RowColumns): Promise<void> {
    const kept: { entry: number; subject: number; nth: number; commitment: Uint8Array }[] = []
    await inSlices(rows, ({ entry, subject, nth, bytes }) => {
      const key = this.#parts.commitKey(subject)
      // Whoever has no secret any more has been through this.
      if (key !== undefined) kept.push({ entry, subject, nth, commitment: commitmentOf(rowKeyOf(key, entry, nth), bytes) })
    })
    this.#parts.keep(kept)
  }

  /** What shows these rows, and no others, to whom they are about. Undefined for those of the erased. */
  async rowKeys(rows: RowColumns): Promise<(Buffer | undefined)[]> {
    const keys: (Buffer | undefined)[] = []
    await inSlices(rows, ({ entry, subject, nth }) => {
      const key = this.#parts.commitKey(subject)
      keys.push(key && rowKeyOf(key, entry, nth))
    })
    return keys
  }

  #commit({ entry, subject, nth, bytes }: SlicedRow): Buffer | undefined {
    const key = this.#parts.commitKey(subject)
    if (key !== undefined) return commitmentOf(rowKeyOf(key, entry, nth), bytes)
    const kept = this.#parts.kept(entry, subject, nth)
    return kept && Buffer.from(kept)
  }
}

interface SlicedRow {
  entry: number
  subject: number
  nth: number
  bytes: Uint8Array
}

async function inSlices(
  { entries, subjects, nths, lengths, bytes }: RowColumns,
  each: (row: SlicedRow, index: number) => void,
): Promise<void> {
  let at = 0
  for (let index = 0; index < entries.length; index++) {
    if (index > 0 && index % ROWS_PER_SLICE === 0) await new Promise((resolve) => setImmediate(resolve))
    const length = lengths[index] as number
    const row = { entry: entries[index] as number, subject: subjects[index] as number, nth: nths[index] as number }
    each({ ...row, bytes: bytes.subarray(at, at + length) }, index)
    at += length
  }
}

/** Label, entry and number, in one piece that is used again: there may be a row for every event. */
const rowName = Buffer.concat([Buffer.from('bulkhead/ledger/row-key/v1\n'), Buffer.alloc(16)])

function rowKeyOf(commitKey: KeyObject, entry: number, nth: number): Buffer {
  rowName.writeBigInt64BE(BigInt(entry), rowName.length - 16)
  rowName.writeBigInt64BE(BigInt(nth), rowName.length - 8)
  return createHmac('sha256', commitKey).update(rowName).digest()
}

function commitmentOf(rowKey: Buffer, bytes: Uint8Array): Buffer {
  return createHmac('sha256', createSecretKey(rowKey)).update(bytes).digest()
}

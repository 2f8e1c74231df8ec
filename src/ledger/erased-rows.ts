/**
 * Before people are erased: the commitments to their rows are kept, since afterwards nobody can make them again and the proofs
 * of entries with other people's rows need them. Every entry that names them is looked at, also those of which nothing was sent.
 */
import type { Intent, ManifestRow } from '#model/disclosure.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { packRows } from '#vault/row-columns.ts'
import type { TreeVault } from '#vault/tree-port.ts'
import { EntryKeys, type RowToCommit, rowsToCommit } from './leaf.ts'
import type { Ledger } from './port.ts'

const INTENTS_PER_CALL = 200

/** `entries`: numbers of intents that may name them, in any order. Durable on return; how many rows were kept. */
export async function keepErasedRows(
  of: { subjects: readonly Ordinal[]; entries: Iterable<number> },
  by: {
    ledger: Pick<Ledger, 'entry'>
    rows: (intents: readonly Intent[]) => Promise<ManifestRow[][]>
    vault: Pick<TreeVault, 'keepRows'>
  },
): Promise<number> {
  const subjects = new Set(of.subjects)
  const numbers = [...new Set(of.entries)].sort((a, b) => a - b)
  let kept = 0
  for (let from = 0; from < numbers.length; from += INTENTS_PER_CALL) {
    const intents = numbers.slice(from, from + INTENTS_PER_CALL).flatMap((number) => {
      const entry = by.ledger.entry(number)
      return entry?.type === 'intent' ? [entry] : []
    })
    const rows = await by.rows(intents)
    const own = intents.flatMap((intent, index) => rowsOf(intent, rows[index] ?? [], subjects))
    if (own.length > 0) await by.vault.keepRows(packRows(own))
    kept += own.length
  }
  return kept
}

function rowsOf(intent: Intent, rows: readonly ManifestRow[], subjects: ReadonlySet<Ordinal>): RowToCommit[] {
  if (!rows.some(({ subject }) => subjects.has(subject))) return []
  return rowsToCommit(intent.entry, rows, new EntryKeys(intent)).filter(({ subject }) => subjects.has(subject))
}

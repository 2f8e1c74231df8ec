/** Columns of ids that no name tells, found by whether the vault knows what stands in them. */
import type { ColumnMeaning } from './match-columns.ts'
import type { FileRow } from './row-sink.ts'

const SAMPLE = 200
const ID_LENGTH_MAX = 255
/** Numbers are ids of somebody in many systems; a quantity meets them by chance. */
const SHARE_OF_NUMBERS = 0.8
const SHARE_OF_TEXTS = 0.1

/** Only where no column is called so: a name says more than what its values happen to be. */
export async function findIdColumns(
  rows: readonly FileRow[],
  meanings: ColumnMeaning[],
  known: (values: readonly string[]) => Promise<readonly (readonly unknown[])[]>,
): Promise<void> {
  const hasIds = rows.some(({ columns, values }) => columns.some((place, at) => meanings[place]?.use === 'id' && values[at] !== ''))
  if (hasIds) return
  const samples = new Map<number, Set<string>>()
  for (const { columns, values } of rows) {
    for (const [at, place] of columns.entries()) {
      const cell = values[at]
      if (meanings[place]?.use !== 'any' || typeof cell === 'boolean' || cell === undefined) continue
      const text = String(cell).trim()
      if (text === '' || text.length > ID_LENGTH_MAX) continue
      const sample = samples.get(place)
      if (sample === undefined) samples.set(place, new Set([text]))
      else if (sample.size < SAMPLE) sample.add(text)
    }
  }
  for (const [place, sample] of samples) {
    const values = [...sample]
    const hits = (await known(values)).filter((found) => found.length > 0).length
    const isNumber = values.every((value) => /^\d+$/.test(value))
    const meaning = meanings[place]
    if (meaning === undefined || hits === 0 || hits < values.length * (isNumber ? SHARE_OF_NUMBERS : SHARE_OF_TEXTS)) continue
    meanings[place] = { ...meaning, use: 'id', field: meaning.field ?? 'user_id' }
  }
}

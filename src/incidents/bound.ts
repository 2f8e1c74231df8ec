/** Whether anybody else can be affected by what a vendor held, and if so, why. */
import { DAY_MS } from '#base/clock.ts'
import type { Baseline } from '#model/baseline.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { askRows } from './counts.ts'
import { FIRST_DAY_SQL, firstSentQuestion, isInScope, type Scope } from './rows.ts'

export interface Bound {
  upperBound: boolean
  upperBoundReason: string | null
}

const BOUNDED: Bound = { upperBound: true, upperBoundReason: null }

/** With nothing certain of what the vendor held before us, only events since our first entry are surely all in the ledger. */
export async function boundOf(scope: Scope, baseline: Pick<Baseline, 'kind' | 'import'>, warehouse: Warehouse): Promise<Bound> {
  const uncertain = whyUncertain(baseline)
  if (uncertain === undefined) return BOUNDED
  const firstSent = await findFirstSent(scope, warehouse)
  const sent = firstSent === undefined ? [] : [firstSent]
  const openAnywhere = { ...scope, windows: { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined } }
  for (const open of scope.snapshot.open) if (isInScope(open, openAnywhere)) sent.push(open.sentAt)
  const refuse = (reason: string): Bound => ({ upperBound: false, upperBoundReason: reason })
  if (sent.length === 0) return refuse(`${uncertain}, and nothing was sent to it through Bulkhead`)
  const first = sent.reduce((a, b) => Math.min(a, b))
  const { from } = scope.windows
  if (from !== undefined && from >= first) return BOUNDED
  const start = from === undefined ? 'without end' : `to ${new Date(from).toISOString()}`
  const entry = new Date(first).toISOString()
  return refuse(`${uncertain}, and the data window reaches back ${start}, behind the first ledger entry for it, of ${entry}`)
}

/** What a file does not show may have been held all the same. */
export function narrowedBound(leftOut: number): Bound {
  const people = leftOut === 1 ? '1 more person is' : `${leftOut} more people are`
  return {
    upperBound: false,
    upperBoundReason: `the scope was narrowed below the ledger to whom a leaked file names, and ${people} in the ledger`,
  }
}

/** Undefined: it is known to the last person. */
function whyUncertain({ kind, import: imported }: Pick<Baseline, 'kind' | 'import'>): string | undefined {
  const held = 'what this vendor held before Bulkhead (its baseline)'
  if (kind === 'none') return undefined
  if (kind === 'unknown') return `${held} is unknown`
  if (kind === 'declared' || imported === undefined) return `${held} is declared, and nobody has named the people in it`
  if (!imported.complete) return `${held} was imported, and nobody said that the export was all of it`
  const unknown = imported.unmatchedRows + imported.brokenRows
  return unknown === 0 ? undefined : `${held} was imported, and ${unknown} of its rows are of nobody who is known here`
}

/** Among the rows of the first day and month of all vendors, where it mostly is, and only then among all. */
async function findFirstSent(scope: Scope, warehouse: Warehouse): Promise<number | undefined> {
  const [first] = await warehouse.query<{ rows: number | string; firstDay: number }>(FIRST_DAY_SQL, {}, 'badday')
  if (first === undefined || Number(first.rows) === 0) return undefined
  for (const days of [1, 31, undefined]) {
    const before = days === undefined ? undefined : (Number(first.firstDay) + days) * DAY_MS
    const [sent] = await askRows<{ rows: number | string; firstSent: number | string }>(firstSentQuestion(scope, before), warehouse)
    if (Number(sent?.rows ?? 0) > 0) return Number(sent?.firstSent)
  }
  return undefined
}

/** When anything was first sent to a vendor through us, as of that entry; undefined: never. */
export function firstSentTo(vendor: string, head: number, warehouse: Warehouse): Promise<number | undefined> {
  const windows = { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined }
  return findFirstSent({ vendor, destination: undefined, windows, snapshot: { head, open: [] } }, warehouse)
}

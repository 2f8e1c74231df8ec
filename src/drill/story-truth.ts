/** What is true in a story, worked out from what the vendors really received and from nothing that Bulkhead says. */
import type { LootRow } from './mixpanel-cloud.ts'
import { peopleInLoot } from './loot.ts'

export interface TruthQuery {
  /** Exclusive, UTC ms; undefined: whatever was received by now. */
  accessTo: number | undefined
  /** Numbers of surfaces; undefined: all. */
  surfaces: ReadonlySet<number> | undefined
}

/** Numbers of the people about whom the vendor holds a row within the query. */
export function truth(rows: readonly LootRow[], query: TruthQuery): Set<number> {
  return peopleInLoot(
    rows.filter((row) => {
      if (query.accessTo !== undefined && row.at >= query.accessTo) return false
      return query.surfaces === undefined || query.surfaces.has(surfaceOf(row))
    }),
  )
}

function surfaceOf(row: LootRow): number {
  const record = row.record as { properties?: { s?: unknown }; $set?: { s?: unknown } } | null
  return Number(record?.properties?.s ?? record?.$set?.s ?? 0)
}

export interface ScopeScore {
  expected: number
  found: number
  /** Over rows that are `delivered`. */
  precision: number
  recall: number
}

/** `found`: number of each listed person, undefined for one who is nobody of the story. */
export function scoreScope(expected: ReadonlySet<number>, found: readonly { n: number | undefined; state: string }[]): ScopeScore {
  const listed = new Set(found.map(({ n }) => n))
  const delivered = found.filter(({ state }) => state === 'delivered')
  const right = delivered.filter(({ n }) => n !== undefined && expected.has(n)).length
  const recalled = [...expected].filter((n) => listed.has(n)).length
  return {
    expected: expected.size,
    found: found.length,
    precision: delivered.length === 0 ? 1 : right / delivered.length,
    recall: expected.size === 0 ? 1 : recalled / expected.size,
  }
}

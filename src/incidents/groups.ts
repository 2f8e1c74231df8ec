import type { Ordinal } from '#model/log-entry.ts'
import type { StaffVault } from '#vault/port.ts'
import type { Warehouse } from '#warehouse/port.ts'

const GROUPS_A_QUESTION = 50_000

/** Under which key each group stands, as the vault's memberships or else the events say. Groups known to neither are absent. */
export async function findGroupKeys(
  groups: ReadonlySet<Ordinal>,
  vault: Pick<StaffVault, 'memberships'>,
  warehouse: Warehouse,
): Promise<Map<Ordinal, string>> {
  const keys = new Map<Ordinal, string>()
  if (groups.size === 0) return keys
  for (const [, group, key] of await vault.memberships()) if (groups.has(group)) keys.set(group, key)
  const missing = [...groups].filter((group) => !keys.has(group))
  for (let start = 0; start < missing.length; start += GROUPS_A_QUESTION) {
    const rows = await warehouse.query<{ ordinal: number | string; foundKey: string }>(
      `SELECT ordinal, any(key) AS foundKey FROM events ARRAY JOIN groupOrdinals AS ordinal, groupKeys AS key
       WHERE has({groups:Array(UInt64)}, ordinal) GROUP BY ordinal`,
      { groups: missing.slice(start, start + GROUPS_A_QUESTION) },
      'badday',
    )
    for (const row of rows) keys.set(Number(row.ordinal), row.foundKey)
  }
  return keys
}

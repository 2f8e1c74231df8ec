import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Warehouse } from '#warehouse/port.ts'
import { findGroupKeys, type Organisation } from './groups.ts'

test('the keys of groups that the vault knows no member of are asked for in parts, and no others', async () => {
  const known = (group: number): boolean => group % 3 === 0
  const organisations = new Map(
    Array.from({ length: 160_001 }, (_, group): [number, Organisation] => {
      return [group, { key: known(group) ? 'of the vault' : '', named: true, hasMembers: false, administrators: [] }]
    }),
  )
  const asked: number[] = []
  const calls: number[] = []
  const query = async (_sql: string, { groups }: { groups?: number[] }): Promise<unknown[]> => {
    calls.push(groups?.length ?? 0)
    for (const group of groups ?? []) asked.push(group)
    // Numbers beyond 53 bits would come as texts; nobody knows the key of some.
    return (groups ?? [])
      .filter((group) => group % 7 !== 1)
      .map((ordinal) => ({ ordinal: String(ordinal), foundKey: `key ${ordinal % 5}` }))
  }
  await findGroupKeys(organisations, { query } as unknown as Warehouse)
  assert.deepEqual(
    asked,
    [...organisations.keys()].filter((group) => !known(group)),
  )
  assert.ok(calls.length === 3 && Math.max(...calls) <= 50_000, calls.join())
  for (const [group, { key }] of organisations)
    assert.equal(key, known(group) ? 'of the vault' : group % 7 === 1 ? '' : `key ${group % 5}`, `${group}`)
})

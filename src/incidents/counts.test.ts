/** People whose ordinals do not fit into 32 bits, in which the engine makes its sets: what a small ledger never has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DisclosureRow } from '#warehouse/port.ts'
import { warehouseOfFile } from '#warehouse/testing-warehouse.ts'
import { countPeople, peopleInScope } from './counts.ts'
import { People } from './people.ts'
import type { Scope } from './rows.ts'
import { gather } from './scan.ts'
import { Shapes } from './shapes.ts'

const engine = warehouseOfFile()
const AT = Date.UTC(2026, 1, 3, 8)

test('ordinals that are equal in 32 bits are different people', async () => {
  const people = new People({ merged: [], devices: [] })
  for (const [vendor, subjects] of [
    ['small', [7, 8, 2 ** 32 - 1]],
    ['large', [7, 2 ** 32 + 7, 3 * 2 ** 32 + 7, 2 ** 32]],
  ] as const) {
    const rows = subjects.map(
      (subject, index): DisclosureRow => ({
        ...{ vendor, destination: 'main', epoch: 1, route: '/import', purpose: 'analytics', policy: 1, surface: 'site', groups: [] },
        ...{ entry: index + 1, shape: 'user_id:pseudonym', subject, kind: 'user', events: 1, first: AT, last: AT, sentAt: AT },
        state: index === 0 ? 'possible' : 'delivered',
      }),
    )
    await engine.worker.insertDisclosures(rows, vendor)
    const windows = { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined }
    const scope: Scope = { vendor, destination: undefined, windows, snapshot: { head: 100, open: [] } }
    const gathered = await gather(scope, people, engine.staff)
    const counts = await countPeople(scope, gathered, new Shapes(), engine.staff)
    const sorted = [...subjects].sort((a, b) => a - b)
    assert.deepEqual([...counts.people.values()], sorted)
    assert.deepEqual([...(await peopleInScope(scope, gathered, engine.staff)).values()], sorted)
    assert.deepEqual({ subjects: counts.subjects, delivered: counts.delivered }, { subjects: sorted.length, delivered: sorted.length - 1 })
    assert.deepEqual([...counts.ofPair.values()], [{ subjects: sorted.length, delivered: sorted.length - 1 }])
  }
})

/** The list in slices and with more shapes than bits of one number: what a small scope never reaches. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'
import { personColumns } from './person-columns.ts'
import { PersonSet } from './person-set.ts'

const AT = Date.UTC(2026, 1, 3, 8)
const SHAPES = Array.from({ length: 70 }, (_, n) => `property.p${String(n).padStart(2, '0')}:clear`)

const ROWS: DisclosureRow[] = Array.from({ length: 1000 }, (_, n) => ({
  ...{ vendor: 'acme', destination: 'main', epoch: 1, route: '/import', purpose: 'analytics', policy: 1, surface: 'site' },
  entry: 1 + n,
  shape: SHAPES[(n * 13) % SHAPES.length] as string,
  subject: 1 + ((n * 7) % 90),
  kind: 'user',
  groups: n % 90 < 20 || n % 7 === 0 ? [] : n % 9 === 0 ? [500, 501] : n % 90 < 50 ? [500 + (n % 3)] : [500 + (n % 4)],
  events: 1 + (n % 4),
  first: AT - n * 3_600_000,
  last: AT - n * 3_600_000 + 1000,
  sentAt: AT + n,
  state: n % 5 === 0 ? 'possible' : 'delivered',
}))

test('every user is in one slice, with each shape, group, time and event', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bh-'))
  const running = await startWarehouse(folder)
  const worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
  const staff = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
  try {
    await worker.insertDisclosures(ROWS, 'columns')
    const windows = { accessFrom: undefined, accessTo: undefined, from: undefined, to: undefined }
    const scope = { vendor: 'acme', destination: undefined, windows, snapshot: { head: 10_000, open: [] } }
    const found: Record<string, unknown>[] = []
    let batches = 0
    const users = new PersonSet()
    for (const { subject } of ROWS) users.add(subject)
    for await (const batch of personColumns({ scope, shapes: SHAPES, users, hasGroups: true }, staff, 8)) {
      batches++
      const shapesOf = (masks: typeof batch.delivered, row: number): string[] =>
        SHAPES.filter((_, n) => ((masks[n >>> 5]?.[row] as number) >>> (n & 31)) & 1)
      for (let row = 0; row < batch.rows; row++) {
        const user = batch.user[row] as number
        const one = batch.group?.[row] as number
        found.push({
          user,
          delivered: shapesOf(batch.delivered, row),
          possible: shapesOf(batch.possible, row),
          groups: [...(batch.groupsOf.get(user) ?? (one === 0 ? [] : [one]))].sort(),
          events: batch.events[row],
          times: [batch.first[row], batch.last[row], batch.sentFirst[row], batch.sentLast[row]],
        })
      }
    }
    assert.ok(batches > 5)
    const expected = [...Map.groupBy(ROWS, (row) => row.subject)].map(([user, rows]) => {
      const shapesOf = (state: string): string[] => [...new Set(rows.filter((row) => row.state === state).map((row) => row.shape))].sort()
      return {
        user,
        delivered: shapesOf('delivered'),
        possible: shapesOf('possible'),
        groups: [...new Set(rows.flatMap((row) => row.groups))].sort(),
        events: rows.reduce((sum, row) => sum + row.events, 0),
        times: [
          Math.min(...rows.map((row) => row.first)),
          Math.max(...rows.map((row) => row.last)),
          Math.min(...rows.map((row) => row.sentAt)),
          Math.max(...rows.map((row) => row.sentAt)),
        ],
      }
    })
    const byUser = (a: { user?: unknown }, b: { user?: unknown }): number => Number(a.user) - Number(b.user)
    assert.deepEqual(found.sort(byUser), expected.sort(byUser))
  } finally {
    await worker.close()
    await staff.close()
    await running.kill()
    rmSync(folder, { recursive: true, force: true })
  }
})

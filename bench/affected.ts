/** `affected` over generated disclosure rows, in the engine in a process of its own, against a bare count over the same rows. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { DAY_MS } from '#base/clock.ts'
import { affected, type IncidentPorts } from '#incidents/affected.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'
import type { Table } from './table.ts'

const ROWS = 2_000_000
const PEOPLE = 100_000
const BLOCK = 100_000
const SHAPES = ['country:coarse,user_id:pseudonym', 'country:coarse,property.plan:clear,user_id:pseudonym', 'os:coarse,user_id:pseudonym']

export async function benchAffected(table: Table, folder: string, rowLimit = ROWS): Promise<void> {
  const place = path.join(folder, 'affected')
  mkdirSync(place, { recursive: true })
  const engine = await startWarehouse(place)
  const worker = openWarehouse({ path: engine.path, token: engine.tokens.worker, role: 'worker' })
  const staff = openWarehouse({ path: engine.path, token: engine.tokens.staff, role: 'staff' })
  try {
    const day = Math.floor(Date.now() / DAY_MS) * DAY_MS
    const startedAt = performance.now()
    for (let from = 0; from < rowLimit; from += BLOCK) {
      await worker.insertDisclosures(
        Array.from({ length: BLOCK }, (_, index) => rowOf(from + index, day)),
        `bench-${from}`,
      )
    }
    table.row({ what: 'disclosure rows into the warehouse', figure: rowLimit / ((performance.now() - startedAt) / 1000), unit: 'rows/s' })
    const ports: IncidentPorts = {
      warehouse: staff,
      vault: {
        graph: async () => ({ merged: [], devices: [] }),
        memberships: async () => [],
        staffPseudonyms: async (subjects) => subjects.map((subject) => String(subject.ordinal)),
        identities: async () => [],
        recordLook: async () => undefined,
        resolve: async () => [],
      },
      snapshot: async () => ({ head: rowLimit, open: [] }),
    }
    const windows = { accessFrom: undefined, accessTo: day + DAY_MS, from: undefined, to: undefined }
    const ours = await fastest(() => affected({ vendor: 'bench', destination: undefined, windows }, ports))
    const bare = await fastest(() =>
      staff.query('SELECT subject, count() AS c FROM disclosures GROUP BY subject ORDER BY subject LIMIT 1', {}, 'badday'),
    )
    table.row({
      what: `affected: ${rowLimit.toLocaleString('en')} rows, ${PEOPLE.toLocaleString('en')} people`,
      figure: ours,
      unit: 'ms',
      ratio: ours / bare,
      peer: 'bare GROUP BY subject',
    })
  } finally {
    await worker.close()
    await staff.close()
    await engine.kill()
  }
}

function rowOf(index: number, day: number): DisclosureRow {
  const subject = 1 + ((index * 7919) % PEOPLE)
  const at = day + (index % 80_000) * 1000
  return {
    entry: 1 + Math.floor(index / 500),
    vendor: 'bench',
    destination: 'bench',
    epoch: 1,
    route: '/import',
    purpose: 'analytics',
    policy: 1,
    surface: index % 3 === 0 ? 'api' : 'site',
    shape: SHAPES[index % SHAPES.length] as string,
    subject,
    kind: 'user',
    groups: [PEOPLE + 1 + (subject % 500)],
    events: 3,
    first: at,
    last: at + 1000,
    sentAt: at,
    state: index % 1000 === 0 ? 'possible' : 'delivered',
  }
}

/** The best of three, in ms. */
async function fastest(once: () => Promise<unknown>): Promise<number> {
  let best = Number.MAX_VALUE
  for (let turn = 0; turn < 3; turn++) {
    const startedAt = performance.now()
    await once()
    best = Math.min(best, performance.now() - startedAt)
  }
  return best
}

/**
 * `policy risk` over a seeded population of two destinations, as `bulkhead policy risk` prints it:
 * `node bin/bulkhead.mjs --run bench/risk.ts --people 20000 --days 14 --seed 1`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { policyRisk } from '#analytics/risk.ts'
import { POPULATION_EVENTS, populationEntries } from '#analytics/population.ts'
import { dayOf } from '#base/clock.ts'
import { renderRisk } from '#cli/risk-command.ts'
import type { DestinationPolicy, Grant } from '#model/policy.ts'
import { openWarehouse } from '#warehouse/client.ts'
import type { DisclosureRow } from '#warehouse/port.ts'
import { startWarehouse } from '#warehouse/warehouse-process.ts'

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '20000' },
    days: { type: 'string', default: '14' },
    seed: { type: 'string', default: '1' },
    k: { type: 'string', default: '5' },
  },
})
const [people, days, seed, k] = [values.people, values.days, values.seed, values.k].map(Number) as [number, number, number, number]
const until = Date.UTC(2026, 2, 20)

const FIELDS = ['event', 'time', 'user_id', 'group_id', 'country', 'os', 'browser', 'property.*']

function destination(id: string, events: readonly string[]): DestinationPolicy {
  const grants = FIELDS.map(
    (field) =>
      ({
        field,
        form: field === 'time' ? 'coarse' : field.endsWith('_id') ? 'pseudonym' : 'clear',
        purpose: 'p',
        until: null,
        rule: field,
      }) as Grant,
  )
  return { vendor: id, destination: id, protocol: 'mixpanel', grants, events: [...events], properties: ['plan', 'seats'] }
}

function disclosure(subject: number, id: string): DisclosureRow {
  return {
    ...{ entry: 1, vendor: id, destination: id, epoch: 1, route: '/import', purpose: 'p', policy: 1, surface: 'app', shape: 'event:clear' },
    ...{ subject, kind: 'user', groups: [], events: 1, first: until - 1, last: until - 1, sentAt: until - 1, state: 'delivered' },
  }
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-risk-'))
const running = await startWarehouse(folder)
const worker = openWarehouse({ path: running.path, token: running.tokens.worker, role: 'worker' })
const staff = openWarehouse({ path: running.path, token: running.tokens.staff, role: 'staff' })
try {
  const entries = populationEntries({ people, days, until, seed })
  const events = entries.reduce((sum, entry) => sum + entry.records.length, 0)
  for (const [day, some] of Map.groupBy(entries, (entry) => dayOf(entry.at))) await worker.insertEvents(some, `events:${day}`)
  for (const id of ['analytics', 'adverts']) {
    await worker.insertDisclosures(
      Array.from({ length: people }, (_, index) => disclosure(index + 1, id)),
      `disclosures:${id}`,
    )
  }
  // The second gets fewer kinds of events, as such vendors do.
  const destinations = [destination('analytics', POPULATION_EVENTS), destination('adverts', POPULATION_EVENTS.slice(0, 4))]
  const policy = { store: { events: [...POPULATION_EVENTS], properties: [], paths: [], referrers: [] }, destinations }
  const begun = performance.now()
  const risk = await policyRisk({ days, k }, { policy, now: until, warehouse: staff })
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  process.stdout.write(`${renderRisk(risk)}\n\n${events} events of ${people} people in ${days} days, seed ${seed}: asked in ${seconds} s\n`)
} finally {
  await worker.close()
  await staff.close()
  await running.kill()
  rmSync(folder, { recursive: true, force: true })
}

/** The whole way: gateway, log, warehouse and a vendor that only counts; with what it costs in CPU and memory. */
import path from 'node:path'
import { type Program, startProgram, waitUntil } from '#drill/program.ts'
import { eventCounts } from '#drill/status.ts'
import { makeRequests } from './events.ts'
import { introducePeople, runLoad } from './load.ts'
import { type BenchChild, cpuSeconds, endChild, peakMegabytes, startChild } from './processes.ts'
import type { Table } from './table.ts'

function config(vendorPort: number): string {
  return `sources:
  - {id: web, protocol: mixpanel, token: bench-token, trust: server, surface: site}
vendors:
  - id: sink
    destinations:
      - id: sink
        protocol: mixpanel
        url: http://127.0.0.1:${vendorPort}
        token: sink-token
        credentials: {secret: sink-secret}
        events: {approved: [Page opened]}
        properties: {approved: [plan, amount, items, is_trial]}
`
}

export async function benchPipeline(table: Table, folder: string, seconds: number): Promise<void> {
  const sink: BenchChild = await startChild('vendor-sink.ts')
  let program: Program | undefined
  try {
    program = await startProgram({ folder: path.join(folder, 'pipeline'), config: config(sink.port) })
    const atVendor = async (): Promise<number> => Number(await (await fetch(`http://127.0.0.1:${sink.port}/count`)).text())
    const introduced = await introducePeople(program.port)
    await waitUntil(
      'the people are known',
      async () => (await eventCounts(program as Program)).warehouse >= introduced && (await atVendor()) >= introduced,
      60_000,
      500,
    )
    const processes = program.processes()
    const before = new Map(processes.map(({ pid }) => [pid, cpuSeconds(pid)]))
    const startedAt = performance.now()
    const load = await runLoad({ port: program.port, connections: 8, seconds, make: makeRequests(50) })
    const all = (await eventCounts(program)).accepted
    const accepted = all - introduced
    const limitMs = 60_000 + seconds * 20_000
    let vendorSeconds = 0
    let warehouseSeconds = 0
    await waitUntil(
      'everything accepted is in the warehouse and at the vendor',
      async () => {
        const elapsed = (performance.now() - startedAt) / 1000
        if (vendorSeconds === 0 && (await atVendor()) >= all) vendorSeconds = elapsed
        // Asking costs a process start, so it is asked seldom and only once the vendor has it all.
        if (vendorSeconds > 0 && (await eventCounts(program as Program)).warehouse >= all) {
          warehouseSeconds = (performance.now() - startedAt) / 1000
        }
        return vendorSeconds > 0 && warehouseSeconds > 0
      },
      limitMs,
      500,
    )
    const cpu = processes.map(({ role, pid }) => ({ role, seconds: cpuSeconds(pid) - (before.get(pid) ?? 0), peak: peakMegabytes(pid) }))
    const total = cpu.reduce((sum, one) => sum + one.seconds, 0)
    table.row({ what: 'pipeline: accepted while loaded', figure: load.events / load.seconds, unit: 'events/s' })
    table.row({ what: 'pipeline: SDK to warehouse, all arrived', figure: accepted / warehouseSeconds, unit: 'events/s' })
    table.row({ what: 'pipeline: SDK to vendor, all arrived', figure: accepted / vendorSeconds, unit: 'events/s' })
    table.row({
      what: 'pipeline: CPU of all roles',
      figure: (total / accepted) * 1e6,
      unit: 's per 1M events',
      note: cpu.map((one) => `${one.role} ${((one.seconds / accepted) * 1e6).toFixed(0)}`).join(', '),
    })
    table.row({
      what: 'pipeline: peak memory of all roles',
      figure: cpu.reduce((sum, one) => sum + one.peak, 0),
      unit: 'MB',
      note: cpu.map((one) => `${one.role} ${one.peak.toFixed(0)}`).join(', '),
    })
  } finally {
    await program?.stop('SIGTERM', 10_000)
    await endChild(sink)
  }
}

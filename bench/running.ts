/** The whole program with a vendor behind it that only counts, and the people of the measurement known everywhere. */
import { type Program, startProgram, waitUntil } from '#drill/program.ts'
import { eventCounts } from '#drill/status.ts'
import { introducePeople } from './load.ts'
import { cpuSeconds, endChild, peakMegabytes, startChild } from './processes.ts'

export interface Running {
  program: Program
  /** Events that made the people known; they are in the warehouse and at the vendor. */
  introduced: number
  /** Since the data folder was made. */
  accepted(): Promise<number>
  atVendor(): Promise<number>
  inWarehouse(): Promise<number>
  /** Waits until the vendor has everything that was accepted so far. */
  drained(limitMs: number): Promise<void>
  stop(): Promise<void>
}

export interface RoleCost {
  role: string
  /** CPU since the watch began. */
  seconds: number
  /** Largest resident size since the process started, MB. */
  peak: number
}

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

export async function startRunning(folder: string): Promise<Running> {
  const sink = await startChild('vendor-sink.ts')
  let program: Program | undefined
  const stop = async (): Promise<void> => {
    await program?.stop('SIGTERM', 10_000)
    await endChild(sink)
  }
  try {
    const started = await startProgram({ folder, config: config(sink.port) })
    program = started
    const atVendor = async (): Promise<number> => Number(await (await fetch(`http://127.0.0.1:${sink.port}/count`)).text())
    const inWarehouse = async (): Promise<number> => (await eventCounts(started)).warehouse
    const accepted = async (): Promise<number> => (await eventCounts(started)).accepted
    const drained = async (limitMs: number): Promise<void> => {
      const all = await accepted()
      await waitUntil('everything accepted is at the vendor', async () => (await atVendor()) >= all, limitMs, 250)
    }
    const introduced = await introducePeople(started.port)
    const isKnown = async (): Promise<boolean> => (await atVendor()) >= introduced && (await inWarehouse()) >= introduced
    await waitUntil('the people are known', isKnown, 60_000, 500)
    return { program: started, introduced, accepted, atVendor, inWarehouse, drained, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Begins to watch the roles; the answer tells what each has cost since. */
export function watchRoles(program: Program): () => RoleCost[] {
  const processes = program.processes().map(({ role, pid }) => ({ role, pid, before: cpuSeconds(pid) }))
  return () => processes.map(({ role, pid, before }) => ({ role, seconds: cpuSeconds(pid) - before, peak: peakMegabytes(pid) }))
}

export function totalOf(costs: readonly RoleCost[], what: 'seconds' | 'peak'): number {
  return costs.reduce((sum, cost) => sum + cost[what], 0)
}

/** `gateway 12, worker 20, …` */
export function eachRole(costs: readonly RoleCost[], what: 'seconds' | 'peak', factor = 1): string {
  return costs.map((cost) => `${cost.role} ${(cost[what] * factor).toFixed(0)}`).join(', ')
}

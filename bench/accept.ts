/**
 * Durable accept: our gateway with everything behind it against the bare server, alternating in one run; single-event
 * requests also against nginx as a tracking proxy, the least that a company would put there instead.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { type Program, startProgram, waitUntil } from '#drill/program.ts'
import { eventCounts } from '#drill/status.ts'
import { makeRequests } from './events.ts'
import { introducePeople, type LoadResult, runLoad } from './load.ts'
import { findNginx, proxyProcesses } from './nginx.ts'
import { type BenchChild, cpuSecondsOf, endChild, peakMegabytes, startChild } from './processes.ts'
import type { Row, Table } from './table.ts'

const SHAPES: [events: number, connections: number][] = [
  [50, 16],
  [2000, 4],
  [1, 32],
  // A public endpoint has many connections, and a window of the log is shared by all that wait.
  [1, 256],
]

interface Contender {
  name: string
  port: number
  pids(): number[]
}

interface Measured extends LoadResult {
  /** Of the contender's processes, while it was loaded. */
  cpuSeconds: number
  /** Peaks of those processes since they started, added up. */
  rssMb: number
}

export async function benchAccept(table: Table, folder: string, seconds: number): Promise<void> {
  mkdirSync(path.join(folder, 'bare'), { recursive: true })
  const bare = await startChild('bare-server.ts', [path.join(folder, 'bare')])
  let program: Program | undefined
  let nginx: BenchChild | undefined
  try {
    // A server source: a browser's default quota is below what the machine takes.
    const config = 'sources: [{id: web, protocol: mixpanel, token: bench-token, trust: server}]\n'
    const started = await startProgram({ folder: path.join(folder, 'accept'), config })
    program = started
    await introducePeople(started.port)
    const gateway: Contender = { name: 'gateway', port: started.port, pids: () => started.processes().map(({ pid }) => pid) }
    const bareServer: Contender = { name: 'bare server', port: bare.port, pids: () => [bare.process.pid ?? 0] }
    for (const [events, connections] of SHAPES) {
      const load = { events, connections, seconds, quiet: () => loaded(started) }
      const ours = await twice(gateway, load)
      const peer = await twice(bareServer, load)
      const what = `accept ${events.toLocaleString('en')}-event requests, ${connections} connections`
      table.row({ ...rowOf(`accept-${events}`, `${what}: gateway`, ours), ratio: ratioOf(ours, peer), peer: 'bare server' })
      table.row(rowOf(`accept-${events}-bare`, `${what}: bare server`, peer))
      if (events > 1) continue
      if (findNginx() === undefined) {
        table.absent(`${what}: nginx as a tracking proxy`, 'nginx is not installed here: the Debian package nginx-light')
        continue
      }
      const place = path.join(folder, 'nginx')
      nginx = await startChild('nginx.ts', [place])
      const proxy = await twice({ name: 'nginx', port: nginx.port, pids: () => proxyProcesses(place) }, load)
      const again = await twice(gateway, load)
      table.row(rowOf(`accept-${events}-nginx`, `${what}: nginx as a tracking proxy`, proxy))
      table.row({
        ...rowOf(`accept-${events}-beside-nginx`, `${what}: gateway, after nginx`, again),
        ratio: ratioOf(again, proxy),
        peer: 'nginx, which keeps nothing',
      })
    }
  } finally {
    if (nginx !== undefined) await endChild(nginx)
    await program?.stop('SIGTERM', 10_000)
    await endChild(bare)
  }
}

function rowOf(id: string, what: string, result: Measured): Row {
  return {
    id,
    what,
    figure: result.events / result.seconds,
    unit: 'events/s',
    note: `p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms${failuresOf(result)}`,
    cpuPerMillion: (result.cpuSeconds / result.events) * 1e6,
    rssMb: result.rssMb,
  }
}

function ratioOf(ours: LoadResult, peer: LoadResult): number {
  return ours.events / ours.seconds / (peer.events / peer.seconds)
}

/** Until the warehouse has what was accepted: what loads it would run beside the peer's measurement, and slow it. */
async function loaded(program: Program): Promise<void> {
  const isLoaded = async (): Promise<boolean> => {
    const { accepted, warehouse } = await eventCounts(program)
    return warehouse >= accepted
  }
  await waitUntil('the warehouse has everything', isLoaded, 120_000, 250)
}

function failuresOf(result: LoadResult): string {
  return result.failures > 0 ? `, ${result.failures} FAILED` : ''
}

/** The better of two runs: on a shared machine the worse one measures the neighbours. `quiet`: nothing of an earlier run goes on. */
async function twice(
  contender: Contender,
  given: { events: number; connections: number; seconds: number; quiet: () => Promise<void> },
): Promise<Measured> {
  const { events, connections, seconds, quiet } = given
  const make = makeRequests(events)
  const once = async (): Promise<Measured> => {
    await quiet()
    const pids = contender.pids()
    const before = cpuSecondsOf(pids)
    const load = await runLoad({ port: contender.port, connections, seconds: seconds / 2, make })
    return { ...load, cpuSeconds: cpuSecondsOf(pids) - before, rssMb: pids.reduce((sum, pid) => sum + peakMegabytes(pid), 0) }
  }
  const first = await once()
  const second = await once()
  return first.events / first.seconds > second.events / second.seconds ? first : second
}

/**
 * The whole way: gateway, log, warehouse and a vendor that only counts; with what it costs in CPU and memory. Asked to
 * sustain, it goes on at four fifths of the rate it has just shown and tells whether what waits between us and the vendor
 * and the warehouse grew.
 */
import path from 'node:path'
import { delay, waitUntil } from '#drill/program.ts'
import { makeRequests } from './events.ts'
import { runLoad } from './load.ts'
import { runPaced } from './paced-load.ts'
import { eachRole, type Running, startRunning, totalOf, watchRoles } from './running.ts'
import type { Table } from './table.ts'

/** What a mapping library alone needs for the same events, measured once elsewhere: 57 and 102. The aim lies below both. */
const CPU_AIM = 45
const RATE_AIM = 35_000
const SUSTAINED_SHARE = 0.8
/** Growth of the backlog, as a share of the rate, below which it is flat. */
const FLAT_SHARE = 0.01

export async function benchPipeline(table: Table, folder: string, seconds: number, sustainSeconds: number): Promise<void> {
  const running = await startRunning(path.join(folder, 'pipeline'))
  try {
    const costs = watchRoles(running.program)
    const startedAt = performance.now()
    const load = await runLoad({ port: running.program.port, connections: 8, seconds, make: makeRequests(50) })
    // The requests before the clock starts count as well.
    const { accepted, vendorSeconds, warehouseSeconds } = await arrival(running, startedAt, 60_000 + seconds * 20_000)
    const cost = costs()
    const rates = { vendor: accepted / vendorSeconds, warehouse: accepted / warehouseSeconds }
    const aim = `aim of ${RATE_AIM.toLocaleString('en')}`
    table.row({ what: 'pipeline: accepted while loaded', figure: load.events / load.seconds, unit: 'events/s' })
    for (const [name, figure] of Object.entries(rates)) {
      table.row({ what: `pipeline: SDK to ${name}, all arrived`, figure, unit: 'events/s', ratio: figure / RATE_AIM, peer: aim })
    }
    const perMillion = (totalOf(cost, 'seconds') / accepted) * 1e6
    table.row({
      what: 'pipeline: CPU of all roles',
      figure: perMillion,
      unit: 's per 1M events',
      ratio: perMillion / CPU_AIM,
      peer: `limit of ${CPU_AIM}`,
      note: eachRole(cost, 'seconds', 1e6 / accepted),
    })
    table.row({
      what: 'pipeline: peak memory of all roles',
      figure: totalOf(cost, 'peak'),
      unit: 'MB',
      note: eachRole(cost, 'peak'),
    })
    if (sustainSeconds > 0) {
      const rate = Math.floor((Math.min(rates.vendor, rates.warehouse) * SUSTAINED_SHARE) / 1000) * 1000
      await sustain(table, running, Math.max(1000, rate), sustainSeconds)
    }
  } finally {
    await running.stop()
  }
}

/** Waits until everything accepted so far is at both ends, and tells how long that took since `startedAt`. */
async function arrival(
  running: Running,
  startedAt: number,
  limitMs: number,
): Promise<{ accepted: number; vendorSeconds: number; warehouseSeconds: number }> {
  const all = await running.accepted()
  let vendorSeconds = 0
  let warehouseSeconds = 0
  await waitUntil(
    'everything accepted is in the warehouse and at the vendor',
    async () => {
      const elapsed = (performance.now() - startedAt) / 1000
      if (vendorSeconds === 0 && (await running.atVendor()) >= all) vendorSeconds = elapsed
      // Asking costs a process start, so it is asked seldom and only once the vendor has it all.
      if (vendorSeconds > 0 && (await running.inWarehouse()) >= all) warehouseSeconds = (performance.now() - startedAt) / 1000
      return vendorSeconds > 0 && warehouseSeconds > 0
    },
    limitMs,
    500,
  )
  return { accepted: all - running.introduced, vendorSeconds, warehouseSeconds }
}

interface Sample {
  seconds: number
  waiting: number
}

async function sustain(table: Table, running: Running, rate: number, seconds: number): Promise<void> {
  const before = { vendor: await running.atVendor(), warehouse: await running.inWarehouse() }
  const costs = watchRoles(running.program)
  const samples: { vendor: Sample[]; warehouse: Sample[] } = { vendor: [], warehouse: [] }
  const startedAt = performance.now()
  let answered = 0
  let isOver = false
  const look = async (end: 'vendor' | 'warehouse', count: () => Promise<number>, everyMs: number): Promise<void> => {
    while (!isOver) {
      const arrived = (await count()) - before[end]
      if (!isOver) samples[end].push({ seconds: (performance.now() - startedAt) / 1000, waiting: answered - arrived })
      await delay(everyMs)
    }
  }
  const looks = [look('vendor', running.atVendor, 1000), look('warehouse', running.inWarehouse, Math.max(1000, seconds * 50))]
  const result = await runPaced({
    port: running.program.port,
    eventsPerSecond: rate,
    seconds,
    make: makeRequests(50),
    onAnswer: (events) => {
      answered += events
    },
  }).finally(() => {
    isOver = true
  })
  const cost = costs()
  await Promise.all(looks)
  const what = `sustained ${rate.toLocaleString('en')} events/s for ${seconds} s`
  const verdicts = (['vendor', 'warehouse'] as const).map((end) => verdictOf(end, samples[end], rate, seconds))
  table.row({
    what,
    figure: result.events / result.seconds,
    unit: 'events/s',
    ratio: result.events / result.seconds / RATE_AIM,
    peer: `aim of ${RATE_AIM.toLocaleString('en')}`,
    note: `accept p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms, ${result.failures} failed`,
  })
  for (const verdict of verdicts) table.row({ what: `${what}: backlog to the ${verdict.end}`, ...verdict.row })
  table.row({
    what: `${what}: CPU of all roles`,
    figure: (totalOf(cost, 'seconds') / result.events) * 1e6,
    unit: 's per 1M events',
    ratio: ((totalOf(cost, 'seconds') / result.events) * 1e6) / CPU_AIM,
    peer: `limit of ${CPU_AIM}`,
    note: `peak memory ${totalOf(cost, 'peak').toFixed(0)} MB`,
  })
}

/** Slope of the least squares through the samples, without the first quarter, in which a backlog builds up by design. */
function verdictOf(
  end: string,
  samples: readonly Sample[],
  rate: number,
  seconds: number,
): { end: string; row: { figure: number; unit: string; note: string } } {
  const settled = samples.filter((sample) => sample.seconds > seconds / 4)
  const mean = (of: (sample: Sample) => number): number => settled.reduce((sum, sample) => sum + of(sample), 0) / settled.length
  const middle = mean((sample) => sample.seconds)
  const waiting = mean((sample) => sample.waiting)
  const slope = mean((sample) => (sample.seconds - middle) * (sample.waiting - waiting)) / mean((sample) => (sample.seconds - middle) ** 2)
  const isFlat = slope < rate * FLAT_SHARE
  const largest = settled.reduce((most, sample) => Math.max(most, sample.waiting), 0)
  const shown = Math.round(largest).toLocaleString('en')
  const text = settled.length < 5 ? `too few samples (${settled.length})` : isFlat ? 'FLAT' : 'GROWING'
  return { end, row: { figure: slope, unit: 'events/s growth', note: `${text}; at most ${shown} waited, ${settled.length} samples` } }
}

/**
 * Accept at a steady rate with all roles at work and an analyst's funnel asked again and again, and the memory of all of
 * them. The rate is halved until the program keeps up, so that the times are those of a rate that it sustains here.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { ROUTES } from '#api/contract.ts'
import type { Program } from '#drill/program.ts'
import { makeRequests } from './events.ts'
import { type PacedResult, runPaced } from './paced-load.ts'
import { eachRole, startRunning, totalOf, watchRoles } from './running.ts'
import type { Table } from './table.ts'

const EVENTS_PER_SECOND = 20_000
const P99_LIMIT_MS = 20
const MEMORY_LIMIT_MB = 1536

export async function benchPaced(table: Table, folder: string, seconds: number): Promise<void> {
  const running = await startRunning(path.join(folder, 'paced'))
  try {
    const costs = watchRoles(running.program)
    const funnel = askFunnels(running.program)
    const make = makeRequests(50)
    let rate = EVENTS_PER_SECOND
    let result: PacedResult
    let atStart: number
    for (;;) {
      atStart = await running.atVendor()
      result = await runPaced({ port: running.program.port, eventsPerSecond: rate, seconds, make })
      if (isKeptUp(result, seconds) || rate <= EVENTS_PER_SECOND / 4) break
      const reached = result.events / result.seconds
      const failed = result.failures > 0 ? `, ${result.failures} FAILED` : ''
      table.row({
        what: `paced ${rate.toLocaleString('en')} events/s, 50-event requests: NOT sustained, reached`,
        figure: reached,
        unit: 'events/s',
        ratio: reached / rate,
        peer: 'the rate asked for',
        note: `accept p50 ${result.p50Ms.toFixed(0)} ms, p99 ${result.p99Ms.toFixed(0)} ms${failed}`,
      })
      rate /= 2
      // What the faster try left behind is no part of the slower one.
      await running.drained(60_000)
    }
    const forwarded = (await running.atVendor()) - atStart
    const cost = costs()
    const what = `paced ${rate.toLocaleString('en')} events/s for ${seconds} s, 50-event requests`
    const limit = `limit of ${P99_LIMIT_MS} ms`
    const failed = result.failures > 0 ? `, ${result.failures} FAILED` : ''
    const asked = await funnel.stop()
    const answered = `${asked.times.length} funnels of 4 steps over 30 days beside it, p50 ${median(asked.times).toFixed(0)} ms`
    const note = `${answered}, ${asked.failures} refused, ${asked.empty} before anybody was at the last step`
    table.row({ what: `${what}: accept p50`, figure: result.p50Ms, unit: 'ms', ratio: result.p50Ms / P99_LIMIT_MS, peer: limit })
    table.row({
      what: `${what}: accept p99`,
      figure: result.p99Ms,
      unit: 'ms',
      ratio: result.p99Ms / P99_LIMIT_MS,
      peer: limit,
      note: `max ${result.maxMs.toFixed(0)} ms${failed}; ${note}`,
    })
    table.row({
      what: `${what}: peak memory of all roles`,
      figure: totalOf(cost, 'peak'),
      unit: 'MB',
      ratio: totalOf(cost, 'peak') / MEMORY_LIMIT_MB,
      peer: 'limit of 1.5 GB',
      note: `${eachRole(cost, 'peak')}; each one's own peak, shared pages counted in each`,
    })
    table.row({
      what: `${what}: at the vendor when the last was accepted`,
      figure: (forwarded / result.events) * 100,
      unit: '%',
    })
  } finally {
    await running.stop()
  }
}

interface Asked {
  times: number[]
  /** Of them, answered before anybody had come as far as the last step. */
  empty: number
  failures: number
}

/** One analyst who asks the same funnel as soon as it is answered. */
function askFunnels(program: Program): { stop(): Promise<Asked> } {
  const asked: Asked = { times: [], empty: 0, failures: 0 }
  const credential = readFileSync(path.join(program.keysDir, 'operator'), 'utf8').trim()
  const body = JSON.stringify({ steps: ['Page opened', 'Page opened', 'Page opened', 'Page opened'], days: 30, withinDays: 7 })
  const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json' }
  let isOver = false
  const ask = async (): Promise<void> => {
    while (!isOver) {
      const startedAt = performance.now()
      const reply = await fetch(`${program.consoleUrl}${ROUTES.funnel}`, { method: 'POST', headers, body })
      const answer = (await reply.json()) as { steps?: { people: number }[] }
      if (reply.status !== 200) asked.failures++
      else {
        asked.times.push(performance.now() - startedAt)
        if (answer.steps?.[3]?.people === 0) asked.empty++
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  // When the program is gone before the loop was stopped, the measurement has failed for a reason of its own.
  const loop = ask().catch(() => undefined)
  const stop = async (): Promise<Asked> => {
    isOver = true
    await loop
    return asked
  }
  return { stop }
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
}

/** The last answer came soon after the last request was due. */
function isKeptUp(result: PacedResult, seconds: number): boolean {
  return result.failures === 0 && result.seconds < seconds * 1.05 + 0.5
}

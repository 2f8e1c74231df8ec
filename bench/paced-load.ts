/**
 * A load generator that keeps to a timetable: a request is due at its instant whether or not earlier answers came, and its
 * time counts from that instant. A closed loop would slow down with the server and hide its pauses.
 */
import net from 'node:net'
import { isWhole } from './load.ts'
import type { RequestMaker } from './events.ts'

export interface PacedResult {
  requests: number
  events: number
  /** From the first request that was due to the last answer. */
  seconds: number
  p50Ms: number
  p99Ms: number
  maxMs: number
  failures: number
}

/** Enough that a pause of the server does not hold requests back at our side for long. */
const CONNECTIONS = 64

/** `onAnswer` is told of the events of each answered request. */
export async function runPaced(options: {
  port: number
  eventsPerSecond: number
  seconds: number
  make: RequestMaker
  onAnswer?: (events: number) => void
}): Promise<PacedResult> {
  const { port, eventsPerSecond, seconds, make, onAnswer } = options
  const everyMs = (make.events / eventsPerSecond) * 1000
  const planned = Math.floor((seconds * 1000) / everyMs)
  const latencies: number[] = []
  const idle = await Promise.all(Array.from({ length: CONNECTIONS }, () => openLane(port)))
  const lanes = [...idle]
  let failures = 0
  let sent = 0
  const startedAt = performance.now()
  await new Promise<void>((resolve, reject) => {
    const send = (): void => {
      while (sent < planned && idle.length > 0 && startedAt + sent * everyMs <= performance.now()) {
        // In turn: the gateway rightly closes a connection that asks nothing for long.
        const lane = idle.shift() as Lane
        const dueAt = startedAt + sent * everyMs
        sent++
        lane.ask(Buffer.from(make.next()), (isGood) => {
          latencies.push(performance.now() - dueAt)
          if (!isGood) failures++
          idle.push(lane)
          onAnswer?.(make.events)
          if (latencies.length === planned) {
            clearInterval(timer)
            resolve()
          } else send()
        })
      }
    }
    const timer = setInterval(send, 1)
    for (const lane of lanes) {
      lane.socket.on('close', () => {
        clearInterval(timer)
        reject(new Error('the server closed the connection'))
      })
    }
  }).finally(() => {
    for (const lane of lanes) lane.socket.removeAllListeners('close').destroy()
  })
  const elapsed = (performance.now() - startedAt) / 1000
  latencies.sort((a, b) => a - b)
  const quantile = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return {
    requests: planned,
    events: planned * make.events,
    seconds: elapsed,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
    failures,
  }
}

interface Lane {
  socket: net.Socket
  ask(request: Buffer, answered: (isGood: boolean) => void): void
}

function openLane(port: number): Promise<Lane> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    let pending = ''
    let answered: (isGood: boolean) => void = () => undefined
    socket.on('data', (part: string) => {
      pending += part
      if (!isWhole(pending)) return
      const isGood = pending.startsWith('HTTP/1.1 200')
      pending = ''
      answered(isGood)
    })
    socket.on('error', reject)
    socket.on('connect', () =>
      resolve({
        socket,
        ask: (request, then) => {
          answered = then
          socket.write(request)
        },
      }),
    )
  })
}

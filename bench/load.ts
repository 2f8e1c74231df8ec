/**
 * A closed-loop load generator on bare sockets: each connection sends the next request when the answer to the last one is
 * whole. It reads no more of an answer than it must, since it shares the machine with what it measures.
 */
import net from 'node:net'
import { makeRequests, PEOPLE, type RequestMaker } from './events.ts'

const SAYS_CLOSE = /\r\nconnection: close\r\n/i

export interface LoadResult {
  requests: number
  events: number
  seconds: number
  p50Ms: number
  p99Ms: number
  failures: number
}

export async function runLoad(options: {
  port: number
  connections: number
  seconds: number
  make: RequestMaker
  /** Requests before the clock starts. */
  warmUp?: number
}): Promise<LoadResult> {
  const { port, connections, seconds, make, warmUp = connections * 2 } = options
  let requests = 0
  let failures = 0
  let startedAt = 0
  let isOver = false
  const latencies: number[] = []
  const lane = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const sendOn = (socket: net.Socket): (() => void) => {
        let sentAt = 0
        let pending = ''
        socket.on('data', (part: string) => {
          pending += part
          if (!isWhole(pending)) return
          if (!pending.startsWith('HTTP/1.1 200')) failures++
          // nginx closes a connection after 1,000 requests, and says so.
          const isLast = SAYS_CLOSE.test(pending)
          pending = ''
          requests++
          if (requests === warmUp) startedAt = performance.now()
          else if (startedAt > 0) {
            latencies.push(performance.now() - sentAt)
            if (performance.now() - startedAt > seconds * 1000) isOver = true
          }
          if (isLast || isOver) {
            socket.removeAllListeners('close')
            socket.destroy()
            return isOver ? resolve() : connect()
          }
          sendNext()
        })
        const sendNext = (): void => {
          sentAt = performance.now()
          socket.write(Buffer.from(make.next()))
        }
        return sendNext
      }
      const connect = (): void => {
        const socket = net.connect(port, '127.0.0.1')
        socket.setNoDelay(true)
        socket.setEncoding('latin1')
        socket.on('connect', sendOn(socket))
        socket.on('error', reject)
        socket.on('close', () => reject(new Error('the server closed the connection')))
      }
      connect()
    })
  await Promise.all(Array.from({ length: connections }, lane))
  const elapsed = (performance.now() - startedAt) / 1000
  latencies.sort((a, b) => a - b)
  const quantile = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return {
    requests: latencies.length,
    events: latencies.length * make.events,
    seconds: elapsed,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    failures,
  }
}

/** Makes the people of the measurement known: each sends one event. Returns how many events that were. */
export async function introducePeople(port: number): Promise<number> {
  const make = makeRequests(1000, { warm: true })
  const { failures } = await runLoad({ port, connections: 1, seconds: 0, make, warmUp: PEOPLE / make.events })
  if (failures > 0) throw new Error(`${failures} requests of the warm-up failed`)
  // One request more than the warm-up ends the run.
  return PEOPLE + make.events
}

/** Whole by Content-Length, or by the last chunk. Answers here are short. */
export function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))
  if (length !== null) return text.length >= end + 4 + Number(length[1])
  return text.endsWith('0\r\n\r\n')
}

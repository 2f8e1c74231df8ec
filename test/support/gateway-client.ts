/** Requests in the forms that Mixpanel's SDKs send, without an SDK between, and raw bytes for what no SDK would send. */
import http from 'node:http'
import net from 'node:net'
import { delay } from '#drill/program.ts'

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
}

export interface Sending {
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
  timeoutMs?: number
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })

/** Rejects when the connection breaks before the whole answer came. */
export function send(url: string, sending: Sending = {}): Promise<Answer> {
  const { method = sending.body === undefined ? 'GET' : 'POST', headers = {}, body, timeoutMs = 60_000 } = sending
  return new Promise((resolve, reject) => {
    const request = http.request(url, {
      method,
      headers: { ...(body && { 'content-length': Buffer.byteLength(body) }), ...headers },
      agent,
    })
    request.setTimeout(timeoutMs, () => request.destroy(new Error('timed out')))
    request.on('error', reject)
    request.on('response', (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        if (response.complete)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts).toString() })
        else reject(new Error('answer cut short'))
      })
    })
    request.end(body)
  })
}

export interface TestEvent {
  event: string
  properties: Record<string, unknown>
}

/** `data=<base64 JSON>` as the Node SDK posts it. */
export function formBody(records: readonly unknown[]): string {
  return `data=${encodeURIComponent(Buffer.from(JSON.stringify(records)).toString('base64'))}`
}

export function postEvents(gatewayUrl: string, token: string, events: readonly TestEvent[], timeoutMs?: number): Promise<Answer> {
  const records = events.map(({ event, properties }) => ({ event, properties: { token, ...properties } }))
  return send(`${gatewayUrl}/track?verbose=0&ip=0`, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: formBody(records),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  })
}

/** Sends until it is told `1`, as an SDK does on 5xx and broken connections; the batch keeps its insert ids. */
export async function postUntilTaken(
  gatewayUrl: string,
  token: string,
  events: readonly TestEvent[],
  isOver: () => boolean = () => false,
): Promise<boolean> {
  for (let attempt = 0; !isOver(); attempt++) {
    try {
      const answer = await postEvents(gatewayUrl, token, events, 10_000)
      if (answer.status === 200 && answer.body === '1') return true
      if (answer.status < 500 && answer.status !== 429) throw new Error(`refused with ${answer.status}: ${answer.body}`)
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('refused')) throw error
    }
    await delay(Math.min(500, 20 * 2 ** Math.min(attempt, 5)))
  }
  return false
}

/** Writes bytes and returns what came back until the peer closed or the time was over. */
export function rawExchange(port: number, bytes: Buffer | string, waitMs = 3000): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    let text = ''
    const finish = (closed: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ text, closed })
    }
    const timer = setTimeout(() => finish(false), waitMs)
    socket.setEncoding('latin1')
    socket.on('data', (part: string) => {
      text += part
    })
    socket.on('error', () => finish(true))
    socket.on('close', () => finish(true))
    socket.on('connect', () => socket.write(bytes))
  })
}

/** A vendor on the loopback that keeps what reached it and answers as it is told. */
import { createHash } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface ArrivedRecord {
  id: string
  who: string
  op?: string
  values: [string, number][]
}

export interface Arrived {
  route: string
  sha256: string
  records: ArrivedRecord[]
  status: number
  /** What `onHeaders` returned when the first byte had come. */
  seen: unknown
}

/** A status, a body with it, or what a broken vendor does: `cut` the connection after the body, `hang` without an answer. */
export type Answer = number | { status: number; body?: string; headers?: Record<string, string> } | 'cut' | 'hang'

export interface TestVendor {
  url: string
  /** Requests in the order in which their headers arrived. */
  begun: number
  /** Requests whose whole body arrived. */
  arrived: Arrived[]
  answer: (request: Arrived) => Answer
  onHeaders: () => unknown
  close(): Promise<void>
}

export async function startTestVendor(): Promise<TestVendor> {
  const sockets = new Set<Socket>()
  const server = http.createServer((incoming, reply) => {
    vendor.begun += 1
    const seen = vendor.onHeaders()
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('error', () => undefined)
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const sha256 = createHash('sha256').update(body).digest('hex')
      const request: Arrived = {
        route: incoming.url ?? '',
        sha256,
        records: JSON.parse(body.toString()) as ArrivedRecord[],
        status: 0,
        seen,
      }
      vendor.arrived.push(request)
      const answer = vendor.answer(request)
      if (answer === 'hang') return
      if (answer === 'cut') return void incoming.socket.destroy()
      const { status, body: text = '', headers = {} } = typeof answer === 'number' ? { status: answer } : answer
      request.status = status
      reply.writeHead(status, headers).end(text)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const vendor: TestVendor = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    begun: 0,
    arrived: [],
    answer: () => 200,
    onHeaders: () => undefined,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
  return vendor
}

/** An HTTP server before another one: it reads each request whole, answers it itself or passes it on as it came. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface RelayAnswer {
  status: number
  body: unknown
}

/** Called when the headers are in; what it returns is called with the body. An answer keeps the request from going on. */
export type OnRequest = (request: http.IncomingMessage) => (body: Buffer) => RelayAnswer | undefined

/** Base URL of the relay. */
export async function startRelay(t: TestContext, target: string, onRequest: OnRequest): Promise<string> {
  const { hostname, port } = new URL(target)
  const agent = new http.Agent({ keepAlive: true })
  const server = http.createServer((request, response) => {
    const onBody = onRequest(request)
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('error', () => response.destroy())
    request.on('end', () => {
      const body = Buffer.concat(parts)
      const own = onBody(body)
      if (own !== undefined) {
        response.writeHead(own.status, { 'content-type': 'application/json' }).end(JSON.stringify(own.body))
        return
      }
      const onward = http.request({ hostname, port, path: request.url, method: request.method, headers: request.headers, agent })
      onward.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      onward.on('error', () => response.destroy())
      onward.end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(
    () =>
      new Promise((resolve) => {
        agent.destroy()
        server.closeAllConnections()
        server.close(resolve)
      }),
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/**
 * A vendor's application host for a test: takes deletion calls as developer.mixpanel.com/reference/gdpr-api publishes them and
 * refuses what is not of that shape, and passes all else on to the loopback cloud.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { TOKENS } from './config.ts'

export const DELETION_TOKEN = 'test-deletion-token'

export interface DeletionDesk {
  url: string
  /** Distinct ids of each call that was taken. */
  taken: string[][]
  /** What was wrong with those that were not. */
  complaints: string[]
  /** While it is set, every call is answered with this status. */
  away: number | undefined
}

export async function startDeletionDesk(t: TestContext, cloud: string): Promise<DeletionDesk> {
  const { hostname, port } = new URL(cloud)
  const desk: DeletionDesk = { url: '', taken: [], complaints: [], away: undefined }
  const agent = new http.Agent({ keepAlive: true })
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('error', () => response.destroy())
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts)
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://desk')
      if (pathname.startsWith('/api/app/')) {
        const answer = desk.away === undefined ? take(desk, { request, pathname, searchParams, body }) : { status: desk.away, body: {} }
        return void response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body))
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
  desk.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return desk
}

function take(
  desk: DeletionDesk,
  call: { request: http.IncomingMessage; pathname: string; searchParams: URLSearchParams; body: Buffer },
): { status: number; body: unknown } {
  const refuse = (status: number, what: string): { status: number; body: unknown } => {
    desk.complaints.push(what)
    return { status, body: { status: 'error', error: what } }
  }
  const { request, pathname, searchParams, body } = call
  if (request.method !== 'POST' || pathname !== '/api/app/data-deletions/v3.0/') return refuse(404, `${request.method} ${pathname}`)
  if (request.headers.authorization !== `Bearer ${DELETION_TOKEN}`) return refuse(401, 'no valid OAuth token')
  if (searchParams.get('token') !== TOKENS.vendor) return refuse(400, 'no project token')
  const { distinct_ids: ids, compliance_type: type, ...more } = JSON.parse(body.toString()) as Record<string, unknown>
  const isList = Array.isArray(ids) && ids.length > 0 && ids.length <= 2000 && ids.every((id) => typeof id === 'string')
  if (!isList || (type !== 'GDPR' && type !== 'CCPA') || Object.keys(more).length > 0) return refuse(400, 'not the published shape')
  desk.taken.push(ids as string[])
  return { status: 200, body: { status: 'ok', results: { task_id: String(desk.taken.length) } } }
}

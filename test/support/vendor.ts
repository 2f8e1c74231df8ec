/** The loopback Mixpanel cloud for a test, closed when it ends; with a tap before it that knows each body's hash. */
import { createHash } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { type LootRow, type MixpanelCloud, startMixpanelCloud } from '#drill/mixpanel-cloud.ts'
import { LOGIN, TOKENS } from './config.ts'

export async function startVendor(
  t: TestContext,
  options: { port?: number; store?: string; secret?: string } = {},
): Promise<MixpanelCloud> {
  const { secret = LOGIN.secret, ...rest } = options
  const cloud = await startMixpanelCloud({
    token: TOKENS.vendor,
    projectId: LOGIN.projectId,
    credentials: { kind: 'serviceAccount', ...LOGIN, secret },
    ...rest,
  })
  t.after(() => cloud.close())
  return cloud
}

export interface TappedRequest {
  /** Arrival of the headers, UTC ms: no earlier than the first byte. */
  at: number
  path: string
  /** SHA-256 of the body before content encoding, hex; undefined when it broke off. */
  sha256: string | undefined
}

export interface Tap {
  url: string
  requests: TappedRequest[]
}

/** Passes everything on to the vendor and writes down what went by. */
export async function startTap(t: TestContext, target: string, onBody: (sha256: string) => void = () => undefined): Promise<Tap> {
  const requests: TappedRequest[] = []
  const { hostname, port } = new URL(target)
  const agent = new http.Agent({ keepAlive: true })
  const server = http.createServer((request, response) => {
    const seen: TappedRequest = { at: Date.now(), path: request.url ?? '', sha256: undefined }
    requests.push(seen)
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('error', () => response.destroy())
    request.on('end', () => {
      const body = Buffer.concat(parts)
      const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
      seen.sha256 = createHash('sha256').update(plain).digest('hex')
      onBody(seen.sha256)
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
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

export interface VendorEvent {
  event: string
  properties: Record<string, unknown>
}

/** Rows that came as events. */
export function eventsOf(rows: readonly LootRow[]): VendorEvent[] {
  return rows.filter((row) => row.route === '/import' || row.route === '/track').map((row) => row.record as VendorEvent)
}

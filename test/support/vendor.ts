/** The loopback Mixpanel cloud for a test, closed when it ends; with a tap before it that knows each body's hash. */
import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { type LootRow, type MixpanelCloud, startMixpanelCloud } from '#drill/mixpanel-cloud.ts'
import { LOGIN, TOKENS } from './config.ts'
import { startRelay } from './relay.ts'

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
  const url = await startRelay(t, target, (request) => {
    const seen: TappedRequest = { at: Date.now(), path: request.url ?? '', sha256: undefined }
    requests.push(seen)
    return (body) => {
      const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
      seen.sha256 = createHash('sha256').update(plain).digest('hex')
      onBody(seen.sha256)
      return undefined
    }
  })
  return { url, requests }
}

export interface VendorEvent {
  event: string
  properties: Record<string, unknown>
}

/** Rows that came as events. */
export function eventsOf(rows: readonly LootRow[]): VendorEvent[] {
  return rows.filter((row) => row.route === '/import' || row.route === '/track').map((row) => row.record as VendorEvent)
}

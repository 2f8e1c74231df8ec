/**
 * A vendor's application host for a test: takes deletion calls as developer.mixpanel.com/reference/gdpr-api publishes them and
 * refuses what is not of that shape, and passes all else on to the loopback cloud.
 */
import type http from 'node:http'
import type { TestContext } from 'node:test'
import { TOKENS } from './config.ts'
import { type RelayAnswer, startRelay } from './relay.ts'

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
  const desk: DeletionDesk = { url: '', taken: [], complaints: [], away: undefined }
  desk.url = await startRelay(t, cloud, (request) => (body) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://desk')
    if (!pathname.startsWith('/api/app/')) return undefined
    return desk.away === undefined ? take(desk, { request, pathname, searchParams, body }) : { status: desk.away, body: {} }
  })
  return desk
}

function take(
  desk: DeletionDesk,
  call: { request: http.IncomingMessage; pathname: string; searchParams: URLSearchParams; body: Buffer },
): RelayAnswer {
  const refuse = (status: number, what: string): RelayAnswer => {
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

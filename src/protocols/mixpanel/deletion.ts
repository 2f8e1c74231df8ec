/**
 * Mixpanel's deletion call (developer.mixpanel.com/reference/gdpr-api, version 3): at the application's host, not where events
 * go, with an OAuth token of its own, one call a second. Of its two published descriptions one answers with a task's id in an
 * object, the other with a list of tasks; both are read.
 */
import { isJsonObject } from '#model/json.ts'
import type { DeletionOutcome, DeletionProgress, DeletionProtocol, EgressContext, EgressRequest } from '#model/protocol.ts'

const ROUTE = '/api/app/data-deletions/v3.0'
/** Host of ingestion → host of the application, for each residency. */
const HOSTS: Readonly<Record<string, string>> = {
  'api.mixpanel.com': 'mixpanel.com',
  'api-js.mixpanel.com': 'mixpanel.com',
  'api-eu.mixpanel.com': 'eu.mixpanel.com',
  'api-in.mixpanel.com': 'in.mixpanel.com',
}
/** What may stand in a path and in our records. */
const TASK = /^[A-Za-z0-9_-]{1,128}$/
const PROGRESS: Readonly<Record<string, 'pending' | 'done' | 'failed'>> = {
  PENDING: 'pending',
  STAGING: 'pending',
  STARTED: 'pending',
  SUCCESS: 'done',
  FAILURE: 'failed',
  REVOKED: 'failed',
  NOT_FOUND: 'failed',
}
const RETRY_AFTER_S_MAX = 86_400

export const mixpanelDeletion: DeletionProtocol = {
  route: ROUTE,
  // The guide says 1999, the reference 2000.
  idsMax: 1999,
  intervalMs: 1000,
  promiseDays: 30,
  request: buildRequest,
  classify,
  statusRequest: (task, context, token) => ({
    method: 'GET',
    url: addressOf(context, `/${encodeURIComponent(task)}`),
    headers: { accept: 'application/json' },
    authorization: `Bearer ${token}`,
    body: Buffer.alloc(0),
  }),
  classifyStatus,
}

function addressOf(context: EgressContext, path: string): string {
  const url = new URL(context.url)
  url.host = Object.hasOwn(HOSTS, url.host) ? (HOSTS[url.host] as string) : url.host
  url.pathname = `${url.pathname.replace(/\/+$/, '')}${ROUTE}${path}`
  url.search = new URLSearchParams({ token: context.token }).toString()
  return url.href
}

function buildRequest(
  subjects: readonly { kind: 'user' | 'device'; pseudonym: string }[],
  context: EgressContext,
  token: string,
): EgressRequest {
  // As they stand in events: a device that nobody has signed in on is known under its id with a prefix.
  const ids = subjects.map(({ kind, pseudonym }) => (kind === 'device' ? `$device:${pseudonym}` : pseudonym))
  return {
    method: 'POST',
    url: addressOf(context, '/'),
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    authorization: `Bearer ${token}`,
    body: Buffer.from(JSON.stringify({ distinct_ids: ids, compliance_type: 'GDPR' })),
  }
}

/** Why no promise can be read out of an answer of that status; undefined when it may hold one. */
function failureOf(status: number): Exclude<DeletionOutcome, { kind: 'asked' }> | undefined {
  if (status === 401 || status === 403) return { kind: 'refused', reason: 'bad_credentials' }
  if (status >= 300 && status < 400) return { kind: 'refused', reason: 'redirect' }
  if (status === 429) return { kind: 'retry', reason: 'too_many_requests' }
  if (status === 408 || status === 425 || status >= 500) return { kind: 'retry', reason: 'unavailable' }
  if (status >= 400) return { kind: 'refused', reason: 'bad_request' }
  return undefined
}

function classify(status: number, body: string, hints: { retryAfter?: string | undefined } = {}): DeletionOutcome {
  const failure = failureOf(status)
  if (failure?.kind === 'retry' && /^\d{1,9}$/.test(hints.retryAfter ?? '')) {
    return { ...failure, retryAfterMs: Math.min(Number(hints.retryAfter), RETRY_AFTER_S_MAX) * 1000 }
  }
  if (failure !== undefined) return failure
  const results = resultsOf(body)
  if (results === undefined) return { kind: 'retry', reason: 'unreadable_answer' }
  const task = taskOf(results)
  return task === undefined ? { kind: 'asked' } : { kind: 'asked', task }
}

function classifyStatus(status: number, body: string): DeletionProgress {
  const failure = failureOf(status)
  if (failure !== undefined) return { kind: 'unknown', reason: failure.reason }
  const results = resultsOf(body)
  if (results === undefined) return { kind: 'unknown', reason: 'unreadable_answer' }
  const said = isJsonObject(results) && typeof results['status'] === 'string' ? results['status'] : ''
  const kind = Object.hasOwn(PROGRESS, said) ? PROGRESS[said] : undefined
  return kind === undefined ? { kind: 'unknown', reason: 'unreadable_answer' } : { kind, said }
}

/** What stands under `results` of a good answer, the first of a list; undefined when it is none. */
function resultsOf(body: string): unknown {
  try {
    const answer: unknown = JSON.parse(body)
    if (!isJsonObject(answer) || answer['status'] !== 'ok') return undefined
    const { results } = answer
    return (Array.isArray(results) ? results[0] : results) ?? null
  } catch {
    // An answer that cannot be read promises nothing.
    return undefined
  }
}

function taskOf(results: unknown): string | undefined {
  if (!isJsonObject(results)) return undefined
  const id = results['task_id'] ?? results['tracking_id']
  const text = typeof id === 'number' || typeof id === 'string' ? String(id) : ''
  return TASK.test(text) ? text : undefined
}

/**
 * Mixpanel's deletion call (developer.mixpanel.com/reference/gdpr-api, version 3): at the application's host, not where events
 * go, with an OAuth token of its own, up to 2000 distinct ids at a time.
 */
import { isJsonObject } from '#model/json.ts'
import type { DeletionOutcome, DeletionProtocol, EgressContext, EgressRequest } from '#model/protocol.ts'

const ROUTE = '/api/app/data-deletions/v3.0'
/** Host of ingestion → host of the application, for each residency. */
const HOSTS: Readonly<Record<string, string>> = {
  'api.mixpanel.com': 'mixpanel.com',
  'api-js.mixpanel.com': 'mixpanel.com',
  'api-eu.mixpanel.com': 'eu.mixpanel.com',
  'api-in.mixpanel.com': 'in.mixpanel.com',
}

export const mixpanelDeletion: DeletionProtocol = { route: ROUTE, idsMax: 2000, request: buildRequest, classify }

function buildRequest(
  subjects: readonly { kind: 'user' | 'device'; pseudonym: string }[],
  context: EgressContext,
  token: string,
): EgressRequest {
  const url = new URL(context.url)
  url.host = Object.hasOwn(HOSTS, url.host) ? (HOSTS[url.host] as string) : url.host
  url.pathname = `${url.pathname.replace(/\/+$/, '')}${ROUTE}/`
  url.search = new URLSearchParams({ token: context.token }).toString()
  // As they stand in events: a device that nobody has signed in on is known under its id with a prefix.
  const ids = subjects.map(({ kind, pseudonym }) => (kind === 'device' ? `$device:${pseudonym}` : pseudonym))
  return {
    method: 'POST',
    url: url.href,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    authorization: `Bearer ${token}`,
    body: Buffer.from(JSON.stringify({ distinct_ids: ids, compliance_type: 'GDPR' })),
  }
}

function classify(status: number, body: string): DeletionOutcome {
  if (status === 401 || status === 403) return { kind: 'refused', reason: 'bad_credentials' }
  if (status >= 300 && status < 400) return { kind: 'refused', reason: 'redirect' }
  if (status === 408 || status === 425 || status === 429 || status >= 500) return { kind: 'retry', reason: 'unavailable' }
  if (status >= 400) return { kind: 'refused', reason: 'bad_request' }
  try {
    const answer: unknown = JSON.parse(body)
    if (isJsonObject(answer) && answer['status'] === 'ok') return { kind: 'asked' }
  } catch {
    // Said below: an answer that cannot be read promises nothing.
  }
  return { kind: 'retry', reason: 'unreadable_answer' }
}

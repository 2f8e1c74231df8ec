/**
 * Answers for pages of any origin. The origin is echoed with credentials and never `*`: browsers send the site's cookies
 * along (SDKs set `withCredentials`), and then refuse the wildcard. Nothing in an answer depends on who asks, so every
 * origin may read it; the cookies themselves are never looked at.
 */
import type { IncomingHttpHeaders } from 'node:http'

const MAX_AGE_SECONDS = 86_400
const ORIGIN = /^[\x21-\x7e]{1,512}$/
const HEADER_LIST = /^[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2000}$/

export function corsHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const { origin } = headers
  if (origin === undefined || !ORIGIN.test(origin)) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'Retry-After',
  }
}

/** For OPTIONS on any path: what is asked for is allowed. */
export function preflightHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const asked = headers['access-control-request-headers']
  const allowed = corsHeaders(headers)
  allowed.vary = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network'
  allowed['access-control-allow-methods'] = 'GET, POST, OPTIONS'
  allowed['access-control-max-age'] = String(MAX_AGE_SECONDS)
  if (asked !== undefined && HEADER_LIST.test(asked)) allowed['access-control-allow-headers'] = asked
  // A gateway inside a company network is asked for this by pages from outside it.
  if (headers['access-control-request-private-network'] === 'true') allowed['access-control-allow-private-network'] = 'true'
  return allowed
}

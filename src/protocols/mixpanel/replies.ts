/**
 * Mixpanel's answers, byte for byte, since its SDKs compare them: node takes exactly `1`, Python wants JSON with
 * `status == 1`, the recorder wants JSON. Keys stand in the order of the published examples.
 * Source: developer.mixpanel.com/reference (responses of track-event and import-events).
 */
import type { DecodedRequest, IngestRequest, Refusal, Reply } from '#model/protocol.ts'
import type { RecordFault } from '#model/wire-record.ts'
import { readFlags } from './body.ts'
import { isStrict } from './decode.ts'
import { RECORDS_MAX } from './limits.ts'

const JSON_TYPE = 'application/json'
const TRANSPARENT_PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')
/** The name is reflected into a script, so it must be a plain dotted identifier. */
const CALLBACK = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*){0,8}$/
const RETRY_AFTER_S = '2'

function json(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'content-type': JSON_TYPE, 'x-content-type-options': 'nosniff', ...headers }, body: JSON.stringify(body) }
}

function isOn(flag: string | undefined): boolean {
  return flag === '1' || flag === 'true'
}

/** `1`/`0` in the dress that the flags ask for. */
function plain(isGood: boolean, error: string | null, flags: Record<string, string>): Reply {
  if (isOn(flags['img'])) {
    return { status: 200, headers: { 'content-type': 'image/gif', 'cache-control': 'no-cache, no-store' }, body: TRANSPARENT_PIXEL }
  }
  const verbose = isOn(flags['verbose'])
  const body = verbose ? JSON.stringify({ error: isGood ? null : error, status: isGood ? 1 : 0 }) : isGood ? '1' : '0'
  const callback = flags['callback']
  if (callback !== undefined && CALLBACK.test(callback)) {
    return {
      status: 200,
      headers: { 'content-type': 'text/javascript', 'x-content-type-options': 'nosniff' },
      body: `${callback}(${body});`,
    }
  }
  return {
    status: 200,
    headers: { 'content-type': verbose ? JSON_TYPE : 'text/plain', 'x-content-type-options': 'nosniff' },
    body,
  }
}

function strictReply(imported: number, faults: readonly RecordFault[]): Reply {
  if (faults.length === 0) return json(200, { code: 200, num_records_imported: imported, status: 'OK' })
  return json(400, {
    code: 400,
    error: 'some data points in the request failed validation',
    failed_records: faults.map(({ index, insertId, field, message }) => ({ index, insert_id: insertId ?? '', field, message })),
    num_records_imported: imported,
    status: 'Bad Request',
  })
}

/** Side channels: always the answer that lets the SDK carry on without what it asked for. */
const FIXED_REPLIES: Readonly<Record<string, () => Reply>> = {
  flags: () => json(200, { flags: {}, pending_first_time_events: [] }),
  'flags/definitions': () => json(200, { flags: [] }),
  'flags/first-time-events': () => json(200, { code: 200, status: 'OK' }),
  settings: () => json(200, { sdk_config: { config: {} } }),
  record: () => json(200, { code: 200, status: 'OK' }),
  decide: () => json(200, { surveys: [], notifications: [], config: { enable_collect_everything: false } }),
  'lookup-tables': () => json(401, { code: 401, error: 'Invalid credentials', status: 'Unauthorized' }),
}

export function acceptedReply(request: IngestRequest, decoded: DecodedRequest): Reply {
  const { route } = request
  if (!route.keeps) return (FIXED_REPLIES[route.name] ?? (() => json(404, { code: 404, error: 'Not Found', status: 'Not Found' })))()
  if (decoded.refusal !== undefined) return refusedReply(request, decoded.refusal)
  if (route.name !== 'track' && isStrict(decoded.flags)) return strictReply(decoded.records.length, decoded.faults)
  const isGood = decoded.records.length > 0 || decoded.faults.length === 0
  return plain(isGood, decoded.faults[0]?.message ?? null, decoded.flags)
}

const PAYLOAD_MESSAGES: Partial<Record<Refusal, string>> = {
  bad_encoding: 'data, could not be decompressed',
  bad_json: 'data, could not be decoded as JSON',
  no_data: 'data, missing or empty',
  too_deep: 'data, nested too deeply',
}

export function refusedReply(request: IngestRequest, refusal: Refusal, retryAfterS?: number): Reply {
  const { route } = request
  switch (refusal) {
    case 'too_large':
      return tooLarge(`${route.bodyBytesMax} bytes`)
    // The browser SDK halves its batch on 413 and drops it on any other 4xx.
    case 'too_many':
      return tooLarge(`${RECORDS_MAX} records`)
    case 'bad_method':
      return json(405, { code: 405, error: 'method not allowed', status: 'Method Not Allowed' }, { allow: route.methods.join(', ') })
    case 'bad_login':
      return route.name === 'track' || route.name === 'engage' || route.name === 'groups'
        ? json(401, { error: 'Invalid credentials', status: 'error' })
        : json(401, { code: 401, error: 'Invalid credentials', status: 'Unauthorized' })
    case 'overloaded':
      return unavailable(503, 'Service Unavailable')
    // Of its SDKs the browser's keeps the batch and waits longer each time, Python's waits as told, Node's tells its caller.
    case 'over_quota': {
      const error = 'Project exceeded rate limits. Please retry the request with exponential backoff.'
      const headers = { 'retry-after': retryAfterS === undefined ? RETRY_AFTER_S : String(retryAfterS) }
      return json(429, { code: 429, error, status: 'Too Many Requests' }, headers)
    }
    case 'internal':
      return unavailable(500, 'Internal Server Error')
    default: {
      const message = PAYLOAD_MESSAGES[refusal] ?? 'data, missing or empty'
      const flags = readFlags(request)
      return route.name === 'import' && isStrict(flags)
        ? json(400, { code: 400, error: message, status: 'Bad Request' })
        : plain(false, message, flags)
    }
  }
}

function tooLarge(limit: string): Reply {
  return json(413, { code: 413, error: `request exceeds max limit of ${limit}`, status: 'Request Entity Too Large' })
}

function unavailable(code: number, status: string): Reply {
  const error = 'temporarily unavailable, please retry with exponential backoff'
  return json(code, { code, error, status }, { 'retry-after': RETRY_AFTER_S })
}

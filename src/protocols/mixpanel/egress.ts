/**
 * Requests to Mixpanel and the meaning of its answers. Everything goes to `/import`, `/engage` and `/groups` in the
 * plainest documented form: a JSON array, validated by the vendor (`strict=1`), without its geolocation (`ip=0`).
 * Sources: developer.mixpanel.com/reference/import-events, docs.mixpanel.com/troubleshooting/errors.
 */
import type { AnswerHints, EgressContext, EgressLimits, EgressOutcome, EgressProtocol, EgressRequest } from '#model/protocol.ts'
import type { OutgoingRecord } from '#model/protocol.ts'
import { isJsonObject } from '#model/json.ts'
import type { JsonObject, JsonValue } from '#model/json.ts'
import { writeRecord } from './encode.ts'
import { OUTGOING_BODY_BYTES_MAX, OUTGOING_RECORD_BYTES_MAX, RECORDS_MAX } from './limits.ts'

const LIMITS: EgressLimits = {
  recordsMax: RECORDS_MAX,
  bodyBytesMax: OUTGOING_BODY_BYTES_MAX,
  recordBytesMax: OUTGOING_RECORD_BYTES_MAX,
}

export const mixpanelEgress: EgressProtocol = {
  encoderVersion: 2,
  routeOf,
  limits: () => LIMITS,
  writeRecord,
  request: buildRequest,
  classify,
}

const OPENING = Buffer.from('[')
const CLOSING = Buffer.from(']')

function routeOf(record: Pick<OutgoingRecord, 'type' | 'op'>): string | undefined {
  if (record.type === 'profile') return record.op === undefined ? undefined : '/engage'
  // Groups know every operation but `$append`.
  if (record.type === 'group') return record.op === undefined || record.op === 'append' ? undefined : '/groups'
  return '/import'
}

function buildRequest(route: string, records: Uint8Array, context: EgressContext): EgressRequest {
  const query = new URLSearchParams({ strict: '1', ip: '0' })
  const isImport = route === '/import'
  if (isImport && context.credentials.kind === 'serviceAccount') query.set('project_id', context.credentials.projectId)
  if (!isImport) query.set('verbose', '1')
  return {
    method: 'POST',
    url: `${context.url.replace(/\/+$/, '')}${route}?${query}`,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    // Profiles are routed by the token in each record; a secret that is not needed is not sent.
    authorization: isImport ? basic(context.credentials) : undefined,
    body: Buffer.concat([OPENING, records, CLOSING]),
  }
}

function basic(credentials: EgressContext['credentials']): string {
  const text = credentials.kind === 'secret' ? `${credentials.secret}:` : `${credentials.user}:${credentials.secret}`
  return `Basic ${Buffer.from(text).toString('base64')}`
}

function classify(_route: string, status: number, body: string, recordCount: number, hints: AnswerHints = {}): EgressOutcome {
  if (status === 401 || status === 403) return { kind: 'blocked', reason: 'bad_credentials' }
  if (status === 404 || status === 410) return { kind: 'blocked', reason: 'not_found' }
  // A redirect would take people's data to a host that nobody configured.
  if (status >= 300 && status < 400) return { kind: 'blocked', reason: 'redirect' }
  if (status === 413) return recordCount > 1 ? { kind: 'split', reason: 'too_large' } : { kind: 'refused', reason: 'too_large' }
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    return { kind: 'retry', reason: status === 429 ? 'rate_limited' : 'unavailable', retryAfterMs: retryAfterMs(hints.retryAfter) }
  }
  const answer = parseAnswer(body)
  const failed = isJsonObject(answer) ? refusedRecords(answer, recordCount, hints.insertIds) : undefined
  if (failed !== undefined) return { kind: 'accepted', refused: failed }
  if (status >= 200 && status < 300) return classifySuccess(answer, recordCount)
  return { kind: 'refused', reason: 'bad_request' }
}

function classifySuccess(answer: JsonValue | undefined, recordCount: number): EgressOutcome {
  if (answer === 1) return { kind: 'accepted', refused: [] }
  if (answer === 0) return { kind: 'refused', reason: 'no_valid_record' }
  if (!isJsonObject(answer)) return { kind: 'retry', reason: 'unreadable_answer', retryAfterMs: undefined }
  const { status, code } = answer
  if (status === 0 || status === 'error') return { kind: 'refused', reason: 'no_valid_record' }
  if (status === 1 || status === 'OK' || code === 200) {
    // Nobody says which are missing when none is named; all zero is the one clear case.
    return answer['num_records_imported'] === 0 && recordCount > 0
      ? { kind: 'refused', reason: 'no_valid_record' }
      : { kind: 'accepted', refused: [] }
  }
  return { kind: 'retry', reason: 'unreadable_answer', retryAfterMs: undefined }
}

function parseAnswer(body: string): JsonValue | undefined {
  try {
    return JSON.parse(body) as JsonValue
  } catch {
    return undefined
  }
}

/** Delta-seconds only: a date would need a clock. Capped, so that a hostile peer cannot hold the queue for ever. */
function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/.test(header.trim()) ? Math.min(Number(header) * 1000, 3_600_000) : undefined
}

const REASON_OF_FIELD: Readonly<Record<string, string>> = {
  'properties.time': 'invalid_time',
  'properties.$insert_id': 'invalid_insert_id',
  'properties.distinct_id': 'invalid_distinct_id',
  $distinct_id: 'invalid_distinct_id',
  'properties.token': 'invalid_token',
  $token: 'invalid_token',
  event: 'invalid_event',
}

/**
 * Records that the vendor names as refused; the others are stored all the same. Its message may quote a value, so only
 * the field's name chooses among our own words. A record that cannot be found in the request is left out.
 */
function refusedRecords(
  answer: JsonObject,
  recordCount: number,
  insertIds: readonly string[] | undefined,
): { index: number; reason: string }[] | undefined {
  const failed = answer['failed_records']
  if (!Array.isArray(failed)) return undefined
  const reasons = new Map<number, string>()
  for (const entry of failed) {
    if (!isJsonObject(entry)) continue
    const index = indexOf(entry, insertIds)
    if (index === undefined || index >= recordCount || reasons.has(index)) continue
    reasons.set(index, reasonOf(entry['field']))
  }
  return [...reasons].sort(([a], [b]) => a - b).map(([index, reason]) => ({ index, reason }))
}

function reasonOf(field: JsonValue | undefined): string {
  const known = typeof field === 'string' && Object.hasOwn(REASON_OF_FIELD, field) ? REASON_OF_FIELD[field] : undefined
  return known ?? 'invalid_record'
}

function indexOf(entry: JsonObject, insertIds: readonly string[] | undefined): number | undefined {
  const index = entry['index']
  if (typeof index === 'number' && Number.isInteger(index) && index >= 0) return index
  const insertId = entry['insert_id'] ?? entry['$insert_id']
  const found = typeof insertId === 'string' ? insertIds?.indexOf(insertId) : undefined
  return found === undefined || found < 0 ? undefined : found
}

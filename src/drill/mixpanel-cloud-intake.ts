/** What the loopback cloud does with a request: login, validation, de-duplication. It plays the vendor, and so makes the thief's haul. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { isJsonObject } from '#model/json.ts'
import type { EgressContext } from '#model/protocol.ts'
import { readPayload } from '#protocols/mixpanel/body.ts'
import { idText, isReservedId } from '#protocols/mixpanel/identity.ts'
import { BODY_BYTES_MAX, INSERT_ID_PATTERN, PROPERTIES_MAX, RECORD_BYTES_MAX, RECORDS_MAX } from '#protocols/mixpanel/limits.ts'
import { requestErrors } from '#protocols/mixpanel/request-schema.ts'
import { routeOfPath } from '#protocols/mixpanel/routes.ts'

export interface CloudAccount {
  credentials: EgressContext['credentials']
  projectId: string
  token: string
}

/** One record as it came over the wire. A refused record was received all the same: it is in the loot too. */
export interface LootRow {
  type: 'loot'
  /** Number of the request that carried it, from 1. */
  request: number
  /** Arrival of that request's first byte, UTC ms. */
  at: number
  route: string
  index: number
  accepted: boolean
  /** Same event, distinct_id, time and insert id as an earlier accepted one. */
  duplicate: boolean
  reason: string | null
  /** Place of the complaint. */
  field: string | null
  record: unknown
}

export interface IntakeRequest {
  number: number
  at: number
  route: string
  method: string
  query: URLSearchParams
  authorization: string | undefined
  contentEncoding: string | undefined
  body: Buffer
  /** Records to refuse on order, and how to name them. */
  refuse: { indexes: ReadonlySet<number>; naming: 'index' | 'insert_id' | '$insert_id' }
  /** The answer will be an error and the vendor keeps nothing of it. */
  isDenied: boolean
}

export interface IntakeAnswer {
  status: number
  type: 'application/json' | 'text/plain'
  body: string
  loot: LootRow[]
  schemaErrors: string[]
}

interface Complaint {
  field: string
  message: string
}

export class CloudIntake {
  readonly #account: CloudAccount
  readonly #now: () => number
  readonly #seen = new Set<string>()

  constructor(account: CloudAccount, now: () => number) {
    this.#account = account
    this.#now = now
  }

  take(request: IntakeRequest): IntakeAnswer {
    const login = this.#login(request.authorization, request.query)
    if (request.route === '/import' && login === undefined) {
      return this.#failure(request, 401, { code: 401, error: 'Invalid credentials', status: 'Unauthorized' }, 'invalid credentials')
    }
    if (request.body.length > BODY_BYTES_MAX) {
      const error = `request exceeds max limit of ${BODY_BYTES_MAX} bytes`
      return this.#failure(request, 413, { code: 413, error, status: 'Request Entity Too Large' }, 'too large')
    }
    const records = parseRecords(request)
    if (records === undefined) {
      return this.#failure(request, 400, { code: 400, error: 'request is invalid', status: 'Bad Request' }, 'unreadable')
    }
    const schemaErrors = requestErrors({
      route: request.route,
      query: request.query,
      body: records,
      isServiceAccount: login === 'serviceAccount',
    }).map((error) => `request ${request.number} ${request.route}: ${error}`)
    if (records.length > RECORDS_MAX) {
      const error = `request exceeds max limit of ${RECORDS_MAX} records`
      const answer = this.#failure(request, 413, { code: 413, error, status: 'Request Entity Too Large' }, 'too many records')
      return { ...answer, schemaErrors }
    }
    const check = request.route === '/import' || request.route === '/track' ? this.#checkEvent : this.#checkUpdate
    const loot = this.#rows(request, records, (record, index) => {
      if (request.isDenied) return { field: '', message: 'answered with an error' }
      return request.refuse.indexes.has(index) ? { field: '', message: 'refused on order' } : check.call(this, record, request.route)
    })
    return { ...answerTo(request, loot), loot, schemaErrors }
  }

  #login(authorization: string | undefined, query: URLSearchParams): 'serviceAccount' | 'secret' | undefined {
    const [scheme, value] = (authorization ?? '').split(' ')
    if (scheme?.toLowerCase() !== 'basic' || value === undefined) return undefined
    const given = Buffer.from(value, 'base64').toString('utf8')
    const { credentials, projectId, token } = this.#account
    if (credentials.kind === 'serviceAccount') {
      const isProject = query.get('project_id') === projectId
      if (isEqual(given, `${credentials.user}:${credentials.secret}`)) return isProject ? 'serviceAccount' : undefined
    } else if (isEqual(given, `${credentials.secret}:`)) return 'secret'
    return isEqual(given, `${token}:`) ? 'secret' : undefined
  }

  /** Whatever the answer, the bytes are here: what can be read of them is loot. */
  #failure(request: IntakeRequest, status: number, body: unknown, reason: string): IntakeAnswer {
    const records = parseRecords(request) ?? []
    const loot = this.#rows(request, records, () => ({ field: '', message: reason }))
    return { status, type: 'application/json', body: JSON.stringify(body), loot, schemaErrors: [] }
  }

  #rows(request: IntakeRequest, records: readonly unknown[], check: (record: unknown, index: number) => Complaint | undefined): LootRow[] {
    return records.map((record, index) => {
      const complaint = check(record, index)
      const duplicate = complaint === undefined && this.#isRepeat(record, request.route)
      return {
        type: 'loot',
        request: request.number,
        at: request.at,
        route: request.route,
        index,
        accepted: complaint === undefined,
        duplicate,
        reason: complaint?.message ?? null,
        field: complaint?.field ?? null,
        record,
      }
    })
  }

  /** Mixpanel's rule: same event, distinct_id, time and insert id. Updates of profiles are never de-duplicated. */
  #isRepeat(record: unknown, route: string): boolean {
    if ((route !== '/import' && route !== '/track') || !isJsonObject(record)) return false
    const properties = isJsonObject(record['properties']) ? record['properties'] : {}
    if (properties['$insert_id'] === undefined) return false
    const key = [record['event'], properties['distinct_id'], properties['time'], properties['$insert_id']]
    const hash = createHash('sha256').update(JSON.stringify(key)).digest('base64url')
    if (this.#seen.has(hash)) return true
    this.#seen.add(hash)
    return false
  }

  #checkEvent(record: unknown, route: string): Complaint | undefined {
    if (!isJsonObject(record)) return { field: '', message: 'record must be a JSON object' }
    const { event, properties } = record
    if (typeof event !== 'string' || event === '') return { field: 'event', message: "'event' is invalid" }
    if (!isJsonObject(properties)) return { field: 'properties', message: "'properties' is invalid" }
    if (route === '/track') {
      return properties['token'] === this.#account.token ? undefined : { field: 'properties.token', message: 'unknown token' }
    }
    if (properties['token'] !== undefined && properties['token'] !== this.#account.token) {
      return { field: 'properties.token', message: "'properties.token' is invalid: does not match the project" }
    }
    if (Object.keys(properties).length > PROPERTIES_MAX) return { field: 'properties', message: "'properties' is invalid: too many keys" }
    if (isTooLarge(record)) return { field: '', message: 'record is too large' }
    return this.#checkEventProperties(properties)
  }

  #checkEventProperties(properties: Record<string, unknown>): Complaint | undefined {
    const { time, distinct_id: distinctId, $insert_id: insertId } = properties
    const at = typeof time === 'number' ? (time < 1e11 ? time * 1000 : time) : Number.NaN
    if (!(at >= 31_536_000_000 && at <= this.#now() + 3_600_000)) {
      return { field: 'properties.time', message: "'properties.time' is invalid" }
    }
    if (typeof insertId !== 'string' || !INSERT_ID_PATTERN.test(insertId) || isReservedId(insertId)) {
      return { field: 'properties.$insert_id', message: "'properties.$insert_id' is invalid" }
    }
    if (typeof distinctId !== 'string' || isReservedId(distinctId)) {
      return { field: 'properties.distinct_id', message: "'properties.distinct_id' is invalid" }
    }
    return undefined
  }

  #checkUpdate(record: unknown, route: string): Complaint | undefined {
    if (!isJsonObject(record)) return { field: '', message: 'record must be a JSON object' }
    if (record['$token'] !== this.#account.token) return { field: '$token', message: 'unknown token' }
    const key = route === '/groups' ? '$group_id' : '$distinct_id'
    const id = idText(record[key])
    if (id === undefined || isReservedId(id)) return { field: key, message: `'${key}' is invalid` }
    return isTooLarge(record) ? { field: '', message: 'record is too large' } : undefined
  }
}

function isEqual(given: string, expected: string): boolean {
  const [a, b] = [createHash('sha256').update(given).digest(), createHash('sha256').update(expected).digest()]
  return timingSafeEqual(a, b)
}

function isTooLarge(record: unknown): boolean {
  return Buffer.byteLength(JSON.stringify(record)) > RECORD_BYTES_MAX
}

/** `/track` is read as SDKs write it; the other routes take a JSON array or lines, gzipped or not, and nothing else. */
function parseRecords(request: IntakeRequest): unknown[] | undefined {
  try {
    const body = request.contentEncoding === 'gzip' ? gunzipSync(request.body, { maxOutputLength: BODY_BYTES_MAX }) : request.body
    const route = request.route === '/track' ? routeOfPath(request.route) : undefined
    if (route !== undefined) {
      const payload = readPayload({
        route,
        method: request.method,
        query: request.query,
        body,
        basicUser: undefined,
        gunzip: (bytes) => gunzipSync(bytes),
      })
      return 'refusal' in payload ? undefined : payload.values
    }
    const text = body.toString('utf8')
    const value: unknown = text.trimStart().startsWith('[')
      ? JSON.parse(text)
      : text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line))
    return Array.isArray(value) && value.length > 0 ? value : undefined
  } catch {
    return undefined
  }
}

function answerTo(request: IntakeRequest, loot: readonly LootRow[]): Pick<IntakeAnswer, 'status' | 'type' | 'body'> {
  const refused = loot.filter((row) => !row.accepted)
  const imported = loot.length - refused.length
  if (request.route !== '/track' && request.query.get('strict') === '1') {
    if (refused.length === 0) {
      return { status: 200, type: 'application/json', body: JSON.stringify({ code: 200, num_records_imported: imported, status: 'OK' }) }
    }
    const failed = refused.map((row) => ({ ...naming(row, request.refuse.naming), field: row.field ?? '', message: row.reason }))
    const error = 'some data points in the request failed validation'
    const body = JSON.stringify({ code: 400, error, failed_records: failed, num_records_imported: imported, status: 'Bad Request' })
    return { status: 400, type: 'application/json', body }
  }
  // Without strict mode an unknown token is no error: the vendor says 1 and keeps nothing.
  const isGood = loot.some((row) => row.accepted || row.reason === 'unknown token')
  if (request.query.get('verbose') === '1') {
    const error = isGood ? null : (refused[0]?.reason ?? null)
    return { status: 200, type: 'application/json', body: JSON.stringify({ error, status: isGood ? 1 : 0 }) }
  }
  return { status: 200, type: 'text/plain', body: isGood ? '1' : '0' }
}

function naming(row: LootRow, style: 'index' | 'insert_id' | '$insert_id'): Record<string, unknown> {
  const properties = isJsonObject(row.record) && isJsonObject(row.record['properties']) ? row.record['properties'] : {}
  const insertId = properties['$insert_id'] ?? ''
  return style === 'index' ? { index: row.index, insert_id: insertId } : { [style]: insertId }
}

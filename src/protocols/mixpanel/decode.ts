/** From a request to records: the one place where payload, routes and limits meet. Never throws. */
import type { JsonValue } from '#model/json.ts'
import type { DecodedRequest, IngestRequest } from '#model/protocol.ts'
import type { RecordFault, WireRecord } from '#model/wire-record.ts'
import { readPayload } from './body.ts'
import { decodeEvent, faultOf } from './event-record.ts'
import type { RecordDecoding } from './event-record.ts'
import { DEPTH_MAX, RECORD_BYTES_MAX, RECORDS_MAX } from './limits.ts'
import { decodeProfile } from './profile-record.ts'

export function decodeRequest(request: IngestRequest): DecodedRequest {
  try {
    return decodePayload(request)
  } catch {
    // Nothing above is known to throw; a defect must not become a crash that a stranger can trigger.
    return { records: [], faults: [], refusal: 'internal', flags: {} }
  }
}

function decodePayload(request: IngestRequest): DecodedRequest {
  const payload = readPayload(request)
  const { flags } = payload
  if ('refusal' in payload) return { records: [], faults: [], refusal: payload.refusal, flags }
  if (payload.values.length === 0) return { records: [], faults: [], refusal: 'no_data', flags }
  if (payload.values.length > RECORDS_MAX) return { records: [], faults: [], refusal: 'too_many', flags }

  const decodeOne = decoderOf(request, flags)
  const records: WireRecord[] = []
  const faults: RecordFault[] = []
  for (const [index, value] of payload.values.entries()) {
    const decoding = checkShape(value, index, payload.textLength) ?? decodeOne(value, index)
    if (decoding.kind === 'fault') faults.push(decoding.fault)
    else if (decoding.kind === 'records') records.push(...decoding.records)
  }
  // No record names a project and neither does the login: the vendor cannot know whose they are.
  const isAnonymousImport =
    request.route.name === 'import' &&
    records.length === 0 &&
    faults.length > 0 &&
    faults.every((fault) => fault.field === 'properties.token')
  if (isAnonymousImport) return { records: [], faults: [], refusal: 'bad_login', flags }
  return { records, faults, flags }
}

function decoderOf(request: IngestRequest, flags: Record<string, string>): (value: JsonValue, index: number) => RecordDecoding {
  switch (request.route.name) {
    case 'engage':
      return (value, index) => decodeProfile(value, index, 'profile')
    case 'groups':
      return (value, index) => decodeProfile(value, index, 'group')
    case 'import': {
      const options = { strict: isStrict(flags), fallbackToken: request.basicUser === '' ? undefined : request.basicUser }
      return (value, index) => decodeEvent(value, index, options)
    }
    default:
      return (value, index) => decodeEvent(value, index, { strict: false, fallbackToken: undefined })
  }
}

export function isStrict(flags: Record<string, string>): boolean {
  return flags['strict'] === '1' || flags['strict'] === 'true'
}

/** Depth first: everything after it may recurse. The size of one record is measured only when the request allows it to be too big. */
function checkShape(value: JsonValue, index: number, textLength: number): RecordDecoding | undefined {
  if (!isDepthWithin(value, DEPTH_MAX)) return faultOf(index, '', 'record is nested too deeply')
  if (textLength > RECORD_BYTES_MAX && Buffer.byteLength(JSON.stringify(value)) > RECORD_BYTES_MAX) {
    return faultOf(index, '', 'record is too large: the limit is 1048576 bytes')
  }
  return undefined
}

function isDepthWithin(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (levels === 0) return false
  if (Array.isArray(value)) return value.every((child) => isDepthWithin(child, levels - 1))
  // Parsed JSON has no inherited keys, and this walks every record: no list of its values is made.
  for (const key in value) {
    const child = value[key]
    if (typeof child === 'object' && child !== null && !isDepthWithin(child, levels - 1)) return false
  }
  return true
}

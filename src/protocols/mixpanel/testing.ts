/** Requests and records for tests. */
import assert from 'node:assert/strict'
import { gunzipSync } from 'node:zlib'
import { JsonWriter } from '#base/json-writer.ts'
import type { DecodedRequest, EgressContext, EgressProtocol, IngestRequest, OutgoingRecord } from '#model/protocol.ts'
import type { WireRecord } from '#model/wire-record.ts'
import { decodeRequest } from './decode.ts'
import { routeOfPath } from './routes.ts'

/** A request as the edge hands it over: `target` is path and query. */
export function requestTo(target: string, body: string | Buffer = '', options: { basicUser?: string } = {}): IngestRequest {
  const url = new URL(target, 'http://gateway.test')
  const route = routeOfPath(url.pathname)
  if (route === undefined) throw new Error('no such route')
  return {
    route,
    method: body.length > 0 ? 'POST' : 'GET',
    query: url.searchParams,
    body: Buffer.from(body),
    basicUser: options.basicUser,
    gunzip: (bytes) => {
      try {
        return gunzipSync(bytes, { maxOutputLength: route.bodyBytesMax })
      } catch {
        return undefined
      }
    },
  }
}

export function decodeJson(target: string, value: unknown, options: { basicUser?: string } = {}): DecodedRequest {
  return decodeRequest(requestTo(target, JSON.stringify(value), options))
}

export function onlyRecord(decoded: DecodedRequest): WireRecord {
  assert.equal(decoded.refusal, undefined)
  assert.deepEqual(decoded.faults, [])
  assert.equal(decoded.records.length, 1)
  return decoded.records[0] as WireRecord
}

export function eventOf(properties: Record<string, unknown>, name = 'Opened'): { event: string; properties: Record<string, unknown> } {
  return { event: name, properties: { token: 'tk', ...properties } }
}

/** The text of one record; undefined when it cannot be valid. What stood there before is untouched. */
export function encodeRecord(egress: EgressProtocol, record: OutgoingRecord, context: EgressContext): string | undefined {
  const writer = new JsonWriter(16)
  writer.raw('before')
  const isValid = egress.writeRecord(record, context, writer)
  const text = writer.written().toString('utf8')
  assert.ok(text.startsWith('before') && (isValid || text === 'before'))
  return isValid ? text.slice('before'.length) : undefined
}

/** One record by itself, as it stands in a file or a bug report, put into the request that carries such records. */
import { isJsonObject } from '#model/json.ts'
import type { JsonObject } from '#model/json.ts'
import type { IngestRequest } from '#model/protocol.ts'
import { routeOfPath } from './routes.ts'

/** A token of its own is left as it is: it may name another source. */
export function requestOfRecord(record: JsonObject, token: string): Pick<IngestRequest, 'route' | 'body'> | undefined {
  const isEvent = typeof record['event'] === 'string' && isJsonObject(record['properties'])
  if (isEvent) {
    const properties = { token, ...(record['properties'] as JsonObject) }
    return requestTo('track', { ...record, properties })
  }
  const whole = { $token: token, ...record }
  if ('$group_key' in record) return requestTo('groups', whole)
  return '$distinct_id' in record || '$user_id' in record ? requestTo('engage', whole) : undefined
}

function requestTo(name: string, record: JsonObject): Pick<IngestRequest, 'route' | 'body'> | undefined {
  const route = routeOfPath(`/${name}`)
  return route === undefined ? undefined : { route, body: Buffer.from(JSON.stringify([record])) }
}

/**
 * Our own JSON Schemas (Draft 2020-12) of what Mixpanel's published ingestion description demands of a request, and of the
 * identity calls inside it. Facts: developer.mixpanel.com/reference (import-events, track-event, profile-set and its
 * siblings, group-set and its siblings, create-identity, identity-create-alias, identity-merge).
 *
 * Departures, on purpose: `project_id` is demanded of service accounts only, since the page explains it as theirs; a group
 * deletion is not demanded to carry `$set`, nor a group union `$unset`, which the published text does by mistake.
 */
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject, SchemaObject, ValidateFunction } from 'ajv/dist/2020.js'
import { RECORDS_MAX } from './limits.ts'

const text = { type: 'string', minLength: 1 }
const flag = { enum: ['0', '1'] }
const anyObject = { type: 'object', minProperties: 1 }

function batchOf(items: SchemaObject): SchemaObject {
  return { type: 'array', minItems: 1, maxItems: RECORDS_MAX, items }
}

/** What a reserved event must say, beside what every event must. */
function whenEvent(name: string, required: string[], properties: SchemaObject): SchemaObject {
  return {
    if: { type: 'object', properties: { event: { const: name } }, required: ['event'] },
    // biome-ignore lint/suspicious/noThenProperty: `then` is a keyword of JSON Schema.
    then: { type: 'object', properties: { properties: { type: 'object', required, properties } } },
  }
}

const IDENTITY_CALLS: SchemaObject[] = [
  whenEvent('$identify', ['$identified_id', '$anon_id'], { $identified_id: text, $anon_id: text }),
  whenEvent('$create_alias', ['distinct_id', 'alias'], { distinct_id: text, alias: text }),
  whenEvent('$merge', ['$distinct_ids'], { $distinct_ids: { type: 'array', minItems: 2, items: text } }),
]

function eventSchema(required: string[], extra: SchemaObject): SchemaObject {
  return {
    type: 'object',
    required: ['event', 'properties'],
    additionalProperties: false,
    properties: {
      event: text,
      properties: {
        type: 'object',
        required,
        maxProperties: 254,
        properties: {
          time: { type: 'integer', minimum: 31_536_000 },
          distinct_id: { type: 'string' },
          $insert_id: { type: 'string', pattern: '^[A-Za-z0-9-]{1,36}$' },
          ...extra,
        },
      },
    },
    allOf: IDENTITY_CALLS,
  }
}

const OPERATIONS: Readonly<Record<string, SchemaObject>> = {
  $set: anyObject,
  $set_once: anyObject,
  $add: { type: 'object', minProperties: 1, additionalProperties: { type: 'number' } },
  $append: anyObject,
  $union: { type: 'object', minProperties: 1, additionalProperties: { type: 'array' } },
  $remove: anyObject,
  $unset: { type: 'array', minItems: 1, items: text },
  $delete: { type: ['string', 'null'] },
}

function updateSchema(subject: readonly string[], operations: readonly string[]): SchemaObject {
  return {
    type: 'object',
    required: ['$token', ...subject],
    additionalProperties: false,
    properties: {
      $token: text,
      ...Object.fromEntries(subject.map((key) => [key, text])),
      $ip: { type: 'string' },
      $latitude: { type: 'number' },
      $longitude: { type: 'number' },
      $time: { type: 'number' },
      $ignore_time: { type: 'boolean' },
      $ignore_alias: { type: 'boolean' },
      ...Object.fromEntries(operations.map((key) => [key, OPERATIONS[key]])),
    },
    oneOf: operations.map((key) => ({ required: [key] })),
  }
}

function querySchema(required: string[]): SchemaObject {
  return {
    type: 'object',
    required,
    properties: { strict: flag, ip: flag, verbose: flag, img: flag, project_id: text, callback: text },
  }
}

const ALL_OPERATIONS = Object.keys(OPERATIONS)
const BODIES: Readonly<Record<string, SchemaObject>> = {
  '/import': batchOf(eventSchema(['time', 'distinct_id', '$insert_id'], {})),
  '/track': batchOf(eventSchema(['token'], { token: text, time: { type: 'number' } })),
  '/engage': batchOf(updateSchema(['$distinct_id'], ALL_OPERATIONS)),
  '/groups': batchOf(
    updateSchema(
      ['$group_key', '$group_id'],
      ALL_OPERATIONS.filter((key) => key !== '$append'),
    ),
  ),
}

const ajv = new Ajv2020({ allErrors: false, strictTypes: false, strictRequired: false })
const validateBody = new Map<string, ValidateFunction>(Object.entries(BODIES).map(([route, schema]) => [route, ajv.compile(schema)]))
const validateQuery: Record<'import' | 'importByAccount' | 'other', ValidateFunction> = {
  import: ajv.compile(querySchema(['strict'])),
  importByAccount: ajv.compile(querySchema(['strict', 'project_id'])),
  other: ajv.compile(querySchema([])),
}

export interface CheckedRequest {
  /** `/import`, `/track`, `/engage` or `/groups`. */
  route: string
  query: URLSearchParams
  /** The body after JSON.parse. */
  body: unknown
  /** Login by service account, which makes `project_id` necessary. */
  isServiceAccount: boolean
}

/** What is wrong with a request, as places and rules; never a value of it. Empty: it conforms. */
export function requestErrors(request: CheckedRequest): string[] {
  const ofBody = validateBody.get(request.route)
  if (ofBody === undefined) return [`${request.route}: not a route of the ingestion API`]
  const ofQuery = request.route === '/import' ? validateQuery[request.isServiceAccount ? 'importByAccount' : 'import'] : validateQuery.other
  return [...complaints('query', ofQuery, Object.fromEntries(request.query)), ...complaints('body', ofBody, request.body)]
}

function complaints(part: string, validate: ValidateFunction, value: unknown): string[] {
  if (validate(value)) return []
  return (validate.errors ?? []).map((error: ErrorObject) => `${part}${error.instancePath} ${error.message ?? error.keyword}`)
}

/**
 * Port between the stages and the vendors' wire formats. A protocol is data and pure functions: no fetch, no keys, no
 * clock. `ingest/` and `forward/` get a registry of these and never name one.
 */
import type { JsonWriter } from '#base/json-writer.ts'
import type { Field, Form, KnownField } from '#model/field.ts'
import type { JsonObject } from '#model/json.ts'
import type { ProfileOp, RecordFault, RecordType, WireRecord } from '#model/wire-record.ts'

export interface Protocol {
  id: string
  ingest: IngestProtocol
  egress: EgressProtocol
  /** How the vendor is asked to delete; undefined: it has no call for that. */
  deletion?: DeletionProtocol
  /** Which field a key of the vendor's own exports holds; undefined: a property at most. */
  fieldOfExportKey?(key: string): KnownField | undefined
}

// ---------------------------------------------------------------------------------------------------- ingest

export interface IngestProtocol {
  /** Finds the route of a path, trailing slash and any prefix allowed. Undefined: not a path of this protocol. */
  route(path: string): IngestRoute | undefined
  /** Decodes a request. Never throws: what is wrong becomes a fault and the vendor's own error answer. */
  decode(request: IngestRequest): DecodedRequest
  /** The request in which an SDK with this token would send one record; undefined when that is no record of this protocol. */
  requestOf(record: JsonObject, token: string): Pick<IngestRequest, 'route' | 'body'> | undefined
  /** Answer after the records were kept. */
  accepted(request: IngestRequest, decoded: DecodedRequest): Reply
  /** Answer when the request could not be taken at all; nothing was kept. `retryAfterS`: when it may be tried again. */
  refused(request: IngestRequest, refusal: Refusal, retryAfterS?: number): Reply
}

export interface IngestRoute {
  /** Stable name: `track`, `engage`, `groups`, `import`, `flags`, `settings`, `record`, … */
  name: string
  methods: readonly ('GET' | 'POST')[]
  /** False: answered without decoding or keeping anything (`flags`, `settings`, `record`). */
  keeps: boolean
  bodyBytesMax: number
}

export interface IngestRequest {
  route: IngestRoute
  method: string
  /** Query of the URL; repeated keys keep the last. */
  query: URLSearchParams
  /** Body as received, after `Content-Encoding` was undone and size-capped by the edge; empty on GET. */
  body: Buffer
  /** User part of HTTP Basic, if any. Decides routing for some routes; never kept. */
  basicUser: string | undefined
  /** Gunzip with the edge's cap; returns undefined when broken or over the cap. */
  gunzip(bytes: Buffer): Buffer | undefined
}

export interface DecodedRequest {
  records: WireRecord[]
  faults: RecordFault[]
  /** Set when nothing could be decoded; `records` is then empty. */
  refusal?: Refusal
  /** Flags that shape the answer (verbose, img, callback, strict), from query or body. */
  flags: Record<string, string>
}

export type Refusal =
  | 'too_large'
  | 'bad_encoding'
  | 'bad_json'
  | 'no_data'
  | 'too_deep'
  | 'too_many'
  | 'bad_method'
  | 'overloaded'
  /** More than the source or its network may bring; to be sent again later. */
  | 'over_quota'
  | 'bad_login'
  | 'internal'

export interface Reply {
  status: number
  headers: Record<string, string>
  body: string | Buffer
}

// ---------------------------------------------------------------------------------------------------- egress

/** What one value of a record is. For `property.<key>` it leaves under that key; for known fields the protocol has its own. */
export interface OutgoingField {
  field: Field
  form: Exclude<Form, 'withheld'>
  /** Which half of a coarse referrer: one of our words, or a registrable domain. */
  part?: 'medium' | 'domain'
}

/** A value that policy granted, in its final form. */
export type OutgoingValue = number | boolean | string | readonly unknown[]

/** Built up from granted values only (law 2). Pseudonyms are UUID text. */
export interface OutgoingRecord {
  type: RecordType
  /** Approved event name or a reserved name of the protocol. */
  name: string | undefined
  /** UTC ms, as granted (rounded). */
  time: number
  insertId: string
  user: string | undefined
  device: string | undefined
  linked: readonly { role: 'user' | 'device'; pseudonym: string }[]
  groups: readonly { key: string; pseudonym: string }[]
  op: ProfileOp | undefined
  /** The same list for all records of one kind: an encoder may keep what it has prepared for it. */
  fields: readonly OutgoingField[]
  /** One for each of `fields`. */
  values: readonly OutgoingValue[]
  unset: readonly string[]
}

export interface EgressContext {
  url: string
  token: string
  credentials: { kind: 'secret'; secret: string } | { kind: 'serviceAccount'; user: string; secret: string; projectId: string }
}

export interface EgressLimits {
  recordsMax: number
  bodyBytesMax: number
  recordBytesMax: number
}

export interface EgressProtocol {
  /** Raised whenever the bytes for equal input change: a retry across versions then opens a new intent. */
  encoderVersion: number
  /** Which route takes this record; undefined: this protocol has no place for it (counted, not sent). */
  routeOf(record: Pick<OutgoingRecord, 'type' | 'op'>): string | undefined
  limits(route: string): EgressLimits
  /** Writes one record as JSON; deterministic. False when it cannot be valid at this vendor (counted): what was written is taken back. */
  writeRecord(record: OutgoingRecord, context: EgressContext, to: JsonWriter): boolean
  /** Wraps records, written with a comma between, into a request; the body is deterministic and carries no credentials. */
  request(route: string, records: Uint8Array, context: EgressContext): EgressRequest
  /** What an answer means. Never throws. */
  classify(route: string, status: number, body: string, recordCount: number, hints?: AnswerHints): EgressOutcome
}

/** Deletion calls have a route and a credential of their own: they may go where nothing else is granted. */
export interface DeletionProtocol {
  /** Differs from every route of `EgressProtocol`. */
  route: string
  /** Identifiers in one request. */
  idsMax: number
  /** Between two calls, those that ask for the state of a task included. */
  intervalMs: number
  /** Within how many days the vendor says that it deletes. */
  promiseDays: number
  request(subjects: readonly { kind: 'user' | 'device'; pseudonym: string }[], context: EgressContext, token: string): EgressRequest
  classify(status: number, body: string, hints?: Pick<AnswerHints, 'retryAfter'>): DeletionOutcome
  /** Asks how far a task is; names nobody. */
  statusRequest(task: string, context: EgressContext, token: string): EgressRequest
  classifyStatus(status: number, body: string): DeletionProgress
}

export type DeletionOutcome =
  /** The vendor says that it will; `task` is the name under which it can be asked how far it is. */
  { kind: 'asked'; task?: string } | { kind: 'retry'; reason: string; retryAfterMs?: number } | { kind: 'refused'; reason: string }

/** What the vendor says of a task, `said` in its own word of a closed list. `unknown`: nothing that changes what was known. */
export type DeletionProgress = { kind: 'pending' | 'done' | 'failed'; said: string } | { kind: 'unknown'; reason: string }

/** What else helps to read an answer: some vendors name refused records by insert id only. */
export interface AnswerHints {
  /** Value of the Retry-After header as received. */
  retryAfter?: string | undefined
  /** Insert ids in the order of the request's records. */
  insertIds?: readonly string[] | undefined
}

export interface EgressRequest {
  method: 'POST' | 'GET'
  url: string
  headers: Record<string, string>
  /** Secret header values, kept apart so that nothing prints them. */
  authorization: string | undefined
  body: Buffer
}

export type EgressOutcome =
  /** The vendor took it, perhaps without some records. */
  | { kind: 'accepted'; refused: { index: number; reason: string }[] }
  /** Try the same bytes again after the wait. */
  | { kind: 'retry'; reason: string; retryAfterMs: number | undefined }
  /** Send fewer records at a time. */
  | { kind: 'split'; reason: string }
  /** The vendor will never take this; dead letter. */
  | { kind: 'refused'; reason: string }
  /** Credentials or project wrong: stop this destination until configuration changes. */
  | { kind: 'blocked'; reason: string }

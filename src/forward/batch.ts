/**
 * From a range of the log to requests, as a pure function of (range, policy version, decision time, epoch, encoder, consent):
 * recovery makes the same requests again and knows them by their hash. The vault is asked once for all of it.
 */
import { createHash } from 'node:crypto'
import { JsonWriter } from '#base/json-writer.ts'
import { comparePositions } from '#ledger/position.ts'
import type { LogPosition, SubjectKind } from '#model/disclosure.ts'
import type { LogEntry, LogRecord, Ordinal } from '#model/log-entry.ts'
import type { EgressContext, EgressProtocol, EgressRequest, OutgoingRecord } from '#model/protocol.ts'
import { ONCE_ONLY_OPS } from '#model/wire-record.ts'
import type { DiscloseReply, WorkerVault } from '#vault/port.ts'
import { KIND_CODES } from '#vault/pseudonym.ts'
import { type ClearPart, type ClearReader, ClearValues } from './clear-values.ts'
import type { ErasedSubjects } from './erased.ts'
import { type Member, type PlacedRecord, subjectOf } from './placed-record.ts'
import type { DestinationDecider, ForwardLog, PeopleConsent, SendDecision } from './port.ts'

const READ_BYTES_MAX = 16 * 1024 * 1024
/** Room for what a request puts around its records (brackets, a form key), under the vendor's limit. */
const ENVELOPE_BYTES = 512
/** First size of a request's buffer; it grows. */
const RECORD_BYTES_EXPECTED = 600
const COMMA = 0x2c
const NONE: readonly never[] = []

export interface Range {
  from: LogPosition
  to: LogPosition
  records: PlacedRecord[]
  /** Arrival of the first entry, UTC ms. */
  arrivedAt: number
}

export interface PlannedRequest {
  route: string
  /** Holds operations whose repetition changes the result. */
  onceOnly: boolean
  /** The records in order, and the text in which they stand. */
  members: readonly Member[]
  text: Buffer
  request: EgressRequest
  bodySha256: string
}

export interface Plan {
  requests: PlannedRequest[]
  /** Records that are not sent, by reason code. */
  dropped: Record<string, number>
}

export interface PlanOptions {
  destination: string
  decider: DestinationDecider
  /** Instant for which grants are looked at, UTC ms. */
  at: number
  epoch: number
  protocol: EgressProtocol
  context: EgressContext
  vault: WorkerVault
  /** Without it nothing leaves in the clear that names somebody. */
  clear?: ClearReader | undefined
  /** Without it nothing is known beyond what stands in the records. */
  people?: PeopleConsent | undefined
  erased?: ErasedSubjects | undefined
  /** Once-only operations before it may have been sent already: they are left out and counted. */
  uncertainUpTo?: LogPosition
}

/** Records from `from` on: at most `recordsMax`, none at or behind `end`. Undefined when there is nothing yet. */
export function readRange(log: ForwardLog, from: LogPosition, recordsMax: number, end?: LogPosition): Range | undefined {
  const tail = log.tail()
  const start = from.seq < tail ? { seq: tail, index: 0 } : from
  const entriesMax = end === undefined ? recordsMax : Math.min(recordsMax, Math.max(1, end.seq - start.seq + 1))
  const entries = log.read(start.seq, { entries: entriesMax, bytes: READ_BYTES_MAX, records: start.index + recordsMax })
  const records: PlacedRecord[] = []
  let to = start
  for (const entry of entries) {
    if (records.length >= recordsMax) break
    const taken = takeEntry(entry, entry.seq === start.seq ? start.index : 0, recordsMax - records.length, end, records)
    if (taken === undefined) break
    to = taken
    if (taken.index > 0) break
  }
  const first = entries[0]
  return first === undefined || comparePositions(to, from) <= 0 ? undefined : { from, to, records, arrivedAt: first.at }
}

/** Adds the entry's records from `index` on and returns the position behind them; undefined when the entry is behind `end`. */
function takeEntry(
  entry: LogEntry,
  index: number,
  room: number,
  end: LogPosition | undefined,
  into: PlacedRecord[],
): LogPosition | undefined {
  if (end !== undefined && comparePositions({ seq: entry.seq, index }, end) >= 0) return undefined
  const limit = end !== undefined && end.seq === entry.seq ? Math.min(end.index, entry.records.length) : entry.records.length
  const stop = Math.min(limit, index + room)
  for (let at = index; at < stop; at++) {
    into.push({ record: entry.records[at] as LogRecord, seq: entry.seq, index: at, policy: entry.policy, surface: entry.surface })
  }
  return stop >= entry.records.length ? { seq: entry.seq + 1, index: 0 } : { seq: entry.seq, index: stop }
}

interface Chosen {
  placed: PlacedRecord
  decision: SendDecision
  /** Of the subject in the call to the vault; -1 when the record is about nobody. */
  subject: number
}

/** Records that may share a request. */
interface Stream {
  route: string
  onceOnly: boolean
  /** Indexes into the chosen records. */
  members: number[]
}

export async function planRequests(records: readonly PlacedRecord[], options: PlanOptions): Promise<Plan> {
  const dropped: Record<string, number> = {}
  const drop = (reason: string): void => {
    dropped[reason] = (dropped[reason] ?? 0) + 1
  }
  const subjects = new SubjectList()
  const { chosen, streams } = chooseRecords(records, subjects, options, drop)
  if (chosen.length === 0) return { requests: [], dropped }
  const positions = new Float64Array(chosen.length * 2)
  for (const [index, { placed }] of chosen.entries()) {
    positions[index * 2] = placed.seq
    positions[index * 2 + 1] = placed.index
  }
  const { destination, epoch, vault } = options
  const ids = await vault.disclose({ destination, epoch, subjects: subjects.pack(), positions })
  const clear = await ClearValues.of(chosen, options.decider.version, options.clear)
  const outgoing = new OutgoingRecords(chosen, subjects, { ids, clear }, options.decider)
  const requests = streams.flatMap((stream) => {
    // Law 6: the order within a request says nothing of the order of arrival across people. Stable, so that what one
    // person did stays in order.
    const order = Uint32Array.from(stream.members).sort((a, b) => outgoing.compare(a, b) || a - b)
    return writeRequests(stream, order, outgoing, options, drop)
  })
  return { requests, dropped }
}

/** Writes the records in order, cutting a new request where the vendor's limits end one. */
function writeRequests(
  { route, onceOnly }: Stream,
  order: Uint32Array,
  outgoing: OutgoingRecords,
  options: PlanOptions,
  drop: (reason: string) => void,
): PlannedRequest[] {
  const { recordsMax, bodyBytesMax, recordBytesMax } = options.protocol.limits(route)
  const requests: PlannedRequest[] = []
  const writer = new JsonWriter(Math.min(bodyBytesMax, order.length * RECORD_BYTES_EXPECTED))
  let members: Member[] = []
  const finish = (end: number): void => {
    // Copied: the writer goes on with the next request.
    const text = Buffer.from(writer.written().subarray(0, end))
    requests.push(...fitRequests(makeRequest({ route, onceOnly, members, text }, options), bodyBytesMax, options))
    members = []
  }
  for (const index of order) {
    const before = writer.size
    if (members.length > 0) writer.byte(COMMA)
    const from = writer.size
    const { placed, decision } = outgoing.chosen[index] as Chosen
    const part = outgoing.clearPartOf(index)
    if (part === undefined) {
      writer.rewind(before)
      drop('nothing_granted')
      continue
    }
    const record = outgoing.at(index, part)
    const isWritten = options.protocol.writeRecord(record, options.context, writer)
    const size = writer.size - from
    if (!isWritten || size > recordBytesMax) {
      writer.rewind(before)
      drop(isWritten ? 'too_large' : 'bad_record')
      continue
    }
    const shape = part === NO_PART ? {} : { shape: part.shape }
    const member = { from, to: writer.size, insertId: record.insertId, placed, decision, ...shape }
    if (members.length > 0 && (members.length >= recordsMax || writer.size + ENVELOPE_BYTES > bodyBytesMax)) {
      const text = Buffer.from(writer.written().subarray(from))
      finish(before)
      writer.rewind(0)
      writer.copy(text)
      member.from = 0
      member.to = size
    }
    members.push(member)
  }
  if (members.length > 0) finish(writer.size)
  return requests
}

function chooseRecords(
  records: readonly PlacedRecord[],
  subjects: SubjectList,
  options: PlanOptions,
  drop: (reason: string) => void,
): { chosen: Chosen[]; streams: Stream[] } {
  const { decider, at, protocol, erased, uncertainUpTo } = options
  const chosen: Chosen[] = []
  const streams: Stream[] = []
  for (const placed of records) {
    const { record } = placed
    if (erased?.isIn(record) === true) {
      drop('erased')
      continue
    }
    const decision = decider.decide(record, at, placed, options.people)
    if (decision.kind === 'drop') {
      drop(decision.reason)
      continue
    }
    const route = protocol.routeOf({ type: record.type, op: record.op })
    if (route === undefined) {
      drop('no_route')
      continue
    }
    const onceOnly = record.op !== undefined && ONCE_ONLY_OPS.has(record.op)
    if (onceOnly && uncertainUpTo !== undefined && comparePositions(placed, uncertainUpTo) < 0) {
      drop('once_only_uncertain')
      continue
    }
    let stream = streams.find((known) => known.route === route && known.onceOnly === onceOnly)
    if (stream === undefined) {
      stream = { route, onceOnly, members: [] }
      streams.push(stream)
    }
    stream.members.push(chosen.length)
    chosen.push({ placed, decision, subject: subjects.addAllOf(record, decision) })
  }
  return { chosen, streams }
}

/** The subjects of one vault call, each once. */
class SubjectList {
  readonly #packed: number[] = []
  readonly #indexes: Record<SubjectKind, Map<Ordinal, number>> = { user: new Map(), device: new Map(), group: new Map() }

  /** Returns the index of whom the record is about, -1 for nobody. */
  addAllOf(record: LogRecord, decision: SendDecision): number {
    const subject = subjectOf(record)
    const index = subject === undefined ? -1 : this.#add(subject.kind, subject.ordinal)
    if (decision.user && record.user !== undefined) this.#add('user', record.user)
    if (decision.device && record.device !== undefined) this.#add('device', record.device)
    if (decision.linked) for (const { role, ordinal } of record.linked ?? []) this.#add(role, ordinal)
    if (decision.groups) for (const { ordinal } of record.groups ?? []) this.#add('group', ordinal)
    return index
  }

  indexOf(kind: SubjectKind, ordinal: Ordinal): number {
    return this.#indexes[kind].get(ordinal) as number
  }

  pack(): Float64Array {
    return Float64Array.from(this.#packed)
  }

  #add(kind: SubjectKind, ordinal: Ordinal): number {
    const known = this.#indexes[kind].get(ordinal)
    if (known !== undefined) return known
    const index = this.#packed.length / 2
    this.#indexes[kind].set(ordinal, index)
    this.#packed.push(KIND_CODES[kind], ordinal)
    return index
  }
}

/** Of records of which nothing leaves in the clear. */
const NO_PART: ClearPart = { fields: NONE, values: NONE, shape: '' }

/** What leaves of each chosen record. */
class OutgoingRecords {
  readonly chosen: readonly Chosen[]
  readonly #subjects: SubjectList
  readonly #ids: DiscloseReply
  readonly #clear: ClearValues | undefined
  readonly #decider: DestinationDecider

  constructor(
    chosen: readonly Chosen[],
    subjects: SubjectList,
    { ids, clear }: { ids: DiscloseReply; clear: ClearValues | undefined },
    decider: DestinationDecider,
  ) {
    this.chosen = chosen
    this.#subjects = subjects
    this.#ids = ids
    this.#clear = clear
    this.#decider = decider
  }

  /** By the subjects' pseudonyms; what is about nobody comes first. */
  compare(a: number, b: number): number {
    const [one, other] = [(this.chosen[a] as Chosen).subject, (this.chosen[b] as Chosen).subject]
    if (one < 0 || other < 0) return one - other
    return one === other ? 0 : this.#ids.pseudonyms.compare(one, other)
  }

  /** Undefined for a record of which nothing is left to say. */
  clearPartOf(index: number): ClearPart | undefined {
    const { placed, decision } = this.chosen[index] as Chosen
    if (this.#clear === undefined || decision.clear === undefined || decision.clear.length === 0) return NO_PART
    return this.#clear.partOf(placed.record, decision)
  }

  /** Nothing of the record gets in but what the decision names. */
  at(index: number, clear: ClearPart): OutgoingRecord {
    const { placed, decision, subject } = this.chosen[index] as Chosen
    const { record } = placed
    return {
      type: record.type,
      name: record.name ?? undefined,
      time: this.#decider.timeOf(record.time, subject < 0 ? 0 : (this.#ids.phases[subject] as number)),
      insertId: this.#ids.insertIds.text(index),
      user: decision.user && record.user !== undefined ? this.#pseudonym('user', record.user) : undefined,
      device: decision.device && record.device !== undefined ? this.#pseudonym('device', record.device) : undefined,
      linked: decision.linked
        ? (record.linked ?? []).map(({ role, ordinal }) => ({ role, pseudonym: this.#pseudonym(role, ordinal) }))
        : NONE,
      groups: decision.groups
        ? (record.groups ?? []).map(({ key, ordinal }) => ({ key, pseudonym: this.#pseudonym('group', ordinal) }))
        : NONE,
      op: record.op,
      fields: clear === NO_PART ? decision.outgoing : clear.fields,
      values: clear === NO_PART ? decision.valuesOf(record) : [...decision.valuesOf(record), ...clear.values],
      unset: decision.unset,
    }
  }

  #pseudonym(kind: SubjectKind, ordinal: Ordinal): string {
    return this.#ids.pseudonyms.text(this.#subjects.indexOf(kind, ordinal))
  }
}

type RequestOptions = Pick<PlanOptions, 'protocol' | 'context'>

function makeRequest(planned: Pick<PlannedRequest, 'route' | 'onceOnly' | 'members' | 'text'>, options: RequestOptions): PlannedRequest {
  const request = options.protocol.request(planned.route, planned.text, options.context)
  return { ...planned, request, bodySha256: createHash('sha256').update(request.body).digest('hex') }
}

/** A request that is still over the vendor's limit once written is halved. */
function fitRequests(request: PlannedRequest, bodyBytesMax: number, options: RequestOptions): PlannedRequest[] {
  if (request.request.body.length <= bodyBytesMax) return [request]
  const halves = halveRequest(request, options)
  return halves === undefined ? [request] : halves.flatMap((half) => fitRequests(half, bodyBytesMax, options))
}

/** Undefined for a request of one record. */
export function halveRequest(
  { route, onceOnly, members, text }: PlannedRequest,
  options: RequestOptions,
): [PlannedRequest, PlannedRequest] | undefined {
  if (members.length < 2) return undefined
  const half = (part: readonly Member[]): PlannedRequest => {
    const from = (part[0] as Member).from
    const moved = part.map((member) => ({ ...member, from: member.from - from, to: member.to - from }))
    return makeRequest({ route, onceOnly, members: moved, text: text.subarray(from, part.at(-1)?.to) }, options)
  }
  const middle = members.length >> 1
  return [half(members.slice(0, middle)), half(members.slice(middle))]
}

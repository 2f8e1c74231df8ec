/**
 * From a range of the log to requests, as a pure function of (range, policy version, decision time, epoch, encoder):
 * recovery makes the same requests again and knows them by their hash. The vault is asked once for all of it.
 */
import { createHash } from 'node:crypto'
import { comparePositions } from '#ledger/position.ts'
import type { LogReader } from '#log/port.ts'
import type { LogPosition, SubjectKind } from '#model/disclosure.ts'
import type { LogEntry, LogRecord, Ordinal } from '#model/log-entry.ts'
import type { EgressContext, EgressProtocol, EgressRequest, OutgoingRecord } from '#model/protocol.ts'
import { ONCE_ONLY_OPS } from '#model/wire-record.ts'
import type { WorkerVault } from '#vault/port.ts'
import { rowParts } from './manifest.ts'
import { type Member, type PlacedRecord, subjectOf } from './placed-record.ts'
import type { DestinationDecider, SendDecision } from './port.ts'

const READ_BYTES_MAX = 16 * 1024 * 1024
/** Room for what a request puts around its records (brackets, a form key), under the vendor's limit. */
const ENVELOPE_BYTES = 512

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
  members: readonly Member[]
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
  /** Once-only operations before it may have been sent already: they are left out and counted. */
  uncertainUpTo?: LogPosition
}

/** Records from `from` on: at most `recordsMax`, none at or behind `end`. Undefined when there is nothing yet. */
export function readRange(log: LogReader, from: LogPosition, recordsMax: number, end?: LogPosition): Range | undefined {
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
    into.push({ record: entry.records[at] as LogRecord, seq: entry.seq, index: at, surface: entry.surface })
  }
  return stop >= entry.records.length ? { seq: entry.seq + 1, index: 0 } : { seq: entry.seq, index: stop }
}

interface Chosen {
  placed: PlacedRecord
  decision: SendDecision
  route: string
  onceOnly: boolean
}

export async function planRequests(records: readonly PlacedRecord[], options: PlanOptions): Promise<Plan> {
  const dropped: Record<string, number> = {}
  const drop = (reason: string): void => {
    dropped[reason] = (dropped[reason] ?? 0) + 1
  }
  const chosen = chooseRecords(records, options, drop)
  if (chosen.length === 0) return { requests: [], dropped }
  const subjects = new SubjectList()
  for (const { placed, decision } of chosen) subjects.addAllOf(placed.record, decision)
  const reply = await options.vault.disclose({
    destination: options.destination,
    epoch: options.epoch,
    subjects: subjects.list,
    positions: chosen.map(({ placed }) => [placed.seq, placed.index]),
  })
  const groups = new Map<string, { route: string; onceOnly: boolean; members: { key: string; member: Member }[] }>()
  for (const [index, { placed, decision, route, onceOnly }] of chosen.entries()) {
    const { outgoing, key } = outgoingRecord(
      placed.record,
      decision,
      reply.insertIds[index] as string,
      options.decider,
      (kind, ordinal) => {
        const at = subjects.indexOf(kind, ordinal)
        return { pseudonym: reply.pseudonyms[at] as string, phase: reply.phases[at] as number }
      },
    )
    const text = options.protocol.encodeRecord(outgoing, options.context)
    if (text === undefined) {
      drop('bad_record')
      continue
    }
    if (Buffer.byteLength(text) > options.protocol.limits(route).recordBytesMax) {
      drop('too_large')
      continue
    }
    const name = JSON.stringify([route, onceOnly])
    const group = groups.get(name) ?? { route, onceOnly, members: [] }
    groups.set(name, group)
    const member = {
      text,
      insertId: outgoing.insertId,
      rows: rowParts(placed, decision),
      time: Math.floor(placed.record.time),
      purposes: decision.purposes,
    }
    group.members.push({ key, member })
  }
  const requests: PlannedRequest[] = []
  for (const { route, onceOnly, members } of groups.values()) {
    // Law 6: the order within a request says nothing of the order of arrival across people. Stable, so that what one
    // person did stays in order.
    const sorted = members.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ member }) => member)
    requests.push(...cutRequests(route, onceOnly, sorted, options))
  }
  return { requests, dropped }
}

function chooseRecords(records: readonly PlacedRecord[], options: PlanOptions, drop: (reason: string) => void): Chosen[] {
  const chosen: Chosen[] = []
  for (const placed of records) {
    const { record } = placed
    const decision = options.decider.decide(record, options.at)
    if (decision.kind === 'drop') {
      drop(decision.reason)
      continue
    }
    const route = options.protocol.routeOf({ type: record.type, op: record.op })
    if (route === undefined) {
      drop('no_route')
      continue
    }
    const onceOnly = record.op !== undefined && ONCE_ONLY_OPS.has(record.op)
    if (onceOnly && options.uncertainUpTo !== undefined && comparePositions(placed, options.uncertainUpTo) < 0) {
      drop('once_only_uncertain')
      continue
    }
    chosen.push({ placed, decision, route, onceOnly })
  }
  return chosen
}

/** The subjects of one vault call, each once. */
class SubjectList {
  readonly list: { kind: SubjectKind; ordinal: Ordinal }[] = []
  readonly #indexes: Record<SubjectKind, Map<Ordinal, number>> = { user: new Map(), device: new Map(), group: new Map() }

  addAllOf(record: LogRecord, decision: SendDecision): void {
    const subject = subjectOf(record)
    if (subject !== undefined) this.#add(subject.kind, subject.ordinal)
    if (decision.user && record.user !== undefined) this.#add('user', record.user)
    if (decision.device && record.device !== undefined) this.#add('device', record.device)
    if (decision.linked) for (const { role, ordinal } of record.linked ?? []) this.#add(role, ordinal)
    for (const [index, { ordinal }] of (record.groups ?? []).entries()) if (decision.groups[index]) this.#add('group', ordinal)
  }

  indexOf(kind: SubjectKind, ordinal: Ordinal): number {
    return this.#indexes[kind].get(ordinal) as number
  }

  #add(kind: SubjectKind, ordinal: Ordinal): void {
    if (this.#indexes[kind].has(ordinal)) return
    this.#indexes[kind].set(ordinal, this.list.length)
    this.list.push({ kind, ordinal })
  }
}

type Lookup = (kind: SubjectKind, ordinal: Ordinal) => { pseudonym: string; phase: number }

/** Nothing of `record` gets in but what the decision names. `key` orders the request. */
function outgoingRecord(
  record: LogRecord,
  decision: SendDecision,
  insertId: string,
  decider: DestinationDecider,
  lookup: Lookup,
): { outgoing: OutgoingRecord; key: string } {
  const subject = subjectOf(record)
  const own = subject === undefined ? undefined : lookup(subject.kind, subject.ordinal)
  const outgoing: OutgoingRecord = {
    type: record.type,
    name: record.name ?? undefined,
    time: decider.timeOf(record.time, own?.phase ?? 0),
    insertId,
    user: decision.user && record.user !== undefined ? lookup('user', record.user).pseudonym : undefined,
    device: decision.device && record.device !== undefined ? lookup('device', record.device).pseudonym : undefined,
    linked: decision.linked ? (record.linked ?? []).map(({ role, ordinal }) => ({ role, pseudonym: lookup(role, ordinal).pseudonym })) : [],
    groups: (record.groups ?? []).flatMap(({ key, ordinal }, index) =>
      decision.groups[index] ? [{ key, pseudonym: lookup('group', ordinal).pseudonym }] : [],
    ),
    op: record.op,
    values: decision.values,
    unset: decision.unset,
  }
  return { outgoing, key: own?.pseudonym ?? '' }
}

type RequestOptions = Pick<PlanOptions, 'protocol' | 'context'>

export function makeRequest(route: string, onceOnly: boolean, members: readonly Member[], options: RequestOptions): PlannedRequest {
  const request = options.protocol.request(
    route,
    members.map((member) => member.text),
    options.context,
  )
  return { route, onceOnly, members, request, bodySha256: createHash('sha256').update(request.body).digest('hex') }
}

/** Fills requests up to the vendor's limits; one that is still over its limit once written is halved. */
function cutRequests(route: string, onceOnly: boolean, members: readonly Member[], options: RequestOptions): PlannedRequest[] {
  const { recordsMax, bodyBytesMax } = options.protocol.limits(route)
  const requests: PlannedRequest[] = []
  let from = 0
  let bytes = ENVELOPE_BYTES
  for (let to = 0; to <= members.length; to++) {
    const member = members[to]
    const size = member === undefined ? 0 : Buffer.byteLength(member.text) + 1
    if (to > from && (member === undefined || to - from >= recordsMax || bytes + size > bodyBytesMax)) {
      requests.push(...fitRequests(makeRequest(route, onceOnly, members.slice(from, to), options), bodyBytesMax, options))
      from = to
      bytes = ENVELOPE_BYTES
    }
    bytes += size
  }
  return requests
}

function fitRequests(request: PlannedRequest, bodyBytesMax: number, options: RequestOptions): PlannedRequest[] {
  if (request.request.body.length <= bodyBytesMax) return [request]
  const halves = halveRequest(request, options)
  return halves === undefined ? [request] : halves.flatMap((half) => fitRequests(half, bodyBytesMax, options))
}

/** Undefined for a request of one record. */
export function halveRequest(request: PlannedRequest, options: RequestOptions): [PlannedRequest, PlannedRequest] | undefined {
  const { members, route, onceOnly } = request
  if (members.length < 2) return undefined
  const middle = members.length >> 1
  return [makeRequest(route, onceOnly, members.slice(0, middle), options), makeRequest(route, onceOnly, members.slice(middle), options)]
}

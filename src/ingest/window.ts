/**
 * One commit window: the vault call that all its requests share, and the log drafts that its answer makes of them. Pure
 * but for the memory that is handed in.
 */
import { assert } from '#base/errors.ts'
import type { LogDraft } from '#log/port.ts'
import type { SourceConfig } from '#model/config.ts'
import type { LogRecord, Ordinal, WaitingRef } from '#model/log-entry.ts'
import type { IdentifierRequest, SplitDraft } from '#model/split-draft.ts'
import type { Ref, WindowReply, WindowRequest } from '#vault/port.ts'
import type { Known, VaultMemory } from './vault-memory.ts'

/** The records of one request for one source. They become one entry of the log. */
export interface WindowPart {
  receivedAt: number
  protocol: string
  source: SourceConfig
  draft: SplitDraft
}

/** How the answer is to be put back into one part. */
interface PartPlan {
  part: WindowPart
  refs: Ref[]
  /** Index into the call's `dedup` for each record; -1 where the SDK sent no insert id. */
  dedup: number[]
  /** Index into the call's `waiting`; -1 without unapproved text. */
  waiting: number
}

export interface Window {
  request: WindowRequest
  plans: PartPlan[]
  /** What the memory has of each identifier in the call, to be given its ordinal. */
  asked: Known[]
}

const NO_HASH = Buffer.alloc(16)

export function buildWindow(parts: readonly WindowPart[], memory: VaultMemory): Window {
  const request: WindowRequest = {
    identifiers: [],
    facts: [],
    edges: [],
    memberships: [],
    dedup: [],
    waiting: [],
    receivedAt: parts.reduce((least, part) => Math.min(least, part.receivedAt), Number.MAX_SAFE_INTEGER),
  }
  memory.renew()
  const newRefs = new Map<Known, Ref>()
  const asked: Known[] = []
  const refOf = (known: Known, { namespace, kind, value, role }: IdentifierRequest): Ref => {
    const ref = known.ordinal ?? newRefs.get(known)
    if (ref !== undefined) return ref
    const newRef = -request.identifiers.push([namespace, kind, value, role])
    newRefs.set(known, newRef)
    asked.push(known)
    return newRef
  }
  const plans = parts.map((part): PartPlan => {
    const { draft } = part
    const known = draft.identifiers.map((identifier) => memory.of(identifier))
    const refs = draft.identifiers.map((identifier, index) => refOf(at(known, index), identifier))
    addRelations(request, { part, known, refs, memory })
    return {
      part,
      refs,
      dedup: addDedup(request, part),
      waiting: draft.waiting.length > 0 ? request.waiting.push(JSON.stringify(draft.waiting)) - 1 : -1,
    }
  })
  return { request, plans, asked }
}

function addRelations(
  request: WindowRequest,
  given: { part: WindowPart; known: readonly Known[]; refs: readonly Ref[]; memory: VaultMemory },
): void {
  const { part, known, refs, memory } = given
  const { draft, receivedAt } = part
  const { trust } = draft
  for (const { identifier, field, value, once } of draft.facts) {
    if (memory.isNewFact(at(known, identifier), { field, value, once, trust })) {
      request.facts.push({ of: at(refs, identifier), field, value, once, trust, at: receivedAt })
    }
  }
  for (const edge of draft.edges) {
    const [from, to] = [at(known, edge.from), at(known, edge.to)]
    const isNew =
      edge.kind === 'device' ? memory.isNewUse(from, { user: to, at: edge.at, trust }) : memory.isNewRelation('merge', from, to, trust)
    if (isNew) request.edges.push({ kind: edge.kind, from: at(refs, edge.from), to: at(refs, edge.to), trust, at: edge.at })
  }
  for (const { person, group, at: since } of draft.memberships) {
    if (memory.isNewRelation('member', at(known, person), at(known, group), trust)) {
      request.memberships.push({ person: at(refs, person), group: at(refs, group), trust, at: since })
    }
  }
}

/** Source, event and insert id as JSON text: no two different triples have one text. */
function addDedup(request: WindowRequest, part: WindowPart): number[] {
  const { draft, source } = part
  const waitingNames = new Map<number, string>()
  for (const { record, name } of draft.waiting) if (name !== undefined) waitingNames.set(record, name)
  return draft.records.map((record, index) => {
    const insertId = draft.insertIds[index]
    if (insertId === undefined) return -1
    // The name as sent, whether or not it is approved: approving it must not make yesterday's batch new.
    const name = record.name ?? waitingNames.get(index) ?? ''
    return request.dedup.push(JSON.stringify([source.id, record.type, name, insertId])) - 1
  })
}

/** Checks the vault's answer and remembers the ordinals. */
export function learnOrdinals(window: Window, reply: WindowReply, memory: VaultMemory): void {
  const { request, asked } = window
  assert(reply.ordinals.length === request.identifiers.length, 'an ordinal for each identifier')
  assert(reply.dedup.length === 16 * request.dedup.length, 'a hash for each insert id')
  assert(reply.waiting.length === request.waiting.length, 'a sealed blob for each waiting text')
  for (const [index, ordinal] of reply.ordinals.entries()) {
    assert(Number.isSafeInteger(ordinal) && ordinal > 0, 'an ordinal is a positive number')
    at(asked, index).ordinal = ordinal
  }
}

export function logDrafts(
  window: Window,
  reply: WindowReply,
  given: { places: readonly Omit<WaitingRef, 'day'>[]; policy: number },
): LogDraft[] {
  return window.plans.map(({ part, refs, dedup, waiting }) => {
    const ordinals = refs.map((ref): Ordinal => (ref < 0 ? at(reply.ordinals, -ref - 1) : ref))
    const draft: LogDraft = {
      at: part.receivedAt,
      source: part.source.id,
      protocol: part.protocol,
      surface: part.source.surface,
      trust: part.draft.trust,
      policy: given.policy,
      records: part.draft.records.map((record) => resolveRecord(record, ordinals)),
      dedup: Buffer.concat(dedup.map((index) => (index < 0 ? NO_HASH : reply.dedup.subarray(16 * index, 16 * index + 16)))),
    }
    if (waiting >= 0) draft.waiting = { day: reply.day, ...at(given.places, waiting) }
    return draft
  })
}

/** In a split draft ordinals are indexes into its identifiers. */
function resolveRecord(record: LogRecord, ordinals: readonly Ordinal[]): LogRecord {
  const resolved = { ...record }
  if (record.user !== undefined) resolved.user = at(ordinals, record.user)
  if (record.device !== undefined) resolved.device = at(ordinals, record.device)
  if (record.linked !== undefined) resolved.linked = record.linked.map(({ role, ordinal }) => ({ role, ordinal: at(ordinals, ordinal) }))
  if (record.groups !== undefined) resolved.groups = record.groups.map(({ key, ordinal }) => ({ key, ordinal: at(ordinals, ordinal) }))
  return resolved
}

function at<Value>(list: readonly Value[], index: number): Value {
  const value = list[index]
  assert(value !== undefined, 'an index of a split draft lies within its identifiers')
  return value
}

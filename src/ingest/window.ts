/**
 * One commit window: the vault call that all its requests share, and the log drafts that its answer makes of them. Pure
 * but for the memory that is handed in.
 */
import { assert } from '#base/errors.ts'
import type { LogDraft } from '#log/port.ts'
import type { SourceConfig } from '#model/config.ts'
import type { ConsentStatement, LogRecord, Ordinal, WaitingRef } from '#model/log-entry.ts'
import type { IdentifierRequest, SplitDraft } from '#model/split-draft.ts'
import type { NewcomerRun, Ref, WindowReply, WindowRequest } from '#vault/port.ts'
import type { Known, VaultMemory } from './vault-memory.ts'

/** The records of one request for one source. They become one entry of the log. */
export interface WindowPart {
  receivedAt: number
  protocol: string
  source: SourceConfig
  /** Network of the sender, where it has a share of its own in what the source may bring. */
  network?: string | undefined
  /** Version of the policy under which it was split. */
  policy: number
  draft: SplitDraft
}

/** How the answers are to be put back into one part. */
interface PartPlan {
  part: WindowPart
  refs: Ref[]
  /** Where the part's hashes begin in the window's; for each record whether it has one (an SDK need not send an insert id). */
  dedupFrom: number
  /** Which blob of the window holds the part's unapproved text, and which of its texts it is. */
  waiting: { blob: number; part: number } | undefined
}

export interface Window {
  request: WindowRequest
  plans: PartPlan[]
  /** What the memory has of each identifier in the call, to be given its ordinal. */
  asked: Known[]
  /** Texts to be hashed, of all parts. */
  dedup: string[]
  /** Text of the blobs to be sealed. */
  waiting: string[]
}

/** Ordinal and ref of an identifier that is one too many of its source or network: its records are about nobody. */
const NOBODY = 0
const HASH_BYTES = 16
/** Texts of requests are sealed together up to about this size: a cipher call for each costs more than its bytes. */
const BLOB_CHARACTERS = 65_536

export function buildWindow(parts: readonly WindowPart[], memory: VaultMemory): Window {
  const newcomers: NewcomerRun[] = []
  const request: WindowRequest = { identifiers: [], newcomers, facts: [], edges: [], memberships: [] }
  memory.renew(parts[0]?.receivedAt ?? 0)
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
  const dedup: string[] = []
  const blobs = new WaitingBlobs()
  const plans = parts.map((part): PartPlan => {
    const { draft, source, network = null } = part
    const before = request.identifiers.length
    const known = draft.identifiers.map((identifier) => memory.of(identifier))
    const refs = draft.identifiers.map((identifier, index) => refOf(at(known, index), identifier))
    const count = request.identifiers.length - before
    if (count > 0) newcomers.push({ source: source.id, network, count })
    addRelations(request, { part, known, refs, memory })
    const dedupFrom = dedup.length
    addDedup(dedup, part)
    return { part, refs, dedupFrom, waiting: draft.waiting.length > 0 ? blobs.add(JSON.stringify(draft.waiting)) : undefined }
  })
  return { request, plans, asked, dedup, waiting: blobs.texts() }
}

/** True when the vault knows all of it already: then it need not be asked. */
export function isKnownToVault({ request }: Window): boolean {
  const { identifiers, facts, edges, memberships } = request
  return identifiers.length + facts.length + edges.length + memberships.length === 0
}

/** JSON lists of the parts' texts. */
class WaitingBlobs {
  readonly #blobs: { texts: string[]; characters: number }[] = []

  add(text: string): { blob: number; part: number } {
    let last = this.#blobs.at(-1)
    if (last === undefined || last.characters + text.length > BLOB_CHARACTERS) {
      last = { texts: [], characters: 0 }
      this.#blobs.push(last)
    }
    last.characters += text.length
    return { blob: this.#blobs.length - 1, part: last.texts.push(text) - 1 }
  }

  texts(): string[] {
    return this.#blobs.map(({ texts }) => `[${texts.join(',')}]`)
  }
}

function addRelations(
  request: WindowRequest,
  given: { part: WindowPart; known: readonly Known[]; refs: readonly Ref[]; memory: VaultMemory },
): void {
  const { part, known, refs, memory } = given
  const { draft, receivedAt } = part
  const { trust } = draft
  // What names nobody says nothing. An identifier that the vault has not taken has the ref 0.
  for (const { identifier, field, value, once } of draft.facts) {
    if (at(refs, identifier) === NOBODY) continue
    if (memory.isNewFact(at(known, identifier), { field, value, once, trust })) {
      request.facts.push({ of: at(refs, identifier), field, value, once, trust, at: receivedAt })
    }
  }
  for (const edge of draft.edges) {
    if (at(refs, edge.from) === NOBODY || at(refs, edge.to) === NOBODY) continue
    const [from, to] = [at(known, edge.from), at(known, edge.to)]
    const isNew =
      edge.kind === 'device' ? memory.isNewUse(from, { user: to, at: edge.at, trust }) : memory.isNewRelation('merge', from, to, trust)
    if (isNew) request.edges.push({ kind: edge.kind, from: at(refs, edge.from), to: at(refs, edge.to), trust, at: edge.at })
  }
  for (const { person, group, at: since } of draft.memberships) {
    if (at(refs, person) === NOBODY || at(refs, group) === NOBODY) continue
    if (memory.isNewRelation('member', at(known, person), at(known, group), trust)) {
      request.memberships.push({ person: at(refs, person), group: at(refs, group), trust, at: since })
    }
  }
}

/** Source, type, event and insert id, with the lengths of what comes from outside: no two different ones have one text. */
function addDedup(dedup: string[], { draft, source }: WindowPart): void {
  const { records, insertIds, waiting } = draft
  let next = 0
  for (const [index, record] of records.entries()) {
    while ((waiting[next]?.record ?? index) < index) next++
    const insertId = insertIds[index]
    if (insertId === undefined) continue
    // The name as sent, whether or not it is approved: approving it must not make yesterday's batch new.
    const name = record.name ?? (waiting[next]?.record === index ? waiting[next]?.name : undefined) ?? ''
    dedup.push(`${source.id.length}:${source.id}${record.type}:${name.length}:${name}${insertId}`)
  }
}

/** Checks the vault's answer and remembers the ordinals; answers how many identifiers were not taken. */
export function learnOrdinals(window: Window, reply: WindowReply, memory: VaultMemory): number {
  const { request, asked } = window
  assert(reply.ordinals.length === request.identifiers.length, 'an ordinal for each identifier')
  let refused = 0
  for (const [index, ordinal] of reply.ordinals.entries()) {
    assert(Number.isSafeInteger(ordinal) && ordinal >= NOBODY, 'an ordinal is a positive number')
    at(asked, index).ordinal = ordinal
    if (ordinal !== NOBODY) continue
    memory.refuse(at(asked, index))
    refused++
  }
  return refused
}

/** To be called once a window: the records of its parts get their ordinals in place. */
export function logDrafts(
  window: Window,
  reply: WindowReply,
  given: { day: number; hashes: Buffer; places: readonly Omit<WaitingRef, 'day'>[] },
): LogDraft[] {
  const { day, hashes, places } = given
  assert(hashes.length === HASH_BYTES * window.dedup.length, 'a hash for each insert id')
  return window.plans.map(({ part, refs, dedupFrom, waiting }) => {
    const { draft, source, policy } = part
    const ordinals = refs.map((ref): Ordinal => (ref < 0 ? at(reply.ordinals, -ref - 1) : ref))
    for (const record of draft.records) resolveRecord(record, ordinals)
    if (ordinals.includes(NOBODY)) for (const record of draft.records) dropNobody(record)
    const made: LogDraft = {
      at: part.receivedAt,
      source: source.id,
      protocol: part.protocol,
      surface: source.surface,
      trust: draft.trust,
      policy,
      ...consentsOf(draft.consents, ordinals),
      records: draft.records,
      dedup: hashesOf(draft.insertIds, hashes.subarray(HASH_BYTES * dedupFrom)),
    }
    if (waiting !== undefined) made.waiting = { day, ...at(places, waiting.blob), part: waiting.part }
    return made
  })
}

/** Nothing is said for those whom the vault has not taken. */
function consentsOf(stated: readonly ConsentStatement[], ordinals: readonly Ordinal[]): { consents?: ConsentStatement[] } {
  const consents = stated.flatMap(({ of, ...said }): ConsentStatement[] => {
    const known = [...new Set(of.map((index) => at(ordinals, index)))].filter((ordinal) => ordinal !== NOBODY)
    return known.length === 0 ? [] : [{ of: known, ...said }]
  })
  return consents.length === 0 ? {} : { consents }
}

/** Zeros where the SDK sent no insert id. */
function hashesOf(insertIds: readonly (string | undefined)[], hashes: Buffer): Buffer {
  if (!insertIds.includes(undefined)) return hashes.subarray(0, HASH_BYTES * insertIds.length)
  const spread = Buffer.alloc(HASH_BYTES * insertIds.length)
  let from = 0
  for (const [index, insertId] of insertIds.entries()) {
    if (insertId === undefined) continue
    hashes.copy(spread, HASH_BYTES * index, from, from + HASH_BYTES)
    from += HASH_BYTES
  }
  return spread
}

/** In a split draft ordinals are indexes into its identifiers. */
function resolveRecord(record: LogRecord, ordinals: readonly Ordinal[]): void {
  if (record.user !== undefined) record.user = at(ordinals, record.user)
  if (record.device !== undefined) record.device = at(ordinals, record.device)
  for (const one of record.linked ?? []) one.ordinal = at(ordinals, one.ordinal)
  for (const one of record.groups ?? []) one.ordinal = at(ordinals, one.ordinal)
}

function dropNobody(record: LogRecord): void {
  if (record.user === NOBODY) delete record.user
  if (record.device === NOBODY) delete record.device
  if (record.linked !== undefined) record.linked = record.linked.filter(({ ordinal }) => ordinal !== NOBODY)
  if (record.linked?.length === 0) delete record.linked
  if (record.groups !== undefined) record.groups = record.groups.filter(({ ordinal }) => ordinal !== NOBODY)
  if (record.groups?.length === 0) delete record.groups
}

function at<Value>(list: readonly Value[], index: number): Value {
  const value = list[index]
  assert(value !== undefined, 'an index of a split draft lies within its identifiers')
  return value
}

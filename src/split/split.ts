/**
 * The stage between decoding and keeping (law 1): takes the records of one request apart into what may stand plain, what
 * goes to the vault, and what waits sealed. Pure but for caches; never throws for what clients send.
 */
import type { LogRecord } from '#model/log-entry.ts'
import type { RequestContext, Split, WaitingText } from '#model/split-draft.ts'
import type { WireRecord } from '#model/wire-record.ts'
import { registrableDomain } from '#policy/forms.ts'
import type { PlaceOf } from '#policy/forms.ts'
import { DestroyedCounts, destroySecretsInText, markOf } from '#policy/policy.ts'
import type { CompiledPolicy } from '#policy/policy.ts'
import { DraftBuilder } from './draft-builder.ts'
import { connectionContext, recordContext } from './record-context.ts'
import { recordConsent, requestConsent } from './record-consent.ts'
import type { RequestConsent } from './record-consent.ts'
import type { ConnectionContext, ContextRules } from './record-context.ts'
import { RecordValues } from './record-values.ts'
import type { Subject } from './record-values.ts'

export interface SplitOptions {
  policy: CompiledPolicy
  placeOf: PlaceOf
  /** Host names of the company's own sites: referrers from there are `internal`. */
  siteHosts?: readonly string[]
}

/** Clocks of clients run ahead; beyond this the arrival counts. */
const FUTURE_MS_MAX = 3_600_000

export function createSplit({ policy, placeOf, siteHosts = [] }: SplitOptions): Split {
  const rules: ContextRules = {
    store: policy.store,
    placeOf,
    ownDomains: new Set(siteHosts.flatMap((host) => registrableDomain(host) ?? [])),
  }
  return (records, request) => {
    const builder = new DraftBuilder(request)
    const connection = connectionContext(request, rules)
    const groupKeys = new Set(request.source.groupKeys.map((key) => key.normalize('NFC')))
    const destroyed = new DestroyedCounts()
    const scope: Scope = { request, builder, connection, rules, groupKeys, destroyed, shared: requestConsent(request) }
    for (const record of records) splitRecord(record, scope)
    builder.draft.destroyed = destroyed.byKind
    return builder.draft
  }
}

interface Scope {
  request: RequestContext
  builder: DraftBuilder
  connection: ConnectionContext
  rules: ContextRules
  groupKeys: ReadonlySet<string>
  destroyed: DestroyedCounts
  shared: RequestConsent
}

function splitRecord(wire: WireRecord, scope: Scope): void {
  const { request, builder, rules, destroyed } = scope
  const { draft } = builder
  const context = recordContext(wire, scope.connection, rules)
  const consent = recordConsent(wire, {
    request,
    shared: scope.shared,
    store: rules.store,
    country: context?.country,
    connection: scope.connection.place.country,
  })
  const time = timeOf(wire, request.receivedAt)
  if (consent.withoutPerson !== undefined) {
    const { withoutPerson, signals } = consent
    const bare: LogRecord = { type: wire.type, time, ...(wire.op !== undefined && { op: wire.op }) }
    addName(wire, bare, rules.store.events, new DestroyedCounts())
    if (signals !== undefined) builder.statement(identifiersIn(wire, builder), signals)
    draft.records.push(markOf(bare, { ...signals, withoutPerson }))
    draft.insertIds.push(wire.insertId)
    return
  }
  const destroyedBefore = destroyed.total
  const record: LogRecord = { type: wire.type, time }
  const subject = addIdentifiers(wire, record, scope)
  if (consent.signals !== undefined) builder.statement(namedIn(record), consent.signals)
  if (wire.op !== undefined) record.op = wire.op
  const values = new RecordValues({
    record: wire,
    subject,
    builder,
    approved: rules.store.properties,
    groupKeys: scope.groupKeys,
    time: record.time,
    destroyed,
  })
  if (wire.type === 'group' && record.groups === undefined && wire.group !== undefined)
    values.addStrayGroup(wire.group.key, wire.group.value)
  for (const value of wire.values) values.add(value)
  values.writeTo(record)
  if (context !== undefined) record.context = context
  if (consent.bits !== undefined) record.consent = consent.bits

  const waitingName = addName(wire, record, rules.store.events, destroyed)
  if (waitingName !== undefined || values.pairs.length > 0) {
    const waiting: WaitingText = { record: draft.records.length }
    if (waitingName !== undefined) waiting.name = waitingName
    if (values.pairs.length > 0) waiting.pairs = values.pairs
    draft.waiting.push(waiting)
  }
  if (destroyed.total > destroyedBefore) record.destroyedCount = destroyed.total - destroyedBefore
  draft.records.push(record)
  draft.insertIds.push(wire.insertId)
}

/** Profiles and groups carry the arrival: what they say holds from then on. */
function timeOf(wire: WireRecord, receivedAt: number): number {
  const { type, time } = wire
  if (type === 'profile' || type === 'group' || time === undefined || !Number.isFinite(time)) return receivedAt
  return time < 0 || time > receivedAt + FUTURE_MS_MAX ? receivedAt : Math.round(time)
}

/** Sets the name that may stand open; returns the one that waits, without the secrets in it. */
function addName(wire: WireRecord, record: LogRecord, approved: ReadonlySet<string>, destroyed: DestroyedCounts): string | undefined {
  if (wire.type === 'profile' || wire.type === 'group' || wire.name === undefined) return undefined
  const name = wire.name.normalize('NFC')
  if (wire.reserved === true) record.reserved = true
  if (wire.reserved === true || approved.has(name)) {
    record.name = name
    return undefined
  }
  record.name = null
  return destroySecretsInText(name, destroyed)
}

/** Whom a record names, for what was said of consent: a group says nothing for its members. */
function namedIn({ user, device, linked }: LogRecord): number[] {
  return [user, device, ...(linked ?? []).map(({ ordinal }) => ordinal)].filter((index) => index !== undefined)
}

/** The same for a record of which no person is kept: the refusal is, or it could not be kept to. */
function identifiersIn(wire: WireRecord, builder: DraftBuilder): number[] {
  const user = wire.user === undefined ? undefined : builder.identifier('id', wire.user, 'user')
  const device = wire.device === undefined ? undefined : builder.identifier('id', wire.device, 'device')
  return [user, device].filter((index) => index !== undefined)
}

/** Puts indexes of identifiers into the record, and the relations that it states into the draft. */
function addIdentifiers(wire: WireRecord, record: LogRecord, { builder, request, groupKeys }: Scope): Subject {
  if (wire.type === 'group') {
    const key = wire.group?.key.normalize('NFC')
    if (key !== undefined && wire.group !== undefined && groupKeys.has(key)) {
      const ordinal = builder.identifier(`group:${key}`, wire.group.value, 'group')
      if (ordinal !== undefined) record.groups = [{ key, ordinal }]
    }
    return { bearer: undefined, user: undefined }
  }
  let user = wire.user === undefined ? undefined : builder.identifier('id', wire.user, 'user')
  const device = wire.device === undefined ? undefined : builder.identifier('id', wire.device, 'device')
  // A device that stands in the user's place as well is nobody's sign-in.
  if (user !== undefined && device !== undefined && builder.isSameValue(user, device)) user = undefined
  if (user !== undefined) record.user = user
  if (device !== undefined) record.device = device
  if (user !== undefined && device !== undefined) builder.edge('device', device, user, record.time)
  // What leaves carries our own login: a public token must not borrow it for a call that the vendor would refuse it.
  const mayLink = wire.serverOnly !== true || request.source.trust === 'server'
  if (!mayLink || wire.linked === undefined) return { bearer: user ?? device, user }
  const linked = wire.linked.flatMap(({ role, value }) => {
    const ordinal = builder.identifier('id', value, role)
    return ordinal === undefined ? [] : [{ role, ordinal }]
  })
  if (linked.length > 0) record.linked = linked
  for (const { role, ordinal } of linked) {
    if (role === 'device' && user !== undefined) builder.edge('device', ordinal, user, record.time)
    else if (role === 'user' && user === undefined && device !== undefined) builder.edge('device', device, ordinal, record.time)
    else if (request.source.trust === 'server' && (user ?? device) !== undefined) {
      builder.edge('merge', ordinal, (user ?? device) as number, record.time)
    }
  }
  return { bearer: user ?? device, user }
}

/**
 * What of a record one destination gets (law 2). The answer is built up from grants: nothing of the record is copied and
 * then thinned out. Reads only what stands in the log, so the same record, policy version and instant give the same answer.
 */
import type { Field, KnownField } from '#model/field.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { ReasonCode } from '#model/outcome.ts'
import type { Grant } from '#model/policy.ts'
import type { OutgoingValue } from '#model/protocol.ts'
import type { ActiveGrants, CompiledDestination, ExplainedField, Explanation } from './compiled-policy.ts'
import { shapeText } from './shape.ts'

export type Decision = Sending | { kind: 'drop'; reason: ReasonCode }

export interface Sending {
  kind: 'send'
  values: OutgoingValue[]
  /** Whether each identifier that the record has leaves as a pseudonym. False too when the record has none. */
  user: boolean
  device: boolean
  /** All linked identifiers leave, or none. */
  linked: boolean
  /** One for each of the record's groups. */
  groups: boolean[]
  /** Keys of `unset` that are approved for this destination. */
  unset: string[]
  /** UTC ms, still exact: the caller rounds it with the subject's phase (`roundTime`, `granularityMs`). */
  time: number
  /** 0: leaves as it is. */
  granularityMs: number
  /** Purposes of the grants that were used; sorted. */
  purposes: readonly string[]
  /** Canonical text, see shape.ts. */
  shape: string
  /** Every field that leaves, with the rule that let it. Shared between equal shapes: do not change it. */
  fields: readonly ExplainedField[]
}

const SHAPES_MAX = 10_000

/**
 * `at`: the instant for which expiry of grants is judged, UTC ms. No request is made without a time, so what has no grant
 * for `time` is dropped, profiles and groups too.
 */
export function decide(record: LogRecord, destination: CompiledDestination, at: number): Decision {
  const granted = new Granted(destination.activeAt(at))
  const isEvent = record.type === 'event'
  if (isEvent && (record.name == null || !(record.reserved === true || destination.events.has(record.name)))) {
    return { kind: 'drop', reason: 'event_not_approved' }
  }
  if (!granted.use('time') || (isEvent && !granted.use('event'))) return nothing()

  const user = record.user !== undefined && granted.use('user_id')
  const device = record.device !== undefined && granted.use('device_id')
  const linked = mayLink(record, granted)
  // The ledger names a group beside a person: an event about nobody takes none along.
  const hasBearer = record.type === 'group' || record.user !== undefined || record.device !== undefined
  const groups = (record.groups ?? []).map(() => hasBearer && granted.use('group_id'))
  if (!isComplete(record, { user, device, linked, groups })) return nothing()

  const values: OutgoingValue[] = []
  let unset: string[] = []
  if (isEvent || record.type === 'profile' || record.type === 'group') {
    // Context is a state: it can be set, never added to or appended.
    if (isEvent || record.op === 'set' || record.op === 'set_once') addContext(record, granted, values)
    addProperties(record, destination, granted, values)
    unset = (record.unset ?? []).filter((key) => destination.properties.has(key) && granted.useProperty(key))
    if (!isEvent && record.op !== 'delete' && values.length === 0 && unset.length === 0) return nothing()
  }
  return {
    kind: 'send',
    values,
    user,
    device,
    linked,
    groups,
    unset,
    time: record.time,
    granularityMs: destination.timeGranularityMs,
    ...granted.explain(),
  }
}

function nothing(): Decision {
  return { kind: 'drop', reason: 'nothing_granted' }
}

/** Linked identifiers are users or devices; each role needs its own grant. They are the point of identity calls alone. */
function mayLink(record: LogRecord, granted: Granted): boolean {
  if (record.linked === undefined || record.linked.length === 0 || (record.type !== 'identify' && record.type !== 'merge')) return false
  const fields = record.linked.map(({ role }): KnownField => (role === 'user' ? 'user_id' : 'device_id'))
  return fields.every((field) => granted.has(field)) && fields.every((field) => granted.use(field))
}

/** Whether enough leaves for the record to say something at the vendor. An event may be about nobody. */
function isComplete(record: LogRecord, leaves: { user: boolean; device: boolean; linked: boolean; groups: boolean[] }): boolean {
  switch (record.type) {
    case 'event':
      return true
    case 'profile':
      return leaves.user || leaves.device
    case 'group':
      return leaves.groups.includes(true)
    case 'identify':
      return leaves.user && (leaves.device || leaves.linked)
    case 'merge':
      return leaves.linked && (leaves.user || leaves.device)
  }
}

function addContext(record: LogRecord, granted: Granted, values: OutgoingValue[]): void {
  const context = record.context
  if (context === undefined) return
  const add = (field: KnownField, value: OutgoingValue['value'] | undefined): void => {
    if (value !== undefined && granted.use(field)) values.push({ field, form: 'coarse', value })
  }
  add('country', context.country)
  add('os', context.os)
  add('browser', context.browser)
  add('browser_version', context.browserVersion)
  add('referrer', context.referrerMedium)
  add('referrer', context.referrerDomain)
  add('url', context.path)
  if (context.screenWidth !== undefined && context.screenHeight !== undefined) {
    add('screen', [context.screenWidth, context.screenHeight])
  }
}

function addProperties(record: LogRecord, destination: CompiledDestination, granted: Granted, values: OutgoingValue[]): void {
  for (const key in record.properties) {
    if (!Object.hasOwn(record.properties, key) || !destination.properties.has(key)) continue
    const value = record.properties[key]
    if (value === undefined || !granted.useProperty(key)) continue
    values.push({ field: `property.${key}`, form: 'clear', value })
  }
}

/** Grants that were used for one record. */
class Granted {
  readonly #active: ActiveGrants
  readonly #used = new Map<Field, Grant>()

  constructor(active: ActiveGrants) {
    this.#active = active
  }

  has(field: KnownField): boolean {
    return this.#active.known.has(field)
  }

  use(field: KnownField): boolean {
    return this.#note(field, this.#active.known.get(field))
  }

  useProperty(key: string): boolean {
    return this.#note(`property.${key}`, this.#active.property(key))
  }

  #note(field: Field, grant: Grant | undefined): boolean {
    if (grant !== undefined) this.#used.set(field, grant)
    return grant !== undefined
  }

  explain(): Explanation {
    const shapes = this.#active.shapes
    const signature = [...this.#used.keys()].join('\0')
    const known = shapes.get(signature)
    if (known !== undefined) return known
    const fields = [...this.#used].map(([field, grant]): ExplainedField => ({ field, form: grant.form, rule: grant.rule }))
    fields.sort((a, b) => (a.field < b.field ? -1 : 1))
    const purposes = [...new Set([...this.#used.values()].map((grant) => grant.purpose))].sort()
    const explanation = { shape: shapeText(fields), fields, purposes }
    if (shapes.size >= SHAPES_MAX) shapes.clear()
    shapes.set(signature, explanation)
    return explanation
  }
}

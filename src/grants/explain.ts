/**
 * Why each field of one event leaves or not. The event goes the way that it would go (decode, split, decide), and every field
 * that it brought, or that is made of it, gets the rule that decided about it; what is withheld has a rule as well.
 */
import { BulkheadError } from '#base/errors.ts'
import type { SourceConfig } from '#model/config.ts'
import { categoryOf, type Field, type Form, FIELDS, isClearField } from '#model/field.ts'
import { isJsonObject, type JsonValue } from '#model/json.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { PersonalKind } from '#model/personal-kind.ts'
import type { Grant } from '#model/policy.ts'
import type { IngestProtocol } from '#model/protocol.ts'
import type { Split } from '#model/split-draft.ts'
import type { WireRecord, WireValue } from '#model/wire-record.ts'
import { CONTEXT_FIELDS, type CompiledDestination, type CompiledPolicy, type Decision, decide, identityKeyOf } from '#policy/policy.ts'

export interface ExplainedField {
  field: string
  form: Form
  rule: string
  reason: string
}

export interface Explanation {
  destination: string
  /** Whether the record leaves at all; why not, as a reason code. */
  sent: boolean
  dropped: string | null
  fields: ExplainedField[]
}

/** The records that one event as an SDK sends it becomes. Throws `event_invalid`. */
export function decodeEvent(value: JsonValue, source: SourceConfig, ingest: IngestProtocol): WireRecord[] {
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value
  const request = isJsonObject(single) ? ingest.requestOf(single, source.token ?? 'any') : undefined
  if (request === undefined) {
    throw new BulkheadError('event_invalid', `this is no event as an SDK of the protocol ${source.protocol} sends one`)
  }
  const decoded = ingest.decode({ ...request, method: 'POST', query: new URLSearchParams(), basicUser: undefined, gunzip: () => undefined })
  const [fault] = decoded.faults
  if (fault !== undefined || decoded.records.length === 0) {
    throw new BulkheadError(
      'event_invalid',
      `the event would not be taken: ${fault?.message ?? decoded.refusal ?? 'it asks to be ignored'}`,
    )
  }
  return decoded.records
}

export interface ExplainOptions {
  policy: CompiledPolicy
  destination: CompiledDestination
  source: SourceConfig
  split: Split
  at: number
}

export function explainWire(wire: WireRecord, options: ExplainOptions): Explanation {
  const { source, split, at, destination } = options
  const draft = split([wire], { receivedAt: at, source, clientAddress: undefined, userAgent: undefined, consent: {} })
  const record = draft.records[0] as LogRecord
  const verdicts = new Verdicts(record, options)
  verdicts.addRecord(wire.name ?? undefined)
  if (wire.insertId !== undefined) verdicts.addReplaced('insert_id')
  for (const value of wire.values) verdicts.addValue(value, new Set(source.groupKeys))
  verdicts.addDerived()
  return { destination: destination.destination, ...verdicts.result() }
}

/** Of a record as it stands in the log: what waits sealed has no name there, only a number. */
export function explainRecord(record: LogRecord, options: Pick<ExplainOptions, 'policy' | 'destination' | 'at'>): Explanation {
  const verdicts = new Verdicts(record, options)
  verdicts.addRecord(undefined)
  verdicts.addDerived()
  for (const key of Object.keys(record.properties ?? {})) verdicts.addProperty(key)
  for (const field of record.withheld ?? []) verdicts.addField(field as Field)
  verdicts.addWaiting(record.waitingCount ?? 0)
  return { destination: options.destination.destination, ...verdicts.result() }
}

class Verdicts {
  readonly #record: LogRecord
  readonly #destination: CompiledDestination
  readonly #policy: CompiledPolicy
  readonly #at: number
  readonly #decision: Decision
  readonly #fields = new Map<string, ExplainedField>()

  constructor(record: LogRecord, { policy, destination, at }: Pick<ExplainOptions, 'policy' | 'destination' | 'at'>) {
    this.#record = record
    this.#policy = policy
    this.#destination = destination
    this.#at = at
    this.#decision = decide(record, destination, at)
  }

  result(): Omit<Explanation, 'destination'> {
    const isSent = this.#decision.kind === 'send'
    return { sent: isSent, dropped: this.#decision.kind === 'drop' ? this.#decision.reason : null, fields: [...this.#fields.values()] }
  }

  /** Name, time and identifiers. `name`: as it was sent, when that is known. */
  addRecord(name: string | undefined): void {
    const { type, user, device, linked, groups, reserved } = this.#record
    if (type === 'event' || name !== undefined) {
      const approved = this.#record.name !== null
      const isHere = reserved === true || (typeof this.#record.name === 'string' && this.#destination.events.has(this.#record.name))
      if (type === 'event' && !approved) this.#withhold('event', 'store:not_approved', 'nobody approved this event name: it waits sealed')
      else if (type === 'event' && !isHere)
        this.#withhold('event', 'destination:not_approved', `this event name is not approved for ${this.#destination.destination}`)
      else this.addField('event')
    }
    this.addField('time')
    if (user !== undefined || linked?.some(({ role }) => role === 'user')) this.addField('user_id')
    if (device !== undefined || linked?.some(({ role }) => role === 'device')) this.addField('device_id')
    if (groups !== undefined && groups.length > 0) this.addField('group_id')
  }

  /** Never sent as it came: the destination gets one of its own epoch. */
  addReplaced(field: 'insert_id'): void {
    const reason = "replaced by one of this destination's epoch (law 6)"
    if (this.#decision.kind === 'send') this.#set(field, 'pseudonym', 'law:unlinkable_identifiers', reason)
    else this.#withhold(field, `drop:${this.#decision.reason}`, this.#whyDropped())
  }

  addValue({ field, key, value }: WireValue, groupKeys: ReadonlySet<string>): void {
    const name = key.normalize('NFC')
    if (groupKeys.has(name)) return this.addField('group_id')
    if (field !== undefined && !this.#opened(name)) return this.addField(field)
    const identity = value === null || typeof value === 'boolean' ? undefined : identityKeyOf(name)
    if (identity !== undefined && !this.#opened(name)) {
      return this.#withhold(identity.own ? identity.field : `property.${name}`, 'law:identity', `the key names ${identity.field}: sealed`)
    }
    const opened = Object.keys(this.#record.properties ?? {}).filter((known) => known === name || known.startsWith(`${name}.`))
    for (const known of opened) this.addProperty(known)
    if (opened.length === 0) this.#addUnopened(name)
  }

  /** Context that was made of the request: country, system, browser, and so on. */
  addDerived(): void {
    const { context } = this.#record
    for (const [key, field] of CONTEXT_FIELDS) if (context?.[key] !== undefined) this.addField(field)
    if (context?.screenWidth !== undefined) this.addField('screen')
  }

  addProperty(key: string): void {
    const field = `property.${key}` as const
    if (!this.#destination.properties.has(key)) {
      return this.#withhold(field, 'destination:not_approved', `open in the own store, not approved for ${this.#destination.destination}`)
    }
    this.addField(field)
  }

  addWaiting(count: number): void {
    if (count === 0) return
    this.#withhold('property.*', 'store:not_approved', `${count} of its values wait sealed: nobody approved their keys`)
  }

  addField(field: Field): void {
    const sent = this.#decision.kind === 'send' ? this.#decision.fields.find((known) => known.field === field) : undefined
    if (sent !== undefined) return this.#set(field, sent.form, sent.rule, this.#whySent(field, sent.form))
    if (this.#fields.has(field)) return
    const grant = this.#grantOf(field)
    const isHeld = this.#record.withheld?.includes(field) === true || FIELDS[field as keyof typeof FIELDS] === 'identity'
    const refused = grant?.isActive === true ? this.#refusalFor(grant.purpose) : undefined
    if (refused !== undefined) {
      this.#withhold(field, refused.rule, `granted for ${grant?.purpose}, but without the person's consent: ${refused.verdict}`)
    } else if (grant?.isActive === true && this.#decision.kind === 'drop') {
      this.#withhold(field, `drop:${this.#decision.reason}`, this.#whyDropped())
    } else if (grant?.isActive === true) {
      this.#withhold(field, grant.rule, 'granted, but this record has no place for it at the vendor, or no value that may leave')
    } else if (grant !== undefined) {
      this.#withhold(field, grant.rule, `the grant ended on ${new Date(grant.until ?? 0).toISOString()}`)
    } else this.#withhold(field, ...whyNothing(field, isHeld, this.#destination.destination))
  }

  #opened(key: string): boolean {
    return Object.hasOwn(this.#record.properties ?? {}, key)
  }

  #addUnopened(key: string): void {
    const field = `property.${key}`
    const found: PersonalKind | undefined = this.#record.detected?.[key]
    if (found !== undefined)
      return this.#withhold(field, `detector:${found}`, `approved, but this value holds something like ${found}: it waits sealed`)
    if (this.#policy.store.properties.has(key)) {
      return this.#withhold(field, 'store:not_plain', 'approved, but this value has a part that may not stand open: it waits sealed')
    }
    this.#withhold(field, 'store:not_approved', 'nobody approved this key: key and value wait sealed')
  }

  /** The grant that counts, else one that has run out. */
  #grantOf(field: Field): (Grant & { isActive: boolean }) | undefined {
    const wanted = field.startsWith('property.') ? [field, 'property.*'] : [field]
    const grants = wanted.flatMap((name) => this.#destination.grants.filter((grant) => grant.field === name))
    const active = grants.find(({ until }) => until === null || until > this.#at)
    if (active !== undefined) return { ...active, isActive: true }
    return grants[0] === undefined ? undefined : { ...grants[0], isActive: false }
  }

  /** Of this record alone: what people have said elsewhere is known to the worker, which asks for it as well. */
  #refusalFor(purpose: string): { verdict: string; rule: string } | undefined {
    const found = this.#destination.consent.explain(this.#record, 0, undefined).find((judged) => judged.purpose === purpose)
    return found === undefined || found.verdict === 'allowed' ? undefined : found
  }

  #whySent(field: Field, form: Form): string {
    const grant = this.#grantOf(field)
    const purpose = grant === undefined ? 'granted' : `granted for ${grant.purpose}`
    const until = grant === undefined || grant.until === null ? '' : `, until ${new Date(grant.until).toISOString()}`
    const as =
      form === 'pseudonym'
        ? ": a pseudonym of this destination's epoch leaves"
        : form === 'coarse'
          ? ': a coarse form leaves'
          : form === 'clear' && isClearField(field)
            ? ': the plain value leaves, as the vault knows it best'
            : ''
    const who = grant?.approval === undefined ? '' : `, approved by ${grant.approval.approvedBy} for ${grant.approval.proposedBy}`
    return `${purpose}${until}${who}${as}`
  }

  #whyDropped(): string {
    const reason = this.#decision.kind === 'drop' ? this.#decision.reason : ''
    if (reason === 'event_not_approved') return 'the record is not sent: its event name is not approved for this destination'
    if (reason === 'nothing_granted') return 'the record is not sent: what is granted of it says nothing at the vendor'
    return reason.startsWith('consent_') ? 'the record is not sent: consent is not given' : `the record is not sent: ${reason}`
  }

  #withhold(field: string, rule: string, reason: string): void {
    if (!this.#fields.has(field)) this.#set(field, 'withheld', rule, reason)
  }

  #set(field: string, form: Form, rule: string, reason: string): void {
    this.#fields.set(field, { field, form, rule, reason })
  }
}

function whyNothing(field: Field, isHeld: boolean, destination: string): [rule: string, reason: string] {
  const category = categoryOf(field)
  if (category === 'technical') return ['law:technical', 'machinery of the SDK: read, never kept and never sent']
  if (category === 'identity')
    return ['law:identity', `identity${isHeld ? ', sealed on arrival' : ''}: nothing grants it to ${destination}`]
  if (category === 'identifier') return ['default:withheld', `an identifier that nothing grants to ${destination}`]
  return ['default:withheld', `nothing grants it to ${destination}`]
}

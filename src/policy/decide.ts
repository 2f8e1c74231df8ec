/**
 * What of a record one destination gets (law 2). The answer is built up from grants: nothing of the record is copied and
 * then thinned out. Reads only what stands in the log, so the same record, policy version and instant give the same answer.
 * The answer is one for all records of a kind (`kinds.ts`) whose consent comes to the same: nothing here may look at a value.
 */
import { type ClearField, type Field, isClearField, type KnownField } from '#model/field.ts'
import type { CoarseContext, LogRecord, PlainValue } from '#model/log-entry.ts'
import type { Grant } from '#model/policy.ts'
import type { OutgoingField, OutgoingValue } from '#model/protocol.ts'
import { bucketOf } from './bucket.ts'
import type { ActiveGrants, CompiledDestination } from './compiled-policy.ts'
import type { Decision, ExplainedField, Sending } from './decision.ts'
import { type PeopleConsent, type Place, stricter, verdictAt } from './consent-of-record.ts'
import type { Verdict } from './consent.ts'
import { shapeText } from './shape.ts'

const NOT_APPROVED: Decision = { kind: 'drop', reason: 'event_not_approved' }
const NOTHING: Decision = { kind: 'drop', reason: 'nothing_granted' }
const WITHOUT_CONSENT: Record<Exclude<Verdict, 'allowed'>, Decision> = {
  denied: { kind: 'drop', reason: 'consent_denied' },
  missing: { kind: 'drop', reason: 'consent_missing' },
  withdrawn: { kind: 'drop', reason: 'consent_withdrawn' },
}

/** What is known of a record beside what stands in it. */
export interface Around {
  place?: Place | undefined
  people?: PeopleConsent | undefined
  /** Verdicts under the policy of the arrival; the stricter of both counts. */
  onArrival?: number
}

const NOTHING_AROUND: Around = {}

/**
 * `at`: the instant for which expiry of grants is judged, UTC ms. No request is made without a time, so what has no grant
 * for `time` is dropped, profiles and groups too.
 */
export function decide(
  record: LogRecord,
  destination: CompiledDestination,
  at: number,
  { place, people, onArrival = 0 }: Around = NOTHING_AROUND,
): Decision {
  if (record.consent?.withoutPerson !== undefined) return WITHOUT_CONSENT[record.consent.withoutPerson]
  const active = destination.activeAt(at)
  const verdicts = stricter(destination.consent.verdicts(record, place?.seq ?? 0, people), onArrival)
  const isNamed = record.type === 'event' && record.name != null && (record.reserved === true || destination.events.has(record.name))
  return active
    .kindsFor(verdicts)
    .decisionFor(record, isNamed, destination, () => decideKind(record, isNamed, destination, { active, verdicts }))
}

interface Grants {
  active: ActiveGrants
  verdicts: number
}

function decideKind(record: LogRecord, isNamed: boolean, destination: CompiledDestination, grants: Grants): Decision {
  const granted = new Granted(grants, destination.consent.purposes)
  const decision = isNamed || record.type !== 'event' ? buildUp(record, destination, granted) : NOT_APPROVED
  // Where consent took something away it is named, though there may be other reasons as well.
  return decision === NOTHING && granted.refused !== undefined ? WITHOUT_CONSENT[granted.refused] : decision
}

function buildUp(record: LogRecord, destination: CompiledDestination, granted: Granted): Decision {
  const isEvent = record.type === 'event'
  if (!granted.use('time') || (isEvent && !granted.use('event'))) return NOTHING

  const user = record.user !== undefined && granted.use('user_id')
  const device = record.device !== undefined && granted.use('device_id')
  const linked = mayLink(record, granted)
  // The ledger names a group beside a person: an event about nobody takes none along.
  const hasBearer = record.type === 'group' || record.user !== undefined || record.device !== undefined
  const groups = record.groups !== undefined && record.groups.length > 0 && hasBearer && granted.use('group_id')
  if (!isComplete(record, { user, device, linked, groups })) return NOTHING

  const values = new ValueList()
  let unset: string[] = []
  const clear = destination.clear.length === 0 ? NOTHING_CLEAR : clearFields(record, destination.clear, granted)
  if (isEvent || record.type === 'profile' || record.type === 'group') {
    // Context is a state: it can be set, never added to or appended.
    if (isEvent || record.op === 'set' || record.op === 'set_once') addContext(record, granted, values)
    addProperties(record, destination, granted, values)
    unset = (record.unset ?? []).filter((key) => destination.properties.has(key) && granted.useProperty(key))
    if (!isEvent && record.op !== 'delete' && values.outgoing.length + clear.length + unset.length === 0) return NOTHING
  }
  return { kind: 'send', user, device, linked, groups, ...values.decided(), unset, clear, ...granted.explain(clear) }
}

const NOTHING_CLEAR: readonly ClearField[] = []

/**
 * Identity in the clear leaves where the record brought it, or is about who is named: nobody's address is added to what never
 * held one. On profiles it is a state, which can be set and never added to.
 */
function clearFields(record: LogRecord, clear: readonly ClearField[], granted: Granted): ClearField[] {
  const { type, op, user, device, groups, withheld = [] } = record
  const states = type === 'event' || ((type === 'profile' || type === 'group') && (op === 'set' || op === 'set_once'))
  if (!states) return []
  return clear.filter((field) => {
    const isHere =
      field === 'group_id'
        ? type === 'group' && groups !== undefined && groups.length > 0
        : type !== 'group' && (field === 'user_id' ? user !== undefined : withheld.includes(field) && (user ?? device) !== undefined)
    return isHere && granted.useClear(field)
  })
}

/** Linked identifiers are users or devices; each role needs its own grant. They are the point of identity calls alone. */
function mayLink(record: LogRecord, granted: Granted): boolean {
  if (record.linked === undefined || record.linked.length === 0 || (record.type !== 'identify' && record.type !== 'merge')) return false
  const fields = record.linked.map(({ role }): KnownField => (role === 'user' ? 'user_id' : 'device_id'))
  return fields.every((field) => granted.has(field)) && fields.every((field) => granted.use(field))
}

/** Whether enough leaves for the record to say something at the vendor. An event may be about nobody. */
function isComplete(record: LogRecord, leaves: Pick<Sending, 'user' | 'device' | 'linked' | 'groups'>): boolean {
  switch (record.type) {
    case 'event':
      return true
    case 'profile':
      return leaves.user || leaves.device
    case 'group':
      return leaves.groups
    case 'identify':
      return leaves.user && (leaves.device || leaves.linked)
    case 'merge':
      return leaves.linked && (leaves.user || leaves.device)
  }
}

/** Which field each part of the context is. The screen, which is two numbers, stands apart. */
export const CONTEXT_FIELDS: readonly (readonly [key: keyof CoarseContext, field: KnownField, part?: OutgoingField['part']])[] = [
  ['country', 'country'],
  ['region', 'region'],
  ['city', 'city'],
  ['os', 'os'],
  ['browser', 'browser'],
  ['browserVersion', 'browser_version'],
  ['referrerMedium', 'referrer', 'medium'],
  ['referrerDomain', 'referrer', 'domain'],
  ['path', 'url'],
]

function addContext({ context }: LogRecord, granted: Granted, values: ValueList): void {
  if (context === undefined) return
  for (const [key, field, part] of CONTEXT_FIELDS) {
    if (context[key] !== undefined && granted.useCoarse(field))
      values.addContext(key, { field, form: 'coarse', ...(part === undefined ? {} : { part }) })
  }
  if (context.screenWidth !== undefined && context.screenHeight !== undefined && granted.use('screen')) values.addScreen()
}

function addProperties({ properties, op }: LogRecord, destination: CompiledDestination, granted: Granted, values: ValueList): void {
  for (const key in properties) {
    if (!Object.hasOwn(properties, key) || !destination.properties.has(key)) continue
    // A sum of bounds of buckets says nothing of a sum.
    if (properties[key] === undefined || (op === 'add' && granted.formOf(key) === 'coarse')) continue
    if (granted.useProperty(key)) values.addProperty(key, granted.formOf(key))
  }
}

/** Which values of a kind leave, in order: context, screen, properties. */
class ValueList {
  readonly outgoing: OutgoingField[] = []
  readonly #context: (keyof CoarseContext)[] = []
  readonly #properties: { key: string; isCoarse: boolean }[] = []
  #screen = false

  addContext(key: keyof CoarseContext, outgoing: OutgoingField): void {
    this.#context.push(key)
    this.outgoing.push(outgoing)
  }

  addScreen(): void {
    this.#screen = true
    this.outgoing.push({ field: 'screen', form: 'coarse' })
  }

  addProperty(key: string, form: Grant['form'] | undefined): void {
    const isCoarse = form === 'coarse'
    this.#properties.push({ key, isCoarse })
    this.outgoing.push({ field: `property.${key}`, form: isCoarse ? 'coarse' : 'clear' })
  }

  decided(): Pick<Sending, 'outgoing' | 'valuesOf'> {
    return { outgoing: this.outgoing, valuesOf: (record) => this.#valuesOf(record) }
  }

  #valuesOf({ context, properties }: LogRecord): OutgoingValue[] {
    const values: OutgoingValue[] = []
    for (const key of this.#context) values.push((context as Required<CoarseContext>)[key])
    if (this.#screen) values.push([context?.screenWidth, context?.screenHeight])
    for (const { key, isCoarse } of this.#properties) {
      const value = (properties as Record<string, PlainValue>)[key] as PlainValue
      values.push(isCoarse ? bucketOf(value) : value)
    }
    return values
  }
}

/** Grants that were used for one kind. One whose purpose lacks consent is as good as none. */
class Granted {
  readonly #active: ActiveGrants
  readonly #verdicts: number
  readonly #purposes: readonly string[]
  readonly #used = new Map<Field, Grant>()
  /** Why the first grant that would have been used was not. */
  refused: Exclude<Verdict, 'allowed'> | undefined

  constructor({ active, verdicts }: Grants, purposes: readonly string[]) {
    this.#active = active
    this.#verdicts = verdicts
    this.#purposes = purposes
  }

  has(field: KnownField): boolean {
    return this.#consented(this.#active.known.get(field)) !== undefined
  }

  use(field: KnownField): boolean {
    return this.#note(field, this.#active.known.get(field))
  }

  /** Only where the grant that counts is one for the clear form. */
  useClear(field: ClearField): boolean {
    const grant = this.#consented(this.#active.known.get(field))
    if (grant === undefined || grant.form !== 'clear') return false
    this.#used.set(field, grant)
    return true
  }

  /** A city may be granted as the one of an address, or as the person says it: the one never stands for the other. */
  useCoarse(field: KnownField): boolean {
    const found = this.#active.known.get(field)
    return found?.form === 'coarse' && this.#note(field, found)
  }

  useProperty(key: string): boolean {
    return this.#note(`property.${key}`, this.#active.property(key))
  }

  formOf(key: string): Grant['form'] | undefined {
    return this.#active.property(key)?.form
  }

  #note(field: Field, found: Grant | undefined): boolean {
    const grant = this.#consented(found)
    if (grant !== undefined) this.#used.set(field, grant)
    return grant !== undefined
  }

  #consented(grant: Grant | undefined): Grant | undefined {
    if (grant === undefined || this.#verdicts === 0) return grant
    const verdict = verdictAt(this.#verdicts, this.#purposes.indexOf(grant.purpose))
    if (verdict === 'allowed') return grant
    this.refused ??= verdict
    return undefined
  }

  /** An identifier leaves as a pseudonym also under a grant for the clear form; the plain value stands beside it where `clear` says so. */
  explain(clear: readonly ClearField[]): Pick<Sending, 'shape' | 'fields' | 'purposes' | 'clearUntil'> {
    const fields = [...this.#used].map(([field, { form, rule }]): ExplainedField => {
      const isPseudonym = form === 'clear' && isClearField(field) && !clear.includes(field)
      return { field, form: isPseudonym ? 'pseudonym' : form, rule }
    })
    const clearUntil = Math.min(...clear.map((field) => this.#used.get(field)?.until ?? Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
    fields.sort((a, b) => (a.field < b.field ? -1 : 1))
    const purposes = [...new Set([...this.#used.values()].map((grant) => grant.purpose))].sort()
    return { shape: shapeText(fields), fields, purposes, clearUntil }
  }
}

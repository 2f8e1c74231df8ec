/**
 * Sorts the values of one record: identity to the vault, groups to identifiers, context away, approved plain values into
 * the record, all else into the waiting room. A value that no rule takes waits: that is the default of law 1.
 */
import { isIP } from 'node:net'
import { categoryOf, FIELDS } from '#model/field.ts'
import type { KnownField } from '#model/field.ts'
import type { JsonValue } from '#model/json.ts'
import type { LogRecord, PlainValue } from '#model/log-entry.ts'
import type { PersonalKind } from '#model/personal-kind.ts'
import type { ProfileOp, WireRecord, WireValue } from '#model/wire-record.ts'
import { countryCode } from '#policy/forms.ts'
import { destroySecretsInPair, destroySecretsInText, destroySecretsUnder, identityKeyOf, keyFactsOf, kindOfSecret } from '#policy/policy.ts'
import type { DestroyedCounts, KeyFacts } from '#policy/policy.ts'
import type { DraftBuilder } from './draft-builder.ts'
import { isKnownOpen, openValue, opensWhole } from './open-value.ts'

export interface Subject {
  /** Index of the user, else of the device, to whom facts belong. Undefined: facts wait. */
  bearer: number | undefined
  /** Index of the user; memberships are users'. */
  user: number | undefined
}

/** Context whose raw value is read into the coarse context and not kept, and machinery of SDKs. */
const READ_ELSEWHERE: ReadonlySet<KnownField> = new Set([
  'url',
  'referrer',
  'user_agent',
  'os',
  'browser',
  'browser_version',
  'screen',
  'technical',
])
/** Operations that state a value of the subject; the others change or take away one that the vault may not have. */
const STATING_OPS: ReadonlySet<ProfileOp> = new Set(['set', 'set_once', 'append', 'union'])
const FACT_CHARACTERS_MAX = 1024
/** Nobody is in more groups of one kind at once; what is beyond waits. */
const GROUPS_MAX = 255
/** A group's id is no longer than any other; what is waits as the text that it is. */
const GROUP_ID_CHARACTERS_MAX = 255

export class RecordValues {
  readonly pairs: [key: string, value: unknown][] = []
  readonly #record: WireRecord
  readonly #subject: Subject
  readonly #builder: DraftBuilder
  readonly #approved: ReadonlySet<string>
  readonly #groupKeys: ReadonlySet<string>
  readonly #time: number
  readonly #destroyed: DestroyedCounts
  readonly #states: boolean
  // Most records have none of these.
  #withheld: string[] | undefined
  #unset: string[] | undefined
  #groups: { key: string; ordinal: number }[] | undefined
  #properties: Record<string, PlainValue> | undefined
  #detected: Record<string, PersonalKind> | undefined

  constructor(options: {
    record: WireRecord
    subject: Subject
    builder: DraftBuilder
    approved: ReadonlySet<string>
    groupKeys: ReadonlySet<string>
    time: number
    destroyed: DestroyedCounts
  }) {
    this.#record = options.record
    this.#subject = options.subject
    this.#builder = options.builder
    this.#approved = options.approved
    this.#groupKeys = options.groupKeys
    this.#time = options.time
    this.#destroyed = options.destroyed
    this.#states = options.record.op === undefined || STATING_OPS.has(options.record.op)
  }

  add(wire: WireValue): void {
    if (wire.field !== undefined && READ_ELSEWHERE.has(wire.field) && this.#record.op !== 'unset' && !this.#groupKeys.has(wire.key)) return
    const facts = keyFactsOf(wire.key)
    const key = facts.name
    if (this.#record.op === 'unset') return this.#addUnset(key, wire)
    if (wire.value === null) return wire.field === undefined ? this.#addFree(facts, wire) : undefined
    if (this.#groupKeys.has(key) && this.#record.type !== 'group' && this.#states) return this.#addGroups(key, wire.value)
    const { field } = wire
    if (field === undefined) {
      const identity = typeof wire.value === 'boolean' ? undefined : facts.identity
      if (identity === undefined) return this.#addFree(facts, wire)
      // A bare `name` on an event is as often a product's: sealed, but never told to the vault as the person's.
      const isOwn = identity.own && !(key === 'name' && this.#record.type !== 'profile')
      if (!identity.own && typeof wire.value === 'number') return this.#addFree(facts, wire)
      return this.#addIdentity(identity.field, key, wire.value, isOwn)
    }
    switch (FIELDS[field]) {
      case 'identity':
        return this.#addIdentity(field, key, wire.value, true)
      case 'identifier':
        return this.#wait(key, wire.value, field)
      default:
        // Read into the coarse context, unless it is no code: then it is text like any other.
        if (field === 'country' && countryCode(wire.value) !== undefined) return
        return this.#addFree(facts, wire)
    }
  }

  /** Pairs of a group whose key nobody configured: all of it waits, the key included. */
  addStrayGroup(key: string, value: string): void {
    this.#wait(key, value)
  }

  /** Writes into `record` what may stand open, and counts. */
  writeTo(record: LogRecord): void {
    if (this.#properties !== undefined) record.properties = this.#properties
    if (this.#unset !== undefined) record.unset = this.#unset
    if (this.#groups !== undefined && this.#record.type !== 'profile') record.groups = this.#groups
    if (this.#withheld !== undefined) record.withheld = this.#withheld.sort()
    if (this.pairs.length > 0) record.waitingCount = this.pairs.length
    const destroyed = Object.values(this.#destroyed).reduce((sum, count) => sum + count, 0)
    if (destroyed > 0) record.destroyedCount = destroyed
    if (this.#detected !== undefined) record.detected = this.#detected
  }

  readonly #onDetected = (key: string, kind: PersonalKind): void => {
    this.#detected ??= {}
    this.#detected[key] = kind
  }

  #addUnset(key: string, { field, value }: WireValue): void {
    const identity = identityKeyOf(key)
    const isFree = field === undefined || categoryOf(field) === 'context'
    if (value === null && isFree && identity?.own !== true && this.#approved.has(key)) this.#unset = addOnce(this.#unset, key)
    else this.#wait(key, value, field ?? identity?.field)
  }

  #addFree(facts: KeyFacts, { field, value }: WireValue): void {
    const key = facts.name
    const isApproved = this.#mayOpen(key)
    if (isApproved && isKnownOpen(value, facts)) {
      this.#properties ??= {}
      this.#properties[key] = value as PlainValue
      return
    }
    const cleanKey = facts.secret.mayHoldSecret ? destroySecretsInText(key, this.#destroyed) : key
    const clean = destroySecretsUnder(facts.secret, value, this.#destroyed)
    // A key whose value held a secret is not what the approval meant.
    const mayOpen = isApproved && cleanKey === key
    if (mayOpen && clean !== value) this.#onDetected(key, kindOfSecret(this.#destroyed.last ?? ''))
    else if (mayOpen && this.#open(facts, value)) return
    this.pairs.push([cleanKey, clean])
    if (field !== undefined) this.#withhold(field)
  }

  /** Takes the value into the properties if it may stand open. */
  #open(key: KeyFacts, value: JsonValue): boolean {
    if (opensWhole(value, key, this.#onDetected)) {
      this.#properties ??= {}
      this.#properties[key.name] = value
      return true
    }
    if (value !== null && (typeof value !== 'object' || Array.isArray(value))) return false
    const opened = openValue(key.name, value, this.#approved, this.#onDetected)
    if (opened === undefined) return false
    for (const [name, plain] of opened) {
      this.#properties ??= {}
      this.#properties[name] = plain
    }
    return true
  }

  /** Properties of a group whose key nobody configured have no subject to stand under. */
  #mayOpen(key: string): boolean {
    const { type, group } = this.#record
    if (type === 'group' && (group === undefined || !this.#groupKeys.has(group.key.normalize('NFC')))) return false
    return this.#approved.has(key)
  }

  #addIdentity(field: KnownField, key: string, value: JsonValue, own: boolean): void {
    this.#withhold(field)
    // The address of a person's connection is read into the country and kept nowhere.
    if (field === 'ip' && typeof value === 'string' && isIP(value.trim()) !== 0) return
    const { bearer } = this.#subject
    if (!own || bearer === undefined || !this.#states || this.#record.type === 'group' || field === 'ip') return this.#wait(key, value)
    const texts = factTexts(field, value)
    if (texts === undefined) return this.#wait(key, value)
    for (const text of texts) {
      // Telephone and identity numbers look like card numbers now and then; under these keys they are what the key says.
      const isNumber = field === 'phone' || field === 'national_id'
      const [, clean] = isNumber ? [key, text] : destroySecretsInPair(key, text, this.#destroyed)
      if (clean !== text) this.pairs.push([key, clean])
      else this.#builder.draft.facts.push({ identifier: bearer, field, value: text, once: this.#record.op !== 'set' })
    }
  }

  #addGroups(key: string, value: JsonValue): void {
    const members = Array.isArray(value) ? value : [value]
    const odd: JsonValue[] = members.slice(GROUPS_MAX)
    for (const member of members.slice(0, GROUPS_MAX)) {
      const text = typeof member === 'string' || typeof member === 'number' ? String(member) : undefined
      const ordinal =
        text === undefined || text.length > GROUP_ID_CHARACTERS_MAX ? undefined : this.#builder.identifier(`group:${key}`, text, 'group')
      if (ordinal === undefined) {
        if (member !== null && member !== '') odd.push(member)
        continue
      }
      this.#groups ??= []
      if (!this.#groups.some((group) => group.key === key && group.ordinal === ordinal)) this.#groups.push({ key, ordinal })
      if (this.#subject.user !== undefined) this.#builder.membership(this.#subject.user, ordinal, this.#time)
    }
    if (odd.length > 0) this.#wait(key, odd)
  }

  #withhold(field: KnownField): void {
    this.#withheld = addOnce(this.#withheld, field)
  }

  #wait(key: string, value: JsonValue, field?: KnownField): void {
    this.pairs.push(destroySecretsInPair(key, value, this.#destroyed))
    if (field !== undefined) this.#withhold(field)
  }
}

function addOnce(list: string[] | undefined, text: string): string[] {
  if (list === undefined) return [text]
  if (!list.includes(text)) list.push(text)
  return list
}

/** Texts of an identity value, each a fact of its own; undefined when the value is no such thing (then it waits). */
function factTexts(field: KnownField, value: JsonValue): string[] | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const text = field === 'address' || field === 'location' ? JSON.stringify(value) : ''
    return text !== '' && text.length <= FACT_CHARACTERS_MAX ? [text] : undefined
  }
  const members = Array.isArray(value) ? value : [value]
  const texts: string[] = []
  for (const member of members) {
    if (typeof member !== 'string' && typeof member !== 'number') return undefined
    const text = String(member).normalize('NFC').trim()
    if (text.length > FACT_CHARACTERS_MAX) return undefined
    if (text !== '') texts.push(text)
  }
  // The vault keeps the best fact a field: of several at once all but one would be lost, so a list waits.
  return texts.length > 1 ? undefined : texts
}

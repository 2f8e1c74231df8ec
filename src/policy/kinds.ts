/**
 * Records of one kind have the same type, operation, identifiers, context and approved keys, and differ in values alone.
 * What is decided depends on nothing else, so it is decided once for each kind and found again by walking a tree: one
 * step for what is always there, one for each approved key.
 */
import { assert } from '#base/errors.ts'
import type { CoarseContext, LogRecord } from '#model/log-entry.ts'
import type { ProfileOp, RecordType } from '#model/wire-record.ts'

/** A policy has few kinds; a source that varies its keys on purpose makes us forget them and decide anew. */
const KINDS_MAX = 10_000

const TYPES: Record<RecordType, number> = { event: 0, identify: 1, merge: 2, profile: 3, group: 4 }
const OPS: Record<ProfileOp, number> = { set: 1, set_once: 2, add: 3, append: 4, union: 5, remove: 6, unset: 7, delete: 8 }
const CONTEXT_KEYS = [
  'country',
  'region',
  'city',
  'os',
  'browser',
  'browserVersion',
  'referrerMedium',
  'referrerDomain',
  'path',
  'screenWidth',
  'screenHeight',
] as const satisfies (keyof CoarseContext)[]

interface Kind<Decision> {
  decided: Decision | undefined
  /** By the next approved key of `properties`, and by the next of `unset`. */
  byKey: Map<string, Kind<Decision>>
  byUnset: Map<string, Kind<Decision>>
  /** By the next field that came and may leave in the clear. Few destinations have such. */
  byClear: Map<string, Kind<Decision>> | undefined
}

function newKind<Decision>(): Kind<Decision> {
  return { decided: undefined, byKey: new Map(), byUnset: new Map(), byClear: undefined }
}

export class Kinds<Decision> {
  readonly #roots = new Map<number, Kind<Decision>>()
  #count = 0

  /** `isNamed`: the event's name may leave. `make` is called for the first record of a kind. */
  decisionFor(
    record: LogRecord,
    isNamed: boolean,
    { properties: approved, clear }: { properties: ReadonlySet<string>; clear: readonly string[] },
    make: () => Decision,
  ): Decision {
    const traits = traitsOf(record, isNamed)
    assert(Number.isInteger(traits), 'a record has a known type and operation')
    let kind = this.#roots.get(traits) ?? this.#add(this.#roots, traits)
    const { properties, unset } = record
    for (const key in properties) {
      if (!approved.has(key) || !Object.hasOwn(properties, key) || properties[key] === undefined) continue
      kind = kind.byKey.get(key) ?? this.#add(kind.byKey, key)
    }
    if (unset !== undefined) for (const key of unset) if (approved.has(key)) kind = kind.byUnset.get(key) ?? this.#add(kind.byUnset, key)
    if (clear.length > 0 && record.withheld !== undefined) kind = this.#walkClear(kind, record.withheld, clear)
    kind.decided ??= make()
    return kind.decided
  }

  #walkClear(from: Kind<Decision>, withheld: readonly string[], clear: readonly string[]): Kind<Decision> {
    let kind = from
    for (const field of withheld) {
      if (!clear.includes(field)) continue
      kind.byClear ??= new Map()
      kind = kind.byClear.get(field) ?? this.#add(kind.byClear, field)
    }
    return kind
  }

  #add<Key>(to: Map<Key, Kind<Decision>>, key: Key): Kind<Decision> {
    if (this.#count >= KINDS_MAX) {
      this.#roots.clear()
      this.#count = 0
    }
    this.#count += 1
    const kind = newKind<Decision>()
    to.set(key, kind)
    return kind
  }
}

/** One bit for each thing that a decision looks at, beside the numbers of type and operation. */
function traitsOf(record: LogRecord, isNamed: boolean): number {
  const { type, op, user, device, linked, groups, context } = record
  let traits = TYPES[type] * 16 + (op === undefined ? 0 : OPS[op])
  traits = traits * 8 + (isNamed ? 1 : 0) + (user === undefined ? 0 : 2) + (device === undefined ? 0 : 4)
  traits = traits * 8 + (groups === undefined || groups.length === 0 ? 0 : 1)
  if (linked !== undefined) for (const { role } of linked) traits |= role === 'user' ? 2 : 4
  for (const key of CONTEXT_KEYS) traits = traits * 2 + (context === undefined || context[key] === undefined ? 0 : 1)
  return traits
}

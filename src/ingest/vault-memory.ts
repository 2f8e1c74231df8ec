/**
 * What the vault is known to hold already, so that a window asks only for what is new. Everything here may be forgotten
 * at any time; after a failed call all of it is, because then nobody knows which half of it is true.
 */
import { hash } from 'node:crypto'
import type { Trust } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { IdentifierRequest } from '#model/split-draft.ts'

const IDENTIFIERS_MAX = 500_000
const RELATIONS_MAX = 100_000

/**
 * A map that forgets what was not used for long. Two generations instead of an ordered list: a look-up costs one or two
 * map reads, and the older half goes at once.
 */
export class RecentMap<Value> {
  readonly #halfMax: number
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()

  constructor(max: number) {
    this.#halfMax = Math.max(1, Math.floor(max / 2))
  }

  get(key: string): Value | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const older = this.#old.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: string, value: Value): void {
    this.#young.set(key, value)
    if (this.#young.size < this.#halfMax) return
    this.#old = this.#young
    this.#young = new Map()
  }

  delete(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }
}

interface DeviceUse {
  user: string
  /** Event time of the newest edge that the vault was told. */
  since: number
  /** Newest event time at which this user was seen. */
  seen: number
}

export class VaultMemory {
  readonly #ordinals: RecentMap<Ordinal>
  readonly #facts = new RecentMap<string>(RELATIONS_MAX)
  readonly #devices = new RecentMap<DeviceUse>(RELATIONS_MAX)
  readonly #relations = new RecentMap<true>(RELATIONS_MAX)

  constructor(identifiersMax = IDENTIFIERS_MAX) {
    this.#ordinals = new RecentMap(identifiersMax)
  }

  ordinal(key: string): Ordinal | undefined {
    return this.#ordinals.get(key)
  }

  learn(key: string, ordinal: Ordinal): void {
    this.#ordinals.set(key, ordinal)
  }

  /** Notes the fact. False: the vault holds it or has been told. */
  isNewFact(of: string, fact: { field: string; value: string; once: boolean; trust: Trust }): boolean {
    const key = `${of}\0${fact.field}\0${fact.trust}`
    const onceKey = `${key}\0once`
    if (fact.once) {
      // Any earlier fact of equal trust, once or not, already stands in its way.
      if (this.#facts.get(onceKey) !== undefined) return false
      this.#facts.set(onceKey, '')
      return true
    }
    const digest = hash('sha256', fact.value, 'base64')
    if (this.#facts.get(key) === digest) return false
    this.#facts.set(key, digest)
    this.#facts.set(onceKey, '')
    return true
  }

  /** Notes that the user was seen on the device. False: the same user was already known there, with nobody in between. */
  isNewUse(device: string, use: { user: string; at: number; trust: Trust }): boolean {
    const key = `${device}\0${use.trust}`
    const known = this.#devices.get(key)
    if (known !== undefined && known.user === use.user) {
      if (use.at < known.since) return true
      known.seen = Math.max(known.seen, use.at)
      return false
    }
    // Somebody else, from before the known user was last seen: who is on it now is to be told again.
    if (known !== undefined && use.at < known.seen) this.#devices.delete(key)
    else this.#devices.set(key, { user: use.user, since: use.at, seen: use.at })
    return true
  }

  /** Notes a relation that has no time order. False: it was told before. */
  isNewRelation(kind: 'merge' | 'member', from: string, to: string, trust: Trust): boolean {
    const key = `${kind}\0${trust}\0${from}\0${to}`
    if (this.#relations.get(key) === true) return false
    this.#relations.set(key, true)
    return true
  }

  clear(): void {
    this.#ordinals.clear()
    this.#facts.clear()
    this.#devices.clear()
    this.#relations.clear()
  }
}

/** Longer ids are remembered by their hash: the memory counts entries, and one entry may not be a megabyte. */
const VALUE_CHARACTERS_MAX = 256

/** The role is part of it: the vault is told once for each role in which it sees a value. */
export function identifierKey({ namespace, kind, role, value }: IdentifierRequest): string {
  if (value.length > VALUE_CHARACTERS_MAX) return `${namespace}\0${kind}\0${role} hash\0${hash('sha256', value, 'base64')}`
  return `${namespace}\0${kind}\0${role}\0${value}`
}

/**
 * What the vault is known to hold already, so that a window asks only for what is new. Everything here may be forgotten
 * at any time; after a failed call all of it is, because then nobody knows which half of it is true.
 */
import { hash } from 'node:crypto'
import { RecentMap } from '#base/recent-map.ts'
import type { Trust } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { IdentifierRequest } from '#model/split-draft.ts'

const IDENTIFIERS_MAX = 500_000
const RELATIONS_MAX = 100_000
const REFUSED_MAX = 100_000
const REFUSED_FOR_MS = 60_000

interface DeviceUse {
  /** Serial of the user. */
  user: number
  /** Event time of the newest edge that the vault was told. */
  since: number
  /** Newest event time at which this user was seen. */
  seen: number
}

/** An identifier in one role: the vault is told once for each role in which it sees a value. */
export interface Known {
  readonly namespace: string
  readonly kind: string
  readonly role: string
  /** Never given twice, so that relations can be remembered under numbers. */
  serial: number
  /** Undefined until the vault has answered; 0 while it has not taken it. */
  ordinal: Ordinal | undefined
  /** The same value in another namespace, kind or role. */
  readonly next: Known | undefined
}

/** Longer ids are remembered by their hash: the memory counts entries, and one entry may not be a megabyte. */
const VALUE_CHARACTERS_MAX = 256
/** Two serials below this fit into one exact number. */
const SERIALS_MAX = 2 ** 26

export class VaultMemory {
  /** By value alone: the strings of a request are hashed once, and none is put together for a look-up. */
  readonly #known: RecentMap<string, Known>
  /** By the hash of the value. */
  readonly #knownLong: RecentMap<string, Known>
  readonly #facts = new RecentMap<string, string>(RELATIONS_MAX)
  readonly #devices = relationsByTrust<DeviceUse>()
  readonly #relations = { merge: relationsByTrust<true>(), member: relationsByTrust<true>() }
  #serial = 0
  /** Not taken by the vault; asked for again after a while. */
  #refused: Known[] = []
  #refusedSince = 0

  constructor(identifiersMax = IDENTIFIERS_MAX) {
    this.#known = new RecentMap(identifiersMax)
    this.#knownLong = new RecentMap(identifiersMax)
  }

  /** What is remembered of an identifier; noted now when it is new. */
  of({ namespace, kind, role, value }: IdentifierRequest): Known {
    const isLong = value.length > VALUE_CHARACTERS_MAX
    const key = isLong ? hash('sha256', value, 'base64') : value
    const knownByKey = isLong ? this.#knownLong : this.#known
    const first = knownByKey.get(key)
    for (let known = first; known !== undefined; known = known.next) {
      if (known.role === role && known.kind === kind && known.namespace === namespace) return known
    }
    const known: Known = { namespace, kind, role, serial: this.#serial++, ordinal: undefined, next: first }
    // A copy, since a trimmed text may be a slice that keeps all of a longer one in memory.
    knownByKey.set(JSON.parse(JSON.stringify(key)) as string, known)
    return known
  }

  /** Between windows only, whose relations hold serials: forgets everything before the serials no longer fit. */
  renew(now: number): void {
    if (this.#serial > SERIALS_MAX / 2) this.clear()
    if (this.#refused.length === 0) return
    const isDue = now - this.#refusedSince >= REFUSED_FOR_MS || now < this.#refusedSince || this.#refused.length >= REFUSED_MAX
    if (isDue) for (const known of this.#refused.splice(0)) if (known.ordinal === 0) known.ordinal = undefined
    if (isDue) this.#refusedSince = now
  }

  /**
   * An identifier that the vault has not taken is remembered like one that it has: else whoever sends it again and again
   * could tell the two apart by the time of the answer. What was noted of it is void, since the vault kept none of it.
   */
  refuse(known: Known): void {
    known.serial = this.#serial++
    this.#refused.push(known)
  }

  /** Notes the fact. False: the vault holds it or has been told. */
  isNewFact(of: Known, fact: { field: string; value: string; once: boolean; trust: Trust }): boolean {
    const key = `${of.serial} ${fact.field} ${fact.trust}`
    const onceKey = `${key} once`
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
  isNewUse(device: Known, use: { user: Known; at: number; trust: Trust }): boolean {
    const uses = this.#devices[use.trust]
    const user = use.user.serial
    const known = uses.get(device.serial)
    if (known !== undefined && known.user === user) {
      if (use.at < known.since) return true
      known.seen = Math.max(known.seen, use.at)
      return false
    }
    // Somebody else, from before the known user was last seen: who is on it now is to be told again.
    if (known !== undefined && use.at < known.seen) uses.delete(device.serial)
    else uses.set(device.serial, { user, since: use.at, seen: use.at })
    return true
  }

  /** Notes a relation that has no time order. False: it was told before. */
  isNewRelation(kind: 'merge' | 'member', from: Known, to: Known, trust: Trust): boolean {
    const relations = this.#relations[kind][trust]
    const key = from.serial * SERIALS_MAX + to.serial
    if (relations.get(key) === true) return false
    relations.set(key, true)
    return true
  }

  clear(): void {
    this.#serial = 0
    this.#refused = []
    this.#known.clear()
    this.#knownLong.clear()
    this.#facts.clear()
    for (const byTrust of [this.#devices, ...Object.values(this.#relations)]) {
      for (const relations of Object.values(byTrust)) relations.clear()
    }
  }
}

function relationsByTrust<Value>(): Record<Trust, RecentMap<number, Value>> {
  return { browser: new RecentMap(RELATIONS_MAX), server: new RecentMap(RELATIONS_MAX), directory: new RecentMap(RELATIONS_MAX) }
}

/**
 * Who belongs to which group, in memory: questions after a breach go over millions of rows. Groups are numbered in the order in
 * which they were met, so that what is found of a group is an element of an array.
 */
import { trustRank } from '#model/field.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { hasOrdinal } from './ordinal-pages.ts'
import type { MembershipRow } from './rows.ts'
import type { GroupQuestion, GroupSurvey, Members, OrdinalPages } from './survey.ts'

const NAMED = 1
const HAS_MEMBERS = 2

/** Memberships by the number of their row; a row that is gone has user 0. */
export class MembershipBook {
  #users = new Float64Array(1024)
  /** Number of the group. */
  #groups = new Uint32Array(1024)
  #trust = new Uint8Array(1024)
  #admin = new Uint8Array(1024)
  #end = 0
  #ordinals: Ordinal[] = []
  readonly #numbers = new Map<Ordinal, number>()

  put({ id, person, target, trust, admin }: MembershipRow): void {
    if (id >= this.#users.length) this.#grow(id)
    this.#users[id] = person
    this.#groups[id] = this.#numberOf(target)
    this.#trust[id] = trust
    this.#admin[id] = admin ? 1 : 0
    this.#end = Math.max(this.#end, id + 1)
  }

  remove(ordinals: ReadonlySet<number>): void {
    const groups = new Set([...ordinals].map((ordinal) => this.#numbers.get(ordinal)))
    for (let id = 0; id < this.#end; id++) {
      if (ordinals.has(this.#users[id] as number) || groups.has(this.#groups[id] as number)) this.#users[id] = 0
    }
  }

  clear(): void {
    this.#users.fill(0)
    this.#end = 0
    this.#ordinals = []
    this.#numbers.clear()
  }

  survey({ users, named }: GroupQuestion, keyOf: (group: Ordinal) => string): GroupSurvey {
    const has = hasOrdinal(users)
    for (const group of named) this.#numberOf(group)
    const state = new Uint8Array(this.#ordinals.length)
    for (const group of named) state[this.#numberOf(group)] = NAMED
    const [server, directory] = [trustRank('server'), trustRank('directory')]
    const administers: number[] = []
    // In variables of this call: the loop goes over millions of rows.
    const [ofUsers, ofGroups, trusts, admins, end] = [this.#users, this.#groups, this.#trust, this.#admin, this.#end]
    for (let id = 0; id < end; id++) {
      const trust = trusts[id] as number
      if (trust < server) continue
      if (trust === directory && admins[id] === 1) administers.push(id)
      const group = ofGroups[id] as number
      // One member is enough.
      if (((state[group] as number) & HAS_MEMBERS) !== 0) continue
      const user = ofUsers[id] as number
      if (user !== 0 && has(user)) state[group] = (state[group] as number) | HAS_MEMBERS
    }
    const found = [...state.keys()].filter((number) => state[number] !== 0)
    const placeOf = new Map(found.map((number, place) => [number, place]))
    const rows = administers.filter((id) => this.#users[id] !== 0 && state[this.#groups[id] as number] !== 0)
    const groups = found.map((number) => this.#ordinals[number] as Ordinal)
    const keys = groups.map(keyOf)
    const distinct = [...new Set(keys)]
    const numberOfKey = new Map(distinct.map((key, number) => [key, number]))
    return {
      keys: distinct,
      groups: Float64Array.from(groups),
      key: Uint16Array.from(keys, (key) => numberOfKey.get(key) as number),
      hasMembers: Uint8Array.from(found, (number) => ((state[number] as number) & HAS_MEMBERS) / HAS_MEMBERS),
      administrators: Float64Array.from(rows, (id) => this.#users[id] as number),
      administered: Uint32Array.from(rows, (id) => placeOf.get(this.#groups[id] as number) as number),
    }
  }

  members(of: OrdinalPages): Members {
    const has = hasOrdinal(of)
    const server = trustRank('server')
    const rows: number[] = []
    for (let id = 0; id < this.#end; id++) {
      const user = this.#users[id] as number
      if (user !== 0 && (this.#trust[id] as number) >= server && has(user)) rows.push(id)
    }
    return {
      users: Float64Array.from(rows, (id) => this.#users[id] as number),
      groups: Float64Array.from(rows, (id) => this.#ordinals[this.#groups[id] as number] as Ordinal),
    }
  }

  #numberOf(group: Ordinal): number {
    let number = this.#numbers.get(group)
    if (number === undefined) {
      number = this.#ordinals.push(group) - 1
      this.#numbers.set(group, number)
    }
    return number
  }

  #grow(id: number): void {
    const length = Math.max(id + 1, this.#users.length * 2)
    const users = new Float64Array(length)
    const groups = new Uint32Array(length)
    const [trust, admin] = [new Uint8Array(length), new Uint8Array(length)]
    users.set(this.#users)
    groups.set(this.#groups)
    trust.set(this.#trust)
    admin.set(this.#admin)
    this.#users = users
    this.#groups = groups
    this.#trust = trust
    this.#admin = admin
  }
}

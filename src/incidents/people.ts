/**
 * Who a disclosed row is about, resolved at question time: merges never rewrite history. A user row belongs to the person
 * that its identifier was merged into. A device row belongs to a person only when one interval of that person on the
 * device holds the row's whole event time; else the device is *ambiguous* and nobody is told about it by name.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { DeviceInterval, PeopleGraph } from '#vault/port.ts'
import { PersonSet } from './person-set.ts'

export class People {
  readonly #personOf: Map<Ordinal, Ordinal>
  readonly #identifiersOf = new Map<Ordinal, Ordinal[]>()
  readonly #intervals = new Map<Ordinal, DeviceInterval[]>()

  constructor(graph: PeopleGraph) {
    this.#personOf = new Map(graph.merged)
    for (const [identifier, person] of graph.merged) {
      const own = this.#identifiersOf.get(person)
      if (own === undefined) this.#identifiersOf.set(person, identifier === person ? [person] : [person, identifier])
      else if (!own.includes(identifier)) own.push(identifier)
    }
    for (const interval of graph.devices) {
      const all = this.#intervals.get(interval.device)
      if (all === undefined) this.#intervals.set(interval.device, [interval])
      else all.push(interval)
    }
  }

  personOf(user: Ordinal): Ordinal {
    return this.#personOf.get(user) ?? user
  }

  /** User identifiers of a person, the person's own number first. */
  identifiersOf(person: Ordinal): readonly Ordinal[] {
    return this.#identifiersOf.get(person) ?? [person]
  }

  /** These people by their identifiers: those of one, ascending, then those of several. */
  byIdentifiers(of: PersonSet): { single: Float64Array; joined: (readonly Ordinal[])[] } {
    const single = new PersonSet()
    single.addAll(of)
    const joined: (readonly Ordinal[])[] = []
    for (const [person, own] of this.#identifiersOf) {
      if (own.length < 2 || !of.has(person)) continue
      single.remove(person)
      joined.push(own)
    }
    return { single: single.values(), joined }
  }

  /** All identifiers of these people. */
  identifiersIn(of: PersonSet): PersonSet {
    const all = new PersonSet()
    all.addAll(of)
    for (const [person, own] of this.#identifiersOf) if (of.has(person)) for (const identifier of own) all.add(identifier)
    return all
  }

  /** User identifiers of people who have several. */
  mergedUsers(): Iterable<Ordinal> {
    return [...this.#identifiersOf.values()].filter((own) => own.length > 1).flat()
  }

  /** Everybody who was ever signed in on a device. */
  holdersOf(device: Ordinal): Ordinal[] {
    return (this.#intervals.get(device) ?? []).map(({ person }) => this.personOf(person))
  }

  /** The same people by the numbers that they have now: two may have been joined since they were written down. */
  asNow(people: PersonSet): PersonSet {
    const now = new PersonSet()
    for (const person of people.values()) now.add(this.personOf(person))
    return now
  }

  /**
   * Whose row it is that was seen on a device from `first` to `last` (event time, both included). `mixed`: the rows
   * behind this span must be looked at one by one, since some may lie in an interval.
   */
  deviceOwner(device: Ordinal, first: number, last: number): Ordinal | 'nobody' | 'mixed' {
    let isTouched = false
    for (const interval of this.#intervals.get(device) ?? []) {
      if (first >= interval.from && last < interval.to) return this.personOf(interval.person)
      if (first < interval.to && last >= interval.from) isTouched = true
    }
    return isTouched ? 'mixed' : 'nobody'
  }
}

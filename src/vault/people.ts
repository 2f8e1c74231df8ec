/**
 * How identifiers make people. Merges (two ids of one person, said by a server or the directory) join identifiers for
 * good; a device belongs to whoever signed in on it last, until the next other person does.
 */
import type { DeviceInterval, PeopleGraph, Person } from './port.ts'
import { EDGE_CODES, type EdgeRow, ROLE_BITS, type Rows } from './rows.ts'

/** What `sign-ins` on one device, in order of time and then of arrival, mean. Two of one instant: the later said counts. */
export function deviceIntervals(device: number, signIns: readonly { person: number; at: number }[]): DeviceInterval[] {
  const intervals: DeviceInterval[] = []
  for (const { person, at } of signIns) {
    const last = intervals.at(-1)
    if (last?.person === person) continue
    if (last !== undefined) last.to = at
    if (last?.from === at) intervals.pop()
    const before = intervals.at(-1)
    if (before?.person === person) before.to = Number.MAX_SAFE_INTEGER
    else intervals.push({ device, person, from: at, to: Number.MAX_SAFE_INTEGER })
  }
  return intervals
}

/** The lowest user; the lowest of all where none was ever seen as a user. */
export function personNumber(members: readonly number[], isUser: (ordinal: number) => boolean): number {
  let lowestUser = Infinity
  let lowest = Infinity
  for (const member of members) {
    if (member < lowest) lowest = member
    if (member < lowestUser && isUser(member)) lowestUser = member
  }
  return lowestUser === Infinity ? lowest : lowestUser
}

/** Groups numbers that are joined by pairs; only numbers that stand in a pair are in it. */
export function components(pairs: Iterable<readonly [number, number]>): number[][] {
  const parents = new Map<number, number>()
  const rootOf = (start: number): number => {
    let root = start
    for (let parent = parents.get(root); parent !== undefined && parent !== root; parent = parents.get(root)) root = parent
    for (let at = start; at !== root; ) {
      const next = parents.get(at) as number
      parents.set(at, root)
      at = next
    }
    if (!parents.has(root)) parents.set(root, root)
    return root
  }
  for (const [left, right] of pairs) parents.set(rootOf(left), rootOf(right))
  const groups = new Map<number, number[]>()
  for (const member of parents.keys()) {
    const root = rootOf(member)
    const group = groups.get(root)
    if (group === undefined) groups.set(root, [member])
    else group.push(member)
  }
  return [...groups.values()]
}

/** The whole graph from edges in order of arrival. */
export function buildGraph(edges: readonly EdgeRow[], isUser: (ordinal: number) => boolean): PeopleGraph {
  const merges = edges.filter((edge) => edge.kind === EDGE_CODES.merge)
  const personOf = new Map<number, number>()
  for (const members of components(merges.map(({ source, target }) => [source, target] as const))) {
    const person = personNumber(members, isUser)
    for (const member of members) personOf.set(member, person)
  }
  const signIns = new Map<number, EdgeRow[]>()
  for (const edge of edges) {
    if (edge.kind !== EDGE_CODES.device) continue
    const list = signIns.get(edge.source)
    if (list === undefined) signIns.set(edge.source, [edge])
    else list.push(edge)
  }
  const devices: DeviceInterval[] = []
  for (const [device, list] of [...signIns].sort(([left], [right]) => left - right)) {
    list.sort((left, right) => left.at - right.at || left.id - right.id)
    devices.push(
      ...deviceIntervals(
        device,
        list.map(({ target, at }) => ({ person: personOf.get(target) ?? target, at })),
      ),
    )
  }
  const merged = [...personOf].filter(([member, person]) => member !== person).sort(([left], [right]) => left - right)
  return { merged, devices }
}

/** Answers about single people by following edges from one identifier, without reading the rest. */
export class PeopleFinder {
  readonly #rows: Rows
  readonly #components = new Map<number, { person: number; members: number[] }>()

  constructor(rows: Rows) {
    this.#rows = rows
  }

  /**
   * People whom an identifier may name: its own person, or, for a device, those who signed in on it (at `at` where known),
   * else whoever used it.
   */
  peopleOf(ordinal: number, at?: number): Person[] {
    const intervals = this.#intervalsOf(ordinal)
    const isUser = ((this.#rows.identifier(ordinal)?.roles ?? 0) & ROLE_BITS.user) !== 0
    const holding = at === undefined ? [] : intervals.filter(({ from, to }) => from <= at && at < to)
    const numbers = new Set((holding.length > 0 ? holding : intervals).map(({ person }) => person))
    if (isUser || intervals.length === 0) numbers.add(this.#component(ordinal).person)
    // An erased person is nobody who can be asked about, but keeps what was theirs from being taken for somebody else's.
    const people = [...numbers].filter((number) => this.#rows.identifier(number) !== undefined).map((person) => this.#person(person))
    // A device on which nobody signed in stands for whoever used it: what was said of it was said of them.
    const [only] = people
    if (!isUser && intervals.length === 0 && only !== undefined)
      only.devices.push({ device: ordinal, person: only.person, from: 0, to: Number.MAX_SAFE_INTEGER })
    return people
  }

  #person(number: number): Person {
    const { person, members } = this.#component(number)
    const devices = new Set(members.flatMap((member) => this.#rows.edgesTo(EDGE_CODES.device, member).map(({ source }) => source)))
    const intervals = [...devices].sort((left, right) => left - right).flatMap((device) => this.#intervalsOf(device))
    return { person, users: members, devices: intervals.filter((interval) => interval.person === person) }
  }

  /** Number of the person that an identifier belongs to. */
  personOf(ordinal: number): number {
    return this.#component(ordinal).person
  }

  #intervalsOf(device: number): DeviceInterval[] {
    const signIns = this.#rows.edgesFrom(EDGE_CODES.device, device)
    const buried = this.#rows.tombstones(EDGE_CODES.device, device)
    if (buried.length > 0) signIns.push(...buried)
    signIns.sort((left, right) => left.at - right.at)
    return deviceIntervals(
      device,
      signIns.map(({ target, at }) => ({ person: this.#component(target).person, at })),
    )
  }

  #component(start: number): { person: number; members: number[] } {
    const known = this.#components.get(start)
    if (known !== undefined) return known
    const seen = new Set([start])
    for (const member of seen) {
      for (const { target } of this.#rows.edgesFrom(EDGE_CODES.merge, member)) seen.add(target)
      for (const { source } of this.#rows.edgesTo(EDGE_CODES.merge, member)) seen.add(source)
    }
    const members = [...seen].sort((left, right) => left - right)
    const person = personNumber(members, (ordinal) => ((this.#rows.identifier(ordinal)?.roles ?? 0) & ROLE_BITS.user) !== 0)
    const component = { person, members }
    for (const member of members) this.#components.set(member, component)
    return component
  }
}

/**
 * How far somebody who has the data of two destinations can tell who is who, by what people did alone: no identifier is
 * equal there, but both saw the same events. The adversary of this measure knows all of both, for a sample of people, and
 * looks for each person of the one among those of the other; a person is matched when exactly one fits, since the right one
 * always does. Times are tried as they happened and as they are sent, rounded with a phase of its own for each person and
 * destination (`round-time.ts`).
 */
import { randomBytes } from 'node:crypto'
import { dayOf } from '#base/clock.ts'
import { COARSE_TIME_MS, type CompiledDestination, roundTime } from '#policy/policy.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { type Bounds, identifiersOf, scopeOf } from './risk-fields.ts'

/** Shares of people who are matched, 0 to 1. */
export interface Matched {
  /** By the order of event names alone. */
  sequence: number
  /** By how often each name occurs on each day. */
  daily: number
  /** By names and times. */
  times: number
}

export interface PairRisk {
  destinations: [string, string]
  /** People looked at, with events that both destinations get. */
  people: number
  /** One in so many people; fewer people are easier to tell apart. */
  sampled: number
  withoutRounding: Matched
  withRounding: Matched
  /** `times` by how many events a person has. */
  byEvents: { from: number; to: number | null; people: number; withoutRounding: number; withRounding: number }[]
  /** How the policy in force sends times to each. */
  granted: ['rounded' | 'exact' | 'none', 'rounded' | 'exact' | 'none']
}

const PEOPLE_MAX = 20_000
const EVENTS_MAX = 100
const PAIRS_MAX = 28

export async function matchPairs(destinations: readonly CompiledDestination[], bounds: Bounds, warehouse: Warehouse): Promise<PairRisk[]> {
  const pairs: PairRisk[] = []
  for (const [index, one] of destinations.entries()) {
    for (const other of destinations.slice(index + 1)) {
      if (pairs.length < PAIRS_MAX) pairs.push(await matchPair(one, other, bounds, warehouse))
    }
  }
  return pairs
}

async function matchPair(one: CompiledDestination, other: CompiledDestination, bounds: Bounds, warehouse: Warehouse): Promise<PairRisk> {
  const { people, sampled } = await readPeople(one, other, bounds, warehouse)
  return {
    destinations: [one.destination, other.destination],
    sampled,
    ...measureMatching(people, randomPhases),
    granted: [timesOf(one, bounds.now), timesOf(other, bounds.now)],
  }
}

function timesOf(destination: CompiledDestination, now: number): PairRisk['granted'][number] {
  if (!destination.activeAt(now).known.has('time')) return 'none'
  return destination.timeGranularityMs > 0 ? 'rounded' : 'exact'
}

/** What one person did, in order. Names as numbers. */
export interface Doings {
  names: Uint32Array
  times: Float64Array
}

async function readPeople(
  one: CompiledDestination,
  other: CompiledDestination,
  bounds: Bounds,
  warehouse: Warehouse,
): Promise<{ people: Doings[]; sampled: number }> {
  // Who is a user at the one and a device at the other is not looked for.
  const identifiers = identifiersOf(one.activeAt(bounds.now), other.activeAt(bounds.now))
  if (identifiers === undefined) return { people: [], sampled: 1 }
  const both = { ...one, events: new Set([...one.events].filter((name) => other.events.has(name))) }
  const scope = scopeOf(
    both,
    identifiers,
    bounds,
    "toUInt32(cityHash64(CAST(event, 'String'))) AS name, toFloat64(toUnixTimestamp64Milli(time)) AS at, seq, recordIndex, type",
  )
  const sql = `SELECT subject, name, at, seq, recordIndex FROM (${scope.sql}) WHERE type = 'event' AND subject IN (
      SELECT subject FROM disclosures WHERE destination = {other:String} AND day >= {arrival:Date})`
  const parameters = { ...scope.parameters, other: other.destination }
  const [counted] = await warehouse.query<{ people: string }>(
    `SELECT uniq(subject) AS people FROM (${sql})`,
    parameters,
    'analytics',
    bounds.signal,
  )
  const sampled = Math.max(1, Math.ceil(Number(counted?.people ?? 0) / PEOPLE_MAX))
  const rows = await warehouse.columns(
    `SELECT toFloat64(subject) AS subject, name, at FROM (${sql}) WHERE cityHash64(subject) % {sampled:UInt64} = 0
      ORDER BY subject, at, seq, recordIndex LIMIT {most:UInt64} BY subject`,
    { ...parameters, sampled, most: EVENTS_MAX },
    'analytics',
  )
  const people = new Map<number, { names: number[]; times: number[] }>()
  for (const { rows: count, columns } of rows) {
    const [subjects, names, times] = ['subject', 'name', 'at'].map((column) => columns.get(column) as ArrayLike<number>)
    for (let row = 0; row < count; row++) {
      const subject = subjects?.[row] as number
      const doings = people.get(subject) ?? { names: [], times: [] }
      doings.names.push(names?.[row] as number)
      doings.times.push(times?.[row] as number)
      people.set(subject, doings)
    }
  }
  const doings = [...people.values()].map(({ names, times }) => ({ names: Uint32Array.from(names), times: Float64Array.from(times) }))
  return { people: doings, sampled }
}

/** Two phases of a person, one for each destination; 0 ≤ phase < 2^32. */
export type Phases = (person: number) => readonly [number, number]

function randomPhases(): readonly [number, number] {
  const bytes = randomBytes(8)
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)]
}

export function measureMatching(
  people: readonly Doings[],
  phases: Phases,
): Pick<PairRisk, 'people' | 'withoutRounding' | 'withRounding' | 'byEvents'> {
  const exact = people.map(({ times }) => times)
  const drawn = people.map((_, person) => phases(person))
  const rounded = ([0, 1] as const).map((side) =>
    people.map(({ times }, person) =>
      times.map((time) => roundTime(time, (drawn[person] as readonly [number, number])[side], COARSE_TIME_MS)),
    ),
  ) as [Float64Array[], Float64Array[]]
  const order = uniqueBy(people.map(({ names }) => names.join(' ')))
  const plain = fits(people, [exact, exact], 0)
  const coarse = fits(people, rounded, COARSE_TIME_MS)
  return {
    people: people.length,
    withoutRounding: { sequence: share(order), daily: share(sameDays(people, [exact, exact])), times: share(plain) },
    withRounding: { sequence: share(order), daily: share(sameDays(people, rounded)), times: share(coarse) },
    byEvents: BUCKETS.map(([from, to]) => {
      const within = people.map(({ names }) => names.length >= from && names.length <= (to ?? Number.POSITIVE_INFINITY))
      const of = (matched: readonly boolean[]): number => share(matched.filter((_, person) => within[person]))
      return { from, to, people: within.filter(Boolean).length, withoutRounding: of(plain), withRounding: of(coarse) }
    }),
  }
}

const BUCKETS: readonly (readonly [number, number | null])[] = [
  [1, 1],
  [2, 4],
  [5, 19],
  [20, null],
]

function share(matched: readonly boolean[]): number {
  return matched.length === 0 ? 0 : Math.round((matched.filter(Boolean).length / matched.length) * 1e4) / 1e4
}

function uniqueBy(signatures: readonly string[]): boolean[] {
  const counts = new Map<string, number>()
  for (const signature of signatures) counts.set(signature, (counts.get(signature) ?? 0) + 1)
  return signatures.map((signature) => counts.get(signature) === 1)
}

/** Matched when the day counts of the one side are found at the other once, and there for the same person. */
function sameDays(people: readonly Doings[], [mine, theirs]: readonly [readonly Float64Array[], readonly Float64Array[]]): boolean[] {
  const signature = (times: readonly Float64Array[], person: number): string =>
    Array.from(people[person]?.names ?? [], (name, index) => `${dayOf(times[person]?.[index] ?? 0)}:${name}`)
      .sort()
      .join(' ')
  const there = new Map<string, number[]>()
  for (const person of people.keys()) {
    const text = signature(theirs, person)
    there.set(text, [...(there.get(text) ?? []), person])
  }
  return people.map((_, person) => {
    const found = there.get(signature(mine, person)) ?? []
    return found.length === 1 && found[0] === person
  })
}

/** Matched when one person alone has the same names in the same order, each time less than `withinMs` away (0: equal). */
function fits(
  people: readonly Doings[],
  [mine, theirs]: readonly [readonly Float64Array[], readonly Float64Array[]],
  withinMs: number,
): boolean[] {
  const byNames = Map.groupBy(people.keys(), (person) => (people[person] as Doings).names.join(' '))
  const matched = new Array<boolean>(people.length).fill(false)
  const first = (times: readonly Float64Array[], person: number): number => times[person]?.[0] ?? 0
  for (const group of byNames.values()) {
    const sorted = group.toSorted((a, b) => first(theirs, a) - first(theirs, b))
    for (const person of group) {
      let count = 0
      for (
        let at = lowerBound(sorted, first(mine, person) - withinMs, (other) => first(theirs, other));
        at < sorted.length && count < 2;
        at++
      ) {
        const other = sorted[at] as number
        if (first(theirs, other) > first(mine, person) + withinMs) break
        if (isClose(mine[person] as Float64Array, theirs[other] as Float64Array, withinMs)) count++
      }
      matched[person] = count === 1
    }
  }
  return matched
}

function isClose(one: Float64Array, other: Float64Array, withinMs: number): boolean {
  return one.every((time, index) => {
    const apart = Math.abs(time - (other[index] as number))
    return withinMs === 0 ? apart === 0 : apart < withinMs
  })
}

function lowerBound(sorted: readonly number[], least: number, of: (person: number) => number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (of(sorted[middle] as number) < least) low = middle + 1
    else high = middle
  }
  return low
}

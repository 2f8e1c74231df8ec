/**
 * Who is in scope and what was sent about them, counted over sets: the engine gives the users of each shape and surface, by state,
 * as bitmaps. What is united and cut here is exact whatever the order: users of people who were put together outside of the
 * engine are taken out, people whom a file does not keep are taken out, and these people are added.
 */
import { assert } from '#base/errors.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { Bitmap } from '#warehouse/bitmap.ts'
import type { ColumnBlock } from '#warehouse/native.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { PersonSet } from './person-set.ts'
import { type Question, type Scope, SMALL_ORDINALS, sentQuestion, type Tally, usersQuestion } from './rows.ts'
import type { Gathered } from './scan.ts'
import type { PairKey, Shapes } from './shapes.ts'

export interface Count {
  subjects: number
  /** Of these, whom at least one row that the vendor answered to is about. */
  delivered: number
}

export interface Counts extends Count {
  /** Everybody in scope, by their number. */
  people: PersonSet
  ofPair: Map<PairKey, Count>
  ofSurface: Map<string, Count>
  /** Users that have rows, before any are put together. */
  users: PersonSet
  /** Those of them who are people of their own, as far as a file keeps them. */
  single: PersonSet
  shapes: string[]
  groups: Ordinal[]
  policies: number[]
}

/** Rows about users of one shape and surface. */
interface Sent {
  shape: string
  surface: string
  /** Users with a row that arrived, and with one of which nobody knows. */
  arrived: Bitmap
  perhaps: Bitmap
}

export function askRows<Row>({ sql, parameters }: Question, warehouse: Warehouse): Promise<Row[]> {
  return warehouse.query<Row>(sql, parameters, 'badday')
}

/** Ordinals beyond 32 bits are rare enough to be asked for again in 64. */
async function askSets(questionOf: (bits: 32 | 64) => Question, warehouse: Warehouse): Promise<ColumnBlock[]> {
  const ask = ({ sql, parameters }: Question): Promise<ColumnBlock[]> => warehouse.columns(sql, parameters, 'badday')
  const blocks = await ask(questionOf(32))
  const isSmall = blocks.every(({ columns }) => columns.get('highest')?.every((highest) => highest < SMALL_ORDINALS) === true)
  return isSmall ? blocks : ask(questionOf(64))
}

export async function countPeople(scope: Scope, gathered: Gathered, shapes: Shapes, warehouse: Warehouse): Promise<Counts> {
  const sent: Sent[] = []
  const groups = new Set<Ordinal>()
  const policies: number[] = []
  for (const block of await askSets((bits) => sentQuestion(scope, bits), warehouse)) {
    for (let row = 0; row < block.rows; row++) {
      const [shape, surface] = [block.texts.get('shapeText')?.[row], block.texts.get('surfaceText')?.[row]]
      const [arrived, perhaps] = [block.bitmaps.get('arrived')?.[row], block.bitmaps.get('perhaps')?.[row]]
      assert(shape !== undefined && surface !== undefined, 'the engine gives what it was asked for')
      assert(arrived !== undefined && perhaps !== undefined, 'the engine gives what it was asked for')
      sent.push({ shape, surface, arrived, perhaps })
      for (const group of block.lists.get('named')?.[row] ?? []) groups.add(group)
      for (const name of ['policyFirst', 'policyLast']) policies.push(block.columns.get(name)?.[row] as number)
    }
  }
  const users = setOf(sent.flatMap(({ arrived, perhaps }) => [arrived, perhaps]))
  const single = singleUsers(users, scope, gathered)
  const people = new PersonSet()
  people.addAll(single)
  const counts: Counts = {
    ...countIn(single, sent),
    people,
    ofPair: countPairs(single, sent, shapes),
    ofSurface: new Map([...Map.groupBy(sent, ({ surface }) => surface)].map(([surface, own]) => [surface, countIn(single, own)])),
    users,
    single,
    shapes: [...new Set(sent.map(({ shape }) => shape))].sort(),
    groups: [...groups],
    policies,
  }
  for (const [person, tally] of gathered.people) {
    people.add(person)
    addTally(counts, tally, shapes)
  }
  for (const key of shapes.union(gathered.aside.shapes)) addTo(counts.ofPair, key, { subjects: 0, delivered: 0 })
  for (const surface of gathered.aside.surfaces) addTo(counts.ofSurface, surface, { subjects: 0, delivered: 0 })
  return counts
}

/** Fields of users who are counted elsewhere or not at all stay, with nobody: that they were sent is not undone by it. */
function countPairs(single: PersonSet, sent: readonly Sent[], shapes: Shapes): Map<PairKey, Count> {
  const having = new Map<PairKey, Sent[]>()
  for (const own of sent) {
    for (const key of shapes.pairsOf(own.shape)) {
      const rows = having.get(key)
      if (rows === undefined) having.set(key, [own])
      else rows.push(own)
    }
  }
  // Many pairs stand in the same shapes.
  const known = new Map<string, Count>()
  const counts = new Map<PairKey, Count>()
  for (const [key, rows] of having) {
    const text = rows.map((own) => sent.indexOf(own)).join()
    const count = known.get(text) ?? countIn(single, rows)
    known.set(text, count)
    counts.set(key, { ...count })
  }
  return counts
}

function countIn(single: PersonSet, sent: readonly Sent[]): Count {
  const set = setOf(sent.map(({ arrived }) => arrived))
  const delivered = set.countWith(single)
  set.addBitmaps(sent.map(({ perhaps }) => perhaps))
  return { subjects: set.countWith(single), delivered }
}

function setOf(bitmaps: Iterable<Bitmap>): PersonSet {
  const set = new PersonSet()
  set.addBitmaps(bitmaps)
  return set
}

/** Users who are people of their own, as far as a file keeps them. */
function singleUsers(users: PersonSet, scope: Scope, gathered: Gathered): PersonSet {
  const single = new PersonSet()
  single.addAll(users)
  for (const user of gathered.users) single.remove(user)
  if (scope.kept !== undefined) single.keepOnly(scope.kept)
  return single
}

function addTally(counts: Counts, tally: Tally, shapes: Shapes): void {
  counts.subjects += 1
  if (tally.delivered.size > 0) counts.delivered += 1
  const [arrived, all] = [shapes.union(tally.delivered), shapes.union([...tally.delivered, ...tally.possible])]
  for (const key of all) addTo(counts.ofPair, key, { subjects: 1, delivered: arrived.has(key) ? 1 : 0 })
  for (const surface of new Set([...tally.deliveredAt, ...tally.possibleAt])) {
    addTo(counts.ofSurface, surface, { subjects: 1, delivered: tally.deliveredAt.has(surface) ? 1 : 0 })
  }
}

function addTo<Key>(counts: Map<Key, Count>, key: Key, more: Count): void {
  const known = counts.get(key)
  if (known === undefined) counts.set(key, { ...more })
  else {
    known.subjects += more.subjects
    known.delivered += more.delivered
  }
}

/** Everybody in scope, by their number. */
export async function peopleInScope(scope: Scope, gathered: Gathered, warehouse: Warehouse): Promise<PersonSet> {
  const blocks = await askSets((bits) => usersQuestion(scope, bits), warehouse)
  const found = singleUsers(setOf(blocks.flatMap(({ bitmaps }) => bitmaps.get('users') ?? [])), scope, gathered)
  for (const person of gathered.people.keys()) found.add(person)
  return found
}

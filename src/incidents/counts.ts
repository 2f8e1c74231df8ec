/** What the engine counted, less the users that belong to people who were put together outside of it, plus these people. */
import type { Ordinal } from '#model/log-entry.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { eachSent } from './kept-count.ts'
import { PersonSet } from './person-set.ts'
import { type PairRow, pairsQuestion, type Question, type Scope, SURFACE_MARK, type Tally, usersInScope } from './rows.ts'
import type { Gathered } from './scan.ts'
import type { PairKey, Shapes } from './shapes.ts'

export interface Count {
  subjects: number
  /** Of these, whom at least one row that the vendor answered to is about. */
  delivered: number
}

export interface Counts extends Count {
  ofPair: Map<PairKey, Count>
  ofSurface: Map<string, Count>
  /** Users that have rows, before any are put together. */
  users: number
  shapes: string[]
  groups: Ordinal[]
  policies: number[]
}

export function askRows<Row>({ sql, parameters }: Question, warehouse: Warehouse): Promise<Row[]> {
  return warehouse.query<Row>(sql, parameters, 'badday')
}

export async function countPeople(scope: Scope, gathered: Gathered, shapes: Shapes, warehouse: Warehouse): Promise<Counts> {
  const rows = await askRows<PairRow>(pairsQuestion(scope), warehouse)
  const all = rows.find((row) => row.pair === '')
  const counts: Counts = {
    subjects: Number(all?.subjects ?? 0),
    delivered: Number(all?.delivered ?? 0),
    ofPair: new Map(),
    ofSurface: new Map(),
    users: Number(all?.subjects ?? 0),
    shapes: [...(all?.shapeTexts ?? [])].sort(),
    groups: (all?.groupOrdinals ?? []).map(Number),
    policies: all === undefined ? [] : [Number(all.policyFirst), Number(all.policyLast)],
  }
  for (const { pair, subjects, delivered } of rows) {
    const found = { subjects: Number(subjects), delivered: Number(delivered) }
    if (pair.startsWith(SURFACE_MARK)) addTo(counts.ofSurface, pair.slice(SURFACE_MARK.length), found)
    // A pair's text is a shape of one pair.
    else if (pair !== '') for (const key of shapes.pairsOf(pair)) addTo(counts.ofPair, key, found)
  }
  if (scope.kept === undefined) for (const row of gathered.counted) addTally(counts, row, shapes, -1)
  else await countKept(counts, scope, gathered, shapes, warehouse)
  for (const tally of gathered.people.values()) addTally(counts, tally, shapes, 1)
  for (const key of shapes.union(gathered.aside.shapes)) addTo(counts.ofPair, key, { subjects: 0, delivered: 0 })
  for (const surface of gathered.aside.surfaces) addTo(counts.ofSurface, surface, { subjects: 0, delivered: 0 })
  return counts
}

/** Fields and surfaces of whom a file took out stay, with nobody: that they were sent is not undone by it. */
async function countKept(counts: Counts, scope: Scope, gathered: Gathered, shapes: Shapes, warehouse: Warehouse): Promise<void> {
  for (const all of [counts.ofPair, counts.ofSurface]) for (const count of all.values()) Object.assign(count, { subjects: 0, delivered: 0 })
  Object.assign(counts, { subjects: 0, delivered: 0 })
  const isCounted = (user: Ordinal): boolean => scope.kept?.has(user) === true && !gathered.users.has(user)
  const given = { scope, shapes: counts.shapes, surfaces: [...counts.ofSurface.keys()], users: counts.users, isCounted }
  const namesOf = (sent: ReadonlyMap<string, boolean>, isWanted: boolean): Set<string> =>
    new Set([...sent].filter(([, hasArrived]) => hasArrived === isWanted).map(([name]) => name))
  await eachSent(
    given,
    ({ shapes: texts, surfaces }, users) => {
      const byState = { delivered: namesOf(texts, true), possible: namesOf(texts, false) }
      addTally(counts, { ...byState, deliveredAt: namesOf(surfaces, true), possibleAt: namesOf(surfaces, false) }, shapes, users)
    },
    warehouse,
  )
}

function addTally(
  counts: Counts,
  tally: Pick<Tally, 'delivered' | 'possible' | 'deliveredAt' | 'possibleAt'>,
  shapes: Shapes,
  by: number,
): void {
  counts.subjects += by
  if (tally.delivered.size > 0) counts.delivered += by
  const [arrived, all] = [shapes.union(tally.delivered), shapes.union([...tally.delivered, ...tally.possible])]
  for (const key of all) addTo(counts.ofPair, key, { subjects: by, delivered: arrived.has(key) ? by : 0 })
  for (const surface of new Set([...tally.deliveredAt, ...tally.possibleAt])) {
    addTo(counts.ofSurface, surface, { subjects: by, delivered: tally.deliveredAt.has(surface) ? by : 0 })
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
  const found = new PersonSet()
  const { sql, parameters } = usersInScope(scope, 'subject')
  const blocks = await warehouse.columns(`SELECT toFloat64(subject) AS user FROM (${sql}) GROUP BY subject`, parameters, 'badday')
  for (const { rows, columns } of blocks) {
    const users = columns.get('user')
    for (let row = 0; row < rows; row++) {
      const user = users?.[row] as number
      if (!gathered.users.has(user) && scope.kept?.has(user) !== false) found.add(user)
    }
  }
  for (const person of gathered.people.keys()) found.add(person)
  return found
}

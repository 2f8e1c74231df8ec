/**
 * Sets apart what the engine cannot count by itself. Most people have one identifier and rows of no other kind, so a user of
 * the warehouse is a person. People whose rows come from several places (merged identifiers, devices, open intents) are put
 * together here, and devices and groups that are about nobody in particular are set aside.
 *
 * The bad-day session answers one question at a time, so every question is asked to its end before the next begins.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { People } from './people.ts'
import {
  addTally,
  decodeRow,
  deviceSpansQuestion,
  type EngineRow,
  isInScope,
  type OtherRows,
  otherRowsQuestion,
  type Question,
  rowOfOpen,
  type Scope,
  type SubjectRow,
  subjectsQuestion,
  type Tally,
} from './rows.ts'

const SUBJECTS_A_QUESTION = 20_000

/** Rows that are about nobody in particular. */
export interface Aside {
  /** Devices with at least one row that belongs to no single person. */
  ambiguousDevices: Set<Ordinal>
  /** Groups that are themselves the subject of a row or were named beside a device or a gathered person. */
  groups: Set<Ordinal>
  /** Shapes and surfaces of rows about ambiguous devices, groups and people whom a file took out. */
  shapes: Set<string>
  surfaces: Set<string>
}

export interface Gathered {
  /** People put together from several places, by person. */
  people: Map<Ordinal, Tally>
  /** Users that must not be taken for people of their own: all identifiers of those people. */
  users: Set<Ordinal>
  aside: Aside
  /** Policy versions of the rows that are not about users: the first and the last, or none. */
  policies: number[]
}

export async function gather(scope: Scope, people: People, warehouse: Warehouse): Promise<Gathered> {
  const held = new Map<Ordinal, Tally>()
  const aside: Aside = { ambiguousDevices: new Set(), groups: new Set(), shapes: new Set(), surfaces: new Set() }
  const hold = (person: Ordinal, row: Tally): void => {
    // Whom a file took out takes no group and no field along.
    if (scope.kept?.has(person) === false) return addShapes(row, aside)
    const tally = held.get(person)
    if (tally === undefined) held.set(person, copyTally(row))
    else addTally(tally, row)
  }
  const counting = otherRowsQuestion(scope)
  const [others] = await warehouse.query<OtherRows>(counting.sql, counting.parameters, 'badday')
  // Where there are none, two questions are spared.
  const hasOthers = Number(others?.rows ?? 0) > 0
  if (hasOthers) await placeDevices(scope, people, warehouse, aside, hold)
  for (const open of scope.snapshot.open) {
    if (!isInScope(open, scope)) continue
    const row = rowOfOpen(open)
    if (row.kind === 'user') hold(people.personOf(row.subject), row)
    else if (row.kind === 'group') setAside(row, aside)
    else placeDevice(row, people, aside, hold)
  }
  if (hasOthers) for await (const row of ask(warehouse, subjectsQuestion(scope, 'group'), 'group')) setAside(row, aside)
  const users = new Set(people.mergedUsers())
  for (const person of held.keys()) for (const user of people.identifiersOf(person)) users.add(user)
  for (const some of slicesOf([...users])) {
    for await (const row of ask(warehouse, subjectsQuestion(scope, 'user', some), 'user')) hold(people.personOf(row.subject), row)
  }
  for (const tally of held.values()) for (const group of tally.groups) aside.groups.add(group)
  return { people: held, users, aside, policies: hasOthers ? [Number(others?.policyFirst), Number(others?.policyLast)] : [] }
}

async function* ask(warehouse: Warehouse, question: Question, kind: SubjectRow['kind']): AsyncGenerator<SubjectRow, void> {
  for await (const row of warehouse.stream<EngineRow>(question.sql, question.parameters, 'badday')) yield decodeRow(row, kind)
}

function* slicesOf(subjects: readonly Ordinal[]): Generator<readonly Ordinal[], void> {
  for (let start = 0; start < subjects.length; start += SUBJECTS_A_QUESTION) yield subjects.slice(start, start + SUBJECTS_A_QUESTION)
}

/**
 * Most devices lie wholly inside or outside of every interval and are decided by their aggregate; only the others are
 * asked for span by span.
 */
async function placeDevices(
  scope: Scope,
  people: People,
  warehouse: Warehouse,
  aside: Aside,
  hold: (person: Ordinal, row: Tally) => void,
): Promise<void> {
  const mixed: Ordinal[] = []
  for await (const row of ask(warehouse, subjectsQuestion(scope, 'device'), 'device')) {
    if (people.deviceOwner(row.subject, row.first, row.last) === 'mixed') mixed.push(row.subject)
    else placeDevice(row, people, aside, hold)
  }
  for (const some of slicesOf(mixed)) {
    for await (const row of ask(warehouse, deviceSpansQuestion(scope, some), 'device')) placeDevice(row, people, aside, hold)
  }
}

/** A row that straddles the end of an interval is about nobody in particular. */
function placeDevice(row: SubjectRow, people: People, aside: Aside, hold: (person: Ordinal, row: Tally) => void): void {
  const owner = people.deviceOwner(row.subject, row.first, row.last)
  if (typeof owner === 'number') return hold(owner, row)
  aside.ambiguousDevices.add(row.subject)
  addShapes(row, aside)
}

function setAside(row: SubjectRow, aside: Aside): void {
  aside.groups.add(row.subject)
  addShapes(row, aside)
}

function addShapes(row: Tally, aside: Aside): void {
  for (const shape of row.delivered) aside.shapes.add(shape)
  for (const shape of row.possible) aside.shapes.add(shape)
  for (const group of row.groups) aside.groups.add(group)
  for (const surface of [...row.deliveredAt, ...row.possibleAt]) aside.surfaces.add(surface)
}

function copyTally(tally: Tally): Tally {
  return {
    ...tally,
    delivered: new Set(tally.delivered),
    possible: new Set(tally.possible),
    groups: new Set(tally.groups),
    deliveredAt: new Set(tally.deliveredAt),
    possibleAt: new Set(tally.possibleAt),
  }
}

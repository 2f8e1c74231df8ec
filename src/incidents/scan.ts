/**
 * Walks a scope person by person. People with one identifier and no other rows pass straight through; only those whose
 * rows come from several places (merged identifiers, devices, open intents) are held until the end.
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
  rowOfOpen,
  type Scope,
  type SubjectRow,
  subjectsQuestion,
  type Tally,
} from './rows.ts'

const DEVICES_A_QUESTION = 10_000

export interface PersonTally {
  person: Ordinal
  tally: Tally
}

/** Rows that are about nobody in particular, filled while the people are walked; complete after the last one. */
export interface Aside {
  /** Devices with at least one row that belongs to no single person. */
  ambiguousDevices: Set<Ordinal>
  /** Groups that are themselves the subject of a row or were named beside one. */
  groups: Set<Ordinal>
  /** Shapes of rows about ambiguous devices and groups. */
  shapes: Set<string>
}

export function emptyAside(): Aside {
  return { ambiguousDevices: new Set(), groups: new Set(), shapes: new Set() }
}

export async function* scanPeople(scope: Scope, people: People, warehouse: Warehouse, aside: Aside): AsyncGenerator<PersonTally, void> {
  const held = new Map<Ordinal, Tally>()
  const hold = (person: Ordinal, row: Tally): void => {
    const tally = held.get(person)
    if (tally === undefined) held.set(person, row)
    else addTally(tally, row)
  }
  await placeDevices(scope, people, warehouse, aside, hold)
  for (const open of scope.snapshot.open) {
    if (!isInScope(open, scope)) continue
    const row = rowOfOpen(open)
    if (row.kind === 'user') hold(people.personOf(row.subject), row)
    else if (row.kind === 'group') setAside(row, aside)
    else placeDevice(row, people, aside, hold)
  }
  for await (const row of ask(scope, warehouse, 'group')) setAside(row, aside)
  for await (const row of ask(scope, warehouse, 'user')) {
    const person = people.personOf(row.subject)
    if (held.has(person) || people.identifiersOf(person).length > 1) {
      hold(person, row)
      continue
    }
    for (const group of row.groups) aside.groups.add(group)
    yield { person, tally: row }
  }
  for (const [person, tally] of held) {
    for (const group of tally.groups) aside.groups.add(group)
    yield { person, tally }
  }
}

async function* ask(scope: Scope, warehouse: Warehouse, kind: SubjectRow['kind']): AsyncGenerator<SubjectRow, void> {
  const { sql, parameters } = subjectsQuestion(scope, kind)
  for await (const row of warehouse.stream<EngineRow>(sql, parameters, 'badday')) yield decodeRow(row, kind)
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
  for await (const row of ask(scope, warehouse, 'device')) {
    if (people.deviceOwner(row.subject, row.first, row.last) === 'mixed') mixed.push(row.subject)
    else placeDevice(row, people, aside, hold)
  }
  for (let start = 0; start < mixed.length; start += DEVICES_A_QUESTION) {
    const { sql, parameters } = deviceSpansQuestion(scope, mixed.slice(start, start + DEVICES_A_QUESTION))
    for await (const row of warehouse.stream<EngineRow>(sql, parameters, 'badday')) {
      placeDevice(decodeRow(row, 'device'), people, aside, hold)
    }
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

function addShapes(row: SubjectRow, aside: Aside): void {
  for (const shape of row.delivered) aside.shapes.add(shape)
  for (const shape of row.possible) aside.shapes.add(shape)
  for (const group of row.groups) aside.groups.add(group)
}

/**
 * The part of a scope that a vendor held before anything went to it through us. It is counted apart: nothing of it stands in the
 * ledger, and it is worth as much as the word of whoever said it.
 */
import type { BaselinePeople, RecordedBaseline } from '#model/baseline.ts'
import { type Baseline, NO_BASELINE } from '#model/baseline.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { shapeText } from '#policy/shape.ts'
import type { People } from './people.ts'
import { PersonSet } from './person-set.ts'
import type { Scope } from './rows.ts'
import type { FieldForm, PairKey, Shapes } from './shapes.ts'

export interface BaselineReader {
  /** What was said of the vendor, the newest last. */
  baselines(vendor: string): RecordedBaseline[]
  baselinePeople(id: number): Iterable<BaselinePeople>
}

export interface BaselineSummary {
  kind: 'declared' | 'imported'
  saidAt: string
  saidBy: string
  /** False: what is known of its time or its surfaces lies outside of the question, and nothing of it counts. */
  inScope: boolean
  /** People of an import who are known here and lie in the data window; null: declared, nobody is named. */
  subjects: number | null
  /** Of these, the people about whom nothing was sent through us in this scope. */
  onlyBaseline: number | null
  /** How many people whoever declared it spoke of; null: nobody said. */
  declaredPeople: number | null
  fields: (FieldForm & { subjects: number | null })[]
  /** Devices of an import that belong to no single person. */
  ambiguousDevices: number
  surfaces: string[]
  from: string | null
  to: string | null
  /** Of an import: rows of nobody who is known here, rows that could not be read, and whether it was all that there was. */
  unmatchedRows: number
  brokenRows: number
  complete: boolean
}

export interface BaselineTally {
  /** Number of its shape among the import's, each a bit more. */
  shapes: Set<number>
  /** UTC ms; undefined = nobody knows. */
  first: number | undefined
  last: number | undefined
}

interface Held {
  baseline: Baseline
  parts: readonly BaselinePeople[]
  scope: Scope
}

export interface BaselineScope {
  summary: BaselineSummary | null
  people: PersonSet
  /** Of each of these people. */
  tallyOf(person: Ordinal): BaselineTally | undefined
  /** Texts of shapes by the numbers in a tally. */
  shapes: readonly string[]
}

/** As of now; what is imported meanwhile belongs to the next question. */
export function gatherBaseline(scope: Scope, records: BaselineReader): Held {
  const newest = records.baselines(scope.vendor).at(-1)
  if (newest === undefined) return { baseline: { ...NO_BASELINE, vendor: scope.vendor }, parts: [], scope }
  return { baseline: newest, parts: newest.kind === 'imported' ? [...records.baselinePeople(newest.id)] : [], scope }
}

export function summarizeBaseline(held: Held, given: { people: People; sent: PersonSet; shapes: Shapes }): BaselineScope {
  const { baseline, scope } = held
  const nobody: BaselineScope = { summary: null, people: new PersonSet(), tallyOf: () => undefined, shapes: [] }
  if (baseline.kind === 'unknown' || baseline.kind === 'none') return nobody
  const inScope = overlaps(baseline, scope)
  const isImported = baseline.kind === 'imported'
  const found = isImported && inScope ? placePeople(held, given.people) : undefined
  const persons = new PersonSet()
  for (const person of found?.tallies.keys() ?? []) persons.add(person)
  let onlyBaseline = 0
  for (const person of found?.tallies.keys() ?? []) if (!given.sent.has(person)) onlyBaseline += 1
  const shapes = baseline.shapes ?? []
  return {
    people: persons,
    shapes,
    tallyOf: (person) => found?.tallies.get(person),
    summary: {
      kind: baseline.kind,
      saidAt: new Date(baseline.at).toISOString(),
      saidBy: baseline.saidBy,
      inScope,
      subjects: isImported ? persons.size : null,
      onlyBaseline: isImported ? onlyBaseline : null,
      declaredPeople: isImported ? null : baseline.people,
      fields: inScope ? countFields(baseline, found?.tallies, given.shapes) : [],
      ambiguousDevices: found?.ambiguousDevices.size ?? 0,
      surfaces: baseline.surfaces,
      from: iso(baseline.from),
      to: iso(baseline.to),
      unmatchedRows: baseline.import?.unmatchedRows ?? 0,
      brokenRows: baseline.import?.brokenRows ?? 0,
      complete: baseline.import?.complete ?? false,
    },
  }
}

function iso(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString()
}

/** What nobody said rules nothing out. */
function overlaps({ surfaces, from, to }: Baseline, scope: Scope): boolean {
  const asked = scope.surfaces
  if (asked !== undefined && surfaces.length > 0 && !surfaces.some((surface) => asked.includes(surface))) return false
  return (from ?? -Infinity) <= (scope.windows.to ?? Infinity) && (to ?? Infinity) >= (scope.windows.from ?? -Infinity)
}

function placePeople({ parts, scope }: Held, people: People): { tallies: Map<Ordinal, BaselineTally>; ambiguousDevices: Set<Ordinal> } {
  const tallies = new Map<Ordinal, BaselineTally>()
  const ambiguousDevices = new Set<Ordinal>()
  const { from = -Infinity, to = Infinity } = scope.windows
  for (const { subjects, devices, shapes, firsts, lasts } of parts) {
    for (let at = 0; at < subjects.length; at++) {
      const subject = subjects[at] as number
      const isTimed = firsts[at] !== 0
      const first = isTimed ? (firsts[at] as number) * 1000 : undefined
      const last = isTimed ? (lasts[at] as number) * 1000 + 999 : undefined
      if (first !== undefined && last !== undefined && (last < from || first > to)) continue
      let owner: Ordinal | 'nobody' | 'mixed' = 'mixed'
      if (devices[at] === 0) owner = people.personOf(subject)
      else if (first !== undefined && last !== undefined) owner = people.deviceOwner(subject, first, last)
      if (typeof owner !== 'number') {
        ambiguousDevices.add(subject)
        continue
      }
      const known = tallies.get(owner)
      if (known === undefined) tallies.set(owner, { shapes: new Set([shapes[at] as number]), first, last })
      else {
        known.shapes.add(shapes[at] as number)
        known.first = first === undefined ? known.first : Math.min(first, known.first ?? first)
        known.last = last === undefined ? known.last : Math.max(last, known.last ?? last)
      }
    }
  }
  return { tallies, ambiguousDevices }
}

function countFields(
  baseline: Baseline,
  tallies: ReadonlyMap<Ordinal, BaselineTally> | undefined,
  shapes: Shapes,
): BaselineSummary['fields'] {
  const texts = baseline.shapes ?? []
  const counts = new Map<PairKey, number>()
  // Groups of shapes are few, people are many.
  const byShapes = new Map<string, { people: number; numbers: readonly number[] }>()
  for (const tally of tallies?.values() ?? []) {
    const numbers = [...tally.shapes]
    const name = numbers.length === 1 ? String(numbers[0]) : numbers.sort((a, b) => a - b).join()
    const known = byShapes.get(name)
    if (known === undefined) byShapes.set(name, { people: 1, numbers })
    else known.people += 1
  }
  for (const { people, numbers } of byShapes.values()) {
    for (const key of shapes.union(numbers.map((number) => texts[number] ?? ''))) counts.set(key, (counts.get(key) ?? 0) + people)
  }
  const all = shapes.union([...texts, shapeText(baseline.fields)])
  return shapes.sorted(all).map((key) => ({ ...shapes.pair(key), subjects: tallies === undefined ? null : (counts.get(key) ?? 0) }))
}

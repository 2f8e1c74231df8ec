/**
 * Who in a scope is to be told what: people by what was sent about each of them, through us or before us. Devices of nobody in
 * particular are in no exposure. There are few exposures and many people.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { BaselineScope } from './baseline-scope.ts'
import type { People } from './people.ts'
import { personColumns } from './person-columns.ts'
import type { ListScope } from './person-list.ts'
import type { FieldForm } from './shapes.ts'

export interface Exposure {
  /** Sorted, without doubles. */
  sent: readonly FieldForm[]
  /** Nobody knows whether any of it arrived. */
  possibleOnly: boolean
}

export interface Exposed {
  exposures: readonly Exposure[]
  /** Number of the exposure of each person. */
  of: ReadonlyMap<Ordinal, number>
  organisations: ReadonlyMap<Ordinal, { members: readonly Ordinal[]; administrators: readonly Ordinal[] }>
  people: People
}

export async function exposedIn(
  given: ListScope & { members: ReadonlyMap<Ordinal, readonly Ordinal[]> },
  ports: { warehouse: Warehouse },
): Promise<Exposed> {
  const { gathered, people, before, scope, shapesInScope } = given
  const kinds = new Kinds(given)
  const of = new Map<Ordinal, number>()
  const scopeOf = { scope, shapes: shapesInScope, users: given.users, hasGroups: given.hasGroups }
  for await (const { rows, user, delivered, possible } of personColumns(scopeOf, ports.warehouse)) {
    for (let row = 0; row < rows; row++) {
      const person = user[row] as number
      if (gathered.users.has(person) || scope.kept?.has(person) === false) continue
      const bits = delivered.map((mask, index) => ((mask[row] as number) | ((possible[index]?.[row] as number) ?? 0)) >>> 0)
      const hasArrived = delivered.some((mask) => mask[row] !== 0)
      of.set(person, kinds.ofBits(bits, hasArrived, person))
    }
  }
  for (const [person, tally] of gathered.people) {
    of.set(person, kinds.ofTexts([...tally.delivered, ...tally.possible], tally.delivered.size > 0, person))
  }
  for (const person of before.people.values()) if (!of.has(person)) of.set(person, kinds.ofTexts([], true, person))
  const organisations = new Map(
    [...given.organisations].map(([group, { administrators }]) => [group, { administrators, members: given.members.get(group) ?? [] }]),
  )
  return { exposures: kinds.list, of, organisations, people }
}

class Kinds {
  readonly list: Exposure[] = []
  readonly #given: ListScope
  readonly #before: BaselineScope
  readonly #numbers = new Map<string, number>()
  readonly #ofBits = new Map<string, number>()

  constructor(given: ListScope) {
    this.#given = given
    this.#before = given.before
  }

  /** Most people are in no baseline, and of those the bits say all. */
  ofBits(bits: readonly number[], hasArrived: boolean, person: Ordinal): number {
    const texts = (): string[] =>
      this.#given.shapesInScope.filter((_, index) => (((bits[index >>> 5] as number) >>> (index & 31)) & 1) === 1)
    if (this.#before.people.has(person)) return this.ofTexts(texts(), hasArrived, person)
    const key = `${hasArrived} ${bits.length === 1 ? bits[0] : bits.join()}`
    let number = this.#ofBits.get(key)
    if (number === undefined) {
      number = this.ofTexts(texts(), hasArrived, person)
      this.#ofBits.set(key, number)
    }
    return number
  }

  ofTexts(texts: readonly string[], hasArrived: boolean, person: Ordinal): number {
    const held = this.#before.tallyOf(person)
    const earlier = [...(held?.shapes ?? [])].map((index) => this.#before.shapes[index] ?? '')
    const { shapes } = this.#given
    const pairs = shapes.sorted(shapes.union([...texts, ...earlier]))
    const possibleOnly = !hasArrived && held === undefined
    const key = `${possibleOnly} ${pairs.join()}`
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.list.push({ sent: pairs.map((pair) => shapes.pair(pair)), possibleOnly }) - 1
      this.#numbers.set(key, number)
    }
    return number
  }
}

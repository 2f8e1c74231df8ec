/**
 * The people of a scope as lines: users as the engine counts them, then the people who were put together from several places,
 * last those of the vendor's baseline.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { Look, StaffVault } from '#vault/port.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { BaselineScope } from './baseline-scope.ts'
import type { Organisation } from './groups.ts'
import type { People } from './people.ts'
import { type PersonColumns, personColumns } from './person-columns.ts'
import { GroupTexts, LineWriter, type NamedGroup, type PersonLine } from './person-lines.ts'
import type { PersonSet } from './person-set.ts'
import type { Scope, Tally } from './rows.ts'
import type { Gathered } from './scan.ts'
import type { Shapes } from './shapes.ts'

/** People whose identities are asked for in one call of the vault, and whose pseudonyms are. */
const IDENTITIES_A_CALL = 1000
const PSEUDONYMS_A_CALL = 20_000

export interface ListScope {
  scope: Scope
  people: People
  gathered: Gathered
  shapes: Shapes
  /** Of the rows about users, sorted. */
  shapesInScope: readonly string[]
  users: number
  hasGroups: boolean
  before: BaselineScope
  organisations: ReadonlyMap<Ordinal, Organisation>
}

export interface ListOptions {
  look: Look
  identities: boolean
  /** People who are left out: those of an earlier scope, say. */
  without?: PersonSet
}

interface ListPorts {
  warehouse: Warehouse
  vault: Pick<StaffVault, 'staffPseudonyms' | 'identities'>
}

export async function* listPeople(given: ListScope, ports: ListPorts, options: ListOptions): AsyncGenerator<Buffer, void> {
  const { gathered, people, before } = given
  const isWanted = (person: Ordinal): boolean => !(options.without?.has(person) ?? false)
  const writer = new LineWriter()
  const texts = new GroupTexts(await nameGroups(given.organisations, ports.vault))
  const write = async function* (persons: readonly Ordinal[], lineOf: (index: number) => PersonLine): AsyncGenerator<Buffer, void> {
    // Pseudonyms are asked for all at once; identities in turn, since each opens what is sealed and the vault has others to serve.
    const step = options.identities ? IDENTITIES_A_CALL : PSEUDONYMS_A_CALL
    const steps = Array.from({ length: Math.ceil(persons.length / step) }, (_, index) => persons.slice(index * step, (index + 1) * step))
    const asked = steps.map((some) => ports.vault.staffPseudonyms(some.map((ordinal) => ({ kind: 'user', ordinal }))))
    const named = Promise.all(asked)
    named.catch(() => undefined)
    for (const [at, some] of steps.entries()) {
      const ids = options.identities ? some.map((person) => [...people.identifiersOf(person)]) : undefined
      const identities = ids === undefined ? undefined : await ports.vault.identities(ids, options.look)
      const subjects = (await asked[at]) ?? []
      for (const index of some.keys()) {
        const identity = identities?.[index]
        const more = identity === undefined ? '' : `,${JSON.stringify(identity).slice(1, -1)}`
        writer.write(lineOf(at * step + index), subjects[index] as string, more)
        const chunk = writer.take()
        if (chunk !== undefined) yield chunk
      }
    }
  }
  const fields = new FieldTexts(given)
  const columns = personColumns(
    { scope: given.scope, shapes: given.shapesInScope, users: given.users, hasGroups: given.hasGroups },
    ports.warehouse,
  )
  for await (const batch of columns) {
    const rows: number[] = []
    for (let row = 0; row < batch.rows; row++) {
      const user = batch.user[row] as number
      if (!gathered.users.has(user) && isWanted(user)) rows.push(row)
    }
    const persons = rows.map((row) => batch.user[row] as number)
    yield* write(persons, (index) => columnLine(batch, rows[index] as number, fields, texts))
  }
  const held = [...gathered.people].filter(([person]) => isWanted(person))
  yield* write(
    held.map(([person]) => person),
    (index) => tallyLine((held[index] as [Ordinal, Tally])[1], given.shapes, texts),
  )
  const earlier = [...before.people.values()].filter((person) => isWanted(person))
  yield* write(earlier, (index) => baselineLine(before, earlier[index] as number, given.shapes))
  const rest = writer.take(true)
  if (rest !== undefined) yield rest
}

function columnLine(batch: PersonColumns, row: number, fields: FieldTexts, groups: GroupTexts): PersonLine {
  const { delivered, possible, group, groupsOf } = batch
  const several = groupsOf.size === 0 ? undefined : groupsOf.get(batch.user[row] as number)
  return {
    groups: several === undefined ? groups.ofOne(group?.[row] ?? 0) : groups.ofAll(several),
    fields: fields.of(delivered, possible, row),
    first: batch.first[row] as number,
    last: batch.last[row] as number,
    sentFirst: batch.sentFirst[row] as number,
    sentLast: batch.sentLast[row] as number,
    events: batch.events[row] as number,
    state: delivered.some((mask) => mask[row] !== 0) ? 'delivered' : 'possible',
  }
}

function tallyLine(tally: Tally, shapes: Shapes, groups: GroupTexts): PersonLine {
  const { first, last, sentFirst, sentLast, events } = tally
  return {
    groups: groups.ofAll(tally.groups),
    fields: Buffer.from(JSON.stringify(shapes.fieldForms([...tally.delivered, ...tally.possible]))),
    first,
    last,
    sentFirst,
    sentLast,
    events,
    state: tally.delivered.size > 0 ? 'delivered' : 'possible',
  }
}

function baselineLine(before: BaselineScope, person: Ordinal, shapes: Shapes): PersonLine {
  const tally = before.tallyOf(person)
  const texts = [...(tally?.shapes ?? [])].map((number) => before.shapes[number] ?? '')
  return {
    groups: NO_GROUPS,
    fields: Buffer.from(JSON.stringify(shapes.fieldForms(texts))),
    first: tally?.first,
    last: tally?.last,
    sentFirst: undefined,
    sentLast: undefined,
    events: 0,
    state: 'baseline',
  }
}

const NO_GROUPS = Buffer.from('[]')

async function nameGroups(
  organisations: ReadonlyMap<Ordinal, Organisation>,
  vault: Pick<StaffVault, 'staffPseudonyms'>,
): Promise<Map<Ordinal, NamedGroup>> {
  const named = [...organisations].filter(([, own]) => own.named)
  const pseudonyms = named.length === 0 ? [] : await vault.staffPseudonyms(named.map(([ordinal]) => ({ kind: 'group', ordinal })))
  return new Map(named.map(([ordinal, { key }], index) => [ordinal, { key, group: pseudonyms[index] as string }]))
}

/** JSON text of the fields of a line by the bits of its shapes: a scope has few combinations. */
class FieldTexts {
  readonly #shapes: Shapes
  readonly #inScope: readonly string[]
  readonly #texts = new Map<number | string, Buffer>()

  constructor({ shapes, shapesInScope }: ListScope) {
    this.#shapes = shapes
    this.#inScope = shapesInScope
  }

  of(delivered: PersonColumns['delivered'], possible: PersonColumns['possible'], row: number): Buffer {
    const masks = delivered.map((mask, index) => ((mask[row] as number) | (possible[index]?.[row] as number)) >>> 0)
    const key = masks.length === 1 ? (masks[0] as number) : masks.join()
    let text = this.#texts.get(key)
    if (text === undefined) {
      const sent = this.#inScope.filter((_, index) => ((masks[index >>> 5] as number) >>> (index & 31)) & 1)
      text = Buffer.from(JSON.stringify(this.#shapes.fieldForms(sent)))
      this.#texts.set(key, text)
    }
    return text
  }
}

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

/** People whose identities are asked for in one call of the vault. */
const IDENTITIES_A_CALL = 1000
const LINES_A_TURN = 100_000

export interface ListScope {
  scope: Scope
  people: People
  gathered: Gathered
  shapes: Shapes
  /** Of the rows about users, sorted. */
  shapesInScope: readonly string[]
  users: PersonSet
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
  vault: Pick<StaffVault, 'staffPseudonyms' | 'staffUserIds' | 'identities'>
}

export async function* listPeople(given: ListScope, ports: ListPorts, options: ListOptions): AsyncGenerator<Buffer, void> {
  const { gathered, people, before } = given
  const isWanted = (person: Ordinal): boolean => !(options.without?.has(person) ?? false)
  const writer = new LineWriter()
  const texts = new GroupTexts(await nameGroups(given.organisations, ports.vault))
  const write = async function* (
    persons: Float64Array,
    lineOf: (index: number) => PersonLine,
    asked?: Promise<Uint8Array>,
  ): AsyncGenerator<Buffer, void> {
    const ids = await (asked ?? ports.vault.staffUserIds(persons))
    // Identities are opened in turn: each is sealed by itself, and the vault has others to serve.
    const step = options.identities ? IDENTITIES_A_CALL : LINES_A_TURN
    for (let start = 0; start < persons.length; start += step) {
      const end = Math.min(persons.length, start + step)
      const opened = options.identities
        ? await ports.vault.identities(
            Array.from(persons.subarray(start, end), (person) => [...people.identifiersOf(person)]),
            options.look,
          )
        : undefined
      for (let index = start; index < end; index++) {
        const identity = opened?.[index - start]
        writer.write(lineOf(index), ids, index, identity === undefined ? '' : `,${JSON.stringify(identity).slice(1, -1)}`)
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
  /** Ids of a batch are made by the vault while the lines of the one before are written here. */
  let waiting: { batch: PersonColumns; rows: Uint32Array; persons: Float64Array; ids: Promise<Uint8Array> } | undefined
  const writeWaiting = async function* (): AsyncGenerator<Buffer, void> {
    if (waiting === undefined) return
    const { batch, rows, persons, ids } = waiting
    yield* write(persons, (index) => columnLine(batch, rows[index] as number, fields, texts), ids)
  }
  for await (const batch of columns) {
    const isListed = (user: Ordinal): boolean => !gathered.users.has(user) && given.scope.kept?.has(user) !== false && isWanted(user)
    const { rows, persons } = wantedRows(batch, isListed)
    const ids = ports.vault.staffUserIds(persons)
    // Awaited in the next turn; a failure must not count as unhandled until then.
    ids.catch(() => undefined)
    yield* writeWaiting()
    waiting = { batch, rows, persons, ids }
  }
  yield* writeWaiting()
  const held = [...gathered.people].filter(([person]) => isWanted(person))
  yield* write(
    Float64Array.from(held, ([person]) => person),
    (index) => tallyLine((held[index] as [Ordinal, Tally])[1], given.shapes, texts),
  )
  const earlier = before.people.values().filter((person) => isWanted(person))
  yield* write(earlier, (index) => baselineLine(before, earlier[index] as number, given.shapes))
  const rest = writer.take(true)
  if (rest !== undefined) yield rest
}

function wantedRows(batch: PersonColumns, isWanted: (user: Ordinal) => boolean): { rows: Uint32Array; persons: Float64Array } {
  const rows = new Uint32Array(batch.rows)
  const persons = new Float64Array(batch.rows)
  let count = 0
  for (let row = 0; row < batch.rows; row++) {
    const user = batch.user[row] as number
    if (!isWanted(user)) continue
    rows[count] = row
    persons[count] = user
    count += 1
  }
  return { rows, persons: persons.subarray(0, count) }
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
    isCommon: several === undefined,
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
    isCommon: false,
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
    isCommon: false,
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
    const bits = (index: number): number => ((delivered[index]?.[row] as number) | (possible[index]?.[row] as number)) >>> 0
    // Mostly there are no more shapes than bits in one number.
    const key = delivered.length === 1 ? bits(0) : delivered.map((_, index) => bits(index)).join()
    let text = this.#texts.get(key)
    if (text === undefined) {
      const masks = delivered.map((_, index) => bits(index))
      const sent = this.#inScope.filter((_, index) => ((masks[index >>> 5] as number) >>> (index & 31)) & 1)
      text = Buffer.from(JSON.stringify(this.#shapes.fieldForms(sent)))
      this.#texts.set(key, text)
    }
    return text
  }
}

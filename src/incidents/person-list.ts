/**
 * The people of a scope as lines: users as the engine counts them, then the people who were put together from several places,
 * last those of the vendor's baseline.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { Look, StaffVault } from '#vault/port.ts'
import type { NumberColumn } from '#warehouse/native.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { BaselineScope } from './baseline-scope.ts'
import type { Organisation } from './groups.ts'
import type { People } from './people.ts'
import { type PersonColumns, personColumns } from './person-columns.ts'
import { GroupTexts, headOf, Kept, LineWriter, type NamedGroup, type PersonLine, type RestForm, restOf } from './person-lines.ts'
import { PersonSet } from './person-set.ts'
import type { Scope, Tally } from './rows.ts'
import type { Gathered } from './scan.ts'
import type { Shapes } from './shapes.ts'

/** People whose identities are asked for in one call of the vault. */
const IDENTITIES_A_CALL = 1000

export interface ListScope {
  scope: Scope
  people: People
  gathered: Gathered
  shapes: Shapes
  /** Of the rows about users, sorted. */
  shapesInScope: readonly string[]
  /** Users with rows, and those of them who are people of their own and are not left out. */
  users: PersonSet
  single: PersonSet
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
  const groups = new GroupTexts(await nameGroups(given.organisations, ports.vault))
  /** One by one, for people who are few or whose identities are opened. */
  const write = async function* (
    persons: Float64Array,
    lineOf: (index: number) => PersonLine,
    ids: Uint8Array,
  ): AsyncGenerator<Buffer, void> {
    for (let start = 0; start < persons.length; start += IDENTITIES_A_CALL) {
      const end = Math.min(persons.length, start + IDENTITIES_A_CALL)
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
  const texts = new ColumnTexts(given, groups)
  const writeBatch = async function* ({ batch, rows, persons, ids }: Batch): AsyncGenerator<Buffer, void> {
    const made = await ids
    if (options.identities) return yield* write(persons, (index) => columnLine(batch, rows[index] as number, texts), made)
    const lines = { columns: batch, rows, ids: made, ...texts.formsOf(batch) }
    for (let next = 0; next < rows.length; ) {
      next = writer.writeRows(lines, next, rows.length)
      const chunk = writer.take(next < rows.length)
      if (chunk !== undefined) yield chunk
    }
  }
  const columns = personColumns(
    { scope: given.scope, shapes: given.shapesInScope, users: given.users, hasGroups: given.hasGroups },
    ports.warehouse,
  )
  const listed = listedUsers(given, options.without)
  /** Ids of a batch are made by the vault while the lines of the one before are written here. */
  let waiting: Batch | undefined
  for await (const batch of columns) {
    const { rows, persons } = wantedRows(batch, listed)
    const ids = ports.vault.staffUserIds(persons)
    // Awaited in the next turn; a failure must not count as unhandled until then.
    ids.catch(() => undefined)
    if (waiting !== undefined) yield* writeBatch(waiting)
    waiting = { batch, rows, persons, ids }
  }
  if (waiting !== undefined) yield* writeBatch(waiting)
  const held = [...gathered.people].filter(([person]) => isWanted(person))
  const heldPersons = Float64Array.from(held, ([person]) => person)
  yield* write(
    heldPersons,
    (index) => tallyLine((held[index] as [Ordinal, Tally])[1], given.shapes, groups),
    await ports.vault.staffUserIds(heldPersons),
  )
  const earlier = before.people.values().filter((person) => isWanted(person))
  yield* write(earlier, (index) => baselineLine(before, earlier[index] as number, given.shapes), await ports.vault.staffUserIds(earlier))
  const rest = writer.take(true)
  if (rest !== undefined) yield rest
}

interface Batch {
  batch: PersonColumns
  rows: Uint32Array
  persons: Float64Array
  ids: Promise<Uint8Array>
}

/** Users who have a line of their own; undefined: all who have rows. */
function listedUsers({ single, users }: ListScope, without: PersonSet | undefined): PersonSet | undefined {
  const listed = new PersonSet()
  listed.addAll(single)
  if (without !== undefined) listed.removeAll(without)
  return listed.size === users.size ? undefined : listed
}

function wantedRows({ rows: count, user }: PersonColumns, listed: PersonSet | undefined): { rows: Uint32Array; persons: Float64Array } {
  const rows = new Uint32Array(count)
  const persons = new Float64Array(count)
  let wanted = 0
  for (let row = 0; row < count; row++) {
    if (listed !== undefined && !listed.has(user[row] as number)) continue
    rows[wanted] = row
    persons[wanted] = user[row] as number
    wanted += 1
  }
  return { rows: rows.subarray(0, wanted), persons: persons.subarray(0, wanted) }
}

function columnLine(batch: PersonColumns, row: number, texts: ColumnTexts): PersonLine {
  return {
    groups: texts.groups(batch, row),
    fields: texts.fields(batch, row),
    first: batch.first[row] as number,
    last: batch.last[row] as number,
    sentFirst: batch.sentFirst[row] as number,
    sentLast: batch.sentLast[row] as number,
    events: batch.events[row] as number,
    state: stateOf(batch, row),
  }
}

function stateOf({ delivered }: PersonColumns, row: number): 'delivered' | 'possible' {
  return delivered.some((mask) => mask[row] !== 0) ? 'delivered' : 'possible'
}

function tallyLine(tally: Tally, shapes: Shapes, groups: GroupTexts): PersonLine {
  const { first, last, sentFirst, sentLast, events } = tally
  return {
    groups: groups.of(tally.groups),
    fields: JSON.stringify(shapes.fieldForms([...tally.delivered, ...tally.possible])),
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
    groups: '[]',
    fields: JSON.stringify(shapes.fieldForms(texts)),
    first: tally?.first,
    last: tally?.last,
    sentFirst: undefined,
    sentLast: undefined,
    events: 0,
    state: 'baseline',
  }
}

async function nameGroups(
  organisations: ReadonlyMap<Ordinal, Organisation>,
  vault: Pick<StaffVault, 'staffPseudonyms'>,
): Promise<Map<Ordinal, NamedGroup>> {
  const named = [...organisations].filter(([, own]) => own.named)
  const pseudonyms = named.length === 0 ? [] : await vault.staffPseudonyms(named.map(([ordinal]) => ({ kind: 'group', ordinal })))
  return new Map(named.map(([ordinal, { key }], index) => [ordinal, { key, group: pseudonyms[index] as string }]))
}

/** JSON text of a line's groups and fields: a scope has few combinations of shapes, and many people have the same groups. */
class ColumnTexts {
  readonly #shapes: Shapes
  readonly #inScope: readonly string[]
  readonly #groups: GroupTexts
  readonly #heads = new Kept<Ordinal, Buffer>()
  readonly #rests = new Kept<number | string, RestForm>()

  constructor({ shapes, shapesInScope }: ListScope, groups: GroupTexts) {
    this.#shapes = shapes
    this.#inScope = shapesInScope
    this.#groups = groups
  }

  formsOf(batch: PersonColumns): { headOf: (row: number) => Buffer; restOf: (row: number) => RestForm } {
    const { delivered, possible, group, groupsOf, user } = batch
    const isOne = delivered.length === 1
    const [arrived, perhaps] = [delivered[0] as NumberColumn, possible[0] as NumberColumn]
    return {
      headOf: (row) => {
        const make = (): Buffer => headOf(this.groups(batch, row))
        // Of those with several groups, hardly two have the same.
        return groupsOf.size > 0 && groupsOf.has(user[row] as number) ? make() : this.#heads.of(group?.[row] ?? 0, make)
      },
      restOf: (row) => {
        const arrivedBits = arrived[row] as number
        // Mostly there are no more shapes than bits in one number.
        const key = isOne
          ? ((arrivedBits | (perhaps[row] as number)) >>> 0) * 2 + (arrivedBits === 0 ? 0 : 1)
          : `${this.#masks(batch, row).join()} ${stateOf(batch, row)}`
        return this.#rests.of(key, () => restOf(this.fields(batch, row), stateOf(batch, row)))
      },
    }
  }

  groups({ groupsOf, group, user }: PersonColumns, row: number): string {
    const one = group?.[row] ?? 0
    return this.#groups.of(groupsOf.get(user[row] as number) ?? (one === 0 ? [] : [one]))
  }

  fields(batch: PersonColumns, row: number): string {
    const masks = this.#masks(batch, row)
    const sent = this.#inScope.filter((_, index) => ((masks[index >>> 5] as number) >>> (index & 31)) & 1)
    return JSON.stringify(this.#shapes.fieldForms(sent))
  }

  #masks({ delivered, possible }: PersonColumns, row: number): number[] {
    return delivered.map((mask, index) => ((mask[row] as number) | (possible[index]?.[row] as number)) >>> 0)
  }
}

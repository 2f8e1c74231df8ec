/**
 * A row per user in scope, as columns of numbers and a slice of the users at a time: millions of rows in bounded memory, and
 * the engine works on the next slice while this one is written. Shapes travel as bits, groups as the one number that nearly
 * everybody has; whoever has several is asked for apart.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { NumberColumn } from '#warehouse/native.ts'
import type { Warehouse } from '#warehouse/port.ts'
import type { PersonSet } from './person-set.ts'
import { condition, type Scope } from './rows.ts'
import { FIRST_MS, LAST_MS } from '#warehouse/schema.ts'

const USERS_A_SLICE = 400_000
/** More slices would read more of the table than they save in memory: a slice reads at least a granule a day. */
const SLICES_MAX = 64
const BITS = 32

export interface PersonColumns {
  rows: number
  user: NumberColumn
  /** Bit n of element m: shape m × 32 + n was sent, and arrived for sure or perhaps. */
  delivered: readonly NumberColumn[]
  possible: readonly NumberColumn[]
  first: NumberColumn
  last: NumberColumn
  sentFirst: NumberColumn
  sentLast: NumberColumn
  events: NumberColumn
  /** The only group of the user in the row's place; 0 = none. `undefined` = nobody in scope has any. */
  group: NumberColumn | undefined
  /** Users with more than one group. */
  groupsOf: ReadonlyMap<Ordinal, readonly Ordinal[]>
}

export interface PersonScope {
  scope: Scope
  /** All shapes of the users in scope, in the order of the bits. */
  shapes: readonly string[]
  /** All of them, to choose the slices. */
  users: PersonSet
  hasGroups: boolean
}

interface Slice {
  where: string
  parameters: Record<string, unknown>
}

export async function* personColumns(
  given: PersonScope,
  warehouse: Warehouse,
  usersASlice = USERS_A_SLICE,
): AsyncGenerator<PersonColumns, void> {
  if (given.users.size === 0) return
  const slices = chooseSlices(given, usersASlice)
  let next: Promise<PersonColumns[]> | undefined
  for (const [index, slice] of slices.entries()) {
    const current = next ?? askSlice(slice, given, warehouse)
    const following = slices[index + 1]
    const batches = await current
    next = following === undefined ? undefined : askSlice(following, given, warehouse)
    // Awaited in the next turn; a failure must not count as unhandled until then.
    next?.catch(() => undefined)
    yield* batches
  }
}

function chooseSlices({ scope, users }: Pick<PersonScope, 'scope' | 'users'>, usersASlice: number): Slice[] {
  const { where, parameters } = condition(scope)
  const ofUsers = `${where} AND kind = 'user'`
  const count = Math.min(SLICES_MAX, Math.ceil(users.size / usersASlice))
  if (count === 1) return [{ where: ofUsers, parameters }]
  const all = users.values()
  // Where the bounds lie is a matter of speed alone: the slices join without gap or overlap.
  const bounds = Array.from({ length: count - 1 }, (_, index) => all[Math.floor(((index + 1) * all.length) / count)] as number)
  return [0, ...bounds].map((after, index) => {
    const upTo = bounds[index]
    const limit = upTo === undefined ? '' : ' AND subject <= {upTo:UInt64}'
    return {
      where: `${ofUsers} AND subject > {after:UInt64}${limit}`,
      parameters: { ...parameters, after, ...(upTo === undefined ? {} : { upTo }) },
    }
  })
}

async function askSlice(slice: Slice, given: PersonScope, warehouse: Warehouse): Promise<PersonColumns[]> {
  const masks = Math.ceil(given.shapes.length / BITS)
  const parameters: Record<string, unknown> = { ...slice.parameters }
  const columns: string[] = []
  for (let mask = 0; mask < masks; mask++) {
    const shapes = given.shapes.slice(mask * BITS, (mask + 1) * BITS)
    parameters[`shapes${mask}`] = shapes
    parameters[`bits${mask}`] = shapes.map((_, bit) => 2 ** bit)
    const bits = `transform(shape, {shapes${mask}:Array(String)}, {bits${mask}:Array(UInt32)}, toUInt32(0))`
    columns.push(`groupBitOrIf(${bits}, state = 'delivered') AS delivered${mask}`)
    columns.push(`groupBitOrIf(${bits}, state = 'possible') AS possible${mask}`)
  }
  if (given.hasGroups) {
    // Bits cost the engine less than the smallest and the greatest. Those of several groups together are more than those that all have;
    // one less than none is all bits, so rows without a group take none away.
    columns.push('toFloat64(groupBitOr("groups"[1])) AS groupBits, toFloat64(groupBitAnd("groups"[1] - 1)) AS lessBits')
    columns.push('toUInt32(max(length("groups"))) AS groupCount')
  }
  const sql = `SELECT toFloat64(subject) AS user, toFloat64(min(${FIRST_MS})) AS firstAt, toFloat64(max(${LAST_MS})) AS lastAt,
    toFloat64(toUnixTimestamp64Milli(min(sentAt))) AS sentFirstAt, toFloat64(toUnixTimestamp64Milli(max(sentAt))) AS sentLastAt,
    toFloat64(sum(events)) AS eventCount, ${columns.join(', ')}
    FROM disclosures WHERE ${slice.where} GROUP BY subject`
  const blocks = await warehouse.columns(sql, parameters, 'badday')
  const answers = blocks.map(({ rows, columns: found }): PersonColumns => {
    const column = (name: string): NumberColumn => found.get(name) as NumberColumn
    const each = (name: string): NumberColumn[] => Array.from({ length: masks }, (_, mask) => column(`${name}${mask}`))
    return {
      rows,
      user: column('user'),
      delivered: each('delivered'),
      possible: each('possible'),
      first: column('firstAt'),
      last: column('lastAt'),
      sentFirst: column('sentFirstAt'),
      sentLast: column('sentLastAt'),
      events: column('eventCount'),
      group: found.get('groupBits'),
      groupsOf: new Map(),
    }
  })
  const hasSeveral = blocks.some(({ rows, columns: found }) => {
    const [all, less, count] = ['groupBits', 'lessBits', 'groupCount'].map((name) => found.get(name))
    if (all === undefined || less === undefined || count === undefined) return false
    for (let row = 0; row < rows; row++) if (all[row] !== (less[row] as number) + 1 || (count[row] as number) > 1) return true
    return false
  })
  if (!hasSeveral) return answers
  const groupsOf = await askGroups(slice, warehouse)
  return answers.map((answer) => ({ ...answer, groupsOf }))
}

async function askGroups(slice: Slice, warehouse: Warehouse): Promise<Map<Ordinal, Ordinal[]>> {
  const sql = `SELECT subject, groupUniqArrayArray("groups") AS groupOrdinals FROM disclosures WHERE ${slice.where}
    GROUP BY subject HAVING length(groupOrdinals) > 1`
  const rows = await warehouse.query<{ subject: number | string; groupOrdinals: (number | string)[] }>(sql, slice.parameters, 'badday')
  return new Map(rows.map((row) => [Number(row.subject), row.groupOrdinals.map(Number)]))
}

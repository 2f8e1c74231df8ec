/**
 * How well a destination's data tells people apart: by the combination of what it receives of each (k-anonymity: Sweeney,
 * "k-anonymity: a model for protecting privacy", 2002), and by what they did (`risk-behaviour.ts`). Read from the warehouse
 * under the policy in force, of the people about whom something was sent, in the analysts' bounded session. Values stay in
 * the engine: what comes out are hashes and counts.
 */
import { BulkheadError } from '#base/errors.ts'
import type { Policy } from '#model/policy.ts'
import { compilePolicy, type CompiledDestination } from '#policy/policy.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { matchPairs, type PairRisk } from './risk-behaviour.ts'
import { type Bounds, identifiersOf, quasiIdentifiersOf, type Scope, scopeOf } from './risk-fields.ts'

export interface RiskQuery {
  /** Events of so many days back. */
  days: number
  /** A person among fewer than `k` of one combination is at risk. */
  k: number
}

export interface FieldRisk {
  field: string
  /** Different sets of values that people have of it. */
  values: number
  /** People whom it tells apart from all others by itself: it has rare values. */
  alone: number
  /** People who would no longer be among fewer than `k` if it were not sent. */
  saved: number
}

export interface DestinationRisk {
  id: string
  k: number
  /** People about whom something was sent, of those looked at. */
  people: number
  /** Whose combination nobody else has, and who share theirs with fewer than `k - 1` others. */
  unique: number
  below: number
  /** Combinations that fewer than `k` people have. */
  groupsBelow: number
  quasiIdentifiers: string[]
  /** Identity that it gets in the clear: of whom it has that nobody hides among others. */
  clear: string[]
  fields: FieldRisk[]
  /** One in so many people was looked at; above 1 the shares are too high, since fewer people share less. */
  sampled: number
}

export interface Risk {
  days: number
  destinations: DestinationRisk[]
  pairs: PairRisk[]
}

export const RISK_DAYS_MAX = 400
export const K_MAX = 1_000
const PEOPLE_MAX = 1_000_000
/** People in one answer of the engine. */
const SLICE_PEOPLE = 50_000

export async function policyRisk(
  query: RiskQuery,
  given: { policy: Policy; now: number; warehouse: Warehouse; signal?: AbortSignal },
): Promise<Risk> {
  const { days, k } = query
  if (!(days >= 1 && days <= RISK_DAYS_MAX)) throw new BulkheadError('bad_usage', `--days is from 1 to ${RISK_DAYS_MAX}`)
  if (!(k >= 2 && k <= K_MAX)) throw new BulkheadError('bad_usage', `--k is from 2 to ${K_MAX}`)
  const { policy, now, warehouse, signal } = given
  const compiled = [...compilePolicy(policy).destinations.values()]
  const bounds: Bounds = { days, now, signal }
  const destinations: DestinationRisk[] = []
  for (const destination of compiled) destinations.push(await destinationRisk(destination, k, bounds, warehouse))
  return { days, destinations, pairs: await matchPairs(compiled, bounds, warehouse) }
}

async function destinationRisk(
  destination: CompiledDestination,
  k: number,
  bounds: Bounds,
  warehouse: Warehouse,
): Promise<DestinationRisk> {
  const active = destination.activeAt(bounds.now)
  const identifiers = identifiersOf(active)
  const fields = quasiIdentifiersOf(destination, active)
  const clear = destination.clear.filter((field) => active.known.get(field)?.form === 'clear')
  const none = { id: destination.destination, k, people: 0, unique: 0, below: 0, groupsBelow: 0, sampled: 1, clear }
  const quasiIdentifiers = fields.map(({ field }) => field)
  if (identifiers === undefined) return { ...none, quasiIdentifiers, fields: [] }
  const scope = scopeOf(destination, identifiers, bounds)
  const [counted] = await warehouse.query<{ people: string }>(
    `SELECT uniq(subject) AS people FROM (${scope.sql})`,
    scope.parameters,
    'analytics',
    bounds.signal,
  )
  const all = Number(counted?.people ?? 0)
  const sampled = Math.max(1, Math.ceil(all / PEOPLE_MAX))
  const slices = Math.max(1, Math.ceil(all / sampled / SLICE_PEOPLE))
  const columns = new People(fields.length)
  for (let slice = 0; slice < slices; slice++) {
    const { sql, parameters } = combinations(fields, scope, { sampled, slices, slice })
    for (const block of await warehouse.columns(sql, parameters, 'analytics')) columns.add(block.columns)
  }
  const { groups: _, ...whole } = groupsIn(columns.all(), k)
  return {
    ...none,
    ...whole,
    people: columns.count,
    sampled,
    quasiIdentifiers,
    fields: fields
      .map(({ field }, index) => {
        const only = groupsIn(columns.only(index), k)
        return { field, values: only.groups, alone: only.unique, saved: whole.below - groupsIn(columns.without(index), k).below }
      })
      .sort((a, b) => b.saved - a.saved || b.alone - a.alone || (a.field < b.field ? -1 : 1)),
  }
}

/**
 * One row a person: a hash of all fields, of each alone, and of all but it. Of a field a person has a *set* of values; its
 * hash is the exclusive or of the values' hashes, so no set is ever held.
 */
function combinations(
  fields: readonly { sql: string; key?: string }[],
  scope: Scope,
  { sampled, slices, slice }: { sampled: number; slices: number; slice: number },
): Scope {
  const parameters: Record<string, unknown> = { ...scope.parameters, sampled, slices, slice }
  const pairs = fields.map(({ sql, key }, index) => {
    if (key !== undefined) parameters[`key${index}`] = key
    const value = sql.replaceAll('{key}', `{key${index}:String}`)
    return `(toUInt8(${index + 1}), if(${value} = '', 0, cityHash64(${value})))`
  })
  const own = fields.map((_, index) => `cityHash64(${index + 1}, groupBitXorIf(hash, field = ${index + 1})) AS h${index}`)
  const all = ['toUInt64(0)', ...fields.map((_, index) => `h${index}`)].reduce((a, b) => `bitXor(${a}, ${b})`)
  const number = (hash: string, name: string): string => `toFloat64(bitAnd(${hash}, 9007199254740991)) AS ${name}`
  const out = [
    number('whole', 'a'),
    ...fields.flatMap((_, index) => [number(`h${index}`, `o${index}`), number(`bitXor(whole, h${index})`, `w${index}`)]),
  ]
  const sql = `SELECT ${out.join(', ')} FROM (SELECT ${own.map((each) => `${each}, `).join('')}${all} AS whole FROM (
      SELECT DISTINCT subject, pair.1 AS field, pair.2 AS hash FROM (
        SELECT subject, arrayJoin(
          arrayFilter(each -> each.1 = 0 OR each.2 != 0, [${['(toUInt8(0), toUInt64(1))', ...pairs].join(', ')}])) AS pair
        FROM (${scope.sql}) WHERE cityHash64(subject) % {sampled:UInt64} = 0
          AND intDiv(cityHash64(subject), {sampled:UInt64}) % {slices:UInt64} = {slice:UInt64}))
    GROUP BY subject)`
  return { sql, parameters }
}

/** Hashes of all people, column by column. */
class People {
  readonly #columns = new Map<string, Float64Array[]>()
  readonly #fields: number
  count = 0

  constructor(fields: number) {
    this.#fields = fields
  }

  add(block: ReadonlyMap<string, ArrayLike<number>>): void {
    for (const [name, values] of block) {
      const parts = this.#columns.get(name) ?? []
      parts.push(Float64Array.from(values))
      this.#columns.set(name, parts)
    }
    this.count += block.get('a')?.length ?? 0
  }

  all(): Float64Array {
    return this.#joined('a')
  }

  only(field: number): Float64Array {
    return this.#joined(`o${field}`)
  }

  /** Without the only field all are alike. */
  without(field: number): Float64Array {
    return this.#fields === 1 ? new Float64Array(this.count) : this.#joined(`w${field}`)
  }

  #joined(name: string): Float64Array {
    const joined = new Float64Array(this.count)
    let at = 0
    for (const part of this.#columns.get(name) ?? []) {
      joined.set(part, at)
      at += part.length
    }
    return joined
  }
}

/** Sorts the hashes in place and counts runs. */
export function groupsIn(hashes: Float64Array, k: number): { groups: number; unique: number; below: number; groupsBelow: number } {
  hashes.sort()
  const found = { groups: 0, unique: 0, below: 0, groupsBelow: 0 }
  for (let from = 0, to = 0; from < hashes.length; from = to) {
    while (to < hashes.length && hashes[to] === hashes[from]) to++
    const size = to - from
    found.groups++
    if (size === 1) found.unique++
    if (size < k) {
      found.below += size
      found.groupsBelow++
    }
  }
  return found
}

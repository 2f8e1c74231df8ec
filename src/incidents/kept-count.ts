/**
 * Counts of a scope that keeps only some of the people whom the ledger has in it. The engine counts all or none: who is kept is
 * a set in memory that may be as large as the scope, so rows come as numbers, sorted by user and a slice of the users at a time.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { NumberColumn } from '#warehouse/native.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { chooseSlices, type PersonScope } from './person-columns.ts'

const USERS_A_SLICE = 400_000

/** What was sent about one user: text of a shape, or a surface, and whether at least one row of it arrived. */
export interface UserSent {
  shapes: Map<string, boolean>
  surfaces: Map<string, boolean>
}

/** Calls `add` once for each user for whom `isCounted` holds. `surfaces`: all that the scope has. */
export async function eachUser(
  given: Pick<PersonScope, 'scope' | 'shapes' | 'users'> & { surfaces: readonly string[]; isCounted: (user: Ordinal) => boolean },
  add: (sent: UserSent) => void,
  warehouse: Warehouse,
): Promise<void> {
  const { scope, shapes, surfaces, users, isCounted } = given
  if (users === 0) return
  const lists = { shapes, shapeCodes: codesOf(shapes), surfaceNames: surfaces, surfaceCodes: codesOf(surfaces) }
  for (const { where, parameters } of await chooseSlices({ scope, users }, warehouse, USERS_A_SLICE)) {
    const sql = `SELECT toFloat64(subject) AS user,
        transform(CAST(shape, 'String'), {shapes:Array(String)}, {shapeCodes:Array(UInt32)}, toUInt32(0)) AS shapeCode,
        transform(CAST(surface, 'String'), {surfaceNames:Array(String)}, {surfaceCodes:Array(UInt32)}, toUInt32(0)) AS surfaceCode,
        toUInt32(state = 'delivered') AS arrived
      FROM (SELECT DISTINCT subject, shape, surface, state FROM disclosures WHERE ${where}) ORDER BY subject`
    let last: { user: Ordinal; sent: UserSent } | undefined
    for (const { rows, columns } of await warehouse.columns(sql, { ...parameters, ...lists }, 'badday')) {
      const [user, shapeCode, surfaceCode, arrived] = ['user', 'shapeCode', 'surfaceCode', 'arrived'].map(
        (name) => columns.get(name) as NumberColumn,
      ) as [NumberColumn, NumberColumn, NumberColumn, NumberColumn]
      for (let row = 0; row < rows; row++) {
        const number = user[row] as number
        if (!isCounted(number)) continue
        if (last?.user !== number) {
          if (last !== undefined) add(last.sent)
          last = { user: number, sent: { shapes: new Map(), surfaces: new Map() } }
        }
        const hasArrived = arrived[row] === 1
        mark(last.sent.shapes, shapes[(shapeCode[row] as number) - 1] as string, hasArrived)
        mark(last.sent.surfaces, surfaces[(surfaceCode[row] as number) - 1] as string, hasArrived)
      }
    }
    if (last !== undefined) add(last.sent)
  }
}

/** Zero is left for what is in no list, which would be a fault of ours. */
function codesOf(names: readonly string[]): number[] {
  return names.map((_, index) => index + 1)
}

function mark(seen: Map<string, boolean>, name: string, hasArrived: boolean): void {
  seen.set(name, hasArrived || seen.get(name) === true)
}

/**
 * Counts of a scope that keeps only some of the people whom the ledger has in it. The engine counts all or none: who is kept is
 * a set in memory that may be as large as the scope, so rows come as numbers, sorted by user and a slice of the users at a time.
 */
import type { Ordinal } from '#model/log-entry.ts'
import type { NumberColumn } from '#warehouse/native.ts'
import type { Warehouse } from '#warehouse/port.ts'
import { chooseSlices, type PersonScope } from './person-columns.ts'

const USERS_A_SLICE = 400_000

/** What was sent about a user: text of a shape, or a surface, and whether at least one row of it arrived. */
export interface UserSent {
  shapes: Map<string, boolean>
  surfaces: Map<string, boolean>
}

/**
 * Calls `add` with all users for whom `isCounted` holds, those about whom the same was sent together: there are few combinations,
 * whatever the number of users. `surfaces`: all that the scope has.
 */
export async function eachSent(
  given: Pick<PersonScope, 'scope' | 'shapes' | 'users'> & { surfaces: readonly string[]; isCounted: (user: Ordinal) => boolean },
  add: (sent: UserSent, users: number) => void,
  warehouse: Warehouse,
): Promise<void> {
  const { scope, shapes, surfaces, users, isCounted } = given
  if (users === 0) return
  const lists = { shapes, shapeCodes: codesOf(shapes), surfaceNames: surfaces, surfaceCodes: codesOf(surfaces) }
  const counts = new Map<string, { codes: readonly Code[]; users: number }>()
  const count = (codes: readonly Code[]): void => {
    const key = codes.map(({ shape, surface, arrived }) => `${shape} ${surface} ${arrived}`).join()
    const known = counts.get(key)
    if (known === undefined) counts.set(key, { codes, users: 1 })
    else known.users += 1
  }
  for (const { where, parameters } of await chooseSlices({ scope, users }, warehouse, USERS_A_SLICE)) {
    const sql = `SELECT toFloat64(subject) AS user,
        transform(CAST(shape, 'String'), {shapes:Array(String)}, {shapeCodes:Array(UInt32)}, toUInt32(0)) AS shapeCode,
        transform(CAST(surface, 'String'), {surfaceNames:Array(String)}, {surfaceCodes:Array(UInt32)}, toUInt32(0)) AS surfaceCode,
        toUInt32(state = 'delivered') AS arrived
      FROM (SELECT DISTINCT subject, shape, surface, state FROM disclosures WHERE ${where})
      ORDER BY subject, shapeCode, surfaceCode, arrived`
    let last: { user: Ordinal; codes: Code[] } | undefined
    for (const { rows, columns } of await warehouse.columns(sql, { ...parameters, ...lists }, 'badday')) {
      const [user, shape, surface, arrived] = ['user', 'shapeCode', 'surfaceCode', 'arrived'].map(
        (name) => columns.get(name) as NumberColumn,
      ) as [NumberColumn, NumberColumn, NumberColumn, NumberColumn]
      for (let row = 0; row < rows; row++) {
        const number = user[row] as number
        if (!isCounted(number)) continue
        if (last?.user !== number) {
          if (last !== undefined) count(last.codes)
          last = { user: number, codes: [] }
        }
        last.codes.push({ shape: shape[row] as number, surface: surface[row] as number, arrived: arrived[row] as number })
      }
    }
    if (last !== undefined) count(last.codes)
  }
  for (const { codes, users: alike } of counts.values()) {
    const sent: UserSent = { shapes: new Map(), surfaces: new Map() }
    for (const { shape, surface, arrived } of codes) {
      mark(sent.shapes, shapes[shape - 1] as string, arrived === 1)
      mark(sent.surfaces, surfaces[surface - 1] as string, arrived === 1)
    }
    add(sent, alike)
  }
}

interface Code {
  shape: number
  surface: number
  arrived: number
}

/** Zero is left for what is in no list, which would be a fault of ours. */
function codesOf(names: readonly string[]): number[] {
  return names.map((_, index) => index + 1)
}

function mark(seen: Map<string, boolean>, name: string, hasArrived: boolean): void {
  seen.set(name, hasArrived || seen.get(name) === true)
}

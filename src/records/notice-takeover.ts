/** Who waits in a version of notices that was stopped, and is told by a later one: by the later one alone, and nobody by none. */
import type { DatabaseSync } from 'node:sqlite'
import type { Ordinal } from '#model/log-entry.ts'

/** Why somebody is skipped in a version that was stopped before their turn: a newer one that was begun tells them. */
export const LATER_VERSION = 'later_version'

interface Place {
  person: Ordinal
  organisation: Ordinal
}

type Of = { incident: number; version: number }

const OF = 'incident = ? AND version = ?'

/** Within a transaction of the caller's. */
export function takingOver(database: DatabaseSync): (of: Of, given: { at: number; personOf: (person: Ordinal) => Ordinal }) => void {
  const waitingBefore = database.prepare(
    `SELECT version, number, person, organisation FROM notice_recipient WHERE incident = ? AND version < ? AND state = 'waiting'
       AND version IN (SELECT version FROM notice_version WHERE incident = ? AND state = 'stopped')`,
  )
  const places = database.prepare(
    `SELECT person, organisation, state <> 'skipped' OR why = 'same_address' AS isMailed FROM notice_recipient WHERE ${OF}`,
  )
  const leave = database.prepare(
    `UPDATE notice_recipient SET state = 'skipped', why = '${LATER_VERSION}', at = ? WHERE ${OF} AND number = ?`,
  )
  const joinedTo = database.prepare(
    `SELECT number, person, organisation FROM notice_recipient INDEXED BY notice_recipient_joined
       WHERE ${OF} AND joined = ? AND state = 'skipped' AND why = 'same_address'`,
  )
  const free = database.prepare(`UPDATE notice_recipient SET state = 'waiting', why = NULL, joined = 0, at = ? WHERE ${OF} AND number = ?`)
  const part = database.prepare(`UPDATE notice_recipient SET why = '${LATER_VERSION}', joined = 0, at = ? WHERE ${OF} AND number = ?`)
  return ({ incident, version }, { at, personOf }) => {
    const waiting = waitingBefore.all(incident, version, incident) as unknown as (Place & { version: number; number: number })[]
    if (waiting.length === 0) return
    // Two numbers may be one person since they were written down.
    const nameOf = ({ person, organisation }: Place): string => `${organisation} ${personOf(person)}`
    const own = places.all(incident, version) as unknown as (Place & { isMailed: number })[]
    const mailed = new Set(own.filter(({ isMailed }) => isMailed === 1).map(nameOf))
    // Of whom it knew no address it mails to none of their numbers: another one may have one.
    const same = new Set(own.map(({ person, organisation }) => `${organisation} ${person}`))
    const isIn = (row: Place): boolean => mailed.has(nameOf(row)) || same.has(`${row.organisation} ${row.person}`)
    for (const row of waiting) {
      const isTaken = isIn(row)
      if (isTaken) leave.run(at, incident, row.version, row.number)
      for (const joined of joinedTo.all(incident, row.version, row.number) as unknown as (Place & { number: number })[]) {
        const isToldLater = isIn(joined)
        // Whoever was to be told in that mail, and is not told by the later version, has to get one.
        if (isTaken && !isToldLater) free.run(at, incident, row.version, joined.number)
        // Whoever is told by it is told by no other mail, also when the one whose mail it was is erased or moves.
        if (!isTaken && isToldLater) part.run(at, incident, row.version, joined.number)
      }
    }
  }
}

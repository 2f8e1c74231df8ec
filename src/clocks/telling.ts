/**
 * Whether the people of a rule were told. A person's word is taken as it is. Of notices that we send the first that left is not enough:
 * the sending has to have ended, and who came into the scope since it began was not told by it.
 */
import type { SurveyedBody } from '#model/clock.ts'
import { residentsOf } from './applies.ts'
import { type ClockRecord, type Recorded, type Telling, timeOf } from './facts.ts'
import type { Regime } from './rule.ts'

export interface Told {
  at: number | undefined
  why: string[]
}

export function peopleTold({ id, territory }: Pick<Regime, 'id' | 'territory'>, record: ClockRecord): Told {
  const { tellings } = record
  const byPeople = timeOf('people-notified', id, { ...record, marks: record.marks.filter(({ bySending }) => bySending !== true) })
  if (byPeople !== undefined) return { at: byPeople.at, why: [] }
  const bySending = timeOf('people-notified', id, record)
  if (bySending === undefined || tellings.length === 0) return { at: bySending?.at, why: [] }

  const ended = tellings.filter((telling) => (telling.ended?.told ?? 0) > 0)
  const whole = ended.find((telling) => addedSince(telling, territory, record) === 0)
  const why = ended.flatMap((telling) => leftOutText(telling))
  if (whole !== undefined) return { at: whole.ended?.recordedAt, why }
  const last = ended.at(-1)
  if (last !== undefined) {
    const added = addedSince(last, territory, record)
    const who = added === 1 ? '1 person more is' : `${added} people more are`
    why.push(`${who} counted here than when the notices of version ${last.version} began to leave: not told by them`)
  }
  const open = tellings.filter((telling) => telling.ended === undefined).map(({ version }) => version)
  if (open.length > 0) why.push(`the sending of notices has not ended (version ${open.join(', ')})`)
  else if (last === undefined) why.push('notices were sent and nobody was told by them')
  return { at: undefined, why }
}

/** People whom the law of that territory may protect and who came into the scope since. */
function addedSince({ row }: Telling, territory: readonly string[], { survey, surveys, lastAmendment }: ClockRecord): number {
  const before = surveys.findLast((each) => each.row < row) ?? surveys[0]
  if (before === undefined || survey === undefined) return 0
  const count = (found: SurveyedBody & Recorded): number => {
    if (territory.length === 0) return found.subjects
    const { known, unknown } = residentsOf(territory, found)
    return known + (unknown ?? 0)
  }
  const added = count(survey) - count(before)
  // Without an amendment, and with as many people as before, somebody's residence is known otherwise by now: they were told.
  const isNewcomer = lastAmendment > row || survey.subjects > before.subjects
  return isNewcomer ? Math.max(0, added) : 0
}

function leftOutText({ version, noAddress, ended }: Telling): string[] {
  if (ended === undefined) return []
  const { failed, skipped, unknown } = ended
  const left = [
    ...(noAddress > 0 ? [`${noAddress} without an address`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
  ]
  const count = noAddress + failed + skipped + unknown
  if (count === 0) return []
  const who = count === 1 ? '1 person of the scope is' : `${count} people of the scope are`
  const how = `by the notices of version ${version} (${left.join(', ')}), wherever they live`
  return [`${who} not known to have been told ${how}: tell them another way`]
}

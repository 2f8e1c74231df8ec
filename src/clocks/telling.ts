/**
 * Whether the people of a rule were told. A person's word is taken as it is. Of notices that we send the first that left is not enough:
 * the sending has to have ended, and who came into the scope since it began was not told by it.
 */
import type { SurveyedBody } from '#model/clock.ts'
import { residentsOf } from './applies.ts'
import { type ClockRecord, type Recorded, type Telling, timeOf } from './facts.ts'
import type { Regime, Rule } from './rule.ts'

export interface Told {
  at: number | undefined
  why: string[]
  assumed: string[]
}

export function toldAt(at: number | undefined): Told {
  return { at, why: [], assumed: [] }
}

type TellingRule = Pick<Rule, 'id' | 'substitute' | 'mail'>
type Place = Pick<Regime, 'id' | 'territory'>

export function peopleTold(rule: TellingRule, regime: Place, record: ClockRecord): Told {
  const { tellings, survey } = record
  const byPeople = timeOf('people-notified', regime.id, { ...record, marks: record.marks.filter(({ bySending }) => bySending !== true) })
  if (byPeople !== undefined) return toldAt(byPeople.at)
  const bySending = timeOf('people-notified', regime.id, record)
  if (bySending === undefined || tellings.length === 0) return toldAt(bySending?.at)

  const ended = tellings.filter((telling): telling is Ended => (telling.ended?.told ?? 0) > 0)
  const open = tellings.filter((telling) => telling.ended === undefined).map(({ version }) => version)
  const found: Told = { at: undefined, why: [], assumed: [] }
  if (ended.length === 0) {
    found.why.push(open.length > 0 ? goingText(open) : 'notices were sent and nobody was told by them')
    return found
  }
  found.at =
    survey?.notTold === undefined
      ? byNumbers(ended, regime, record, found)
      : byWhoIsLeft({ rule, ended, isOpen: open.length > 0 }, regime, record, found)
  if (found.at === undefined && open.length > 0) found.why.push(goingText(open))
  if (found.at !== undefined) {
    const when = rule.mail === '' ? '' : `: ${rule.mail}`
    found.assumed.push(`people were told by electronic mail, which is taken to be enough here${when}`)
  }
  return found
}

function goingText(open: readonly number[]): string {
  return `the sending of notices has not ended (version ${open.join(', ')})`
}

type Ended = Telling & { ended: NonNullable<Telling['ended']> }

/** Whom no notice reached was not notified: one of them whom the law may protect leaves its clock open. */
function byWhoIsLeft(
  { rule, ended, isOpen }: { rule: TellingRule; ended: readonly Ended[]; isOpen: boolean },
  { territory }: Place,
  { survey, surveys }: ClockRecord,
  { why, assumed }: Told,
): number | undefined {
  const leftIn = ({ notTold }: SurveyedBody): { known: number; unknown: number } => {
    const residents = (notTold?.residents ?? []).map((each) => ({ ...each, directory: 0, server: 0, place: 0 }))
    const everybody = residents.reduce((sum, { people }) => sum + people, 0)
    if (territory.length === 0) return { known: everybody, unknown: 0 }
    const { known, unknown } = residentsOf(territory, { residents })
    return { known, unknown: unknown ?? 0 }
  }
  const counted = surveys.filter(({ notTold }) => notTold !== undefined)
  const { known, unknown } = leftIn(survey as SurveyedBody)
  const erased = survey?.notTold?.erased ?? 0
  if (erased > 0)
    why.push(`${peopleText(erased)} of the scope ${erased === 1 ? 'was' : 'were'} erased since: nobody can tell them any more`)
  if (known + unknown > 0) {
    const who = [
      ...(known > 0 ? [`${peopleText(known)} known to live there`] : []),
      ...(unknown > 0 ? [`${peopleText(unknown)} of unknown residence who may`] : []),
    ]
    why.push(`no notice reached ${who.join(' and ')}: they are not notified`)
    const other =
      rule.substitute === '' ? 'what the law allows in its place (post, telephone, publication) is for counsel to say' : rule.substitute
    assumed.push(
      `mail that was refused, failed or could not be addressed notifies nobody. For them: ${other}. When that is done, record it with \`incident clock ID done --rule ${rule.id}\``,
    )
    return undefined
  }
  const since = counted.findLast((each) => {
    const left = leftIn(each)
    return left.known + left.unknown > 0
  })
  const at = ended.find((telling) => telling.ended.row > (since?.row ?? 0))?.ended.recordedAt
  if (at !== undefined || isOpen) return at
  // Where they live is known otherwise by now.
  return counted.find(({ row }) => row > (since?.row ?? 0))?.recordedAt
}

/** Records of before it was counted who was told: by how many there are. */
function byNumbers(ended: readonly Ended[], { territory }: Place, record: ClockRecord, { why }: Told): number | undefined {
  const last = ended.at(-1) as Ended
  why.push(...ended.flatMap((telling) => leftOutText(telling)))
  const whole = ended.find((telling) => addedSince(telling, territory, record) === 0 && leftOutOf(telling) === 0)
  if (whole !== undefined) return whole.ended.recordedAt
  const added = addedSince(last, territory, record)
  const who = added === 1 ? '1 person more is' : `${added} people more are`
  if (added > 0) why.push(`${who} counted here than when the notices of version ${last.version} began to leave: not told by them`)
  else why.push('who of them lives here is not counted: they are taken to')
  return undefined
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

function leftOutOf({ noAddress, ended }: Telling): number {
  // Skipped is also whoever has the address of another, and is told by that mail.
  return ended === undefined ? 0 : noAddress + ended.failed + ended.unknown
}

function leftOutText(telling: Telling): string[] {
  const count = leftOutOf(telling)
  if (count === 0 || telling.ended === undefined) return []
  const { failed, unknown } = telling.ended
  const left = [
    ...(telling.noAddress > 0 ? [`${telling.noAddress} without an address`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
  ]
  const who = count === 1 ? '1 person of the scope is' : `${count} people of the scope are`
  return [`${who} not known to have been told by the notices of version ${telling.version} (${left.join(', ')}), wherever they live`]
}

function peopleText(count: number): string {
  return count === 1 ? '1 person' : `${count} people`
}

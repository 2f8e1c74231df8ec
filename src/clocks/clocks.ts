/**
 * The clocks of an incident: rules, what is recorded, and a time, and nothing else. What was started stands in the record and is taken from
 * there; it moves only with the time that it hangs on.
 */
import type { ClockBasis, Span, StartedClock } from '#model/clock.ts'
import { type Applies, applying, appliesTo } from './applies.ts'
import { dueOf, startOf } from './counting.ts'
import { type ClockRecord, earliestStart, type KnownTime, lastDone, type Profile, type Recorded, type Start, timeOf } from './facts.ts'
import type { Regime, Rule, RulePack, Trigger } from './rule.ts'
import { peopleTold, type Told, toldAt } from './telling.ts'

export const CLOCK_STATES = [
  'running',
  'due_soon',
  'overdue',
  'met',
  'waiting',
  'needs_assessment',
  'not_applicable',
  'planned',
  'no_fixed_time',
] as const
export type ClockState = (typeof CLOCK_STATES)[number]

/** From this part of the time on it is due soon. */
const SOON = 0.8

export interface Clock {
  regime: Regime
  rule: Rule
  basis: ClockBasis
  state: ClockState
  /** What started it, or what it waits for. */
  trigger: string
  startsAt: number | undefined
  dueAt: number | undefined
  doneAt: number | undefined
  applies: Applies
  why: string[]
  assumed: string[]
  /** As it stands in the record. */
  recorded: (StartedClock & Recorded) | undefined
  /** What it was before a time was corrected. */
  before: readonly (StartedClock & Recorded)[]
  /** What the record lacks, or has otherwise since a time was corrected. */
  toRecord: StartedClock | undefined
}

export interface ClockParts {
  record: ClockRecord
  profile: Profile
  pack: RulePack
  now: number
}

export function clocksOf(parts: ClockParts): Clock[] {
  const found = parts.pack.regimes.flatMap((regime) => regime.rules.flatMap((rule) => clocksOfRule(rule, regime, parts)))
  return [...found, ...orphans(parts)]
}

function clocksOfRule(rule: Rule, regime: Regime, parts: ClockParts): Clock[] {
  const starts = startsOf(rule, regime, parts.record)
  // One that was started goes on, also when what was said since would give none.
  const kept = parts.record.started
    .filter((each) => each.rule === rule.id && !starts.some(({ basis }) => basis === each.basis))
    .map(({ basis }) => basis)
  const all: { basis: ClockBasis; start: Start | undefined }[] = [
    ...starts,
    ...[...new Set(kept)].map((basis) => ({ basis, start: undefined })),
  ]
  if (all.length === 0) all.push({ basis: 'clock', start: undefined })
  return all.map(({ basis, start }) => clockOf(rule, regime, { basis, start, ...parts }))
}

/** By the firm event, by the first message before it, by what the vendor knew before both. */
function startsOf(rule: Rule, regime: Regime, record: ClockRecord): { basis: ClockBasis; start: Start }[] {
  const times = rule.trigger.flatMap((trigger): Start[] => {
    const time = rule.latest && trigger.startsWith('done:') ? lastDone(trigger.slice(5), record) : timeOf(trigger, regime.id, record)
    return time === undefined ? [] : [{ ...time, trigger }]
  })
  const first = rule.latest ? latestStart(times) : earliestStart(times)
  const starts: { basis: ClockBasis; start: Start }[] = []
  const firm = rule.firm === null ? undefined : firmTime(rule, regime, record)
  if (rule.firm !== null) {
    const isWarning = firm === undefined || (first !== undefined && first.at < firm.at) || wasStarted(rule, 'first-warning', record)
    if (first !== undefined && isWarning) starts.push({ basis: 'first-warning', start: first })
    if (firm !== undefined) starts.push({ basis: 'clock', start: firm })
  } else if (first !== undefined) starts.push({ basis: 'clock', start: first })
  const vendorAware = record.times['vendor-aware']
  if (rule.vendorToo && vendorAware !== undefined && first !== undefined && vendorAware.at < first.at) {
    starts.push({ basis: 'vendor', start: { ...vendorAware, trigger: 'vendor-aware' } })
  }
  return starts
}

function wasStarted(rule: Rule, basis: ClockBasis, record: ClockRecord): boolean {
  return record.started.some((each) => each.rule === rule.id && each.basis === basis)
}

/** A mark, our own awareness, or the vendor's word that we are affected. */
function firmTime(rule: Rule, regime: Regime, record: ClockRecord): Start | undefined {
  const mark = rule.firm === null ? undefined : timeOf(rule.firm, regime.id, record)
  const { aware } = record.times
  const stated: KnownTime | undefined = record.stated === undefined ? undefined : { at: record.stated, dayIn: null }
  return earliestStart([
    ...(mark === undefined ? [] : [{ ...mark, trigger: rule.firm as Trigger }]),
    ...(aware === undefined ? [] : [{ ...aware, trigger: 'aware' as const }]),
    ...(stated === undefined || rule.firm !== 'confirmed' ? [] : [{ ...stated, trigger: 'statement' as const }]),
  ])
}

function latestStart(starts: readonly Start[]): Start | undefined {
  return starts.reduce<Start | undefined>((last, each) => (last === undefined || each.at > last.at ? each : last), undefined)
}

function clockOf(rule: Rule, regime: Regime, given: ClockParts & { basis: ClockBasis; start: Start | undefined }): Clock {
  const { basis, record, pack, now } = given
  const history = record.started.filter((each) => each.rule === rule.id && each.basis === basis)
  const recorded = history.at(-1)
  // A clock that runs keeps the rule by which it was started, its trigger too.
  const isOtherRule = recorded !== undefined && recorded.ruleHash !== rule.hash
  const start = isOtherRule ? startOfRecorded(recorded, rule, record) : given.start
  const span = recorded?.span ?? rule.span
  const wantedStart = start === undefined ? undefined : startOf(start.at, span)
  const startsAt = wantedStart ?? recorded?.startsAt
  const isMoved = recorded !== undefined && wantedStart !== undefined && wantedStart !== recorded.startsAt
  const dueAt =
    recorded !== undefined && !isMoved ? (recorded.dueAt ?? undefined) : startsAt === undefined ? undefined : dueOf(startsAt, span)
  const found = appliesTo(rule, regime, { ...given, startsAt })
  const applies = recorded === undefined ? found : goesOn(found, recorded)
  const assumed = [
    ...dayAssumption(start),
    ...spanAssumptions(span),
    ...basisAssumption(basis),
    ...applies.assumed,
    ...(isOtherRule ? [newerRule(rule, recorded, given.start, dueAt)] : []),
  ]
  const { at: doneAt, why: told, assumed: toldAssumed } = doneOf(rule, regime, record)
  const state = stateOf({ applies, startsAt, dueAt, doneAt, unit: span.unit, now })
  // A law that is not in force has no times: a date beside it would be read as one.
  const times = state === 'planned' ? { startsAt: undefined, dueAt: undefined } : { startsAt, dueAt }
  const trigger = start?.trigger ?? recorded?.trigger ?? rule.trigger.join(' or ')
  const isDead = state === 'planned' || state === 'not_applicable'
  const why = [...applies.why, ...(isDead ? [] : told), ...whyOf(state, { rule, doneAt, dueAt })]
  const mayRun = (applies.verdict === 'applies' || applies.verdict === 'open') && !applies.isUnsaid
  const toRecord: StartedClock | undefined =
    start === undefined || startsAt === undefined || !mayRun || (recorded !== undefined && !isMoved)
      ? undefined
      : {
          rule: rule.id,
          regime: regime.id,
          basis,
          trigger: start.trigger,
          startsAt,
          dueAt: dueAt ?? null,
          span,
          ruleHash: recorded?.ruleHash ?? rule.hash,
          pack: recorded?.pack ?? pack.version,
          assumed,
          moved: isMoved,
        }
  return {
    regime,
    rule,
    basis,
    state,
    trigger,
    ...times,
    doneAt,
    applies,
    why,
    assumed: isDead ? assumed : [...assumed, ...toldAssumed],
    recorded,
    before: history.slice(0, -1),
    toRecord,
  }
}

/** What was once started is not ended by newer counts, only by somebody's assessment. */
function goesOn(found: Applies, recorded: StartedClock & Recorded): Applies {
  if (found.verdict === 'applies' || found.verdict === 'open' || found.byAssessment) return found
  const why = [...found.why, `it was started in row ${recorded.row} and goes on: only a recorded assessment ends it`]
  return { ...found, verdict: 'open', isFar: false, why }
}

function doneOf(rule: Rule, regime: Regime, record: ClockRecord): Told {
  const own = timeOf(`done:${rule.id}`, regime.id, record)?.at
  const ended = endOf(rule, regime, record)
  if (own === undefined) return ended
  // Somebody's word that it was done stands over what the sending leaves open.
  return ended.at === undefined ? toldAt(own) : { ...ended, at: Math.min(own, ended.at) }
}

function endOf(rule: Rule, regime: Regime, record: ClockRecord): Told {
  const { endedBy } = rule
  if (endedBy === null) return toldAt(undefined)
  if (endedBy === 'people-notified') return peopleTold(rule, regime, record)
  return toldAt(timeOf(endedBy, regime.id, record)?.at)
}

function stateOf(given: {
  applies: Applies
  startsAt: number | undefined
  dueAt: number | undefined
  doneAt: number | undefined
  unit: Span['unit']
  now: number
}): ClockState {
  const { applies, startsAt, dueAt, doneAt, unit, now } = given
  if (applies.verdict === 'planned') return 'planned'
  if (applies.verdict === 'no') return 'not_applicable'
  if (doneAt !== undefined) return 'met'
  if (startsAt === undefined) return 'waiting'
  const isPast = dueAt !== undefined && now > dueAt
  // Nobody is known to be reached, or too few for the law to begin by itself: that time has passed is not yet a matter.
  if (applies.verdict === 'open' && (!isPast || applies.residents.known === 0 || applies.isFew)) return 'needs_assessment'
  if (unit === 'none' || dueAt === undefined) return 'no_fixed_time'
  if (isPast) return 'overdue'
  return now >= startsAt + (dueAt - startsAt) * SOON ? 'due_soon' : 'running'
}

function whyOf(
  state: ClockState,
  { rule, doneAt, dueAt }: { rule: Rule; doneAt: number | undefined; dueAt: number | undefined },
): string[] {
  if (state === 'waiting') return [`it starts with ${rule.trigger.join(' or ')}, which is not recorded`]
  if (state === 'met' && doneAt !== undefined && dueAt !== undefined && doneAt > dueAt) return ['it was met late']
  return []
}

function dayAssumption(start: Start | undefined): string[] {
  return start?.dayIn == null ? [] : [`only the day of ${start.trigger} is known: 00:00 in ${start.dayIn}`]
}

function spanAssumptions({ unit, zone, calendar, rollOver }: Span): string[] {
  if (unit === 'hours' || unit === 'none') return []
  return [
    `days are those of ${zone}, the last one to its end`,
    ...(calendar === null ? [] : [`working days by the public holidays of ${calendar} in the calendar that is built in`]),
    ...(calendar === null && !rollOver ? ['no roll-over from a weekend or holiday is taken'] : []),
  ]
}

function basisAssumption(basis: ClockBasis): string[] {
  if (basis === 'first-warning') return ['the first message is taken as awareness; counsel may count from the confirmation instead']
  if (basis === 'vendor') return ["what the vendor knew is counted as ours; counsel may count from the vendor's message instead"]
  return []
}

/** The time of what started it, as it is recorded by now. */
function startOfRecorded({ trigger, regime }: StartedClock, { latest }: Rule, record: ClockRecord): Start | undefined {
  if (trigger === 'statement') return record.stated === undefined ? undefined : { at: record.stated, dayIn: null, trigger }
  const known = trigger as Trigger
  const isLast = latest && known.startsWith('done:')
  const time = isLast ? lastDone(known.slice(5), record) : timeOf(known, regime, record)
  return time === undefined ? undefined : { ...time, trigger: known }
}

function newerRule({ span }: Rule, { pack }: StartedClock, start: Start | undefined, dueAt: number | undefined): string {
  const due = start === undefined ? undefined : dueOf(startOf(start.at, span), span)
  const other = due === undefined ? 'no end' : `its end at ${new Date(due).toISOString()}`
  const ends = start === undefined ? 'no start yet' : due === dueAt ? 'the same end' : other
  return `started under rule pack ${pack}; the rule has changed since and would give ${ends}`
}

/** Started by a rule that the pack has no more: it is not forgotten. */
function orphans({ record, pack, now }: ClockParts): Clock[] {
  const rules = new Set(pack.regimes.flatMap((regime) => regime.rules.map((rule) => rule.id)))
  const gone = Map.groupBy(
    record.started.filter((each) => !rules.has(each.rule)),
    (each) => `${each.rule} ${each.basis}`,
  )
  return [...gone.values()].map((history) => {
    const recorded = history.at(-1) as StartedClock & Recorded
    const rule = ruleGone(recorded)
    const applies = applying({ known: 0, unknown: null, byDirectory: 0, byServer: 0, byPlace: 0 })
    const { at: doneAt } = doneOf(rule, regimeGone(recorded, rule), record)
    const [startsAt, dueAt] = [recorded.startsAt, recorded.dueAt ?? undefined]
    return {
      regime: regimeGone(recorded, rule),
      rule,
      basis: recorded.basis,
      state: stateOf({ applies, startsAt, dueAt, doneAt, unit: recorded.span.unit, now }),
      trigger: recorded.trigger,
      startsAt,
      dueAt,
      doneAt,
      applies,
      why: ['the rule pack has this rule no more; the clock goes on as it was started'],
      assumed: recorded.assumed,
      recorded,
      before: history.slice(0, -1),
      toRecord: undefined,
    }
  })
}

function ruleGone({ rule, span, ruleHash }: StartedClock): Rule {
  return {
    id: rule,
    to: 'regulator',
    whom: 'as the earlier rule said',
    trigger: [],
    latest: false,
    firm: null,
    vendorToo: false,
    span,
    residentsMin: 0,
    residentsMax: null,
    countsAll: false,
    countsParts: false,
    elements: null,
    assessment: null,
    insteadOf: null,
    endedBy: null,
    sectors: [],
    roles: { any: [], none: [] },
    inForceFrom: null,
    inForceUntil: null,
    replacedBy: null,
    earlier: 'none',
    wording: '',
    delay: '',
    substitute: '',
    mail: '',
    notes: [],
    hash: ruleHash,
  }
}

function regimeGone({ regime, span, pack }: StartedClock, rule: Rule): Regime {
  const words = { status: '', threshold: '', confidence: 'not known', law: regime, name: regime }
  return {
    id: regime,
    zone: span.zone,
    territory: [],
    establishment: false,
    sources: [`rule pack ${pack}`],
    asOf: '',
    unverified: [],
    rules: [rule],
    ...words,
  }
}

/** Clocks as answers print them. */
import { localText } from '#clocks/counting.ts'
import type { Clock } from '#clocks/clocks.ts'
import type { ClockRecord } from '#clocks/facts.ts'
import { readClockRecord, standingReview } from '#clocks/record.ts'
import type { ReportClock } from '#incidents/incident-report.ts'
import type { IncidentState } from '#incidents/incident-state.ts'
import type { Span } from '#model/clock.ts'
import type { ClockShown } from './clock-contract.ts'
import { iso } from './incident-print.ts'

export function clockRecordOf({ events, times }: Pick<IncidentState, 'events' | 'times'>): ClockRecord {
  return readClockRecord(events, times)
}

export function reportClocks(clocks: readonly Clock[], record: ClockRecord): { clocks: ReportClock[]; clocksReview: string } {
  const shown = inOrder(clocks).map((clock) => {
    const { regime, rule, basis, state, startsAt, dueAt, doneAt, why, assumed } = clock
    const { id, law, sources, asOf } = regime
    const about = { regime: id, rule: rule.id, basis, law, to: rule.to, whom: rule.whom, state, isRemote: isRemote(clock) }
    return { ...about, startsAt, dueAt, doneAt, why, assumed, source: sources.join('; '), asOf }
  })
  return { clocks: shown, clocksReview: reviewText(record, clocks) }
}

/** Nobody is known to live there, and nothing says that it binds the company: reports tell all such rules in one line. */
function isRemote({ applies, state, why }: Clock): boolean {
  const isUnclear = applies.isUnsaid || why.some((text) => text.startsWith('only people of unknown residence'))
  return applies.residents.known === 0 && isUnclear && (state === 'needs_assessment' || state === 'waiting' || state === 'met')
}

/** In the order in which somebody has to act. */
export function showClocks(
  clocks: readonly Clock[],
  record: ClockRecord,
  { all, countedAt }: { all: boolean; countedAt: number | undefined },
): ClockShown[] {
  return inOrder(clocks, all).map((clock) => showClock(clock, record, countedAt))
}

function inOrder(clocks: readonly Clock[], all = false): Clock[] {
  const dueAt = (clock: Clock): number => clock.dueAt ?? Number.MAX_SAFE_INTEGER
  return clocks
    .filter((clock) => all || !isAside(clock))
    .sort((a, b) => rank(a) - rank(b) || dueAt(a) - dueAt(b) || (a.rule.id < b.rule.id ? -1 : 1))
}

/** Nobody is reached and nothing was started: shown with all the others only. */
function isAside({ applies, state, recorded }: Clock): boolean {
  return applies.isFar && !applies.byAssessment && recorded === undefined && (state === 'not_applicable' || state === 'planned')
}

const ORDER = [
  'overdue',
  'due_soon',
  'running',
  'needs_assessment',
  'waiting',
  'no_fixed_time',
  'met',
  'planned',
  'not_applicable',
] as const

function rank({ state }: Clock): number {
  return ORDER.indexOf(state)
}

function showClock(clock: Clock, record: ClockRecord, countedAt: number | undefined): ClockShown {
  const { regime, rule, basis, state, trigger, startsAt, dueAt, doneAt, applies, why, assumed, recorded, before } = clock
  const { known, unknown, byDirectory, byServer, byPlace } = applies.residents
  const maybe = (at: number | undefined): string | null => (at === undefined ? null : iso(at))
  const local = (at: number | undefined): string | null => (at === undefined ? null : localText(at, regime.zone))
  return {
    regime: regime.id,
    to: rule.to,
    trigger,
    startsAt: maybe(startsAt),
    dueAt: maybe(dueAt),
    state,
    rule: rule.id,
    source: regime.sources.join('; '),
    asOf: regime.asOf,
    assumed,
    basis,
    why,
    whom: rule.whom,
    name: regime.name,
    law: regime.law,
    wording: rule.wording,
    delay: rule.delay,
    status: regime.status,
    confidence: regime.confidence,
    unverified: [...regime.unverified],
    notes: [...rule.notes],
    zone: regime.zone,
    startsLocal: local(startsAt),
    dueLocal: local(dueAt),
    period: periodText(recorded?.span ?? rule.span),
    doneAt: maybe(doneAt),
    residents: { known, unknown, directory: byDirectory, server: byServer, place: byPlace },
    countedAt: maybe(countedAt),
    recordedAt: maybe(recorded?.recordedAt),
    moved: before.map((each) => ({
      startsAt: iso(each.startsAt),
      dueAt: each.dueAt === null ? null : iso(each.dueAt),
      recordedAt: iso(each.recordedAt),
    })),
    warnedAt: record.warned
      .filter((each) => each.rule === rule.id && each.basis === basis && each.dueAt === dueAt)
      .map(({ percent, recordedAt }) => ({ percent, at: iso(recordedAt) })),
    review: reviewText(record, [clock]),
    signedOff: signOffOf(record),
  }
}

/** Counsel cannot have looked at what was started since. */
function reviewText(record: ClockRecord, clocks: readonly Clock[]): string {
  const review = standingReview(record)
  if (review !== undefined) {
    const isNewer = clocks.some(({ recorded }) => recorded !== undefined && recorded.row > review.row)
    return isNewer ? 'not reviewed by counsel: a clock was started since counsel signed' : 'reviewed by counsel'
  }
  const wasReviewed = record.signOffs.some(({ as }) => as === 'counsel')
  return wasReviewed ? 'not reviewed by counsel: something was added since counsel signed' : 'not reviewed by counsel'
}

function signOffOf(record: ClockRecord): ClockShown['signedOff'] {
  const last = record.signOffs.at(-1)
  if (last === undefined) return null
  return { as: last.as, name: last.name, at: iso(last.recordedAt), stands: last.upTo >= record.lastMatter }
}

/** `72 hours`, `3 calendar days, day 1 is the day after`. */
export function periodText({ amount, unit, counting, rollOver, fromYearEnd }: Span): string {
  if (unit === 'none') return 'no fixed time'
  const name = unit.replace('-', ' ')
  const text = `${amount} ${amount === 1 ? name.replace(/s$/, '') : name}`
  return [
    text,
    ...(counting === 'inclusive' ? ['the day itself is day 1'] : []),
    ...(rollOver ? ['moved to a working day'] : []),
    ...(fromYearEnd ? ['from the end of the year'] : []),
  ].join(', ')
}

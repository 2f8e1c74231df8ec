/** Whether a legal clock needs somebody, and whether a signal waits for its triage: either may be the start of one. */
import type { ClockState } from '#clocks/clocks.ts'
import type { StaffDeps } from './deps.ts'
import { type CheckRule, type ClockFacts, type Facts, type Finding, ok, warn } from './facts.ts'

const NAMED_MAX = 6
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
/** Their periods run, or are over. */
export const UNMET: readonly ClockState[] = ['overdue', 'due_soon', 'running']

export const CLOCK_CHECKS: readonly CheckRule[] = [
  { id: 'clocks', look: ({ clocks }: Facts) => (clocks === undefined ? undefined : clockFinding(clocks)) },
  { id: 'signals', look: ({ clocks }: Facts) => (clocks === undefined ? undefined : signalFinding(clocks)) },
]

/** For `doctor`: as far as is recorded, since it must not wait for the ledger. */
export function clockFacts({ clocks, signals, clock }: Pick<StaffDeps, 'clocks' | 'signals' | 'clock'>): ClockFacts {
  const { keeper, open } = clocks
  const late = signals
    .open()
    .map(({ id, recordedAt }) => ({ id, hours: Math.floor((clock.now() - recordedAt) / HOUR_MS) }))
    .filter(({ hours }) => hours >= clocks.signalHours)
  const clocksIn = (incidents: readonly number[]) =>
    incidents.flatMap((incident) => keeper.seen(incident).map((each) => ({ incident, ...each })))
  const all = clocksIn(open())
  const among = (of: typeof all, states: readonly ClockState[]): typeof all =>
    of.filter(({ state, applies }) => states.includes(state) && !applies.isFar)
  const inState = (...states: ClockState[]): typeof all => among(all, states)
  const names = (of: typeof all): string[] =>
    of.map(({ incident, rule, basis }) => `incident ${incident}: ${basis === 'clock' ? rule.id : `${rule.id} (${basis})`}`)
  const running = inState('running', 'due_soon')
  const due = running.flatMap(({ dueAt }) => (dueAt === undefined || dueAt < clock.now() ? [] : [dueAt]))
  return {
    overdue: names(inState('overdue')),
    soon: names(inState('due_soon')),
    unassessed: names(inState('needs_assessment').filter(({ applies }) => !applies.isUnsaid)),
    closed: names(among(clocksIn(clocks.closed()), UNMET)),
    running: running.length,
    next: due.length === 0 ? undefined : Math.min(...due),
    counted: oldest(open().map(keeper.countedAt), clock.now()),
    signals: late,
  }
}

function oldest(times: readonly (number | undefined)[], now: number): number | undefined {
  const known = times.filter((at) => at !== undefined)
  return known.length < times.length || known.length === 0 ? undefined : Math.max(0, now - Math.min(...known))
}

function clockFinding({ overdue, soon, unassessed, closed, running, next, counted }: ClockFacts): Finding | undefined {
  const fix = '`bulkhead incident clocks ID` says what is due to whom; `bulkhead incident clock ID done` records what was filed.'
  const age = counted === undefined ? 'people were not counted yet' : `people counted ${Math.floor(counted / MINUTE_MS)} min ago`
  const due = `${next === undefined ? '' : `, the next due at ${new Date(next).toISOString()}`}; ${age}`
  if (overdue.length > 0) return warn(`${overdue.length} overdue: ${named(overdue)}${due}`, fix)
  if (soon.length > 0) return warn(`${soon.length} due soon: ${named(soon)}${due}`, fix)
  if (closed.length > 0) {
    return warn(
      `${closed.length} not met in incidents that were closed: ${named(closed)}`,
      '`bulkhead incident reopen ID`, then `incident clock ID done` or `assess` says what became of it: closing ends no period of a law.',
    )
  }
  if (unassessed.length > 0) {
    return warn(
      `${unassessed.length} wait for somebody's assessment: ${named(unassessed)}; ${running} running${due}`,
      '`bulkhead incident clocks ID` says what is to be judged; `bulkhead incident clock ID assess` records it.',
    )
  }
  return running === 0 ? undefined : ok(`${running} running${due}`)
}

function signalFinding({ signals }: ClockFacts): Finding | undefined {
  if (signals.length === 0) return undefined
  const names = signals.map(({ id, hours }) => `${id} (${hours} h)`)
  return warn(
    `${signals.length} wait for a triage: ${named(names)}; a signal may start a legal clock`,
    '`bulkhead signal list` shows them, `bulkhead signal triage N` records what was decided.',
  )
}

function named(names: readonly string[]): string {
  const more = names.length - NAMED_MAX
  return more > 0 ? `${names.slice(0, NAMED_MAX).join(', ')} and ${more} more` : names.join(', ')
}

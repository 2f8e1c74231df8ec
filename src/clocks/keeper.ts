/**
 * Keeps the clocks of open incidents: counts people, records clocks that start or whose time was corrected, and warns when half,
 * four fifths and all of a clock's time has passed. It decides on the record as it is when the row is written, so a warning is
 * recorded once; it is said before, and a crash between may say it twice and never not at all.
 */
import type { Clock as TimeSource } from '#base/clock.ts'
import { canonicalJson } from '#base/canonical-json.ts'
import { type BulkheadError, toBulkheadError } from '#base/errors.ts'
import { type ClocksBody, type ClockWarnedBody, type SurveyedBody, WARN_PERCENTS } from '#model/clock.ts'
import { type Clock, clocksOf } from './clocks.ts'
import type { ClockRecord, Profile } from './facts.ts'
import type { RulePack } from './rule.ts'

const EVERY_MS = 5000
/** People are counted anew that often, when somebody asks for the clocks, and after each row that may have changed who is in the scope. */
const COUNT_EVERY_MS = 15 * 60_000
/** So often in a row the ledger could not be asked before clocks run without a count. */
const FAILURES_MAX = 3

export interface ClockAddition {
  kind: 'surveyed' | 'clocks' | 'clock-warned'
  body: SurveyedBody | ClocksBody | ClockWarnedBody
}

/** The incidents, as far as clocks need them. */
export interface ClockBook {
  /** Numbers of open ones. */
  open(): number[]
  /** Throws `incident_unknown`. */
  read(incident: number): ClockRecord & { isOpen: boolean; lastRow: number }
  /** What `make` says of the record as it then is; undefined adds nothing. */
  add(incident: number, make: (record: ClockRecord) => ClockAddition | undefined): Promise<void>
  /** Counts people of the newest scope. */
  survey(incident: number): Promise<SurveyedBody>
}

export interface KeeperParts {
  book: ClockBook
  pack: RulePack
  profile: Profile
  clock: TimeSource
  /** A line of the diagnostics. */
  say(text: string): void
  onFailure(error: BulkheadError): void
}

interface Counted {
  row: number
  at: number
  failures: number
}

export interface ClockKeeper {
  pack: RulePack
  /** The clocks of an incident as they now are; what starts is recorded first. */
  now(incident: number, options?: { recount: boolean }): Promise<Clock[]>
  /** As far as is recorded, without counting or recording anything. */
  seen(incident: number): Clock[]
  /** When people were last counted for them, UTC ms; undefined: never. */
  countedAt(incident: number): number | undefined
  settle(): Promise<void>
  run(signal: AbortSignal): Promise<void>
}

export function createClockKeeper(parts: KeeperParts): ClockKeeper {
  const { book, pack, profile, clock } = parts
  const counted = new Map<number, Counted>()
  const said = new Set<string>()

  const clocksNow = (record: ClockRecord): Clock[] => clocksOf({ record, profile, pack, now: clock.now() })

  const count = async (incident: number, recount: boolean): Promise<boolean> => {
    const { lastScope, lastRow, survey } = book.read(incident)
    const last = counted.get(incident)
    const isFresh = !recount && last !== undefined && last.failures === 0 && last.row >= lastScope && clock.now() - last.at < COUNT_EVERY_MS
    if (isFresh) return true
    try {
      const found = await book.survey(incident)
      counted.set(incident, { row: lastRow, at: clock.now(), failures: 0 })
      if (survey !== undefined && isSameCount(survey, found)) return true
      await book.add(incident, (record) => {
        const isKnown = record.survey !== undefined && isSameCount(record.survey, found)
        return isKnown ? undefined : { kind: 'surveyed', body: found }
      })
      return true
    } catch (thrown) {
      const failures = (last?.failures ?? 0) + 1
      counted.set(incident, { row: 0, at: 0, failures })
      parts.onFailure(toBulkheadError(thrown))
      // An earlier count, or long enough none: a clock does not wait for the ledger.
      return survey !== undefined || failures >= FAILURES_MAX
    }
  }

  const start = (incident: number): Promise<void> =>
    book.add(incident, (record) => {
      const clocks = clocksNow(record).flatMap(({ toRecord }) => (toRecord === undefined ? [] : [toRecord]))
      return clocks.length === 0 ? undefined : { kind: 'clocks', body: { clocks } }
    })

  const warn = (incident: number): Promise<void> =>
    book.add(incident, (record) => {
      const clocks = clocksNow(record)
      const warnings = clocks.flatMap((each) => warningsOf(each, record, clock.now()))
      for (const warning of warnings) {
        const key = canonicalJson([incident, warning])
        if (said.has(key)) continue
        said.add(key)
        parts.say(warningText(incident, warning))
      }
      return warnings.length === 0 ? undefined : { kind: 'clock-warned', body: { warnings } }
    })

  const settleOne = async (incident: number, recount = false): Promise<void> => {
    const { isOpen } = book.read(incident)
    if (!isOpen) return
    if (await count(incident, recount)) {
      await start(incident)
      await warn(incident)
    }
  }

  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <Result>(act: () => Promise<Result>): Promise<Result> => {
    const mine = turn.then(act, act)
    turn = mine.catch(() => undefined)
    return mine
  }
  const settle = async (): Promise<void> => {
    for (const incident of book.open()) {
      await inTurn(() => settleOne(incident)).catch((thrown: unknown) => parts.onFailure(toBulkheadError(thrown)))
    }
  }
  const seen = (incident: number): Clock[] => clocksNow(book.read(incident))
  return {
    pack,
    seen,
    countedAt: (incident) => {
      const last = counted.get(incident)
      return last !== undefined && last.failures === 0 ? last.at : book.read(incident).survey?.recordedAt
    },
    now: async (incident, options) => {
      book.read(incident)
      // What cannot be recorded now is recorded later; it is shown all the same.
      await inTurn(() => settleOne(incident, options?.recount)).catch((thrown: unknown) => parts.onFailure(toBulkheadError(thrown)))
      return seen(incident)
    },
    settle,
    run: async (signal) => {
      while (!signal.aborted) {
        await settle()
        await clock.sleep(EVERY_MS, signal)
      }
    },
  }
}

/** Counted at another entry of the ledger it is the same count when nobody came or went. */
function isSameCount(a: SurveyedBody, b: SurveyedBody): boolean {
  const text = ({ version, subjects, residents, fields, freeText, otherFields = 0, notTold }: SurveyedBody): string =>
    canonicalJson({ version, subjects, residents, fields, freeText, otherFields, notTold: notTold ?? null })
  return text(a) === text(b)
}

/** Those that are due and not recorded for this end of the clock. */
export function warningsOf(clock: Clock, { warned }: Pick<ClockRecord, 'warned'>, now: number): ClockWarnedBody['warnings'] {
  const { rule, basis, recorded, dueAt, startsAt, state } = clock
  const isWaiting = state === 'running' || state === 'due_soon' || state === 'overdue' || state === 'needs_assessment'
  if (recorded === undefined || dueAt === undefined || startsAt === undefined || !isWaiting) return []
  return WARN_PERCENTS.filter((percent) => now >= startsAt + ((dueAt - startsAt) * percent) / 100)
    .filter(
      (percent) =>
        !warned.some((each) => each.rule === rule.id && each.basis === basis && each.percent === percent && each.dueAt === dueAt),
    )
    .map((percent) => ({ rule: rule.id, basis, percent, dueAt }))
}

function warningText(incident: number, { rule, basis, percent, dueAt }: ClockWarnedBody['warnings'][number]): string {
  const which = basis === 'clock' ? rule : `${rule} (${basis})`
  const due = new Date(dueAt).toISOString()
  const passed = percent === 100 ? `was due at ${due}` : `has used ${percent} % of its time and is due at ${due}`
  return `incident ${incident}: the clock ${which} ${passed}; see \`bulkhead incident clocks ${incident}\``
}

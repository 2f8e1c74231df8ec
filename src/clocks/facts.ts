/** What is known of an incident and of the company, as far as clocks hang on it. Instants are UTC ms. */
import type { AssessedBody, ClockBasis, ClockEvent, DoneBody, MarkBody, StartedClock, SurveyedBody } from '#model/clock.ts'
import type { TimeName, Trigger } from './rule.ts'

export interface Recorded {
  /** Row of the incident. */
  row: number
  recordedAt: number
}

export interface KnownTime {
  at: number
  /** Only a day was known: 00:00 of it in this zone. */
  dayIn: string | null
}

/** What counsel signed. */
export interface ClockSignOff extends Recorded {
  as: string
  name: string
  reason: string
  upTo: number
}

/** Of one incident, from its rows. */
export interface ClockRecord {
  times: Readonly<Partial<Record<TimeName, KnownTime>>>
  /** When the vendor's first statement that we are affected came. */
  stated: number | undefined
  marks: readonly (MarkBody & Recorded)[]
  done: readonly (DoneBody & Recorded)[]
  assessed: readonly (AssessedBody & Recorded)[]
  /** The newest count. */
  survey: (SurveyedBody & Recorded) | undefined
  /** All of them, oldest first. */
  surveys: readonly (SurveyedBody & Recorded)[]
  /** Oldest first. */
  tellings: readonly Telling[]
  /** 0: the scope was never amended. */
  lastAmendment: number
  /** Oldest first; of one clock the last counts. */
  started: readonly (StartedClock & Recorded)[]
  warned: readonly ({ rule: string; basis: ClockBasis; percent: number; dueAt: number } & Recorded)[]
  signOffs: readonly ClockSignOff[]
  /** Last row that says something of the clocks. */
  lastMatter: number
  /** Last row that may have brought people or fields into the scope, or told somebody. */
  lastScope: number
}

/** A version of the notices to people that began to leave. */
export interface Telling {
  version: number
  row: number
  /** Without an address: no notice goes to them. */
  noAddress: number
  /** When nothing of it waited any more; undefined: it goes on, or was stopped. */
  ended: (Recorded & { recipients: number; told: number; failed: number; skipped: number; unknown: number }) | undefined
}

/** What the configuration says of the company. undefined: nothing. */
export interface Profile {
  establishedIn: readonly string[] | undefined
  sectors: readonly string[] | undefined
  roles: readonly string[]
}

/** The earliest, and what it was. */
export interface Start extends KnownTime {
  trigger: Trigger | 'statement'
}

/** When an event happened for a regime; undefined: nobody has recorded it. */
export function timeOf(trigger: Trigger, regime: string, record: ClockRecord): KnownTime | undefined {
  if (trigger === 'told' || trigger === 'aware' || trigger === 'vendor-aware') return record.times[trigger]
  if (trigger.startsWith('done:')) return doneTime(trigger.slice('done:'.length), record)
  const event = trigger as ClockEvent
  const marks = record.marks.filter((mark) => mark.event === event)
  const own = pick(marks.filter((mark) => mark.regime === regime))
  return own ?? pick(marks.filter((mark) => mark.regime === null))
}

export function doneTime(rule: string, record: ClockRecord): KnownTime | undefined {
  return pick(record.done.filter((done) => done.rule === rule))
}

/** A report that follows the latest of several has its own way: the last that was filed. */
export function lastDone(rule: string, record: ClockRecord): KnownTime | undefined {
  const said = record.done.filter((done) => done.rule === rule)
  return said.reduce<KnownTime | undefined>((last, each) => (last === undefined || each.at > last.at ? each : last), undefined)
}

/** What corrects counts, the last of it; else the earliest, in whatever order they were written down. */
function pick(said: readonly (KnownTime & Recorded & { corrects: boolean })[]): KnownTime | undefined {
  const corrected = said.findLast((each) => each.corrects)
  if (corrected !== undefined) {
    return earliest([corrected, ...said.filter((each) => each.row > corrected.row)])
  }
  return earliest(said)
}

function earliest(times: readonly KnownTime[]): KnownTime | undefined {
  return times.reduce<KnownTime | undefined>((first, each) => (first === undefined || each.at < first.at ? each : first), undefined)
}

export function earliestStart(starts: readonly Start[]): Start | undefined {
  return starts.reduce<Start | undefined>((first, each) => (first === undefined || each.at < first.at ? each : first), undefined)
}

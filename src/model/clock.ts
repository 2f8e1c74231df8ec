/**
 * What is recorded of the legal clocks of an incident, as bodies of incident rows (`incident-row.ts`). Nothing here is ever
 * changed: a time that was wrong is corrected by a later row, and a clock that hangs on it is recorded anew beside what it was.
 * Instants are UTC ms.
 */

/** Events that only people can know of; each may start a clock. */
export const CLOCK_EVENTS = [
  // That our data were in it: a confirmed data set, or the vendor's word that leaves no doubt.
  'confirmed',
  // Our own finding that it is a breach, or one that must be notified.
  'determined',
  // That it is material to investors.
  'material',
  // That it is classed as major.
  'classified',
  // The first notice to affected people left.
  'people-notified',
  // Who is affected was found out.
  'identified',
  // Handling has ended.
  'handled',
] as const
export type ClockEvent = (typeof CLOCK_EVENTS)[number]

export const UNITS = ['hours', 'calendar-days', 'business-days', 'months', 'none'] as const
export type Unit = (typeof UNITS)[number]

/** How long a clock runs and how that is counted: all that turns a start into a due time, kept with each clock that was started. */
export interface Span {
  amount: number
  unit: Unit
  /** `inclusive`: the day of the start is day 1; else the day after it. */
  counting: 'day-after' | 'inclusive'
  /** The end moves from a day that is no working day to the next one that is. */
  rollOver: boolean
  /** IANA zone by whose days it is counted. */
  zone: string
  /** A country or state of date-holidays, like `US` or `BR`; null: no business days in it. */
  calendar: string | null
  /** Days of each year, `MM-DD`, on which nothing is open there besides holidays. */
  closedDays: readonly string[]
  /** The start is the end of the calendar year of the event. */
  fromYearEnd: boolean
}

export interface MarkBody {
  event: ClockEvent
  at: number
  /** Only a day was known: the instant is 00:00 of it in this zone. */
  dayIn: string | null
  /** Of one regime alone; null: of all. */
  regime: string | null
  /** Takes the place of what was said before of the same event. */
  corrects: boolean
  /** The sending of notices says so, not a person: the first of them was accepted. */
  bySending?: true
}

export interface AssessedBody {
  regime: string
  /** One rule of it; null: all of them. */
  rule: string | null
  applies: boolean
}

export interface DoneBody {
  rule: string
  at: number
  dayIn: string | null
  corrects: boolean
}

/** People by where they live, as counted for one version of the scope; what clocks are decided by. */
export interface SurveyedBody {
  version: number
  entries: number
  subjects: number
  /** By jurisdiction (`DE`, `US-CA`, `unknown`): how many, and how many of them by directory, server and coarse place. */
  residents: { of: string; people: number; directory: number; server: number; place: number }[]
  /** `field:form` of what was sent, `field:said` of what a statement of the vendor names. */
  fields: string[]
  /** Fields whose values are free text. */
  freeText: string[]
  /** How many more kinds of data statements of the vendor name, which our catalogue does not know. Rows of before do not have it. */
  otherFields?: number
  /** Once notices began to leave: of those people, whom none of them reached. Erased people stand by themselves: nobody can tell them. */
  notTold?: { residents: { of: string; people: number }[]; erased: number }
}

/** One clock that was started, or started anew because the time that it hangs on was corrected. */
export interface StartedClock {
  rule: string
  regime: string
  basis: ClockBasis
  /** The recorded time or event that started it. */
  trigger: string
  startsAt: number
  dueAt: number | null
  span: Span
  /** Of the rule as it stood in the pack. */
  ruleHash: string
  pack: string
  assumed: string[]
  /** Corrected: what it was before. */
  moved: boolean
}

/** `first-warning`: by the first message, which may not be enough; `vendor`: by what the vendor knew, which may be counted as ours. */
export const CLOCK_BASES = ['clock', 'first-warning', 'vendor'] as const
export type ClockBasis = (typeof CLOCK_BASES)[number]

export interface ClocksBody {
  clocks: StartedClock[]
}

export const WARN_PERCENTS = [50, 80, 100] as const

export interface ClockWarnedBody {
  warnings: { rule: string; basis: ClockBasis; percent: number; dueAt: number }[]
}

export interface ClocksSignedBody {
  as: string
  /** Last row that it covers. */
  upTo: number
}

/** A signal may be the first of a breach. It gets a recorded triage, since it may start a legal clock. Instants are UTC ms. */

/** From where it came. */
export const SIGNAL_SOURCES = ['alias-mail', 'canary', 'bypass', 'vendor', 'press', 'person', 'staff'] as const
export type SignalSource = (typeof SIGNAL_SOURCES)[number]

export const SIGNAL_DECISIONS = ['incident', 'watch', 'dismissed'] as const
/** `incident`: it became one, or belongs to one; `watch`: more is awaited, with a reason; `dismissed`: it is nothing. */
export type SignalDecision = (typeof SIGNAL_DECISIONS)[number]

export interface SignalBody {
  source: SignalSource
  /** When it came. */
  at: number
  /** Only the day is known: the instant is 00:00 of it in this zone. */
  dayIn: string | null
}

export interface TriageBody {
  decision: SignalDecision
  incident: number | null
}

/** A rule pack: which law starts which clock, as data. Facts of law with their sources, no code; not legal advice. */
import type { ClockEvent, Span } from '#model/clock.ts'

/** Who is to be told. `us`: the vendor owes it to us; `own`: a step of our own, like an assessment. */
export const ADDRESSEES = ['regulator', 'people', 'public', 'agencies', 'us', 'own'] as const
export type Addressee = (typeof ADDRESSEES)[number]

/** Times of the incident that may start a clock, beside the events that people mark and what was filed (`done:RULE`). */
export const TIMES = ['told', 'aware', 'vendor-aware'] as const
export type TimeName = (typeof TIMES)[number]
export type Trigger = TimeName | ClockEvent | `done:${string}`

/** What a person has to judge, and what holds until somebody has. */
export interface Assessment {
  /** Yes means that the rule applies. */
  question: string
  /** `runs`: it is taken as yes; `open`: it is shown as waiting for the assessment, with its times. */
  until: 'runs' | 'open'
  /** An event that answers it with yes. */
  yesBy?: ClockEvent
}

export interface Rule {
  id: string
  to: Addressee
  whom: string
  /** The earliest of these that is recorded starts it. */
  trigger: readonly Trigger[]
  /** Of several the last, not the first. */
  latest: boolean
  /** Where it is recorded and later than the trigger, the clock counts from here, and from the trigger only as a first warning. */
  firm: ClockEvent | null
  /** Also shown from what the vendor knew, which may be counted as ours. */
  vendorToo: boolean
  span: Span
  /** Residents of the territory from whom on it applies; 0: anybody. */
  residentsMin: number
  /** Only below so many. */
  residentsMax: number | null
  /** All people of the incident count, wherever they live. */
  countsAll: boolean
  /** People are counted in each state or province of the territory by itself. */
  countsParts: boolean
  /** Kinds of data one of which must be in it. */
  elements: string | null
  assessment: Assessment | null
  /** Only where that rule was assessed not to apply. */
  insteadOf: string | null
  /** What ends it by itself. */
  endedBy: Trigger | null
  sectors: readonly string[]
  roles: { any: readonly string[]; none: readonly string[] }
  /** Days, `2027-05-13`, in the regime's zone. */
  inForceFrom: string | null
  inForceUntil: string | null
  /** The rule that takes its place on that day. */
  replacedBy: string | null
  /** What there was before `inForceFrom` where no rule of the pack says so: no such duty, or one whose text the pack does not have. */
  earlier: 'none' | 'not-known'
  wording: string
  delay: string
  /** What the law offers for people who cannot be told one by one; '': the pack does not say. */
  substitute: string
  /** When notice by electronic mail is enough; '': the pack does not say. */
  mail: string
  notes: readonly string[]
  /** SHA-256 of all that decides when and whether it runs. */
  hash: string
}

export interface Regime {
  id: string
  name: string
  law: string
  zone: string
  /** Countries and states whose residents it protects; `EU` stands for the member states; empty: not bound to residents. */
  territory: readonly string[]
  /** Reached also by a company that is established there. */
  establishment: boolean
  status: string
  threshold: string
  sources: readonly string[]
  confidence: string
  asOf: string
  unverified: readonly string[]
  rules: readonly Rule[]
}

/** Kinds of data that a law lists. */
export interface Elements {
  id: string
  /** Fields of ours that are one of them. */
  fields: readonly string[]
  /** Fields that may be one of them: somebody has to judge. */
  perhaps: readonly string[]
  /** Only beside one of these; empty: by themselves. */
  with: readonly string[]
  words: string
}

export interface RulePack {
  /** Beginning of the SHA-256 of all files. */
  version: string
  regimes: readonly Regime[]
  elements: ReadonlyMap<string, Elements>
}
